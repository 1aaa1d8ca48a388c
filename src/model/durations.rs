//! How long jobs take, kept in memory that does not grow: what it was of late, and what it was for half of them.

use std::time::Duration;

/// How much the latest job counts, as a part of the whole.
const WEIGHT: f64 = 1.0 / 8.0;

/// A moving average over jobs' run times, in which the last ones count most.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct MovingAverage(Option<f64>);

impl MovingAverage {
    /// Another job took so many seconds.
    pub fn add(&mut self, seconds: f64) {
        let average = |average: f64| average + (seconds - average) * WEIGHT;
        self.0 = Some(self.0.map_or(seconds, average));
    }

    /// The average in seconds; `None` before the first job.
    pub fn seconds(self) -> Option<f64> {
        self.0
    }
}

/// Each step of a histogram is 1 % longer than the one before.
const GROWTH: f64 = 1.01;

/// Enough steps from a microsecond to years.
const STEPS: usize = 3200;

/// How many jobs took how long, in steps from a microsecond to years.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Durations {
    counts: Vec<u64>,
    total: u64,
}

impl Default for Durations {
    fn default() -> Self {
        Self {
            counts: vec![0; STEPS],
            total: 0,
        }
    }
}

impl Durations {
    /// Another job took `time`.
    pub fn add(&mut self, time: Duration) {
        let micros = (time.as_secs_f64() * 1e6).max(1.0);
        let step = (micros.ln() / GROWTH.ln()) as usize;
        self.counts[step.min(STEPS - 1)] += 1;
        self.total += 1;
    }

    /// How many jobs were added.
    pub fn len(&self) -> u64 {
        self.total
    }

    /// Whether none was.
    pub fn is_empty(&self) -> bool {
        self.total == 0
    }

    /// What half of the jobs took at most, to within 1 % and never too short; `None` before the first.
    pub fn median(&self) -> Option<Duration> {
        let mut seen = 0;
        let step = self.counts.iter().position(|count| {
            seen += count;
            seen > 0 && 2 * seen >= self.total
        })?;
        let micros = GROWTH.powf((step + 1) as f64);
        Some(Duration::from_secs_f64(micros / 1e6))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_last_jobs_count_most_in_an_average() {
        let mut average = MovingAverage::default();
        assert_eq!(average.seconds(), None);
        average.add(8.0);
        assert_eq!(average.seconds(), Some(8.0));
        average.add(16.0);
        assert_eq!(average.seconds(), Some(9.0));
        (0..200).for_each(|_| average.add(1.0));
        assert!((average.seconds().unwrap() - 1.0).abs() < 1e-6);
    }

    #[test]
    fn the_first_job_is_the_median_and_none_is_too_long_or_short() {
        let mut durations = Durations::default();
        assert_eq!((durations.median(), durations.is_empty()), (None, true));
        durations.add(Duration::ZERO);
        assert!(durations.median().unwrap() < Duration::from_micros(2));
        let mut durations = Durations::default();
        durations.add(Duration::MAX);
        assert!(durations.median().unwrap() > Duration::from_secs(365 * 86_400));
    }

    proptest! {
        #[test]
        fn half_of_the_jobs_took_no_longer_than_the_median(
            mut times in prop::collection::vec(2_u64..10_000_000_000, 1..60),
        ) {
            let mut durations = Durations::default();
            for &micros in &times {
                durations.add(Duration::from_micros(micros));
            }
            prop_assert_eq!(durations.len(), times.len() as u64);
            times.sort_unstable();
            let exact = times[(times.len() - 1) / 2] as f64;
            let median = durations.median().unwrap().as_secs_f64() * 1e6;
            prop_assert!(median >= exact * 0.999_999 && median <= exact * 1.011, "{median} {exact}");
        }
    }
}
