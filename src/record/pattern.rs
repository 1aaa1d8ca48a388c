//! Perl regexps over bytes, as `--colsep` has them.
//!
//! The `regex` crate does the matching; what it does not have (look-around, back-references, possessive
//! quantifiers) is left to `fancy-regex`. That one matches text, so there each byte becomes the
//! character of its number: as in GNU parallel, which knows no encoding either, `.` is one byte.

use super::visible::visible;
use crate::model::ArgList;

/// A compiled regexp.
#[derive(Clone, Debug)]
pub struct Pattern(Engine);

#[derive(Clone, Debug)]
enum Engine {
    Bytes(regex::bytes::Regex),
    Fancy(Box<fancy_regex::Regex>),
}

impl PartialEq for Pattern {
    /// Whether they match the same since they are spelt the same.
    fn eq(&self, other: &Self) -> bool {
        self.spelling() == other.spelling()
    }
}

/// Where a match is, and where its groups are (`None`: a group that took no part in it).
pub type Groups = Vec<Option<(usize, usize)>>;

impl Pattern {
    fn spelling(&self) -> &str {
        match &self.0 {
            Engine::Bytes(regex) => regex.as_str(),
            Engine::Fancy(regex) => regex.as_str(),
        }
    }

    /// Compiles a Perl regexp.
    ///
    /// # Errors
    ///
    /// A clause that names the regexp and what is wrong with it.
    pub fn new(perl: &[u8]) -> Result<Self, String> {
        // As in Perl's split: a lone ^ means every line's start.
        let perl = if perl == b"^" { b"(?m)^" } else { perl };
        let syntax = translate(perl);
        let plain = regex::bytes::RegexBuilder::new(&syntax)
            .unicode(false)
            .build();
        let why = match plain {
            Ok(regex) => return Ok(Self(Engine::Bytes(regex))),
            Err(why) => why,
        };
        match fancy_regex::Regex::new(&syntax) {
            Ok(regex) => Ok(Self(Engine::Fancy(Box::new(regex)))),
            Err(_) => Err(format!(
                "'{}' is no regexp: {}",
                visible(perl),
                last_line(&why.to_string())
            )),
        }
    }

    /// Appends to `into` what stands between the matches in `text`, as Perl's split does.
    ///
    /// Groups are fields of their own; empty fields count, at the end, too; a match of no width
    /// splits nowhere but between two bytes and at the end. Empty text is one empty field.
    ///
    /// # Errors
    ///
    /// When matching takes more steps than any sane regexp needs.
    pub fn split(&self, text: &[u8], into: &mut ArgList) -> Result<(), String> {
        match &self.0 {
            Engine::Bytes(regex) if regex.captures_len() == 1 => {
                let next = |from| Ok(regex.find_at(text, from).map(|it| (it.start(), it.end())));
                split_at(text, next, |field| into.push(field))
            }
            _ => self.split_with_groups(text, into),
        }
    }

    /// Where the first match at `from` or later is, and its groups; empty when there is none.
    ///
    /// # Errors
    ///
    /// When matching takes more steps than any sane regexp needs.
    pub fn find(&self, text: &[u8], from: usize) -> Result<Vec<Option<(usize, usize)>>, String> {
        if from > text.len() {
            return Ok(Groups::new());
        }
        let latin = match &self.0 {
            Engine::Fancy(_) => latin(text),
            Engine::Bytes(_) => String::new(),
        };
        self.groups_at(text, &latin, from)
    }

    fn split_with_groups(&self, text: &[u8], into: &mut ArgList) -> Result<(), String> {
        let latin = match &self.0 {
            Engine::Fancy(_) => latin(text),
            Engine::Bytes(_) => String::new(),
        };
        let mut groups = Groups::new();
        let mut fields = Vec::new();
        let next = |from| {
            groups = self.groups_at(text, &latin, from)?;
            Ok(groups.first().copied().flatten().inspect(|_| {
                fields.push(std::mem::take(&mut groups));
            }))
        };
        let mut cuts = Vec::new();
        split_at(text, next, |field| cuts.push(field))?;
        let mut matches = fields.into_iter();
        for (index, field) in cuts.into_iter().enumerate() {
            if index > 0 {
                let groups = matches.next().unwrap_or_default();
                for group in groups.into_iter().skip(1) {
                    into.push(group.map_or(&b""[..], |(start, end)| &text[start..end]));
                }
            }
            into.push(field);
        }
        Ok(())
    }

