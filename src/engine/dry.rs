//! An engine that runs nothing: every attempt is rendered and ends well at once.

use std::sync::Arc;
use std::time::SystemTime;

use super::{Attempt, Engine, Post, Reply, never_ran};
use crate::model::{AttemptEnd, JobIdentity, KilledBy, Outcome, Prepare, SpawnError, Usage};
use crate::sys::mailbox::Urgency;
use crate::sys::spool::Captured;

/// For `--dry-run`: what would have been run is in each end's command.
pub struct DryEngine {
    prepare: Arc<dyn Prepare>,
    post: Post,
}

impl DryEngine {
    /// An engine that renders with `prepare`.
    pub fn new(prepare: Arc<dyn Prepare>, post: Post) -> Self {
        Self { prepare, post }
    }

    /// As in GNU parallel, jobs that would be skipped are shown like all others.
    fn end(&self, attempt: Attempt, now: SystemTime) -> Box<AttemptEnd> {
        // Nothing runs beside it, so it always has the first slot.
        let slot = 1;
        match self.prepare.prepare(&attempt.job, slot) {
            Err(why) => never_ran(&attempt, Outcome::SpawnFailed(SpawnError::fatal(why))),
            Ok(command) => Box::new(AttemptEnd {
                job: Arc::new(JobIdentity {
                    seq: attempt.job.seq,
                    args: attempt.job.args,
                    command,
                    argv: None,
                    slot,
                    pid: 0,
                    attempt: attempt.number,
                }),
                attempts_max: attempt.max,
                queued_at: attempt.queued_at,
                started_at: now,
                ended_at: now,
                outcome: Outcome::Exited(0),
                usage: Usage::default(),
                stdout: Captured::Empty,
                stderr: Captured::Empty,
            }),
        }
    }
}

impl Engine for DryEngine {
    fn submit(&self, attempts: Vec<Attempt>) {
        let now = SystemTime::now();
        for attempt in attempts {
            (self.post)(Reply::Ended(self.end(attempt, now)), Urgency::Now);
        }
    }

    fn close(&self) -> Vec<Attempt> {
        Vec::new()
    }

    fn running(&self) -> Vec<Vec<u8>> {
        Vec::new()
    }

    fn kill(&self, _by: KilledBy) {}
}
