//! The jobs' own output, to standard output and standard error.
//!
//! Grouped, a job's output is shown when it has finished: first what it wrote to stdout, then what it
//! wrote to stderr. Only the last try of a job is shown, and nothing of a job that was killed by a halt
//! or by the user; both as GNU parallel. Streamed, pieces are shown as they come.

mod printer;
mod stream;
pub mod tag;

use std::mem;
use std::sync::Arc;
use std::time::Instant;

use self::printer::Printer;
use self::stream::Lines;
use super::{Failure, Out, Sink, keep_order::KeepOrder};
use crate::model::{AttemptEnd, AttemptStart, Event, JobIdentity, Outcome, OutputPiece, Stream};
use crate::sys::spool::Captured;

/// When a job's output is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// When the job has finished.
    #[default]
    Grouped,
    /// When the job and all before it have finished: `-k`.
    KeepOrder,
    /// As it comes, and without tags, as GNU parallel: `-u`.
    Ungrouped,
    /// As it comes, by whole lines: `--line-buffer`.
    LineBuffered,
    /// Never: something else carries it.
    Never,
}

/// What is printed besides output, and when.
#[derive(Clone, Copy, Debug, Default)]
pub struct Config {
    /// When output is shown.
    pub mode: Mode,
    /// `-v`: the command line on stdout, before the job's output.
    pub verbose: bool,
    /// `-t`: the command line on stderr, when an attempt starts.
    pub trace: bool,
    /// `--dry-run`: the command line instead of output.
    pub dry_run: bool,
}

/// Prints the jobs' output.
#[derive(Debug)]
pub struct Text {
    config: Config,
    /// The program's name, in front of its own words.
    program: String,
    printer: Printer,
    order: KeepOrder<Finished>,
    lines: Lines,
}

/// A job that has finished, as far as printing is concerned.
#[derive(Debug)]
struct Finished {
    job: Arc<JobIdentity>,
    stdout: Captured,
    stderr: Captured,
    /// Why it could not be started.
    error: Option<String>,
    /// Killed by us: nothing of it is shown.
    cancelled: bool,
}

impl Text {
    /// Prints to `stdout` and `stderr`, for a program called `program`.
    pub fn new(stdout: Out, stderr: Out, mut config: Config, program: &str) -> Self {
        // The jobs of a dry run end in their order anyway.
        if config.dry_run && config.mode == Mode::KeepOrder {
            config.mode = Mode::Grouped;
        }
        Self {
            config,
            program: program.to_owned(),
            printer: Printer::new(stdout, stderr),
            order: KeepOrder::new(),
            lines: Lines::default(),
        }
    }

    fn streams(&self) -> bool {
        matches!(self.config.mode, Mode::Ungrouped | Mode::LineBuffered)
    }

    /// Whether command lines are shown when attempts start, not when jobs finish.
    fn echoes_starts(&self) -> bool {
        !self.config.dry_run && (self.config.trace || (self.config.verbose && self.streams()))
    }

    fn started(&mut self, start: &AttemptStart) -> Result<(), Failure> {
        if !self.echoes_starts() {
            return Ok(());
        }
        let line = &start.job.command.line;
        if self.config.trace {
            self.printer.line(Stream::Stderr, None, line)?;
        }
        if self.config.verbose && self.streams() {
            let tag = self.tag(&start.job);
            self.printer.line(Stream::Stdout, tag, line)?;
        }
        Ok(())
    }

    fn piece(&mut self, piece: &OutputPiece) -> Result<(), Failure> {
        match self.config.mode {
            Mode::Never => Ok(()),
            Mode::LineBuffered => self.lines.piece(piece, &mut self.printer),
            _ => self
                .printer
                .bytes(piece.stream, self.tag(&piece.job), &piece.bytes),
        }
    }

    fn finished(&mut self, end: &mut AttemptEnd) -> Result<(), Failure> {
        self.lines.end(&end.job, &mut self.printer)?;
        let job = Finished {
            job: Arc::clone(&end.job),
            stdout: mem::take(&mut end.stdout),
            stderr: mem::take(&mut end.stderr),
            error: match &end.outcome {
                Outcome::SpawnFailed(error) => {
                    Some(format!("{}: Error: {}", self.program, error.why))
                }
                _ => None,
            },
            cancelled: match end.outcome {
                Outcome::Cancelled { .. } | Outcome::DoneBefore => true,
                // As GNU parallel, which shows what was skipped only when it runs nothing.
                Outcome::Skipped => !self.config.dry_run,
                _ => false,
            },
        };
        match self.config.mode {
            Mode::Never => return Ok(()),
            Mode::KeepOrder => {}
            _ => return self.print(&job),
        }
        self.order.push(end.job.seq, job);
        while let Some(job) = self.order.pop() {
            self.print(&job)?;
        }
        Ok(())
    }

    /// Words of the program's own.
    fn notice(&mut self, words: &[u8], prefixed: bool) -> Result<(), Failure> {
        if !prefixed {
            return self.printer.line(Stream::Stderr, None, words);
        }
        let line = [self.program.as_bytes(), b": ", words].concat();
        self.printer.line(Stream::Stderr, None, &line)
    }

    fn print(&mut self, finished: &Finished) -> Result<(), Failure> {
        if finished.cancelled {
            return Ok(());
        }
        let Config {
            verbose,
            trace,
            dry_run,
            ..
        } = self.config;
        let line = &finished.job.command.line;
        let tag = self.tag(&finished.job);
        if dry_run && trace {
            self.printer.line(Stream::Stderr, None, line)?;
        }
        if dry_run || (verbose && !self.streams()) {
            self.printer.line(Stream::Stdout, tag, line)?;
        }
        self.printer
            .captured(Stream::Stdout, tag, &finished.stdout)?;
        self.printer
            .captured(Stream::Stderr, tag, &finished.stderr)?;
        match &finished.error {
            Some(error) => self.printer.line(Stream::Stderr, tag, error.as_bytes()),
            None => Ok(()),
        }
    }

    /// The tag of a job's lines. `-u` has none, except that `--dry-run` comes first.
    fn tag<'a>(&self, job: &'a JobIdentity) -> Option<&'a [u8]> {
        match self.config {
            Config {
                mode: Mode::Ungrouped,
                dry_run: false,
                ..
            } => None,
            _ => job.command.tag.as_deref(),
        }
    }
}

impl Sink for Text {
    fn event(&mut self, event: &mut Event) -> Result<(), Failure> {
        match event {
            Event::AttemptStarted(start) => self.started(start),
            Event::Output(piece) => self.piece(piece),
            Event::AttemptFailed(end) => self.lines.end(&end.job, &mut self.printer),
            Event::JobFinished(end) => self.finished(end),
            Event::Rehearsed(rehearsal) => {
                self.printer.bytes(Stream::Stdout, None, &rehearsal.lines)
            }
            Event::Notice { words, prefixed } => self.notice(words, *prefixed),
            Event::RunStarted(_) | Event::Gate(_) | Event::RunEnded(_) => Ok(()),
        }
    }

    fn settle(&mut self, _: Instant) -> Result<(), Failure> {
        self.printer.flush()
    }

    fn wants_starts(&self) -> bool {
        self.echoes_starts()
    }

    fn wants_ends(&self) -> bool {
        !self.config.dry_run || self.config.trace
    }

    fn finish(&mut self) -> Result<(), Failure> {
        for job in self.order.drain().collect::<Vec<_>>() {
            self.print(&job)?;
        }
        self.printer.flush()
    }
}

#[cfg(test)]
mod tests;
