//! `--json`: one JSON object a line.
//!
//! [`wire`] has the shape of the lines, [`encode`] puts jobs into it, and [`decode`] makes events of it again.

mod context;
mod decode;
mod encode;
mod output;
mod record;
mod slow;

use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use serde::Serialize;

pub use self::context::Context;
pub use self::decode::event;
use self::encode::{Key, seconds, who};
use self::output::Output;
pub use self::record::JsonRecord;
use self::slow::Slow;
use super::state::{Ends, RunState, status};
use super::{Failure, Listener, Out};
pub use crate::ledger::jsonl::schema;
use crate::ledger::jsonl::stamp::Calendar;
use crate::ledger::jsonl::text::{Text, Texts, exact, exact_list};
use crate::ledger::jsonl::wire;
use crate::model::{
    AttemptEnd, AttemptInfo, AttemptStart, Content, Event, LastWord, Outcome, OutputPiece, RunEnd,
    RunStart, Stream,
};
use crate::sys::secret::secret;

/// `--json-output-limit` unless it is given.
pub const OUTPUT_LIMIT: u64 = 64 * 1024;

/// Progress lines are at least so far apart.
const SECOND: Duration = Duration::from_secs(1);

/// How much is told; each level adds to the one before.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Detail {
    /// `run.start`, `job.end`, `run.end`.
    Results,
    /// And `progress`.
    #[default]
    Progress,
    /// And `job.start`, `attempt.end`, `gate`, `job.slow`.
    Lifecycle,
    /// And `job.output`.
    Output,
}

/// How JSON is written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Config {
    /// How much is told.
    pub detail: Detail,
    /// Of each of a job's outputs, so many bytes are in its `job.end`.
    pub output_limit: u64,
    /// Whether jobs' output is captured; if not, it is null.
    pub captures: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            detail: Detail::default(),
            output_limit: OUTPUT_LIMIT,
            captures: true,
        }
    }
}

/// Writes JSON lines.
#[derive(Debug)]
pub struct JsonLines {
    config: Config,
    context: Context,
    /// The working directory as text.
    cwd: String,
    lines: Lines,
    /// Jobs whose output was found lost after their ends had been told, by the status that was told.
    taken_back: Ends,
    slow: Option<Slow>,
    progress: Pulse,
    scratch: Vec<u8>,
    /// How the run has ended, which is told behind all else: the last output may still fail.
    ended: Option<RunEnd>,
    last_word: Arc<LastWord>,
    /// Why nothing is written any more.
    broken: Option<Failure>,
}

/// When the next progress line is due.
#[derive(Debug)]
struct Pulse {
    last: Instant,
    /// Whether anything has changed since.
    changed: bool,
}

/// Where lines go: numbered, dated, each in one piece.
#[derive(Debug)]
struct Lines {
    out: Out,
    run: String,
    n: u64,
    calendar: Calendar,
}

impl Lines {
    fn write(&mut self, kind: &'static str, body: impl Serialize) -> Result<(), Failure> {
        self.n += 1;
        let ts = self.calendar.stamp(SystemTime::now());
        let head = wire::Head {
            v: wire::VERSION,
            kind: kind.into(),
            run: self.run.as_str().into(),
            n: self.n,
            ts,
        };
        let line = wire::Line { head, body };
        let buffer = self.out.buffer();
        serde_json::to_writer(&mut *buffer, &line)
            .map_err(|error| Failure::new("the JSON stream", error.into()))?;
        buffer.push(b'\n');
        self.out.relieve()
    }
}

impl JsonLines {
    /// Writes to `out` a run that begins now.
    pub fn new(out: Out, config: Config, context: Context) -> Self {
        let run = run_id();
        Self {
            config,
            cwd: String::from_utf8_lossy(&context.cwd).into_owned(),
            context,
            lines: Lines {
                out,
                run,
                n: 0,
                calendar: Calendar::default(),
            },
            taken_back: Ends::default(),
            slow: (config.detail >= Detail::Lifecycle).then(Slow::new),
            progress: Pulse {
                last: Instant::now(),
                changed: false,
            },
            scratch: Vec::new(),
            ended: None,
            last_word: Arc::default(),
            broken: None,
        }
    }

