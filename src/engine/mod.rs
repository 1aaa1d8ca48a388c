//! Where attempts run: mechanism without policy.
//!
//! An [`Engine`] takes attempts over and answers each exactly once, however it went: with [`Update::Ended`], or with
//! [`Update::Returned`] if it has not begun it. Orders go down, updates come up. Which job runs when, and what an
//! outcome means, is decided above, in `run`.
//!
//! * `update_sender`: how it answers, and where the ends of jobs are recorded before that;
//! * [`local`]: what a worker does with an attempt on this host, with the parts of [`exec`](crate::exec);
//! * [`remote`]: a worker at the other end of a stream, and what makes one of an engine;
//! * [`dry_run`]: an engine that renders commands and runs nothing; [`null`]: one that does not even render them.

#[cfg(test)]
mod contract;
pub mod dry_run;
pub mod local;
pub mod null;
pub mod remote;
mod stopped;
mod update_sender;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::model::{
    AttemptEnd, AttemptInfo, AttemptStart, Command, DryRunLines, KilledBy, Outcome, OutputPiece,
    SpawnError, Where, Work,
};
use crate::sys::helper;
pub use update_sender::{Record, UpdateSender};

/// One try at a job, ready to run as soon as a slot is free.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The job, and what it is fed.
    pub work: Work,
    /// Which try this is, from 1.
    pub number: u32,
    /// How many there are at most; `None`: without end.
    pub max: Option<u32>,
    /// When it was handed to the engine.
    pub queued_at: SystemTime,
}

impl Attempt {
    /// The number of its job.
    pub fn seq(&self) -> u64 {
        self.work.seq()
    }

    /// What its events share, with its command and where it runs.
    pub fn info(&self, command: Command, at: Option<Where>) -> Arc<AttemptInfo> {
        self.info_at(None, command, at)
    }

    /// As [`info`](Self::info), where it runs on `host`; `None`: on this one.
    fn info_at(
        &self,
        host: Option<Arc<str>>,
        command: Command,
        at: Option<Where>,
    ) -> Arc<AttemptInfo> {
        Arc::new(AttemptInfo {
            seq: self.seq(),
            attempt: self.number,
            job: Arc::clone(&self.work.job),
            command,
            host,
            at,
        })
    }
}

#[cfg(test)]
impl Attempt {
    /// The one try at job number `seq`.
    pub(crate) fn only(seq: u64, args: crate::model::ArgList) -> Self {
        Self {
            work: Work::of(crate::model::Job {
                seq,
                args,
                after_all: false,
                bound: None,
            }),
            number: 1,
            max: Some(1),
            queued_at: SystemTime::now(),
        }
    }
}

/// What an engine tells, above all about its attempts.
#[derive(Debug)]
pub enum Update {
    /// An attempt's process runs.
    Started(Box<AttemptStart>),
    /// Output of a running attempt, as it came.
    Output(OutputPiece),
    /// Attempts are over, in this order.
    Ended(Vec<Box<AttemptEnd>>),
    /// Attempts are over, none of which met an error; only from an engine that runs nothing.
    DryRun(DryRunLines),
    /// Attempts that were taken over and not begun, and now never will be: somebody else has them again.
    Returned(Vec<Attempt>),
    /// What runs, in no order: the answer to [`Order::List`].
    Running(Vec<Running>),
    /// Attempts can be run, or that is done differently than before.
    Up(Up),
    /// Attempts cannot be run now, for this reason; all that were taken over are answered. [`Up`](Self::Up) or
    /// [`Down`](Self::Down) follows soon.
    Away(String),
    /// Attempts cannot be run, for this reason, and nobody should wait until they can; all that were taken over are
    /// answered.
    Down(String),
    /// Something that the user should know.
    Notice(String),
}

/// What an engine says of its place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Up {
    /// So many attempts can run at a time.
    pub slots: usize,
    /// How long it takes until a slot that is free has got the next attempt, where that is known and matters.
    pub round_trip: Option<Duration>,
}

impl Up {
    /// That so many attempts can run at a time.
    pub fn slots(slots: usize) -> Self {
        let round_trip = None;
        Self { slots, round_trip }
    }
}

