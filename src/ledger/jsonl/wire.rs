//! The shape of every line, written and read. Field order is the order on the wire; names and types are promises.
//!
//! A field has one type in every line; what is missing is null. The doc comments are the schema's
//! descriptions. A reader takes no notice of fields that it does not know; a field that older streams lack has a
//! default.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::stamp::Stamp;
use super::text::{Text, Texts};

/// The version of the schema.
pub const VERSION: u8 = 2;

/// What every line begins with.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Head<'a> {
    /// Version of the schema.
    pub v: u8,
    /// What the line tells.
    #[serde(rename = "type", borrow)]
    pub kind: Text<'a>,
    /// The run: a UUID; later runs sort behind earlier ones.
    #[serde(borrow)]
    pub run: Text<'a>,
    /// Counts the lines of the run, from 1.
    pub n: u64,
    /// When the line was written: RFC 3339, UTC, microseconds.
    #[schemars(with = "String")]
    pub ts: Stamp,
}

/// One line.
#[derive(Clone, Debug, PartialEq, Serialize, JsonSchema)]
pub struct Line<'a, B> {
    /// What every line begins with.
    #[serde(flatten)]
    pub head: Head<'a>,
    /// What is told.
    #[serde(flatten)]
    pub body: B,
}

/// `run.start`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RunStart<'a> {
    /// The version of fanout.
    #[serde(borrow)]
    pub version: Text<'a>,
    /// The command line as typed; U+FFFD where it is no UTF-8.
    #[serde(borrow)]
    pub argv: Texts<'a>,
    /// The exact bytes in base64 where `argv` is no UTF-8.
    pub argv_b64: Option<Vec<String>>,
    /// The command template; U+FFFD where it is no UTF-8.
    #[serde(borrow)]
    pub template: Text<'a>,
    /// The exact bytes in base64 where `template` is no UTF-8.
    pub template_b64: Option<String>,
    /// How many jobs run at a time at most.
    // The name that version 1 has for it.
    #[serde(alias = "jobs")]
    pub slots: u64,
    /// The working directory; U+FFFD where it is no UTF-8.
    #[serde(borrow)]
    pub cwd: Text<'a>,
    /// The exact bytes in base64 where `cwd` is no UTF-8.
    #[serde(borrow)]
    pub cwd_b64: Option<Text<'a>>,
    /// The name of this machine.
    #[serde(borrow)]
    pub host: Text<'a>,
    /// What runs the jobs.
    #[serde(borrow, default = "local")]
    pub engine: Text<'a>,
    /// CPU threads that fanout may use.
    pub cores: u64,
    /// How many jobs there will be, where that is known.
    pub total: Option<u64>,
}

/// The engine of streams that do not tell.
fn local() -> Text<'static> {
    LOCAL.into()
}

/// The engine that runs jobs on this machine.
pub const LOCAL: &str = "local";

/// Who a job is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Who<'a> {
    /// Position in the input, from 1.
    pub seq: u64,
    /// What the columns of the input are called, where a header tells; U+FFFD where they are no UTF-8.
    #[serde(borrow, default)]
    pub names: Option<Texts<'a>>,
    /// Hash of command, working directory and stdin source; equal for equal work.
    #[serde(borrow)]
    pub key: Text<'a>,
    /// The arguments; U+FFFD where they are no UTF-8.
    #[serde(borrow)]
    pub args: Texts<'a>,
    /// The exact bytes in base64 where any of `args` is no UTF-8.
    pub args_b64: Option<Vec<String>>,
    /// The command line; U+FFFD where it is no UTF-8.
    #[serde(borrow)]
    pub command: Text<'a>,
    /// The exact bytes in base64 where `command` is no UTF-8.
    pub command_b64: Option<String>,
    /// The words handed to the program; null where a shell ran the command.
    #[serde(borrow)]
    pub argv: Option<Texts<'a>>,
    /// The exact bytes in base64 where any of `argv` is no UTF-8.
    pub argv_b64: Option<Vec<String>>,
    /// The working directory.
    #[serde(borrow)]
    pub cwd: Text<'a>,
    /// The machine it ran on.
    #[serde(borrow)]
    pub host: Text<'a>,
    /// The slot it ran in, from 1.
    pub slot: Option<u64>,
    /// The process id.
    pub pid: Option<i32>,
    /// Which try this is, from 1.
    pub attempt: u32,
}

/// `job.start`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobStart<'a> {
    /// Who the job is.
    #[serde(flatten, borrow)]
    pub who: Who<'a>,
    /// When its process was started.
    #[schemars(with = "String")]
    pub started_at: Stamp,
}

