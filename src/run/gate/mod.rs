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

/// Why nothing starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HeldBack {
    /// Nothing starts before this moment; `None`: before a message comes.
    pub until: Option<Instant>,
    /// In words for the user.
    pub reason: String,
}

/// The gates of a place, or of a whole run: a job starts when none of them says no.
#[derive(Default)]
pub struct Gates(Vec<Box<dyn Gate>>);

impl Gates {
    /// These gates.
    pub fn new(gates: Vec<Box<dyn Gate>>) -> Self {
        Self(gates)
    }

    /// Whether there are none.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether one has to be asked right before each start.
    pub fn sees_each_start(&self) -> bool {
        self.0.iter().any(|gate| gate.sees_each_start())
    }

    /// Whether a job may start at `now`, when `running` others have been started and have not ended.
    ///
    /// # Errors
    ///
    /// With what the first gate says that holds it back.
    pub fn admit(&mut self, now: Instant, running: usize) -> Result<(), HeldBack> {
        for gate in &mut self.0 {
            let until = match gate.admit(now, running) {
                Admit::Now => continue,
                Admit::NotBefore(next) => Some(next),
                Admit::Recheck => None,
            };
            let reason = gate.reason();
            return Err(HeldBack { until, reason });
        }
        Ok(())
    }

    /// A job was started at `now`.
    pub fn started(&mut self, now: Instant) {
        self.0.iter_mut().for_each(|gate| gate.started(now));
    }

    /// A job has ended.
    #[inline]
    pub fn ended(&mut self, outcome: &Outcome) {
        self.0.iter_mut().for_each(|gate| gate.ended(outcome));
    }

    /// Looks after the jobs that run, and gives orders about them; returns when to look again.
    pub fn watch(&mut self, now: Instant, mut order: impl FnMut(Order)) -> Option<Instant> {
        let watches = self.0.iter_mut().map(|gate| gate.watch(now));
        let again = watches.filter_map(|watch| {
            watch.order.into_iter().for_each(&mut order);
            watch.again
        });
        again.min()
    }

    /// What runs, as one of them wanted to know; gives orders about it.
    pub fn runs(&mut self, running: &[Running], order: impl FnMut(Order)) {
        let gates = self.0.iter_mut();
        gates.flat_map(|gate| gate.runs(running)).for_each(order);
    }
}

/// Ends the attempt that was started last, so that it is run again when there is room.
const END_YOUNGEST: Order = Order::End(Which::Youngest, KilledBy::Memory);

#[cfg(test)]
mod testing;
