//! How many attempts the engine gets beyond those that can run at once.
//!
//! When jobs take a millisecond, a worker that must wait for the controller between two of them loses
//! a good part of its time. So tiny jobs are handed over ahead of time, as many as run in a
//! tenth of a second; long ones are not, since nothing is gained and a late decision is a better one.

use std::time::Duration;

/// Work for this long is handed over ahead.
const AHEAD: Duration = Duration::from_millis(100);
/// Jobs longer than this are not handed over ahead.
const TINY: Duration = Duration::from_millis(10);
/// The most attempts that are ever handed over ahead.
const MOST: usize = 4096;

/// Decides from how long the last jobs took.
#[derive(Debug)]
pub struct Lookahead {
    slots: usize,
    allowed: bool,
    /// A moving average over jobs' run times, in seconds; `None` before the first has ended.
    average: Option<f64>,
}

impl Lookahead {
    /// For `slots` workers. Where each start must be decided on what ended before it, `allowed` is false.
    pub fn new(slots: usize, allowed: bool) -> Self {
        Self {
            slots,
            allowed,
            average: None,
        }
    }

    /// There are so many workers now.
    pub fn set_slots(&mut self, slots: usize) {
        self.slots = slots;
    }

    /// A job took `time`.
    pub fn observe(&mut self, time: Duration) {
        let time = time.as_secs_f64();
        self.average = Some(
            self.average
                .map_or(time, |average| average + (time - average) / 8.0),
        );
    }

    /// How many attempts the engine should have in all, running ones included.
    pub fn window(&self) -> usize {
        let ahead = match self.average {
            Some(average) if self.allowed && average < TINY.as_secs_f64() => {
                let jobs = AHEAD.as_secs_f64() / average.max(1e-6) * self.slots as f64;
                (jobs as usize).min(MOST)
            }
            _ => 0,
        };
        self.slots + ahead
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tiny_jobs_are_handed_over_ahead() {
        let mut lookahead = Lookahead::new(2, true);
        assert_eq!(lookahead.window(), 2);
        lookahead.observe(Duration::from_millis(1));
        assert_eq!(lookahead.window(), 2 + 200);
        lookahead.observe(Duration::from_secs(1));
        assert_eq!(lookahead.window(), 2);
    }

    #[test]
    fn it_can_be_forbidden_and_has_a_bound() {
        let mut forbidden = Lookahead::new(2, false);
        let mut allowed = Lookahead::new(2, true);
        forbidden.observe(Duration::ZERO);
        allowed.observe(Duration::ZERO);
        assert_eq!(forbidden.window(), 2);
        assert_eq!(allowed.window(), 2 + MOST);
    }
}
