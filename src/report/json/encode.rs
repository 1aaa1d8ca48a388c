//! Model values in the shape of the wire.

use std::borrow::Cow;
use std::time::{Duration, SystemTime};

use super::context::Context;
use super::output::Output;
use crate::flow::spool::Captured;
use crate::ledger::jsonl::stamp::Calendar;
use crate::ledger::jsonl::text::{Text, Texts, exact, exact_list};
use crate::ledger::jsonl::wire::{self, Cost, Counts, JobEnd, JobStart, Killer, Status, Who};
use crate::ledger::key::key;
use crate::model::{
    AttemptEnd, AttemptInfo, AttemptStart, Exit, KilledBy, Outcome, OutputLost, RunEnd,
};
use crate::report::state::{Ends, RunState, status};
use crate::report::words::signal_name;

/// Seconds with microseconds, as text does not show more.
pub(super) fn seconds(duration: Duration) -> f64 {
    duration.as_micros() as f64 / 1e6
}

/// How long it was from `from` to `to`; nothing if the clock was set back.
pub(super) fn between(from: SystemTime, to: SystemTime) -> Duration {
    to.duration_since(from).unwrap_or_default()
}

/// Hash of command, working directory and stdin source, in hex.
pub(super) struct Key([u8; 32]);

impl Key {
    /// The key of `job`; `scratch` is a buffer to work in.
    pub(super) fn new(job: &AttemptInfo, context: &Context, scratch: &mut Vec<u8>) -> Self {
        let stdin = job.command.task.stdin.as_ref().unwrap_or(&context.stdin);
        let mut hash = key(&job.command.task.line, &context.cwd, stdin, scratch);
        let mut hex = [0; 32];
        for digit in hex.iter_mut().rev() {
            *digit = b"0123456789abcdef"[(hash & 0xf) as usize];
            hash >>= 4;
        }
        Self(hex)
    }

    pub(super) fn as_str(&self) -> &str {
        str::from_utf8(&self.0).unwrap_or_default()
    }
}

pub(super) fn who<'a>(
    job: &'a AttemptInfo,
    key: &'a Key,
    context: &'a Context,
    cwd: &'a str,
) -> Who<'a> {
    Who {
        seq: job.seq,
        names: (!context.names.is_empty()).then_some(Texts::Of(&context.names)),
        key: key.as_str().into(),
        args: Texts::Of(&job.job.args),
        args_b64: exact_list(&job.job.args),
        command: Text::lossy(&job.command.task.line),
        command_b64: exact(&job.command.task.line),
        argv: job.argv().map(Texts::Of),
        argv_b64: job.argv().and_then(exact_list),
        cwd: cwd.into(),
        host: job.host.as_deref().unwrap_or(&context.host).into(),
        slot: job.slot().map(|slot| slot as u64),
        pid: job.pid(),
        attempt: job.attempt,
    }
}

pub(super) fn job_start<'a>(
    start: &AttemptStart,
    who: Who<'a>,
    calendar: &mut Calendar,
) -> JobStart<'a> {
    JobStart {
        who,
        started_at: calendar.stamp(start.started_at),
    }
}

/// Both of a job's outputs; `None` where they were not captured.
pub(super) type Outputs<'a> = Option<(Output<'a>, Output<'a>)>;

pub(super) fn job_end<'a>(
    end: &'a AttemptEnd,
    who: Who<'a>,
    outputs: &'a Outputs<'a>,
    calendar: &mut Calendar,
) -> JobEnd<'a> {
    let stdout = outputs.as_ref().map(|(stdout, _)| stdout);
    let stderr = outputs.as_ref().map(|(_, stderr)| stderr);
    let outcome = &end.outcome;
    let is_lost = matches!(outcome, Outcome::OutputLost(_));
    JobEnd {
        who,
        attempts_max: end.attempts_max,
        flaky: end.is_flaky(),
        queued_at: calendar.stamp(end.queued_at),
        started_at: end.ran.map(|ran| calendar.stamp(ran.started_at)),
        ended_at: calendar.stamp(end.ended_at),
        wait_s: end
            .ran
            .map(|ran| seconds(between(end.queued_at, ran.started_at))),
        wall_s: end.ran.map(|ran| seconds(ran.took)),
        status: status(outcome),
        exit: exit(outcome),
        signal: (outcome.signal() != 0).then(|| Text(signal_name(outcome.signal()))),
        killed_by: killer(outcome),
        error: match outcome {
            Outcome::OutputLost(lost) => Some(lost.why.as_str().into()),
            outcome => outcome.error().map(|error| error.why.as_str().into()),
        },
        cost: if end.ran.is_some() {
            cost(end)
        } else {
            Cost::default()
        },
        stdout: stdout.and_then(Output::text).map(Text::from),
        stdout_b64: stdout.and_then(Output::base64),
        stderr: stderr.and_then(Output::text).map(Text::from),
        stderr_b64: stderr.and_then(Output::base64),
        stdout_bytes: stdout.map(|_| end.stdout.len() + end.streamed[0]),
        stderr_bytes: stderr.map(|_| end.stderr.len() + end.streamed[1]),
        stdin_bytes: (!end.had_no_share()).then_some(end.sent),
        stdout_truncated: is_lost || stdout.is_some_and(|output| output.truncated),
        stderr_truncated: is_lost || stderr.is_some_and(|output| output.truncated),
        stdout_path: path(&end.stdout).map(Text::from),
        stderr_path: path(&end.stderr).map(Text::from),
        leftover_pids: Cow::Borrowed(&end.left_running),
    }
}

