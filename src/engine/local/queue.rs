//! The queue of attempts that all workers share.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Instant, SystemTime};

use super::slot_numbers::SlotNumbers;
use crate::engine::{Attempt, StopOn, Update, UpdateSender};
use crate::flow::mailbox::Urgency;

/// The queue, what wakes those that wait for it, and the way to the controller.
pub(super) struct SharedQueue {
    queue: Mutex<Queue>,
    pub(super) changed: Condvar,
    pub(super) updates: UpdateSender,
}

/// Attempts that have not begun, and what is known of those who begin them.
pub(super) struct Queue {
    pub(super) attempts: VecDeque<Attempt>,
    /// Below this many attempts the controller is woken to bring more.
    pub(super) low_water: usize,
    /// Nothing begins any more: the pool is about to go, or the record cannot be written.
    pub(super) closed: bool,
    /// After which ends nothing begins until the controller says so.
    pub(super) stop_on: StopOn,
    /// When there was such an end.
    pub(super) stopped_at: Option<SystemTime>,
    /// How many such ends were told.
    pub(super) stops: u64,
    /// Workers from this index on are to leave.
    pub(super) most: usize,
    /// So many attempts run at a time at most.
    pub(super) at_a_time: usize,
    /// Workers that wait for an attempt.
    pub(super) idle: usize,
    /// Workers that were started and have not ended.
    pub(super) alive: usize,
    pub(super) slots: SlotNumbers,
}

impl Queue {
    /// An empty queue for at most `workers`.
    fn new(workers: usize) -> Self {
        Self {
            attempts: VecDeque::new(),
            low_water: 0,
            closed: false,
            stop_on: StopOn::Fatal,
            stopped_at: None,
            stops: 0,
            most: workers,
            at_a_time: workers,
            idle: 0,
            alive: 0,
            slots: SlotNumbers::new(workers),
        }
    }

    /// How many more workers the attempts that wait would keep busy.
    pub(super) fn lacks(&self) -> usize {
        let without_work = self.alive.saturating_sub(self.slots.in_use());
        let may_run = self.attempts.len().min(self.free_slots());
        may_run.saturating_sub(without_work)
    }

    /// How many attempts may begin now.
    pub(super) fn free_slots(&self) -> usize {
        self.at_a_time.saturating_sub(self.slots.in_use())
    }
}

impl SharedQueue {
    /// An empty queue for at most `workers`, who answer by means of `updates`.
    pub(super) fn new(workers: usize, updates: UpdateSender) -> Self {
        Self {
            queue: Mutex::new(Queue::new(workers)),
            changed: Condvar::new(),
            updates,
        }
    }

    /// Gives back attempts that were not begun.
    pub(super) fn give_back(&self, attempts: Vec<Attempt>) {
        if !attempts.is_empty() {
            self.updates.tell(Update::Returned(attempts), Urgency::Now);
        }
    }

    /// Waits for an attempt and a slot number for it, for worker `index`; `None` when the pool is closed, or has fewer
    /// workers.
    pub(super) fn next(&self, index: usize) -> Option<(Attempt, usize)> {
        let mut queue = self.lock();
        loop {
            if queue.closed || index >= queue.most {
                return None;
            }
            if queue.free_slots() > 0
                && let Some(attempt) = queue.attempts.pop_front()
            {
                return Some((attempt, queue.slots.take(Instant::now())));
            }
            queue.idle += 1;
            queue = self
                .changed
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
            queue.idle -= 1;
        }
    }

    /// A worker has ended, and let go of all that it had.
    pub(super) fn count_out(&self) {
        self.lock().alive -= 1;
        self.changed.notify_all();
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, Queue> {
        // No code between lock and unlock can panic half-way through a change.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
