//! An engine that runs and renders nothing: each attempt is answered at once, as a function says.
//!
//! It is what benches put under the controller and the reports, to see what those cost, and the smallest engine that
//! keeps the contract.

use std::sync::atomic::{AtomicBool, Ordering};

use super::stopped::Stopped;
use super::{Attempt, Engine, Order, StopOn, Update, UpdateSender, unstarted};
use crate::flow::mailbox::Urgency;
use crate::model::{Job, Outcome};

/// Ends each attempt when it is handed over, on the thread that does so.
pub struct NullEngine<F> {
    outcome: F,
    updates: UpdateSender,
    stops_on_failure: AtomicBool,
    stopped: Stopped,
}

impl<F: Fn(&Job) -> Outcome + Sync> NullEngine<F> {
    /// An engine whose attempts end as `outcome` says of their jobs.
    pub fn new(outcome: F, updates: UpdateSender) -> Self {
        Self {
            outcome,
            updates,
            stops_on_failure: AtomicBool::new(false),
            stopped: Stopped::default(),
        }
    }

    fn stop_on(&self) -> StopOn {
        if self.stops_on_failure.load(Ordering::Relaxed) {
            StopOn::Failure
        } else {
            StopOn::Fatal
        }
    }
}

impl<F: Fn(&Job) -> Outcome + Sync> Engine for NullEngine<F> {
    fn run(&self, attempts: Vec<Attempt>) {
        let mut attempts = attempts.into_iter();
        let stop_on = self.stop_on();
        let mut ends = Vec::with_capacity(attempts.len());
        while !self.stopped.is_set()
            && let Some(attempt) = attempts.next()
        {
            let outcome = (self.outcome)(&attempt.work.job);
            if stop_on.covers(&outcome) {
                self.stopped.set();
            }
            ends.push(unstarted(&attempt, outcome));
        }
        if !ends.is_empty() {
            self.updates.record(&mut ends, false);
            self.updates.tell(Update::Ended(ends), Urgency::Now);
        }
        let rest: Vec<_> = attempts.collect();
        if !rest.is_empty() {
            self.updates.tell(Update::Returned(rest), Urgency::Now);
        }
    }

    fn order(&self, order: Order) {
        match order {
            Order::StopOn(stop_on) => {
                let on_failure = stop_on == StopOn::Failure;
                self.stops_on_failure.store(on_failure, Ordering::Relaxed);
            }
            Order::GoOn(seen) => self.stopped.go_on(seen),
            Order::List => self.updates.tell(Update::Running(Vec::new()), Urgency::Now),
            Order::Staff
            | Order::Recall
            | Order::Slots(_)
            | Order::End(..)
            | Order::Signal(..)
            | Order::TimeLimit(_) => {}
        }
    }
}
