//! Values in headers, and what they mean.

use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use crate::model;
use crate::sys::child;

/// An attempt: the number of its job, and which try this is, from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Id(pub u64, pub u32);

/// A time by the calendar, in nanoseconds since 1970.
pub(super) fn nanos_since_1970(time: SystemTime) -> i64 {
    let nanos = |time: Duration| i128::try_from(time.as_nanos()).unwrap_or(i128::MAX);
    let nanos = match time.duration_since(SystemTime::UNIX_EPOCH) {
        Ok(since) => nanos(since),
        Err(before) => -nanos(before.duration()),
    };
    i64::try_from(nanos.clamp(i64::MIN.into(), i64::MAX.into())).unwrap_or_default()
}

pub(super) fn time_of(nanos: i64) -> SystemTime {
    let time = Duration::from_nanos(nanos.unsigned_abs());
    let epoch = SystemTime::UNIX_EPOCH;
    let it = if nanos < 0 {
        epoch.checked_sub(time)
    } else {
        epoch.checked_add(time)
    };
    it.unwrap_or(epoch)
}

/// A length of time, in nanoseconds.
pub(super) fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX)
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
pub(super) fn is_zero(number: &usize) -> bool {
    *number == 0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
pub(super) fn is_none_or_zero(number: &u64) -> bool {
    *number == 0
}

#[allow(clippy::trivially_copy_pass_by_ref, reason = "serde wants it so")]
pub(super) fn is_false(is: &bool) -> bool {
    !*is
}

/// Which of a job's two outputs, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "u8", into = "u8")]
pub struct Fd(pub model::Stream);

impl TryFrom<u8> for Fd {
    type Error = &'static str;

    fn try_from(number: u8) -> Result<Self, Self::Error> {
        match number {
            1 => Ok(Self(model::Stream::Stdout)),
            2 => Ok(Self(model::Stream::Stderr)),
            _ => Err("an output is 1 or 2"),
        }
    }
}

impl From<Fd> for u8 {
    fn from(fd: Fd) -> Self {
        match fd.0 {
            model::Stream::Stdout => 1,
            model::Stream::Stderr => 2,
        }
    }
}

/// Who had a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum KilledBy {
    /// The user, or the loss of the coordinator.
    User,
    /// `--halt`.
    Halt,
    /// `--memfree`, `--limit`.
    Memory,
}

impl From<model::KilledBy> for KilledBy {
    fn from(by: model::KilledBy) -> Self {
        match by {
            model::KilledBy::User => Self::User,
            model::KilledBy::Halt => Self::Halt,
            model::KilledBy::Memory => Self::Memory,
        }
    }
}

impl From<KilledBy> for model::KilledBy {
    fn from(by: KilledBy) -> Self {
        match by {
            KilledBy::User => Self::User,
            KilledBy::Halt => Self::Halt,
            KilledBy::Memory => Self::Memory,
        }
    }
}

/// How a process ended. Signals have Linux's numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Exit {
    Code(i32),
    Signal(i32),
}

impl From<child::Exit> for Exit {
    fn from(exit: child::Exit) -> Self {
        match exit {
            child::Exit::Code(code) => Self::Code(code),
            child::Exit::Signal(signal) => Self::Signal(signal),
        }
    }
}

impl From<Exit> for child::Exit {
    fn from(exit: Exit) -> Self {
        match exit {
            Exit::Code(code) => Self::Code(code),
            Exit::Signal(signal) => Self::Signal(signal),
        }
    }
}

/// Why an attempt was not started, or lost sight of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Failure {
    why: String,
    #[serde(default, skip_serializing_if = "is_false")]
    fatal: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    exit: Option<i32>,
}

impl From<model::SpawnError> for Failure {
    fn from(error: model::SpawnError) -> Self {
        let model::SpawnError { why, fatal, exit } = error;
        Self { why, fatal, exit }
    }
}

