//! Edits written into a replacement string, as in bash's parameter expansion: `{%.gz}`, `{/a/b}`.
//!
//! Those whose pattern is plain text, with `.` for any character, are done here; a pattern with more to
//! it is a regular expression of Perl's and becomes an expression for it.

use std::borrow::Cow;

/// A change to an argument.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Edit {
    /// `{:-str}`: this, if the argument is empty or `0`.
    Default(Vec<u8>),
    /// `{:start}`, `{:start:len}`.
    Part(usize, Option<usize>),
    /// `{#text}`, `{/#text/other}`: the beginning becomes the other text, or nothing.
    Prefix(Pattern, Vec<u8>),
    /// `{%text}`, `{/%text/other}`: the end does.
    Suffix(Pattern, Vec<u8>),
    /// `{/from/to}`, `{//from/to}` (everywhere).
    Replace(Pattern, Vec<u8>, Reach),
    /// `{^text}`, `{,,text}`, …
    Case(Pattern, Case, Reach),
}

/// How far an edit goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// The first place, or the beginning.
    First,
    /// Every place.
    All,
}

/// Which letters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Case {
    /// Capitals.
    Upper,
    /// Small ones.
    Lower,
}

/// Plain text, in which `None` is any byte but a newline. Never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Pattern(Vec<Option<u8>>);

impl Pattern {
    /// The pattern that the regular expression `text` is, if it is as simple as that.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let byte = |&byte: &u8| match byte {
            b'.' => Some(None),
            b'_' | b'-' | b'/' | b':' | b',' | b'=' | b'%' | b' ' | b'~' | b'!' | b'&' | b';'
            | b'<' | b'>' | b'\'' | b'"' => Some(Some(byte)),
            _ if byte.is_ascii_alphanumeric() || byte >= 0x80 => Some(Some(byte)),
            _ => None,
        };
        let bytes: Vec<_> = text.iter().map(byte).collect::<Option<_>>()?;
        (!bytes.is_empty()).then_some(Self(bytes))
    }

    fn len(&self) -> usize {
        self.0.len()
    }

    fn begins(&self, text: &[u8]) -> bool {
        text.len() >= self.len()
            && self.0.iter().zip(text).all(|(want, &byte)| match want {
                Some(want) => *want == byte,
                None => byte != b'\n',
            })
    }

    /// Where it first is in `text`.
    fn find(&self, text: &[u8]) -> Option<usize> {
        let last = text.len().checked_sub(self.len())?;
        (0..=last).find(|&at| self.begins(&text[at..]))
    }
}

impl Edit {
    /// The argument, changed.
    pub fn apply<'a>(&'a self, arg: &'a [u8]) -> Cow<'a, [u8]> {
        match self {
            Self::Default(text) if matches!(arg, b"" | b"0") => Cow::Borrowed(text),
            Self::Part(start, len) => {
                let rest = arg.get(*start..).unwrap_or_default();
                Cow::Borrowed(&rest[..len.unwrap_or(rest.len()).min(rest.len())])
            }
            Self::Prefix(pattern, with) if pattern.begins(arg) => match &with[..] {
                [] => Cow::Borrowed(&arg[pattern.len()..]),
                with => Cow::Owned([with, &arg[pattern.len()..]].concat()),
            },
            Self::Default(_) | Self::Prefix(..) => Cow::Borrowed(arg),
            Self::Suffix(pattern, with) => other_suffix(pattern, with, arg),
            Self::Replace(pattern, with, reach) => replaced(pattern, arg, *reach, |_, out| {
                out.extend_from_slice(with);
            }),
            Self::Case(pattern, _, Reach::First) if !pattern.begins(arg) => Cow::Borrowed(arg),
            Self::Case(pattern, case, reach) => {
                replaced(pattern, arg, *reach, |found, out| match case {
                    Case::Upper => out.extend(found.iter().map(u8::to_ascii_uppercase)),
                    Case::Lower => out.extend(found.iter().map(u8::to_ascii_lowercase)),
                })
            }
        }
    }
}

