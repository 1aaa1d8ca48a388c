//! Commands as they wait in a table for a worker: `--sqlmaster`.
//!
//! As GNU parallel stores them, so that its workers can take jobs of ours and ours take jobs of its: words
//! are joined by byte 257 (octal) and a space; a replacement string is `<…>` with that byte before each of
//! the two, and inside it the argument's position and the Perl code that the string stands for. What has no
//! such code (`{uniq}`, `{#:%04d}`) is stored as it was typed, with the byte in front once more.
//!
//! The byte is part of some characters of UTF-8 (`ï`): there it means only itself.

use memchr::memmem;

use super::syntax::{Found, Syntax, What, split_position};
use super::{Quoting, Replace, Template, Token, parse, transforms};

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

/// The command of `words` as it is stored; `quote`: each word is quoted (`-q`).
///
/// # Errors
///
/// When it would not come back as it is.
pub fn stored(
    words: &[Vec<u8>],
    quote: Option<Quoting>,
    syntax: &Syntax,
) -> Result<Vec<u8>, String> {
    let mut writer = Writer {
        quote,
        ..Writer::default()
    };
    let (line, borders) = joined(words, quote.is_some(), syntax);
    let mut at = 0;
    while at < line.len() {
        if let Some(mut found) = syntax.find(&line[at..]) {
            let typed = &line[at..at + found.len];
            at += found.len;
            if matches!(found.what, What::Seq | What::Slot | What::Total) {
                found.position = None;
            }
            writer.replacement(found, typed, syntax);
        } else if borders.contains(&at) {
            writer.border();
            at += 1;
        } else {
            writer.literal.push(line[at]);
            at += 1;
        }
    }
    writer.flush();
    if !writer.meant.iter().any(Token::is_replace) {
        if !words.is_empty() {
            writer.border();
        }
        writer.out.extend_from_slice(b"\xaf<\xaf>");
        writer.meant.push(parse::ALL_ARGUMENTS);
    }
    let same = |(one, other): (&Token, &Token)| match (one, other) {
        (Token::Replace(one), Token::Replace(other)) => {
            // Code may turn out to be that of a string that needs no Perl.
            let perl = matches!(one.what, What::Perl(_));
            perl || (one.which == other.which && one.what == other.what)
        }
        _ => one == other,
    };
    let read = tokens(&writer.out);
    if read.len() == writer.meant.len() && read.iter().zip(&writer.meant).all(same) {
        return Ok(writer.out);
    }
    let line = String::from_utf8_lossy(&line).into_owned();
    Err(format!("'{line}' cannot be stored as the command of a job"))
}

/// The words in one line, and where the spaces between them are.
fn joined(words: &[Vec<u8>], one_by_one: bool, syntax: &Syntax) -> (Vec<u8>, Vec<usize>) {
    let (mut line, mut borders) = (Vec::new(), Vec::new());
    for (index, word) in words.iter().enumerate() {
        if index > 0 {
            borders.push(line.len());
            line.push(b' ');
        }
        line.extend_from_slice(&syntax.columns.as_positions(word));
    }
    let together = words.join(&b' ');
    let together = syntax.columns.as_positions(&together);
    if one_by_one || *together == line {
        return (line, borders);
    }
    // Some expression goes over several words. A space that is no border says the same.
    (together.into_owned(), Vec::new())
}

#[derive(Default)]
struct Writer {
    quote: Option<Quoting>,
    out: Vec<u8>,
    /// What `out` should be read as.
    meant: Vec<Token>,
    /// What is in neither yet.
    literal: Vec<u8>,
}

impl Writer {
    fn flush(&mut self) {
        if self.literal.is_empty() {
            return;
        }
        let mut literal = std::mem::take(&mut self.literal);
        if let Some(quoting) = self.quote {
            quoting.quote_tail(&mut literal, 0);
        }
        self.out.extend_from_slice(&literal);
        self.means(&literal);
    }

