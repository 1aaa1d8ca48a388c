//! Attempts as a worker tells of them: that one has started, and how it ended.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::frame::{Fault, Parts};
use super::wire::{self, Id, is_none_or_zero, is_zero, nanos, nanos_since_1970, time_of};
use crate::model::{ArgList, Outcome, Ran, Usage};

/// A process that was started.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Started {
    /// Which attempt it is.
    pub id: Id,
    /// Its slot, from 1.
    pub slot: usize,
    /// The process.
    pub pid: Option<i32>,
    /// When, by the worker's clock.
    pub at: SystemTime,
    /// The words handed to the program when no shell was needed.
    pub argv: Option<ArgList>,
}

/// An attempt that is over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct End {
    /// Which it is.
    pub id: Id,
    /// Its slot, from 1, if it had one.
    pub slot: Option<usize>,
    /// Its process, if it had one.
    pub pid: Option<i32>,
    /// The words handed to the program when no shell was needed.
    pub argv: Option<ArgList>,
    /// When its process was started, and how long it took.
    pub ran: Option<Ran>,
    /// When it was over.
    pub ended_at: SystemTime,
    /// How it ended.
    pub outcome: Outcome,
    /// What it cost.
    pub usage: Usage,
    /// How many bytes it was fed, where that counts.
    pub sent: u64,
    /// How many bytes of its outputs were sent on while it ran.
    pub streamed: [u64; 2],
    /// The processes that it has left running.
    pub left_running: Vec<i32>,
    /// What is left of its outputs, behind what was [`Kept`](super::Up::Kept).
    pub outputs: [Vec<u8>; 2],
}

/// Its bytes are the words of `argv`.
#[derive(Serialize, Deserialize)]
pub(super) struct StartedHead {
    id: Id,
    slot: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pid: Option<i32>,
    at: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    argv: Option<Vec<usize>>,
    /// For how long it has run; only in a list of what runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    since: Option<u64>,
}

/// Its bytes are the words of `argv`, then `out` and `err`.
#[derive(Serialize, Deserialize)]
pub(super) struct EndHead {
    id: Id,
    outcome: wire::Outcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    slot: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pid: Option<i32>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    argv: Option<Vec<usize>>,
    /// When it began, and how long it took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    ran: Option<(i64, u64)>,
    at: i64,
    #[serde(default)]
    usage: wire::Usage,
    #[serde(default, skip_serializing_if = "is_none_or_zero")]
    sent: u64,
    #[serde(default, skip_serializing_if = "is_nothing")]
    streamed: [u64; 2],
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    left: Vec<i32>,
    #[serde(default, skip_serializing_if = "is_zero")]
    out: usize,
    #[serde(default, skip_serializing_if = "is_zero")]
    err: usize,
}

fn is_nothing(streamed: &[u64; 2]) -> bool {
    *streamed == [0; 2]
}

fn lengths(argv: Option<&ArgList>) -> Option<Vec<usize>> {
    argv.map(|argv| argv.iter().map(<[u8]>::len).collect())
}

pub(super) fn words(argv: Option<&ArgList>) -> impl Iterator<Item = &[u8]> + Clone {
    argv.into_iter().flat_map(ArgList::iter)
}

impl StartedHead {
    pub(super) fn of(it: &Started, since: Option<Duration>) -> Self {
        Self {
            id: it.id,
            slot: it.slot,
            pid: it.pid,
            at: nanos_since_1970(it.at),
            argv: lengths(it.argv.as_ref()),
            since: since.map(nanos),
        }
    }
}

impl EndHead {
    pub(super) fn of(it: &End) -> Self {
        Self {
            id: it.id,
            outcome: it.outcome.clone().into(),
            slot: it.slot,
            pid: it.pid,
            argv: lengths(it.argv.as_ref()),
            ran: it
                .ran
                .map(|ran| (nanos_since_1970(ran.started_at), nanos(ran.took))),
            at: nanos_since_1970(it.ended_at),
            usage: it.usage.into(),
            sent: it.sent,
            streamed: it.streamed,
            left: it.left_running.clone(),
            out: it.outputs[0].len(),
            err: it.outputs[1].len(),
        }
    }
}

impl StartedHead {
    /// What it says, and for how long that has run, in a list.
    pub(super) fn read(self, parts: &mut Parts<'_>) -> Result<(Started, Duration), Fault> {
        let started = Started {
            id: self.id,
            slot: self.slot,
            pid: self.pid,
            at: time_of(self.at),
            argv: arg_list(self.argv, parts)?,
        };
        Ok((started, Duration::from_nanos(self.since.unwrap_or(0))))
    }
}

impl EndHead {
    pub(super) fn read(self, parts: &mut Parts<'_>) -> Result<End, Fault> {
        let argv = arg_list(self.argv, parts)?;
        Ok(End {
            id: self.id,
            slot: self.slot,
            pid: self.pid,
            argv,
            ran: self.ran.map(|(at, took)| Ran {
                started_at: time_of(at),
                took: Duration::from_nanos(took),
            }),
            ended_at: time_of(self.at),
            outcome: self.outcome.into(),
            usage: self.usage.into(),
            sent: self.sent,
            streamed: self.streamed,
            left_running: self.left,
            outputs: [parts.take_vec(self.out)?, parts.take_vec(self.err)?],
        })
    }
}

fn arg_list(lengths: Option<Vec<usize>>, parts: &mut Parts<'_>) -> Result<Option<ArgList>, Fault> {
    let Some(lengths) = lengths else {
        return Ok(None);
    };
    let words = lengths.into_iter().map(|len| parts.take(len));
    Ok(Some(words.collect::<Result<ArgList, _>>()?))
}
