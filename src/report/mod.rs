//! Reports: whatever a run says to the outside.
//!
//! The controller sends [`Event`](crate::model::Event)s in batches; one thread runs a [`Reporter`],
//! which shows every event to every [`Sink`], in the order in which the sinks were given to it:
//!
//! | sink | writes |
//! |---|---|
//! | [`json::JsonLines`] | one JSON object a line |
//! | [`joblog::Joblog`] | GNU parallel's `--joblog`, if it is no file; files are written where jobs end |
//! | [`sql::SqlResults`] | the rows that the jobs came from, in their table |
//! | [`summary::Failures`] | what failed, on stderr, when all is over |
//! | [`progress::Progress`] | bar, counts and ETA, on stderr |
//! | [`merge_outputs::Handoff`] | nothing: it takes standard output away, to be merged |
//! | [`text::Text`] | the jobs' own output; it *takes* the captured output, so it stands last |
//!
//! They are finished in the opposite order: the last output, then the bar, then the summary.
//!
//! A sink that fails is dropped and reported; the others go on. Sinks never decide anything. When the jobs' own output
//! cannot be written any more, [`unwritten::Corrections`] take its place: the record says then which jobs' is lost.

pub mod failure;
pub mod joblog;
pub mod json;
pub mod keep_order;
pub mod merge_outputs;
pub mod near_order;
pub mod out;
pub mod progress;
pub mod reporter;
pub mod screen;
pub mod sql;
pub mod start_order;
pub mod summary;
pub mod tally;
pub mod text;
pub mod unwritten;
mod whole;
pub mod words;

#[cfg(test)]
mod testing;

pub use failure::Failure;
pub use out::Out;
pub use reporter::{Report, Reporter};
pub use screen::Screen;

use std::time::Instant;

use crate::model::Event;

/// One form of report.
pub trait Sink: Send {
    /// Takes note of `event`. What it writes may stay in a buffer until [`settle`](Self::settle).
    ///
    /// Only the last sink may take captured output out of the event; the others read it.
    ///
    /// # Errors
    ///
    /// When the report cannot be written; the sink is not used again.
    fn event(&mut self, event: &mut Event) -> Result<(), Failure>;

    /// Called when no further event is at hand, and when the [`deadline`](Self::deadline) has come:
    /// nothing may stay in a buffer.
    ///
    /// # Errors
    ///
    /// As for [`event`](Self::event).
    fn settle(&mut self, now: Instant) -> Result<(), Failure>;

    /// When `settle` wants to be called though no event has come; `None`: not at all.
    fn deadline(&self) -> Option<Instant> {
        None
    }

    /// Whether it needs [`Event::AttemptStarted`], which is costly to send for tiny jobs.
    fn wants_starts(&self) -> bool {
        false
    }

    /// Whether it needs the end of each job of a dry run; else [`Event::DryRun`] will do.
    fn wants_ends(&self) -> bool {
        true
    }

    /// What takes the place of this sink after `failure`, if anything does.
    ///
    /// # Errors
    ///
    /// When what has to be said of the failure elsewhere cannot be written either.
    fn replacement(&mut self, _failure: &Failure) -> Result<Option<Box<dyn Sink>>, Failure> {
        Ok(None)
    }

    /// Told when nobody reads standard output any more: the run ends, and quietly.
    fn stdout_closed(&mut self) {}

    /// Writes what is left. No event comes afterwards.
    ///
    /// # Errors
    ///
    /// As for [`event`](Self::event).
    fn finish(&mut self) -> Result<(), Failure>;
}
