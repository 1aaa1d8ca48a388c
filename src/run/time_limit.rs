//! `--timeout N%`: a time limit that follows how long jobs take.

use std::time::Duration;

/// Each step of the histogram is 1 % longer than the one before.
const GROWTH: f64 = 1.01;
/// Enough steps from a microsecond to years.
const STEPS: usize = 3200;
/// No limit is shorter: where jobs take milliseconds, half of them take twice the median by chance.
const SHORTEST: Duration = Duration::from_secs(1);

/// A percentage of the median run time of the jobs that have succeeded, in memory that does not grow.
#[derive(Debug)]
pub struct MedianLimit {
    factor: f64,
    counts: Vec<u64>,
    total: u64,
}

impl MedianLimit {
    /// A limit of `percent` of the median.
    pub fn new(percent: f64) -> Self {
        Self {
            factor: percent / 100.0,
            counts: vec![0; STEPS],
            total: 0,
        }
    }

    /// A job has succeeded after `time`; returns the limit from now on.
    pub fn succeeded(&mut self, time: Duration) -> Duration {
        let micros = (time.as_secs_f64() * 1e6).max(1.0);
        let step = (micros.ln() / GROWTH.ln()) as usize;
        self.counts[step.min(STEPS - 1)] += 1;
        self.total += 1;
        let mut seen = 0;
        let half = self.counts.iter().position(|count| {
            seen += count;
            2 * seen >= self.total
        });
        let median = GROWTH.powf(half.unwrap_or(0) as f64 + 0.5) / 1e6;
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
