//! `--halt`: when failures, successes or ends of jobs end the whole run.

use crate::model::{Exit, MANY, Outcome, OutputLost, PlaceId};

/// When the run is to end early.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct HaltPolicy {
    /// What happens to the jobs that run.
    pub when: HaltWhen,
    /// Which jobs count.
    pub on: HaltOn,
    /// How many of them it takes.
    pub threshold: Threshold,
}

/// What happens to running jobs when the threshold is reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HaltWhen {
    /// They go on to their end; no job is started any more.
    Soon,
    /// They are killed.
    Now,
}

/// Which jobs count towards the threshold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HaltOn {
    /// Those that fail.
    Fail,
    /// Those that succeed.
    Success,
    /// All that are over.
    Done,
}

/// How many jobs it takes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Threshold {
    /// So many.
    Count(u64),
    /// So many of a hundred of all jobs.
    Percent(f64),
}

/// The policy at work: counts what ends.
#[derive(Debug)]
pub struct Halt {
    policy: Option<HaltPolicy>,
    /// How many jobs there are; a percentage needs it.
    total: Option<u64>,
    ok: u64,
    failed: u64,
    /// The exit code that the halt itself decided on.
    exit_code: Option<i32>,
    reached: bool,
    rule: ExitRule,
    /// Jobs that an earlier run has done.
    before: u64,
    /// The places where jobs failed, as far as the exit code goes by them.
    failed_at: Vec<PlaceId>,
}

/// What the exit code of a run says that no halt has ended.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ExitRule {
    /// How many jobs failed.
    #[default]
    CountFailed,
    /// What the only job ended with.
    TheJob,
    /// Whether any job failed: 1, else 0.
    AnyFailed,
    /// At how many places a job failed.
    FailedPlaces,
    /// Nothing: 0.
    Nothing,
}

/// What the end of a job means under the policy.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Verdict {
    /// The word for a job that counts: "failed", "succeeded" or "finished".
    pub counts_as: Option<&'static str>,
    /// The threshold is reached: by this job, or by one before it.
    pub halt: Option<HaltWhen>,
}

impl Halt {
    /// `policy` over a run of `total` jobs, where that is known.
    pub fn new(policy: Option<HaltPolicy>, total: Option<u64>) -> Self {
        Self {
            policy,
            total,
            ok: 0,
            failed: 0,
            exit_code: None,
            reached: false,
            rule: ExitRule::default(),
            before: 0,
            failed_at: Vec::new(),
        }
    }

    /// After `before` jobs that an earlier run has done: as GNU parallel, they count as ended and not as
    /// failed.
    #[must_use]
    pub fn after(self, before: u64) -> Self {
        Self { before, ..self }
    }

    /// With another exit code where no halt decides.
    #[must_use]
    pub fn with_exit_rule(self, rule: ExitRule) -> Self {
        Self { rule, ..self }
    }

    /// A job has failed for good at `place`.
    pub fn failed_at(&mut self, place: PlaceId) {
        if self.rule == ExitRule::FailedPlaces && !self.failed_at.contains(&place) {
            self.failed_at.push(place);
        }
    }

    /// A job has ended with `outcome`, for good.
    pub fn job_finished(&mut self, outcome: &Outcome) -> Verdict {
        let ok = outcome.is_success();
        if ok {
            self.ok += 1;
        } else {
            self.failed += 1;
        }
        if self.rule == ExitRule::TheJob {
            self.exit_code = Some(shell_exit_code(outcome));
        }
        let Some(policy) = self.policy else {
            return Verdict::default();
        };
        let (counts, word) = match policy.on {
            HaltOn::Fail => (!ok, "failed"),
            HaltOn::Success => (ok, "succeeded"),
            HaltOn::Done => (true, "finished"),
        };
        if !counts {
            return Verdict::default();
        }
        if !self.reached && self.is_reached(policy) {
            self.reached = true;
            // As GNU parallel: what ends later changes nothing.
            let decided = self.decide(policy, outcome);
            self.exit_code = Some(decided.unwrap_or_else(|| self.exit_code()));
        }
        Verdict {
            counts_as: Some(word),
            halt: self.reached.then_some(policy.when),
        }
    }

    /// How many jobs have succeeded, and how many have not.
    pub fn counts(&self) -> (u64, u64) {
        (self.ok, self.failed)
    }

