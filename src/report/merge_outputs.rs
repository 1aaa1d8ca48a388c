//! Handing on what jobs wrote on standard output to somebody who makes one output of it (`--reduce`).

use std::io;
use std::time::Instant;

use super::{Failure, Sink};
use crate::flow::spool::Captured;
use crate::model::{Event, Outcome};

/// Who takes the output.
pub trait OutputMerger: Send {
    /// Takes that of job number `seq`; every job has its turn, in whatever order they end.
    ///
    /// # Errors
    ///
    /// When no use can be made of it.
    fn take(&mut self, seq: u64, output: Captured) -> io::Result<()>;

    /// There will be no more.
    ///
    /// # Errors
    ///
    /// When the result cannot be had.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// Takes standard output away from the sinks behind it.
pub struct Handoff {
    taker: Option<Box<dyn OutputMerger>>,
    /// Whether all jobs ran to their end.
    complete: bool,
}

impl Handoff {
    /// Hands on to `taker`.
    pub fn new(taker: Box<dyn OutputMerger>) -> Self {
        Self {
            taker: Some(taker),
            complete: true,
        }
    }
}

impl Sink for Handoff {
    fn event(&mut self, event: &mut Event) -> Result<(), Failure> {
        let end = match event {
            Event::JobFinished(end) => end,
            Event::RunEnded(end) => {
                self.complete &= end.halted_by.is_none();
                return Ok(());
            }
            _ => return Ok(()),
        };
        self.complete &= !matches!(end.outcome, Outcome::Cancelled { .. });
        let output = std::mem::take(&mut end.stdout);
        let taken = self
            .taker
            .as_mut()
            .map_or(Ok(()), |taker| taker.take(end.job.seq, output));
        taken.map_err(Failure::of_merge)
    }

    fn settle(&mut self, _: Instant) -> Result<(), Failure> {
        Ok(())
    }

    fn finish(&mut self) -> Result<(), Failure> {
        let Some(taker) = self.taker.take() else {
            return Ok(());
        };
        if !self.complete {
            let why = "the run ended early, so there is no result";
            return Err(Failure::of_merge(io::Error::other(why)));
        }
        taker.finish().map_err(Failure::of_merge)
    }
}
