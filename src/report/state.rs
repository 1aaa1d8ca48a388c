//! How far a run is, counted once: every report that has numbers reads them here.

use std::time::{Duration, Instant, SystemTime};

use crate::ledger::jsonl::wire::Status;
use crate::model::{AttemptEnd, Event, KilledBy, Outcome, RunStart, Tally};

/// What is known of a run from the events so far.
#[derive(Clone, Debug)]
pub struct RunState {
    /// What was known at its beginning.
    pub start: RunStart,
    /// When it began, by the clock that is never set.
    pub began: Instant,
    /// The numbers so far. `running` counts only where attempts' starts are reported.
    pub tally: Tally,
    /// Jobs of which a process was started at least once; as for `running`.
    pub started: u64,
    /// Jobs that `--halt` had killed.
    pub halted: u64,
    /// Jobs that the user had killed.
    pub interrupted: u64,
    /// Jobs that the user did not want to be run.
    pub declined: u64,
    /// Jobs that an earlier run had done.
    pub before: u64,
    /// Jobs that are over, by how they ended.
    pub ends: Ends,
    /// Time in which a process ran, over all attempts.
    pub busy: Duration,
    /// CPU time of all attempts in user mode.
    pub user: Duration,
    /// CPU time of all attempts in the kernel.
    pub sys: Duration,
}

impl Default for RunState {
    fn default() -> Self {
        Self {
            start: RunStart {
                at: SystemTime::now(),
                slots: 1,
                total: None,
            },
            began: Instant::now(),
            tally: Tally::default(),
            started: 0,
            halted: 0,
            interrupted: 0,
            declined: 0,
            before: 0,
            ends: Ends::default(),
            busy: Duration::ZERO,
            user: Duration::ZERO,
            sys: Duration::ZERO,
        }
    }
}

impl RunState {
    /// Takes note of `event`.
    pub fn event(&mut self, event: &Event) {
        match event {
            Event::RunStarted(start) => self.start = start.clone(),
            Event::AttemptStarted(start) => {
                self.tally.running += 1;
                self.started += u64::from(start.job.attempt == 1);
            }
            Event::AttemptFailed(end) => self.attempt_over(end),
            Event::JobFinished(end) => {
                self.attempt_over(end);
                self.job_over(end);
            }
            Event::DryRun(lines) => self.tally.ok += lines.jobs as u64,
            Event::Output(_)
            | Event::Gate(_)
            | Event::Notice { .. }
            | Event::Resized
            | Event::RunEnded(_) => {}
        }
    }

    fn attempt_over(&mut self, end: &AttemptEnd) {
        if let Some(ran) = &end.ran {
            self.tally.running = self.tally.running.saturating_sub(1);
            self.busy += ran.took;
            self.user += end.usage.user;
            self.sys += end.usage.sys;
        }
    }

    fn job_over(&mut self, end: &AttemptEnd) {
        self.ends.add(status(&end.outcome), end.job.attempt);
        match &end.outcome {
            Outcome::Exited(0) | Outcome::Skipped | Outcome::FilteredOut | Outcome::DryRun => {
                self.tally.ok += 1;
            }
            Outcome::DoneBefore => self.before += 1,
            Outcome::Declined => self.declined += 1,
            Outcome::Cancelled { .. } if end.ran.is_none() => self.tally.unstarted += 1,
            Outcome::Cancelled { by, .. } => {
                self.tally.failed += 1;
                match by {
                    KilledBy::Halt => self.halted += 1,
                    KilledBy::User | KilledBy::Memory => self.interrupted += 1,
                }
            }
            _ => self.tally.failed += 1,
        }
    }

    /// Jobs that are over, not counting those that never started.
    pub fn done(&self) -> u64 {
        self.tally.ok + self.tally.failed + self.declined
    }

    /// How fast it gets on, at the moment `now`.
    pub fn pace(&self, now: Instant) -> Pace {
        let total = self.start.total;
        Pace {
            done: self.done(),
            total: total.map(|total| total.saturating_sub(self.before)),
            elapsed: now.saturating_duration_since(self.began),
        }
    }
}