    /// The first match at `from` or later; empty when there is none.
    fn groups_at(&self, text: &[u8], latin: &str, from: usize) -> Result<Groups, String> {
        match &self.0 {
            Engine::Bytes(regex) => Ok(regex.captures_at(text, from).map_or(Vec::new(), |found| {
                let place = |group: Option<regex::bytes::Match>| {
                    group.map(|group| (group.start(), group.end()))
                };
                found.iter().map(place).collect()
            })),
            Engine::Fancy(regex) => {
                let start = wide(text, from);
                let found = regex
                    .captures_from_pos(latin, start)
                    .map_err(|_| format!("the regexp '{}' takes too long", regex.as_str()))?;
                Ok(found.map_or(Vec::new(), |found| {
                    let place = |group: Option<fancy_regex::Match>| {
                        group
                            .map(|group| (narrow(latin, group.start()), narrow(latin, group.end())))
                    };
                    found.iter().map(place).collect()
                }))
            }
        }
    }
}

/// Gives `field` each field of `text`, cut at the matches that `next` finds from some offset on.
fn split_at<'t>(
    text: &'t [u8],
    mut next: impl FnMut(usize) -> Result<Option<(usize, usize)>, String>,
    mut field: impl FnMut(&'t [u8]),
) -> Result<(), String> {
    let mut start = 0;
    while start < text.len() {
        let mut found = next(start)?;
        if found.is_some_and(|(_, end)| end == start) {
            found = next(start + 1)?;
        }
        let Some((from, to)) = found else { break };
        field(&text[start..from]);
        start = to;
    }
    field(&text[start..]);
    Ok(())
}

/// Each byte as the character of its number.
fn latin(bytes: &[u8]) -> String {
    bytes.iter().map(|&byte| char::from(byte)).collect()
}

/// Where byte number `at` of `bytes` is in their [`latin`] form.
fn wide(bytes: &[u8], at: usize) -> usize {
    at + bytes[..at].iter().filter(|byte| !byte.is_ascii()).count()
}

/// The reverse of [`wide`].
fn narrow(latin: &str, at: usize) -> usize {
    latin[..at].chars().count()
}

fn last_line(text: &str) -> &str {
    let line = text.trim_end().lines().last().unwrap_or_default();
    line.trim().trim_start_matches("error: ")
}

/// Perl's syntax in that of the `regex` crate: bytes that are no ASCII as `\xHH`, `\h` and `\e` spelled
/// out, and no meaning for what means nothing inside Perl's brackets.
fn translate(perl: &[u8]) -> String {
    let mut out = String::with_capacity(perl.len());
    let mut rest = perl;
    let mut in_class = false;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match (byte, after.first()) {
            (b'\\', Some(&next)) => {
                rest = &after[1..];
                match next {
                    b'h' | b's' | b'd' | b'w' => {
                        let members = ascii_class(next);
                        if in_class {
                            out.push_str(members);
                        } else {
                            out.extend(["[", members, "]"]);
                        }
                    }
                    b'H' | b'S' | b'D' | b'W' if !in_class => {
                        out.extend(["[^", ascii_class(next.to_ascii_lowercase()), "]"]);
                    }
                    b'e' => out.push_str(r"\x1b"),
                    b'Z' if !in_class => out.push_str(r"(?=\n?\z)"),
                    b'<' | b'>' => out.push(char::from(next)),
                    next if next.is_ascii() => out.extend(['\\', char::from(next)]),
                    next => push_byte(next, &mut out),
                }
            }
            (b'[', Some(b':')) if in_class => {
                let len = named_class(rest);
                out.push('[');
                out.extend(rest[..len].iter().map(|&byte| char::from(byte)));
                rest = &rest[len..];
            }
            (b'[' | b'&' | b'~', _) if in_class => out.extend(['\\', char::from(byte)]),
            (b'-', Some(b'-')) if in_class => out.push_str("\\-"),
            (b'[', _) => {
                in_class = true;
                out.push('[');
                if let Some(after) = rest.strip_prefix(b"^") {
                    out.push('^');
                    rest = after;
                }
                if let Some(after) = rest.strip_prefix(b"]") {
                    out.push_str("\\]");
                    rest = after;
                }
            }
            (b']', _) if in_class => {
                in_class = false;
                out.push(']');
            }
            _ => push_byte(byte, &mut out),
        }
    }
    out
}

