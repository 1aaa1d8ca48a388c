//! The exit code of a run: one enum, one conversion.

use crate::sys::signals::{self, Signal};

/// How a run ended, as the caller of the process sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCode {
    /// What the jobs' outcomes and the halt policy say: 0 to 255.
    Jobs(i32),
    /// An error of fanout's own.
    Error,
    /// There is no such database, or no such table in it.
    NoTable,
    /// The user ended the run, which GNU parallel answers with a number.
    Stopped,
    /// A signal ended the run: to end of it, so that a script that called fanout ends as well.
    Signalled(Signal),
    /// Nobody reads standard output: to end as a Unix filter does, by SIGPIPE.
    BrokenPipe,
}

/// The exit code for more failed jobs than it can count.
pub const MANY: i32 = 101;

impl ExitCode {
    /// That of a run of whose jobs so many have `failed`.
    pub fn of_failed(failed: u64) -> Self {
        Self::Jobs(failed.min(MANY as u64) as i32)
    }

    /// That of a run that `signal` has ended; with `dies`, fanout ends of it itself.
    pub fn of_signal(signal: Signal, dies: bool) -> Self {
        if dies {
            Self::Signalled(signal)
        } else {
            Self::Stopped
        }
    }

    /// The number for `exit(3)`.
    pub fn code(self) -> i32 {
        match self {
            Self::Jobs(code) => code,
            Self::NoTable => 2,
            Self::Error | Self::Stopped => 255,
            Self::Signalled(signal) => 128 + signal.number(),
            Self::BrokenPipe => 128 + signals::SIGPIPE,
        }
    }

    /// The signal to end of, if that is how.
    pub fn signal(self) -> Option<i32> {
        match self {
            Self::BrokenPipe => Some(signals::SIGPIPE),
            Self::Signalled(signal) => Some(signal.number()),
            Self::Jobs(_) | Self::NoTable | Self::Error | Self::Stopped => None,
        }
    }

    /// Whether the user has stopped the run, and does not wait for the last word.
    pub fn is_stop(self) -> bool {
        matches!(self, Self::Stopped | Self::Signalled(_))
    }
}
