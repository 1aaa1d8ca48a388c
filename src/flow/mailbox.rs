//! The one place where the controller waits: a queue with two urgencies.
//!
//! Waking a thread costs more than handling a message, and when jobs take a millisecond each the cost
//! shows. So a message may be posted as not urgent: the receiver is then left asleep for a moment,
//! and finds a whole batch when it wakes.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// How soon a message wants to be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Urgency {
    /// At once.
    Now,
    /// Within the receiver's `patience`.
    Soon,
}

/// A queue with many senders and one receiver.
#[derive(Debug)]
pub struct Mailbox<T> {
    state: Mutex<State<T>>,
    changed: Condvar,
    /// How long a message that is not urgent may lie unread.
    patience: Duration,
}

#[derive(Debug)]
struct State<T> {
    queue: Vec<T>,
    /// Whether an urgent message is among them.
    urgent: bool,
    receiver: Receiver,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Receiver {
    Awake,
    AsleepUntilAny,
    AsleepUntilUrgent,
}

impl<T> Mailbox<T> {
    /// An empty mailbox.
    pub fn new(patience: Duration) -> Self {
        let state = State {
            queue: Vec::new(),
            urgent: false,
            receiver: Receiver::Awake,
        };
        Self {
            state: Mutex::new(state),
            changed: Condvar::new(),
            patience,
        }
    }

    /// Puts `messages` into the queue, in order.
    pub fn post(&self, messages: impl IntoIterator<Item = T>, urgency: Urgency) {
        let mut state = self.lock();
        state.queue.extend(messages);
        state.urgent |= urgency == Urgency::Now;
        let wake = match state.receiver {
            Receiver::Awake => false,
            Receiver::AsleepUntilAny => true,
            Receiver::AsleepUntilUrgent => urgency == Urgency::Now,
        };
        if wake {
            state.receiver = Receiver::Awake;
            drop(state);
            self.changed.notify_one();
        }
    }

    /// Waits until there is a message or `deadline` has passed, then moves all messages into `into`.
    pub fn receive(&self, into: &mut Vec<T>, deadline: Option<Instant>) {
        let mut state = self.lock();
        if state.queue.is_empty() {
            state = self.sleep(state, Receiver::AsleepUntilAny, deadline);
        }
        if !state.queue.is_empty() && !state.urgent {
            let patience = Instant::now() + self.patience;
            let until = deadline.map_or(patience, |deadline| deadline.min(patience));
            state = self.sleep(state, Receiver::AsleepUntilUrgent, Some(until));
        }
        state.urgent = false;
        into.append(&mut state.queue);
    }

    /// Moves all messages that are there into `into`, without waiting.
    pub fn take(&self, into: &mut Vec<T>) {
        let mut state = self.lock();
        state.urgent = false;
        into.append(&mut state.queue);
    }

    /// Sleeps until a sender says otherwise or `until` has passed.
    fn sleep<'a>(
        &self,
        mut state: MutexGuard<'a, State<T>>,
        mode: Receiver,
        until: Option<Instant>,
    ) -> MutexGuard<'a, State<T>> {
        state.receiver = mode;
        while state.receiver == mode {
            state = match until {
                None => self
                    .changed
                    .wait(state)
                    .unwrap_or_else(PoisonError::into_inner),
                Some(until) => {
                    let Some(left) = until.checked_duration_since(Instant::now()) else {
                        break;
                    };
                    let woken = self.changed.wait_timeout(state, left);
                    woken.unwrap_or_else(PoisonError::into_inner).0
                }
            };
        }
        state.receiver = Receiver::Awake;
        state
    }

    fn lock(&self) -> MutexGuard<'_, State<T>> {
        // A sender that panicked has either pushed its message or not: the queue is whole.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_urgent_message_brings_the_patient_ones_along() {
        let mailbox = Mailbox::new(Duration::from_secs(3600));
        let mut got = Vec::new();
        std::thread::scope(|scope| {
            scope.spawn(|| {
                mailbox.post([1, 2], Urgency::Soon);
                mailbox.post([3], Urgency::Now);
            });
            while got.len() < 3 {
                mailbox.receive(&mut got, None);
            }
        });
        assert_eq!(got, [1, 2, 3]);
    }

    #[test]
    fn patience_ends() {
        let mailbox = Mailbox::new(Duration::from_millis(1));
        mailbox.post(["a"], Urgency::Soon);
        let mut got = Vec::new();
        mailbox.receive(&mut got, None);
        assert_eq!(got, ["a"]);
    }

    #[test]
    fn a_deadline_ends_the_wait_for_nothing() {
        let mailbox = Mailbox::<()>::new(Duration::ZERO);
        mailbox.receive(&mut Vec::new(), Some(Instant::now()));
    }
}
