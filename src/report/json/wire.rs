//! The shape of every line. Field order is the order on the wire; names and types are promises.
//!
//! A field has one type in every line; what is missing is null. The doc comments are the schema's
//! descriptions.

use std::borrow::Cow;

use schemars::JsonSchema;
use serde::Serialize;

use super::bytes::{Text, Texts};
use super::stamp::Stamp;

/// The version of the schema.
pub(super) const VERSION: u8 = 1;

/// One line.
#[derive(Serialize, JsonSchema)]
pub(super) struct Line<'a, B> {
    /// Version of the schema.
    pub(super) v: u8,
    /// What the line tells.
    #[serde(rename = "type")]
    pub(super) kind: &'static str,
    /// The run: a UUID; later runs sort behind earlier ones.
    pub(super) run: &'a str,
    /// Counts the lines of the run, from 1.
    pub(super) n: u64,
    /// When the line was written: RFC 3339, UTC, microseconds.
    #[schemars(with = "String")]
    pub(super) ts: Stamp,
    #[serde(flatten)]
    pub(super) body: B,
}

/// `run.start`
#[derive(Serialize, JsonSchema)]
pub(super) struct RunStart<'a> {
    /// The version of fanout.
    pub(super) version: &'a str,
    /// The command line as typed; U+FFFD where it is no UTF-8.
    #[schemars(with = "Vec<String>")]
    pub(super) argv: Texts<'a>,
    /// The exact bytes in base64 where `argv` is no UTF-8.
    pub(super) argv_b64: Option<Vec<String>>,
    /// The command template; U+FFFD where it is no UTF-8.
    #[schemars(with = "String")]
    pub(super) template: Text<'a>,
    /// The exact bytes in base64 where `template` is no UTF-8.
    pub(super) template_b64: Option<String>,
    /// How many jobs run at a time at most.
    pub(super) jobs: u64,
    /// The working directory; U+FFFD where it is no UTF-8.
    pub(super) cwd: &'a str,
    /// The exact bytes in base64 where `cwd` is no UTF-8.
    pub(super) cwd_b64: Option<&'a str>,
    /// The name of this machine.
    pub(super) host: &'a str,
    /// CPU threads that fanout may use.
    pub(super) cores: u64,
    /// How many jobs there will be, where that is known.
    pub(super) total: Option<u64>,
}

/// Who a job is.
#[derive(Serialize, JsonSchema)]
pub(super) struct Who<'a> {
    /// Position in the input, from 1.
    pub(super) seq: u64,
    /// Hash of command, working directory and stdin source; equal for equal work.
    pub(super) key: &'a str,
    /// The arguments; U+FFFD where they are no UTF-8.
    #[schemars(with = "Vec<String>")]
    pub(super) args: Texts<'a>,
    /// The exact bytes in base64 where any of `args` is no UTF-8.
    pub(super) args_b64: Option<Vec<String>>,
    /// The command line; U+FFFD where it is no UTF-8.
    #[schemars(with = "String")]
    pub(super) command: Text<'a>,
    /// The exact bytes in base64 where `command` is no UTF-8.
    pub(super) command_b64: Option<String>,
    /// The words handed to the program; null where a shell ran the command.
    #[schemars(with = "Option<Vec<String>>")]
    pub(super) argv: Option<Texts<'a>>,
    /// The exact bytes in base64 where any of `argv` is no UTF-8.
    pub(super) argv_b64: Option<Vec<String>>,
    /// The working directory.
    pub(super) cwd: &'a str,
    /// The machine it ran on.
    pub(super) host: &'a str,
    /// The slot it ran in, from 1.
    pub(super) slot: Option<u64>,
    /// The process id.
    pub(super) pid: Option<i32>,
    /// Which try this is, from 1.
    pub(super) attempt: u32,
}

/// `job.start`
#[derive(Serialize, JsonSchema)]
pub(super) struct JobStart<'a> {
    #[serde(flatten)]
    pub(super) who: Who<'a>,
    /// When its process was started.
    #[schemars(with = "String")]
    pub(super) started_at: Stamp,
}

