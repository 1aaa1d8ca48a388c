//! Jobs that are on record as done, and whose output cannot be written.
//!
//! The record is written where jobs end, before their output: it must not wait for a reader. When the output then finds
//! no room, a further line of the joblog says so of each job that has lost some, and the last line of a job decides:
//! `--resume-failed` runs it again.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::joblog::Joblog;
use super::{Failure, Sink};
use crate::ledger::joblog::Line;
use crate::model::{AttemptEnd, Event, JobIdentity, Outcome};
use crate::sys::spool::Captured;

/// The exit value of a job that did well but for its output, as [`Outcome::joblog_exit`] has it.
const OUTPUT_LOST: i32 = -1;

/// What the joblog has to say once more of a job whose output is lost; small, for `-k` may hold many.
#[derive(Debug)]
pub(super) struct Correction {
    job: Arc<JobIdentity>,
    start: SystemTime,
    runtime: Duration,
    sent: u64,
    received: u64,
}

/// Jobs on record as done whose output may still be in a buffer.
#[derive(Debug)]
pub(super) struct Unwritten {
    corrections: Corrections,
    /// What to say of each, and where its output ends in each file; `None`: nowhere.
    jobs: Vec<(Correction, Option<[u64; 3]>)>,
}

impl Unwritten {
    /// With `shows_all` something is shown of each job, whether it wrote anything or not.
    pub(super) fn new(corrections: Corrections, shows_all: bool) -> Self {
        Self {
            corrections: Corrections {
                shows_all,
                ..corrections
            },
            jobs: Vec::new(),
        }
    }

    /// What the record has to say of a job that ended with `end` if what is shown of it gets lost; `None`: nothing else
    /// than it says already.
    pub(super) fn correction(&self, end: &AttemptEnd) -> Option<Correction> {
        self.corrections.of(end)
    }

    /// The output of a job is in the buffers or beyond, up to `end` in each file.
    pub(super) fn push(&mut self, correction: Correction, end: Option<[u64; 3]>) {
        self.jobs.push((correction, end));
    }

    /// All has been written.
    pub(super) fn clear(&mut self) {
        self.jobs.clear();
    }

    /// Corrects what is on record of those whose output is not within what has been `written`; returns what does so for
    /// jobs that end later.
    pub(super) fn correct(self, written: [u64; 3]) -> Result<Corrections, Failure> {
        let is_written = |end: [u64; 3]| end.iter().zip(written).all(|(end, len)| *end <= len);
        for (job, place) in &self.jobs {
            if !place.is_some_and(is_written) {
                self.corrections.write(job)?;
            }
        }
        Ok(self.corrections)
    }
}

/// Corrects the record of jobs whose output is lost: as a sink, of all that end from now on.
#[derive(Debug)]
pub struct Corrections {
    joblog: Joblog,
    /// Whether something is shown of each job.
    shows_all: bool,
}

impl Corrections {
    /// Those of what was written to `joblog`.
    pub fn new(joblog: Joblog) -> Self {
        Self {
            joblog,
            shows_all: false,
        }
    }

    /// What to say of the job that ended with `end`, if it is on record as done and something is shown of it.
    fn of(&self, end: &AttemptEnd) -> Option<Correction> {
        let shown = |captured: &Captured| captured.path().is_none() && !captured.is_empty();
        let wrote = shown(&end.stdout) || shown(&end.stderr) || end.streamed != [0; 2];
        if !end.recorded || end.outcome != Outcome::Exited(0) || !(wrote || self.shows_all) {
            return None;
        }
        let line = self.joblog.line(end);
        Some(Correction {
            job: Arc::clone(&end.job),
            start: line.start,
            runtime: line.runtime,
            sent: line.sent,
            received: line.received,
        })
    }

    /// Says that the output of a job is lost.
    fn write(&self, lost: &Correction) -> Result<(), Failure> {
        self.joblog.append(&Line {
            seq: lost.job.seq,
            host: ":",
            start: lost.start,
            runtime: lost.runtime,
            sent: lost.sent,
            received: lost.received,
            exit: OUTPUT_LOST,
            signal: 0,
            command: &lost.job.command.line,
        })
    }
}

impl Sink for Corrections {
    fn event(&mut self, event: &mut Event) -> Result<(), Failure> {
        match event {
            Event::JobFinished(end) => self.of(end).map_or(Ok(()), |end| self.write(&end)),
            _ => Ok(()),
        }
    }

    fn settle(&mut self, _: Instant) -> Result<(), Failure> {
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Failure> {
        Ok(())
    }
}
