//! Which running jobs are much slower than the others.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::model::{AttemptInfo, Durations};

/// A job is slow when it runs this many times as long as half of the finished ones did …
const FACTOR: f64 = 10.0;
/// … and longer than this …
const AT_LEAST: Duration = Duration::from_secs(10);
/// … provided that so many have finished.
const ENOUGH: u64 = 5;

/// Watches running jobs. Time is an argument.
#[derive(Debug)]
pub(super) struct Slow {
    running: HashMap<u64, Running>,
    finished: Durations,
}

#[derive(Debug)]
struct Running {
    job: Arc<AttemptInfo>,
    since: Instant,
    told: bool,
}

impl Slow {
    pub(super) fn new() -> Self {
        Self {
            running: HashMap::new(),
            finished: Durations::default(),
        }
    }

    pub(super) fn started(&mut self, job: &Arc<AttemptInfo>, now: Instant) {
        let running = Running {
            job: Arc::clone(job),
            since: now,
            told: false,
        };
        self.running.insert(job.seq, running);
    }

    pub(super) fn ended(&mut self, seq: u64, wall: Duration) {
        self.running.remove(&seq);
        self.finished.add(wall);
    }

    /// What half of the finished jobs took at most; `None` while there are too few.
    pub(super) fn median(&self) -> Option<Duration> {
        let enough = self.finished.len() >= ENOUGH;
        enough.then(|| self.finished.median()).flatten()
    }

    fn limit(&self) -> Option<Duration> {
        Some(self.median()?.mul_f64(FACTOR).max(AT_LEAST))
    }

    /// When the next running job becomes slow, if no job ends before.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let oldest = self
            .running
            .values()
            .filter(|job| !job.told)
            .map(|job| job.since)
            .min()?;
        Some(oldest + self.limit()?)
    }

    /// The jobs that have become slow by `now`, and how long they have run; each is given once.
    pub(super) fn due(&mut self, now: Instant) -> Vec<(Arc<AttemptInfo>, Duration)> {
        let Some(limit) = self.limit() else {
            return Vec::new();
        };
        let mut due = Vec::new();
        for running in self.running.values_mut().filter(|running| !running.told) {
            let wall = now.saturating_duration_since(running.since);
            if wall >= limit {
                running.told = true;
                due.push((Arc::clone(&running.job), wall));
            }
        }
        due.sort_by_key(|(job, _)| job.seq);
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::identity;

    #[test]
    fn a_job_ten_times_as_long_as_the_median_is_slow_once() {
        let began = Instant::now();
        let after = |seconds| began + Duration::from_secs(seconds);
        let mut slow = Slow::new();
        slow.started(&Arc::new(identity(9, "sleep")), began);
        assert_eq!(slow.deadline(), None);
        for seq in 1..=5 {
            slow.ended(seq, Duration::from_secs(seq));
        }
        let median = slow.median().unwrap().as_secs_f64();
        assert!((3.0..3.3).contains(&median), "{median}");
        let deadline = slow.deadline().unwrap();
        assert!((after(30)..after(33)).contains(&deadline));
        assert!(slow.due(after(29)).is_empty());
        assert_eq!(slow.due(deadline).len(), 1);
        assert!(slow.due(after(99)).is_empty());
        assert_eq!(slow.deadline(), None);
    }

    #[test]
    fn tiny_jobs_make_nobody_slow_before_ten_seconds() {
        let began = Instant::now();
        let mut slow = Slow::new();
        slow.started(&Arc::new(identity(9, "sleep")), began);
        (1..=5).for_each(|seq| slow.ended(seq, Duration::ZERO));
        assert_eq!(slow.deadline(), Some(began + AT_LEAST));
    }
}
