//! The order of ends that come close together, without `-k`.
//!
//! Jobs that take a millisecond each end in an order that chance decides, and the scripts that read their output
//! rarely expect that: where starting a job takes longer than running it, quick jobs end in the order of their
//! inputs. So an end that comes while an earlier job still runs is kept for a moment, and told behind that
//! job's if this comes in time. No job is waited for twice: after that the order is that of the ends. Only reports are
//! late; slots, retries and halts are not.
//!
//! The moment is [`SHORT`]. The first jobs start slowest, and on a machine with much else to do a job of a millisecond
//! may lie still for several times that: at first, and where one has been missed by little, the moment is [`LONG`],
//! until somebody is waited for that long in vain.
//!
//! Nothing wakes for this but the controller, once, at [`due`](NearOrder::due).

use std::time::{Duration, Instant};

use super::later::Later;
use crate::model::Event;

/// How long an end is kept.
const SHORT: Duration = Duration::from_millis(5);

/// How long it is kept at first, and where the machine is busy.
const LONG: Duration = Duration::from_millis(20);

/// How many are kept at most.
const MOST: usize = 1024;

/// Puts ends that come within a moment of each other into the order of the inputs.
#[derive(Debug)]
pub struct NearOrder {
    /// Ends of later jobs than one that still runs.
    kept: Later<Event>,
    due: Option<Instant>,
    /// How long ends are kept now.
    patience: Duration,
    /// When a job was last waited for in vain.
    missed: Option<Instant>,
}

impl Default for NearOrder {
    fn default() -> Self {
        Self {
            kept: Later::default(),
            due: None,
            patience: LONG,
            missed: None,
        }
    }
}

impl NearOrder {
    /// What of `events` and of those that were kept is to be told `now`, in this order.
    pub fn pass(&mut self, events: Vec<Event>, now: Instant) -> Vec<Event> {
        let mut told = Vec::with_capacity(events.len());
        for event in events {
            match event {
                Event::JobFinished(ref end) => self.ended(end.job.seq, event, now, &mut told),
                Event::DryRun(ref lines) => {
                    self.kept.skip(lines.jobs as u64);
                    told.push(event);
                }
                // Words of our own follow what they are about, and the end of the run follows everything.
                Event::Notice { .. } | Event::RunEnded(_) => {
                    self.kept.release(u64::MAX, |event| told.push(event));
                    told.push(event);
                }
                Event::RunStarted(_)
                | Event::AttemptStarted(_)
                | Event::Output(_)
                | Event::AttemptFailed(_)
                | Event::Gate(_)
                | Event::Resized => told.push(event),
            }
        }
        if self.due.is_some_and(|due| due <= now)
            && let Some(last) = self.kept.last_due(now)
        {
            self.kept.release(last, |event| told.push(event));
            (self.patience, self.missed) = (SHORT, Some(now));
        }
        self.due = self.kept.due();
        told
    }

    /// When [`pass`](Self::pass) is to be called even if nothing has happened; `None`: nothing is kept.
    pub fn due(&self) -> Option<Instant> {
        self.due
    }

