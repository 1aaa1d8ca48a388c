//! From tokens to bytes. Nothing is allocated but room in the output.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Arc;

use super::format::Format;
use super::{Body, Expression, Quoting, Replace, Template, Token, What, Which};
use crate::model::ArgList;

/// What replacement strings are replaced with.
#[derive(Clone, Copy, Debug)]
pub struct Values<'a> {
    /// The job's arguments.
    pub args: &'a ArgList,
    /// The job's number, from 1.
    pub seq: u64,
    /// The number of its slot, from 1.
    pub slot: usize,
    /// How many jobs there are; 0 where nothing asks for it.
    pub total: u64,
    /// How many slots there are.
    pub slots: usize,
    /// The values of the template's [`Template::calls`].
    pub evaluated: &'a [Evaluated<'a>],
}

/// What a Perl expression is to be evaluated for.
#[derive(Clone, Debug)]
pub struct Call<'t> {
    /// The expression.
    pub expression: &'t Arc<Expression>,
    /// The argument, counted from 0; 0 where there is none and the expression is about the job.
    pub arg: usize,
}

/// What a Perl expression came to.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evaluated<'v> {
    /// The value.
    pub value: &'v [u8],
    /// Whether it is quoted as other values are; it is not after `uq()`.
    pub quoted: bool,
}

/// How a run writes values into its lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// For which shell they are quoted.
    pub quoting: Quoting,
    /// What several arguments do to the word around `{}`.
    pub spread: Spread,
    /// Whether an empty value is nothing at all, not an empty word: `-n0`, `-N0`.
    pub bare: bool,
}

/// What `x{}y` becomes when a job has the arguments `a` and `b`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spread {
    /// `xa by`: input sources side by side, `-n`, `-m`.
    #[default]
    Join,
    /// `xay xby`: `-N` and `-X`.
    Repeat,
    /// `xaby`: the files of `--template`.
    Touch,
}

impl Template {
    /// Appends the line for `values` to `out`.
    pub fn render(&self, values: Values<'_>, style: Style, out: &mut Vec<u8>) {
        self.render_noting(values, style, out, None);
    }

    /// As [`render`](Self::render), and appends to `replaced`, if there is one, where in `out` each replacement string
    /// has left its value.
    pub fn render_noting(
        &self,
        values: Values<'_>,
        style: Style,
        out: &mut Vec<u8>,
        mut replaced: Option<&mut Vec<Range<usize>>>,
    ) {
        let (value, piece) = if self.quote_bodies {
            (Quoting::Raw, style.quoting)
        } else if self.raw_values {
            (Quoting::Raw, Quoting::Raw)
        } else {
            (style.quoting, Quoting::Raw)
        };
        let mut evaluated = 0;
        let mut begun = false;
        for body in &self.bodies {
            let before = out.len();
            if begun {
                out.push(b' ');
            }
            let start = out.len();
            let mut sink = Sink {
                out,
                value,
                piece,
                touching: style.spread == Spread::Touch,
                bare: style.bare && !body.tokens.is_empty(),
                start,
                evaluated,
                replaced: replaced.as_deref_mut(),
            };
            sink.body(body, values, style.spread);
            // As GNU parallel: a word of `-q` that stands for no argument at all is no word.
            let no_argument = style.bare || values.args.is_empty();
            let is_nothing = no_argument && sink.out[start..].iter().all(|&byte| byte == b' ');
            if is_nothing && self.quote_bodies && !body.tokens.is_empty() {
                sink.out.truncate(before);
                continue;
            }
            begun = true;
            sink.end_piece();
            evaluated = sink.evaluated;
        }
    }
}

