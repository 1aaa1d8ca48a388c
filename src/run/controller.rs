//! The loop: admit what may start, wait for messages, handle them.

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::gate::{Admit, Gate};
use super::halt::{ExitRule, Halt, HaltOn, HaltPolicy, HaltWhen};
use super::lookahead::{AHEAD, Ahead, Lookahead};
use super::queue::{Pending, Pull, Queue};
use super::retry::Retry;
use super::slot_count::SlotCount;
use super::time_limit::MedianLimit;
use super::{Message, Observer};
use crate::engine::{
    Attempt, Engine, JobSignal, Order, Record, Running, StopOn, Update, Which, unstarted,
};
use crate::flow::mailbox::{Mailbox, Urgency};
use crate::ledger::done::SeqSet;
use crate::model::ExitCode;
use crate::model::{
    AttemptEnd, DryRunLines, Event, KilledBy, Left, Outcome, RunEnd, RunStart, Work,
};
use crate::sys::signals::{Signal, stop_self};

/// What the controller needs to know.
pub struct Config {
    /// How many attempts run at a time.
    pub slots: SlotCount,
    /// There are no more slots than these.
    pub most_slots: usize,
    /// How many jobs there are, where that was counted beforehand.
    pub total: Option<u64>,
    /// How often a job is tried.
    pub retry: Retry,
    /// When the run ends early.
    pub halt: Option<HaltPolicy>,
    /// The policy as it was written, for the reports.
    pub halt_text: String,
    /// What the exit code says.
    pub exit_rule: ExitRule,
    /// Whether a signal that ends the run ends fanout, too, instead of an exit code.
    pub dies_of_signals: bool,
    /// What may hold back starts.
    pub gates: Vec<Box<dyn Gate>>,
    /// A time limit that follows how long jobs take.
    pub time_limit: Option<MedianLimit>,
    /// The jobs that an earlier run has done.
    pub done: SeqSet,
    /// How many of those count towards a halt.
    pub done_before: u64,
    /// Whether no job starts before all that went before is reported.
    pub one_at_a_time: bool,
    /// Whether a job whose command was made may be given back, and get the same command later.
    pub repeatable: bool,
}

impl Config {
    /// Whether attempts are handed over ahead, and after which ends the engine stops by itself.
    fn ahead(&self) -> (Ahead, StopOn) {
        let halts = self.halt.map(|halt| halt.on);
        let each_start = self.one_at_a_time
            || self.gates.iter().any(|gate| gate.sees_each_start())
            || matches!(halts, Some(HaltOn::Success | HaltOn::Done));
        let on_failure = halts.is_some()
            || self.retry.tries != Some(1)
            || matches!(self.slots, SlotCount::Auto(_));
        match (each_start, on_failure) {
            (false, false) => (Ahead::Always, StopOn::Fatal),
            (false, true) if self.repeatable => (Ahead::UntilStopped, StopOn::Failure),
            _ => (Ahead::Never, StopOn::Fatal),
        }
    }
}

/// Whom the controller talks to.
pub struct Parties<'a> {
    /// Runs attempts.
    pub engine: &'a dyn Engine,
    /// Has the jobs.
    pub queue: Queue,
    /// Where everybody leaves word.
    pub mailbox: &'a Mailbox<Message>,
    /// Where ends of jobs are recorded at once, if anywhere.
    pub record: Option<&'a dyn Record>,
    /// Is told what happens.
    pub observer: &'a mut dyn Observer,
}

/// Runs all jobs and returns how the run ended.
pub fn run(config: Config, parties: Parties) -> ExitCode {
    Controller::new(config, parties).run()
}

/// How far the run has got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Phase {
    /// Jobs are started.
    Running,
    /// No job is started any more; those that run go on.
    Draining,
    /// Those that run are being killed.
    Killing,
}

/// Words about the attempts that run on when no more are started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Announcement {
    /// After `--halt`.
    Halt,
    /// After SIGHUP.
    HangUp,
}

/// So many events are told at the latest while jobs are passed over.
const EVENTS_AT_ONCE: usize = 256;

