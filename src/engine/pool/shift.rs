//! A worker's shift: the attempts that it has taken and owes an answer for.

use std::time::Instant;

use super::{Post, Reply, Shared};
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
}

impl<'a> Shift<'a> {
    pub(super) fn new(shared: &'a Shared, attempt: Attempt, slot: usize) -> Self {
        Self {
            shared,
            slot,
            attempts: vec![attempt],
            answered: 0,
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

    /// Records and tells how the next attempts ended; then their slot is free, if they were the last.
    pub fn answer(&mut self, mut ends: Vec<Box<AttemptEnd>>) {
        let Some(urgency) = self.settle(&mut ends, false) else {
            return;
        };
        let reply = match (ends.pop(), ends.is_empty()) {
            (None, _) => return,
            (Some(end), true) => Reply::Ended(end),
            (Some(last), false) => {
                ends.push(last);
                Reply::EndedTogether(ends)
            }
        };
        self.shared.post.tell(reply, urgency);
    }

    /// As [`answer`](Self::answer), of attempts whose starts were not told: each comes right before its end, as if
    /// they had been run one by one.
    pub fn answer_with_starts(&mut self, mut ends: Vec<Box<AttemptEnd>>) {
        let Some(urgency) = self.settle(&mut ends, true) else {
            return;
        };
        let post = &self.shared.post;
        for end in ends {
            let start = Box::new(AttemptStart::of(&end));
            post.tell(Reply::Started(start), Urgency::Soon);
            post.tell(Reply::Ended(end), urgency);
        }
    }

    /// Records the next ends and gives back the slot, if they are the last; how soon the controller wants to know, if
    /// there are any.
    fn settle(&mut self, ends: &mut [Box<AttemptEnd>], untold: bool) -> Option<Urgency> {
        if ends.is_empty() {
            return None;
        }
        let is_recorded = self.shared.post.record(ends, untold);
        self.answered += ends.len();
        let is_fatal = |end: &AttemptEnd| end.outcome.error().is_some_and(|error| error.fatal);
        let mut queue = self.shared.lock();
        if self.answered == self.attempts.len() {
            queue.slots.put_back(self.slot, Instant::now());
        }
        // The run will end; what was handed over ahead must not begin until it has.
        queue.closed |= !is_recorded || ends.iter().any(|end| is_fatal(end));
        let enough = queue.attempts.len() > queue.low_water;
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
