//! An engine that runs nothing: every attempt is rendered and ends well at once.
//!
//! A dry run writes no file, so that nothing takes it for a run. With `--shellquote` each attempt's output is its
//! command line, quoted.

use std::sync::Arc;
use std::time::SystemTime;

use super::stopped::Stopped;
use super::{Attempt, Engine, Order, Update, UpdateSender, ended, not_rendered, unstarted};
use crate::exec::template_files;
use crate::flow::mailbox::Urgency;
use crate::flow::spool::Captured;
use crate::model::{AttemptEnd, Command, DryRunLines, Outcome, RenderJob, SpawnError, Where};
use crate::template::Quoting;

/// For `--dry-run`: what would have been run is in each end's command.
pub struct DryEngine {
    prepare: Arc<dyn RenderJob>,
    shellquote: Option<(Quoting, u8)>,
    /// Whether each job's end is wanted, not only the lines.
    ends: bool,
    /// Whether an attempt could not be rendered, after which nothing is before the controller says so.
    stopped: Stopped,
    updates: UpdateSender,
}

/// Nothing runs beside an attempt, so it always has the first slot.
const SLOT: usize = 1;

/// A guess at how long a line is.
const LINE: usize = 40;

impl DryEngine {
    /// An engine that renders with `prepare`; `ends`: somebody wants the end of each attempt, not only
    /// its line. `shellquote` says for which shell and how many times the line is quoted to become the
    /// output.
    pub fn new(
        prepare: Arc<dyn RenderJob>,
        shellquote: Option<(Quoting, u8)>,
        ends: bool,
        updates: UpdateSender,
    ) -> Self {
        Self {
            prepare,
            shellquote,
            ends,
            stopped: Stopped::default(),
            updates,
        }
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

    /// Renders `attempts`, and answers with their lines; those after one that cannot be rendered are given back.
    fn render_all(&self, attempts: Vec<Attempt>) {
        let mut lines = DryRunLines {
            jobs: 0,
            skipped: 0,
            lines: Vec::with_capacity(attempts.len() * LINE),
        };
        let mut failed = None;
        let works: Vec<_> = attempts.iter().map(|attempt| &attempt.work).collect();
        self.prepare.prepare_all(&works, SLOT, &mut |prepared| {
            match prepared {
                Ok(command) if command.skip_as.is_some() => {
                    lines.jobs += 1;
                    lines.skipped += 1;
                }
                Ok(command) => {
                    lines.jobs += 1;
                    lines.lines.extend_from_slice(command.shown());
                    lines.lines.push(b'\n');
                }
                Err(why) => failed = Some(why),
            }
            failed.is_none()
        });
        let done = lines.jobs;
        if done > 0 {
            self.updates.tell(Update::DryRun(lines), Urgency::Now);
        }
        let mut rest = attempts.into_iter().skip(done);
        if let (Some(why), Some(attempt)) = (failed, rest.next()) {
            self.give_up(&attempt, why, rest);
        }
    }

    /// Renders `attempts`, and answers with the end of each.
    fn end_each(&self, attempts: Vec<Attempt>) {
        let now = SystemTime::now();
        let mut prepared = Vec::with_capacity(attempts.len());
        let works: Vec<_> = attempts.iter().map(|attempt| &attempt.work).collect();
        self.prepare.prepare_all(&works, SLOT, &mut |command| {
            let command = command.map(std::mem::take);
            let command = command.and_then(|command| self.with_files(command));
            let go_on = command.is_ok();
            prepared.push(command);
            go_on
        });
        let mut attempts = attempts.into_iter();
        for (command, attempt) in prepared.into_iter().zip(attempts.by_ref()) {
            match command {
                Ok(command) => {
                    self.answer(self.end(&attempt, command, now));
                }
                Err(why) => return self.give_up(&attempt, why, attempts),
            }
        }
    }

    /// Makes the files of `--template`, but for a dry run.
    fn with_files(&self, command: Command) -> Result<Command, SpawnError> {
        if command.skip_as.is_none() && self.shellquote.is_some() {
            template_files::make(&command.task)?;
        }
        Ok(command)
    }

    /// An attempt cannot be rendered, which ends the run; `rest` is not looked at.
    fn give_up(&self, attempt: &Attempt, error: SpawnError, rest: impl Iterator<Item = Attempt>) {
        self.stopped.set();
        let end = unstarted(attempt, not_rendered(error));
        self.answer(end);
        self.give_back(rest.collect());
    }

    fn give_back(&self, attempts: Vec<Attempt>) {
        if !attempts.is_empty() {
            self.updates.tell(Update::Returned(attempts), Urgency::Now);
        }
    }

    fn answer(&self, end: Box<AttemptEnd>) {
        let mut ends = vec![end];
        self.updates.record(&mut ends, false);
        self.updates.tell(Update::Ended(ends), Urgency::Now);
    }

    fn end(&self, attempt: &Attempt, command: Command, now: SystemTime) -> Box<AttemptEnd> {
        let outcome = command.skip_as.clone().unwrap_or(match self.shellquote {
            Some(_) => Outcome::Exited(0),
            None => Outcome::DryRun,
        });
        let stdout = self.output(&command.task.line);
        let at = Where {
            slot: SLOT,
            pid: None,
            argv: None,
        };
        let info = attempt.info(command, Some(at));
        Box::new(AttemptEnd {
            stdout,
            stdin: None,
            ended_at: now,
            ..*ended(attempt, info, outcome)
        })
    }
}

impl Engine for DryEngine {
    fn run(&self, attempts: Vec<Attempt>) {
        if self.stopped.is_set() {
            return self.give_back(attempts);
        }
        for stdin in attempts
            .iter()
            .filter_map(|attempt| attempt.work.stdin.as_ref())
        {
            stdin.abandon();
        }
        if self.ends || self.shellquote.is_some() {
            self.end_each(attempts);
        } else {
            self.render_all(attempts);
        }
    }

    /// Nothing runs and nothing is held when this is called.
    fn order(&self, order: Order) {
        match order {
            Order::GoOn(seen) => self.stopped.go_on(seen),
            Order::List => self.updates.tell(Update::Running(Vec::new()), Urgency::Now),
            Order::Staff
            | Order::StopOn(_)
            | Order::Recall
            | Order::End(..)
            | Order::Signal(..)
            | Order::Slots(_)
            | Order::TimeLimit(_) => {}
        }
    }
}
