//! The exit code of a run: one enum, one conversion.

/// How a run ended, as the caller of the process sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ExitCode {
    /// What the jobs' outcomes and the halt policy say: 0 to 255.
    Jobs(i32),
    /// An error of fanout's own.
    Error,
    /// There is no such database, or no such table in it.
    NoTable,
    /// The user ended the run.
    Stopped,
    /// Nobody reads standard output: to end as a Unix filter does, by SIGPIPE.
    BrokenPipe,
}

impl ExitCode {
    /// The number for `exit(3)`.
    pub fn code(self) -> i32 {
        match self {
            Self::Jobs(code) => code,
            Self::NoTable => 2,
            Self::Error | Self::Stopped => 255,
            Self::BrokenPipe => 141,
        }
    }
}
