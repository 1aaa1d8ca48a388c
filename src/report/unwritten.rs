//! Jobs that are on record as done, and whose output cannot be written.
//!
//! The record is written where jobs end, before their output: it must not wait for a reader. When the output then finds
//! no room, the record takes that back for each job that has lost some: by a further line in a joblog, where the last
//! one of a job decides, by a `job.lost` in JSON, and by the exit value in a row of a table. `--resume-failed`, and
//! `--resume` with JSON, run it again.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::joblog::Joblog;
use super::json::JsonRecord;
use super::sql;
use super::{Failure, OutputOwner};
use crate::flow::spool::Captured;
use crate::ledger::joblog::Line;
use crate::model::{AttemptEnd, AttemptInfo, Event, Outcome};
use crate::sql::OUTPUT_LOST;
use crate::sql::claims::Claims;

/// Where it is on record which jobs are done.
#[derive(Clone, Debug, Default)]
pub struct Records {
    /// A joblog, in a file or not.
    pub joblog: Option<Joblog>,
    /// The JSON lines, in a file or not.
    pub json: Option<JsonRecord>,
    /// The table that the jobs come from.
    pub table: Option<Arc<Claims>>,
}

impl Records {
    /// Whether any of them has the outcome of a job as one that is done.
    fn have_done(&self, outcome: &Outcome) -> bool {
        match outcome {
            Outcome::Exited(0) => {
                self.joblog.is_some() || self.json.is_some() || self.table.is_some()
            }
            // What failed in JSON `--resume` does not run again.
            Outcome::Exited(_) | Outcome::Signaled(_) | Outcome::TimedOut(_) => self.json.is_some(),
            _ => false,
        }
    }
}

/// What the record has to say once more of a job whose output is lost; small, for `-k` may hold many.
#[derive(Debug)]
pub(super) struct Correction {
    job: Arc<AttemptInfo>,
    /// How it ended.
    was: Outcome,
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
    /// jobs that end later. `failure` is why they are lost.
    pub(super) fn correct(
        mut self,
        written: [u64; 3],
        failure: &Failure,
    ) -> Result<Corrections, Failure> {
        self.corrections.why = failure.to_string();
        let is_written = |end: [u64; 3]| end.iter().zip(written).all(|(end, len)| *end <= len);
        let lost = self.jobs.iter();
        let lost = lost.filter(|(_, place)| !place.is_some_and(is_written));
        // What can be said of later ones is.
        let told = lost
            .map(|(job, _)| self.corrections.write(job))
            .fold(Ok(()), Result::and);
        told.map(|()| self.corrections)
    }
}

/// Corrects the record of jobs whose output is lost: as the owner of outputs, of all that end from now on.
#[derive(Debug)]
pub struct Corrections {
    records: Records,
    /// Why output is lost.
    why: String,
    /// Whether something is shown of each job.
    shows_all: bool,
}

impl Corrections {
    /// Those of what was written to `records`; `None`: there are none.
    pub fn new(records: Records) -> Option<Self> {
        records.have_done(&Outcome::Exited(0)).then(|| Self {
            records,
            why: String::new(),
            shows_all: false,
        })
    }

    /// What to say of the job that ended with `end`, if it is on record as done and something is shown of it.
    fn of(&self, end: &AttemptEnd) -> Option<Correction> {
        let shown = |captured: &Captured| captured.path().is_none() && !captured.is_empty();
        let wrote = shown(&end.stdout) || shown(&end.stderr) || end.streamed != [0; 2];
        if !(self.records.have_done(&end.outcome) && (wrote || self.shows_all)) {
            return None;
        }
        let joblog = self.records.joblog.as_ref();
        Some(Correction {
            job: Arc::clone(&end.job),
            was: end.outcome.clone(),
            start: end.started_at(),
            runtime: end.took(),
            sent: end.sent,
            received: joblog.map_or(0, |joblog| joblog.line(end).received),
        })
    }

    /// Says everywhere that the output of a job is lost.
    fn write(&self, lost: &Correction) -> Result<(), Failure> {
        let Records {
            joblog,
            json,
            table,
        } = &self.records;
        let (job, did_well) = (&lost.job, lost.was == Outcome::Exited(0));
        let told = json
            .as_ref()
            .map_or(Ok(()), |json| json.lost(job, &lost.was, &self.why));
        let table = table.as_ref().filter(|_| did_well);
        let failed = table.map_or(Ok(()), |table| {
            let failed = table.fail(job.seq, &job.command.task.line);
            failed.map_err(sql::failure)
        });
        let joblog = joblog.as_ref().filter(|_| did_well);
        let logged = joblog.map_or(Ok(()), |joblog| {
            joblog.append(&Line {
                seq: job.seq,
                host: ":",
                start: lost.start,
                runtime: lost.runtime,
                sent: lost.sent,
                received: lost.received,
                exit: OUTPUT_LOST,
                signal: 0,
                command: job.command.shown(),
            })
        });
        told.and(failed).and(logged)
    }
}

impl OutputOwner for Corrections {
    fn take(&mut self, event: Event) -> Result<(), Failure> {
        match event {
            Event::JobFinished(end) => self.of(&end).map_or(Ok(()), |end| self.write(&end)),
            _ => Ok(()),
        }
    }

    fn settle(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Failure> {
        Ok(())
    }
}
