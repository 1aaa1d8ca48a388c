//! `--timeout N%`: a time limit that follows how long jobs take.

use std::time::Duration;

use crate::model::Durations;

/// No limit is shorter: where jobs take milliseconds, half of them take twice the median by chance.
const SHORTEST: Duration = Duration::from_secs(1);

/// A percentage of the median run time of the jobs that have succeeded, in memory that does not grow.
#[derive(Debug)]
pub struct MedianLimit {
    factor: f64,
    times: Durations,
}

impl MedianLimit {
    /// A limit of `percent` of the median.
    pub fn new(percent: f64) -> Self {
        Self {
            factor: percent / 100.0,
            times: Durations::default(),
        }
    }

    /// A job has succeeded after `time`; returns the limit from now on.
    pub fn succeeded(&mut self, time: Duration) -> Duration {
        self.times.add(time);
        let median = self.times.median().unwrap_or_default().as_secs_f64();
        let limit = Duration::try_from_secs_f64(median * self.factor);
        limit.unwrap_or(Duration::MAX).max(SHORTEST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_follows_the_median() {
        let mut limit = MedianLimit::new(200.0);
        for (took, expected) in [(10, 20), (20, 20), (30, 40), (40, 40), (50, 60)] {
            let now = limit.succeeded(Duration::from_secs(took)).as_secs_f64();
            let expected = f64::from(expected);
            assert!((now - expected).abs() < expected * 0.01, "{now} {expected}");
        }
    }

    #[test]
    fn tiny_jobs_are_not_held_to_chance() {
        let mut limit = MedianLimit::new(200.0);
        assert_eq!(limit.succeeded(Duration::from_micros(1)), SHORTEST);
        assert_eq!(limit.succeeded(Duration::ZERO), SHORTEST);
    }
}
