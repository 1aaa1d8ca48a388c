//! `--retries`: whether a job gets another try.

use crate::model::{Outcome, SpawnError};

/// How often a job is tried.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retry {
    /// Tries in all, the first included; `None`: without end.
    pub tries: Option<u32>,
}

impl Default for Retry {
    fn default() -> Self {
        Self { tries: Some(1) }
    }
}

impl Retry {
    /// Whether a job whose try number `number` (from 1) ended with `outcome` is tried again.
    pub fn again(&self, number: u32, outcome: &Outcome) -> bool {
        let may_pass_next_time = match outcome {
            Outcome::Exited(0)
            | Outcome::Skipped
            | Outcome::Cancelled { .. }
            | Outcome::SpawnFailed(SpawnError { fatal: true, .. }) => false,
            Outcome::Exited(_)
            | Outcome::Signaled(_)
            | Outcome::TimedOut(_)
            | Outcome::SpawnFailed(_)
            | Outcome::Lost => true,
        };
        may_pass_next_time && self.tries.is_none_or(|tries| number < tries)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::KilledBy;

    #[test]
    fn truth_table() {
        let (once, thrice, endless) = (Some(1), Some(3), None);
        let cancelled = Outcome::Cancelled {
            by: KilledBy::User,
            signal: None,
        };
        for (tries, number, outcome, again) in [
            (once, 1, Outcome::Exited(1), false),
            (thrice, 2, Outcome::Exited(1), true),
            (thrice, 3, Outcome::Exited(1), false),
            (thrice, 1, Outcome::Exited(0), false),
            (
                thrice,
                1,
                Outcome::TimedOut(crate::model::Exit::Signal(15)),
                true,
            ),
            (endless, 1_000_000, Outcome::Signaled(9), true),
            (endless, 1, cancelled, false),
        ] {
            assert_eq!(
                Retry { tries }.again(number, &outcome),
                again,
                "{tries:?} {number} {outcome:?}"
            );
        }
    }
}
