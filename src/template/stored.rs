//! Commands as they wait in a table for a worker: `--sqlmaster`.
//!
//! As GNU parallel stores them, so that its workers can take jobs of ours and ours take jobs of its: words
//! are joined by byte 257 (octal) and a space; a replacement string is `<…>` with that byte before each of
//! the two, and inside it the argument's position and the Perl code that the string stands for. What has no
//! such code (`{uniq}`, `{#:%04d}`) is stored as it was typed, with the byte in front once more. Nothing is quoted: that
//! is done by whoever runs the job, word by word if `-q` is its option.
//!
//! The byte is part of some characters of UTF-8 (`ï`): there it means only itself.

use memchr::memmem;

use super::format;
use super::syntax::{Found, Syntax, What, split_position};
use super::{Replace, Template, Token, parse, transforms};

const MARK: u8 = 0o257;

/// The replacement strings that have code of their own in GNU parallel.
const CODES: [(&[u8], What); 9] = [
    (b"", What::Arg(transforms::whole)),
    (br"s:\.[^/.]*$::", What::Arg(transforms::no_extension)),
    (br"s:\.[^/.]+$::", What::Arg(transforms::no_extension)),
    (b"s:.*/::", What::Arg(transforms::basename)),
    (
        br#"$Global::use{"File::Basename"} ||= eval "use File::Basename; 1;"; $_ = dirname($_);"#,
        What::Arg(transforms::dirname),
    ),
    (
        br"s:.*/::; s:\.[^/.]*$::;",
        What::Arg(transforms::basename_no_extension),
    ),
    (b"$_=$job->seq()", What::Seq),
    (b"$_=$job->slot()", What::Slot),
    (b"$_=total_jobs()", What::Total),
];

/// The command of `words` as it is stored. With `one_by_one` (`-q`) each word is one for itself; those who run the
/// job quote it.
///
/// # Errors
///
/// When it would not come back as it is.
pub fn stored(words: &[Vec<u8>], one_by_one: bool, syntax: &Syntax) -> Result<Vec<u8>, String> {
    let mut writer = Writer::default();
    if one_by_one {
        for (index, word) in parse::whole_words(words, syntax).iter().enumerate() {
            if index > 0 {
                writer.border();
            }
            writer.text(&syntax.with_positions(word), &[], syntax);
        }
    } else {
        let (line, borders) = joined(words, syntax);
        writer.text(&line, &borders, syntax);
    }
    if !writer.meant.iter().flatten().any(Token::is_replace) {
        if !words.is_empty() {
            writer.border();
        }
        writer.out.extend_from_slice(b"\xaf<\xaf>");
        writer.means(parse::ALL_ARGUMENTS);
    }
    let read = read(&writer.out, one_by_one);
    let is_group =
        |token: &Token| matches!(token, Token::Replace(replace) if replace.what.is_group());
    let has_groups = writer.meant.iter().flatten().any(is_group);
    let meant = if one_by_one {
        writer.meant
    } else {
        vec![in_one_line(writer.meant)]
    };
    if !has_groups
        && read.len() == meant.len()
        && read
            .iter()
            .zip(&meant)
            .all(|(one, other)| is_same(one, other))
    {
        return Ok(writer.out);
    }
    let line = words.join(&b' ');
    let line = String::from_utf8_lossy(&line);
    Err(format!("'{line}' cannot be stored as the command of a job"))
}

fn is_same(read: &[Token], meant: &[Token]) -> bool {
    let same = |(one, other): (&Token, &Token)| match (one, other) {
        (Token::Replace(one), Token::Replace(other)) => {
            // Code may turn out to be that of a string that needs no Perl.
            let perl = matches!(one.what, What::Perl(_));
            let same = one.which == other.which && one.what == other.what;
            (perl || same) && one.formats == other.formats
        }
        _ => one == other,
    };
    read.len() == meant.len() && read.iter().zip(meant).all(same)
}

