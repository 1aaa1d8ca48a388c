//! What happens in a run, in the order in which the controller learns of it.

use std::fmt;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::{ArgList, Command, ExitCode, HERE, Job, Outcome, Stdin, Usage};
use crate::flow::credit::Token;
use crate::flow::output_order::Barrier;
use crate::flow::spool::Captured;

/// Something that happened. Sinks in `report` receive each event once, in order.
///
/// Each job that was read from the input gets exactly one [`Event::JobFinished`], or is counted in one
/// [`Event::DryRun`].
#[derive(Debug)]
pub enum Event {
    /// The first event of a run.
    RunStarted(RunStart),
    /// An attempt's process runs. Sent only when some sink asked for it.
    AttemptStarted(Box<AttemptStart>),
    /// A piece of a running job's output; only when output is streamed.
    Output(OutputPiece),
    /// An attempt failed and the job will be tried again.
    AttemptFailed(Box<AttemptEnd>),
    /// A job's one and only terminal event.
    JobFinished(Box<AttemptEnd>),
    /// Jobs of a dry run, none of which met an error. Sent instead of their ends where no sink asked for these.
    DryRun(DryRunLines),
    /// Why nothing starts at the moment; `None`: starting again.
    Gate(Option<String>),
    /// Words for the user, who reads standard error.
    Notice {
        /// One line, without its end.
        words: Vec<u8>,
        /// Whether the program's name goes in front.
        prefixed: bool,
    },
    /// The window of the terminal has another size.
    Resized,
    /// The last event of a run.
    RunEnded(RunEnd),
}

/// What is known when the run begins.
#[derive(Clone, Debug)]
pub struct RunStart {
    /// When it began.
    pub at: SystemTime,
    /// How many jobs run at a time at most.
    pub slots: usize,
    /// How many jobs there will be, where that is known beforehand.
    pub total: Option<u64>,
}

/// An attempt: shared by all its events.
#[derive(Debug)]
pub struct AttemptInfo {
    /// The number of its job.
    pub seq: u64,
    /// Which try this is, from 1.
    pub attempt: u32,
    /// The job.
    pub job: Arc<Job>,
    /// The rendered command line and tag.
    pub command: Command,
    /// The host where it is tried, by the name that the user gave it; `None`: this one.
    pub host: Option<Arc<str>>,
    /// Where it runs there, once it has got a slot.
    pub at: Option<Where>,
}

/// Where an attempt runs.
#[derive(Clone, Debug)]
pub struct Where {
    /// The slot, from 1.
    pub slot: usize,
    /// The process, once there is one.
    pub pid: Option<i32>,
    /// The words handed to the program when no shell was needed.
    pub argv: Option<ArgList>,
}

impl AttemptInfo {
    /// The host where it is tried, as GNU parallel calls it: `:` is this one.
    pub fn host(&self) -> &str {
        self.host.as_deref().unwrap_or(HERE)
    }

    /// The process, if there was one.
    pub fn pid(&self) -> Option<i32> {
        self.at.as_ref()?.pid
    }

    /// The slot, from 1, if it had one.
    pub fn slot(&self) -> Option<usize> {
        Some(self.at.as_ref()?.slot)
    }

    /// The words handed to the program when no shell was needed.
    pub fn argv(&self) -> Option<&ArgList> {
        self.at.as_ref()?.argv.as_ref()
    }
}

/// That an attempt's process was started.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ran {
    /// When, by the calendar.
    pub started_at: SystemTime,
    /// How long it took, whatever happened to the calendar.
    pub took: Duration,
}

/// An attempt that has just been started.
#[derive(Clone, Debug)]
pub struct AttemptStart {
    /// The job and its attempt.
    pub job: Arc<AttemptInfo>,
    /// When its process was started.
    pub started_at: SystemTime,
}

/// An attempt that is over, whatever way it went.
#[derive(Debug)]
pub struct AttemptEnd {
    /// The job and its attempt.
    pub job: Arc<AttemptInfo>,
    /// How many tries the job has at most; `None`: without end.
    pub attempts_max: Option<u32>,
    /// When the job was handed to the engine.
    pub queued_at: SystemTime,
    /// When its process was started, and how long it took; `None`: there was none.
    pub ran: Option<Ran>,
    /// When it was over.
    pub ended_at: SystemTime,
    /// How it ended.
    pub outcome: Outcome,
    /// What it cost.
    pub usage: Usage,
    /// What it was fed, kept where the job may have to be fed again.
    pub stdin: Option<Stdin>,
    /// How many bytes it was fed.
    pub sent: u64,
    /// Its captured standard output.
    pub stdout: Captured,
    /// Its captured standard error.
    pub stderr: Captured,
    /// How many bytes of both were handed on while it ran.
    pub streamed: [u64; 2],
    /// The processes that it has left running.
    pub left_running: Vec<i32>,
    /// Whether it has been written down as the end of its job.
    pub recorded: bool,
}

