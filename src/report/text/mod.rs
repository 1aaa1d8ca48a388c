//! The jobs' own output, to standard output and standard error.
//!
//! Grouped, a job's output is shown when it has finished: first what it wrote to stdout, then what it
//! wrote to stderr. Only the last try of a job is shown, and nothing of a job that was killed by a halt
//! or by the user; both as GNU parallel. Streamed, pieces are shown as they come; in the order of the inputs
//! only one job streams at a time, the one whose turn it is.

pub mod assign;
mod color;
mod failed;
mod printer;
mod row_record;
pub mod rows;
mod stream;
pub mod tag;

use std::sync::Arc;

use self::assign::Assignments;
pub use self::failed::Failed;
use self::printer::Printer;
use self::row_record::is_left_out;
pub use self::row_record::{Around, RowsRecord};
use self::rows::{Row, Rows};
use self::stream::Streaming;
use self::tag::Decoration;
use super::joblog::Joblog;
use super::out::for_each_piece;
use super::unwritten::{Correction, Corrections, Unwritten};
use super::{Failure, Held, Out, OutputOwner, keep_order::KeepOrder};
use crate::flow::output_order::{Barrier, OutputOrder};
use crate::flow::spool::Captured;
use crate::model::{
    AttemptEnd, AttemptInfo, AttemptStart, Content, Event, Outcome, OutputPiece, Stream,
};
use crate::sys::passing;

/// When a job's output is shown.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mode {
    /// When the job has finished; what comes as a stream, as it comes.
    #[default]
    Grouped,
    /// As it comes, and without tags, as GNU parallel: `-u`.
    Ungrouped,
    /// As it comes, by whole lines: `--line-buffer`.
    LineBuffered,
    /// Never: something else carries it.
    Never,
}

impl Mode {
    /// Whether output is shown while jobs run.
    pub fn streams(self) -> bool {
        matches!(self, Self::Ungrouped | Self::LineBuffered)
    }
}

/// What is shown of a job's output where it went into files with names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Print {
    /// The output itself: there are no such files.
    #[default]
    Content,
    /// The name of the file with standard output, and this byte: `--files`.
    Paths(u8),
    /// Nothing: `--results`.
    Nothing,
}

/// What is printed besides output, and when.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Config {
    /// When output is shown.
    pub mode: Mode,
    /// `-k`: a job's output is shown when all before it have finished.
    pub in_order: bool,
    /// Whether names of files are shown instead.
    pub shows: Print,
    /// Whether it is shown though it goes into a table: `--results x.csv` with `--line-buffer`, `-u` or `--files`.
    pub beside_rows: bool,
    /// `--color`: each job has colours of its own.
    pub color: bool,
    /// `--color-failed`: failed jobs are red.
    pub color_failed: bool,
    /// `-v`: the command line on stdout, before the job's output.
    pub verbose: bool,
    /// `-t`: the command line on stderr, when an attempt starts.
    pub trace: bool,
    /// `--dry-run`: the command line instead of output.
    pub dry_run: bool,
}

impl Config {
    /// What stands around output in the rows of a table.
    pub fn around_in_rows(&self) -> Around {
        Around {
            echoed: self.dry_run || self.verbose,
            tagged: self.tags(),
        }
    }

    /// Whether command lines are shown when attempts start, on standard error or on standard output.
    pub fn echoes_starts(&self) -> bool {
        !self.dry_run && (self.trace || self.echoes_at_once())
    }

    /// Whether `-v` shows them then: where nothing is held back that belongs behind them.
    fn echoes_at_once(&self) -> bool {
        let by_lines = self.mode == Mode::LineBuffered && !self.in_order;
        let at_once = by_lines && self.shows == Print::Content;
        self.verbose && (self.mode == Mode::Ungrouped || at_once)
    }

    /// Whether lines have tags.
    fn tags(&self) -> bool {
        self.mode != Mode::Ungrouped || self.dry_run
    }