/// The bytes of Perl's `\h`, `\s`, `\d` and `\w`: none beyond ASCII, whichever crate matches.
fn ascii_class(letter: u8) -> &'static str {
    match letter {
        b'h' => r" \t",
        b's' => r" \t-\r",
        b'd' => "0-9",
        _ => "0-9A-Za-z_",
    }
}

/// How much of `:name:]…` is a named class; 0 when it is none.
fn named_class(text: &[u8]) -> usize {
    memchr::memmem::find(text, b":]").map_or(0, |at| at + 2)
}

fn push_byte(byte: u8, out: &mut String) {
    use std::fmt::Write as _;
    if byte.is_ascii() {
        out.push(char::from(byte));
    } else {
        // Writing to a String cannot fail.
        let _ = write!(out, "\\x{byte:02x}");
    }
}

#[cfg(test)]
mod tests {
    use super::Pattern;
    use crate::model::ArgList;
    use proptest::prelude::*;

    fn split(pattern: &str, text: &[u8]) -> Vec<Vec<u8>> {
        let mut fields = ArgList::new();
        let pattern = Pattern::new(pattern.as_bytes()).unwrap();
        pattern.split(text, &mut fields).unwrap();
        fields.iter().map(<[u8]>::to_vec).collect()
    }

    #[test]
    fn splits_as_perl_does() {
        for (pattern, text, want) in [
            (",", "a,b,,c,", &["a", "b", "", "c", ""][..]),
            (",", "", &[""]),
            (",", ",", &["", ""]),
            (" ", " a b", &["", "a", "b"]),
            (r"\s+", "a \t b", &["a", "b"]),
            ("", "abc", &["a", "b", "c", ""]),
            ("x*", "abxc", &["a", "b", "c", ""]),
            ("|", "a|b", &["a", "|", "b", ""]),
            (r"\b", "ab cd", &["ab", " ", "cd", ""]),
            ("(,)", "a,b", &["a", ",", "b"]),
            ("(,)|;", "a;b,c", &["a", "", "b", ",", "c"]),
            ("(?i)B", "abxBc", &["a", "x", "c"]),
            (r"(.)\1", "abbc", &["a", "b", "c"]),
            ("(?<=a)b", "abbc", &["a", "bc"]),
            ("[],]", "a]b,c", &["a", "b", "c"]),
            ("[[,]", "a[b,c", &["a", "b", "c"]),
            ("[^[:alpha:]]", "a1b", &["a", "b"]),
            ("[a&&b]", "1a2&3b4", &["1", "2", "3", "4"]),
            (r"\h", "a b\tc", &["a", "b", "c"]),
            (r"\x2c", "a,b", &["a", "b"]),
            (r"[\s,]+", "a ,b", &["a", "b"]),
            (r"\W", "a-b_c", &["a", "b_c"]),
            (r"(?<=a)\s", "a à b", &["a", "à b"]),
            (r"(?<=.)\s", "à b", &["à", "b"]),
            ("^", "ab\ncd", &["ab\n", "cd"]),
        ] {
            let got = split(pattern, text.as_bytes());
            let want: Vec<_> = want.iter().map(|field| field.as_bytes()).collect();
            assert_eq!(got, want, "{pattern:?} on {text:?}");
        }
    }

    #[test]
    fn knows_bytes_only() {
        assert_eq!(split("é", "aéb".as_bytes()), [b"a", b"b"]);
        assert_eq!(split("[é]", "aéb".as_bytes()), [&b"a"[..], b"", b"b"]);
        assert_eq!(split(r"\xff", b"a\xffb"), [b"a", b"b"]);
        assert_eq!(
            split(r"(?=,),", b"\xff,\xc3\xa9,"),
            [&b"\xff"[..], b"\xc3\xa9", b""]
        );
    }

    #[test]
    fn a_bad_regexp_is_named() {
        for bad in ["(", "[", "*", "a)"] {
            let why = Pattern::new(bad.as_bytes()).unwrap_err();
            assert!(why.starts_with(&format!("'{bad}' is no regexp: ")), "{why}");
            assert!(!why.contains('\n'), "{why}");
        }
    }

    proptest! {
        #[test]
        fn fields_and_separators_are_the_text(text in prop::collection::vec(any::<u8>(), 0..50)) {
            for pattern in ["([,\\x80-\\xff])", "((?=.)[,\\x80-\\xff])"] {
                let fields = split(pattern, &text);
                prop_assert_eq!(fields.concat(), text.clone());
            }
        }
    }
}