    /// `run.end` has the exit code that `last_word` makes of it.
    #[must_use]
    pub fn with_last_word(mut self, last_word: Arc<LastWord>) -> Self {
        self.last_word = last_word;
        self
    }

    fn tells(&self, detail: Detail) -> bool {
        self.config.detail >= detail
    }

    fn run_start(&mut self, start: &RunStart) -> Result<(), Failure> {
        let context = &self.context;
        let body = wire::RunStart {
            version: context.version.as_str().into(),
            argv: Texts::Of(&context.argv),
            argv_b64: exact_list(&context.argv),
            template: Text::lossy(&context.template),
            template_b64: exact(&context.template),
            slots: start.slots as u64,
            cwd: self.cwd.as_str().into(),
            cwd_b64: exact(&context.cwd).map(Text::from),
            host: context.host.as_str().into(),
            engine: context.engine.as_str().into(),
            cores: context.cores as u64,
            total: start.total,
        };
        self.lines.write("run.start", body)
    }

    fn attempt_start(&mut self, start: &AttemptStart) -> Result<(), Failure> {
        let Some(slow) = &mut self.slow else {
            return Ok(());
        };
        slow.started(&start.job, Instant::now());
        let key = Key::new(&start.job, &self.context, &mut self.scratch);
        let who = who(&start.job, &key, &self.context, &self.cwd);
        let body = encode::job_start(start, who, &mut self.lines.calendar);
        self.lines.write("job.start", body)
    }

    fn attempt_end(&mut self, kind: &'static str, end: &AttemptEnd) -> Result<(), Failure> {
        if let Some(slow) = &mut self.slow {
            slow.ended(end.job.seq, end.took());
        }
        if end.outcome == Outcome::DoneBefore {
            // The stream has it already.
            return Ok(());
        }
        if kind != "job.end" && !self.tells(Detail::Lifecycle) {
            return Ok(());
        }
        let key = Key::new(&end.job, &self.context, &mut self.scratch);
        let limit = self.config.output_limit;
        let outputs = if self.config.captures {
            Some((
                Output::new(&end.stdout, limit)?,
                Output::new(&end.stderr, limit)?,
            ))
        } else {
            None
        };
        let who = who(&end.job, &key, &self.context, &self.cwd);
        let body = encode::job_end(end, who, &outputs, &mut self.lines.calendar);
        self.lines.write(kind, body)
    }

    /// The output of a job that was told to have ended with `was` is lost.
    fn job_lost(&mut self, job: &AttemptInfo, was: &Outcome, why: &str) -> Result<(), Failure> {
        let was = status(was);
        self.taken_back.add(was, job.attempt);
        let key = Key::new(job, &self.context, &mut self.scratch);
        let body = wire::JobLost {
            seq: job.seq,
            key: key.as_str().into(),
            command: Text::lossy(&job.command.task.line),
            command_b64: exact(&job.command.task.line),
            attempt: job.attempt,
            was,
            error: why.into(),
        };
        self.lines.write("job.lost", body)
    }

    fn output(&mut self, piece: &OutputPiece) -> Result<(), Failure> {
        let Content::Bytes(bytes) = &piece.content else {
            return Ok(());
        };
        if !self.tells(Detail::Output) {
            return Ok(());
        }
        let body = wire::JobOutput {
            seq: piece.job.seq,
            attempt: piece.job.attempt,
            stream: match piece.stream {
                Stream::Stdout => "stdout".into(),
                Stream::Stderr => "stderr".into(),
            },
            text: str::from_utf8(bytes).ok().map(Text::from),
            b64: exact(bytes),
        };
        self.lines.write("job.output", body)
    }

    fn slow_jobs(&mut self, now: Instant) -> Result<(), Failure> {
        let Some(slow) = &mut self.slow else {
            return Ok(());
        };
        if slow.deadline().is_none_or(|deadline| now < deadline) {
            return Ok(());
        }
        let median_s = seconds(slow.median().unwrap_or_default());
        for (job, wall) in slow.due(now) {
            let body = wire::JobSlow {
                seq: job.seq,
                command: Text::lossy(&job.command.task.line),
                pid: job.pid(),
                attempt: job.attempt,
                wall_s: seconds(wall),
                median_s,
            };
            self.lines.write("job.slow", body)?;
        }
        Ok(())
    }