impl AttemptStart {
    /// That of an attempt of which the end is already there, or being made.
    pub fn of(end: &AttemptEnd) -> Self {
        Self {
            job: Arc::clone(&end.job),
            started_at: end.started_at(),
        }
    }
}

impl AttemptEnd {
    /// Its process `pid` has just been started, with `argv` if no shell was needed. Before anybody else knows of it.
    pub fn runs(&mut self, pid: i32, argv: Option<ArgList>, started_at: SystemTime) {
        let at = Arc::get_mut(&mut self.job).and_then(|info| info.at.as_mut());
        debug_assert!(at.is_some(), "what others know is never changed");
        if let Some(at) = at {
            (at.pid, at.argv) = (Some(pid), argv);
        }
        self.ran = Some(Ran {
            started_at,
            took: Duration::ZERO,
        });
    }

    /// Its process is over after `took`.
    pub fn ran_for(&mut self, took: Duration) {
        if let Some(ran) = &mut self.ran {
            ran.took = took;
            self.ended_at = ran.started_at + took;
        }
    }

    /// When its process was started, or else when it was over.
    pub fn started_at(&self) -> SystemTime {
        self.ran.map_or(self.ended_at, |ran| ran.started_at)
    }

    /// Whether it passed after a failure of the same job.
    pub fn is_flaky(&self) -> bool {
        self.outcome.is_success() && self.job.attempt > 1
    }

    /// How long its process took; no time at all if there was none.
    pub fn took(&self) -> Duration {
        self.ran.map_or(Duration::ZERO, |ran| ran.took)
    }

    /// Its output is lost because of `error`.
    pub fn lose_output(&mut self, error: &dyn fmt::Display) {
        let why = format!("the output of job {} is lost: {error}", self.job.seq);
        let outcome = std::mem::replace(&mut self.outcome, Outcome::Lost(None));
        self.outcome = outcome.with_output_lost(why);
    }

    /// Whether it was fed something that nobody can feed to another attempt.
    pub fn comes_once(&self) -> bool {
        self.stdin.as_ref().is_some_and(Stdin::comes_once)
    }
}

impl AttemptEnd {
    /// Whether its turn for a share of the input never came. As in GNU parallel, only its failure is seen.
    pub fn had_no_share(&self) -> bool {
        self.stdin.as_ref().is_some_and(Stdin::never_comes)
    }
}

/// Which of a job's two outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stream {
    /// Standard output.
    Stdout,
    /// Standard error.
    Stderr,
}

/// A piece of a running job's output, as it came.
#[derive(Debug)]
pub struct OutputPiece {
    /// The job and its attempt.
    pub job: Arc<AttemptInfo>,
    /// Where it was written.
    pub stream: Stream,
    /// What was written.
    pub content: Content,
    /// Bounds how many pieces are on their way; given back when the piece has been dealt with.
    pub token: Option<Token>,
}

/// What a piece of output is.
#[derive(Debug)]
pub enum Content {
    /// Bytes; they may end anywhere.
    Bytes(Vec<u8>),
    /// Everything before is to be written: then the job goes on by itself. Only of the job whose turn it is, and only
    /// on the machine whose standard output it is.
    Barrier(Barrier),
}

impl OutputPiece {
    /// The bytes that were written; none of a barrier.
    pub fn bytes(&self) -> &[u8] {
        match &self.content {
            Content::Bytes(bytes) => bytes,
            Content::Barrier(_) => &[],
        }
    }
}

/// Jobs in a row whose command lines are all that is wanted of them.
#[derive(Debug)]
pub struct DryRunLines {
    /// How many.
    pub jobs: usize,
    /// How many of them asked not to be run.
    pub skipped: usize,
    /// Their command lines, each with a newline after it.
    pub lines: Vec<u8>,
}

/// How many jobs there are of each kind, at one moment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Attempts handed to the engine and not over yet.
    pub running: u64,
    /// Jobs that exited with 0, or asked not to be run.
    pub ok: u64,
    /// Jobs that failed in any way.
    pub failed: u64,
    /// Jobs that were never started.
    pub unstarted: u64,
}

/// What is known when the run is over.
#[derive(Clone, Debug)]
pub struct RunEnd {
    /// When it ended.
    pub at: SystemTime,
    /// The process's exit code, but for what [`LastWord`](super::LastWord) says.
    pub exit_code: ExitCode,
    /// What halted it early, in words (`--halt now,fail=1`, `SIGTERM`), if something did.
    pub halted_by: Option<String>,
    /// Whether that was a signal.
    pub interrupted: bool,
    /// What was left of the input, if anything.
    pub left: Left,
}

/// Jobs that were never taken from the input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Left {
    /// How many are known of.
    pub jobs: u64,
    /// Whether there may be more: the input was not read to its end.
    pub more: bool,
}