/// The words in one line, and where the spaces between them are.
fn joined(words: &[Vec<u8>], syntax: &Syntax) -> (Vec<u8>, Vec<usize>) {
    let (mut line, mut borders) = (Vec::new(), Vec::new());
    for (index, word) in words.iter().enumerate() {
        if index > 0 {
            borders.push(line.len());
            line.push(b' ');
        }
        line.extend_from_slice(&syntax.with_positions(word));
    }
    let together = words.join(&b' ');
    let together = syntax.with_positions(&together);
    if *together == line {
        return (line, borders);
    }
    // Some expression goes over several words. A space that is no border says the same.
    (together.into_owned(), Vec::new())
}

struct Writer {
    out: Vec<u8>,
    /// What `out` should be read as: words.
    meant: Vec<Vec<Token>>,
}

impl Default for Writer {
    fn default() -> Self {
        Self {
            out: Vec::new(),
            meant: vec![Vec::new()],
        }
    }
}

impl Writer {
    /// Writes `text`, in which words end at `borders`.
    fn text(&mut self, text: &[u8], borders: &[usize], syntax: &Syntax) {
        let mut at = 0;
        while at < text.len() {
            if let Some(mut found) = syntax.find(&text[at..]) {
                let typed = &text[at..at + found.len];
                at += found.len;
                if matches!(found.what, What::Seq | What::Slot | What::Total) {
                    found.position = None;
                }
                self.replacement(found, typed, syntax);
            } else {
                if borders.contains(&at) {
                    self.border();
                } else {
                    self.out.push(text[at]);
                    self.means(Token::Literal(vec![text[at]]));
                }
                at += 1;
            }
        }
    }

    fn means(&mut self, token: Token) {
        if let Some(word) = self.meant.last_mut() {
            push(word, token);
        }
    }

    fn border(&mut self) {
        if !is_open(&self.out) {
            self.out.push(MARK);
        }
        self.out.push(b' ');
        self.meant.push(Vec::new());
    }

    fn replacement(&mut self, found: Found, typed: &[u8], syntax: &Syntax) {
        let out = &mut self.out;
        out.extend_from_slice(b"\xaf<");
        let position = found.position.as_deref().unwrap_or_default();
        let known = CODES.iter().find(|(_, what)| *what == found.what);
        if let Some(inside) = syntax.expression_inside(typed) {
            if position.is_empty() && !split_position(inside).0.is_empty() {
                out.push(b' ');
            }
            out.extend_from_slice(inside);
        } else if let Some((code, what)) = known {
            let argument = matches!(what, What::Arg(_));
            out.extend_from_slice(if argument { position } else { b"1 " });
            out.extend_from_slice(code);
            found
                .formats
                .iter()
                .for_each(|format| format.append_to(out));
        } else if let Some(code) = syntax.code_of(&found.what) {
            out.extend_from_slice(position);
            out.push(b' ');
            out.extend_from_slice(&code);
            found
                .formats
                .iter()
                .for_each(|format| format.append_to(out));
        } else {
            out.push(MARK);
            out.extend_from_slice(typed);
        }
        out.extend_from_slice(b"\xaf>");
        self.means(Token::Replace(parse::replace(found)));
    }
}

/// Whether `text` ends within a character of UTF-8, which the mark would be taken for a part of.
fn is_open(text: &[u8]) -> bool {
    let mut longer = text[text.len().saturating_sub(3)..].to_vec();
    longer.push(MARK);
    is_part_of_character(&longer, longer.len() - 1)
}

/// Whether the byte at `at` is the last one of a character of several bytes.
fn is_part_of_character(text: &[u8], at: usize) -> bool {
    (1..=3).any(|before| {
        at.checked_sub(before).is_some_and(|start| {
            std::str::from_utf8(&text[start..=at]).is_ok_and(|text| text.chars().count() == 1)
        })
    })
}

impl Syntax {
    /// What stands between the parentheses of the expression that `typed` is.
    fn expression_inside<'t>(&self, typed: &'t [u8]) -> Option<&'t [u8]> {
        let (open, close) = &self.parens;
        typed.strip_prefix(&open[..])?.strip_suffix(&close[..])
    }

    /// The Perl code of `what`, where it has some.
    fn code_of(&self, what: &What) -> Option<Vec<u8>> {
        if let What::Perl(expression) = what {
            return Some(with_params(&expression.code, &expression.params));
        }
        let own = self.entries.iter().filter(|entry| entry.what == *what);
        own.rev().find_map(|entry| entry.code.clone())
    }
}

