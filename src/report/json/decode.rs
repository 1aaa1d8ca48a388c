//! Events from the lines of the JSON stream: the opposite of what writes these.
//!
//! What a line does not have, an event has not either: of an output beyond `--json-output-limit` only the beginning, and
//! of a command that is shown in another form only the form that was run.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::flow::spool::Captured;
use crate::ledger::jsonl::Body;
use crate::ledger::jsonl::stamp::Stamp;
use crate::ledger::jsonl::text::{Text, bytes, bytes_list};
use crate::ledger::jsonl::wire::{self, Cost, Head, Killer, Status, Who};
use crate::model::{
    ArgList, AttemptEnd, AttemptInfo, AttemptStart, Command, Content, Event, Exit, ExitCode, Job,
    KilledBy, Left, Outcome, OutputLost, OutputPiece, Ran, RunEnd, RunStart, SpawnError, Stdin,
    Stream, Usage, Where,
};
use crate::report::words::signal_number;
use crate::sys::child::Counts;

/// What happened when the line with `head` and `body` was written; `None`: it is a summary of what other lines tell,
/// or nothing that this version knows.
pub fn event(head: &Head<'_>, body: Body<'_>) -> Option<Event> {
    let at = time(&head.ts);
    Some(match body {
        Body::RunStart(start) => Event::RunStarted(RunStart {
            at,
            slots: usize::try_from(start.slots).unwrap_or(usize::MAX),
            total: start.total,
        }),
        Body::JobStart(start) => Event::AttemptStarted(Box::new(AttemptStart {
            job: Arc::new(info(&start.who)),
            started_at: time(&start.started_at),
        })),
        Body::JobOutput(piece) => Event::Output(output(&piece)),
        Body::AttemptEnd(end) => Event::AttemptFailed(Box::new(attempt_end(&end))),
        Body::JobEnd(end) => Event::JobFinished(Box::new(attempt_end(&end))),
        Body::Gate(gate) => Event::Gate(gate.reason.map(|reason| reason.to_string())),
        Body::RunEnd(end) => Event::RunEnded(run_end(end, at)),
        Body::JobSlow(_) | Body::JobLost(_) | Body::Progress(_) | Body::Unknown => return None,
    })
}

fn run_end(end: wire::RunEnd, at: SystemTime) -> RunEnd {
    let halted_by = end.halted_by;
    RunEnd {
        at,
        exit_code: ExitCode::Jobs(end.exit),
        interrupted: halted_by
            .as_ref()
            .is_some_and(|by| signal_number(by).is_some()),
        halted_by,
        left: Left {
            jobs: end.counts.not_started,
            more: end.input_left,
        },
    }
}

fn output(piece: &wire::JobOutput<'_>) -> OutputPiece {
    let text = piece.text.as_deref().unwrap_or_default();
    OutputPiece {
        job: Arc::new(AttemptInfo {
            seq: piece.seq,
            attempt: piece.attempt,
            job: Arc::new(Job {
                seq: piece.seq,
                args: ArgList::new(),
                after_all: false,
                bound: None,
            }),
            command: Command::default(),
            host: None,
            at: None,
        }),
        stream: match &*piece.stream {
            "stderr" => Stream::Stderr,
            _ => Stream::Stdout,
        },
        content: Content::Bytes(bytes(text, piece.b64.as_ref()).unwrap_or_default()),
        token: None,
    }
}

fn info(who: &Who<'_>) -> AttemptInfo {
    let line = bytes(&who.command, who.command_b64.as_ref());
    let argv = who.argv.as_ref();
    AttemptInfo {
        seq: who.seq,
        attempt: who.attempt,
        job: Arc::new(Job {
            seq: who.seq,
            args: bytes_list(&who.args, who.args_b64.as_ref()).unwrap_or_default(),
            after_all: false,
            bound: None,
        }),
        command: Command::of_line(line.unwrap_or_else(|| who.command.as_bytes().to_vec())),
        host: None,
        at: who.slot.map(|slot| Where {
            slot: usize::try_from(slot).unwrap_or(usize::MAX),
            pid: who.pid,
            argv: argv.and_then(|argv| bytes_list(argv, who.argv_b64.as_ref())),
        }),
    }
}

