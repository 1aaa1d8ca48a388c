//! Why a run ends without having run its jobs to the end, and the exit code that says so.

use std::fmt;

use crate::model::ExitCode;
use crate::sql::SqlError;

/// An error of fanout's own, in one line that names the culprit.
#[derive(Debug, PartialEq, Eq)]
pub struct RunError {
    words: String,
    /// What the process ends with.
    pub exit: ExitCode,
}

impl fmt::Display for RunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.words)
    }
}

impl From<anyhow::Error> for RunError {
    fn from(error: anyhow::Error) -> Self {
        Self {
            words: format!("{error:#}"),
            exit: ExitCode::Error,
        }
    }
}

impl From<SqlError> for RunError {
    /// A database or a table that is not there has an exit code of its own.
    fn from(error: SqlError) -> Self {
        Self {
            exit: if error.missing {
                ExitCode::NoTable
            } else {
                ExitCode::Error
            },
            words: error.why,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_has_an_exit_code_of_its_own() {
        for (missing, exit) in [(true, ExitCode::NoTable), (false, ExitCode::Error)] {
            let why = "there is no table x".to_owned();
            let error = RunError::from(SqlError { why, missing });
            assert_eq!(
                (error.to_string().as_str(), error.exit),
                ("there is no table x", exit)
            );
        }
        let error = anyhow::anyhow!("no such file").context("cannot read x");
        assert_eq!(
            RunError::from(error).to_string(),
            "cannot read x: no such file"
        );
    }
}
