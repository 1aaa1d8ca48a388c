//! `--load`, `--noswap`, `--psi`, `--limit 'io N'`: something of the machine's must be below a limit.

use std::time::{Duration, Instant};

use super::{Admit, Gate};
use crate::model::Outcome;

/// Measures at a moment; `None`: it takes more time to tell.
pub type Measure = Box<dyn FnMut(Instant) -> Option<f64>>;

/// Lets a job start only while a measured value is below a limit.
pub struct Ceiling {
    /// What is measured, for the user: `load`, `CPU pressure (--psi)`.
    what: String,
    unit: &'static str,
    measure: Measure,
    limit: Limit,
    /// How long a measurement counts.
    valid: Duration,
    /// How much one more job adds before that can be measured.
    per_job: f64,
    latest: Option<(Instant, f64)>,
}

/// What the value must be below.
pub enum Limit {
    /// This.
    Fixed(f64),
    /// What a function says at the moment: a file that the user may change.
    Changing(Box<dyn FnMut() -> f64>),
}

impl Ceiling {
    /// A gate for `what` in `unit`, to be below `limit`; a measurement counts for `valid`.
    pub fn new(
        what: impl Into<String>,
        unit: &'static str,
        measure: Measure,
        limit: Limit,
        valid: Duration,
    ) -> Self {
        Self {
            what: what.into(),
            unit,
            measure,
            limit,
            valid,
            per_job: 0.0,
            latest: None,
        }
    }

    /// Counts a job that has just been started as `more`, until the next measurement.
    #[must_use]
    pub fn with_more_per_job(mut self, more: f64) -> Self {
        self.per_job = more;
        self
    }

    fn limit(&mut self) -> f64 {
        match &mut self.limit {
            Limit::Fixed(limit) => *limit,
            Limit::Changing(now) => now(),
        }
    }

    fn value(&mut self, now: Instant) -> Option<f64> {
        if self.latest.is_none_or(|(at, _)| now >= at + self.valid) {
            self.latest = (self.measure)(now).map(|value| (now, value));
        }
        self.latest.map(|(_, value)| value)
    }
}

impl Gate for Ceiling {
    fn admit(&mut self, now: Instant, _running: usize) -> Admit {
        let limit = self.limit();
        match self.value(now) {
            Some(value) if value < limit => Admit::Now,
            _ => Admit::NotBefore(self.latest.map_or(now, |(at, _)| at) + self.valid),
        }
    }

    fn started(&mut self, _now: Instant) {
        if let Some((_, value)) = &mut self.latest {
            *value += self.per_job;
        }
    }

    fn ended(&mut self, _outcome: &Outcome) {
        if let Some((_, value)) = &mut self.latest {
            *value = (*value - self.per_job).max(0.0);
        }
    }

    fn sees_each_start(&self) -> bool {
        self.per_job > 0.0
    }

    fn reason(&self) -> String {
        let (what, unit) = (&self.what, self.unit);
        match self.latest {
            None => format!("measuring {what}"),
            Some((_, value)) => format!("{what} is {}{unit}", (value * 10.0).round() / 10.0),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    fn load(values: &'static [Option<f64>], limit: f64) -> Ceiling {
        let mut values = values.iter().copied();
        let measure = Box::new(move |_| values.next().unwrap());
        Ceiling::new("load", "", measure, Limit::Fixed(limit), SECOND)
    }

    #[test]
    fn it_waits_until_the_value_is_below() {
        let begin = Instant::now();
        let mut gate = load(&[Some(5.0), Some(4.0), Some(3.9)], 4.0);
        assert_eq!(gate.admit(begin, 0), Admit::NotBefore(begin + SECOND));
        assert_eq!(gate.reason(), "load is 5");
        let next = begin + SECOND;
        assert_eq!(gate.admit(next, 0), Admit::NotBefore(next + SECOND));
        assert_eq!(gate.admit(next + SECOND, 0), Admit::Now);
        // It still counts.
        assert_eq!(gate.admit(next + SECOND, 0), Admit::Now);
    }

    #[test]
    fn what_has_just_been_started_counts() {
        let now = Instant::now();
        let mut gate = load(&[Some(0.0)], 2.0).with_more_per_job(1.0);
        for expected in [Admit::Now, Admit::Now, Admit::NotBefore(now + SECOND)] {
            assert_eq!(gate.admit(now, 0), expected);
            gate.started(now);
        }
        gate.ended(&Outcome::Exited(0));
        gate.ended(&Outcome::Exited(0));
        assert_eq!(gate.admit(now, 0), Admit::Now);
    }

    #[test]
    fn nothing_starts_before_there_is_a_value() {
        let now = Instant::now();
        let mut gate = load(&[None, Some(1.0)], 2.0);
        assert_eq!(gate.admit(now, 0), Admit::NotBefore(now + SECOND));
        assert_eq!(gate.reason(), "measuring load");
        assert_eq!(gate.admit(now + SECOND, 0), Admit::Now);
    }
}