/// `job.end`, `attempt.end`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobEnd<'a> {
    /// Who the job is.
    #[serde(flatten, borrow)]
    pub who: Who<'a>,
    /// How many tries it has at most; null: without end.
    pub attempts_max: Option<u32>,
    /// Whether it passed after a failure.
    pub flaky: bool,
    /// When it was handed to a worker.
    #[schemars(with = "String")]
    pub queued_at: Stamp,
    /// When its process was started.
    #[schemars(with = "Option<String>")]
    pub started_at: Option<Stamp>,
    /// When it was over.
    #[schemars(with = "String")]
    pub ended_at: Stamp,
    /// Seconds from `queued_at` to `started_at`.
    pub wait_s: Option<f64>,
    /// Seconds from `started_at` to `ended_at`.
    pub wall_s: Option<f64>,
    /// How it ended.
    pub status: Status,
    /// The exit code, where it exited, or an expression asked for the end of the run with one.
    pub exit: Option<i32>,
    /// The name of the signal that ended it.
    #[serde(borrow)]
    pub signal: Option<Text<'a>>,
    /// Why fanout ended it, or did not run it.
    pub killed_by: Option<Killer>,
    /// Why it could not be started, in words.
    #[serde(borrow)]
    pub error: Option<Text<'a>>,
    /// What it cost.
    #[serde(flatten)]
    pub cost: Cost,
    /// What it wrote to standard output; null where that is no UTF-8 or was not captured.
    #[serde(borrow)]
    pub stdout: Option<Text<'a>>,
    /// Standard output in base64 where it is no UTF-8.
    pub stdout_b64: Option<String>,
    /// What it wrote to standard error; null where that is no UTF-8 or was not captured.
    #[serde(borrow)]
    pub stderr: Option<Text<'a>>,
    /// Standard error in base64 where it is no UTF-8.
    pub stderr_b64: Option<String>,
    /// How many bytes it wrote to standard output.
    pub stdout_bytes: Option<u64>,
    /// How many bytes it wrote to standard error.
    pub stderr_bytes: Option<u64>,
    /// How many bytes it was fed through its standard input; null where its turn for a share of the input never came.
    #[serde(default = "nothing_fed")]
    pub stdin_bytes: Option<u64>,
    /// Whether only the beginning of standard output is here.
    pub stdout_truncated: bool,
    /// Whether only the beginning of standard error is here.
    pub stderr_truncated: bool,
    /// The file that holds all of standard output.
    #[serde(borrow)]
    pub stdout_path: Option<Text<'a>>,
    /// The file that holds all of standard error.
    #[serde(borrow)]
    pub stderr_path: Option<Text<'a>>,
    /// The processes that it left running, where one of them is in its process group. They stay.
    #[serde(default)]
    pub leftover_pids: Cow<'a, [i32]>,
}

/// By what a later run knows whether a piece of work is done: a part of `job.end` and of `job.lost`. It is read alone,
/// since a stream may have millions of them.
#[derive(Clone, Debug, PartialEq, Deserialize)]
pub struct WorkEnd<'a> {
    /// What the line tells.
    #[serde(rename = "type", borrow)]
    pub kind: Text<'a>,
    /// The key of the work.
    #[serde(borrow)]
    pub key: Option<Text<'a>>,
    /// How it ended, of a `job.end`.
    pub status: Option<Status>,
    /// The exit code, of a `job.end`.
    pub exit: Option<i32>,
    /// What its status was, of a `job.lost`.
    pub was: Option<Status>,
}

/// What streams say of a job's standard input that do not tell.
// The type is that of the field.
#[allow(clippy::unnecessary_wraps)]
fn nothing_fed() -> Option<u64> {
    Some(0)
}

/// What an attempt cost, as `wait4(2)` tells; null where no process was started. Of a job that shared its shell
/// with others only its share of the CPU time is known.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Cost {
    /// CPU seconds in user mode.
    pub user_s: Option<f64>,
    /// CPU seconds in the kernel.
    pub sys_s: Option<f64>,
    /// Largest resident set; null where it is not above that of fanout, which each process begins with.
    pub max_rss_bytes: Option<u64>,
    /// Page faults that needed I/O.
    pub majflt: Option<u64>,
    /// Voluntary context switches.
    pub nvcsw: Option<u64>,
    /// Involuntary context switches.
    pub nivcsw: Option<u64>,
    /// Blocks read.
    pub in_blocks: Option<u64>,
    /// Blocks written.
    pub out_blocks: Option<u64>,
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
// The schema has no more than their names.
#[allow(missing_docs)]
pub enum Status {
    Ok,
    Fail,
    Signal,
    Timeout,
    Memory,
    SpawnError,
    Cancelled,
    Skipped,
    Dry,
    Lost,
    // A status of a later version; never written.
    #[serde(other)]
    #[schemars(skip)]
    Unknown,
}

/// Why fanout ended a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
// The schema has no more than their names.
#[allow(missing_docs)]
pub enum Killer {
    User,
    Halt,
    Timeout,
    Memory,
    // A reason of a later version; never written.
    #[serde(other)]
    #[schemars(skip)]
    Unknown,
}

