//! Command templates: parsed once, rendered to bytes for every job.
//!
//! [`Template`] is the parsed form of a command (or a tag): literal bytes and replacement strings.
//! What can be written is a table, [`Syntax`]; what a replacement string does to an argument is a
//! function in [`transforms`]; how a value is made safe for a shell is [`quote`]. A new replacement
//! string is a new row of the table.
//!
//! Rules learnt from GNU parallel 20221122:
//!
//! - A value is never scanned for replacement strings again.
//! - A command without any replacement string, not even `{#}`, gets ` {}` appended.
//! - If the command's first word has a replacement string in it (`{} x`, `x/{} y`; not `f={} y`), the values *are*
//!   the command: none of them, in the whole line, is quoted.
//! - `{}` with several arguments is all of them with spaces between. Where a run asks for it
//!   ([`Spread::Repeat`], `-N` and `-X`), the word around it is repeated instead: `x{}y` gives
//!   `xay xby`.
//! - With `-q` each word of the command is quoted after its replacement strings were replaced; the
//!   spaces that stand between several arguments stay unquoted. Words that a Perl expression goes over are one.

mod columns;
pub mod edit;
pub mod format;
mod groups;
mod parse;
pub mod quote;
mod render;
mod rpl;
mod shape;
mod stored;
mod syntax;
pub mod transforms;

pub use quote::Quoting;
pub use render::{Call, Evaluated, Spread, Style, Values};
pub use shape::Shape;
pub use stored::stored;
pub use syntax::{Expression, Syntax, What};

use std::ops::Range;
use std::sync::Arc;

use format::Format;

use crate::model::ArgList;

/// A command or tag, ready to be rendered.
#[derive(Clone, Debug, PartialEq)]
pub struct Template {
    /// One body per word of the command with `-q`, else one for everything.
    bodies: Vec<Body>,
    /// Whether each body is quoted as a whole (`-q`), not each value by itself.
    quote_bodies: bool,
    /// Whether values go in as they are, whatever the quoting.
    raw_values: bool,
    /// Whether there is a Perl expression in it.
    needs_perl: bool,
}

/// What is rendered from left to right.
#[derive(Clone, Debug, Default, PartialEq)]
struct Body {
    tokens: Vec<Token>,
    /// The tokens in groups: words that take `{}` and what is between them.
    groups: Vec<Group>,
}

/// One step of rendering.
#[derive(Clone, Debug, PartialEq)]
enum Token {
    Literal(Vec<u8>),
    Replace(Replace),
}

/// A replacement string.
#[derive(Clone, Debug, PartialEq)]
struct Replace {
    which: Which,
    what: What,
    /// How its value is written: by each in turn.
    formats: Vec<Format>,
}

/// Which of the job's arguments.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Which {
    /// All of them: `{}`.
    All,
    /// The one at this position, from 1; negative ones count from the end; 0 is none.
    At(i64),
}

/// Tokens that are rendered together.
#[derive(Clone, Debug, PartialEq)]
struct Group {
    tokens: Range<usize>,
    /// Whether this is a word with `{}` in it, which [`Spread::Repeat`] repeats for every argument.
    repeats: bool,
}

/// A command's words, quoted one by one or taken as one line, as tokens. As GNU parallel: what the words of a line
/// become only together, but for expressions, is no replacement string.
fn parts<W: AsRef<[u8]>>(words: &[W], quote_words: bool, syntax: &Syntax) -> Vec<Vec<Token>> {
    let words = parse::whole_words(words, syntax);
    let mut parts = words.iter().map(|word| parse::tokens(word, syntax));
    if quote_words {
        return parts.collect();
    }
    let mut line = parts.next().unwrap_or_default();
    for part in parts {
        parse::append(&mut line, b" ");
        for token in part {
            match token {
                Token::Literal(text) => parse::append(&mut line, &text),
                replace @ Token::Replace(_) => line.push(replace),
            }
        }
    }
    vec![line]
}

