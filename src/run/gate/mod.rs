//! Gates: what may hold back the next start. One kind a file.
//!
//! A gate never polls: one that must look again says when. What it looks at is handed to it as a
//! function, so that all of them can be tested with numbers.

mod ceiling;
mod command;
mod delay;
mod memory;

pub use ceiling::{Ceiling, Limit, Measure};
pub use command::{Answer, Ask, CommandGate};
pub use delay::Delay;
pub use memory::{Available, MemFree, MemSuspend};

use std::time::Instant;

use crate::engine::Engine;
use crate::model::Outcome;

/// A gate's answer to "may a job start now?".
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admit {
    /// Yes.
    Now,
    /// Not before this moment.
    NotBefore(Instant),
    /// Not before [`super::Message::GateReady`] comes.
    Recheck,
}

/// Something that may hold back starts.
pub trait Gate {
    /// Whether a job may start at `now`, when `running` others have been started and have not ended.
    fn admit(&mut self, now: Instant, running: usize) -> Admit;

    /// A job was started at `now`.
    fn started(&mut self, _now: Instant) {}

    /// A job has ended.
    fn ended(&mut self, _outcome: &Outcome) {}

    /// Looks after the jobs that run; returns when it wants to do so again, if at all.
    fn watch(&mut self, _now: Instant, _engine: &dyn Engine) -> Option<Instant> {
        None
    }

    /// Why it holds back, in words for the user.
    fn reason(&self) -> String;
}

/// Ends the attempt that was started last, so that it is run again when there is room.
fn end_youngest(engine: &dyn Engine) {
    let running = engine.running();
    if let Some(youngest) = running.iter().max_by_key(|it| (it.since, it.job.seq)) {
        engine.end(youngest.job.seq, crate::model::KilledBy::Memory);
    }
}

#[cfg(test)]
mod testing;