/// `job.lost`: what a job that is done has written could not be written out where it was to go. It takes back the
/// job's `job.end`, of which its output, as far as that goes, is all that there is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobLost<'a> {
    /// Position in the input, from 1.
    pub seq: u64,
    /// The key of its `job.end`: that work is not done, once less than the stream has it.
    #[serde(borrow)]
    pub key: Text<'a>,
    /// The command line; U+FFFD where it is no UTF-8.
    #[serde(borrow)]
    pub command: Text<'a>,
    /// The exact bytes in base64 where `command` is no UTF-8.
    pub command_b64: Option<String>,
    /// Which try it was, from 1.
    pub attempt: u32,
    /// The status in its `job.end`.
    pub was: Status,
    /// Why its output is lost, in words.
    #[serde(borrow)]
    pub error: Text<'a>,
}

/// `job.output`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobOutput<'a> {
    /// Position of the job in the input, from 1.
    pub seq: u64,
    /// Which try this is, from 1.
    pub attempt: u32,
    /// `stdout` or `stderr`.
    #[serde(borrow)]
    pub stream: Text<'a>,
    /// The piece of output; null where it is no UTF-8.
    #[serde(borrow)]
    pub text: Option<Text<'a>>,
    /// The piece in base64 where it is no UTF-8.
    pub b64: Option<String>,
}

/// `job.slow`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct JobSlow<'a> {
    /// Position in the input, from 1.
    pub seq: u64,
    /// The command line; U+FFFD where it is no UTF-8.
    #[serde(borrow)]
    pub command: Text<'a>,
    /// The process id.
    pub pid: Option<i32>,
    /// Which try this is, from 1.
    pub attempt: u32,
    /// Seconds that it has been running.
    pub wall_s: f64,
    /// Seconds that half of the finished jobs took at most, roughly.
    pub median_s: f64,
}

/// `gate`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Gate<'a> {
    /// Why nothing starts now; null: starting again.
    #[serde(borrow)]
    pub reason: Option<Text<'a>>,
}

/// `progress`
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Progress {
    /// Jobs started so far.
    pub started: u64,
    /// Jobs that run now.
    pub running: u64,
    /// Jobs that exited with 0.
    pub ok: u64,
    /// Jobs that failed in any way.
    pub failed: u64,
    /// How many jobs there will be, where that is known.
    pub total: Option<u64>,
    /// Seconds left, where that can be told.
    pub eta_s: Option<f64>,
    /// Seconds since the run began.
    pub elapsed_s: f64,
    /// Jobs finished a second.
    pub rate: f64,
}

/// How many jobs ended in each way, and how many never began.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
#[schemars(inline)]
pub struct Counts {
    /// Jobs with this status.
    pub ok: u64,
    /// Jobs with this status.
    pub fail: u64,
    /// Jobs with this status.
    pub signal: u64,
    /// Jobs with this status.
    pub timeout: u64,
    /// Jobs with this status.
    pub memory: u64,
    /// Jobs with this status.
    pub spawn_error: u64,
    /// Jobs with this status.
    pub cancelled: u64,
    /// Jobs with this status.
    pub skipped: u64,
    /// Jobs with this status.
    pub dry: u64,
    /// Jobs with this status, and those whose output was lost after their end had been told.
    pub lost: u64,
    /// Jobs that were never taken from the input, as far as they are known of.
    pub not_started: u64,
    /// Jobs that passed after a failure. They are among `ok`, too.
    pub flaky: u64,
}

/// `run.end`
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default)]
pub struct RunEnd {
    /// How many jobs ended in each way, and how many never began.
    pub counts: Counts,
    /// How many jobs there were, those that never began included; null where the input was not read to its end.
    pub total: Option<u64>,
    /// Whether there may be more than `counts` has: the input was not read to its end.
    pub input_left: bool,
    /// Seconds that the run took.
    pub elapsed_s: f64,
    /// The part of the slots' time in which a job ran, from 0 to 1.
    pub slot_utilisation: f64,
    /// CPU seconds of all attempts in user mode.
    pub user_s: f64,
    /// CPU seconds of all attempts in the kernel.
    pub sys_s: f64,
    /// The exit code of fanout.
    pub exit: i32,
    /// What halted the run early.
    pub halted_by: Option<String>,
}

/// `run.end` of version 1, which has its counts among its other fields. It is read only.
#[derive(Debug, Deserialize)]
pub(super) struct RunEnd1 {
    #[serde(flatten)]
    counts: Counts,
    jobs: u64,
    #[serde(flatten)]
    rest: RunEnd,
}

impl From<RunEnd1> for RunEnd {
    fn from(old: RunEnd1) -> Self {
        let all = old.jobs + old.counts.not_started;
        Self {
            counts: old.counts,
            total: (!old.rest.input_left).then_some(all),
            ..old.rest
        }
    }
}
