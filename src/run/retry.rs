//! `--retries`, `--retry-on`, `--backoff`: whether a job gets another try, and when.

use std::time::Duration;

use crate::model::{AttemptEnd, Exit, Outcome, SpawnError};

/// How often a job is tried.
#[derive(Clone, Debug, PartialEq)]
pub struct Retry {
    /// Tries in all, the first included; `None`: without end.
    pub tries: Option<u32>,
    /// Which failures are worth another try; none: all.
    pub on: Vec<RetryOn>,
    /// The pause before another try.
    pub backoff: Option<Backoff>,
}

/// A kind of failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RetryOn {
    /// An exit code other than 0.
    Fail,
    /// One of these exit codes.
    Exit(std::ops::RangeInclusive<i32>),
    /// The end by a signal.
    Signal,
    /// The end by this signal.
    SignalNumber(i32),
    /// The time limit.
    Timeout,
    /// It could not be started, or its worker lost it.
    Spawn,
}

/// A pause that doubles from try to try.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Backoff {
    /// Before the second try.
    pub first: Duration,
    /// Never more than this.
    pub most: Duration,
}

impl Default for Retry {
    fn default() -> Self {
        Self {
            tries: Some(1),
            on: Vec::new(),
            backoff: None,
        }
    }
}

impl Retry {
    /// Whether a job whose try number `number` (from 1) ended with `outcome` is tried again.
    pub fn again(&self, number: u32, outcome: &Outcome) -> bool {
        let may_pass_next_time = match outcome {
            Outcome::Exited(0)
            | Outcome::Skipped
            | Outcome::FilteredOut
            | Outcome::Declined
            | Outcome::DoneBefore
            | Outcome::DryRun
            | Outcome::Cancelled { .. }
            | Outcome::SpawnFailed(SpawnError { fatal: true, .. })
            | Outcome::Lost(Some(SpawnError { fatal: true, .. })) => false,
            Outcome::Exited(_)
            | Outcome::Signaled(_)
            | Outcome::TimedOut(_)
            | Outcome::OutputLost(_)
            | Outcome::SpawnFailed(_)
            | Outcome::Lost(_) => true,
        };
        may_pass_next_time
            && self.tries.is_none_or(|tries| number < tries)
            && (self.on.is_empty() || self.on.iter().any(|kind| kind.covers(outcome)))
    }

    /// Whether an attempt that ended as `end` says is the last of its job, whatever becomes of the run. Otherwise the
    /// controller decides: it may be tried again, unless the run is over by then.
    pub fn is_surely_last(&self, end: &AttemptEnd) -> bool {
        match end.outcome {
            Outcome::Cancelled { .. } => false,
            _ => end.comes_once() || !self.again(end.job.attempt, &end.outcome),
        }
    }

    /// The pause after try number `number`; `chance` is a random number from 0 to 1.
    pub fn pause(&self, number: u32, chance: f64) -> Option<Duration> {
        self.backoff.map(|backoff| backoff.pause(number, chance))
    }
}

impl RetryOn {
    fn covers(&self, outcome: &Outcome) -> bool {
        match (self, outcome) {
            (Self::Fail, Outcome::Exited(_) | Outcome::OutputLost(_))
            | (Self::Signal, Outcome::Signaled(_))
            | (Self::Timeout, Outcome::TimedOut(_))
            | (Self::Spawn, Outcome::SpawnFailed(_) | Outcome::Lost(_)) => true,
            (Self::Exit(codes), Outcome::Exited(code) | Outcome::TimedOut(Exit::Code(code))) => {
                codes.contains(code)
            }
            (Self::SignalNumber(wanted), Outcome::Signaled(signal)) => wanted == signal,
            _ => false,
        }
    }
}

impl Backoff {
    /// Doubles with each try, and is spread over the upper half of that, so that jobs which failed
    /// together do not all come back together.
    fn pause(self, number: u32, chance: f64) -> Duration {
        let doublings = number.saturating_sub(1).min(63);
        let full = self.first.as_secs_f64() * (1_u64 << doublings) as f64;
        let full = full.min(self.most.as_secs_f64());
        Duration::try_from_secs_f64(full * (0.5 + chance / 2.0)).unwrap_or(self.most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::KilledBy;

    fn tries(tries: Option<u32>, on: &[RetryOn]) -> Retry {
        Retry {
            tries,
            on: on.to_vec(),
            backoff: None,
        }
    }

    #[test]
    fn truth_table() {
        let (once, thrice, endless) = (Some(1), Some(3), None);
        let cancelled = Outcome::Cancelled {
            by: KilledBy::User,
            signal: None,
        };
        let timed_out = Outcome::TimedOut(Exit::Signal(15));
        for (allowed, number, outcome, again) in [
            (once, 1, Outcome::Exited(1), false),
            (thrice, 2, Outcome::Exited(1), true),
            (thrice, 3, Outcome::Exited(1), false),
            (thrice, 1, Outcome::Exited(0), false),
            (thrice, 1, timed_out, true),
            (endless, 1_000_000, Outcome::Signaled(9), true),
            (endless, 1, cancelled, false),
        ] {
            assert_eq!(
                tries(allowed, &[]).again(number, &outcome),
                again,
                "{allowed:?} {number} {outcome:?}"
            );
        }
    }

    #[test]
    fn only_what_is_worth_it() {
        let timed_out = Outcome::TimedOut(Exit::Signal(15));
        for (on, outcome, again) in [
            (RetryOn::Fail, Outcome::Exited(3), true),
            (RetryOn::Fail, Outcome::Signaled(9), false),
            (RetryOn::Fail, timed_out.clone(), false),
            (RetryOn::Exit(75..=75), Outcome::Exited(75), true),
            (RetryOn::Exit(70..=75), Outcome::Exited(76), false),
            (RetryOn::Signal, Outcome::Signaled(9), true),
            (RetryOn::SignalNumber(9), Outcome::Signaled(11), false),
            (RetryOn::Timeout, timed_out, true),
            (RetryOn::Spawn, Outcome::Lost(None), true),
            (RetryOn::Spawn, Outcome::Exited(127), false),
        ] {
            let retry = tries(None, std::slice::from_ref(&on));
            assert_eq!(retry.again(1, &outcome), again, "{on:?} {outcome:?}");
        }
    }

    #[test]
    fn the_pause_doubles_up_to_a_bound_and_is_spread() {
        let second = Duration::from_secs(1);
        let backoff = Backoff {
            first: second,
            most: 60 * second,
        };
        let pauses = [1, 2, 3, 6, 7, 1000].map(|number| backoff.pause(number, 1.0));
        assert_eq!(pauses, [1, 2, 4, 32, 60, 60].map(Duration::from_secs));
        assert_eq!(backoff.pause(2, 0.0), second);
    }
}
