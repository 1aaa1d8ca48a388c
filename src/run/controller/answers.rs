//! What the engine tells: attempts that have started, ended or come back, and what follows from it.

use std::sync::Arc;
use std::time::Instant;

use super::{Controller, Phase};
use crate::engine::{Attempt, Update, unstarted};
use crate::model::{AttemptEnd, DryRunLines, Event, ExitCode, KilledBy, Outcome, PlaceId, Work};
use crate::run::halt::HaltWhen;
use crate::run::queue::Pending;

impl Controller<'_> {
    /// Something has happened at a place.
    pub(super) fn updated(&mut self, place: PlaceId, update: Update) {
        match update {
            Update::Started(start) => self.events.push(Event::AttemptStarted(start)),
            Update::Output(piece) => self.events.push(Event::Output(piece)),
            Update::Ended(ends) => {
                for end in ends {
                    self.ended(place, end);
                }
            }
            Update::DryRun(lines) => self.dry_run(place, lines),
            Update::Returned(attempts) => self.returned(place, attempts),
            Update::Running(running) => self.runs(place, running),
            Update::Up(up) => self.fleet.place(place).up(up),
            Update::Away(why) => self.away(place, &why),
            Update::Down(why) => self.down(place, &why),
            Update::Notice(words) => self.notice(words),
        }
    }

    /// A place cannot be used now.
    fn away(&mut self, place: PlaceId, why: &str) {
        let place = self.fleet.place(place);
        place.away();
        let words = format!("Warning: {}: {why}", place.name());
        self.notice(words);
        self.all_have_said();
    }

    /// A place cannot be used, and is not waited for. Without any other, no job can run.
    fn down(&mut self, place: PlaceId, why: &str) {
        self.fleet.lost(place, self.is_bound);
        let words = format!(
            "Warning: {} is left out: {why}",
            self.fleet.place(place).name()
        );
        self.notice(words);
        self.all_have_said();
        // Jobs that have to run there fail one by one.
        if !self.is_bound && !self.fleet.has_hope() {
            self.notice("Error: no host is left where jobs can run".to_owned());
            self.in_trouble(ExitCode::Error);
            self.drain(KilledBy::User, "no host is left");
        }
    }

    /// Attempts were not begun after all: they wait again, or nothing starts any more.
    pub(super) fn returned(&mut self, place: PlaceId, mut attempts: Vec<Attempt>) {
        attempts.retain(|attempt| {
            let seq = attempt.seq();
            let is_out = self.fleet.place(place).returned(seq);
            if !is_out {
                self.answered_again(place, seq);
            }
            is_out
        });
        if self.phase > Phase::Running {
            return self.give_up(attempts);
        }
        for attempt in attempts {
            self.queue.put_back(Pending {
                work: attempt.work,
                try_number: attempt.number,
            });
        }
    }

    /// A place has answered an attempt that it does not have.
    fn answered_again(&mut self, place: PlaceId, seq: u64) {
        let name = self.fleet.place(place).name();
        let words =
            format!("Error: {name} answered job {seq}, which it does not have, and is not heard");
        self.notice(words);
    }

    /// Attempts that wait will not be made.
    pub(super) fn give_up(&mut self, attempts: Vec<Attempt>) {
        let by = self.ended_by;
        self.given_back += attempts.len() as u64;
        for attempt in attempts {
            let outcome = Outcome::Cancelled { by, signal: None };
            self.events
                .push(Event::JobFinished(unstarted(&attempt, outcome)));
        }
    }

    pub(super) fn ended(&mut self, place: PlaceId, mut end: Box<AttemptEnd>) {
        let (seq, took) = (end.job.seq, end.took());
        if !self.fleet.place(place).ended(seq, &end.outcome, took) {
            return self.answered_again(place, seq);
        }
        self.learn_from(&end);
        let displaced = matches!(
            end.outcome,
            Outcome::Cancelled {
                by: KilledBy::Memory,
                ..
            }
        );
        let again = displaced || self.retry.again(end.job.attempt, &end.outcome);
        let again = again && self.phase == Phase::Running;
        let comes_once = end.comes_once();
        if again && !comes_once {
            if !displaced {
                self.fleet.failed(seq, place);
            }
            self.try_again(end, displaced);
            return;
        }
        self.fleet.job_over(seq);
        if again {
            self.notice(format!(
                "Warning: job {seq} is not tried again: its input came while it ran, and cannot be fed to it again."
            ));
        }
        // Reports take their time, and the input waits for blocks to come back.
        // It may hold a block of the input; only that there was none is still of interest.
        if !end.had_no_share() {
            end.stdin = None;
        }
        let (job, outcome) = (Arc::clone(&end.job), end.outcome.clone());
        if let Some(error) = outcome.error()
            && error.fatal
        {
            let code = error.exit.map_or(ExitCode::Error, ExitCode::Jobs);
            self.in_trouble(code);
            self.drain(KilledBy::User, &error.why);
        }
        self.announce_outcome(&end);
        self.record(&mut end);
        let unstarted = matches!(outcome, Outcome::Cancelled { .. }) && job.pid().is_none();
        self.given_back += u64::from(unstarted);
        self.events.push(Event::JobFinished(end));
        let is_no_failure = matches!(outcome, Outcome::Cancelled { .. }) || outcome.is_left_out();
        // One that should have had another try is.
        if is_no_failure && !again {
            return;
        }
        if !outcome.is_success() {
            self.halt.failed_at(place);
        }
        let verdict = self.halt.job_finished(&outcome);
        if let Some(counts_as) = verdict.counts_as {
            self.notice(format!("This job {counts_as}:"));
            self.plain_notice(&job.command.task.line);
        }
        match verdict.halt {
            None => {}
            Some(HaltWhen::Soon) => self.halt_soon(),
            Some(HaltWhen::Now) => self.kill(KilledBy::Halt, &format!("--halt {}", self.halt_text)),
        }
    }

    /// Has the end of a job recorded, which its worker could not know to be one.
    pub(super) fn record(&self, end: &mut AttemptEnd) {
        if let (Some(record), false) = (self.record, end.recorded) {
            record.decided(end);
        }
    }

    /// Jobs that were not run, and of which none can end the run, are over.
    pub(super) fn dry_run(&mut self, place: PlaceId, lines: DryRunLines) {
        let shown = lines.jobs - lines.skipped;
        self.fleet.place(place).shown(shown, lines.skipped);
        let skipped = (0..lines.skipped).map(|_| Outcome::Skipped);
        for outcome in skipped.chain((0..shown).map(|_| Outcome::Exited(0))) {
            self.fleet.ended(&outcome);
            if outcome.is_success() {
                self.halt.job_finished(&outcome);
            }
        }
        self.events.push(Event::DryRun(lines));
    }

    /// What the end of an attempt means for those that come after it, wherever they run.
    pub(super) fn learn_from(&mut self, end: &AttemptEnd) {
        self.fleet.ended(&end.outcome);
        if let Some(limit) = &mut self.time_limit
            && end.outcome.is_success()
        {
            let limit = limit.succeeded(end.took());
            self.fleet.limit_time(limit);
        }
    }

    /// Puts a job back for its next try, or for the same once more if it was `displaced`: ended for want
    /// of memory, which is no failure of its own.
    pub(super) fn try_again(&mut self, mut end: Box<AttemptEnd>, displaced: bool) {
        self.announce_outcome(&end);
        let job = Arc::clone(&end.job);
        let stdin = end.stdin.take();
        if let Some(record) = self.record {
            record.failed(&end);
        }
        self.events.push(Event::AttemptFailed(end));
        let pause = if displaced {
            None
        } else {
            self.retry.pause(job.attempt, fastrand::f64())
        };
        let pending = Pending {
            work: Work {
                job: Arc::clone(&job.job),
                stdin,
            },
            try_number: job.attempt + u32::from(!displaced),
        };
        match pause {
            None => self.queue.put_back(pending),
            Some(pause) => {
                let due = Instant::now() + pause;
                self.queue.put_back_until(due, pending);
            }
        }
    }

    /// Says what the user should know at once about an attempt that was not let run to its end.
    pub(super) fn announce_outcome(&mut self, end: &AttemptEnd) {
        match &end.outcome {
            Outcome::TimedOut(_) if self.tells_timeouts => {
                self.notice("Warning: This job was killed because it timed out:".to_owned());
                let line = String::from_utf8_lossy(&end.job.command.task.line);
                self.notice(format!("Warning: {line}"));
            }
            Outcome::Lost(None) => {
                self.notice(format!("Error: job {} was lost by its worker", end.job.seq));
            }
            // A reason is told with the output.
            Outcome::Lost(Some(_))
            | Outcome::Exited(_)
            | Outcome::TimedOut(_)
            | Outcome::Signaled(_)
            | Outcome::OutputLost(_)
            | Outcome::SpawnFailed(_)
            | Outcome::Skipped
            | Outcome::FilteredOut
            | Outcome::Declined
            | Outcome::DoneBefore
            | Outcome::DryRun
            | Outcome::Cancelled { .. } => {}
        }
    }
}
