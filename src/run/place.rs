//! A place of the run: its engine, its slots and gates, and what its engine was handed and has not answered.
//!
//! It is the one that hands attempts to an engine, and takes a [`Permit`] for each.

use std::time::{Duration, Instant};

use super::gate::{Gates, HeldBack};
use super::lookahead::{AHEAD, Ahead, Lookahead};
use super::permit::{Out, Permit, Window};
use super::slot_count::SlotCount;
use crate::engine::{Attempt, Engine, Order, Running, StopOn, Up};
use crate::model::{Outcome, PlaceId};

/// What a run needs to know of a place.
pub struct PlaceConfig<'a> {
    /// How the place is called where the user is told of it.
    pub name: String,
    /// Runs attempts there.
    pub engine: &'a dyn Engine,
    /// How many attempts run at a time.
    pub slots: SlotCount,
    /// There are no more slots than these.
    pub most_slots: usize,
    /// What may hold back starts there.
    pub gates: Gates,
    /// How long it takes until a place that is done with an attempt has got the next one.
    pub round_trip: Duration,
    /// Whether attempts can be handed over from the beginning on; else [`Update::Up`](crate::engine::Update::Up) says
    /// when.
    pub is_up: bool,
}

/// Whether a place can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Not yet.
    Opening,
    Up,
    /// Not, and nobody waits for it.
    Down,
}

/// A place, as the run sees it.
pub(super) struct Place<'a> {
    name: String,
    engine: &'a dyn Engine,
    state: State,
    slots: SlotCount,
    most_slots: usize,
    gates: Gates,
    lookahead: Lookahead,
    /// Attempts that have a permit.
    window: Window,
    /// The permits of those that the engine has.
    out: Out,
    /// Attempts that are about to be handed over.
    batch: Vec<Attempt>,
    /// How many attempts may be out in this turn of the run.
    limit: usize,
    /// Why nothing more starts in this turn of the run.
    held_back: Option<HeldBack>,
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
    /// It was asked to give back what it has not begun, and has answered no attempt since.
    is_recalled: bool,
    lists: Lists,
}

/// How often a place was asked what runs there.
#[derive(Default)]
struct Lists {
    asked: u64,
    answered: u64,
    /// The answer that somebody waits for.
    awaited: u64,
}

impl<'a> Place<'a> {
    /// A place that has been handed nothing yet.
    pub(super) fn new(config: PlaceConfig<'a>, ahead: Ahead, stop_on: StopOn) -> Self {
        let slots = config.slots.now().min(config.most_slots);
        let window = Window::default();
        Self {
            lookahead: Lookahead::new(slots, ahead).hiding(config.round_trip),
            name: config.name,
            engine: config.engine,
            state: if config.is_up {
                State::Up
            } else {
                State::Opening
            },
            slots: config.slots,
            most_slots: config.most_slots,
            gates: config.gates,
            out: Out::of(&window),
            window,
            batch: Vec::new(),
            limit: 0,
            held_back: None,
            stop_on,
            is_stopped: false,
            stops: 0,
            told_slots: None,
            holds_until: None,
            is_recalled: false,
            lists: Lists::default(),
        }
    }

    /// Has the engine stop by itself after the ends that matter.
    pub(super) fn begin(&self) {
        self.order(Order::StopOn(self.stop_on));
    }

    pub(super) fn name(&self) -> &str {
        &self.name
    }

    /// Gives the engine an order.
    pub(super) fn order(&self, order: Order) {
        self.engine.order(order);
    }

    /// Whether it can be used now.
    pub(super) fn is_up(&self) -> bool {
        self.state == State::Up
    }

    /// Whether it will say soon whether it can be used.
    pub(super) fn is_expected(&self) -> bool {
        self.state == State::Opening
    }

    /// Whether it can be used, now or later.
    pub(super) fn has_hope(&self) -> bool {
        self.state != State::Down
    }

    /// It can be used, with so many slots at most.
    pub(super) fn up(&mut self, up: Up) {
        self.state = State::Up;
        self.most_slots = up.slots;
        if let Some(round_trip) = up.round_trip {
            self.lookahead.hide(round_trip);
        }
        self.set_slots();
    }

    /// It cannot be used now, and will say whether it can again; its engine has answered everything.
    pub(super) fn away(&mut self) {
        self.leave(State::Opening);
    }

    /// It cannot be used, and is not waited for; its engine has answered everything.
    pub(super) fn down(&mut self) {
        self.leave(State::Down);
    }

    fn leave(&mut self, state: State) {
        self.state = state;
        // Whoever waits for an answer waits in vain.
        self.lists.answered = self.lists.asked;
    }

    /// How many attempts run at a time.
    pub(super) fn slots_now(&self) -> usize {
        self.slots.now().min(self.most_slots)
    }

    /// How many attempts have a permit.
    #[inline]
    pub(super) fn in_use(&self) -> usize {
        self.window.in_use()
    }

    /// How many attempts may be out in this turn.
    pub(super) fn limit(&self) -> usize {
        self.limit
    }

    /// Whether an attempt that is handed over now may start before another one ends.
    pub(super) fn has_free_slot(&self) -> bool {
        self.is_up() && self.held_back.is_none() && self.in_use() < self.slots_now()
    }

    /// Whether one more attempt may be out.
    #[inline]
    pub(super) fn has_room(&self) -> bool {
        self.in_use() < self.limit
    }

    /// Begins a turn: nothing is held back until a gate is asked again.
    pub(super) fn begin_turn(&mut self) {
        self.held_back = None;
        self.limit = if self.is_up() {
            self.lookahead.window()
        } else {
            0
        };
    }