struct Controller<'a> {
    parties: Parties<'a>,
    slots: SlotCount,
    most_slots: usize,
    total: Option<u64>,
    retry: Retry,
    halt: Halt,
    halt_text: String,
    gates: Vec<Box<dyn Gate>>,
    time_limit: Option<MedianLimit>,
    done: SeqSet,
    one_at_a_time: bool,
    lookahead: Lookahead,
    phase: Phase,
    /// Attempts that the engine has and has not answered.
    in_flight: usize,
    /// After which ends the engine stops by itself.
    stop_on: StopOn,
    /// It has stopped.
    is_stopped: bool,
    /// At so many ends in all.
    stops: u64,
    /// How many attempts the engine was told to run at a time, where that may change.
    told_slots: Option<usize>,
    /// What the gates said about attempts that may not have begun holds until then.
    holds_until: Option<Instant>,
    /// What the user is to be told once it is known how many attempts run on.
    announces: Option<Announcement>,
    /// The user wants to know what runs.
    lists: bool,
    /// Why nothing starts now, if a gate said so.
    held_back: Option<String>,
    halted_by: Option<String>,
    /// On whose behalf no more jobs are started.
    ended_by: KilledBy,
    /// The signal that did, if it was one.
    signalled: Option<Signal>,
    dies_of_signals: bool,
    /// Jobs that were taken from the input and given back, because nothing starts any more.
    given_back: u64,
    /// Those that were not even taken.
    left: Left,
    /// What happened regardless of the jobs' outcomes.
    trouble: Option<ExitCode>,
    /// Events of this turn, told in one go.
    events: Vec<Event>,
}

impl<'a> Controller<'a> {
    fn new(config: Config, parties: Parties<'a>) -> Self {
        let (ahead, stop_on) = config.ahead();
        Self {
            parties,
            lookahead: Lookahead::new(config.slots.now().min(config.most_slots), ahead),
            told_slots: None,
            holds_until: None,
            slots: config.slots,
            most_slots: config.most_slots,
            total: config.total,
            retry: config.retry,
            halt: Halt::new(config.halt, config.total)
                .with_exit_rule(config.exit_rule)
                .after(config.done_before),
            halt_text: config.halt_text,
            gates: config.gates,
            time_limit: config.time_limit,
            done: config.done,
            one_at_a_time: config.one_at_a_time,
            phase: Phase::Running,
            in_flight: 0,
            stop_on,
            is_stopped: false,
            stops: 0,
            announces: None,
            lists: false,
            held_back: None,
            halted_by: None,
            ended_by: KilledBy::User,
            signalled: None,
            dies_of_signals: config.dies_of_signals,
            given_back: 0,
            left: Left::default(),
            trouble: None,
            events: Vec::new(),
        }
    }

    fn run(mut self) -> ExitCode {
        let start = RunStart {
            at: SystemTime::now(),
            slots: self.slots_now(),
            total: self.total,
        };
        if let Some(record) = self.parties.record {
            record.began(&start);
        }
        self.events.push(Event::RunStarted(start));
        self.parties.engine.order(Order::StopOn(self.stop_on));
        let mut messages = Vec::new();
        loop {
            if self.one_at_a_time {
                self.tell();
            }
            let recheck = self.recheck();
            let deadlines = [self.admit(), recheck, self.watch(), self.next_retry()];
            let deadline = deadlines.into_iter().flatten().min();
            self.tell();
            self.parties.engine.order(Order::Staff);
            let nothing_starts = self.phase > Phase::Running || self.parties.queue.is_over();
            if self.in_flight == 0 && nothing_starts {
                break;
            }
            let reports_due = self.parties.observer.due();
            let deadline = deadline.into_iter().chain(reports_due).min();
            self.parties.mailbox.receive(&mut messages, deadline);
            for message in messages.drain(..) {
                self.handle(message);
            }
        }
        self.tell_last_remarks();
        let exit_code = self.exit_code();
        let halted_by = self.halted_by.take();
        self.events.push(Event::RunEnded(RunEnd {
            at: SystemTime::now(),
            exit_code,
            halted_by,
            interrupted: self.signalled.is_some(),
            left: self.left,
        }));
        self.tell();
        exit_code
    }

    /// Tells what was said about inputs that have led to no job, which nobody waited for.
    fn tell_last_remarks(&mut self) {
        let mut left = Vec::new();
        self.parties.mailbox.take(&mut left);
        let is_remark =
            |message: &Message| matches!(message, Message::Remark(_) | Message::PlainRemark(_));
        let (remarks, others): (Vec<_>, _) = left.into_iter().partition(is_remark);
        // What the last reports say is for those who come after.
        self.parties.mailbox.post(others, Urgency::Soon);
        for remark in remarks {
            self.handle(remark);
        }
    }

