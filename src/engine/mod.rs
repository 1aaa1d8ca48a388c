//! Where attempts run: mechanism without policy.
//!
//! An [`Engine`] takes attempts and answers each with exactly one [`Reply::Ended`], however it went; what
//! it has not begun it gives back when it is closed. Which job runs when, and what an outcome means,
//! is decided above, in `run`.
//!
//! * `post`: how it answers, and where the ends of jobs are recorded before that;
//! * [`pool`]: a thread a slot, each with one attempt at a time; the queue that they share;
//! * [`local`]: what a worker does with an attempt on this host: process, capture, deadline;
//! * [`feed`]: a running job's standard input; [`handover`]: how it gets it;
//! * [`reduce`]: merges of what jobs have written;
//! * [`dry`]: an engine that renders commands and runs nothing;
//! * [`shell`]: which shell, and when none is needed;
//! * [`tmux`]: windows for jobs;
//! * [`warm`]: shells that run many jobs.

pub mod capture;
pub mod dry;
pub mod feed;
pub mod handover;
pub mod launch;
pub mod local;
mod made_files;
pub mod pool;
mod post;
mod question;
pub mod reduce;
mod script;
pub mod shell;
pub mod term_seq;
pub mod tmux;
pub mod warm;
mod workdir;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use crate::model::{
    AttemptEnd, AttemptStart, Job, JobIdentity, KilledBy, Outcome, OutputPiece, Rehearsal,
    SpawnError,
};
use crate::sys::helper;
use crate::sys::turn::Asking;
pub use post::{Post, Record};

/// One try at a job, ready to run as soon as a slot is free.
#[derive(Clone, Debug)]
pub struct Attempt {
    /// The job.
    pub job: Job,
    /// Which try this is, from 1.
    pub number: u32,
    /// How many there are at most; `None`: without end.
    pub max: Option<u32>,
    /// When it was handed to the engine.
    pub queued_at: SystemTime,
}

/// What an engine tells about its attempts.
#[derive(Debug)]
pub enum Reply {
    /// An attempt's process runs.
    Started(Box<AttemptStart>),
    /// Output of a running attempt, as it came.
    Output(OutputPiece),
    /// A running job's wish to write to standard output by itself.
    Asking(Asking),
    /// An attempt is over.
    Ended(Box<AttemptEnd>),
    /// Attempts are over, none of which met an error; only from an engine that runs nothing.
    Rehearsed(Rehearsal),
    /// Several attempts are over, in this order.
    EndedTogether(Vec<Box<AttemptEnd>>),
    /// There are only so many slots; and why, for the user.
    Slots(usize, String),
}

/// An attempt that runs now.
#[derive(Clone, Debug)]
pub struct Running {
    /// The job and its attempt.
    pub job: Arc<JobIdentity>,
    /// Since when.
    pub since: Instant,
}

/// Runs attempts.
pub trait Engine: Sync {
    /// Takes attempts to be run in this order, each as soon as a slot is free.
    fn submit(&self, attempts: Vec<Attempt>);

    /// Makes room for what was submitted, as far as there can be any: says [`Reply::Slots`] where that is not all. Apart
    /// from `submit`, so that what writes the reports is there before.
    fn staff(&self) {}

    /// Begins no attempt any more; gives back those that it had not begun.
    fn close(&self) -> Vec<Attempt>;

    /// The attempts that run now, in no order.
    fn running(&self) -> Vec<Running>;

    /// Ends the attempt at job number `seq`, if it runs, on behalf of `by`.
    fn end(&self, seq: u64, by: KilledBy);

    /// Sends `signal` to the process group of the attempt at job number `seq`, if it runs; `None`: to all.
    fn signal(&self, seq: Option<u64>, signal: i32);

    /// How long an attempt may take from now on, those that run included; `None`: as long as it wants.
    fn limit_time(&self, limit: Option<Duration>);

    /// Ends every running attempt, on behalf of `by`. They still reply.
    fn kill(&self, by: KilledBy);
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
pub fn never_ran(attempt: &Attempt, outcome: Outcome) -> Box<AttemptEnd> {
    let now = SystemTime::now();
    let job = JobIdentity {
        seq: attempt.job.seq,
        args: attempt.job.args.clone(),
        command: crate::model::Command::default(),
        argv: None,
        slot: 0,
        pid: 0,
        attempt: attempt.number,
    };
    Box::new(AttemptEnd {
        job: Arc::new(job),
        attempts_max: attempt.max,
        queued_at: attempt.queued_at,
        started_at: now,
        ended_at: now,
        outcome,
        usage: crate::model::Usage::default(),
        stdin: attempt.job.stdin.clone(),
        sent: 0,
        stdout: crate::sys::spool::Captured::Empty,
        stderr: crate::sys::spool::Captured::Empty,
        streamed: [0; 2],
        recorded: false,
    })
}
