//! Jobs that wait in a table of a database, and their results: `--sqlmaster`, `--sqlworker`.
//!
//! * [`url`]: which database and table is meant; [`alias`]: short names for that;
//! * [`sqlite`]: the table in a file of `SQLite`: rows in, claims, results;
//! * [`claims`]: the rows that this worker has taken and not finished yet.
//!
//! Rules learnt from GNU parallel 20221122, whose masters and workers can share a table with these:
//!
//! - A row that waits has `Exitval` -1000 and the unrendered command; one that a worker has taken has
//!   -1220 and a mark of the worker's in `Stdout`; one that is over has all that a joblog has, and what the
//!   job wrote.
//! - `V1`, `V2`, … are the arguments.
//!
//! A row is taken by one statement, so no two workers ever get the same one. What is no UTF-8, or has a NUL
//! byte, is stored as a BLOB: it comes back as it was, and other programs are not misled about it.

pub mod alias;
pub mod claims;
pub mod sqlite;
pub mod url;

#[cfg(test)]
mod tests;

use std::fmt;
use std::sync::Arc;

/// A job as the master writes it.
#[derive(Clone, Copy, Debug)]
pub struct Waiting<'a> {
    /// Its command, unrendered.
    pub command: &'a [u8],
    /// Its arguments.
    pub args: &'a [&'a [u8]],
}

/// Says that a row was taken by this worker, and when. It is good for this row only, even if the table is made
/// anew.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ticket {
    /// Where the row is in the table.
    id: i64,
    /// How often rows had been taken.
    turn: u64,
}

/// A row that this worker has taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Row {
    /// What finishes it.
    pub ticket: Ticket,
    /// The job's number.
    pub seq: u64,
    /// The job's command, unrendered.
    pub command: Arc<[u8]>,
    /// The job's arguments.
    pub args: Vec<Vec<u8>>,
}

/// What became of a job.
#[derive(Clone, Debug)]
pub struct Finished<'a> {
    /// When it was started, in seconds since 1970.
    pub start: f64,
    /// How long it took, in seconds.
    pub runtime: f64,
    /// How many bytes it was fed.
    pub sent: u64,
    /// How many bytes it wrote.
    pub received: u64,
    /// Its exit code.
    pub exit: i32,
    /// The signal that ended it.
    pub signal: i32,
    /// Its command, rendered.
    pub command: &'a [u8],
    /// What it wrote to standard output.
    pub stdout: &'a [u8],
    /// What it wrote to standard error.
    pub stderr: &'a [u8],
}

/// Why a table cannot be used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlError {
    /// In words that name the database.
    pub why: String,
    /// Whether the database or the table is not there.
    pub missing: bool,
}

impl fmt::Display for SqlError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.why)
    }
}

impl std::error::Error for SqlError {}
