//! What a whole run added up to.

use std::time::Duration;

use super::encode::{between, seconds, status};
use crate::ledger::jsonl::wire::{self, Status};
use crate::model::{AttemptEnd, RunEnd, RunStart};

/// Adds up the attempts of a run.
#[derive(Debug, Default)]
pub(super) struct Totals {
    counts: wire::RunEnd,
    /// Time in which a process ran, over all attempts.
    busy: Duration,
    user: Duration,
    sys: Duration,
}

impl Totals {
    /// Adds an attempt that is over.
    pub(super) fn attempt(&mut self, end: &AttemptEnd) {
        if end.ran.is_some() {
            self.busy += end.took();
            self.user += end.usage.user;
            self.sys += end.usage.sys;
        }
    }

    /// Adds a job that is over; its last attempt is added apart.
    pub(super) fn job(&mut self, end: &AttemptEnd) {
        self.counts.jobs += 1;
        *self.count_of(status(&end.outcome)) += 1;
    }

    /// A job that was added as one with status `was` has lost its output.
    pub(super) fn lost(&mut self, was: Status) {
        let count = self.count_of(was);
        *count = count.saturating_sub(1);
        self.counts.lost += 1;
    }

    fn count_of(&mut self, status: Status) -> &mut u64 {
        let counts = &mut self.counts;
        match status {
            Status::Ok => &mut counts.ok,
            Status::Fail => &mut counts.fail,
            Status::Signal => &mut counts.signal,
            Status::Timeout => &mut counts.timeout,
            Status::SpawnError => &mut counts.spawn_error,
            Status::Cancelled => &mut counts.cancelled,
            Status::Skipped => &mut counts.skipped,
            Status::Dry => &mut counts.dry,
            Status::Lost | Status::Unknown => &mut counts.lost,
        }
    }

    /// The closing line of the run that began with `start`.
    pub(super) fn run_end(&self, start: &RunStart, end: &RunEnd) -> wire::RunEnd {
        let elapsed = between(start.at, end.at);
        let offered = elapsed.as_secs_f64() * start.slots as f64;
        let used = if offered > 0.0 {
            self.busy.as_secs_f64() / offered
        } else {
            0.0
        };
        wire::RunEnd {
            elapsed_s: seconds(elapsed),
            slot_utilisation: (used.min(1.0) * 1e4).round() / 1e4,
            user_s: seconds(self.user),
            sys_s: seconds(self.sys),
            exit: end.exit_code.code(),
            halted_by: end.halted_by.clone(),
            ..self.counts.clone()
        }
    }
}