/// How a job ended, in the one word that JSON has for it.
pub fn status(outcome: &Outcome) -> Status {
    match outcome {
        Outcome::Exited(0) => Status::Ok,
        Outcome::Exited(_) | Outcome::OutputLost(_) => Status::Fail,
        Outcome::Signaled(_) => Status::Signal,
        Outcome::TimedOut(_) => Status::Timeout,
        Outcome::SpawnFailed(_) => Status::SpawnError,
        Outcome::Cancelled {
            by: KilledBy::Memory,
            ..
        } => Status::Memory,
        Outcome::Cancelled { .. } => Status::Cancelled,
        Outcome::Skipped | Outcome::FilteredOut | Outcome::Declined | Outcome::DoneBefore => {
            Status::Skipped
        }
        Outcome::DryRun => Status::Dry,
        Outcome::Lost(_) => Status::Lost,
    }
}

/// How many jobs ended with each status.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Ends {
    by_status: [u64; Status::Unknown as usize + 1],
    flaky: u64,
}

impl Ends {
    /// One more job ended with `status`, at its try number `attempt`.
    pub fn add(&mut self, status: Status, attempt: u32) {
        self.by_status[status as usize] += 1;
        self.flaky += u64::from(status == Status::Ok && attempt > 1);
    }

    /// How many passed after a failure.
    pub fn flaky(&self) -> u64 {
        self.flaky
    }

    /// How many ended with `status`.
    pub fn of(&self, status: Status) -> u64 {
        self.by_status[status as usize]
    }

    /// How many ended at all.
    pub fn total(&self) -> u64 {
        self.by_status.iter().sum()
    }
}

/// How fast a run gets on.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pace {
    /// Jobs that are over.
    pub done: u64,
    /// How many there will be, where that is known.
    pub total: Option<u64>,
    /// Time since the run began.
    pub elapsed: Duration,
}

impl Pace {
    /// Jobs a second since the beginning.
    pub fn rate(&self) -> f64 {
        let elapsed = self.elapsed.as_secs_f64();
        if elapsed > 0.0 {
            self.done as f64 / elapsed
        } else {
            0.0
        }
    }

    /// How long the rest takes if it goes on like this.
    pub fn eta(&self) -> Option<Duration> {
        let left = self.total?.saturating_sub(self.done);
        if self.done == 0 {
            return None;
        }
        Duration::try_from_secs_f64(left as f64 / self.rate()).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::{Pace, RunState};
    use crate::ledger::jsonl::wire::Status;
    use crate::model::{KilledBy, Outcome};
    use crate::report::testing::{ended, finished, never_started, ok, started};
    use std::time::Duration;

    #[test]
    fn every_job_is_counted_once() {
        let cancelled = |by, signal| Outcome::Cancelled { by, signal };
        let mut counter = RunState::default();
        for event in [
            started(1, "a"),
            started(2, "b"),
            crate::model::Event::AttemptFailed(Box::new(ok(1, "", ""))),
            started(3, "c"),
            finished(ok(2, "", "")),
            finished(ended(3, "c", cancelled(KilledBy::Halt, Some(15)))),
            finished(never_started(ended(
                4,
                "d",
                cancelled(KilledBy::Halt, None),
            ))),
            finished(never_started(ended(
                5,
                "e",
                Outcome::SpawnFailed(crate::model::SpawnError::passing("no")),
            ))),
        ] {
            counter.event(&event);
        }
        let tally = counter.tally;
        assert_eq!(
            (tally.running, tally.ok, tally.failed, tally.unstarted),
            (0, 1, 2, 1)
        );
        assert_eq!((counter.started, counter.halted, counter.done()), (3, 1, 3));
        assert_eq!(
            (counter.ends.of(Status::Cancelled), counter.ends.total()),
            (2, 4)
        );
        assert_eq!(counter.busy, Duration::from_millis(3 * 1250));
    }

    #[test]
    fn the_rest_takes_as_long_as_the_past_says() {
        let pace = Pace {
            done: 10,
            total: Some(40),
            elapsed: Duration::from_secs(5),
        };
        assert_eq!(pace.eta(), Some(Duration::from_secs(15)));
        assert_eq!(
            Pace {
                total: None,
                ..pace
            }
            .eta(),
            None
        );
        assert_eq!(Pace { done: 0, ..pace }.eta(), None);
        assert_eq!(Pace { done: 50, ..pace }.eta(), Some(Duration::ZERO));
    }
}
