//! A table of jobs, in whichever database it is.

use std::fmt;
use std::sync::Arc;

/// An open table, in whichever database it is. All of it fails when the database does.
pub trait Table: fmt::Debug + Send {
    /// Makes the table anew, with columns for so many arguments, and writes its first jobs, which wait: all of that or
    /// nothing, so that nobody takes a table for done that was to be filled.
    fn create(&mut self, values: usize, jobs: &[Waiting<'_>]) -> Result<(), SqlError>;

    /// Goes on with a table that is there; fails when there is none.
    fn go_on(&mut self) -> Result<(), SqlError>;

    /// Writes jobs that wait, all or none of them, and numbers them.
    fn insert(&mut self, jobs: &[Waiting<'_>]) -> Result<(), SqlError>;

    /// How many rows there are.
    fn count(&mut self) -> Result<u64, SqlError>;

    /// Whether every row is over.
    fn is_done(&mut self) -> Result<bool, SqlError>;

    /// How many jobs have failed.
    fn failed(&mut self) -> Result<u64, SqlError>;

    /// Takes up to `most` rows that wait, the first of those whose tickets are behind `after`, in their order.
    fn claim(&mut self, after: i64, most: usize) -> Result<Vec<Row>, SqlError>;

    /// The rows that [`claim`](Self::claim) would take; they are left as they are.
    fn look(&mut self, after: i64, most: usize) -> Result<Vec<Row>, SqlError>;

    /// Writes what became of the job of `ticket`; may stay in memory until [`commit`](Self::commit).
    fn finish(&mut self, ticket: Ticket, end: &Finished<'_>) -> Result<(), SqlError>;

    /// Has the row of job `seq`, which this worker has finished well with the rendered `command`, say that it has
    /// failed: what it wrote is only there.
    fn fail(&mut self, seq: u64, command: &[u8]) -> Result<(), SqlError>;

    /// Gives the row of `ticket` back, so that it waits again, unless it is over; may stay in memory until
    /// [`commit`](Self::commit).
    fn release(&mut self, ticket: Ticket) -> Result<(), SqlError>;

    /// Gives back the rows that workers on this machine have taken of which `is_gone` says, by their mark,
    /// that they do not live any more.
    fn release_abandoned(&mut self, is_gone: &dyn Fn(&str) -> bool) -> Result<(), SqlError>;

    /// Makes what was written last.
    fn commit(&mut self) -> Result<(), SqlError>;
}

/// Who takes rows; nobody if only a master is at work.
#[derive(Clone, Debug, Default)]
pub struct Worker {
    /// The name of the machine.
    pub host: String,
    /// What a row has in `Stdout` while it is taken; behind it stands a number.
    pub mark: String,
}

impl Worker {
    /// What stands in a row that was taken with the number `turn`.
    pub fn mark_of(&self, turn: u64) -> String {
        format!("{}-{turn}", self.mark)
    }
}

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
    pub(super) id: i64,
    /// The number that its mark has.
    pub(super) turn: u64,
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

/// So many bytes a row has at most: `SQLite` takes no more, `PostgreSQL` hardly more.
pub const MOST_BYTES: u64 = 1_000_000_000;

/// The `Exitval` of a job that did well, and whose output could not be written out.
pub const OUTPUT_LOST: i32 = -1;

/// Fails if what was written by job `seq` is of more `bytes` than a row can have.
///
/// # Errors
///
/// In words that say what can be done.
pub fn check_size(seq: u64, bytes: u64) -> Result<(), SqlError> {
    if bytes <= MOST_BYTES {
        return Ok(());
    }
    Err(SqlError {
        why: format!(
            "what job {seq} wrote takes {bytes} bytes, and a row has {MOST_BYTES} at most; \
             with --files it has the names of files instead"
        ),
        missing: false,
    })
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