/// `code` with parameters for `$$1`, `$$2`, ….
fn with_params(code: &[u8], params: &[Vec<u8>]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = code;
    while let Some(at) = memmem::find(rest, b"$$") {
        let digit = rest.get(at + 2).and_then(|byte| byte.checked_sub(b'1'));
        let param = digit.and_then(|index| params.get(usize::from(index)));
        let Some(param) = param else {
            out.extend_from_slice(&rest[..at + 2]);
            rest = &rest[at + 2..];
            continue;
        };
        out.extend_from_slice(&rest[..at]);
        out.extend_from_slice(param);
        rest = &rest[at + 3..];
    }
    out.extend_from_slice(rest);
    out
}

impl Template {
    /// The template of the stored command `text`; with `quote_words` (`-q`) each word is quoted.
    pub fn from_stored(text: &[u8], quote_words: bool) -> Self {
        let parts = read(text, quote_words);
        let raw_values = parts
            .first()
            .is_some_and(|first| parse::replaces_in_first_word(first));
        Self::new(parts, quote_words, raw_values)
    }
}

/// What is stored as `text`: its words one by one, or all of them as one.
fn read(text: &[u8], one_by_one: bool) -> Vec<Vec<Token>> {
    let words = words(text);
    if one_by_one {
        return words;
    }
    vec![in_one_line(words)]
}

/// `words` with spaces between them.
fn in_one_line(words: Vec<Vec<Token>>) -> Vec<Token> {
    let mut line = Vec::new();
    for (index, word) in words.into_iter().enumerate() {
        if index > 0 {
            push(&mut line, Token::Literal(b" ".to_vec()));
        }
        for token in word {
            push(&mut line, token);
        }
    }
    line
}

/// Appends `token` to `tokens`, of which never two literals stand side by side.
fn push(tokens: &mut Vec<Token>, token: Token) {
    match (tokens.last_mut(), token) {
        (Some(Token::Literal(before)), Token::Literal(more)) => before.extend_from_slice(&more),
        (_, token) => tokens.push(token),
    }
}

fn words(text: &[u8]) -> Vec<Vec<Token>> {
    let mut own = Syntax::default();
    own.add_plus();
    let (mut words, mut word) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let is_mark = rest[0] == MARK && !is_part_of_character(text, at);
        let inside = is_mark
            .then(|| rest[1..].strip_prefix(b"<"))
            .flatten()
            .and_then(|inside| Some(&inside[..memmem::find(inside, b"\xaf>")?]));
        if let Some(inside) = inside {
            push(&mut word, Token::Replace(replacement(inside, &own)));
            at += inside.len() + 4;
        } else if is_mark && rest.get(1) == Some(&b' ') {
            words.push(std::mem::take(&mut word));
            at += 2;
        } else {
            push(&mut word, Token::Literal(vec![rest[0]]));
            at += 1;
        }
    }
    words.push(word);
    words
}

