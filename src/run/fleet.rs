//! The places of a run, and which of them gets the next attempt.
//!
//! As GNU parallel: the place that runs fewest attempts, of those with a free slot, and of several the one that was
//! given first; a job that has failed is tried again where it has failed least, and waits for a slot there while
//! others go ahead. Where no slot is free, attempts go ahead to the place that holds fewest per slot, as far as its
//! window reaches. Should a slot be free when no job is left, what busy places hold ahead is taken back for it.
//!
//! A run with one place has nothing to choose from, and pays for no choice.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::gate::{Gates, HeldBack};
use super::lookahead::Ahead;
use super::permit::Permit;
use super::place::{Place, PlaceConfig};
use crate::engine::{Attempt, Order, Running, StopOn};
use crate::model::{Job, Outcome, PlaceId};

/// What the choice of a place for a job goes by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Load {
    /// Whether attempts can be handed over now, or could if one ended there.
    pub is_up: bool,
    /// Whether that will be so soon, or it is known that it will not.
    pub is_expected: bool,
    /// Whether nothing holds back starts there.
    pub is_open: bool,
    /// How many attempts are out.
    pub out: usize,
    /// How many run at a time.
    pub slots: usize,
    /// How many may be out.
    pub limit: usize,
    /// How often the job has failed there.
    pub failures: u32,
    /// Whether the job may run there at all.
    pub is_allowed: bool,
}

/// Where an attempt goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// To the place with this index.
    Place(usize),
    /// There is room only where the job had better not be tried again.
    Elsewhere,
    /// There is no room.
    Nowhere,
}

/// Chooses one of the places whose `loads` these are, in the order given.
pub fn choose(loads: impl Iterator<Item = Load> + Clone) -> Choice {
    // A job that has failed waits for a place where it has not.
    let usable = loads.clone();
    let usable = usable.filter(|load| load.is_allowed && (load.is_up || load.is_expected));
    let least = usable.map(|load| load.failures).min();
    let with_room = |load: &Load| load.is_up && load.is_open && load.out < load.limit;
    let rooms = loads.enumerate().filter(|(_, load)| with_room(load));
    let fit = rooms
        .clone()
        .filter(|(_, load)| load.is_allowed && Some(load.failures) == least);
    let free = fit.clone().filter(|(_, load)| load.out < load.slots);
    if let Some((index, _)) = free.min_by_key(|(_, load)| load.out) {
        return Choice::Place(index);
    }
    let per_slot = |load: &Load| (load.out - load.slots) as f64 / load.slots.max(1) as f64;
    let fewest = fit.min_by(|(_, a), (_, b)| per_slot(a).total_cmp(&per_slot(b)));
    match fewest {
        Some((index, _)) => Choice::Place(index),
        None if rooms.count() > 0 => Choice::Elsewhere,
        None => Choice::Nowhere,
    }
}

/// Why there is no permit.
#[derive(Debug)]
pub(super) enum Denied {
    /// No slot is free where the job may run now, but there is room for others.
    Elsewhere,
    /// The places where the job has to run cannot be used: this is one of them.
    Never(PlaceId),
    /// Gates hold back starts, or no place has room.
    HeldBack(Option<Box<HeldBack>>),
}

/// All places of a run.
pub(super) struct Fleet<'a> {
    places: Vec<Place<'a>>,
    /// What may hold back starts wherever they are.
    gates: Gates,
    has_gates: bool,
    /// Whether there are several places.
    has_choice: bool,
    /// No more attempts than these are out, wherever they are; `None`: there is no such limit.
    most: Option<usize>,
    /// Some place cannot be used, and jobs may be bound to it.
    has_lost: bool,
    /// Where jobs have failed that are tried again; only if there is a choice.
    failures: HashMap<u64, Vec<PlaceId>>,
}