impl Template {
    /// The template of a command, given as the words that were typed.
    ///
    /// The words are joined by single spaces; with `quote_words` (`-q`) each is quoted. Without any
    /// replacement string ` {}` is appended; without any word the inputs are the commands.
    pub fn command<W: AsRef<[u8]>>(words: &[W], quote_words: bool, syntax: &Syntax) -> Self {
        let mut parts = parts(words, quote_words, syntax);
        if words.is_empty() {
            parts = vec![vec![parse::ALL_ARGUMENTS]];
        } else if !parts.iter().flatten().any(Token::is_replace) {
            if quote_words {
                parts.push(vec![parse::ALL_ARGUMENTS]);
            } else {
                parts[0].extend([Token::Literal(b" ".to_vec()), parse::ALL_ARGUMENTS]);
            }
        }
        let raw_values = parts
            .first()
            .is_some_and(|first| parse::replaces_in_first_word(first));
        Self::new(parts, quote_words, raw_values)
    }

    /// The template of a command to which nothing is appended, whether it has replacement strings or not:
    /// it reads its standard input.
    pub fn command_as_it_is<W: AsRef<[u8]>>(
        words: &[W],
        quote_words: bool,
        syntax: &Syntax,
    ) -> Self {
        let parts = parts(words, quote_words, syntax);
        let raw_values = parts
            .first()
            .is_some_and(|first| parse::replaces_in_first_word(first));
        Self::new(parts, quote_words, raw_values)
    }

    /// The template of a text that no shell reads, as that of `--tagstring`: values go in as they
    /// are, and nothing is appended.
    pub fn text(text: &[u8], syntax: &Syntax) -> Self {
        Self::new(vec![parse::tokens(text, syntax)], false, true)
    }

    fn new(parts: Vec<Vec<Token>>, quote_bodies: bool, raw_values: bool) -> Self {
        let mut template = Self {
            bodies: parts.into_iter().map(Body::new).collect(),
            quote_bodies,
            raw_values,
            needs_perl: false,
        };
        let needs_perl = template.expressions().next().is_some();
        template.needs_perl = needs_perl;
        template
    }

    fn replaces(&self) -> impl Iterator<Item = &Replace> {
        let tokens = self.bodies.iter().flat_map(|body| &body.tokens);
        tokens.filter_map(|token| match token {
            Token::Replace(replace) => Some(replace),
            Token::Literal(_) => None,
        })
    }

    /// The Perl expressions in it, from left to right; rendering needs their values.
    pub fn expressions(&self) -> impl Iterator<Item = &Arc<Expression>> {
        self.replaces().filter_map(|replace| match &replace.what {
            What::Perl(expression) => Some(expression),
            _ => None,
        })
    }

    /// Whether there is any replacement string in it.
    pub fn has_replacements(&self) -> bool {
        self.replaces().next().is_some()
    }

    /// Whether it has to be known how many jobs there are.
    pub fn uses_total(&self) -> bool {
        self.replaces().any(|replace| match &replace.what {
            What::Total | What::PaddedSeq => true,
            What::Perl(expression) => {
                memchr::memmem::find(&expression.code, b"total_jobs").is_some()
            }
            _ => false,
        })
    }

    /// Whether the job with these arguments is not to be run (`{choose_k}`, `{uniq}`).
    pub fn skips(&self, args: &ArgList) -> bool {
        self.replaces()
            .any(|replace| matches!(replace.what, What::SkipIf(skip) if skip(args)))
    }

    /// Whether the job's slot number may be in it.
    pub fn uses_slot(&self) -> bool {
        self.replaces().any(|replace| replace.what.is_of_slot())
    }
}

impl Token {
    fn is_replace(&self) -> bool {
        matches!(self, Token::Replace(_))
    }
}

impl Body {
    fn new(tokens: Vec<Token>) -> Self {
        let (tokens, groups) = parse::group_words(tokens);
        Self { tokens, groups }
    }
}

#[cfg(test)]
mod tests;