    /// Whether output without a tag is printed in the order of the inputs, as it is.
    pub fn prints_plainly_in_order(&self) -> bool {
        self.in_order
            && self.mode == Mode::Grouped
            && self.shows == Print::Content
            && !self.color
            && !self.color_failed
    }
}

/// Prints the jobs' output.
#[derive(Debug)]
pub struct Text {
    config: Config,
    /// The program's name, in front of its own words.
    program: String,
    printer: Printer,
    order: KeepOrder<Finished>,
    streaming: Streaming,
    /// Told whose output is shown, with `in_order`.
    turn: Option<Arc<OutputOrder>>,
    /// Granted when all before it has been written.
    barrier: Option<Barrier>,
    /// Where output goes as rows of a table, with all else that is known of the job.
    rows: Option<Rows>,
    /// Whether it goes into a table that is written where jobs end.
    has_rows: bool,
    /// Makes output the values of a shell's variables.
    assignments: Option<Assignments>,
    /// The joblog, where it goes to standard output: a job's line follows its output.
    joblog: Option<Joblog>,
    /// Jobs on record as done whose output has not been written yet, where that is of use.
    unwritten: Option<Unwritten>,
    /// Tells of failed jobs at once, where a display may be drawn.
    failed: Option<Failed>,
    /// Where it says how many outputs are held back, if anybody wants to know.
    held: Option<Held>,
    /// What ends the run. It may come from several jobs at once, and is told once.
    fatal: Option<String>,
}

/// A job that has finished, as far as printing is concerned.
#[derive(Debug)]
struct Finished {
    job: Arc<AttemptInfo>,
    stdout: Captured,
    stderr: Captured,
    /// Why it could not be started.
    error: Option<String>,
    /// Killed by us: nothing of it is shown.
    cancelled: bool,
    /// Never started, but shown as if it had been.
    declined: bool,
    failed: bool,
    row: Option<Row>,
    /// Its line of the joblog; empty if there is none.
    logged: Vec<u8>,
    /// What the record has to say of it instead if its output cannot be written.
    correction: Option<Correction>,
}

impl Text {
    /// Prints to `stdout` and `stderr`, for a program called `program`.
    pub fn new(stdout: Out, stderr: Out, config: Config, program: &str) -> Self {
        Self {
            config,
            program: program.to_owned(),
            printer: Printer::new(stdout, stderr),
            order: KeepOrder::new(),
            streaming: Streaming::default(),
            fatal: None,
            turn: None,
            barrier: None,
            rows: None,
            has_rows: false,
            assignments: None,
            joblog: None,
            unwritten: None,
            failed: None,
            held: None,
        }
    }

    /// Tells `turn` whose output is shown.
    #[must_use]
    pub fn with_turn(mut self, turn: Option<Arc<OutputOrder>>) -> Self {
        self.turn = turn;
        self
    }

    /// Tells of failed jobs above a display, and how many outputs are `held` back.
    #[must_use]
    pub fn with_display(mut self, failed: Option<Failed>, held: Option<Held>) -> Self {
        (self.failed, self.held) = (failed, held);
        self
    }

    /// Writes jobs as `rows` of a table, instead of printing what they wrote.
    #[must_use]
    pub fn with_rows(mut self, rows: Option<Rows>) -> Self {
        self.rows = rows;
        self
    }

    /// Leaves what they wrote to `rows`, which are written where jobs end.
    #[must_use]
    pub fn with_rows_elsewhere(mut self, rows: Option<&RowsRecord>) -> Self {
        self.has_rows = rows.is_some();
        self
    }

    /// Writes what jobs wrote as the values of a shell's variables.
    #[must_use]
    pub fn with_assignments(mut self, config: Option<assign::Config>) -> Self {
        self.assignments = config.map(Assignments::new);
        self
    }

    /// Writes the lines of `joblog` among the output.
    #[must_use]
    pub fn with_joblog(mut self, joblog: Option<Joblog>) -> Self {
        self.joblog = joblog;
        self
    }