impl<'a> Fleet<'a> {
    /// The places of `configs`, with `gates` for all of them; `ahead` says how far each may go ahead of decisions.
    pub(super) fn new(
        configs: Vec<PlaceConfig<'a>>,
        gates: Gates,
        ahead: impl Fn(&PlaceConfig<'a>) -> (Ahead, StopOn),
    ) -> Self {
        let has_gates = !gates.is_empty() || configs.iter().any(|it| !it.gates.is_empty());
        let has_choice = configs.len() > 1;
        let place = |config| {
            let (ahead, stop_on) = ahead(&config);
            Place::new(config, ahead, stop_on)
        };
        Self {
            places: configs.into_iter().map(place).collect(),
            gates,
            has_gates,
            has_choice,
            most: None,
            has_lost: false,
            failures: HashMap::new(),
        }
    }

    /// With no more attempts out than these, wherever they are.
    #[must_use]
    pub(super) fn with_most(mut self, most: Option<usize>) -> Self {
        self.most = most;
        self
    }

    /// The place with this number cannot be used, and is not waited for. `is_bound`: jobs may have to run there.
    pub(super) fn lost(&mut self, id: PlaceId, is_bound: bool) {
        self.has_lost |= is_bound;
        self.place(id).down();
    }

    /// Tells the places what they must know before their first attempt.
    pub(super) fn begin(&self) {
        self.places.iter().for_each(Place::begin);
    }

    /// The place with this number, which an update names.
    #[inline]
    pub(super) fn place(&mut self, id: PlaceId) -> &mut Place<'a> {
        &mut self.places[id.0]
    }

    /// Whether no attempt is out.
    #[inline]
    pub(super) fn is_idle(&self) -> bool {
        self.places.iter().all(|place| place.in_use() == 0)
    }

    /// How many attempts are out.
    #[inline]
    pub(super) fn out(&self) -> usize {
        self.places.iter().map(Place::in_use).sum()
    }

    /// How many of them run, as far as is known here.
    pub(super) fn running(&self) -> usize {
        let running = self
            .places
            .iter()
            .map(|place| place.in_use() - place.ahead());
        running.sum()
    }

    /// How many attempts run at a time.
    pub(super) fn slots(&self) -> usize {
        let slots = self.places.iter().map(Place::slots_now);
        slots.fold(0, usize::saturating_add)
    }

    /// Whether some place can be used where `job` may run, now or later.
    fn has_hope_for(&self, job: &Job) -> bool {
        match &job.bound {
            None => self.has_hope(),
            Some(bound) => bound.places.iter().any(|id| self.places[id.0].has_hope()),
        }
    }

    /// Gives all places an order.
    pub(super) fn order_all(&self, order: Order) {
        self.places.iter().for_each(|place| place.order(order));
    }

    /// Whether some place can be used, now or later.
    pub(super) fn has_hope(&self) -> bool {
        self.places.iter().any(Place::has_hope)
    }

    /// Begins a turn in which attempts are handed over.
    pub(super) fn begin_turn(&mut self) {
        self.places.iter_mut().for_each(Place::begin_turn);
    }

    /// Whether one more attempt may be out somewhere.
    #[inline]
    pub(super) fn has_room(&self) -> bool {
        self.most.is_none_or(|most| self.out() < most) && self.places.iter().any(Place::has_room)
            || self.has_lost
    }

    /// Whether starts may be held back.
    pub(super) fn has_gates(&self) -> bool {
        self.has_gates
    }

    /// A permit for an attempt at `job`, at the place that is best for it. Asked only if there is room.
    #[inline]
    pub(super) fn permit(&mut self, job: &Job) -> Result<Permit, Denied> {
        let index = if self.has_gates {
            self.admit(job)?
        } else if self.has_choice || self.has_lost {
            self.choose(job)?
        } else {
            0
        };
        Ok(self.places[index].permit(PlaceId(index), job.seq))
    }

    /// The place that is best for `job`.
    #[inline]
    fn choose(&self, job: &Job) -> Result<usize, Denied> {
        if !self.has_choice && !self.has_lost && self.places[0].held_back().is_none() {
            return Ok(0);
        }
        self.choose_of_all(job)
    }

    #[cold]
    fn choose_of_all(&self, job: &Job) -> Result<usize, Denied> {
        if self.has_lost && !self.has_hope_for(job) {
            let first = job.bound.as_ref().and_then(|bound| bound.places.first());
            return Err(Denied::Never(first.copied().unwrap_or_default()));
        }
        if self.most.is_some_and(|most| self.out() >= most) {
            return Err(Denied::HeldBack(None));
        }
        match choose(self.loads(job)) {
            Choice::Place(index) => Ok(index),
            Choice::Elsewhere => Err(Denied::Elsewhere),
            Choice::Nowhere => Err(Denied::HeldBack(self.held_back())),
        }
    }