impl From<Failure> for model::SpawnError {
    fn from(failure: Failure) -> Self {
        let Failure { why, fatal, exit } = failure;
        Self { why, fatal, exit }
    }
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Outcome {
    Exited(i32),
    Signaled(i32),
    TimedOut(Exit),
    OutputLost {
        exit: Exit,
        why: String,
    },
    SpawnFailed(Failure),
    Cancelled {
        by: KilledBy,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        signal: Option<i32>,
    },
    Skipped,
    FilteredOut,
    Declined,
    DoneBefore,
    DryRun,
    Lost(Option<Failure>),
}

impl From<model::Outcome> for Outcome {
    fn from(outcome: model::Outcome) -> Self {
        match outcome {
            model::Outcome::Exited(code) => Self::Exited(code),
            model::Outcome::Signaled(signal) => Self::Signaled(signal),
            model::Outcome::TimedOut(exit) => Self::TimedOut(exit.into()),
            model::Outcome::OutputLost(model::OutputLost { exit, why }) => Self::OutputLost {
                exit: exit.into(),
                why,
            },
            model::Outcome::SpawnFailed(error) => Self::SpawnFailed(error.into()),
            model::Outcome::Cancelled { by, signal } => Self::Cancelled {
                by: by.into(),
                signal,
            },
            model::Outcome::Skipped => Self::Skipped,
            model::Outcome::FilteredOut => Self::FilteredOut,
            model::Outcome::Declined => Self::Declined,
            model::Outcome::DoneBefore => Self::DoneBefore,
            model::Outcome::DryRun => Self::DryRun,
            model::Outcome::Lost(error) => Self::Lost(error.map(Failure::from)),
        }
    }
}

impl From<Outcome> for model::Outcome {
    fn from(outcome: Outcome) -> Self {
        match outcome {
            Outcome::Exited(code) => Self::Exited(code),
            Outcome::Signaled(signal) => Self::Signaled(signal),
            Outcome::TimedOut(exit) => Self::TimedOut(exit.into()),
            Outcome::OutputLost { exit, why } => Self::OutputLost(model::OutputLost {
                exit: exit.into(),
                why,
            }),
            Outcome::SpawnFailed(failure) => Self::SpawnFailed(failure.into()),
            Outcome::Cancelled { by, signal } => Self::Cancelled {
                by: by.into(),
                signal,
            },
            Outcome::Skipped => Self::Skipped,
            Outcome::FilteredOut => Self::FilteredOut,
            Outcome::Declined => Self::Declined,
            Outcome::DoneBefore => Self::DoneBefore,
            Outcome::DryRun => Self::DryRun,
            Outcome::Lost(failure) => Self::Lost(failure.map(model::SpawnError::from)),
        }
    }
}

/// What an attempt cost: CPU time in nanoseconds, memory in bytes, and what the kernel counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(super) struct Usage {
    #[serde(skip_serializing_if = "is_none_or_zero")]
    user: u64,
    #[serde(skip_serializing_if = "is_none_or_zero")]
    sys: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    max_rss: Option<u64>,
    /// Major faults, voluntary and involuntary switches, blocks read and written.
    #[serde(skip_serializing_if = "Option::is_none")]
    counts: Option<[u64; 5]>,
}

impl From<model::Usage> for Usage {
    fn from(usage: model::Usage) -> Self {
        Self {
            user: nanos(usage.user),
            sys: nanos(usage.sys),
            max_rss: usage.max_rss_bytes,
            counts: usage
                .counts
                .map(|it| [it.majflt, it.nvcsw, it.nivcsw, it.in_blocks, it.out_blocks]),
        }
    }
}

impl From<Usage> for model::Usage {
    fn from(usage: Usage) -> Self {
        let counts = |[majflt, nvcsw, nivcsw, in_blocks, out_blocks]: [u64; 5]| child::Counts {
            majflt,
            nvcsw,
            nivcsw,
            in_blocks,
            out_blocks,
        };
        Self {
            user: Duration::from_nanos(usage.user),
            sys: Duration::from_nanos(usage.sys),
            max_rss_bytes: usage.max_rss,
            counts: usage.counts.map(counts),
        }
    }
}
