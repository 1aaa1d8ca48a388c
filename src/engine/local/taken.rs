//! The attempts that a worker has taken from the queue and has to answer.

#![allow(clippy::vec_box, reason = "an end travels to the reports in its box")]

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::MutexGuard;
use std::time::{Instant, SystemTime};

use super::queue::{Queue, SharedQueue};
use crate::engine::{Attempt, Update, UpdateSender, unstarted};
use crate::flow::mailbox::Urgency;
use crate::model::{AttemptEnd, AttemptStart, Outcome};

/// Attempts that a worker has taken to run one after the other in its slot. Each is answered in its
/// order; those that are not when it is dropped, in a panic for one, are lost.
pub struct TakenAttempts<'a> {
    shared: &'a SharedQueue,
    slot: usize,
    attempts: Vec<Attempt>,
    answered: usize,
    /// Whether it is decided how the latest ends, however those before it do.
    latest_is_decided: bool,
    /// An end on which to stop was among them.
    stopped: bool,
}

impl<'a> TakenAttempts<'a> {
    fn new(shared: &'a SharedQueue, attempt: Attempt, slot: usize) -> Self {
        Self {
            shared,
            slot,
            attempts: vec![attempt],
            answered: 0,
            latest_is_decided: false,
            stopped: false,
        }
    }

    /// The number of the slot, from 1.
    pub fn slot(&self) -> usize {
        self.slot
    }

    /// Takes messages to the controller.
    pub fn updates(&self) -> &'a UpdateSender {
        &self.shared.updates
    }

    /// The first attempt that has no answer.
    pub fn next(&self) -> &Attempt {
        &self.attempts[self.answered]
    }

    /// The attempt that was taken last.
    pub fn latest(&self) -> &Attempt {
        &self.attempts[self.attempts.len() - 1]
    }

    /// It is decided how the latest attempt ends, whatever comes of those before it: it is answered in any case.
    pub fn decide_latest(&mut self) {
        self.latest_is_decided = true;
    }

    /// Takes one more attempt, if there is one and the other workers have no less to do.
    pub fn take_another(&mut self) -> bool {
        if self.answered == self.attempts.len() {
            return false;
        }
        let mut queue = self.shared.lock();
        let others = queue.alive.min(queue.at_a_time).saturating_sub(1);
        let enough = queue.attempts.len() >= self.attempts.len() * others;
        let is_awaited = queue.idle > 0 && queue.free_slots() > 0;
        if queue.closed || is_awaited || !enough {
            return false;
        }
        match queue.attempts.pop_front() {
            Some(attempt) => self.attempts.push(attempt),
            None => return false,
        }
        true
    }

    /// Records and tells how the next attempts ended; then their slot is free, if they were the last. Where one of
    /// them is an end on which to stop, what comes after it is as if it had never begun.
    ///
    /// False: there is nothing left to run.
    pub fn answer(&mut self, ends: Vec<Box<AttemptEnd>>) -> bool {
        self.settle(ends, false)
    }

    /// As [`answer`](Self::answer), of attempts whose starts were not told: each comes right before its end, as if
    /// they had been run one by one.
    pub fn answer_with_starts(&mut self, ends: Vec<Box<AttemptEnd>>) -> bool {
        self.settle(ends, true)
    }

    fn settle(&mut self, mut ends: Vec<Box<AttemptEnd>>, untold: bool) -> bool {
        let (stops, was_stopped) = self.drop_what_came_after_a_stop(&mut ends);
        if !ends.is_empty() {
            let is_recorded = self.shared.updates.record(&mut ends, untold);
            self.answered += ends.len();
            let mut queue = self.shared.lock();
            queue.closed |= !is_recorded;
            if stops {
                // Whether anything begins after that is for those to say who hear of it.
                queue.stopped_at.get_or_insert_with(SystemTime::now);
                queue.stops += 1;
            }
            if stops || was_stopped {
                self.stop(ends, untold, queue);
            } else {
                self.free_slot(&mut queue);
                let enough = queue.attempts.len() > queue.low_water;
                drop(queue);
                let urgency = if enough { Urgency::Soon } else { Urgency::Now };
                self.tell(ends, untold, urgency);
            }
        }
        !self.stopped && self.answered < self.attempts.len()
    }

    /// Leaves out those of `ends` that began after one on which to stop, in this slot or another: only what leaves no
    /// trace runs in one go with others. Tells whether the last is such an end, and whether there was one elsewhere.
    fn drop_what_came_after_a_stop(&self, ends: &mut Vec<Box<AttemptEnd>>) -> (bool, bool) {
        let queue = self.shared.lock();
        let (stop_on, stopped_at) = (queue.stop_on, queue.stopped_at);
        drop(queue);
        if let Some(at) = stopped_at {
            let before = ends.iter().take_while(|end| end.started_at() <= at);
            let before = before.count().max(1);
            ends.truncate(before);
        }
        let first = ends.iter().position(|end| stop_on.covers(&end.outcome));
        if let Some(first) = first {
            ends.truncate(first + 1);
        }
        (first.is_some(), stopped_at.is_some())
    }

    /// Tells the ends, and gives back everything that is left of them, and of the queue if that has stopped.
    /// Nobody hands anything over or recalls it between the two.
    fn stop(&mut self, ends: Vec<Box<AttemptEnd>>, untold: bool, mut queue: MutexGuard<'_, Queue>) {
        self.stopped = true;
        let decided = usize::from(self.latest_is_decided && self.answered < self.attempts.len());
        let undecided = self.answered..self.attempts.len() - decided;
        let mut given_back: Vec<_> = self.attempts.drain(undecided).collect();
        if queue.stopped_at.is_some() {
            given_back.extend(queue.attempts.drain(..));
        }
        self.free_slot(&mut queue);
        self.tell(ends, untold, Urgency::Now);
        self.shared.give_back(given_back);
    }

    fn free_slot(&self, queue: &mut Queue) {
        if self.answered == self.attempts.len() {
            queue.slots.put_back(self.slot, Instant::now());
        }
    }

    fn tell(&self, ends: Vec<Box<AttemptEnd>>, untold: bool, urgency: Urgency) {
        let updates = &self.shared.updates;
        if !untold {
            return updates.tell(Update::Ended(ends), urgency);
        }
        for end in ends {
            let start = Box::new(AttemptStart::of(&end));
            updates.tell(Update::Started(start), Urgency::Soon);
            updates.tell(Update::Ended(vec![end]), urgency);
        }
    }
}

impl Drop for TakenAttempts<'_> {
    fn drop(&mut self) {
        let lost = &self.attempts[self.answered..];
        let lost: Vec<_> = lost
            .iter()
            .map(|attempt| unstarted(attempt, Outcome::Lost(None)))
            .collect();
        if !lost.is_empty() {
            self.answer(lost);
        }
    }
}

/// What a worker does with an attempt.
pub trait Runner: Send {
    /// Runs the attempt of `taken` to its end and answers it; and any that it takes beyond that one.
    fn run(&mut self, taken: &mut TakenAttempts);
}

/// The life of worker `index`.
pub(super) fn work(shared: &SharedQueue, index: usize, runner: &mut impl Runner) {
    while let Some((attempt, slot)) = shared.next(index) {
        let mut taken = TakenAttempts::new(shared, attempt, slot);
        // A panic is reported as a lost attempt by `taken`; the worker goes on with the next.
        let _ = catch_unwind(AssertUnwindSafe(|| runner.run(&mut taken)));
    }
}
