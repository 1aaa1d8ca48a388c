//! A worker's shift: the attempts that it has taken and owes an answer for.

use std::time::Instant;

use super::{Post, Shared, Update};
use crate::engine::{Attempt, never_ran};
use crate::model::{AttemptEnd, AttemptStart, Outcome};
use crate::sys::mailbox::Urgency;

/// Attempts that a worker has taken to run one after the other in its slot. Each is answered in its
/// order; those that are not when it is dropped, in a panic for one, are lost.
pub struct Shift<'a> {
    shared: &'a Shared,
    slot: usize,
    attempts: Vec<Attempt>,
    answered: usize,
    /// Whether it is decided how the latest ends, however those before it do.
    latest_is_decided: bool,
    /// An end on which to stop was among them.
    stopped: bool,
}

impl<'a> Shift<'a> {
    pub(super) fn new(shared: &'a Shared, attempt: Attempt, slot: usize) -> Self {
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
    pub fn post(&self) -> &'a Post {
        &self.shared.post
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
        let others = queue.alive.saturating_sub(1);
        let enough = queue.attempts.len() >= self.attempts.len() * others;
        if queue.closed || queue.idle > 0 || !enough {
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
    pub fn answer(&mut self, mut ends: Vec<Box<AttemptEnd>>) -> bool {
        if let Some(urgency) = self.settle(&mut ends, false) {
            self.shared.post.tell(Update::Ended(ends), urgency);
        }
        self.goes_on()
    }

    /// As [`answer`](Self::answer), of attempts whose starts were not told: each comes right before its end, as if
    /// they had been run one by one.
    pub fn answer_with_starts(&mut self, mut ends: Vec<Box<AttemptEnd>>) -> bool {
        if let Some(urgency) = self.settle(&mut ends, true) {
            let post = &self.shared.post;
            for end in ends {
                let start = Box::new(AttemptStart::of(&end));
                post.tell(Update::Started(start), Urgency::Soon);
                post.tell(Update::Ended(vec![end]), urgency);
            }
        }
        self.goes_on()
    }

    /// Whether more of its attempts are to be run.
    fn goes_on(&self) -> bool {
        !self.stopped && self.answered < self.attempts.len()
    }

    /// Records the next ends and gives back the slot, if they are the last; how soon the controller wants to know, if
    /// there are any.
    #[allow(clippy::vec_box, reason = "an end travels to the reports in its box")]
    fn settle(&mut self, ends: &mut Vec<Box<AttemptEnd>>, untold: bool) -> Option<Urgency> {
        if ends.is_empty() {
            return None;
        }
        let stop_on = self.shared.lock().stop_on;
        let first = ends.iter().position(|end| stop_on.covers(&end.outcome));
        if let Some(first) = first {
            ends.truncate(first + 1);
        }
        let is_recorded = self.shared.post.record(ends, untold);
        self.answered += ends.len();
        let mut given_back = Vec::new();
        let mut queue = self.shared.lock();
        if first.is_some() {
            // Whether anything runs after that is not known before the controller has seen it.
            queue.stopped = true;
            self.stopped = true;
            let decided =
                usize::from(self.latest_is_decided && self.answered < self.attempts.len());
            let undecided = self.answered..self.attempts.len() - decided;
            given_back.extend(self.attempts.drain(undecided));
            given_back.extend(queue.attempts.drain(..));
        }
        if self.answered == self.attempts.len() {
            queue.slots.put_back(self.slot, Instant::now());
        }
        queue.closed |= !is_recorded;
        let enough = queue.attempts.len() > queue.low_water;
        drop(queue);
        // Before the ends: whoever hears of them knows what else is going on.
        self.shared.give_back(given_back);
        Some(if enough { Urgency::Soon } else { Urgency::Now })
    }
}

impl Drop for Shift<'_> {
    fn drop(&mut self) {
        let lost = &self.attempts[self.answered..];
        let lost: Vec<_> = lost
            .iter()
            .map(|attempt| never_ran(attempt, Outcome::Lost(None)))
            .collect();
        if !lost.is_empty() {
            self.answer(lost);
        }
    }
}