/// As `$` in a regular expression, the end may have a newline behind it.
fn other_suffix<'a>(pattern: &Pattern, with: &[u8], arg: &'a [u8]) -> Cow<'a, [u8]> {
    let cut = |end: usize| {
        let start = end.checked_sub(pattern.len())?;
        pattern.begins(&arg[start..]).then_some(start)
    };
    if let Some(line) = arg.strip_suffix(b"\n")
        && let Some(start) = cut(line.len())
    {
        return Cow::Owned([&arg[..start], with, b"\n"].concat());
    }
    match cut(arg.len()) {
        None => Cow::Borrowed(arg),
        Some(start) if with.is_empty() => Cow::Borrowed(&arg[..start]),
        Some(start) => Cow::Owned([&arg[..start], with].concat()),
    }
}

fn replaced<'a>(
    pattern: &Pattern,
    arg: &'a [u8],
    reach: Reach,
    with: impl Fn(&[u8], &mut Vec<u8>),
) -> Cow<'a, [u8]> {
    let Some(mut at) = pattern.find(arg) else {
        return Cow::Borrowed(arg);
    };
    let mut out = Vec::with_capacity(arg.len());
    let mut rest = arg;
    loop {
        out.extend_from_slice(&rest[..at]);
        with(&rest[at..at + pattern.len()], &mut out);
        rest = &rest[at + pattern.len()..];
        match pattern.find(rest) {
            Some(next) if reach == Reach::All => at = next,
            _ => break,
        }
    }
    out.extend_from_slice(rest);
    Cow::Owned(out)
}

/// What stands in braces after the position, done here or by Perl.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Parsed {
    Native(Edit),
    /// An expression in which `$$1`, `$$2` are these.
    Perl(&'static [u8], Vec<Vec<u8>>),
    /// The same, not of every argument but once for a job.
    Once(&'static [u8], Vec<Vec<u8>>),
}

/// The edit that `inner`, all between the braces, is.
pub(super) fn parse(inner: &[u8]) -> Option<Parsed> {
    let (&kind, text) = inner.split_first()?;
    let doubled = text.first() == Some(&kind) && text.len() > 1;
    let (reach, text) = if doubled && kind != b':' {
        (Reach::All, &text[1..])
    } else {
        (Reach::First, text)
    };
    if text.is_empty() {
        return None;
    }
    match kind {
        b's' => counted(inner),
        b':' => part(text).map(Parsed::Native),
        b'#' if text[0] == b'#' => None,
        b'#' => Some(fix(
            text,
            reach,
            |pattern| Edit::Prefix(pattern, Vec::new()),
            [b"s/^(?:$$1)//", b"s/^(?:$$1)//"],
        )),
        b'%' => Some(fix(
            text,
            reach,
            |pattern| Edit::Suffix(pattern, Vec::new()),
            [b"s/^(.*)(?:$$1)$/$1/s", b"s/(?:$$1)$//"],
        )),
        b'/' => replace(text, reach),
        b'^' => Some(case(text, Case::Upper, reach)),
        b',' => Some(case(text, Case::Lower, reach)),
        _ => None,
    }
}

/// `seq-1`, `slot*2`: arithmetic on one of the job's two numbers.
fn counted(inner: &[u8]) -> Option<Parsed> {
    let (code, arithmetic): (&[u8], _) = match inner.strip_prefix(b"seq") {
        Some(arithmetic) => (b"$_ = eval(seq() . $$1)", arithmetic),
        None => (b"$_ = eval(slot() . $$1)", inner.strip_prefix(b"slot")?),
    };
    let is_operator = arithmetic
        .first()
        .is_some_and(|byte| !byte.is_ascii_alphanumeric() && *byte != b'_');
    is_operator.then(|| Parsed::Once(code, vec![arithmetic.to_vec()]))
}

fn part(text: &[u8]) -> Option<Edit> {
    if let Some(text) = text.strip_prefix(b"-")
        && !text.is_empty()
    {
        return Some(Edit::Default(text.to_vec()));
    }
    let text = std::str::from_utf8(text).ok()?;
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        // A number that is too big is as good as any that is beyond the end.
        digits.then(|| text.parse().unwrap_or(usize::MAX))
    };
    match text.split_once(':') {
        None => Some(Edit::Part(number(text)?, None)),
        Some((start, len)) => Some(Edit::Part(number(start)?, Some(number(len)?))),
    }
}

