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

use crate::engine::{Order, Running, Which};
use crate::model::{KilledBy, Outcome};

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

    /// Whether it has to be asked right before each start. Else what it says holds for a moment, in which several
    /// jobs may start.
    fn sees_each_start(&self) -> bool {
        false
    }

    /// Looks after the jobs that run.
    fn watch(&mut self, _now: Instant) -> Watch {
        Watch::default()
    }

    /// What runs, as it wanted to know by an [`Order::List`] of [`watch`](Self::watch); returns orders about it.
    fn runs(&mut self, _running: &[Running]) -> Vec<Order> {
        Vec::new()
    }

    /// Why it holds back, in words for the user.
    fn reason(&self) -> String;
}

/// What a gate wants that has looked after the jobs that run.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Watch {
    /// When to be asked again, if at all.
    pub again: Option<Instant>,
    /// What the engine is to do.
    pub order: Option<Order>,
}

/// Ends the attempt that was started last, so that it is run again when there is room.
const END_YOUNGEST: Order = Order::End(Which::Youngest, KilledBy::Memory);

#[cfg(test)]
mod testing;