impl Template {
    /// What has to be evaluated before a job with these arguments can be rendered: the values of each
    /// expression, from left to right, for all its arguments.
    pub fn calls(&self, args: &ArgList) -> Vec<Call<'_>> {
        let mut calls = Vec::new();
        if !self.needs_perl {
            return calls;
        }
        for replace in self.replaces() {
            if let What::Perl(expression) = &replace.what {
                let args = called_for(args, replace.which);
                calls.extend(args.map(|arg| Call { expression, arg }));
            }
        }
        calls
    }

    /// How many [`calls`](Self::calls) there are.
    pub fn count_calls(&self, args: &ArgList) -> usize {
        if !self.needs_perl {
            return 0;
        }
        let perl = |replace: &&Replace| matches!(replace.what, What::Perl(_));
        let calls = self.replaces().filter(perl);
        calls
            .map(|replace| called_for(args, replace.which).len())
            .sum()
    }

    /// A guess at how many bytes rendering takes, on the high side for common templates.
    pub fn size_hint(&self, values: Values<'_>) -> usize {
        const QUOTES_AND_GAP: usize = 3;
        const NUMBER: usize = 8;
        let all: usize = values
            .args
            .iter()
            .map(|arg| arg.len() + QUOTES_AND_GAP)
            .sum();
        let size = |token: &Token| match token {
            Token::Literal(text) => text.len(),
            Token::Replace(Replace {
                what: What::Seq | What::Slot | What::Total | What::PaddedSeq | What::PaddedSlot,
                ..
            }) => NUMBER,
            Token::Replace(Replace {
                which: Which::All, ..
            }) => all,
            Token::Replace(Replace {
                which: Which::At(position),
                ..
            }) => argument_at(values.args, *position).map_or(0, |arg| arg.len() + QUOTES_AND_GAP),
        };
        let body = |body: &Body| 1 + body.tokens.iter().map(size).sum::<usize>();
        self.bodies.iter().map(body).sum()
    }
}

/// Where rendered bytes go, and the quoting that they get on the way.
struct Sink<'o> {
    out: &'o mut Vec<u8>,
    /// Of each value by itself.
    value: Quoting,
    /// Of everything from `start` to the next gap, literals included (`-q`).
    piece: Quoting,
    /// Values stand next to each other with nothing in between.
    touching: bool,
    /// An empty value is nothing, whatever its quoting.
    bare: bool,
    start: usize,
    /// How many of the values of Perl expressions were used.
    evaluated: usize,
    /// Where in `out` values are, for whoever wants to know.
    replaced: Option<&'o mut Vec<Range<usize>>>,
}

