//! Reports: whatever a run says to the outside.
//!
//! The controller sends [`Event`](crate::model::Event)s in batches; one thread runs a [`Reporter`], which counts them
//! ([`state`]), shows each to every [`Listener`], and hands it to the one [`OutputOwner`] at last:
//!
//! | listener | writes |
//! |---|---|
//! | [`json::JsonLines`] | one JSON object a line |
//! | [`joblog::Joblog`] | GNU parallel's `--joblog`, if it is no file; files are written where jobs end |
//! | [`sql::SqlResults`] | the rows that the jobs came from, in their table |
//! | [`summary::Failures`] | what failed, on stderr, when all is over |
//! | [`progress::Progress`] | bar, counts and ETA, on stderr |
//!
//! | owner | what jobs wrote |
//! |---|---|
//! | [`text::Text`] | is printed, or written as the rows of a table |
//! | [`merge_outputs::Merge`] | on standard output is merged; the rest has another owner |
//! | [`unwritten::Corrections`] | cannot be written any more: the record says which jobs' is lost |
//! | [`Discard`] | nobody wants to see |
//!
//! The owner is finished first: the last output, then the listeners in the opposite order: the bar, then the summary.
//!
//! A listener that fails is dropped and reported; the others go on. None of them ever decides anything.

pub mod failure;
pub mod held;
pub mod joblog;
pub mod json;
pub mod keep_order;
mod later;
pub mod merge_outputs;
pub mod near_order;
pub mod out;
pub mod owner;
pub mod progress;
pub mod reporter;
pub mod screen;
pub mod sql;
pub mod start_order;
pub mod state;
pub mod summary;
pub mod text;
pub mod unwritten;
mod whole;
pub mod words;

#[cfg(test)]
mod testing;

pub use failure::Failure;
pub use held::Held;
pub use out::Out;
pub use owner::{Discard, OutputOwner};
pub use reporter::Reporter;
pub use screen::Screen;
pub use state::RunState;

use std::time::Instant;

use crate::model::Event;

/// One form of report. It sees what happens and takes nothing of it.
pub trait Listener: Send {
    /// Takes note of `event`, which `state` counts already. What it writes may stay in a buffer until
    /// [`settle`](Self::settle).
    ///
    /// # Errors
    ///
    /// When the report cannot be written; the listener is not used again.
    fn event(&mut self, event: &Event, state: &RunState) -> Result<(), Failure>;

    /// Called when no further event is at hand, and when the [`deadline`](Self::deadline) has come:
    /// nothing may stay in a buffer.
    ///
    /// # Errors
    ///
    /// As for [`event`](Self::event).
    fn settle(&mut self, now: Instant, state: &RunState) -> Result<(), Failure>;

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

    /// Told when nobody reads standard output any more: the run ends, and quietly.
    fn stdout_closed(&mut self) {}

    /// Writes what is left. No event comes afterwards.
    ///
    /// # Errors
    ///
    /// As for [`event`](Self::event).
    fn finish(&mut self, state: &RunState) -> Result<(), Failure>;
}
