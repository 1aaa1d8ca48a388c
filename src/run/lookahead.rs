//! How many attempts the engine gets beyond those that can run at once.
//!
//! When jobs take a millisecond, a worker that must wait for the controller between two of them loses
//! a good part of its time. So tiny jobs are handed over ahead of time, as many as run in a
//! tenth of a second; long ones are not, since nothing is gained and a late decision is a better one.
//!
//! Where an end may change what comes next (`--retries`, `--halt`), the engine stops by itself at such an end and gives
//! back what it holds. That costs more than it won where it happens often: then no more are ahead than have ended well
//! since.

use std::time::Duration;

use crate::model::MovingAverage;

/// Work for this long is handed over ahead.
pub const AHEAD: Duration = Duration::from_millis(100);
/// Jobs longer than this are not handed over ahead.
const TINY: Duration = Duration::from_millis(10);
/// A round trip is hidden if it takes so much of the time that a job does.
const MATTERS: f64 = 0.01;
/// The most attempts that are ever handed over ahead.
const MOST: usize = 4096;
/// As many at most, where an end may change what comes next and none has been seen.
const FEW: usize = 64;

/// Whether attempts are handed over ahead.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ahead {
    /// Each start must be decided on all that went before it.
    Never,
    /// Some ends change what comes next.
    UntilStopped,
    /// Nothing does.
    Always,
}

/// Decides from how long the last jobs took, and how they ended.
#[derive(Debug)]
pub struct Lookahead {
    slots: usize,
    /// No more than this.
    most: usize,
    ahead: Ahead,
    average: MovingAverage,
    /// How long it takes until a worker that is done with one attempt has got the next.
    round_trip: Duration,
}

impl Lookahead {
    /// For `slots` workers.
    pub fn new(slots: usize, ahead: Ahead) -> Self {
        let most = match ahead {
            Ahead::Never => 0,
            Ahead::UntilStopped => FEW,
            Ahead::Always => MOST,
        };
        Self {
            slots,
            most,
            ahead,
            average: MovingAverage::default(),
            round_trip: Duration::ZERO,
        }
    }

    /// With so much work ahead that workers do not wait for so long, where that matters.
    #[must_use]
    pub fn hiding(mut self, round_trip: Duration) -> Self {
        self.hide(round_trip);
        self
    }

    /// From now on.
    pub fn hide(&mut self, round_trip: Duration) {
        self.round_trip = round_trip;
    }

    /// There are so many workers now.
    pub fn set_slots(&mut self, slots: usize) {
        self.slots = slots;
    }

    /// A job took `time`; `stops`: the engine has stopped at its end.
    pub fn observe(&mut self, time: Duration, stops: bool) {
        self.average.add(time.as_secs_f64());
        if stops {
            self.most = 0;
        } else if self.ahead == Ahead::UntilStopped {
            self.most = MOST.min(self.most + 1);
        }
    }

    /// How many attempts the engine should have in all, running ones included.
    pub fn window(&self) -> usize {
        let ahead = match self.average.seconds() {
            Some(average) if average < TINY.as_secs_f64() => {
                let time = AHEAD.max(self.round_trip).as_secs_f64();
                let jobs = time / average.max(1e-6) * self.slots as f64;
                (jobs as usize).min(self.most)
            }
            Some(average) if !self.round_trip.is_zero() => self.over_a_trip(average),
            _ => 0,
        };
        self.slots + ahead
    }

    /// How many attempts keep all workers busy for the time of a round trip, if jobs take `average` seconds; none, if
    /// they take so long that the trip does not matter.
    fn over_a_trip(&self, average: f64) -> usize {
        let trip = self.round_trip.as_secs_f64();
        if trip < average * MATTERS {
            return 0;
        }
        let for_each = (trip / average).ceil() as usize;
        self.slots.saturating_mul(for_each).min(self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_tiny_jobs_are_handed_over_ahead() {
        let mut lookahead = Lookahead::new(2, Ahead::Always);
        assert_eq!(lookahead.window(), 2);
        lookahead.observe(Duration::from_millis(1), false);
        assert_eq!(lookahead.window(), 2 + 200);
        lookahead.observe(Duration::from_secs(1), false);
        assert_eq!(lookahead.window(), 2);
    }

    #[test]
    fn it_can_be_forbidden_and_has_a_bound() {
        let mut forbidden = Lookahead::new(2, Ahead::Never);
        let mut allowed = Lookahead::new(2, Ahead::Always);
        forbidden.observe(Duration::ZERO, false);
        allowed.observe(Duration::ZERO, false);
        assert_eq!(forbidden.window(), 2);
        assert_eq!(allowed.window(), 2 + MOST);
    }

    #[test]
    fn a_round_trip_is_hidden_where_it_matters() {
        for (trip, took, window) in [(0, 50, 4), (1, 50, 8), (1, 200, 4), (120, 50, 16)] {
            let [trip, took] = [trip, took].map(Duration::from_millis);
            let mut lookahead = Lookahead::new(4, Ahead::Always).hiding(trip);
            assert_eq!(lookahead.window(), 4);
            lookahead.observe(took, false);
            assert_eq!(lookahead.window(), window, "{trip:?} {took:?}");
        }
        let mut never = Lookahead::new(4, Ahead::Never).hiding(Duration::from_secs(1));
        never.observe(Duration::from_secs(1), false);
        assert_eq!(never.window(), 4);
    }

    #[test]
    fn ends_at_which_the_engine_stops_make_it_careful() {
        let mut lookahead = Lookahead::new(2, Ahead::UntilStopped);
        for (stops, window) in [(false, 2 + FEW + 1), (true, 2), (true, 2), (false, 3)] {
            lookahead.observe(Duration::ZERO, stops);
            assert_eq!(lookahead.window(), window);
        }
        for _ in 0..2 * MOST {
            lookahead.observe(Duration::ZERO, false);
        }
        assert_eq!(lookahead.window(), 2 + MOST);
    }
}
