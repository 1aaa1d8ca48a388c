//! The numbers of the slots in use.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

/// For so long the number that was given out last is not given out again, if another one is free.
const REST: Duration = Duration::from_millis(5);

/// Gives out slot numbers, from 1: a new attempt gets the lowest free one, as in GNU parallel.
///
/// Where starting a job takes longer than running it, the one before has not been seen to end when the next one
/// starts, so quick jobs have slots 1 and 2 in turn. Scripts show that, so here a number rests for a moment.
#[derive(Debug)]
pub(super) struct SlotNumbers {
    free: BTreeSet<usize>,
    used: usize,
    /// There are no more.
    most: usize,
    /// Whether numbers that were never given out come first.
    pub(super) new_first: bool,
    /// The number that was given out last, and since when it is free.
    last: Option<(usize, Instant)>,
}

impl SlotNumbers {
    /// The numbers up to `most`.
    pub(super) fn new(most: usize) -> Self {
        Self {
            free: BTreeSet::new(),
            used: 0,
            most,
            new_first: false,
            last: None,
        }
    }

    /// No more are given out than `most`, once those beyond have come back.
    pub(super) fn have_at_most(&mut self, most: usize) {
        self.most = most;
    }

    /// A number for an attempt that starts `now`.
    pub(super) fn take(&mut self, now: Instant) -> usize {
        let resting = self
            .last
            .filter(|&(_, since)| now.saturating_duration_since(since) < REST)
            .map(|(slot, _)| slot);
        let uses_new = self.new_first && self.used < self.most;
        let mut free = self.free.iter().filter(|_| !uses_new);
        let lowest = free.find(|&&slot| Some(slot) != resting);
        let slot = match lowest.copied() {
            Some(slot) => slot,
            None if self.used < self.most => {
                self.used += 1;
                self.used
            }
            // More may be in use than there are to be from now on.
            None => resting.unwrap_or_else(|| {
                self.used += 1;
                self.used
            }),
        };
        self.free.remove(&slot);
        self.last = Some((slot, now));
        slot
    }

    /// Takes back `slot`, whose attempts are over `now`.
    pub(super) fn put_back(&mut self, slot: usize, now: Instant) {
        self.free.insert(slot);
        if let Some((last, since)) = &mut self.last
            && *last == slot
        {
            *since = now;
        }
    }

    /// How many are in use.
    pub(super) fn in_use(&self) -> usize {
        self.used - self.free.len()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn quick_jobs_have_two_slots_in_turn_and_slow_ones_the_lowest() {
        let (mut slots, now) = (SlotNumbers::new(3), Instant::now());
        for slot in [1, 2, 1, 2] {
            assert_eq!(slots.take(now), slot);
            slots.put_back(slot, now);
        }
        assert_eq!(slots.take(now + REST), 1);
        assert_eq!(slots.take(now + REST), 2);
        assert_eq!(slots.take(now + REST), 3);
        for slot in [3, 2, 1] {
            slots.put_back(slot, now + REST);
        }
        assert_eq!(slots.take(now + REST * 2), 1);
    }

    #[test]
    fn new_numbers_come_first_where_jobs_all_run_at_once() {
        let (mut slots, now) = (SlotNumbers::new(3), Instant::now());
        slots.new_first = true;
        for slot in [1, 2, 3, 1, 2] {
            assert_eq!(slots.take(now), slot);
            slots.put_back(slot, now);
        }
    }

    #[test]
    fn the_only_slot_has_no_rest() {
        let (mut slots, now) = (SlotNumbers::new(1), Instant::now());
        for _ in 0..3 {
            assert_eq!(slots.take(now), 1);
            slots.put_back(1, now);
        }
        assert_eq!(slots.in_use(), 0);
    }

    proptest! {
        #[test]
        fn no_number_is_given_out_twice_or_beyond_the_most(
            most in 1..5_usize,
            turns in proptest::collection::vec((any::<bool>(), 0..4_usize, 0..9_u64), 0..100),
        ) {
            let mut slots = SlotNumbers::new(most);
            let mut now = Instant::now();
            let mut taken = Vec::new();
            for (takes, which, pause) in turns {
                now += Duration::from_millis(pause);
                if takes && taken.len() < most {
                    let slot = slots.take(now);
                    prop_assert!((1..=most).contains(&slot) && !taken.contains(&slot));
                    taken.push(slot);
                } else if which < taken.len() {
                    slots.put_back(taken.swap_remove(which), now);
                }
                prop_assert_eq!(slots.in_use(), taken.len());
            }
        }
    }
}
