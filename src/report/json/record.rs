//! The JSON lines of a run as several threads write them.
//!
//! A file is part of the run's record: lines about jobs are written where these end. What is no file is written by the
//! reports alone: its reader can keep those waiting, but no slot.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::{Detail, JsonLines};
use crate::model::{AttemptEnd, AttemptInfo, AttemptStart, Event, Outcome, OutputPiece, RunStart};
use crate::report::{Failure, Listener, RunState};

/// The JSON lines of a run. Of a file, the listener writes only what is not about a job: what is,
/// was written before the reports heard of it.
#[derive(Clone, Debug)]
pub struct JsonRecord {
    lines: Arc<Mutex<JsonLines>>,
    is_file: bool,
}

impl JsonRecord {
    /// Writes `lines` to a file, from any thread, or to something else, from the reports' thread.
    pub fn new(lines: JsonLines, is_file: bool) -> Self {
        Self {
            lines: Arc::new(Mutex::new(lines)),
            is_file,
        }
    }

    fn lines(&self) -> MutexGuard<'_, JsonLines> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Has `write` write lines, and sees to it that they are in the file. Once that has failed, it fails always.
    fn write(
        &self,
        write: impl FnOnce(&mut JsonLines) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        self.buffer(|lines| write(lines).and_then(|()| lines.lines.out.flush()))
    }

    /// As [`write`](Self::write), but what is written may wait for more.
    fn buffer(
        &self,
        write: impl FnOnce(&mut JsonLines) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let mut lines = self.lines();
        if let Some(failure) = &lines.broken {
            return Err(failure.clone());
        }
        let written = write(&mut lines);
        lines.broken = written.as_ref().err().cloned();
        written
    }

    /// The run begins.
    ///
    /// # Errors
    ///
    /// When that cannot be written.
    pub fn began(&self, start: &RunStart) -> Result<(), Failure> {
        self.write(|lines| lines.run_start(start))
    }

    /// An attempt has started.
    ///
    /// # Errors
    ///
    /// When that cannot be written.
    pub fn started(&self, start: &AttemptStart) -> Result<(), Failure> {
        self.write(|lines| lines.attempt_start(start))
    }

    /// A running attempt has written something.
    ///
    /// # Errors
    ///
    /// When that cannot be written.
    pub fn wrote(&self, piece: &OutputPiece) -> Result<(), Failure> {
        self.write(|lines| lines.output(piece))
    }

    /// Jobs have ended, in one write as far as that goes; `untold`: after their starts.
    ///
    /// # Errors
    ///
    /// When that cannot be written; whole lines stay.
    pub fn ended<'a>(
        &self,
        ends: impl IntoIterator<Item = &'a AttemptEnd>,
        untold: bool,
    ) -> Result<(), Failure> {
        self.write(|lines| {
            let starts = untold && lines.tells(Detail::Lifecycle);
            ends.into_iter().try_for_each(|end| {
                if starts {
                    lines.attempt_start(&AttemptStart::of(end))?;
                }
                lines.attempt_end("job.end", end)
            })
        })
    }

    /// The output of `job`, which was told to have ended with `was`, is lost.
    ///
    /// # Errors
    ///
    /// When that is the first that cannot be written.
    pub fn lost(&self, job: &AttemptInfo, was: &Outcome, why: &str) -> Result<(), Failure> {
        if self.lines().broken.is_some() {
            return Ok(());
        }
        self.write(|lines| lines.job_lost(job, was, why))
    }

    /// An attempt has failed, and another follows.
    ///
    /// # Errors
    ///
    /// When that cannot be written.
    pub fn failed(&self, end: &AttemptEnd) -> Result<(), Failure> {
        self.write(|lines| lines.attempt_end("attempt.end", end))
    }
}

impl Listener for JsonRecord {
    fn event(&mut self, event: &Event, state: &RunState) -> Result<(), Failure> {
        if !self.is_file {
            return self.buffer(|lines| lines.event(event, state));
        }
        self.lines().note(event);
        match event {
            Event::JobFinished(end) if !end.recorded => self.ended([&**end], false),
            Event::Gate(reason) => self.write(|lines| lines.gate(reason.as_deref())),
            Event::RunEnded(end) => {
                self.lines().ended = Some(end.clone());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    fn settle(&mut self, now: Instant, state: &RunState) -> Result<(), Failure> {
        self.write(|lines| lines.settle(now, state))
    }

    fn deadline(&self) -> Option<Instant> {
        self.lines().deadline()
    }

    fn wants_starts(&self) -> bool {
        self.lines().wants_starts()
    }

    fn finish(&mut self, state: &RunState) -> Result<(), Failure> {
        self.write(|lines| lines.finish(state))
    }
}
