//! The JSON stream, written and read: one object a line.
//!
//! [`wire`] has the shape of the lines, [`text`] says where bytes that are no text go, [`stamp`] is a moment, and
//! [`schema`](schema()) prints the schema. `report` writes lines; whoever goes on after a run or shows it once more
//! [reads](Reader) them.

mod schema;
pub mod stamp;
pub mod text;
pub mod wire;

use std::fmt;
use std::io::{self, BufRead};

pub use self::schema::schema;
use self::wire::{
    Gate, Head, JobEnd, JobLost, JobOutput, JobSlow, JobStart, Progress, RunEnd, RunStart,
};

/// What a line tells.
#[derive(Clone, Debug, PartialEq)]
pub enum Body<'a> {
    /// `run.start`
    RunStart(RunStart<'a>),
    /// `job.start`
    JobStart(JobStart<'a>),
    /// `job.output`
    JobOutput(JobOutput<'a>),
    /// `job.slow`
    JobSlow(JobSlow<'a>),
    /// `attempt.end`
    AttemptEnd(Box<JobEnd<'a>>),
    /// `job.end`
    JobEnd(Box<JobEnd<'a>>),
    /// `job.lost`
    JobLost(JobLost<'a>),
    /// `gate`
    Gate(Gate<'a>),
    /// `progress`
    Progress(Progress),
    /// `run.end`
    RunEnd(RunEnd),
    /// Something that later versions tell.
    Unknown,
}

/// Reads a line, without its end.
///
/// # Errors
///
/// When it is none: it is no object, or lacks a field of its type.
pub fn parse(line: &[u8]) -> serde_json::Result<(Head<'_>, Body<'_>)> {
    let head: Head = serde_json::from_slice(line)?;
    let body = match &*head.kind {
        "run.start" => Body::RunStart(serde_json::from_slice(line)?),
        "job.start" => Body::JobStart(serde_json::from_slice(line)?),
        "job.output" => Body::JobOutput(serde_json::from_slice(line)?),
        "job.slow" => Body::JobSlow(serde_json::from_slice(line)?),
        "attempt.end" => Body::AttemptEnd(serde_json::from_slice(line)?),
        "job.end" => Body::JobEnd(serde_json::from_slice(line)?),
        "job.lost" => Body::JobLost(serde_json::from_slice(line)?),
        "gate" => Body::Gate(serde_json::from_slice(line)?),
        "progress" => Body::Progress(serde_json::from_slice(line)?),
        "run.end" if head.v == 1 => {
            Body::RunEnd(serde_json::from_slice::<wire::RunEnd1>(line)?.into())
        }
        "run.end" => Body::RunEnd(serde_json::from_slice(line)?),
        _ => Body::Unknown,
    };
    Ok((head, body))
}

/// Why a stream cannot be read on.
#[derive(Debug)]
pub enum ReadError {
    /// The file cannot be read.
    Io(io::Error),
    /// A line is none of the stream.
    Damaged {
        /// Its number, from 1.
        line: u64,
        /// What is wrong with it.
        why: serde_json::Error,
    },
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Io(error) => error.fmt(f),
            Self::Damaged { line, why } => write!(f, "line {line} is damaged: {why}"),
        }
    }
}

impl std::error::Error for ReadError {}

/// Reads the lines of a stream, one after the other.
#[derive(Debug)]
pub struct Reader<R> {
    from: R,
    line: Vec<u8>,
    number: u64,
    is_torn: bool,
}

impl<R: BufRead> Reader<R> {
    /// Reads `from` its beginning.
    pub fn new(from: R) -> Self {
        Self {
            from,
            line: Vec::new(),
            number: 0,
            is_torn: false,
        }
    }

    /// The next line; `None`: there is no more that has an end. After one that is damaged it goes on with the next.
    ///
    /// # Errors
    ///
    /// When the stream cannot be read, or the line is none of a stream.
    pub fn next_line(&mut self) -> Option<Result<(Head<'_>, Body<'_>), ReadError>> {
        self.next(parse)
    }

    /// What `read` makes of the next line; all else as for [`next_line`](Self::next_line).
    ///
    /// # Errors
    ///
    /// As for [`next_line`](Self::next_line).
    pub fn next<'a, T>(
        &'a mut self,
        read: impl FnOnce(&'a [u8]) -> serde_json::Result<T>,
    ) -> Option<Result<T, ReadError>> {
        self.line.clear();
        match self.from.read_until(b'\n', &mut self.line) {
            Err(error) => return Some(Err(ReadError::Io(error))),
            Ok(0) => return None,
            Ok(_) => self.number += 1,
        }
        let Some(line) = self.line.strip_suffix(b"\n") else {
            self.is_torn = true;
            return None;
        };
        let number = self.number;
        Some(read(line).map_err(|why| ReadError::Damaged { line: number, why }))
    }

    /// Whether the last line had no end: a crash may have torn it anywhere, so it was left out.
    pub fn is_torn(&self) -> bool {
        self.is_torn
    }
}

#[cfg(test)]
mod tests;