    /// The exit code of a run that met no error of fanout's own.
    ///
    /// As GNU parallel: the number of failed jobs, 101 for more than 100; with a percentage, the
    /// percentage of failed jobs; with a threshold of one job, what that job ended with.
    pub fn exit_code(&self) -> i32 {
        if self.rule == ExitRule::Nothing {
            return 0;
        }
        if let Some(code) = self.exit_code {
            return code;
        }
        if self.rule == ExitRule::AnyFailed {
            return i32::from(self.failed > 0);
        }
        if self.rule == ExitRule::FailedPlaces {
            return self.failed_at.len().min(MANY as usize) as i32;
        }
        let threshold = self.policy.map(|policy| policy.threshold);
        // GNU parallel takes "none at all" for no failure.
        if threshold.is_some_and(|threshold| self.needed(threshold) <= 0.0) {
            return 0;
        }
        match threshold {
            Some(Threshold::Percent(_)) => {
                let total = self.total.unwrap_or(self.ok + self.failed).max(1);
                (self.failed * 100).div_ceil(total) as i32
            }
            // GNU parallel takes no failure for too many then.
            _ if self.is_done_without_failure() => MANY,
            _ => self.failed.min(MANY as u64) as i32,
        }
    }

    /// Whether some number of jobs was to be done, and all of those have succeeded.
    fn is_done_without_failure(&self) -> bool {
        let on_done = self.policy.is_some_and(|policy| policy.on == HaltOn::Done);
        on_done && self.reached && self.failed == 0
    }

    fn is_reached(&self, policy: HaltPolicy) -> bool {
        let count = match policy.on {
            HaltOn::Fail => self.failed,
            HaltOn::Success => self.before + self.ok,
            HaltOn::Done => self.before + self.ok + self.failed,
        };
        count as f64 >= self.needed(policy.threshold)
    }

    /// How many jobs the threshold stands for; a percentage may make that a fraction.
    fn needed(&self, threshold: Threshold) -> f64 {
        match threshold {
            Threshold::Count(count) => count as f64,
            Threshold::Percent(percent) => percent * self.total.unwrap_or(u64::MAX) as f64 / 100.0,
        }
    }

    fn decide(&self, policy: HaltPolicy, outcome: &Outcome) -> Option<i32> {
        let takes_one_job = (self.needed(policy.threshold) - 1.0).abs() < 1e-9;
        match policy.on {
            HaltOn::Success => Some(0),
            // GNU parallel takes "none at all" for no failure.
            _ if self.needed(policy.threshold) <= 0.0 => Some(0),
            HaltOn::Fail | HaltOn::Done if takes_one_job => Some(shell_exit_code(outcome)),
            HaltOn::Fail | HaltOn::Done => None,
        }
    }
}