/// A prefix or suffix to be removed: the shortest, or (doubled) the longest.
fn fix(text: &[u8], reach: Reach, native: fn(Pattern) -> Edit, perl: [&'static [u8]; 2]) -> Parsed {
    match (Pattern::parse(text), reach) {
        (Some(pattern), _) => Parsed::Native(native(pattern)),
        (None, Reach::First) => Parsed::Perl(perl[0], vec![ungreedy(text)]),
        (None, Reach::All) => Parsed::Perl(perl[1], vec![text.to_vec()]),
    }
}

fn replace(text: &[u8], reach: Reach) -> Option<Parsed> {
    let from_len = text.iter().position(|&byte| byte == b'/')?;
    let (from, to) = (&text[..from_len], text[from_len + 1..].to_vec());
    let end = match (from, reach) {
        ([b'#' | b'%', from @ ..], Reach::First) => Some((text[0], from)),
        _ => None,
    };
    if let Some((end, from)) = end {
        return replace_end(end, from, to);
    }
    // As GNU parallel: those two stand nowhere else in such a pattern.
    if from.is_empty() || (reach == Reach::First && memchr::memchr2(b'#', b'%', from).is_some()) {
        return None;
    }
    Some(match (Pattern::parse(from), reach) {
        (Some(pattern), _) => Parsed::Native(Edit::Replace(pattern, to, reach)),
        (None, Reach::First) => Parsed::Perl(b"s/$$1/$$2/", vec![from.to_vec(), to]),
        (None, Reach::All) => Parsed::Perl(b"s/$$1/$$2/g", vec![from.to_vec(), to]),
    })
}

/// `from` at the beginning (`#`) or at the end becomes `to`.
fn replace_end(end: u8, from: &[u8], to: Vec<u8>) -> Option<Parsed> {
    if from.is_empty() || memchr::memchr2(b'#', b'%', from).is_some() {
        return None;
    }
    Some(match (Pattern::parse(from), end) {
        (Some(pattern), b'#') => Parsed::Native(Edit::Prefix(pattern, to)),
        (Some(pattern), _) => Parsed::Native(Edit::Suffix(pattern, to)),
        (None, b'#') => Parsed::Perl(b"s/^(?:$$1)/$$2/", vec![from.to_vec(), to]),
        (None, _) => Parsed::Perl(b"s/(?:$$1)$/$$2/", vec![from.to_vec(), to]),
    })
}

fn case(text: &[u8], case: Case, reach: Reach) -> Parsed {
    if let Some(pattern) = Pattern::parse(text) {
        return Parsed::Native(Edit::Case(pattern, case, reach));
    }
    let code: &[u8] = match (case, reach) {
        (Case::Upper, Reach::First) => b"s/^($$1)/uc($1)/e",
        (Case::Upper, Reach::All) => b"s/($$1)/uc($1)/eg",
        (Case::Lower, Reach::First) => b"s/^($$1)/lc($1)/e",
        (Case::Lower, Reach::All) => b"s/($$1)/lc($1)/eg",
    };
    Parsed::Perl(code, vec![text.to_vec()])
}

/// The regular expression with every quantifier made to take as little as it can.
fn ungreedy(regex: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(regex.len() + 4);
    let mut bytes = regex.iter().copied().peekable();
    let mut in_class = false;
    while let Some(byte) = bytes.next() {
        out.push(byte);
        match byte {
            b'\\' => out.extend(bytes.next()),
            b'[' => in_class = true,
            b']' => in_class = false,
            // As GNU parallel, which leaves a question mark by itself alone.
            b'*' | b'+' | b'}' if !in_class => {
                let _lazy_already = bytes.next_if_eq(&b'?');
                out.push(b'?');
            }
            _ => {}
        }
    }
    out
}

/// The edit that a Perl expression is, where that is `s/text/other/` and no more.
pub(super) fn from_substitution(code: &[u8]) -> Option<Edit> {
    let code = code.trim_ascii();
    let code = code.strip_suffix(b";").unwrap_or(code);
    let body = code.strip_prefix(b"s")?;
    let (&delimiter, body) = body.split_first()?;
    if !matches!(delimiter, b'/' | b':' | b',' | b'|' | b'!') {
        return None;
    }
    let mut parts = body.split(|&byte| byte == delimiter);
    let (from, to, flags) = (parts.next()?, parts.next()?, parts.next()?);
    let reach = match flags {
        b"" => Reach::First,
        b"g" => Reach::All,
        _ => return None,
    };
    let plain = |byte: &u8| !matches!(byte, b'$' | b'@' | b'\\');
    (parts.next().is_none() && to.iter().all(plain)).then_some(())?;
    Some(Edit::Replace(Pattern::parse(from)?, to.to_vec(), reach))
}

#[cfg(test)]
mod tests {
    use super::{Parsed, from_substitution, parse, ungreedy};

    #[test]
    fn plain_patterns_are_applied_here() {
        for (inner, arg, want) in [
            (":-str", "", "str"),
            (":-str", "0", "str"),
            (":-3", "x", "x"),
            (":3", "abcabc", "abc"),
            (":3:2", "abcabc", "ab"),
            (":20", "abc", ""),
            ("#a", "abcabc", "bcabc"),
            ("#x", "abcabc", "abcabc"),
            ("%.gz", "y.tar.gz", "y.tar"),
            ("%%.gz", "y.tar.gz", "y.tar"),
            ("/a/Z", "abcabc", "Zbcabc"),
            ("/#a/Z", "abcaba", "Zbcaba"),
            ("/%a/Z", "abcaba", "abcabZ"),
            ("/#b/Z", "abcabc", "abcabc"),
            ("/%c/", "abcabc\n", "abcab\n"),
            ("//%a/Z", "x%a%a", "xZZ"),
            ("//a/Z", "abcabc", "ZbcZbc"),
            ("//a/", "abcabc", "bcbc"),
            ("^a", "abca", "Abca"),
            ("^b", "abca", "abca"),
            ("^^a", "abca", "AbcA"),
            (",,A", "AbA", "aba"),
        ] {
            let Some(Parsed::Native(edit)) = parse(inner.as_bytes()) else {
                panic!("{inner}")
            };
            assert_eq!(*edit.apply(arg.as_bytes()), *want.as_bytes(), "{inner}");
        }
    }

    #[test]
    fn other_patterns_are_for_perl_and_some_texts_are_none() {
        assert!(matches!(parse(b"%b.*c"), Some(Parsed::Perl(..))));
        assert!(matches!(parse(b"^^[a-c]"), Some(Parsed::Perl(..))));
        for none in [
            "", "^", ",", "#", "%", "##", ":", ":a", ":1:-2", "//a", "///Z", "/#/Z", "/a#/Z", "x",
        ] {
            assert_eq!(parse(none.as_bytes()), None, "{none}");
        }
    }

    #[test]
    fn quantifiers_become_lazy() {
        for (greedy, lazy) in [
            ("a.*b", "a.*?b"),
            ("a+?b?", "a+?b?"),
            ("a{2,}b{3}?", "a{2,}?b{3}?"),
            (r"\*[*+]x", r"\*[*+]x"),
            ("(?:a)*", "(?:a)*?"),
        ] {
            assert_eq!(ungreedy(greedy.as_bytes()), lazy.as_bytes());
        }
    }

    #[test]
    fn plain_substitutions_need_no_perl() {
        let edit = from_substitution(b" s/1/one/; ").unwrap();
        assert_eq!(*edit.apply(b"121"), *b"one21");
        let edit = from_substitution(b"s:a/b:c:g").unwrap();
        assert_eq!(*edit.apply(b"a/ba/b"), *b"cc");
        for not in ["s/a/$x/", "s/a*/b/", "s/a/b/e", "s/a/b", "s//b/", "$_=1"] {
            assert_eq!(from_substitution(not.as_bytes()), None, "{not}");
        }
    }
}