/// Where a captured output is, if it is in a file whose name is text.
fn path(captured: &Captured) -> Option<&str> {
    captured.path()?.to_str()
}

/// The exit code of a process that exited, for whatever reason, or that an expression asked for.
fn exit(outcome: &Outcome) -> Option<i32> {
    match outcome {
        Outcome::Exited(code)
        | Outcome::TimedOut(Exit::Code(code))
        | Outcome::OutputLost(OutputLost {
            exit: Exit::Code(code),
            ..
        }) => Some(*code),
        Outcome::SpawnFailed(error) => error.exit,
        _ => None,
    }
}

fn killer(outcome: &Outcome) -> Option<Killer> {
    match outcome {
        Outcome::TimedOut(_) => Some(Killer::Timeout),
        Outcome::Cancelled {
            by: KilledBy::Halt, ..
        } => Some(Killer::Halt),
        Outcome::Declined
        | Outcome::Cancelled {
            by: KilledBy::User, ..
        } => Some(Killer::User),
        Outcome::Cancelled {
            by: KilledBy::Memory,
            ..
        } => Some(Killer::Memory),
        _ => None,
    }
}

fn cost(end: &AttemptEnd) -> Cost {
    let usage = &end.usage;
    let counts = usage.counts.as_ref();
    Cost {
        user_s: Some(seconds(usage.user)),
        sys_s: Some(seconds(usage.sys)),
        max_rss_bytes: usage.max_rss_bytes,
        majflt: counts.map(|counts| counts.majflt),
        nvcsw: counts.map(|counts| counts.nvcsw),
        nivcsw: counts.map(|counts| counts.nivcsw),
        in_blocks: counts.map(|counts| counts.in_blocks),
        out_blocks: counts.map(|counts| counts.out_blocks),
    }
}

/// The closing line of a run. The output of those that are `taken_back` was found lost after their ends had been told.
pub(super) fn run_end(state: &RunState, taken_back: &Ends, end: &RunEnd) -> wire::RunEnd {
    let elapsed = between(state.start.at, end.at);
    let offered = elapsed.as_secs_f64() * state.start.slots as f64;
    let used = if offered > 0.0 {
        state.busy.as_secs_f64() / offered
    } else {
        0.0
    };
    let ended = |status| state.ends.of(status).saturating_sub(taken_back.of(status));
    let counts = Counts {
        ok: ended(Status::Ok),
        fail: ended(Status::Fail),
        signal: ended(Status::Signal),
        timeout: ended(Status::Timeout),
        memory: ended(Status::Memory),
        spawn_error: ended(Status::SpawnError),
        cancelled: ended(Status::Cancelled),
        skipped: ended(Status::Skipped),
        dry: ended(Status::Dry),
        lost: ended(Status::Lost) + taken_back.total(),
        not_started: end.left.jobs,
        flaky: state.ends.flaky().saturating_sub(taken_back.flaky()),
    };
    wire::RunEnd {
        counts,
        total: (!end.left.more).then(|| state.ends.total() + end.left.jobs),
        input_left: end.left.more,
        elapsed_s: seconds(elapsed),
        slot_utilisation: (used.min(1.0) * 1e4).round() / 1e4,
        user_s: seconds(state.user),
        sys_s: seconds(state.sys),
        exit: end.exit_code.code(),
        halted_by: end.halted_by.clone(),
    }
}
