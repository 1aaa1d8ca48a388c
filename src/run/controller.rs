//! The loop: admit what may start, wait for messages, handle them.

mod answers;
mod ending;

use std::time::{Instant, SystemTime};

use super::fleet::{Denied, Fleet};
use super::gate::{Gates, HeldBack};
use super::halt::{ExitRule, Halt, HaltOn, HaltPolicy};
use super::lookahead::Ahead;
use super::place::PlaceConfig;
use super::queue::{Pending, Pull, Queue};
use super::retry::Retry;
use super::slot_count::SlotCount;
use super::time_limit::MedianLimit;
use super::{Message, Observer};
use crate::engine::{Attempt, Order, Record, Running, StopOn, unstarted};
use crate::flow::mailbox::{Mailbox, Urgency};
use crate::ledger::done::SeqSet;
use crate::model::{
    Event, ExitCode, KilledBy, Left, Outcome, PlaceId, RunEnd, RunStart, SpawnError,
};
use crate::sys::signals::Signal;

/// What the controller needs to know.
pub struct Config {
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
    /// Whether time-outs are told as they happen.
    pub tells_timeouts: bool,
    /// What may hold back starts, at whatever place.
    pub gates: Gates,
    /// A time limit that follows how long jobs take.
    pub time_limit: Option<MedianLimit>,
    /// The jobs that an earlier run has done.
    pub done: SeqSet,
    /// How many of those count towards a halt.
    pub done_before: u64,
    /// Whether no job starts before all that went before is reported.
    pub one_at_a_time: bool,
    /// No more attempts than these are out, wherever they are; `None`: places alone say how many.
    pub most_out: Option<usize>,
    /// Whether each job is bound to places, and fails if these cannot be used.
    pub is_bound: bool,
    /// Whether a job whose command was made may be given back, and get the same command later.
    pub repeatable: bool,
}

impl Config {
    /// Whether attempts are handed over to `place` ahead, and after which ends its engine stops by itself.
    fn ahead(&self, place: &PlaceConfig) -> (Ahead, StopOn) {
        let halts = self.halt.map(|halt| halt.on);
        let each_start = self.one_at_a_time
            || self.gates.sees_each_start()
            || place.gates.sees_each_start()
            || matches!(halts, Some(HaltOn::Success | HaltOn::Done));
        let on_failure = halts.is_some()
            || self.retry.tries != Some(1)
            || matches!(place.slots, SlotCount::Auto(_));
        match (each_start, on_failure) {
            (false, false) => (Ahead::Always, StopOn::Fatal),
            (false, true) if self.repeatable => (Ahead::UntilStopped, StopOn::Failure),
            _ => (Ahead::Never, StopOn::Fatal),
        }
    }
}

/// Whom the controller talks to.
pub struct Parties<'a> {
    /// Where attempts run.
    pub places: Vec<PlaceConfig<'a>>,
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
/// So many jobs are looked past for one that can run where there is room.
const MOST_ASIDE: usize = 1024;

const EVENTS_AT_ONCE: usize = 256;