    /// Whether the gates let an attempt start `now`; if not, nothing more does in this turn.
    pub(super) fn admit(&mut self, now: Instant) -> bool {
        match self.gates.admit(now, self.window.in_use()) {
            Ok(()) => true,
            Err(held_back) => {
                self.held_back = Some(held_back);
                self.recall();
                false
            }
        }
    }

    /// All gates have let an attempt start at `now`. It may begin later, so what they said holds for a while only.
    pub(super) fn let_start(&mut self, now: Instant) {
        self.holds_until = Some(now + AHEAD);
        self.gates.started(now);
    }

    /// A permit for an attempt at job number `seq`, here, where that is place `id`.
    #[inline]
    pub(super) fn permit(&self, id: PlaceId, seq: u64) -> Permit {
        self.window.permit(id, seq)
    }

    /// Why nothing starts in this turn, if so.
    pub(super) fn held_back(&self) -> Option<&HeldBack> {
        self.held_back.as_ref()
    }

    /// Has `attempt` start as soon as it is its turn; it gives its permit for that.
    #[inline]
    pub(super) fn start(&mut self, permit: Permit, attempt: Attempt) {
        debug_assert_eq!(permit.seq(), attempt.seq(), "a permit is for one job");
        self.out.keep(permit);
        self.batch.push(attempt);
    }

    /// Hands over what is to start, and has the engine go on if it has stopped.
    pub(super) fn hand_over(&mut self) {
        if self.batch.is_empty() {
            return;
        }
        self.tell_slots();
        if std::mem::take(&mut self.is_stopped) {
            self.order(Order::GoOn(self.stops));
        }
        self.engine.run(std::mem::take(&mut self.batch));
    }

    /// The engine has given back the attempt at job number `seq`. False: it did not have it.
    pub(super) fn returned(&mut self, seq: u64) -> bool {
        self.is_recalled = false;
        self.out.give_back(seq)
    }

    /// The attempt at job number `seq` has ended after it had taken so long. False: the engine did not have it.
    pub(super) fn ended(&mut self, seq: u64, outcome: &Outcome, took: Duration) -> bool {
        self.is_recalled = false;
        if !self.out.give_back(seq) {
            return false;
        }
        let stops = self.stop_on.covers(outcome);
        if stops {
            self.is_stopped = true;
            self.stops += 1;
        }
        self.lookahead.observe(took, stops);
        self.gates.ended(outcome);
        if self.slots.may_change() && !outcome.is_left_out() {
            self.slots.job_ended(outcome.is_success());
            self.set_slots();
            self.tell_slots();
        }
        true
    }

    /// The first attempts of a dry run have ended, so many of them well and the others left out.
    pub(super) fn shown(&mut self, ok: usize, skipped: usize) {
        self.out.give_back_first(ok + skipped);
        self.lookahead.observe(Duration::ZERO, false);
        if !self.gates.is_empty() {
            (0..skipped).for_each(|_| self.gates.ended(&Outcome::Skipped));
            (0..ok).for_each(|_| self.gates.ended(&Outcome::Exited(0)));
        }
        if self.slots.may_change() {
            (0..ok).for_each(|_| self.slots.job_ended(true));
        }
        self.set_slots();
    }

    fn set_slots(&mut self) {
        self.lookahead.set_slots(self.slots_now());
    }

    /// Has the engine know how many attempts it is to run at a time, where that may change.
    fn tell_slots(&mut self) {
        let slots = self.slots_now();
        if self.slots.may_change() && self.told_slots != Some(slots) {
            self.told_slots = Some(slots);
            self.order(Order::Slots(slots));
        }
    }

    /// Has the gates look after what runs; returns when they want to look again.
    pub(super) fn watch(&mut self) -> Option<Instant> {
        if self.gates.is_empty() || self.in_use() == 0 {
            return None;
        }
        let (engine, lists) = (self.engine, &mut self.lists);
        self.gates.watch(Instant::now(), |order| {
            lists.asked += u64::from(order == Order::List);
            engine.order(order);
        })
    }

    /// Takes back attempts about which the gates were asked some time ago, if more are out than can run; returns when
    /// to do so, if that is later.
    pub(super) fn recheck(&mut self) -> Option<Instant> {
        let until = self.holds_until?;
        if self.in_use() <= self.slots_now() {
            self.holds_until = None;
        } else if until <= Instant::now() {
            self.recall();
        }
        self.holds_until
    }

    /// How many attempts the engine has beyond those that can run.
    pub(super) fn ahead(&self) -> usize {
        self.in_use().saturating_sub(self.slots_now())
    }

    /// Takes back what the engine may not have begun.
    pub(super) fn recall(&mut self) {
        self.holds_until = None;
        if self.ahead() > 0 {
            self.is_recalled = true;
            self.order(Order::Recall);
        }
    }

    /// Whether it was recalled and has not answered any attempt since.
    pub(super) fn is_recalled(&self) -> bool {
        self.is_recalled
    }

    /// Asks what runs, for somebody who waits for the answer.
    pub(super) fn list(&mut self) {
        if self.is_up() {
            self.lists.asked += 1;
            self.lists.awaited = self.lists.asked;
            self.order(Order::List);
        }
    }

    /// These attempts run, as somebody or a gate wanted to know. Whether that is the answer somebody waits for.
    pub(super) fn runs(&mut self, running: &[Running]) -> bool {
        self.lists.answered = self.lists.asked.min(self.lists.answered + 1);
        let engine = self.engine;
        self.gates.runs(running, |order| engine.order(order));
        self.lists.answered == self.lists.awaited
    }

    /// Whether somebody waits for an answer to what runs.
    pub(super) fn is_asked(&self) -> bool {
        self.lists.answered < self.lists.awaited
    }
}