    /// The run ends with `code`, whatever becomes of its jobs; a user who has stopped it hears of that.
    fn in_trouble(&mut self, code: ExitCode) {
        if !self.trouble.is_some_and(ExitCode::is_stop) {
            self.trouble = Some(code);
        }
    }

    fn exit_code(&self) -> ExitCode {
        let of_jobs = ExitCode::Jobs(self.halt.exit_code());
        let unstarted = self.given_back > 0 || self.left != Left::default();
        match (self.trouble, self.signalled) {
            (Some(trouble), _) => trouble,
            // Work that was not done is no success, however gently the run was ended.
            (None, Some(signal)) if unstarted && of_jobs == ExitCode::Jobs(0) => {
                ExitCode::of_signal(signal, self.dies_of_signals)
            }
            (None, _) => of_jobs,
        }
    }

    /// How many attempts run at a time at the moment.
    fn slots_now(&self) -> usize {
        self.slots.now().min(self.most_slots)
    }

    /// Hands the engine whatever may start now; returns when to look again, if it is a matter of time.
    fn admit(&mut self) -> Option<Instant> {
        let mut attempts = Vec::new();
        let queued_at = SystemTime::now();
        let window = self.lookahead.window();
        let mut deadline = None;
        while self.phase == Phase::Running
            && self.in_flight + attempts.len() < window
            && !self.parties.observer.is_behind()
        {
            let idle = self.in_flight + attempts.len() == 0;
            let pending = match self.parties.queue.pull(idle) {
                Pull::Job(pending) => pending,
                Pull::Wait | Pull::End => break,
                Pull::Failed(why) => {
                    self.notice(format!("Error: {why}"));
                    self.in_trouble(ExitCode::Error);
                    break;
                }
            };
            let others_run = self.in_flight + attempts.len() > 0;
            if pending.work.job.after_all && (others_run || self.parties.queue.retries()) {
                self.parties.queue.put_back(pending);
                break;
            }
            if self.done.contains(pending.work.seq()) {
                if let Some(stdin) = &pending.work.stdin {
                    // What still comes for it is nobody's.
                    stdin.abandon();
                }
                self.pass_over(pending);
                continue;
            }
            // Gates are asked about jobs that are there: none holds back the end of the run.
            if !self.gates.is_empty() {
                let now = Instant::now();
                let running = self.in_flight + attempts.len();
                if let Some((next, reason)) = self.held_back_until(now, running) {
                    self.parties.queue.put_back(pending);
                    self.set_held_back(Some(reason));
                    self.recall();
                    deadline = next;
                    break;
                }
                self.set_held_back(None);
                self.holds_until = Some(now + AHEAD);
                self.gates.iter_mut().for_each(|gate| gate.started(now));
            }
            attempts.push(self.attempt(pending, queued_at));
        }
        if !attempts.is_empty() {
            self.tell_slots();
            if std::mem::take(&mut self.is_stopped) {
                self.parties.engine.order(Order::GoOn(self.stops));
            }
            self.in_flight += attempts.len();
            self.parties.engine.run(attempts);
        }
        deadline
    }

    /// Takes back attempts about which the gates were asked some time ago; returns when to do so, if that is later.
    fn recheck(&mut self) -> Option<Instant> {
        let until = self.holds_until?;
        if self.in_flight <= self.slots_now() {
            self.holds_until = None;
        } else if until <= Instant::now() {
            self.recall();
        }
        self.holds_until
    }

    /// Takes back what the engine may not have begun.
    fn recall(&mut self) {
        self.holds_until = None;
        if self.in_flight > self.slots_now() {
            self.parties.engine.order(Order::Recall);
        }
    }

    /// Has the engine know how many attempts run at a time.
    fn tell_slots(&mut self) {
        let now = Some(self.slots_now());
        if self.slots.may_change() && self.told_slots != now {
            self.told_slots = now;
            self.parties.engine.order(Order::Slots(self.slots_now()));
        }
    }