    /// The place that is best for `job`, of those where gates let it start.
    fn admit(&mut self, job: &Job) -> Result<usize, Denied> {
        let now = Instant::now();
        let mut index = self.choose(job)?;
        while !self.places[index].admit(now) {
            index = self.choose(job)?;
        }
        let out = self.out();
        if let Err(held_back) = self.gates.admit(now, out) {
            self.places.iter_mut().for_each(Place::recall);
            return Err(Denied::HeldBack(Some(Box::new(held_back))));
        }
        self.places[index].let_start(now);
        self.gates.started(now);
        Ok(index)
    }

    /// What the choice for `job` goes by.
    fn loads(&self, job: &Job) -> impl Iterator<Item = Load> + Clone {
        let failures = self.failures.get(&job.seq).map_or(&[][..], Vec::as_slice);
        let bound = job.bound.as_deref();
        self.places.iter().enumerate().map(move |(index, place)| {
            let here = |id: &&PlaceId| id.0 == index;
            Load {
                is_up: place.is_up(),
                is_expected: place.is_expected(),
                is_open: place.held_back().is_none(),
                out: place.in_use(),
                slots: place.slots_now(),
                limit: place.limit(),
                failures: failures.iter().filter(here).count() as u32,
                is_allowed: bound.is_none_or(|bound| bound.places.contains(&PlaceId(index))),
            }
        })
    }

    /// Why places hold back starts, in the words of the first, until one of them may do so no more.
    fn held_back(&self) -> Option<Box<HeldBack>> {
        let mut held = self.places.iter().filter_map(Place::held_back);
        let reason = held.next()?.reason.clone();
        let until = self.held_until();
        Some(Box::new(HeldBack { until, reason }))
    }

    /// When some place may hold back starts no more, if that is a matter of time.
    pub(super) fn held_until(&self) -> Option<Instant> {
        let held = self.places.iter().filter_map(Place::held_back);
        held.filter_map(|it| it.until).min()
    }

    /// Has `attempt` start where it has a permit for.
    #[inline]
    pub(super) fn start(&mut self, permit: Permit, attempt: Attempt) {
        let place = permit.place();
        self.place(place).start(permit, attempt);
    }

    /// Hands over what is to start.
    pub(super) fn hand_over(&mut self) {
        self.places.iter_mut().for_each(Place::hand_over);
    }

    /// No job is left that could start: where a slot is free, some place gives back what it holds ahead.
    pub(super) fn balance(&mut self) {
        if !self.has_choice || !self.places.iter().any(Place::has_free_slot) {
            return;
        }
        let busy = self.places.iter_mut().filter(|it| it.ahead() > 0);
        if let Some(most) = busy.max_by_key(|place| place.ahead())
            && !most.is_recalled()
        {
            most.recall();
        }
    }

    /// The attempt at job number `seq` has failed at place `id`, and the job is tried again.
    pub(super) fn failed(&mut self, seq: u64, id: PlaceId) {
        if self.has_choice {
            self.failures.entry(seq).or_default().push(id);
        }
    }

    /// Job number `seq` is over.
    #[inline]
    pub(super) fn job_over(&mut self, seq: u64) {
        if !self.failures.is_empty() {
            self.failures.remove(&seq);
        }
    }

    /// A job has ended as `outcome` says, somewhere.
    #[inline]
    pub(super) fn ended(&mut self, outcome: &Outcome) {
        if self.has_gates {
            self.gates.ended(outcome);
        }
    }

    /// Has the gates look after what runs; returns when they want to look again.
    pub(super) fn watch(&mut self) -> Option<Instant> {
        if !self.has_gates {
            return None;
        }
        let watches = self.places.iter_mut().map(Place::watch);
        watches.flatten().min()
    }

    /// Takes back attempts about which gates were asked some time ago; returns when to do so, if that is later.
    pub(super) fn recheck(&mut self) -> Option<Instant> {
        self.places.iter_mut().filter_map(Place::recheck).min()
    }

    /// Asks all places what runs.
    pub(super) fn list(&mut self) {
        self.places.iter_mut().for_each(Place::list);
    }

    /// Whether some place has not said yet what runs there.
    pub(super) fn is_asked(&self) -> bool {
        self.places.iter().any(Place::is_asked)
    }

    /// An attempt may take so long from now on, wherever it runs.
    pub(super) fn limit_time(&self, limit: Duration) {
        self.order_all(Order::TimeLimit(Some(limit)));
    }

