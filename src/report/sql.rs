//! `--sqlworker`: what became of each job, in the table that it came from.
//!
//! As in GNU parallel, what is stored of the output is what is printed: tags and, with `-v`, the command line
//! are part of it.
//!
//! The table is part of the run's record: what became of a job is handed to the database before its slot is used again.
//! To make it last takes a database as long as a short job, so several ends share that; until then no more are pending
//! than [`SqlResults::new`] says.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant, UNIX_EPOCH};

use super::out::for_each_piece;
use super::text::tag::{Decoration, Tagger};
use super::{Failure, Listener, RunState};
use crate::flow::spool::Captured;
use crate::model::{AttemptEnd, Event, Exit, Outcome};
use crate::sql::claims::Claims;
use crate::sql::{self, Finished, SqlError, Ticket};

/// So many ends may be pending where there are few slots.
const PENDING: usize = 16;

/// Writes the results of jobs, from any thread. As a listener it gives back what others can run.
#[derive(Clone, Debug)]
pub struct SqlResults {
    claims: Arc<Claims>,
    /// Held while what a job wrote is in memory: one at a time is enough.
    one: Arc<Mutex<()>>,
    /// So many ends at most are written and may yet be lost.
    pending: usize,
    /// Whether the command line stands before the output (`-v`).
    verbose: bool,
}

impl SqlResults {
    /// For the rows in `claims`; with `fsync` each end lasts before anything else happens in its slot.
    pub fn new(claims: Arc<Claims>, verbose: bool, fsync: bool) -> Self {
        Self {
            pending: if fsync {
                1
            } else {
                PENDING.max(2 * claims.slots())
            },
            claims,
            one: Arc::default(),
            verbose,
        }
    }

    /// Jobs have ended with `ends`. Those of which that cannot be written have lost their output.
    ///
    /// # Errors
    ///
    /// When not all of it can be written: others can run these jobs.
    pub fn ended(&self, ends: &mut [&mut AttemptEnd]) -> Result<(), Failure> {
        let mut first = None;
        let mut lose = |end: &mut AttemptEnd, failure: Failure| {
            end.lose_output(&failure);
            first.get_or_insert(failure);
        };
        let mut tickets = Vec::with_capacity(ends.len());
        for end in &mut *ends {
            match self.job(end) {
                Ok(ticket) => tickets.push(ticket),
                Err(failure) => {
                    tickets.push(None);
                    lose(end, failure);
                }
            }
        }
        if self.claims.commit(self.pending).is_err() {
            for (end, ticket) in ends.iter_mut().zip(tickets) {
                if let Some(why) = ticket.and_then(|ticket| self.claims.failure(ticket)) {
                    lose(end, failure(why));
                }
            }
        }
        first.map_or(Ok(()), Err)
    }

    fn job(&self, end: &AttemptEnd) -> Result<Option<Ticket>, Failure> {
        let seq = end.job.seq;
        match end.outcome {
            Outcome::DoneBefore => return Ok(None),
            // Somebody else can run it: it has done nothing that counts.
            Outcome::Cancelled { .. } => return self.claims.finish(seq, None).map_err(failure),
            _ => {}
        }
        let _one = self.one.lock().unwrap_or_else(PoisonError::into_inner);
        let size = size(&end.stdout) + size(&end.stderr);
        sql::check_size(seq, size).map_err(failure)?;
        let command = &end.job.command;
        let tag = Decoration::tag(command.tag.as_deref());
        let echo = self.verbose.then_some(&command.task.line[..]);
        let stdout = written(&end.stdout, &tag, echo)?;
        let stderr = written(&end.stderr, &tag, None)?;
        let echoed = echo.map_or(0, |line| line.len() as u64 + 1);
        let since = end.started_at().duration_since(UNIX_EPOCH);
        let finished = Finished {
            start: seconds(since.unwrap_or_default()),
            runtime: seconds(end.took()),
            sent: end.sent,
            received: end.stdout.len() + end.streamed[0] + echoed,
            exit: exit(&end.outcome),
            signal: end.outcome.signal(),
            command: &command.task.line,
            stdout: &stdout,
            stderr: &stderr,
        };
        self.claims.finish(seq, Some(&finished)).map_err(failure)
    }
}

/// As GNU parallel, which in a joblog has -1 for what ran into its time limit.
fn exit(outcome: &Outcome) -> i32 {
    match outcome {
        Outcome::TimedOut(Exit::Signal(_)) => 0,
        Outcome::TimedOut(Exit::Code(code)) => *code,
        _ => outcome.joblog_exit(),
    }
}

/// As GNU parallel: to the millisecond.
fn seconds(time: Duration) -> f64 {
    time.as_millis() as f64 / 1000.0
}

/// How many bytes `captured` takes in the table, tags aside; the name of a file counts as nothing.
fn size(captured: &Captured) -> u64 {
    match captured {
        Captured::Named { .. } => 0,
        _ => captured.len(),
    }
}

/// What is in `captured` with `tag` before each line, behind the command line `echo`; of output that is in a file
/// with a name, that.
fn written(captured: &Captured, tag: &Decoration, echo: Option<&[u8]>) -> Result<Vec<u8>, Failure> {
    if let Captured::Named { path, .. } = captured {
        return Ok(path.as_os_str().as_encoded_bytes().to_vec());
    }
    let mut bytes = Vec::with_capacity(captured.len() as usize);
    let mut tagger = Tagger::new(tag);
    let mut take = |piece: &[u8]| {
        bytes.extend_from_slice(piece);
        Ok(())
    };
    if let Some(line) = echo {
        tagger.push(line, &mut take)?;
        tagger.push(b"\n", &mut take)?;
    }
    for_each_piece(captured, 0, |piece| tagger.push(piece, &mut take))?;
    Ok(bytes)
}

pub(super) fn failure(error: SqlError) -> Failure {
    Failure::new("the database", io::Error::other(error.why))
}

impl Listener for SqlResults {
    fn event(&mut self, event: &Event, _: &RunState) -> Result<(), Failure> {
        match event {
            Event::JobFinished(end) if !end.recorded => self.job(end).map(drop),
            _ => Ok(()),
        }
    }

    fn settle(&mut self, _: Instant, _: &RunState) -> Result<(), Failure> {
        self.claims.commit(1).map_err(failure)
    }

    fn finish(&mut self, _: &RunState) -> Result<(), Failure> {
        self.claims.close().map_err(failure)
    }
}
