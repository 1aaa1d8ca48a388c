//! How an attempt ended. An outcome is a value, never an error.

use crate::sys::child::Exit;

/// How one attempt at a job ended. Every attempt has exactly one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// The process ended by itself with this exit code (0 to 255).
    Exited(i32),
    /// A signal that fanout did not send for a reason of its own ended the process.
    Signaled(i32),
    /// It ran into its time limit and was asked, or made, to end; this is how it did.
    TimedOut(Exit),
    /// It ran and ended like this, but what it wrote could not be kept.
    OutputLost(OutputLost),
    /// It was never started.
    SpawnFailed(SpawnError),
    /// fanout ended it, or never started it: who wanted that, and how it ended, if it ran.
    Cancelled {
        /// On whose behalf.
        by: KilledBy,
        /// The signal that ended the process; `None` when it had not been started, or exited by itself
        /// when it was asked to.
        signal: Option<i32>,
    },
    /// The job itself asked not to be run: `skip()`, `{uniq}`, `{choose_k}`.
    Skipped,
    /// A `--filter` was not true for it.
    FilteredOut,
    /// The user said no to it (`--interactive`).
    Declined,
    /// An earlier run did it already (`--resume`), so this one does not.
    DoneBefore,
    /// It was only shown (`--dry-run`).
    DryRun,
    /// fanout lost sight of it (a worker panicked); nothing more is known.
    Lost(Option<SpawnError>),
}

/// How an attempt ended whose output is lost, which makes it a failure in any case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutputLost {
    /// How the process ended.
    pub exit: Exit,
    /// Why nothing was kept, in words that name the place.
    pub why: String,
}

/// Why an attempt was never started, or was lost sight of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SpawnError {
    /// Why, in words that name what is wrong.
    pub why: String,
    /// Whether it is the command's fault, not the moment's: then, as in GNU parallel, the run ends.
    pub fatal: bool,
    /// The exit code of the run, where an expression asked for the end of it (`exit`): then nothing is wrong.
    pub exit: Option<i32>,
}

impl From<String> for SpawnError {
    fn from(why: String) -> Self {
        Self::fatal(why)
    }
}

impl From<&str> for SpawnError {
    fn from(why: &str) -> Self {
        Self::fatal(why)
    }
}

impl SpawnError {
    /// A failure of the moment: no process, memory or file to be had.
    pub fn passing(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            fatal: false,
            exit: None,
        }
    }

    /// An expression called `exit`.
    pub fn exit(code: i32) -> Self {
        Self {
            exit: Some(code),
            ..Self::fatal(format!("exit {code}"))
        }
    }

    /// A command that cannot be run at any time.
    pub fn fatal(why: impl Into<String>) -> Self {
        Self {
            why: why.into(),
            fatal: true,
            exit: None,
        }
    }
}

/// Who had a job ended before its time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KilledBy {
    /// Ctrl-C, SIGTERM or a closed standard output.
    User,
    /// The `--halt` policy.
    Halt,
    /// Memory ran short (`--memfree`), or `--limit` said so: the job is run again later.
    Memory,
}

impl Outcome {
    /// How an attempt ended whose output turned out to be lost, after it had ended like this; what has failed
    /// otherwise stays that.
    #[must_use]
    pub fn with_output_lost(self, why: String) -> Self {
        let exit = match self {
            Self::Exited(code) => Exit::Code(code),
            Self::Signaled(signal) => Exit::Signal(signal),
            failed => return failed,
        };
        Self::OutputLost(OutputLost { exit, why })
    }

    /// What went wrong on fanout's side, if something did.
    pub fn error(&self) -> Option<&SpawnError> {
        match self {
            Self::SpawnFailed(error) | Self::Lost(Some(error)) => Some(error),
            _ => None,
        }
    }

    /// Whether the job did what it should: it exited with 0, or was not even to be run.
    pub fn is_success(&self) -> bool {
        matches!(self, Self::Exited(0) | Self::DryRun)
    }

    /// Whether the job was left out: it counts neither as started nor as ended in any way.
    pub fn is_left_out(&self) -> bool {
        matches!(self, Self::Skipped | Self::FilteredOut | Self::DoneBefore)
    }

    /// The value that GNU parallel writes as `Exitval` into a joblog.
    ///
    /// -2 when it was skipped, -1 when its output was lost (unless it failed anyway) or fanout had to end it (unless it used the time to exit with a code of its own), 127 when it could not start, 0 when a signal ended it.
    pub fn joblog_exit(&self) -> i32 {
        match *self {
            Self::Exited(code) => code,
            Self::OutputLost(OutputLost { exit, .. }) => match exit {
                Exit::Code(0) => -1,
                Exit::Code(code) => code,
                Exit::Signal(_) => 0,
            },
            Self::Signaled(_) | Self::DryRun => 0,
            Self::TimedOut(Exit::Code(code)) if code != 0 => code,
            Self::TimedOut(_) | Self::Cancelled { .. } | Self::Lost(_) => -1,
            Self::SpawnFailed(_) => 127,
            Self::Skipped | Self::FilteredOut | Self::Declined | Self::DoneBefore => -2,
        }
    }

    /// The number of the signal that ended the process, or 0.
    pub fn signal(&self) -> i32 {
        match *self {
            Self::Signaled(signal)
            | Self::TimedOut(Exit::Signal(signal))
            | Self::OutputLost(OutputLost {
                exit: Exit::Signal(signal),
                ..
            }) => signal,
            Self::Cancelled { signal, .. } => signal.unwrap_or(0),
            Self::Exited(_)
            | Self::TimedOut(Exit::Code(_))
            | Self::OutputLost(_)
            | Self::SpawnFailed(_)
            | Self::Skipped
            | Self::FilteredOut
            | Self::Declined
            | Self::DoneBefore
            | Self::DryRun
            | Self::Lost(_) => 0,
        }
    }
}
