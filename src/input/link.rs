//! Sources that advance together: `:::+`, `::::+`, `--link`.

use super::error::InputError;
use super::source::Streams;
use super::{InputConfig, SourceSpec};
use crate::model::ArgList;

/// How the sources hang together.
#[derive(Debug)]
pub(super) struct Links {
    /// For each source: whether it advances together with the one before it.
    with_previous: Vec<bool>,
    /// `--link`: a source that has ended starts over until the longest has ended.
    pub(super) wrap: bool,
}

impl Links {
    pub(super) fn of(config: &InputConfig) -> Self {
        let linked =
            |(index, spec): (usize, &SourceSpec)| index > 0 && (spec.linked || config.link);
        let with_previous = config.sources.iter().enumerate().map(linked).collect();
        Self {
            with_previous,
            wrap: config.link,
        }
    }

    /// How many sources there are.
    pub(super) fn len(&self) -> usize {
        self.with_previous.len()
    }

    /// Whether this source advances together with the one before it.
    pub(super) fn with_previous(&self, source: usize) -> bool {
        self.with_previous[source]
    }
}

/// Neighbouring sources that advance together; most often only one.
#[derive(Debug)]
pub(super) struct Group {
    members: Vec<Member>,
    /// `--link`: a member that has ended starts over until the longest has ended.
    wrap: bool,
}

#[derive(Debug)]
struct Member {
    source: usize,
    ended: bool,
    /// With `wrap`: its arguments so far, to start over with, and the next one to repeat.
    tape: Vec<ArgList>,
    next: usize,
}

impl Group {
    pub(super) fn new(source: usize, wrap: bool) -> Self {
        let mut group = Self {
            members: Vec::new(),
            wrap,
        };
        group.link(source);
        group
    }

    /// Adds a source to those that advance together.
    pub(super) fn link(&mut self, source: usize) {
        self.members.push(Member {
            source,
            ended: false,
            tape: Vec::new(),
            next: 0,
        });
    }

    /// The first row, made of the first argument of each of all sources.
    pub(super) fn first_row(&mut self, heads: &[Option<ArgList>]) -> ArgList {
        let mut row = ArgList::new();
        for member in &mut self.members {
            // As GNU parallel: an empty source among others is one empty argument.
            let head = heads[member.source].clone();
            member.ended = head.is_none();
            let head = head.unwrap_or_else(|| ArgList::single(Vec::new()));
            row.extend(&head);
            if self.wrap {
                member.tape.push(head);
            }
        }
        row
    }

    /// The next row; `None` when the group is through.
    pub(super) fn next_row(
        &mut self,
        streams: &mut Streams,
    ) -> Result<Option<ArgList>, InputError> {
        if self.wrap {
            self.next_wrapped(streams)
        } else {
            self.next_zipped(streams)
        }
    }

    fn next_zipped(&mut self, streams: &mut Streams) -> Result<Option<ArgList>, InputError> {
        let mut row = ArgList::new();
        for member in &mut self.members {
            let arg = if member.ended {
                None
            } else {
                streams.pull(member.source)?
            };
            match arg {
                Some(args) => row.extend(&args),
                None => return Ok(None),
            }
        }
        Ok(Some(row))
    }

    fn next_wrapped(&mut self, streams: &mut Streams) -> Result<Option<ArgList>, InputError> {
        let mut row = ArgList::new();
        // The last source that still runs never starts over: nothing of it need be kept.
        let keep = self.members.iter().filter(|member| !member.ended).count() > 1;
        let mut fresh = false;
        for member in &mut self.members {
            let arg = if member.ended {
                None
            } else {
                streams.pull(member.source)?
            };
            if let Some(arg) = arg {
                fresh = true;
                row.extend(&arg);
                if keep {
                    member.tape.push(arg);
                }
            } else {
                member.ended = true;
                row.extend(&member.tape[member.next]);
                member.next = (member.next + 1) % member.tape.len();
            }
        }
        Ok(fresh.then_some(row))
    }
}
