//! Why a report could not be written.

use std::fmt;
use std::io;
use std::sync::Arc;

/// A report that could not be written. Cheap to clone: it is both posted at once and returned.
#[derive(Clone, Debug)]
pub enum Failure {
    /// Nobody reads our standard output any more: the run ends quietly.
    StdoutClosed,
    /// Anything else: a full disk, an I/O error, a spool file that cannot be read.
    Sink {
        /// What was being written or read: `standard output`, `--joblog run.log`.
        what: String,
        /// What the system said.
        error: Arc<io::Error>,
    },
    /// There are only so many variables to assign the output of jobs to.
    MoreJobsThanVariables(usize),
    /// The outputs of jobs could not be merged.
    Merge(Arc<io::Error>),
}

impl Failure {
    /// The failure `error` of `what`.
    pub fn new(what: impl Into<String>, error: io::Error) -> Self {
        Self::Sink {
            what: what.into(),
            error: Arc::new(error),
        }
    }

    /// The failure `error` of `--reduce`.
    pub(super) fn of_merge(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Self::StdoutClosed,
            _ => Self::Merge(Arc::new(error)),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::StdoutClosed => f.write_str("standard output was closed"),
            Self::MoreJobsThanVariables(named) => {
                write!(
                    f,
                    "there are more jobs than variables, of which {named} are named"
                )
            }
            Self::Merge(error) => write!(f, "--reduce: {error}"),
            Self::Sink { what, error } => write!(f, "cannot write to {what}: {error}"),
        }
    }
}

impl std::error::Error for Failure {}