    /// Has `corrections` made of what is on record if output cannot be written; call it last.
    #[must_use]
    pub fn with_corrections(mut self, corrections: Option<Corrections>) -> Self {
        let prints = self.config.mode != Mode::Never
            && (!self.has_rows || self.config.beside_rows)
            && self.printer.may_be_full();
        let shows_all = self.rows.is_some()
            || self.assignments.is_some()
            || self.config.verbose
            || matches!(self.config.shows, Print::Paths(_));
        self.unwritten = corrections
            .filter(|_| prints || self.rows.is_some())
            .map(|corrections| Unwritten::new(corrections, shows_all));
        self
    }

    /// Where the next output will stand in all that is written to.
    fn positions(&self) -> [u64; 3] {
        let [stdout, stderr] = self.printer.positions();
        let rows = self.rows.as_ref();
        [
            stdout,
            stderr,
            rows.map_or(0, |it| it.position_and_written().0),
        ]
    }

    /// How much of it has been written.
    fn written(&self) -> [u64; 3] {
        let [stdout, stderr] = self.printer.written();
        let rows = self.rows.as_ref();
        [
            stdout,
            stderr,
            rows.map_or(0, |it| it.position_and_written().1),
        ]
    }

    fn echoes_at_once(&self) -> bool {
        self.config.echoes_at_once()
    }

    fn started(&mut self, start: &AttemptStart) -> Result<(), Failure> {
        if !self.config.echoes_starts() {
            return Ok(());
        }
        let line = start.job.command.shown();
        if self.config.trace {
            self.printer
                .line(Stream::Stderr, &Decoration::default(), line)?;
        }
        if self.echoes_at_once() {
            let decoration = self.decoration(&start.job, false);
            self.printer.line(Stream::Stdout, &decoration, line)?;
        }
        Ok(())
    }

    fn piece(&mut self, piece: &OutputPiece, bytes: &[u8]) -> Result<(), Failure> {
        let (seq, stream) = (piece.job.seq, piece.stream);
        if self.config.mode == Mode::Never {
            return Ok(());
        }
        let decoration = self.decoration(&piece.job, false);
        if self.config.mode == Mode::Ungrouped {
            return self.printer.part(stream, &decoration, bytes, &mut true);
        }
        if self.streaming.get(seq).is_none() {
            self.streaming.begin(seq);
            if self.config.verbose && !self.echoes_at_once() {
                let line = piece.job.command.shown();
                self.printer.line(Stream::Stdout, &decoration, line)?;
            }
        }
        let Some(shown) = self.streaming.get(seq) else {
            return Ok(());
        };
        if self.config.mode == Mode::LineBuffered {
            return shown.lines(stream, bytes, &decoration, &mut self.printer);
        }
        let due = &mut shown.due[stream as usize];
        self.printer.part(stream, &decoration, bytes, due)
    }

    /// The end of an attempt that another one follows.
    fn attempt_failed(&mut self, job: &AttemptInfo) -> Result<(), Failure> {
        match self.streaming.end(job.seq) {
            Some(shown) => shown.rest(&self.plain_tag(job), &mut self.printer),
            None => Ok(()),
        }
    }

    fn finished(&mut self, end: AttemptEnd) -> Result<(), Failure> {
        self.tell_of_failure(&end)?;
        let mut logged = Vec::new();
        if let Some(joblog) = &self.joblog {
            joblog.render(&end, &mut logged);
        }
        let seq = end.job.seq;
        let cancelled = is_left_out(&end);
        let job = Finished {
            logged,
            correction: self.unwritten.as_ref().and_then(|it| it.correction(&end)),
            job: Arc::clone(&end.job),
            row: self.rows.is_some().then(|| Row::of(&end)),
            stdout: end.stdout,
            stderr: end.stderr,
            error: self.error(&end.outcome),
            cancelled,
            declined: end.outcome == Outcome::Declined,
            failed: !end.outcome.is_success(),
        };
        if self.config.mode == Mode::Never && self.rows.is_none() && self.joblog.is_none() {
            return Ok(());
        }
        if !self.config.in_order {
            return self.print_whole(job);
        }
        self.order.push(seq, job);
        while let Some(job) = self.order.pop() {
            self.print_whole(job)?;
        }
        if let Some(turn) = &self.turn {
            turn.pass_to(self.order.next());
        }
        if let Some(held) = &self.held {
            held.set(self.order.held(), self.order.next());
        }
        Ok(())
    }