/// What a shell would show as `$?`; 255 for a job that fanout itself ended or could not run.
fn shell_exit_code(outcome: &Outcome) -> i32 {
    match *outcome {
        Outcome::Exited(code) => code,
        Outcome::TimedOut(Exit::Code(code)) if code != 0 => code,
        Outcome::Signaled(signal)
        | Outcome::OutputLost(OutputLost {
            exit: Exit::Signal(signal),
            ..
        }) => 128 + signal,
        Outcome::OutputLost(OutputLost {
            exit: Exit::Code(code),
            ..
        }) => code.max(1),
        Outcome::SpawnFailed(_) => 127,
        Outcome::Skipped | Outcome::FilteredOut | Outcome::DoneBefore | Outcome::DryRun => 0,
        // -2, as GNU parallel has it.
        Outcome::Declined => 254,
        Outcome::TimedOut(_) | Outcome::Cancelled { .. } | Outcome::Lost(_) => 255,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs jobs with these exit codes, one at a time, under `policy`: how many ran, and the exit code.
    fn run(policy: Option<(HaltOn, Threshold)>, exits: &[i32]) -> (usize, i32) {
        let policy = policy.map(|(on, threshold)| HaltPolicy {
            when: HaltWhen::Soon,
            on,
            threshold,
        });
        let mut halt = Halt::new(policy, Some(exits.len() as u64));
        let ran = exits
            .iter()
            .position(|&exit| halt.job_finished(&Outcome::Exited(exit)).halt.is_some());
        (ran.map_or(exits.len(), |last| last + 1), halt.exit_code())
    }

    /// Every row was seen with GNU parallel 20221122.
    #[test]
    fn truth_table() {
        use HaltOn::{Done, Fail, Success};
        use Threshold::{Count, Percent};
        let exits = [7, 8, 0, 9, 0];
        for (on, threshold, expected) in [
            (Fail, Count(1), (1, 7)),
            (Fail, Count(2), (2, 2)),
            (Fail, Count(10), (5, 3)),
            (Fail, Count(0), (1, 0)),
            (Done, Count(1), (1, 7)),
            (Done, Count(3), (3, 2)),
            (Done, Count(10), (5, 3)),
            (Success, Count(1), (3, 0)),
            (Success, Count(10), (5, 3)),
            (Success, Count(0), (3, 0)),
        ] {
            assert_eq!(
                run(Some((on, threshold)), &exits),
                expected,
                "{on:?} {threshold:?}"
            );
        }
        let exits = [7, 2, 0, 3];
        for (on, threshold, expected) in [
            (Fail, Percent(25.0), (1, 7)),
            (Fail, Percent(1.0), (1, 25)),
            (Fail, Percent(26.0), (2, 50)),
            (Fail, Percent(75.0), (4, 75)),
            (Done, Percent(30.0), (2, 50)),
            (Success, Percent(25.0), (3, 0)),
            (Success, Percent(75.0), (4, 75)),
        ] {
            assert_eq!(
                run(Some((on, threshold)), &exits),
                expected,
                "{on:?} {threshold:?}"
            );
        }
        assert_eq!(run(None, &[1; 100]), (100, 100));
        assert_eq!(run(None, &[1; 200]), (200, 101));
    }

    /// Every row was seen with GNU parallel 20221122, with as many slots as jobs.
    #[test]
    fn jobs_that_end_behind_the_halt_change_no_exit_code() {
        use HaltOn::{Done, Fail, Success};
        use Threshold::{Count, Percent};
        for (on, threshold, exits, expected) in [
            (Fail, Count(2), [1, 1, 1, 1], 2),
            (Done, Count(2), [1, 3, 5, 7], 2),
            (Done, Count(2), [0, 0, 1, 1], 101),
            (Done, Count(2), [0, 2, 3, 4], 1),
            (Done, Count(1), [0, 2, 3, 4], 0),
            (Fail, Count(1), [5, 2, 3, 4], 5),
            (Success, Count(1), [5, 0, 3, 4], 0),
            (Fail, Percent(30.0), [1, 1, 1, 1], 50),
            (Done, Percent(50.0), [0, 3, 0, 4], 25),
        ] {
            let when = HaltWhen::Soon;
            let policy = HaltPolicy {
                when,
                on,
                threshold,
            };
            let mut halt = Halt::new(Some(policy), Some(4));
            for exit in exits {
                halt.job_finished(&Outcome::Exited(exit));
            }
            assert_eq!(halt.exit_code(), expected, "{on:?} {threshold:?} {exits:?}");
        }
    }

    #[test]
    fn the_one_job_of_a_semaphore_is_ended_as() {
        for (outcome, code) in [
            (Outcome::Exited(3), 3),
            (Outcome::Exited(0), 0),
            (Outcome::Signaled(9), 137),
        ] {
            let mut halt = Halt::new(None, None).with_exit_rule(ExitRule::TheJob);
            halt.job_finished(&outcome);
            assert_eq!(halt.exit_code(), code);
        }
    }

    #[test]
    fn what_was_done_before_counts_as_done_and_not_as_failed() {
        let ran = |on, before| {
            let policy = HaltPolicy {
                when: HaltWhen::Soon,
                on,
                threshold: Threshold::Count(3),
            };
            let mut halt = Halt::new(Some(policy), None).after(before);
            (1..=9).find(|_| {
                let outcome = Outcome::Exited(i32::from(on == HaltOn::Fail));
                halt.job_finished(&outcome).halt.is_some()
            })
        };
        for (before, success, done, fail) in [(0, 3, 3, 3), (2, 1, 1, 3), (7, 1, 1, 3)] {
            assert_eq!(ran(HaltOn::Success, before), Some(success));
            assert_eq!(ran(HaltOn::Done, before), Some(done));
            assert_eq!(ran(HaltOn::Fail, before), Some(fail));
        }
    }

    #[test]
    fn a_signal_counts_as_a_shell_shows_it() {
        let policy = HaltPolicy {
            when: HaltWhen::Now,
            on: HaltOn::Fail,
            threshold: Threshold::Count(1),
        };
        let mut halt = Halt::new(Some(policy), None);
        assert_eq!(
            halt.job_finished(&Outcome::Signaled(9)).halt,
            Some(HaltWhen::Now)
        );
        assert_eq!(halt.exit_code(), 137);
    }
}
