//! Who owns what jobs wrote: one party in a run, which gets every event by value, behind all that listen to it.

use super::Failure;
use crate::model::Event;

/// Owns the outputs of jobs: prints them, writes them into a table, or merges them.
pub trait OutputOwner: Send {
    /// Takes `event`, with all that a job wrote. What is written of it may stay in a buffer until
    /// [`settle`](Self::settle).
    ///
    /// # Errors
    ///
    /// When something cannot be written; the owner is not used again, but for its [`replacement`](Self::replacement).
    fn take(&mut self, event: Event) -> Result<(), Failure>;

    /// Called when no further event is at hand: nothing may stay in a buffer.
    ///
    /// # Errors
    ///
    /// As for [`take`](Self::take).
    fn settle(&mut self) -> Result<(), Failure>;

    /// Whether it needs [`Event::AttemptStarted`], which is costly to send for tiny jobs.
    fn wants_starts(&self) -> bool {
        false
    }

    /// Whether it needs the end of each job of a dry run; else [`Event::DryRun`] will do.
    fn wants_ends(&self) -> bool {
        true
    }

    /// Who owns the outputs after `failure`, if anybody does.
    ///
    /// # Errors
    ///
    /// When what has to be said of the failure elsewhere cannot be written either.
    fn replacement(
        self: Box<Self>,
        _failure: &Failure,
    ) -> Result<Option<Box<dyn OutputOwner>>, Failure> {
        Ok(None)
    }

    /// Writes what is left. No event comes afterwards.
    ///
    /// # Errors
    ///
    /// As for [`take`](Self::take).
    fn finish(&mut self) -> Result<(), Failure>;
}

/// Owns outputs that nobody wants to see.
#[derive(Clone, Copy, Debug)]
pub struct Discard;

impl OutputOwner for Discard {
    fn take(&mut self, _: Event) -> Result<(), Failure> {
        Ok(())
    }

    fn settle(&mut self) -> Result<(), Failure> {
        Ok(())
    }

    fn wants_ends(&self) -> bool {
        false
    }

    fn finish(&mut self) -> Result<(), Failure> {
        Ok(())
    }
}