fn attempt_end(end: &wire::JobEnd<'_>) -> AttemptEnd {
    let stdout = captured(end.stdout.as_ref(), end.stdout_b64.as_ref());
    let stderr = captured(end.stderr.as_ref(), end.stderr_b64.as_ref());
    let beyond = |bytes: Option<u64>, captured: &Captured| {
        bytes.unwrap_or_default().saturating_sub(captured.len())
    };
    AttemptEnd {
        job: Arc::new(info(&end.who)),
        attempts_max: end.attempts_max,
        queued_at: time(&end.queued_at),
        ran: end.started_at.map(|started_at| Ran {
            started_at: time(&started_at),
            took: duration(end.wall_s),
        }),
        ended_at: time(&end.ended_at),
        outcome: outcome(end),
        usage: usage(&end.cost),
        stdin: end.stdin_bytes.is_none().then(Stdin::that_never_comes),
        sent: end.stdin_bytes.unwrap_or_default(),
        streamed: [
            beyond(end.stdout_bytes, &stdout),
            beyond(end.stderr_bytes, &stderr),
        ],
        stdout,
        stderr,
        left_running: end.leftover_pids.to_vec(),
        recorded: false,
    }
}

/// How a job with this end has ended.
fn outcome(end: &wire::JobEnd<'_>) -> Outcome {
    let signal = end.signal.as_ref().and_then(|name| signal_number(name));
    let exit = match (end.exit, signal) {
        (Some(code), _) => Exit::Code(code),
        (None, Some(signal)) => Exit::Signal(signal),
        (None, None) => Exit::Code(0),
    };
    let error = end.error.as_ref().map(|why| why.to_string());
    let spawn_error = |why| SpawnError {
        exit: end.exit,
        ..SpawnError::passing(why)
    };
    match (end.status, error) {
        (Status::Ok, _) => Outcome::Exited(0),
        (Status::Fail, Some(why)) => Outcome::OutputLost(OutputLost { exit, why }),
        (Status::Fail, None) => Outcome::Exited(end.exit.unwrap_or(1)),
        (Status::Signal, _) => Outcome::Signaled(signal.unwrap_or_default()),
        (Status::Timeout, _) => Outcome::TimedOut(exit),
        (Status::SpawnError, error) => Outcome::SpawnFailed(spawn_error(error.unwrap_or_default())),
        (Status::Memory, _) => Outcome::Cancelled {
            by: KilledBy::Memory,
            signal,
        },
        (Status::Cancelled, _) => Outcome::Cancelled {
            by: match end.killed_by {
                Some(Killer::Halt) => KilledBy::Halt,
                // As version 1 has it.
                Some(Killer::Memory) => KilledBy::Memory,
                _ => KilledBy::User,
            },
            signal,
        },
        (Status::Skipped, _) if end.killed_by == Some(Killer::User) => Outcome::Declined,
        (Status::Skipped, _) => Outcome::Skipped,
        (Status::Dry, _) => Outcome::DryRun,
        (Status::Lost | Status::Unknown, error) => Outcome::Lost(error.map(SpawnError::passing)),
    }
}

fn captured(text: Option<&Text<'_>>, base64: Option<&String>) -> Captured {
    let text = text.map(|text| &**text).unwrap_or_default();
    match bytes(text, base64) {
        Some(bytes) if !bytes.is_empty() => Captured::Memory(bytes),
        _ => Captured::Empty,
    }
}

fn usage(cost: &Cost) -> Usage {
    Usage {
        user: duration(cost.user_s),
        sys: duration(cost.sys_s),
        max_rss_bytes: cost.max_rss_bytes,
        counts: cost.majflt.map(|majflt| Counts {
            majflt,
            nvcsw: cost.nvcsw.unwrap_or_default(),
            nivcsw: cost.nivcsw.unwrap_or_default(),
            in_blocks: cost.in_blocks.unwrap_or_default(),
            out_blocks: cost.out_blocks.unwrap_or_default(),
        }),
    }
}

/// The moment of a stamp, which is no moment only where the clock was not one either.
fn time(stamp: &Stamp) -> SystemTime {
    stamp.time().unwrap_or(SystemTime::UNIX_EPOCH)
}

fn duration(seconds: Option<f64>) -> Duration {
    let micros = (seconds.unwrap_or_default() * 1e6).round();
    Duration::from_micros(micros.max(0.0) as u64)
}