    fn progress_deadline(&self) -> Option<Instant> {
        self.progress.changed.then(|| self.progress.last + SECOND)
    }

    fn progress(&mut self, now: Instant, state: &RunState) -> Result<(), Failure> {
        if self
            .progress_deadline()
            .is_none_or(|deadline| now < deadline)
        {
            return Ok(());
        }
        self.progress = Pulse {
            last: now,
            changed: false,
        };
        let pace = state.pace(now);
        let body = wire::Progress {
            started: state.started,
            running: state.tally.running,
            ok: state.tally.ok,
            failed: state.tally.failed,
            total: pace.total,
            eta_s: pace.eta().map(seconds),
            elapsed_s: seconds(pace.elapsed),
            rate: (pace.rate() * 1e3).round() / 1e3,
        };
        self.lines.write("progress", body)
    }

    /// The last line, where the end of the run was heard of.
    fn run_end(&mut self, state: &RunState) -> Result<(), Failure> {
        let Some(mut end) = self.ended.take() else {
            return Ok(());
        };
        end.exit_code = self.last_word.tell(end.exit_code);
        let body = encode::run_end(state, &self.taken_back, &end);
        self.lines.write("run.end", body)
    }
}

impl JsonLines {
    /// Notes whether there is anything new to tell of how far the run is.
    fn note(&mut self, event: &Event) {
        match event {
            Event::AttemptStarted(_) | Event::AttemptFailed(_) | Event::JobFinished(_) => {
                self.progress.changed = self.tells(Detail::Progress);
            }
            Event::RunEnded(_) => self.progress.changed = false,
            _ => {}
        }
    }

    fn gate(&mut self, reason: Option<&str>) -> Result<(), Failure> {
        if !self.tells(Detail::Lifecycle) {
            return Ok(());
        }
        let reason = reason.map(Text::from);
        self.lines.write("gate", wire::Gate { reason })
    }
}

impl Listener for JsonLines {
    fn event(&mut self, event: &Event, _: &RunState) -> Result<(), Failure> {
        self.note(event);
        match event {
            Event::RunStarted(start) => self.run_start(start),
            Event::AttemptStarted(start) => self.attempt_start(start),
            Event::AttemptFailed(end) => self.attempt_end("attempt.end", end),
            Event::JobFinished(end) => self.attempt_end("job.end", end),
            Event::Output(piece) => self.output(piece),
            Event::Gate(reason) => self.gate(reason.as_deref()),
            Event::RunEnded(end) => {
                self.ended = Some(end.clone());
                Ok(())
            }
            Event::DryRun(_) | Event::Notice { .. } | Event::Resized => Ok(()),
        }
    }

    fn settle(&mut self, now: Instant, state: &RunState) -> Result<(), Failure> {
        self.slow_jobs(now)?;
        self.progress(now, state)?;
        self.lines.out.flush()
    }

    fn deadline(&self) -> Option<Instant> {
        let slow = self.slow.as_ref().and_then(Slow::deadline);
        self.progress_deadline().into_iter().chain(slow).min()
    }

    fn wants_starts(&self) -> bool {
        self.tells(Detail::Progress)
    }

    fn finish(&mut self, state: &RunState) -> Result<(), Failure> {
        self.run_end(state)?;
        self.lines.out.flush()
    }
}

/// The id of a run: a UUID of version 7, so that ids sort by the time at which runs begin.
fn run_id() -> String {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH);
    let millis = since_epoch.unwrap_or_default().as_millis();
    // A kernel that gives no random bytes is no reason not to run.
    let random = secret().unwrap_or_else(|_| fastrand::u128(..).to_ne_bytes());
    let mut bytes = [0; 10];
    bytes.copy_from_slice(&random[..10]);
    uuid::Builder::from_unix_timestamp_millis(millis as u64, &bytes)
        .into_uuid()
        .to_string()
}

#[cfg(test)]
mod tests;