impl Sink<'_> {
    fn body(&mut self, body: &Body, values: Values<'_>, spread: Spread) {
        let repeat = spread == Spread::Repeat && values.args.len() > 1;
        for group in &body.groups {
            let tokens = &body.tokens[group.tokens.clone()];
            let first_evaluated = self.evaluated;
            if repeat && group.repeats {
                for index in 0..values.args.len() {
                    if index > 0 {
                        self.gap();
                    }
                    // Every round begins with the same expression.
                    self.evaluated = first_evaluated;
                    self.tokens(tokens, values, Some(index));
                }
            } else {
                self.tokens(tokens, values, None);
            }
        }
    }

    /// Renders `tokens`; `only` is the index of the argument that stands for all of them in a repeated
    /// word.
    fn tokens(&mut self, tokens: &[Token], values: Values<'_>, only: Option<usize>) {
        for token in tokens {
            match token {
                Token::Literal(text) => self.out.extend_from_slice(text),
                Token::Replace(replace) => {
                    let start = self.out.len();
                    self.replace(replace, values, only);
                    if let Some(replaced) = &mut self.replaced {
                        replaced.push(start..self.out.len());
                    }
                }
            }
        }
    }

    fn replace(&mut self, replace: &Replace, values: Values<'_>, only: Option<usize>) {
        let (which, formats) = (replace.which, &replace.formats[..]);
        match (&replace.what, which) {
            (What::Arg(transform), _) => self.each(which, values, only, |sink, arg| {
                sink.formatted(&transform(arg), formats);
            }),
            (What::Edit(edit), _) => self.each(which, values, only, |sink, arg| {
                sink.formatted(&edit.apply(arg), formats);
            }),
            (What::SkipIf(_), _) => self.each(which, values, only, |sink, arg| {
                sink.formatted(arg, formats);
            }),
            (What::Perl(_), _) => self.expression(replace, values, only),
            // As GNU parallel: an argument by itself has neither number nor slot.
            (_, Which::At(_)) => {}
            (What::Seq, Which::All) => self.number(values.seq, 1, formats),
            (What::Slot, Which::All) => self.number(values.slot as u64, 1, formats),
            (What::Total, Which::All) => self.number(values.total, 1, formats),
            (What::PaddedSeq, Which::All) => {
                self.number(values.seq, digits(values.total), formats);
            }
            (What::PaddedSlot, Which::All) => {
                self.number(values.slot as u64, digits(values.slots as u64), formats);
            }
            (What::Shell(text), Which::All) => self.out.extend_from_slice(text.as_bytes()),
        }
    }

    /// Does `append` for the arguments that are meant, with gaps in between. A position without an
    /// argument leaves nothing, not even a quoted nothing.
    fn each(
        &mut self,
        which: Which,
        values: Values<'_>,
        only: Option<usize>,
        append: impl Fn(&mut Self, &[u8]),
    ) {
        match (which, only) {
            (Which::All, Some(index)) => {
                if let Some(arg) = values.args.get(index) {
                    append(self, arg);
                }
            }
            (Which::All, None) => {
                for (index, arg) in values.args.iter().enumerate() {
                    if index > 0 {
                        self.gap();
                    }
                    append(self, arg);
                }
            }
            (Which::At(position), _) => {
                if let Some(arg) = argument_at(values.args, position) {
                    append(self, arg);
                }
            }
        }
    }

    /// The next of the values that were evaluated beforehand.
    fn expression(&mut self, replace: &Replace, values: Values<'_>, only: Option<usize>) {
        let which = replace.which;
        let count = called_for(values.args, which).len();
        let first = self.evaluated;
        self.evaluated += count;
        let range = match (which, only) {
            (Which::All, Some(index)) => first + index..first + index + 1,
            _ => first..first + count,
        };
        for (index, result) in values
            .evaluated
            .get(range)
            .into_iter()
            .flatten()
            .enumerate()
        {
            if index > 0 {
                self.gap();
            }
            let value = apply(&replace.formats, result.value);
            if result.quoted {
                self.value(&value);
            } else {
                self.out.extend_from_slice(&value);
            }
        }
    }

    fn value(&mut self, value: &[u8]) {
        if self.bare && value.is_empty() {
            return;
        }
        self.value.append(value, self.out);
    }

    fn formatted(&mut self, value: &[u8], formats: &[Format]) {
        self.value(&apply(formats, value));
    }

    /// A number of at least `width` digits.
    // Inlined, the digits of all numbers that there are would be worked out before each word.
    #[inline(never)]
    fn number(&mut self, mut number: u64, width: usize, formats: &[Format]) {
        let mut digits = [0; 20];
        let mut start = digits.len();
        loop {
            start -= 1;
            digits[start] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 && digits.len() - start >= width {
                break;
            }
        }
        match formats {
            [] => self.out.extend_from_slice(&digits[start..]),
            formats => self.formatted(&digits[start..], formats),
        }
    }

    /// The space between two arguments, which no quotes ever enclose.
    fn gap(&mut self) {
        self.end_piece();
        self.out.extend((!self.touching).then_some(b' '));
        self.start = self.out.len();
    }

    fn end_piece(&mut self) {
        if self.bare && self.out.len() == self.start {
            return;
        }
        self.piece.quote_tail(self.out, self.start);
    }
}

/// `value`, written by each of `formats` in turn.
fn apply<'v>(formats: &[Format], value: &'v [u8]) -> Cow<'v, [u8]> {
    formats.iter().fold(Cow::Borrowed(value), |value, format| {
        Cow::Owned(format.apply(&value))
    })
}

/// How many decimal digits `number` has.
#[inline(never)]
fn digits(number: u64) -> usize {
    number
        .checked_ilog10()
        .map_or(1, |digits| digits as usize + 1)
}

/// The arguments, by their indices, that a replacement string is made for.
fn called_for(args: &ArgList, which: Which) -> std::ops::Range<usize> {
    match which {
        // Without any, an expression is still evaluated once: it may be about the job.
        Which::All => 0..args.len().max(1),
        Which::At(position) => index_at(args, position).map_or(0..0, |index| index..index + 1),
    }
}

/// The argument at a position as written.
fn argument_at(args: &ArgList, position: i64) -> Option<&[u8]> {
    args.get(index_at(args, position)?)
}

/// The index of the argument at a position. As in GNU parallel, negative positions go round once more:
/// of two arguments `{-3}` is the second again, and only `{-5}` is none.
fn index_at(args: &ArgList, position: i64) -> Option<usize> {
    let len = i64::try_from(args.len()).ok()?;
    let index = match position {
        1.. => position - 1,
        0 => return None,
        _ if position >= -len => len + position,
        _ => 2 * len + position,
    };
    usize::try_from(index)
        .ok()
        .filter(|&index| index < args.len())
}