    /// Says above a display that a job has failed; also how, unless all that it wrote comes right behind.
    fn tell_of_failure(&mut self, end: &AttemptEnd) -> Result<(), Failure> {
        let Some(failed) = &self.failed else {
            return Ok(());
        };
        let Config { mode, shows, .. } = self.config;
        let shows_output = mode.streams()
            || mode == Mode::Grouped
                && shows == Print::Content
                && !self.goes_into_rows()
                && self.assignments.is_none()
                && (!self.config.in_order || self.order.next() == end.job.seq);
        let Some(lines) = failed.lines(end, shows_output) else {
            return Ok(());
        };
        let stderr = self.printer.turn_to(Stream::Stderr)?;
        stderr.write(format!("{lines}\n").as_bytes())
    }

    /// Why a job could not be started, unless that was told, or was lost, with its output or whole.
    fn error(&mut self, outcome: &Outcome) -> Option<String> {
        let error = match outcome {
            Outcome::SpawnFailed(error) | Outcome::Lost(Some(error)) => error,
            Outcome::OutputLost(lost) => {
                let words = format!("{}: Error: {}", self.program, lost.why);
                return Some(passing::with_limit(words));
            }
            _ => return None,
        };
        if error.exit.is_some() {
            return None;
        }
        let words = passing::with_limit(format!("{}: Error: {}", self.program, error.why));
        if error.fatal {
            if self.fatal.as_ref() == Some(&words) {
                return None;
            }
            self.fatal = Some(words.clone());
        }
        Some(words)
    }

    /// Words of the program's own.
    fn notice(&mut self, words: &[u8], prefixed: bool) -> Result<(), Failure> {
        let plain = Decoration::default();
        if !prefixed {
            return self.printer.line(Stream::Stderr, &plain, words);
        }
        let line = [self.program.as_bytes(), b": ", words].concat();
        self.printer.line(Stream::Stderr, &plain, &line)
    }

    fn print_whole(&mut self, mut finished: Finished) -> Result<(), Failure> {
        let printed = self.print(&finished);
        if let Some(correction) = finished.correction.take() {
            let end = printed.is_ok().then(|| self.positions());
            if let Some(unwritten) = &mut self.unwritten {
                unwritten.push(correction, end);
            }
        }
        printed?;
        self.printer.mark();
        Ok(())
    }

    fn print(&mut self, finished: &Finished) -> Result<(), Failure> {
        self.print_output(finished)?;
        if finished.logged.is_empty() {
            return Ok(());
        }
        self.printer
            .turn_to(Stream::Stdout)?
            .write(&finished.logged)
    }

    fn print_output(&mut self, finished: &Finished) -> Result<(), Failure> {
        let shown = self.streaming.end(finished.job.seq);
        if finished.cancelled {
            return match shown {
                Some(shown) if self.config.mode == Mode::LineBuffered => {
                    shown.rest(&self.plain_tag(&finished.job), &mut self.printer)
                }
                _ => Ok(()),
            };
        }
        let Config {
            mode,
            verbose,
            trace,
            dry_run,
            ..
        } = self.config;
        let line = finished.job.command.shown();
        if (dry_run || finished.declined) && trace {
            self.printer
                .line(Stream::Stderr, &Decoration::default(), line)?;
        }
        self.row(finished)?;
        if self.goes_into_rows() && !self.config.beside_rows {
            return self.print_error(finished, &Decoration::default());
        }
        if self.config.shows != Print::Content && mode != Mode::Ungrouped {
            return self.paths(finished);
        }
        if mode == Mode::Grouped && self.assignments.is_some() {
            return self.assign(finished);
        }
        let decoration = self.decoration(&finished.job, finished.failed);
        if dry_run || (verbose && shown.is_none() && !self.echoes_at_once()) {
            self.printer.line(Stream::Stdout, &decoration, line)?;
        }
        if mode == Mode::LineBuffered {
            self.print_by_lines(finished, shown, &decoration)?;
        } else {
            let due = shown.map_or([true; 2], |shown| shown.due);
            for (stream, captured) in [
                (Stream::Stdout, &finished.stdout),
                (Stream::Stderr, &finished.stderr),
            ] {
                let due = due[stream as usize];
                self.printer.captured(stream, &decoration, captured, due)?;
            }
        }
        self.print_error(finished, &decoration)
    }