    /// These attempts run at place `id`. Whether that is the answer somebody waits for.
    pub(super) fn runs(&mut self, id: PlaceId, running: &[Running]) -> bool {
        self.place(id).runs(running)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// A place where so many attempts are out, of those that run at a time, of those that may be out.
    fn load(out: usize, slots: usize, limit: usize) -> Load {
        Load {
            is_up: true,
            is_expected: false,
            is_open: true,
            out,
            slots,
            limit,
            failures: 0,
            is_allowed: true,
        }
    }

    #[test]
    fn the_place_that_runs_fewest_gets_the_next_then_the_one_that_holds_fewest_ahead() {
        let failed = |load| Load {
            failures: 1,
            ..load
        };
        let closed = |load| Load {
            is_open: false,
            ..load
        };
        let down = |load| Load {
            is_up: false,
            ..load
        };
        let expected = |load| Load {
            is_up: false,
            is_expected: true,
            ..load
        };
        let other = |load| Load {
            is_allowed: false,
            ..load
        };
        let free = load(0, 2, 2);
        let full = load(2, 2, 2);
        for (loads, choice) in [
            (vec![free, free], Choice::Place(0)),
            (vec![load(1, 2, 2), free], Choice::Place(1)),
            // As GNU parallel: it is the number that counts, not the share of the slots.
            (vec![load(1, 2, 2), load(1, 8, 8)], Choice::Place(0)),
            (vec![full, load(5, 8, 8)], Choice::Place(1)),
            (vec![load(2, 2, 9), load(5, 8, 8)], Choice::Place(1)),
            (vec![load(4, 2, 9), load(11, 8, 20)], Choice::Place(1)),
            (vec![full, full], Choice::Nowhere),
            (vec![closed(free), load(1, 2, 2)], Choice::Place(1)),
            (vec![closed(free), full], Choice::Nowhere),
            (vec![failed(free), load(1, 2, 2)], Choice::Place(1)),
            (vec![failed(free), full], Choice::Elsewhere),
            (vec![failed(free), failed(free)], Choice::Place(0)),
            (vec![failed(free), down(full)], Choice::Place(0)),
            (vec![failed(free), expected(free)], Choice::Elsewhere),
            (vec![load(1, 2, 2), expected(free)], Choice::Place(0)),
            (vec![expected(free)], Choice::Nowhere),
            (vec![down(free)], Choice::Nowhere),
            (vec![other(free), load(1, 2, 2)], Choice::Place(1)),
            (vec![other(free), full], Choice::Elsewhere),
            (vec![other(free), failed(free)], Choice::Place(1)),
            (vec![other(full), full], Choice::Nowhere),
            (vec![], Choice::Nowhere),
        ] {
            assert_eq!(choose(loads.iter().copied()), choice, "{loads:?}");
        }
    }

    prop_compose! {
        fn any_load()(
            is_up in proptest::bool::weighted(0.8),
            is_expected in proptest::bool::weighted(0.2),
            is_open in proptest::bool::weighted(0.8),
            out in 0_usize..6,
            slots in 0_usize..4,
            ahead in 0_usize..4,
            failures in 0_u32..3,
            is_allowed in proptest::bool::weighted(0.8),
        ) -> Load {
            Load { is_up, is_expected, is_open, out, slots, limit: slots + ahead, failures, is_allowed }
        }
    }

    proptest! {
        #[test]
        fn there_is_no_better_place(loads in proptest::collection::vec(any_load(), 0..6)) {
            let has_room = |load: &&Load| load.is_up && load.is_open && load.out < load.limit;
            let usable = |load: &&Load| load.is_allowed && has_room(load);
            match choose(loads.iter().copied()) {
                Choice::Place(index) => {
                    let chosen = loads[index];
                    prop_assert!(usable(&&chosen));
                    let up = loads.iter().filter(|it| it.is_up || it.is_expected);
                    let up = up.filter(|it| it.is_allowed);
                    prop_assert_eq!(up.map(|it| it.failures).min(), Some(chosen.failures));
                    let is_free = |it: &&Load| it.out < it.slots;
                    let others = loads.iter().filter(usable);
                    let others = others.filter(|it| it.failures == chosen.failures);
                    let fewest = others.clone().filter(is_free).map(|it| it.out).min();
                    prop_assert!(fewest.is_none_or(|out| chosen.out == out && is_free(&&chosen)));
                }
                Choice::Elsewhere => {
                    prop_assert!(loads.iter().filter(usable).all(|it| it.failures > 0));
                    prop_assert!(loads.iter().any(|it| has_room(&it)));
                }
                Choice::Nowhere => prop_assert!(!loads.iter().any(|it| has_room(&it))),
            }
        }
    }
}
