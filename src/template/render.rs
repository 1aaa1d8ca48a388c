//! From tokens to bytes. Nothing is allocated but room in the output.

use super::{Body, Quoting, Replace, Template, Token, What, Which};
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
}

/// How a run writes values into its lines.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// For which shell they are quoted.
    pub quoting: Quoting,
    /// What several arguments do to the word around `{}`.
    pub spread: Spread,
}

/// What `x{}y` becomes when a job has the arguments `a` and `b`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spread {
    /// `xa by`: input sources side by side, `-n`, `-m`.
    #[default]
    Join,
    /// `xay xby`: `-N` and `-X`.
    Repeat,
}

impl Template {
    /// Appends the line for `values` to `out`.
    pub fn render(&self, values: Values<'_>, style: Style, out: &mut Vec<u8>) {
        let (value, piece) = if self.quote_bodies {
            (Quoting::Raw, style.quoting)
        } else if self.raw_values {
            (Quoting::Raw, Quoting::Raw)
        } else {
            (style.quoting, Quoting::Raw)
        };
        for (index, body) in self.bodies.iter().enumerate() {
            if index > 0 {
                out.push(b' ');
            }
            let start = out.len();
            let mut sink = Sink {
                out,
                value,
                piece,
                start,
            };
            sink.body(body, values, style.spread);
            sink.end_piece();
        }
    }
}

impl Template {
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
                what: What::Seq | What::Slot,
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
    start: usize,
}

impl Sink<'_> {
    fn body(&mut self, body: &Body, values: Values<'_>, spread: Spread) {
        let repeat = spread == Spread::Repeat && values.args.len() > 1;
        for group in &body.groups {
            let tokens = &body.tokens[group.tokens.clone()];
            if repeat && group.repeats {
                for (index, arg) in values.args.iter().enumerate() {
                    if index > 0 {
                        self.gap();
                    }
                    self.tokens(tokens, values, Some(arg));
                }
            } else {
                self.tokens(tokens, values, None);
            }
        }
    }

    /// Renders `tokens`; `only` is the argument that stands for all of them in a repeated word.
    fn tokens(&mut self, tokens: &[Token], values: Values<'_>, only: Option<&[u8]>) {
        for token in tokens {
            match token {
                Token::Literal(text) => self.out.extend_from_slice(text),
                Token::Replace(replace) => self.replace(*replace, values, only),
            }
        }
    }

    fn replace(
        &mut self,
        Replace { which, what }: Replace,
        values: Values<'_>,
        only: Option<&[u8]>,
    ) {
        match (what, which) {
            (What::Arg(transform), Which::All) => match only {
                Some(arg) => self.value(&transform(arg)),
                None => {
                    for (index, arg) in values.args.iter().enumerate() {
                        if index > 0 {
                            self.gap();
                        }
                        self.value(&transform(arg));
                    }
                }
            },
            (What::Arg(transform), Which::At(position)) => {
                // A position without an argument leaves nothing, not even a quoted nothing.
                if let Some(arg) = argument_at(values.args, position) {
                    self.value(&transform(arg));
                }
            }
            (What::Seq, Which::All) => self.number(values.seq),
            (What::Slot, Which::All) => self.number(values.slot as u64),
            // As GNU parallel: an argument by itself has neither number nor slot.
            (What::Seq | What::Slot, Which::At(_)) => {}
        }
    }

    fn value(&mut self, value: &[u8]) {
        self.value.append(value, self.out);
    }

    fn number(&mut self, mut number: u64) {
        let mut digits = [0; 20];
        let mut start = digits.len();
        loop {
            start -= 1;
            digits[start] = b'0' + (number % 10) as u8;
            number /= 10;
            if number == 0 {
                break;
            }
        }
        self.out.extend_from_slice(&digits[start..]);
    }

    /// The space between two arguments, which no quotes ever enclose.
    fn gap(&mut self) {
        self.end_piece();
        self.out.push(b' ');
        self.start = self.out.len();
    }

    fn end_piece(&mut self) {
        self.piece.quote_tail(self.out, self.start);
    }
}

/// The argument at a position as written. As in GNU parallel, negative positions go round once more:
/// of two arguments `{-3}` is the second again, and only `{-5}` is none.
fn argument_at(args: &ArgList, position: i64) -> Option<&[u8]> {
    let len = i64::try_from(args.len()).ok()?;
    let index = match position {
        1.. => position - 1,
        0 => return None,
        _ if position >= -len => len + position,
        _ => 2 * len + position,
    };
    args.get(usize::try_from(index).ok()?)
}
