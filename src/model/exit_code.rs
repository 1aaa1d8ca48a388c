//! The exit code of a run: one enum, one conversion, and one place that decides it.

use std::sync::{Mutex, MutexGuard, PoisonError};

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

/// The exit code that a run ends with, also where something happens after the controller has left: a report that
/// fails, a signal while the last of the output waits for its reader. Whoever writes the exit code down asks here.
#[derive(Debug, Default)]
pub struct LastWord(Mutex<Overruling>);

/// What changes the exit code of the controller.
#[derive(Debug, Default)]
struct Overruling {
    /// That of the first report that has failed.
    failed: Option<ExitCode>,
    /// That of the signal by which the user has given up what is left of the output.
    stopped: Option<ExitCode>,
    /// Whether the exit code is written down somewhere.
    told: bool,
}

impl LastWord {
    fn overruling(&self) -> MutexGuard<'_, Overruling> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A report has failed, for which fanout exits with `code`.
    pub fn failed(&self, code: ExitCode) {
        self.overruling().failed.get_or_insert(code);
    }

    /// The user has stopped what is left of the run, for which fanout exits with `code`, unless another one is written
    /// down already.
    pub fn stopped(&self, code: ExitCode) {
        let mut overruling = self.overruling();
        if !overruling.told {
            overruling.stopped.get_or_insert(code);
        }
    }

    /// What becomes of the exit code `of_run`, which the controller has left with.
    pub fn on(&self, of_run: ExitCode) -> ExitCode {
        self.overruling().on(of_run)
    }

    /// As [`on`](Self::on), for somebody who writes it down: only a further failure changes it then.
    pub fn tell(&self, of_run: ExitCode) -> ExitCode {
        let mut overruling = self.overruling();
        overruling.told = true;
        overruling.on(of_run)
    }
}

impl Overruling {
    /// A user who has stopped the run hears of that, whatever else went wrong.
    fn on(&self, of_run: ExitCode) -> ExitCode {
        if of_run.is_stop() {
            return of_run;
        }
        self.stopped.or(self.failed).unwrap_or(of_run)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stop_comes_first_then_the_first_failure_then_the_jobs() {
        let word = LastWord::default();
        assert_eq!(word.on(ExitCode::Jobs(3)), ExitCode::Jobs(3));
        word.failed(ExitCode::BrokenPipe);
        word.failed(ExitCode::Error);
        assert_eq!(word.on(ExitCode::Jobs(3)), ExitCode::BrokenPipe);
        let int = ExitCode::Signalled(Signal::Interrupt);
        assert_eq!(word.on(int), int);
        word.stopped(int);
        assert_eq!(word.on(ExitCode::Jobs(0)), int);
    }

    #[test]
    fn what_is_written_down_is_changed_by_a_failure_alone() {
        let word = LastWord::default();
        assert_eq!(word.tell(ExitCode::Jobs(0)), ExitCode::Jobs(0));
        word.stopped(ExitCode::Stopped);
        assert_eq!(word.on(ExitCode::Jobs(0)), ExitCode::Jobs(0));
        word.failed(ExitCode::Error);
        assert_eq!(word.on(ExitCode::Jobs(0)), ExitCode::Error);
    }
}