    /// The moment before which some gate lets nothing start, where it is known, and why.
    fn held_back_until(
        &mut self,
        now: Instant,
        running: usize,
    ) -> Option<(Option<Instant>, String)> {
        self.gates
            .iter_mut()
            .find_map(|gate| match gate.admit(now, running) {
                Admit::Now => None,
                Admit::NotBefore(next) => Some((Some(next), gate.reason())),
                Admit::Recheck => Some((None, gate.reason())),
            })
    }

    /// Has the gates look after what runs; returns when they want to look again.
    fn watch(&mut self) -> Option<Instant> {
        if self.in_flight == 0 || self.gates.is_empty() {
            return None;
        }
        let (now, engine) = (Instant::now(), self.parties.engine);
        let watches = self.gates.iter_mut().map(|gate| gate.watch(now));
        let again = watches.filter_map(|watch| {
            if let Some(order) = watch.order {
                engine.order(order);
            }
            watch.again
        });
        again.min()
    }

    /// When a job that waits for its next try is due, if a slot is free for it.
    fn next_retry(&self) -> Option<Instant> {
        let due = self.parties.queue.next_due()?;
        (self.in_flight < self.lookahead.window()).then_some(due)
    }

    fn set_held_back(&mut self, reason: Option<String>) {
        if self.held_back != reason {
            self.held_back.clone_from(&reason);
            self.events.push(Event::Gate(reason));
        }
    }

    /// Leaves out a job that is done already.
    fn pass_over(&mut self, pending: Pending) {
        let end = unstarted(
            &self.attempt(pending, SystemTime::now()),
            Outcome::DoneBefore,
        );
        self.events.push(Event::JobFinished(end));
        if self.events.len() >= EVENTS_AT_ONCE {
            self.tell();
        }
    }

    fn attempt(&self, pending: Pending, queued_at: SystemTime) -> Attempt {
        Attempt {
            work: pending.work,
            number: pending.try_number,
            max: self.retry.tries,
            queued_at,
        }
    }

    fn handle(&mut self, message: Message) {
        match message {
            Message::Engine(update) => self.updated(update),
            Message::Recalled => self.recalled(),
            // The next turn looks again.
            Message::InputReady | Message::ReportsCaughtUp | Message::GateReady => {}
            Message::Remark(words) => self.notice(words),
            Message::PlainRemark(words) => self.plain_notice(words.as_bytes()),
            Message::Signal(signal) => self.signalled(signal),
            Message::StdoutClosed => {
                self.in_trouble(ExitCode::BrokenPipe);
                self.kill(KilledBy::User, "standard output was closed");
            }
            Message::GateFailed(why) => {
                self.notice(format!("Error: {why}"));
                self.in_trouble(ExitCode::Error);
                self.drain(KilledBy::User, &why);
            }
            Message::ReportFailed(why) => {
                self.in_trouble(ExitCode::Error);
                self.drain(KilledBy::User, &why);
            }
        }
    }

    fn updated(&mut self, update: Update) {
        match update {
            Update::Started(start) => self.events.push(Event::AttemptStarted(start)),
            Update::Output(piece) => self.events.push(Event::Output(piece)),
            Update::Asking(asking) => self.events.push(Event::Asking(Some(asking))),
            Update::Ended(ends) => {
                for end in ends {
                    self.ended(end);
                }
            }
            Update::DryRun(lines) => self.dry_run(lines),
            Update::Returned(attempts) => self.returned(attempts),
            Update::Running(running) => self.runs(running),
            Update::Slots(most, words) => {
                self.most_slots = most;
                self.lookahead.set_slots(self.slots_now());
                self.notice(words);
            }
        }
    }

    /// Attempts were not begun after all: they wait again, or nothing starts any more.
    fn returned(&mut self, attempts: Vec<Attempt>) {
        self.in_flight -= attempts.len();
        if self.phase > Phase::Running {
            return self.give_up(attempts);
        }
        for attempt in attempts {
            self.parties.queue.put_back(Pending {
                work: attempt.work,
                try_number: attempt.number,
            });
        }
    }

    /// Attempts that wait will not be made.
    fn give_up(&mut self, attempts: Vec<Attempt>) {
        let by = self.ended_by;
        self.given_back += attempts.len() as u64;
        for attempt in attempts {
            let outcome = Outcome::Cancelled { by, signal: None };
            self.events
                .push(Event::JobFinished(unstarted(&attempt, outcome)));
        }
    }

