//! `--delay`: a pause between starts.

use std::time::{Duration, Instant};

use super::{Admit, Gate};
use crate::model::Outcome;

/// Lets a job start only when the last one was started some time ago.
#[derive(Debug)]
pub struct Delay {
    pause: Duration,
    /// Whether failures make it longer and successes shorter, as GNU parallel's `auto`.
    auto: bool,
    last_start: Option<Instant>,
    /// The one before: a job that was left out has not started.
    start_before: Option<Instant>,
}

/// No pause gets longer than this.
const LONGEST: Duration = Duration::from_secs(366 * 86400);

impl Delay {
    /// A gate with `pause` between two starts, which adapts itself if it is `auto`.
    pub fn new(pause: Duration, auto: bool) -> Self {
        Self {
            pause,
            auto,
            last_start: None,
            start_before: None,
        }
    }
}

impl Gate for Delay {
    fn admit(&mut self, now: Instant, _running: usize) -> Admit {
        match self.last_start.map(|last| last + self.pause) {
            Some(next) if next > now => Admit::NotBefore(next),
            _ => Admit::Now,
        }
    }

    fn started(&mut self, now: Instant) {
        self.start_before = self.last_start.replace(now);
    }

    fn ended(&mut self, outcome: &Outcome) {
        if outcome.is_left_out() {
            self.last_start = self.start_before;
        } else if self.auto {
            let factor = if outcome.is_success() { 0.9 } else { 1.3 };
            self.pause = self.pause.mul_f64(factor).min(LONGEST);
        }
    }

    fn sees_each_start(&self) -> bool {
        true
    }

    fn reason(&self) -> String {
        format!("waiting {:?} between starts (--delay)", self.pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_start_is_free_and_the_next_waits() {
        let begin = Instant::now();
        let second = Duration::from_secs(1);
        let mut delay = Delay::new(second, false);
        assert_eq!(delay.admit(begin, 0), Admit::Now);
        delay.started(begin);
        delay.ended(&Outcome::Exited(1));
        assert_eq!(delay.admit(begin, 0), Admit::NotBefore(begin + second));
        assert_eq!(delay.admit(begin + second, 0), Admit::Now);
    }

    #[test]
    fn a_job_that_is_left_out_makes_nobody_wait() {
        let begin = Instant::now();
        let second = Duration::from_secs(1);
        let mut delay = Delay::new(second, false);
        delay.started(begin);
        delay.ended(&Outcome::FilteredOut);
        assert_eq!(delay.admit(begin, 0), Admit::Now);
        delay.started(begin);
        delay.started(begin + second);
        delay.ended(&Outcome::Skipped);
        assert_eq!(delay.admit(begin + second, 0), Admit::Now);
        assert_eq!(delay.admit(begin, 0), Admit::NotBefore(begin + second));
    }

    #[test]
    fn failures_make_an_automatic_pause_longer_and_successes_shorter() {
        let begin = Instant::now();
        let mut delay = Delay::new(Duration::from_secs(10), true);
        delay.started(begin);
        let wait = |delay: &mut Delay| match delay.admit(begin, 0) {
            Admit::NotBefore(next) => (next - begin).as_secs_f64(),
            other => panic!("{other:?}"),
        };
        delay.ended(&Outcome::Exited(1));
        assert!((wait(&mut delay) - 13.0).abs() < 1e-6);
        delay.ended(&Outcome::Exited(0));
        assert!((wait(&mut delay) - 11.7).abs() < 1e-6);
    }
}
