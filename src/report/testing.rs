//! Made-up events and files for the tests of the sinks.

use std::fs::File;
use std::io::{Read, Seek, Write};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::{Listener, Out, RunState};
use crate::flow::spool::Captured;
use crate::model::{
    ArgList, AttemptEnd, AttemptInfo, AttemptStart, Command, Event, Job, Outcome, Ran, RunEnd,
    RunStart, Usage, Where,
};

/// An output, and the file to read what was written from.
pub(super) fn out() -> (Out, File) {
    let file = tempfile::tempfile().unwrap();
    (Out::file(file.try_clone().unwrap(), "a test"), file)
}

pub(super) fn written(mut file: File) -> Vec<u8> {
    let mut bytes = Vec::new();
    file.rewind().unwrap();
    file.read_to_end(&mut bytes).unwrap();
    bytes
}

/// `bytes` as they are when they were spooled to disk.
pub(super) fn spooled(bytes: &[u8]) -> Captured {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(bytes).unwrap();
    Captured::File {
        file: Arc::new(file),
        len: bytes.len() as u64,
        permit: None,
    }
}

/// A moment, in seconds since the run began.
pub(super) fn at(seconds: f64) -> SystemTime {
    UNIX_EPOCH + Duration::from_secs(1_700_000_000) + Duration::from_secs_f64(seconds)
}

pub(super) fn identity(seq: u64, command: &str) -> AttemptInfo {
    AttemptInfo {
        seq,
        job: Arc::new(Job {
            seq,
            args: ArgList::single(command.into()),
            after_all: false,
            bound: None,
        }),
        command: Command::of_line(command.into()),
        host: None,
        at: Some(Where {
            slot: 1,
            pid: Some(100),
            argv: None,
        }),
        attempt: 1,
    }
}

pub(super) fn ended(seq: u64, command: &str, outcome: Outcome) -> AttemptEnd {
    AttemptEnd {
        job: Arc::new(identity(seq, command)),
        attempts_max: Some(1),
        queued_at: at(0.0),
        ran: Some(Ran {
            started_at: at(0.25),
            took: Duration::from_millis(1250),
        }),
        ended_at: at(1.5),
        outcome,
        usage: Usage::default(),
        stdin: None,
        sent: 0,
        stdout: Captured::Empty,
        stderr: Captured::Empty,
        streamed: [0; 2],
        left_running: Vec::new(),
        recorded: false,
    }
}

/// A job that ended well with these outputs.
pub(super) fn ok(seq: u64, stdout: &str, stderr: &str) -> AttemptEnd {
    AttemptEnd {
        stdout: Captured::Memory(stdout.into()),
        stderr: Captured::Memory(stderr.into()),
        ..ended(seq, &format!("echo {seq}"), Outcome::Exited(0))
    }
}

pub(super) fn with_tag(mut end: AttemptEnd, tag: &str) -> AttemptEnd {
    Arc::get_mut(&mut end.job).unwrap().command.tag = Some(tag.into());
    end
}

pub(super) fn never_started(mut end: AttemptEnd) -> AttemptEnd {
    Arc::get_mut(&mut end.job).unwrap().at = None;
    end.ran = None;
    end
}

pub(super) fn finished(end: AttemptEnd) -> Event {
    Event::JobFinished(Box::new(end))
}

pub(super) fn started(seq: u64, command: &str) -> Event {
    let job = Arc::new(identity(seq, command));
    Event::AttemptStarted(Box::new(AttemptStart {
        job,
        started_at: at(0.25),
    }))
}

pub(super) fn run_started(total: Option<u64>) -> Event {
    Event::RunStarted(RunStart {
        at: at(0.0),
        slots: 2,
        total,
    })
}

pub(super) fn run_ended() -> Event {
    Event::RunEnded(RunEnd {
        at: at(10.0),
        exit_code: crate::model::ExitCode::Jobs(1),
        halted_by: None,
        interrupted: false,
        left: crate::model::Left::default(),
    })
}

/// Shows all of a run's `events` to `listener`.
pub(super) fn listen(listener: &mut dyn Listener, events: Vec<Event>) {
    let mut state = RunState::default();
    for event in events {
        state.event(&event);
        listener.event(&event, &state).unwrap();
    }
    listener.finish(&state).unwrap();
}