    fn ended(&mut self, mut end: Box<AttemptEnd>) {
        self.in_flight -= 1;
        if self.stop_on.covers(&end.outcome) {
            self.is_stopped = true;
            self.stops += 1;
        }
        let stops = self.stop_on.covers(&end.outcome);
        self.lookahead.observe(end.took(), stops);
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
            self.try_again(end, displaced);
            return;
        }
        if again {
            let seq = end.job.seq;
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
        let verdict = self.halt.job_finished(&outcome);
        if let Some(counts_as) = verdict.counts_as {
            self.notice(format!("This job {counts_as}:"));
            self.plain_notice(&job.command.line);
        }
        match verdict.halt {
            None => {}
            Some(HaltWhen::Soon) => self.halt_soon(),
            Some(HaltWhen::Now) => self.kill(KilledBy::Halt, &format!("--halt {}", self.halt_text)),
        }
    }

    /// Starts nothing any more, and says how many jobs still run; as GNU parallel, at each further job that would
    /// have been reason enough, too.
    fn halt_soon(&mut self) {
        if self.phase == Phase::Draining && self.announces.is_none() {
            return self.announce_halt();
        }
        self.announces = Some(Announcement::Halt);
        self.drain(KilledBy::Halt, &format!("--halt {}", self.halt_text));
    }

    fn announce_halt(&mut self) {
        if self.in_flight > 0 {
            self.notice(format!(
                "Starting no more jobs. Waiting for {} jobs to finish.",
                self.in_flight
            ));
        }
    }

    /// Has the end of a job recorded, which its worker could not know to be one.
    fn record(&self, end: &mut AttemptEnd) {
        if let (Some(record), false) = (self.parties.record, end.recorded) {
            record.decided(end);
        }
    }

    /// Jobs that were not run, and of which none can end the run, are over.
    fn dry_run(&mut self, lines: DryRunLines) {
        self.in_flight -= lines.jobs;
        self.lookahead.observe(Duration::ZERO, false);
        for _ in 0..lines.skipped {
            self.gates
                .iter_mut()
                .for_each(|gate| gate.ended(&Outcome::Skipped));
        }
        for _ in lines.skipped..lines.jobs {
            let outcome = Outcome::Exited(0);
            self.gates.iter_mut().for_each(|gate| gate.ended(&outcome));
            self.slots.job_ended(true);
            self.halt.job_finished(&outcome);
        }
        self.lookahead.set_slots(self.slots_now());
        self.events.push(Event::DryRun(lines));
    }

    /// What the end of an attempt means for those that come after it.
    fn learn_from(&mut self, end: &AttemptEnd) {
        for gate in &mut self.gates {
            gate.ended(&end.outcome);
        }
        if self.slots.may_change() && !end.outcome.is_left_out() {
            self.slots.job_ended(end.outcome.is_success());
            self.lookahead.set_slots(self.slots_now());
            self.tell_slots();
        }
        if let Some(limit) = &mut self.time_limit
            && end.outcome.is_success()
        {
            let limit = limit.succeeded(end.took());
            self.parties.engine.order(Order::TimeLimit(Some(limit)));
        }
    }

    /// Puts a job back for its next try, or for the same once more if it was `displaced`: ended for want
    /// of memory, which is no failure of its own.
    fn try_again(&mut self, mut end: Box<AttemptEnd>, displaced: bool) {
        self.announce_outcome(&end);
        let job = Arc::clone(&end.job);
        let stdin = end.stdin.take();
        if let Some(record) = self.parties.record {
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
            None => self.parties.queue.put_back(pending),
            Some(pause) => {
                let due = Instant::now() + pause;
                self.parties.queue.put_back_until(due, pending);
            }
        }
    }