    fn ended(&mut self, seq: u64, event: Event, now: Instant, told: &mut Vec<Event>) {
        if self.kept.is_early(seq) {
            self.kept.keep(seq, now + self.patience, event);
            if self.kept.len() > MOST {
                self.kept.release(u64::MAX, |event| told.push(event));
            }
            return;
        }
        told.push(event);
        let was_waited_for = self.kept.came(seq, |event| told.push(event));
        if !was_waited_for
            && self
                .missed
                .is_some_and(|missed| now + SHORT < missed + LONG)
        {
            self.patience = LONG;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;
    use crate::model::Outcome;
    use crate::report::testing;

    const NOTHING: [u64; 0] = [];

    fn end(seq: u64) -> Event {
        Event::JobFinished(Box::new(testing::ended(seq, "x", Outcome::Exited(0))))
    }

    fn number(event: &Event) -> Option<u64> {
        match event {
            Event::JobFinished(end) => Some(end.job.seq),
            _ => None,
        }
    }

    /// An order, and the moment from which milliseconds are counted.
    struct Clocked(NearOrder, Instant);

    fn clocked() -> Clocked {
        Clocked(NearOrder::default(), Instant::now())
    }

    impl Clocked {
        /// The jobs whose ends are told when these end in the millisecond `at`.
        fn told(&mut self, at: u64, seqs: &[u64]) -> Vec<u64> {
            let events = seqs.iter().map(|&seq| end(seq)).collect();
            let told = self.0.pass(events, self.1 + Duration::from_millis(at));
            told.iter().filter_map(number).collect()
        }

        fn due(&self) -> Option<u64> {
            let due = self.0.due()?;
            Some((due - self.1).as_millis() as u64)
        }
    }

    #[test]
    fn ends_that_come_close_together_are_told_in_the_order_of_the_inputs() {
        let mut order = clocked();
        assert_eq!(order.told(0, &[1, 3]), [1]);
        assert_eq!(order.told(4, &[4]), NOTHING);
        assert_eq!(order.told(4, &[2]), [2, 3, 4]);
        assert_eq!(order.due(), None);
    }

    #[test]
    fn no_end_is_kept_longer_than_that_and_no_job_is_waited_for_twice() {
        let mut order = clocked();
        assert_eq!(order.told(0, &[2]), NOTHING);
        assert_eq!(order.due(), Some(20));
        assert_eq!(order.told(20, &[]), [2]);
        assert_eq!(order.told(40, &[4]), NOTHING);
        assert_eq!(order.told(43, &[7]), NOTHING);
        assert_eq!(order.due(), Some(45));
        assert_eq!(order.told(45, &[]), [4]);
        assert_eq!(order.told(46, &[5]), [5]);
        assert_eq!(order.due(), Some(48));
        assert_eq!(order.told(48, &[]), [7]);
        assert_eq!(order.told(49, &[8, 1, 6]), [8, 1, 6]);
        assert_eq!(order.due(), None);
    }

    #[test]
    fn where_a_job_is_missed_by_little_the_next_is_waited_for_longer() {
        let mut order = clocked();
        assert_eq!(order.told(0, &[2]), NOTHING);
        assert_eq!(order.told(20, &[]), [2]);
        assert_eq!(order.told(30, &[1, 4]), [1]);
        assert_eq!(order.told(49, &[3]), [3, 4]);
        assert_eq!(order.told(60, &[6]), NOTHING);
        assert_eq!(order.told(80, &[]), [6]);
        assert_eq!(order.told(100, &[5, 8]), [5]);
        assert_eq!(order.due(), Some(105));
    }

    #[test]
    fn words_and_the_end_of_the_run_wait_for_nothing() {
        let mut order = clocked();
        let notice = Event::Notice {
            words: b"x".to_vec(),
            prefixed: true,
        };
        let told = order.0.pass(vec![end(3), end(2), notice, end(1)], order.1);
        let numbers: Vec<_> = told.iter().map(number).collect();
        assert_eq!(numbers, [Some(2), Some(3), None, Some(1)]);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let late: Vec<_> = (2..=MOST as u64 + 2).collect();
        assert_eq!(clocked().told(0, &late), late);
    }

    proptest! {
        #[test]
        fn every_end_is_told_once_and_in_time(
            ends in Just((1..=60_u64).collect::<Vec<_>>()).prop_shuffle(),
            gaps in proptest::collection::vec(0..4_u64, 60),
        ) {
            let mut order = clocked();
            let mut came = BTreeMap::new();
            let mut told = Vec::new();
            let mut now = 0;
            for (seq, gap) in ends.into_iter().zip(gaps) {
                let next = now + gap;
                while let Some(due) = order.due().filter(|&due| due < next) {
                    told.extend(order.told(due, &[]).into_iter().map(|seq| (seq, due)));
                }
                now = next;
                came.insert(seq, now);
                told.extend(order.told(now, &[seq]).into_iter().map(|seq| (seq, now)));
            }
            while let Some(due) = order.due() {
                told.extend(order.told(due, &[]).into_iter().map(|seq| (seq, due)));
            }
            for (seq, at) in &told {
                prop_assert!(at - came[seq] <= 20);
            }
            let mut seqs: Vec<_> = told.into_iter().map(|(seq, _)| seq).collect();
            seqs.sort_unstable();
            prop_assert_eq!(seqs, (1..=60).collect::<Vec<_>>());
        }
    }
}
