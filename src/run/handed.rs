//! What the engine was handed and has not answered: how much, how far ahead, and whether it has stopped by itself.

use std::time::{Duration, Instant};

use super::lookahead::{AHEAD, Ahead, Lookahead};
use crate::engine::{Attempt, Engine, Order, StopOn};
use crate::model::Outcome;

/// The controller's side of the engine's queue.
pub(super) struct Handed {
    lookahead: Lookahead,
    /// Attempts that the engine has and has not answered.
    in_flight: usize,
    /// After which ends the engine stops by itself.
    stop_on: StopOn,
    /// It has stopped.
    is_stopped: bool,
    /// At so many ends in all.
    stops: u64,
    /// How many attempts the engine was told to run at a time, if it was.
    told_slots: Option<usize>,
    /// What the gates said about attempts that may not have begun holds until then.
    holds_until: Option<Instant>,
}

impl Handed {
    /// Nothing yet, with `slots` to be used.
    pub(super) fn new(slots: usize, ahead: Ahead, stop_on: StopOn) -> Self {
        Self {
            lookahead: Lookahead::new(slots, ahead),
            in_flight: 0,
            stop_on,
            is_stopped: false,
            stops: 0,
            told_slots: None,
            holds_until: None,
        }
    }

    /// How many attempts the engine has.
    pub(super) fn count(&self) -> usize {
        self.in_flight
    }

    /// How many more it may get.
    pub(super) fn room(&self) -> usize {
        self.lookahead.window().saturating_sub(self.in_flight)
    }

    /// Has the engine stop by itself after the ends that matter.
    pub(super) fn begin(&self, engine: &dyn Engine) {
        engine.order(Order::StopOn(self.stop_on));
    }

    /// Hands `attempts` over, and has the engine go on if it has stopped.
    pub(super) fn hand_over(&mut self, attempts: Vec<Attempt>, engine: &dyn Engine) {
        if std::mem::take(&mut self.is_stopped) {
            engine.order(Order::GoOn(self.stops));
        }
        self.in_flight += attempts.len();
        engine.run(attempts);
    }

    /// The engine has given back `count` attempts.
    pub(super) fn returned(&mut self, count: usize) {
        self.in_flight -= count;
    }

    /// An attempt has ended after it had taken so long.
    pub(super) fn ended(&mut self, outcome: &Outcome, took: Duration) {
        self.in_flight -= 1;
        let stops = self.stop_on.covers(outcome);
        if stops {
            self.is_stopped = true;
            self.stops += 1;
        }
        self.lookahead.observe(took, stops);
    }

    /// So many attempts of a dry run have ended.
    pub(super) fn shown(&mut self, count: usize) {
        self.in_flight -= count;
        self.lookahead.observe(Duration::ZERO, false);
    }

    /// There are `slots` now, which may have changed.
    pub(super) fn set_slots(&mut self, slots: usize) {
        self.lookahead.set_slots(slots);
    }

    /// Has the engine know that it is to run `slots` attempts at a time.
    pub(super) fn tell_slots(&mut self, slots: usize, engine: &dyn Engine) {
        if self.told_slots != Some(slots) {
            self.told_slots = Some(slots);
            engine.order(Order::Slots(slots));
        }
    }

    /// The gates have let an attempt start at `now`. It may begin later, so what they said holds for a while only.
    pub(super) fn let_start(&mut self, now: Instant) {
        self.holds_until = Some(now + AHEAD);
    }

    /// Takes back attempts about which the gates were asked some time ago, if more than `slots` are out; returns when
    /// to do so, if that is later.
    pub(super) fn recheck(&mut self, slots: usize, engine: &dyn Engine) -> Option<Instant> {
        let until = self.holds_until?;
        if self.in_flight <= slots {
            self.holds_until = None;
        } else if until <= Instant::now() {
            self.recall(slots, engine);
        }
        self.holds_until
    }

    /// Takes back what the engine may not have begun: what it has beyond `slots`.
    pub(super) fn recall(&mut self, slots: usize, engine: &dyn Engine) {
        self.holds_until = None;
        if self.in_flight > slots {
            engine.order(Order::Recall);
        }
    }
}