    /// What a job wrote before it was its turn, and what it left unfinished.
    fn print_by_lines(
        &mut self,
        finished: &Finished,
        shown: Option<stream::Shown>,
        decoration: &Decoration,
    ) -> Result<(), Failure> {
        let mut shown = shown.unwrap_or_default();
        for (stream, captured) in [
            (Stream::Stdout, &finished.stdout),
            (Stream::Stderr, &finished.stderr),
        ] {
            for_each_piece(captured, 0, |piece| {
                shown.lines(stream, piece, decoration, &mut self.printer)
            })?;
        }
        shown.rest(&self.plain_tag(&finished.job), &mut self.printer)
    }

    fn print_error(&mut self, finished: &Finished, decoration: &Decoration) -> Result<(), Failure> {
        match &finished.error {
            Some(error) => self
                .printer
                .line(Stream::Stderr, decoration, error.as_bytes()),
            None => Ok(()),
        }
    }

    /// What is shown of a job whose output went into files with names.
    fn paths(&mut self, finished: &Finished) -> Result<(), Failure> {
        // As GNU parallel, which leaves names without colours.
        let decoration = self.plain_tag(&finished.job);
        if let (Print::Paths(end), Some(path)) = (self.config.shows, finished.stdout.path()) {
            let line = [path.as_os_str().as_encoded_bytes(), &[end]].concat();
            let out = self.printer.turn_to(Stream::Stdout)?;
            let mut write = |bytes: &[u8]| out.write(bytes);
            tag::Tagger::new(&decoration).push(&line, &mut write)?;
        }
        // Where only standard output has a file, what the job has to complain of is still shown.
        if finished.stderr.path().is_none() && !self.goes_into_rows() {
            self.printer
                .captured(Stream::Stderr, &decoration, &finished.stderr, true)?;
        }
        self.print_error(finished, &decoration)
    }

    /// Assigns what a job wrote to a variable; what it complained of is shown.
    fn assign(&mut self, finished: &Finished) -> Result<(), Failure> {
        let decoration = &self.plain_tag(&finished.job);
        let (job, stdout) = (&finished.job, &finished.stdout);
        let echoed = self.config.dry_run || self.config.verbose;
        if let Some(assignments) = &mut self.assignments
            && !finished.declined
        {
            assignments.assign(job, stdout, echoed, decoration, &mut self.printer)?;
        }
        self.printer
            .captured(Stream::Stderr, decoration, &finished.stderr, true)?;
        self.print_error(finished, decoration)
    }

    /// Whether a table has what jobs write.
    fn goes_into_rows(&self) -> bool {
        self.has_rows || self.rows.is_some()
    }

    /// Writes the row of a job, if it has one.
    fn row(&mut self, finished: &Finished) -> Result<(), Failure> {
        let tag = self.plain_tag(&finished.job);
        if let (Some(rows), Some(row)) = (&mut self.rows, &finished.row) {
            let shown = rows::Shown {
                job: &finished.job,
                stdout: &finished.stdout,
                stderr: &finished.stderr,
                echoed: self.config.around_in_rows().echoed,
                tag: &tag,
            };
            rows.write(row, &shown)?;
        }
        Ok(())
    }

