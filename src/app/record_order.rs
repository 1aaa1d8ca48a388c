//! The order of the record's first lines: that of the inputs, where the first jobs end within a moment of each other.
//!
//! Jobs of a millisecond that run side by side end in an order that chance decides, and whoever reads a joblog of a
//! few of them expects that of the inputs: where starting a job takes longer than running it, they have it. So a slot
//! whose quick job ends while an earlier one has not, waits with its line, and so with its next job, until that has
//! ended: a [`MOMENT`] at most, and only among the [`FIRST`] jobs of a run. Nothing is waited for any more once that was
//! in vain [`TRIES`] times. The record still has every end before its slot is used again.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// How long a line waits at most.
const MOMENT: Duration = Duration::from_millis(20);

/// So often may that be in vain: on a busy machine a job of a millisecond may lie still for longer.
const TRIES: u32 = 3;

/// A job that takes longer is not quick.
const QUICK: Duration = Duration::from_millis(50);

/// Only of so many jobs, the first ones, lines wait: with more, nobody looks at their order.
const FIRST: u64 = 256;

/// Has threads that write the ends of the first jobs wait for each other.
#[derive(Debug)]
pub(super) struct RecordOrder {
    /// Whether lines still wait.
    waits: AtomicBool,
    written: Mutex<Written>,
    changed: Condvar,
}

/// Whose lines are written.
#[derive(Debug)]
struct Written {
    /// The first job whose line is not.
    next: u64,
    /// Later ones whose lines are.
    later: BTreeSet<u64>,
    /// How often one of them may still be waited for in vain.
    tries: u32,
}

impl Default for RecordOrder {
    fn default() -> Self {
        Self {
            waits: AtomicBool::new(true),
            written: Mutex::new(Written {
                next: 1,
                later: BTreeSet::new(),
                tries: TRIES,
            }),
            changed: Condvar::new(),
        }
    }
}

impl RecordOrder {
    /// Waits until the lines of all jobs before number `seq`, which `took` that long, are written, if that is soon.
    pub(super) fn wait(&self, seq: u64, took: Duration) {
        if took > QUICK || seq > FIRST || !self.waits.load(Ordering::Relaxed) {
            return;
        }
        let until = Instant::now() + MOMENT;
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        while written.next < seq && self.waits.load(Ordering::Relaxed) {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                written.tries -= 1;
                if written.tries == 0 {
                    self.waits.store(false, Ordering::Relaxed);
                }
                self.changed.notify_all();
                return;
            }
            let waited = self.changed.wait_timeout(written, left);
            written = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// The line of job `seq` is written.
    pub(super) fn wrote(&self, seq: u64) {
        if !self.waits.load(Ordering::Relaxed) {
            return;
        }
        let mut written = self.written.lock().unwrap_or_else(PoisonError::into_inner);
        written.later.insert(seq);
        while written.later.first() == Some(&written.next) {
            written.later.pop_first();
            written.next += 1;
        }
        if written.next > FIRST {
            self.waits.store(false, Ordering::Relaxed);
        }
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::thread;

    use super::*;

    #[test]
    fn a_line_waits_for_those_of_earlier_jobs() {
        let order = Arc::new(RecordOrder::default());
        let lines = Arc::new(Mutex::new(Vec::new()));
        let threads: Vec<_> = (1..=8)
            .rev()
            .map(|seq| {
                let (order, lines) = (Arc::clone(&order), Arc::clone(&lines));
                thread::spawn(move || {
                    order.wait(seq, Duration::ZERO);
                    lines.lock().unwrap().push(seq);
                    order.wrote(seq);
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        let was_late = !order.waits.load(Ordering::Relaxed);
        let lines = lines.lock().unwrap();
        assert!(lines.is_sorted() || was_late, "{lines:?}");
        assert_eq!(lines.len(), 8);
    }

    #[test]
    fn nothing_waits_for_long_and_often_in_vain() {
        let order = RecordOrder::default();
        for _ in 0..TRIES {
            assert!(order.waits.load(Ordering::Relaxed));
            order.wait(2, Duration::ZERO);
        }
        assert!(!order.waits.load(Ordering::Relaxed));
        order.wait(3, Duration::ZERO);
        order.wrote(3);
    }

    #[test]
    fn jobs_that_are_not_quick_and_late_ones_do_not_wait() {
        let order = RecordOrder::default();
        order.wait(2, Duration::from_secs(1));
        order.wait(FIRST + 1, Duration::ZERO);
        assert!(order.waits.load(Ordering::Relaxed));
    }
}