    fn means(&mut self, literal: &[u8]) {
        match self.meant.last_mut() {
            Some(Token::Literal(before)) => before.extend_from_slice(literal),
            _ => self.meant.push(Token::Literal(literal.to_vec())),
        }
    }

    fn border(&mut self) {
        self.flush();
        if !is_open(&self.out) {
            self.out.push(MARK);
        }
        self.out.push(b' ');
        self.means(b" ");
    }

    fn replacement(&mut self, found: Found<'_>, typed: &[u8], syntax: &Syntax) {
        self.flush();
        let out = &mut self.out;
        out.extend_from_slice(b"\xaf<");
        let position = found.position.unwrap_or_default();
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
        } else if let Some(code) = syntax.code_of(&found.what) {
            out.extend_from_slice(position);
            out.push(b' ');
            out.extend_from_slice(&code);
        } else {
            out.push(MARK);
            out.extend_from_slice(typed);
        }
        out.extend_from_slice(b"\xaf>");
        self.meant.push(Token::Replace(parse::replace(found)));
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
    /// The template of the stored command `text`.
    pub fn from_stored(text: &[u8]) -> Self {
        let tokens = tokens(text);
        let raw_values = parse::replaces_in_first_word(&tokens);
        Self::new(vec![tokens], false, raw_values)
    }
}

fn tokens(text: &[u8]) -> Vec<Token> {
    let mut own = Syntax::default();
    own.add_plus();
    let (mut tokens, mut literal) = (Vec::new(), Vec::new());
    let mut at = 0;
    while at < text.len() {
        let rest = &text[at..];
        let is_mark = rest[0] == MARK && !is_part_of_character(text, at);
        let inside = is_mark
            .then(|| rest[1..].strip_prefix(b"<"))
            .flatten()
            .and_then(|inside| Some(&inside[..memmem::find(inside, b"\xaf>")?]));
        if let Some(inside) = inside {
            if !literal.is_empty() {
                tokens.push(Token::Literal(std::mem::take(&mut literal)));
            }
            tokens.push(Token::Replace(replacement(inside, &own)));
            at += inside.len() + 4;
        } else if is_mark && rest.get(1) == Some(&b' ') {
            literal.push(b' ');
            at += 2;
        } else {
            literal.push(rest[0]);
            at += 1;
        }
    }
    if !literal.is_empty() {
        tokens.push(Token::Literal(literal));
    }
    tokens
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
        _ => Some(position).filter(|position| !position.is_empty()),
    };
    parse::replace(Found {
        what,
        position,
        len: 0,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ArgList;
    use crate::template::{Spread, Style, Values};

    fn syntax() -> Syntax {
        let mut syntax = Syntax::default();
        syntax.add_plus();
        syntax.define(b"{z} s/a/Z/").unwrap();
        syntax
    }

    fn words(words: &[&str]) -> Vec<Vec<u8>> {
        words.iter().map(|word| word.as_bytes().to_vec()).collect()
    }

    /// The line that it becomes, there and back.
    fn line(typed: &[&str], quote: Option<Quoting>) -> String {
        let text = stored(&words(typed), quote, &syntax()).unwrap();
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
        Template::from_stored(&text).render(values, style, &mut out);
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
                stored(&words(typed), None, &syntax()),
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
            assert_eq!(line(typed, None), want, "{typed:?}");
        }
        assert_eq!(
            line(&["echo", "$x y", "a b{2}"], Some(Quoting::Posix)),
            "echo '$x y' 'a b''x y'"
        );
    }

    #[test]
    fn what_would_not_come_back_is_an_error() {
        let odd = [vec![b'e', 0xc3, b'{', b'}']];
        assert!(
            stored(&odd, None, &syntax())
                .unwrap_err()
                .contains("cannot be stored")
        );
        let open = [vec![b'e', 0xc3], b"{}".to_vec()];
        assert_eq!(stored(&open, None, &syntax()).unwrap(), b"e\xc3 \xaf<\xaf>");
    }
}