/// `job.end`, `attempt.end`
#[derive(Serialize, JsonSchema)]
pub(super) struct JobEnd<'a> {
    #[serde(flatten)]
    pub(super) who: Who<'a>,
    /// How many tries it has at most; null: without end.
    pub(super) attempts_max: Option<u32>,
    /// Whether it passed after a failure.
    pub(super) flaky: bool,
    /// When it was handed to a worker.
    #[schemars(with = "String")]
    pub(super) queued_at: Stamp,
    /// When its process was started.
    #[schemars(with = "Option<String>")]
    pub(super) started_at: Option<Stamp>,
    /// When it was over.
    #[schemars(with = "String")]
    pub(super) ended_at: Stamp,
    /// Seconds from `queued_at` to `started_at`.
    pub(super) wait_s: Option<f64>,
    /// Seconds from `started_at` to `ended_at`.
    pub(super) wall_s: Option<f64>,
    /// How it ended.
    pub(super) status: Status,
    /// The exit code, where it exited by itself.
    pub(super) exit: Option<i32>,
    /// The name of the signal that ended it.
    pub(super) signal: Option<Cow<'static, str>>,
    /// Why fanout ended it.
    pub(super) killed_by: Option<Killer>,
    /// Why it could not be started, in words.
    pub(super) error: Option<&'a str>,
    #[serde(flatten)]
    pub(super) cost: Cost,
    /// What it wrote to standard output; null where that is no UTF-8 or was not captured.
    pub(super) stdout: Option<&'a str>,
    /// Standard output in base64 where it is no UTF-8.
    pub(super) stdout_b64: Option<String>,
    /// What it wrote to standard error; null where that is no UTF-8 or was not captured.
    pub(super) stderr: Option<&'a str>,
    /// Standard error in base64 where it is no UTF-8.
    pub(super) stderr_b64: Option<String>,
    /// How many bytes it wrote to standard output.
    pub(super) stdout_bytes: Option<u64>,
    /// How many bytes it wrote to standard error.
    pub(super) stderr_bytes: Option<u64>,
    /// Whether only the beginning of standard output is here.
    pub(super) stdout_truncated: bool,
    /// Whether only the beginning of standard error is here.
    pub(super) stderr_truncated: bool,
    /// The file that holds all of standard output.
    pub(super) stdout_path: Option<&'a str>,
    /// The file that holds all of standard error.
    pub(super) stderr_path: Option<&'a str>,
    /// The processes that it left running, where one of them is in its process group. They stay.
    pub(super) leftover_pids: &'a [i32],
}

/// What an attempt cost, as `wait4(2)` tells; null where no process was started. Of a job that shared its shell
/// with others only its share of the CPU time is known.
#[derive(Default, Serialize, JsonSchema)]
pub(super) struct Cost {
    /// CPU seconds in user mode.
    pub(super) user_s: Option<f64>,
    /// CPU seconds in the kernel.
    pub(super) sys_s: Option<f64>,
    /// Largest resident set; null where it is not above that of fanout, which each process begins with.
    pub(super) max_rss_bytes: Option<u64>,
    /// Page faults that needed I/O.
    pub(super) majflt: Option<u64>,
    /// Voluntary context switches.
    pub(super) nvcsw: Option<u64>,
    /// Involuntary context switches.
    pub(super) nivcsw: Option<u64>,
    /// Blocks read.
    pub(super) in_blocks: Option<u64>,
    /// Blocks written.
    pub(super) out_blocks: Option<u64>,
}

/// How a job ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(super) enum Status {
    Ok,
    Fail,
    Signal,
    Timeout,
    SpawnError,
    Cancelled,
    Skipped,
    Dry,
    Lost,
}

/// Why fanout ended a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub(super) enum Killer {
    User,
    Halt,
    Timeout,
    Memory,
}

