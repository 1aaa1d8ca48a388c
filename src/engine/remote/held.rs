//! An attempt that was sent to a worker, until it is answered.

use std::io;
use std::sync::Arc;
use std::time::{Instant, SystemTime};

use super::config::Config;
use super::keep::{self, Keep};
use crate::engine::{Attempt, ended};
use crate::exec::capture::Capture;
use crate::flow::spool::Captured;
use crate::model::{
    AttemptEnd, AttemptInfo, AttemptStart, Command, Outcome, Ran, SpawnError, Stdin, Stream, Where,
};
use crate::protocol::End;
use crate::protocol::told::Started;

/// An attempt at the worker.
#[derive(Debug)]
pub(super) struct Held {
    pub(super) attempt: Attempt,
    /// Its command, until it is known where it runs.
    command: Command,
    /// What its events share, once somebody has been told of it; and when it started, by both clocks.
    shown: Option<(Arc<AttemptInfo>, SystemTime, Instant)>,
    /// The worker was about to execute it.
    pub(super) begun: bool,
    /// Some of its input, which comes once only, has been taken.
    pub(super) fed: bool,
    /// Its input turned out to be shorter than it should be.
    pub(super) short: bool,
    /// The host of the worker.
    host: Option<Arc<str>>,
    /// The slot that it was rendered for.
    pub(super) slot: Option<usize>,
    kept: Option<Keep>,
    /// Why its output is lost.
    lost: Option<io::Error>,
    /// How much of its outputs was handed on.
    pub(super) streamed: [u64; 2],
}

impl Held {
    pub(super) fn new(
        attempt: Attempt,
        command: Command,
        host: Option<Arc<str>>,
        slot: Option<usize>,
    ) -> Self {
        Self {
            attempt,
            command,
            shown: None,
            begun: false,
            fed: false,
            short: false,
            host,
            slot,
            kept: None,
            lost: None,
            streamed: [0; 2],
        }
    }

    /// What its events share, for whoever has not been told where it runs.
    fn info(&mut self, at: Option<Where>) -> Arc<AttemptInfo> {
        let command = std::mem::take(&mut self.command);
        self.attempt.info_at(self.host.clone(), command, at)
    }

    /// It has started.
    pub(super) fn started(&mut self, started: Started) -> AttemptStart {
        let at = Where {
            slot: started.slot,
            pid: started.pid,
            argv: started.argv,
        };
        let job = self.info(Some(at));
        self.shown = Some((Arc::clone(&job), started.at, Instant::now()));
        AttemptStart {
            job,
            started_at: started.at,
        }
    }

    /// What others know of it, if it has started.
    pub(super) fn shown(&self) -> Option<&Arc<AttemptInfo>> {
        Some(&self.shown.as_ref()?.0)
    }

    /// What is told of it in a list of what runs.
    pub(super) fn listed(&self, started: Started) -> Arc<AttemptInfo> {
        if let Some(shown) = self.shown() {
            return Arc::clone(shown);
        }
        let at = Where {
            slot: started.slot,
            pid: started.pid,
            argv: started.argv,
        };
        let command = self.command.clone();
        self.attempt.info_at(self.host.clone(), command, Some(at))
    }

    /// Keeps a piece of what it has written.
    pub(super) fn keep(&mut self, config: &Config, stream: Stream, bytes: &[u8]) {
        if self.lost.is_some() {
            return;
        }
        if self.kept.is_none() {
            let command = self
                .shown
                .as_ref()
                .map_or(&self.command, |it| &it.0.command);
            match Keep::new(&config.capture, config.codec.as_ref(), command) {
                Ok(kept) => self.kept = kept,
                Err(error) => self.lost = Some(error),
            }
        }
        if let Some(kept) = &mut self.kept {
            kept.write(stream, bytes);
        }
    }

    /// It has ended.
    pub(super) fn ended(mut self, config: &Config, end: End) -> Box<AttemptEnd> {
        let output = self.output(config, &end.outputs);
        let at = end.slot.map(|slot| Where {
            slot,
            pid: end.pid,
            argv: end.argv,
        });
        let info = match self.shown.take() {
            Some((info, ..)) => info,
            None => self.info(at),
        };
        let mut it = ended(&self.attempt, info, end.outcome);
        it.ran = end.ran;
        it.ended_at = end.ended_at;
        it.usage = end.usage;
        it.sent = end.sent;
        it.streamed = end.streamed;
        it.left_running = end.left_running;
        match output {
            Ok(outputs) => [it.stdout, it.stderr] = outputs,
            Err(error) => it.lose_output(&error),
        }
        if self.short && it.outcome.is_success() {
            it.outcome = Outcome::Lost(Some(SpawnError::passing(format!(
                "the input file has become shorter meanwhile: job {} got less than its part",
                it.job.seq
            ))));
        }
        let no_share = it.stdin.as_ref().is_some_and(Stdin::never_comes);
        if it.outcome.is_success() && !no_share {
            it.stdin = None;
        }
        abandon(&self.attempt);
        it
    }

    fn output(&mut self, config: &Config, rest: &[Vec<u8>; 2]) -> io::Result<[Captured; 2]> {
        let came_whole = self.kept.is_none() && self.lost.is_none() && config.codec.is_none();
        if let (true, Capture::Spool(dir) | Capture::InTurn { dir, .. }) =
            (came_whole, &config.capture)
        {
            return keep::whole(dir, rest);
        }
        self.keep(config, Stream::Stdout, &rest[0]);
        self.keep(config, Stream::Stderr, &rest[1]);
        match (self.lost.take(), self.kept.take()) {
            (Some(error), _) => Err(error),
            (None, Some(kept)) => kept.finish(),
            (None, None) => Ok([Captured::Empty, Captured::Empty]),
        }
    }

    /// The worker is gone, for this reason, and nobody knows what became of it.
    pub(super) fn lost(mut self, why: &str) -> Box<AttemptEnd> {
        let (info, ran) = match self.shown.take() {
            Some((info, started_at, since)) => {
                let took = since.elapsed();
                (info, Some(Ran { started_at, took }))
            }
            None => (self.info(None), None),
        };
        let words = format!("job {} may have run, and is lost: {why}", info.seq);
        let outcome = Outcome::Lost(Some(SpawnError::passing(words)));
        let mut end = ended(&self.attempt, info, outcome);
        end.ran = ran;
        end.streamed = self.streamed;
        abandon(&self.attempt);
        end
    }

    /// Whether nobody can have executed it, and it can be fed again.
    pub(super) fn can_be_returned(&self) -> bool {
        !self.begun && !self.fed
    }
}

/// Nobody waits for an attempt that is over to read its input.
pub(super) fn abandon(attempt: &Attempt) {
    if let Some(stdin) = &attempt.work.stdin {
        stdin.abandon();
    }
}