struct Controller<'a> {
    fleet: Fleet<'a>,
    queue: Queue,
    mailbox: &'a Mailbox<Message>,
    record: Option<&'a dyn Record>,
    observer: &'a mut dyn Observer,
    total: Option<u64>,
    retry: Retry,
    halt: Halt,
    halt_text: String,
    time_limit: Option<MedianLimit>,
    done: SeqSet,
    one_at_a_time: bool,
    is_bound: bool,
    phase: Phase,
    /// What the user is to be told once it is known how many attempts run on.
    announces: Option<Announcement>,
    /// The user wants to know what runs.
    lists: bool,
    /// What runs, as far as places have said so to somebody who waits for that.
    running: Vec<Running>,
    /// Why nothing starts now, if a gate said so.
    held_back: Option<String>,
    halted_by: Option<String>,
    /// On whose behalf no more jobs are started.
    ended_by: KilledBy,
    /// The signal that did, if it was one.
    signalled: Option<Signal>,
    dies_of_signals: bool,
    tells_timeouts: bool,
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
    fn new(mut config: Config, parties: Parties<'a>) -> Self {
        let gates = std::mem::take(&mut config.gates);
        let fleet = Fleet::new(parties.places, gates, |place| config.ahead(place));
        let fleet = fleet.with_most(config.most_out);
        Self {
            fleet,
            queue: parties.queue,
            mailbox: parties.mailbox,
            record: parties.record,
            observer: parties.observer,
            total: config.total,
            retry: config.retry,
            halt: Halt::new(config.halt, config.total)
                .with_exit_rule(config.exit_rule)
                .after(config.done_before),
            halt_text: config.halt_text,
            time_limit: config.time_limit,
            done: config.done,
            one_at_a_time: config.one_at_a_time,
            is_bound: config.is_bound,
            phase: Phase::Running,
            announces: None,
            lists: false,
            running: Vec::new(),
            held_back: None,
            halted_by: None,
            ended_by: KilledBy::User,
            signalled: None,
            dies_of_signals: config.dies_of_signals,
            tells_timeouts: config.tells_timeouts,
            given_back: 0,
            left: Left::default(),
            trouble: None,
            events: Vec::new(),
        }
    }

    fn run(mut self) -> ExitCode {
        let start = RunStart {
            at: SystemTime::now(),
            slots: self.fleet.slots(),
            total: self.total,
        };
        if let Some(record) = self.record {
            record.began(&start);
        }
        self.events.push(Event::RunStarted(start));
        self.fleet.begin();
        let mut messages = Vec::new();
        loop {
            if self.one_at_a_time {
                self.tell();
            }
            let recheck = self.fleet.recheck();
            let deadlines = [self.admit(), recheck, self.fleet.watch(), self.next_retry()];
            let deadline = deadlines.into_iter().flatten().min();
            self.tell();
            self.fleet.order_all(Order::Staff);
            let nothing_starts = self.phase > Phase::Running || self.queue.is_over();
            if self.fleet.is_idle() && nothing_starts {
                break;
            }
            let reports_due = self.observer.due();
            let deadline = deadline.into_iter().chain(reports_due).min();
            self.mailbox.receive(&mut messages, deadline);
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
        self.mailbox.take(&mut left);
        let is_remark =
            |message: &Message| matches!(message, Message::Remark(_) | Message::PlainRemark(_));
        let (remarks, others): (Vec<_>, _) = left.into_iter().partition(is_remark);
        // What the last reports say is for those who come after.
        self.mailbox.post(others, Urgency::Soon);
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

    /// Hands places whatever may start now; returns when to look again, if it is a matter of time.
    fn admit(&mut self) -> Option<Instant> {
        let queued_at = SystemTime::now();
        let mut deadline = None;
        // Jobs that have no slot where they may run, while there is room for others.
        let mut aside = Vec::new();
        self.fleet.begin_turn();
        while self.phase == Phase::Running && self.fleet.has_room() && !self.observer.is_behind() {
            let idle = self.fleet.is_idle() && aside.is_empty();
            let pending = match self.queue.pull(idle) {
                Pull::Job(pending) => pending,
                Pull::Wait | Pull::End => {
                    self.fleet.balance();
                    break;
                }
                Pull::Failed(why) => {
                    self.notice(format!("Error: {why}"));
                    self.in_trouble(ExitCode::Error);
                    break;
                }
            };
            let others_run = !idle;
            if pending.work.job.after_all && (others_run || self.queue.retries()) {
                self.queue.put_back(pending);
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
            match self.fleet.permit(&pending.work.job) {
                Ok(permit) => {
                    if self.fleet.has_gates() {
                        self.set_held_back(None);
                    }
                    let attempt = self.attempt(pending, queued_at);
                    self.fleet.start(permit, attempt);
                }
                Err(Denied::Elsewhere) => {
                    aside.push(pending);
                    if aside.len() >= MOST_ASIDE {
                        break;
                    }
                }
                Err(Denied::Never(place)) => self.cannot_run(pending, place),
                Err(Denied::HeldBack(why)) => {
                    self.queue.put_back(pending);
                    if let Some(why) = why {
                        let HeldBack { until, reason } = *why;
                        self.set_held_back(Some(reason));
                        deadline = until;
                    }
                    break;
                }
            }
        }
        if !aside.is_empty() {
            deadline = deadline.into_iter().chain(self.fleet.held_until()).min();
            for pending in aside {
                self.queue.put_back(pending);
            }
        }
        self.fleet.hand_over();
        deadline
    }

    /// When a job that waits for its next try is due, if a slot is free for it.
    fn next_retry(&self) -> Option<Instant> {
        let due = self.queue.next_due()?;
        self.fleet.has_room().then_some(due)
    }

    fn set_held_back(&mut self, reason: Option<String>) {
        if self.held_back != reason {
            self.held_back.clone_from(&reason);
            self.events.push(Event::Gate(reason));
        }
    }

    /// A job fails that has to run at `place`, which cannot be used.
    fn cannot_run(&mut self, pending: Pending, place: PlaceId) {
        let why = format!("{} cannot be reached", self.fleet.place(place).name());
        let outcome = Outcome::SpawnFailed(SpawnError::passing(why));
        let mut end = unstarted(&self.attempt(pending, SystemTime::now()), outcome.clone());
        self.record(&mut end);
        self.events.push(Event::JobFinished(end));
        self.halt.failed_at(place);
        self.halt.job_finished(&outcome);
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
            Message::Engine(place, update) => self.updated(place, update),
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
        if !self.events.is_empty() || self.observer.due().is_some() {
            self.observer.observe(std::mem::take(&mut self.events));
        }
    }
}

#[cfg(test)]
mod tests;
