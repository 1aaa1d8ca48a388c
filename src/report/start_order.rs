//! The order in which starts are told, where command lines are shown as jobs start (`-t`, `-v` with `-u`).
//!
//! Slots start jobs beside each other, so the start of a job may be known before that of the one before it, and the
//! lines would be in an order that chance decides. A start is kept until those of all earlier jobs are known, and with
//! it what else happens to its job; at most for [`PATIENCE`], since an earlier job may never start.
//!
//! The controller wakes for this, once, at [`due`](StartOrder::due).

use std::time::{Duration, Instant};

use super::later::Later;
use crate::model::Event;

/// How long a start is kept.
const PATIENCE: Duration = Duration::from_millis(200);

/// Puts the starts of jobs into the order of their inputs.
#[derive(Debug, Default)]
pub struct StartOrder {
    /// Starts of later jobs than one that has not started, with what followed them.
    kept: Later<Vec<Event>>,
}

impl StartOrder {
    /// What of `events` and of those that were kept is to be told `now`, in this order.
    pub fn pass(&mut self, events: Vec<Event>, now: Instant) -> Vec<Event> {
        let mut told = Vec::with_capacity(events.len());
        for event in events {
            match event {
                Event::AttemptStarted(ref start) => {
                    let seq = start.job.seq;
                    if let Some(events) = self.kept.get_mut(seq) {
                        events.push(event);
                    } else if self.kept.is_early(seq) {
                        self.kept.keep(seq, now + PATIENCE, vec![event]);
                    } else {
                        told.push(event);
                        self.kept.came(seq, |events| told.extend(events));
                    }
                }
                Event::Output(ref piece) => self.follow(piece.job.seq, event, &mut told),
                Event::AttemptFailed(ref end) => self.follow(end.job.seq, event, &mut told),
                Event::JobFinished(ref end) => {
                    let seq = end.job.seq;
                    self.follow(seq, event, &mut told);
                    // It may have ended without a start.
                    self.kept.came(seq, |events| told.extend(events));
                }
                Event::RunEnded(_) => {
                    self.kept.release(u64::MAX, |events| told.extend(events));
                    told.push(event);
                }
                Event::RunStarted(_)
                | Event::DryRun(_)
                | Event::Gate(_)
                | Event::Resized
                | Event::Notice { .. } => told.push(event),
            }
        }
        if let Some(last) = self.kept.last_due(now) {
            self.kept.release(last, |events| told.extend(events));
        }
        told
    }

    /// When [`pass`](Self::pass) is to be called even if nothing has happened; `None`: nothing is kept.
    pub fn due(&self) -> Option<Instant> {
        self.kept.due()
    }

    /// Tells `event` of job number `seq`, or keeps it behind the job's start.
    fn follow(&mut self, seq: u64, event: Event, told: &mut Vec<Event>) {
        match self.kept.get_mut(seq) {
            Some(events) => events.push(event),
            None => told.push(event),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Outcome;
    use crate::report::testing;

    fn start(seq: u64) -> Event {
        testing::started(seq, "x")
    }

    fn end(seq: u64) -> Event {
        Event::JobFinished(Box::new(testing::ended(seq, "x", Outcome::Exited(0))))
    }

    fn told(order: &mut StartOrder, events: Vec<Event>, now: Instant) -> Vec<(char, u64)> {
        let told = order.pass(events, now).into_iter();
        told.filter_map(|event| match event {
            Event::AttemptStarted(start) => Some(('s', start.job.seq)),
            Event::JobFinished(end) => Some(('e', end.job.seq)),
            _ => None,
        })
        .collect()
    }

    #[test]
    fn a_start_waits_for_those_before_it_and_its_end_for_the_start() {
        let (mut order, now) = (StartOrder::default(), Instant::now());
        assert_eq!(told(&mut order, vec![start(2), end(2)], now), []);
        assert!(order.due().is_some());
        assert_eq!(
            told(&mut order, vec![start(1), start(3)], now),
            [('s', 1), ('s', 2), ('e', 2), ('s', 3)]
        );
        assert_eq!(order.due(), None);
    }

    #[test]
    fn a_job_that_ends_without_a_start_is_not_waited_for() {
        let (mut order, now) = (StartOrder::default(), Instant::now());
        assert_eq!(
            told(&mut order, vec![end(1), start(2), start(2)], now),
            [('e', 1), ('s', 2), ('s', 2)]
        );
    }

    #[test]
    fn no_start_is_kept_for_long() {
        let (mut order, now) = (StartOrder::default(), Instant::now());
        assert_eq!(told(&mut order, vec![start(3)], now), []);
        assert_eq!(told(&mut order, vec![], now + PATIENCE), [('s', 3)]);
        assert_eq!(told(&mut order, vec![start(1)], now + PATIENCE), [('s', 1)]);
    }
}