    /// What goes around a job's lines. `-u` has nothing, except that `--dry-run` comes first.
    fn decoration(&self, job: &AttemptInfo, failed: bool) -> Decoration {
        let plain = self.plain_tag(job);
        if self.config.mode == Mode::Ungrouped && !self.config.dry_run {
            plain
        } else if failed && self.config.color_failed {
            plain.in_color(color::of_failure())
        } else if self.config.color {
            plain.in_color(color::of_job(job.seq))
        } else if self.config.color_failed {
            plain.ending_lines()
        } else {
            plain
        }
    }

    fn plain_tag(&self, job: &AttemptInfo) -> Decoration {
        let tag = job.command.tag.as_deref();
        Decoration::tag(tag.filter(|_| self.config.tags()))
    }
}

impl OutputOwner for Text {
    fn take(&mut self, event: Event) -> Result<(), Failure> {
        match event {
            Event::AttemptStarted(start) => self.started(&start),
            Event::Output(piece) => match piece.content {
                Content::Bytes(ref bytes) => self.piece(&piece, bytes),
                Content::Barrier(barrier) => {
                    self.barrier = Some(barrier);
                    Ok(())
                }
            },
            Event::AttemptFailed(end) => self.attempt_failed(&end.job),
            Event::JobFinished(end) => self.finished(*end),
            Event::DryRun(lines) => {
                self.order.skip(lines.jobs);
                let out = self.printer.turn_to(Stream::Stdout)?;
                out.write(&lines.lines)
            }
            Event::Notice { words, prefixed } => self.notice(&words, prefixed),
            Event::RunStarted(_) => match &mut self.assignments {
                Some(assignments) => assignments.open(&mut self.printer),
                None => Ok(()),
            },
            Event::Gate(_) | Event::Resized | Event::RunEnded(_) => Ok(()),
        }
    }

    fn settle(&mut self) -> Result<(), Failure> {
        if let Some(rows) = &mut self.rows {
            rows.flush()?;
        }
        self.printer.flush()?;
        if let Some(unwritten) = &mut self.unwritten {
            unwritten.clear();
        }
        if let Some(barrier) = self.barrier.take() {
            self.printer.share_stdout();
            barrier.grant();
        }
        Ok(())
    }

    fn replacement(
        mut self: Box<Self>,
        failure: &Failure,
    ) -> Result<Option<Box<dyn OutputOwner>>, Failure> {
        let written = self.written();
        let Some(mut unwritten) = self.unwritten.take() else {
            return Ok(None);
        };
        // A reader who has had enough is no fault.
        if matches!(failure, Failure::StdoutClosed) {
            return Ok(None);
        }
        let held = self.order.drain().filter_map(|job| job.correction);
        held.for_each(|correction| unwritten.push(correction, None));
        let corrections = unwritten.correct(written, failure)?;
        Ok(Some(Box::new(corrections)))
    }

    fn wants_starts(&self) -> bool {
        self.config.echoes_starts()
    }

    fn wants_ends(&self) -> bool {
        let config = &self.config;
        let only_lines = config.mode != Mode::Never && config.shows == Print::Content;
        !(config.dry_run && only_lines)
            || config.trace
            || config.color
            || config.color_failed
            || self.rows.is_some()
            || self.has_rows
            || self.assignments.is_some()
    }

    fn finish(&mut self) -> Result<(), Failure> {
        let held: Vec<_> = self.order.drain().collect();
        let mut held = held.into_iter();
        while let Some(job) = held.next() {
            if let Err(failure) = self.print_whole(job) {
                let corrections = held.filter_map(|job| job.correction);
                if let Some(unwritten) = &mut self.unwritten {
                    corrections.for_each(|it| unwritten.push(it, None));
                }
                return Err(failure);
            }
        }
        if let Some(rows) = &mut self.rows {
            rows.flush()?;
        }
        if let Some(assignments) = &mut self.assignments {
            assignments.close(&mut self.printer)?;
        }
        self.printer.flush()
    }
}

#[cfg(test)]
mod tests;
