//! An engine that runs nothing: every attempt is rendered and ends well at once.
//!
//! With `--shellquote` each attempt's output is its command line, quoted.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{Attempt, Engine, Post, Reply, Running, never_ran};
use crate::ledger::done::Keys;
use crate::ledger::key::{NO_STDIN, key};
use crate::model::{
    AttemptEnd, Command, JobIdentity, KilledBy, Outcome, Prepare, SpawnError, Usage,
};
use crate::sys::mailbox::Urgency;
use crate::sys::spool::{Captured, result_files_of_no_run};
use crate::template::Quoting;

/// For `--dry-run`: what would have been run is in each end's command.
pub struct DryEngine {
    prepare: Arc<dyn Prepare>,
    shellquote: Option<(Quoting, u8)>,
    /// The work that an earlier run has done, and the directory that it is done in.
    done: Option<(Keys, Vec<u8>)>,
    post: Post,
}

impl DryEngine {
    /// An engine that renders with `prepare`; with `shellquote`, says for which shell and how many times
    /// the line is quoted to become the output.
    pub fn new(prepare: Arc<dyn Prepare>, shellquote: Option<(Quoting, u8)>, post: Post) -> Self {
        Self {
            prepare,
            shellquote,
            done: None,
            post,
        }
    }

    /// Leaves out the work `done` in directory `cwd`.
    #[must_use]
    pub fn without(mut self, done: Option<Keys>, cwd: &[u8]) -> Self {
        self.done = done.map(|done| (done, cwd.to_vec()));
        self
    }

    fn done_before(&self, line: &[u8]) -> bool {
        self.done
            .as_ref()
            .is_some_and(|(done, cwd)| done.take(key(line, cwd, NO_STDIN, &mut Vec::new())))
    }

    fn output(&self, line: &[u8]) -> Captured {
        let Some((quoting, times)) = self.shellquote else {
            return Captured::Empty;
        };
        let mut quoted = line.to_vec();
        for _ in 0..times {
            quoting.quote_tail(&mut quoted, 0);
        }
        quoted.push(b'\n');
        Captured::Memory(quoted)
    }

    /// As in GNU parallel, jobs that would be skipped are shown like all others.
    fn end(&self, attempt: Attempt, now: SystemTime) -> Box<AttemptEnd> {
        // Nothing runs beside it, so it always has the first slot.
        let slot = 1;
        if let Some(stdin) = &attempt.job.stdin {
            stdin.abandon();
        }
        let prepared = self.prepare.prepare(&attempt.job, slot);
        match prepared.and_then(|command| leave_files(command, attempt.job.seq)) {
            Err(why) => never_ran(&attempt, Outcome::SpawnFailed(SpawnError::fatal(why))),
            Ok(command) => Box::new(AttemptEnd {
                outcome: if command.skip {
                    Outcome::Skipped
                } else if self.done_before(&command.line) {
                    Outcome::DoneBefore
                } else {
                    Outcome::Exited(0)
                },
                stdout: self.output(&command.line),
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
                usage: Usage::default(),
                stdin: None,
                sent: 0,
                stderr: Captured::Empty,
                streamed: [0; 2],
            }),
        }
    }
}

/// As GNU parallel, leaves the files of `--results` but for the one with standard output.
fn leave_files(command: Command, seq: u64) -> Result<Command, String> {
    if let Some(results) = &command.results {
        result_files_of_no_run(results, seq).map_err(|error| error.to_string())?;
    }
    Ok(command)
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

    fn running(&self) -> Vec<Running> {
        Vec::new()
    }

    fn end(&self, _seq: u64, _by: KilledBy) {}

    fn signal(&self, _seq: Option<u64>, _signal: i32) {}

    fn limit_time(&self, _limit: Option<Duration>) {}

    fn kill(&self, _by: KilledBy) {}
}