/// `job.lost`: what a job that is done has written could not be written out where it was to go. It takes back the
/// job's `job.end`, of which its output, as far as that goes, is all that there is.
#[derive(Serialize, JsonSchema)]
pub(super) struct JobLost<'a> {
    /// Position in the input, from 1.
    pub(super) seq: u64,
    /// The key of its `job.end`: that work is not done, once less than the stream has it.
    pub(super) key: &'a str,
    /// The command line; U+FFFD where it is no UTF-8.
    #[schemars(with = "String")]
    pub(super) command: Text<'a>,
    /// The exact bytes in base64 where `command` is no UTF-8.
    pub(super) command_b64: Option<String>,
    /// Which try it was, from 1.
    pub(super) attempt: u32,
    /// The status in its `job.end`.
    pub(super) was: Status,
    /// Why its output is lost, in words.
    pub(super) error: &'a str,
}

/// `job.output`
#[derive(Serialize, JsonSchema)]
pub(super) struct JobOutput<'a> {
    /// Position of the job in the input, from 1.
    pub(super) seq: u64,
    /// Which try this is, from 1.
    pub(super) attempt: u32,
    /// `stdout` or `stderr`.
    pub(super) stream: &'static str,
    /// The piece of output; null where it is no UTF-8.
    pub(super) text: Option<&'a str>,
    /// The piece in base64 where it is no UTF-8.
    pub(super) b64: Option<String>,
}

/// `job.slow`
#[derive(Serialize, JsonSchema)]
pub(super) struct JobSlow<'a> {
    /// Position in the input, from 1.
    pub(super) seq: u64,
    /// The command line; U+FFFD where it is no UTF-8.
    #[schemars(with = "String")]
    pub(super) command: Text<'a>,
    /// The process id.
    pub(super) pid: Option<i32>,
    /// Which try this is, from 1.
    pub(super) attempt: u32,
    /// Seconds that it has been running.
    pub(super) wall_s: f64,
    /// Seconds that half of the finished jobs took at most, roughly.
    pub(super) median_s: f64,
}

/// `gate`
#[derive(Serialize, JsonSchema)]
pub(super) struct Gate<'a> {
    /// Why nothing starts now; null: starting again.
    pub(super) reason: Option<&'a str>,
}

/// `progress`
#[derive(Serialize, JsonSchema)]
pub(super) struct Progress {
    /// Jobs started so far.
    pub(super) started: u64,
    /// Jobs that run now.
    pub(super) running: u64,
    /// Jobs that exited with 0.
    pub(super) ok: u64,
    /// Jobs that failed in any way.
    pub(super) failed: u64,
    /// How many jobs there will be, where that is known.
    pub(super) total: Option<u64>,
    /// Seconds left, where that can be told.
    pub(super) eta_s: Option<f64>,
    /// Seconds since the run began.
    pub(super) elapsed_s: f64,
    /// Jobs finished a second.
    pub(super) rate: f64,
}

/// `run.end`
#[derive(Clone, Debug, Default, Serialize, JsonSchema)]
pub(super) struct RunEnd {
    /// How many jobs there were.
    pub(super) jobs: u64,
    /// Jobs with this status.
    pub(super) ok: u64,
    /// Jobs with this status.
    pub(super) fail: u64,
    /// Jobs with this status.
    pub(super) signal: u64,
    /// Jobs with this status.
    pub(super) timeout: u64,
    /// Jobs with this status.
    pub(super) spawn_error: u64,
    /// Jobs with this status.
    pub(super) cancelled: u64,
    /// Jobs with this status.
    pub(super) skipped: u64,
    /// Jobs with this status.
    pub(super) dry: u64,
    /// Jobs with this status.
    pub(super) lost: u64,
    /// Seconds that the run took.
    pub(super) elapsed_s: f64,
    /// The part of the slots' time in which a job ran, from 0 to 1.
    pub(super) slot_utilisation: f64,
    /// CPU seconds of all attempts in user mode.
    pub(super) user_s: f64,
    /// CPU seconds of all attempts in the kernel.
    pub(super) sys_s: f64,
    /// The exit code of fanout.
    pub(super) exit: i32,
    /// What halted the run early.
    pub(super) halted_by: Option<String>,
}