    /// Says what the user should know at once about an attempt that was not let run to its end.
    fn announce_outcome(&mut self, end: &AttemptEnd) {
        match &end.outcome {
            Outcome::TimedOut(_) => {
                self.notice("Warning: This job was killed because it timed out:".to_owned());
                let line = String::from_utf8_lossy(&end.job.command.line);
                self.notice(format!("Warning: {line}"));
            }
            Outcome::Lost(None) => {
                self.notice(format!("Error: job {} was lost by its worker", end.job.seq));
            }
            // A reason is told with the output.
            Outcome::Lost(Some(_))
            | Outcome::Exited(_)
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

    /// As GNU parallel: SIGHUP starts no more, SIGINT and SIGTERM kill.
    fn signalled(&mut self, signal: Signal) {
        match signal {
            Signal::HangUp => {
                self.notice("SIGHUP received. No new jobs will be started.".to_owned());
                self.signalled.get_or_insert(signal);
                self.announces = Some(Announcement::HangUp);
                self.drain(KilledBy::User, "SIGHUP");
            }
            Signal::User1 => self.list_running(),
            Signal::User2 => {
                let (ok, failed) = self.halt.counts();
                let running = self.in_flight.min(self.slots_now());
                let done = ok + failed;
                let of = self
                    .total
                    .map_or(String::new(), |total| format!(" of {total}"));
                let held = self
                    .held_back
                    .as_ref()
                    .map_or(String::new(), |why| format!("; {why}"));
                self.notice(format!(
                    "{done}{of} jobs done, {failed} failed, {running} running{held}"
                ));
            }
            Signal::Stop => {
                let stop = Order::Signal(Which::All, JobSignal::TerminalStop);
                self.parties.engine.order(stop);
                self.tell();
                stop_self();
            }
            Signal::Continue => {
                let go_on = Order::Signal(Which::All, JobSignal::Continue);
                self.parties.engine.order(go_on);
            }
            Signal::Interrupt | Signal::Terminate => {
                self.in_trouble(ExitCode::of_signal(signal, self.dies_of_signals));
                self.signalled = Some(signal);
                let name = if signal == Signal::Interrupt {
                    "SIGINT"
                } else {
                    "SIGTERM"
                };
                self.kill(KilledBy::User, name);
            }
        }
    }

    /// Has the jobs that run named.
    fn list_running(&mut self) {
        self.lists = true;
        self.parties.engine.order(Order::List);
    }

    /// These jobs run: names them, the oldest first, if that was asked for, and lets the gates look.
    fn runs(&mut self, mut running: Vec<Running>) {
        for gate in &mut self.gates {
            for order in gate.runs(&running) {
                self.parties.engine.order(order);
            }
        }
        if std::mem::take(&mut self.lists) {
            running.sort_by_key(|it| (it.since, it.job.seq));
            for it in running {
                self.notice(String::from_utf8_lossy(&it.job.command.line).into_owned());
            }
        }
    }

    /// Starts nothing any more, on behalf of `by` and because of `why`.
    fn drain(&mut self, by: KilledBy, why: &str) {
        if self.phase == Phase::Running {
            self.phase = Phase::Draining;
            self.ended_by = by;
            self.halted_by.get_or_insert_with(|| why.to_owned());
            self.left = self.parties.queue.left(self.total);
            let put_back = self.parties.queue.stop();
            let now = SystemTime::now();
            let put_back = put_back.map(|pending| self.attempt(pending, now)).collect();
            self.give_up(put_back);
            self.parties.engine.order(Order::Recall);
        }
        if self.announces.is_some() {
            self.parties.mailbox.post([Message::Recalled], Urgency::Now);
        }
    }

    /// All that the engine had not begun has come back.
    fn recalled(&mut self) {
        match self.announces.take() {
            Some(Announcement::Halt) => self.announce_halt(),
            Some(Announcement::HangUp) => {
                let running = self.in_flight;
                self.notice(format!(
                    "Waiting for these {running} jobs to finish. Send SIGTERM to stop now."
                ));
                self.list_running();
            }
            None => {}
        }
    }

    /// Starts nothing any more and ends what runs.
    fn kill(&mut self, by: KilledBy, why: &str) {
        self.drain(by, why);
        if self.phase < Phase::Killing {
            self.phase = Phase::Killing;
            self.parties.engine.order(Order::End(Which::All, by));
        }
    }

    /// Words for the user.
    fn notice(&mut self, words: String) {
        self.events.push(Event::Notice {
            words: words.into_bytes(),
            prefixed: true,
        });
    }

    fn plain_notice(&mut self, words: &[u8]) {
        self.events.push(Event::Notice {
            words: words.to_vec(),
            prefixed: false,
        });
    }

    fn tell(&mut self) {
        let observer = &mut self.parties.observer;
        if !self.events.is_empty() || observer.due().is_some() {
            observer.observe(std::mem::take(&mut self.events));
        }
    }
}

#[cfg(test)]
mod tests;