/// What stands between the marks.
fn replacement(inside: &[u8], own: &Syntax) -> Replace {
    if let Some(found) = inside
        .strip_prefix(&[MARK])
        .and_then(|typed| own.find(typed))
    {
        return parse::replace(found);
    }
    let (position, code) = split_position(inside);
    let (code, formats) = format::split(code);
    let trimmed = code.trim_ascii();
    let known = CODES.iter().find(|(known, what)| {
        // Of every argument it would be as many times the number.
        *known == trimmed && (matches!(what, What::Arg(_)) || position == b"1")
    });
    let what = match known {
        Some((_, what)) => what.clone(),
        None => What::expression(code, Vec::new(), inside),
    };
    let position = match what {
        What::Seq | What::Slot | What::Total => None,
        _ => Some(position.to_vec()).filter(|position| !position.is_empty()),
    };
    parse::replace(Found {
        what,
        formats,
        position,
        len: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ArgList;
    use crate::template::{Quoting, Spread, Style, Values};

    fn syntax() -> Syntax {
        let mut syntax = Syntax::default();
        syntax.add_plus();
        syntax.define(b"{z} s/a/Z/").unwrap();
        syntax
    }

    fn owned(words: &[&str]) -> Vec<Vec<u8>> {
        words.iter().map(|word| word.as_bytes().to_vec()).collect()
    }

    /// The line that it becomes, there and back.
    fn line(typed: &[&str], quote_words: bool) -> String {
        let text = stored(&owned(typed), quote_words, &syntax()).unwrap();
        let args: ArgList = ["a/b.c", "x y"].into_iter().collect();
        let values = Values {
            args: &args,
            seq: 12,
            slot: 3,
            total: 100,
            slots: 8,
            evaluated: &[],
        };
        let style = Style {
            quoting: Quoting::Posix,
            spread: Spread::Join,
            bare: false,
        };
        let mut out = Vec::new();
        Template::from_stored(&text, quote_words).render(values, style, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn words_and_codes_as_gnu_parallel_stores_them() {
        for (typed, want) in [
            (&["echo"][..], &b"echo\xaf \xaf<\xaf>"[..]),
            (&["echo {} x", "{2}"], b"echo \xaf<\xaf> x\xaf \xaf<2\xaf>"),
            (
                &["{#}{2/.}"],
                br"@<1 $_=$job->seq()@>@<2s:.*/::; s:\.[^/.]*$::;@>",
            ),
            (&["{= s/a/b/ =}"], b"\xaf< s/a/b/ \xaf>"),
            (&["{=2 $_++ =}"], b"\xaf<2 $_++ \xaf>"),
            (&[], b"\xaf<\xaf>"),
        ] {
            let want: Vec<u8> = want
                .iter()
                .map(|&b| if b == b'@' { MARK } else { b })
                .collect();
            assert_eq!(
                stored(&owned(typed), false, &syntax()),
                Ok(want),
                "{typed:?}"
            );
        }
    }

    #[test]
    fn what_was_stored_is_read_as_it_was_meant() {
        for (typed, want) in [
            (&["echo"][..], "echo a/b.c 'x y'"),
            (
                &["echo {1.} {1/} {1//} {1/.} {-1} {#} {%} {##}"],
                "echo a/b b.c a b 'x y' 12 3 100",
            ),
            (
                &["echo {#:%04d} {1%.c} {z} {2z}"],
                "echo 0012 a/b Z/b.c 'x y' 'x y'",
            ),
            (&["na\u{ef}", "v\u{ef} {1}"], "na\u{ef} v\u{ef} a/b.c"),
            (&["\u{ef}<x>", "{1}"], "\u{ef}<x> a/b.c"),
        ] {
            assert_eq!(line(typed, false), want, "{typed:?}");
        }
    }

    #[test]
    fn words_are_quoted_when_it_is_read() {
        for (typed, want) in [
            (
                &["echo", "$x y", "", "a b{2}"][..],
                "echo '$x y' '' 'a bx y'",
            ),
            (&["{1}", "{=", "a"], "a/b.c '{= a'"),
            (&["echo", ";"], "echo ';' a/b.c 'x y'"),
        ] {
            assert_eq!(line(typed, true), want, "{typed:?}");
        }
        for (typed, want) in [
            (&["a b", "$x"][..], &b"a b\xaf $x\xaf \xaf<\xaf>"[..]),
            (
                &["x{=", "s/a/b/", "=}y", "z"],
                b"x\xaf< s/a/b/ \xaf>y\xaf z",
            ),
        ] {
            assert_eq!(stored(&owned(typed), true, &syntax()).unwrap(), want);
        }
    }

    #[test]
    fn what_would_not_come_back_is_an_error() {
        let odd = [vec![b'e', 0xc3, b'{', b'}']];
        assert!(
            stored(&odd, false, &syntax())
                .unwrap_err()
                .contains("cannot be stored")
        );
        let open = [vec![b'e', 0xc3], b"{}".to_vec()];
        assert_eq!(
            stored(&open, false, &syntax()).unwrap(),
            b"e\xc3 \xaf<\xaf>"
        );
        assert!(stored(&open, true, &syntax()).is_err());
    }
}