/// What an engine is told, beside the attempts that it takes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Order {
    /// Make room for what was taken over, as far as there can be any: says [`Update::Up`] where that is not all.
    /// Apart from [`Engine::run`], so that what writes the reports is there before.
    Staff,
    /// Begin nothing of what you hold: give it back. What comes later is run.
    Recall,
    /// When an attempt ends like this, tell that end, give back what you hold and whatever still comes, and begin
    /// nothing before [`GoOn`](Self::GoOn). Without this order it is [`StopOn::Fatal`].
    StopOn(StopOn),
    /// Begin attempts again, if you have told of no more than so many ends on which to stop, from the beginning on. If
    /// there are more, somebody has to decide about those first.
    GoOn(u64),
    /// End these attempts, if they run, on behalf of somebody. They are answered as all others.
    End(Which, KilledBy),
    /// Signal the process groups of these attempts, if they run.
    Signal(Which, JobSignal),
    /// Run so many attempts at a time from now on, and no more than there are slots.
    Slots(usize),
    /// An attempt may take so long from now on, those that run included; `None`: as long as it wants.
    TimeLimit(Option<Duration>),
    /// Tell what runs.
    List,
}

/// After which ends an engine stops by itself, before anybody can tell it to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StopOn {
    /// Those with an error that ends the run.
    Fatal,
    /// Those that are no success, unless the job was left out.
    Failure,
}

impl StopOn {
    /// Whether `outcome` is such an end.
    pub fn covers(self, outcome: &Outcome) -> bool {
        match self {
            Self::Fatal => outcome.error().is_some_and(|error| error.fatal),
            Self::Failure => !outcome.is_success() && !outcome.is_left_out(),
        }
    }
}

/// Of the attempts that run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Which {
    /// All of them.
    All,
    /// That of the job with this number.
    One(u64),
    /// The one that was started last.
    Youngest,
}

/// What jobs are told by a signal, but to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JobSignal {
    /// SIGSTOP.
    Stop,
    /// SIGTSTP, as from a terminal.
    TerminalStop,
    /// SIGCONT.
    Continue,
}

/// An attempt that runs now.
#[derive(Clone, Debug)]
pub struct Running {
    /// The job and its attempt.
    pub job: Arc<AttemptInfo>,
    /// Since when.
    pub since: Instant,
}

/// A way to reach places where attempts run. Neither call blocks, but for a moment the order to stop all as a terminal
/// does, after which this process is stopped; and neither is answered in the call: whatever comes
/// of it is an [`Update`]. When it is dropped it has answered everything.
pub trait Engine: Sync {
    /// Takes attempts over, to begin in this order, each as soon as a slot is free.
    fn run(&self, attempts: Vec<Attempt>);

    /// Takes an order.
    fn order(&self, order: Order);
}

/// How an attempt ends whose command cannot be rendered, which is the end of the run; unless a signal had that
/// given up.
fn not_rendered(error: SpawnError) -> Outcome {
    if helper::is_interrupted() {
        let (by, signal) = (KilledBy::User, None);
        return Outcome::Cancelled { by, signal };
    }
    Outcome::SpawnFailed(error)
}

/// The end of an attempt that never got a process, for whatever reason.
pub fn unstarted(attempt: &Attempt, outcome: Outcome) -> Box<AttemptEnd> {
    ended(attempt, attempt.info(Command::default(), None), outcome)
}

/// The end of `attempt`, which is `info` to others, without a process.
fn ended(attempt: &Attempt, info: Arc<AttemptInfo>, outcome: Outcome) -> Box<AttemptEnd> {
    let now = SystemTime::now();
    Box::new(AttemptEnd {
        job: info,
        attempts_max: attempt.max,
        queued_at: attempt.queued_at,
        ran: None,
        ended_at: now,
        outcome,
        usage: crate::model::Usage::default(),
        stdin: attempt.work.stdin.clone(),
        sent: 0,
        stdout: crate::flow::spool::Captured::Empty,
        stderr: crate::flow::spool::Captured::Empty,
        streamed: [0; 2],
        left_running: Vec::new(),
        recorded: false,
    })
}
