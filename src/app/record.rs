//! The record of a run: what tells a later run which jobs are done.
//!
//! It is written where jobs end, before their slots are used again, by whichever thread knows that it was a job's
//! end: the worker, or the controller where it had to decide. So it lags behind neither the reports nor the output,
//! and has the order in which jobs end, but for the first quick ones ([`RecordOrder`]). What is no file is written by the reports instead: a reader can keep those
//! waiting, but no slot.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use anyhow::Context as _;

use super::Messages;
use super::durable::Durable;
use super::record_files::{RecordFiles, Wanted};
use super::record_order::RecordOrder;
use crate::engine::Record;
use crate::flow::mailbox::Urgency;
use crate::flow::spool::finish_result;
use crate::model::{AttemptEnd, AttemptStart, Outcome, OutputPiece, RunStart};
use crate::plan::{JoblogBegin, JoblogPlan};
use crate::report::joblog::{self, Joblog};
use crate::report::json::JsonRecord;
use crate::report::sql::SqlResults;
use crate::report::text::RowsRecord;
use crate::report::{Failure, Out};
use crate::run::Message;
use crate::run::retry::Retry;

/// Hears that something cannot be written.
pub(super) type OnFailure = Arc<dyn Fn(Failure) + Send + Sync>;

/// Writes the record.
pub(super) struct Recorder {
    retry: Retry,
    on_failure: OnFailure,
    /// Whether that has been told.
    failed: AtomicBool,
    order: RecordOrder,
    /// Whether the files of `--results` are marked as complete.
    pub(super) results: bool,
    /// With `--fsync`: files that are written.
    durable: Option<Vec<Durable>>,
    /// `--json=FILE`.
    pub(super) json: Option<JsonRecord>,
    /// `--joblog`.
    pub(super) joblog: Option<Joblog>,
    /// `--results FILE.csv` and its kin.
    pub(super) rows: Option<RowsRecord>,
    /// The table that the jobs come from.
    pub(super) table: Option<SqlResults>,
}

impl Recorder {
    /// One that writes nothing yet, of jobs that are tried again as `retry` says; with `fsync` each of their ends is
    /// on the disk before anything else happens in its slot.
    pub(super) fn new(retry: Retry, fsync: bool, on_failure: OnFailure) -> Self {
        Self {
            retry,
            on_failure,
            failed: AtomicBool::new(false),
            order: RecordOrder::default(),
            results: false,
            durable: fsync.then(Vec::new),
            json: None,
            joblog: None,
            rows: None,
            table: None,
        }
    }

    /// `file`, which errors call `name`, is written from now on.
    pub(super) fn writes(&mut self, name: &str, file: File) {
        if let Some(durable) = &mut self.durable {
            durable.push(Durable::new(name.to_owned(), file));
        }
    }

    /// Whether anything is recorded.
    pub(super) fn is_wanted(&self) -> bool {
        let tables = self.rows.is_some() || self.table.is_some();
        self.results || tables || self.json.is_some() || self.joblog.is_some()
    }

    /// Writes the ends of jobs everywhere: what they wrote first, which may change how they ended, and into the joblog
    /// last: it alone decides where there is one. After an error it goes on: what can be written of later ends is.
    fn write(&self, ends: &mut [&mut AttemptEnd], untold: bool) -> bool {
        if ends.is_empty() {
            return true;
        }
        let rows = self.rows.as_ref().map_or(Ok(()), |rows| rows.ended(ends));
        let rows = self.check(rows);
        let table = self
            .table
            .as_ref()
            .map_or(Ok(()), |table| table.ended(ends));
        let table = self.check(table);
        let ends = || ends.iter().map(|end| &**end);
        let fsync = self.durable.is_some();
        let marked = !self.results || self.check(ends().try_for_each(|end| mark(end, fsync)));
        let told = self.tell(|json| json.ended(ends(), untold));
        let log = self.joblog.as_ref();
        let logged = self.check(log.map_or(Ok(()), |log| log.log(ends())));
        let mut files = self.durable.iter().flatten();
        let synced = self.check(files.try_for_each(Durable::sync));
        rows && table && marked && told && logged && synced
    }

    /// Has something written to the JSON file, if there is one.
    fn tell(&self, write: impl FnOnce(&JsonRecord) -> Result<(), Failure>) -> bool {
        self.json
            .as_ref()
            .is_none_or(|json| self.check(write(json)))
    }

    /// Tells of the first failure; false: there is one.
    fn check(&self, written: Result<(), Failure>) -> bool {
        let Err(failure) = written else { return true };
        if !self.failed.swap(true, Ordering::Relaxed) {
            (self.on_failure)(failure);
        }
        false
    }
}

/// Marks the files of a job that has run to an end of its own as complete; with `fsync`, when they are on the disk.
fn mark(end: &AttemptEnd, fsync: bool) -> Result<(), Failure> {
    let ran = matches!(
        end.outcome,
        Outcome::Exited(_) | Outcome::Signaled(_) | Outcome::TimedOut(_)
    );
    match &end.job.command.results {
        Some(prefix) if ran => finish_result(prefix, end.job.seq, fsync).map_err(|error| {
            let name = format!("--results {}", String::from_utf8_lossy(prefix));
            Failure::new(name, error)
        }),
        _ => Ok(()),
    }
}

impl Record for Recorder {
    fn began(&self, start: &RunStart) {
        self.tell(|json| json.began(start));
    }

    fn started(&self, start: &AttemptStart) {
        self.tell(|json| json.started(start));
    }

    fn wrote(&self, piece: &OutputPiece) {
        self.tell(|json| json.wrote(piece));
    }

    fn ended(&self, ends: &mut [Box<AttemptEnd>], untold: bool) -> bool {
        for end in &mut *ends {
            end.recorded = self.retry.is_surely_last(end);
        }
        if untold {
            for end in ends.iter().filter(|end| !end.recorded) {
                self.started(&AttemptStart::of(end));
            }
        }
        let ends = ends.iter_mut().map(|end| &mut **end);
        let mut last: Vec<_> = ends.filter(|end| end.recorded).collect();
        let Some(first) = last.first() else {
            return true;
        };
        self.order.wait(first.job.seq, first.took());
        let written = self.write(&mut last, untold);
        for end in &last {
            self.order.wrote(end.job.seq);
        }
        written
    }

    fn failed(&self, end: &AttemptEnd) {
        self.tell(|json| json.failed(end));
    }

    fn decided(&self, end: &mut AttemptEnd) {
        end.recorded = !matches!(end.outcome, Outcome::Cancelled { .. });
        if end.recorded {
            self.write(&mut [&mut *end], false);
            self.order.wrote(end.job.seq);
        }
    }
}

/// Opens the joblog; returns its file, too, if it is one.
pub(super) fn open_joblog(
    plan: &JoblogPlan,
    verbose: bool,
    files: &mut RecordFiles,
    mailbox: &Messages,
) -> anyhow::Result<(Joblog, Option<File>)> {
    let wanted = Wanted::joblog(plan);
    let (file, goes_on) = open_record(&wanted, files, joblog::end_of_lines, mailbox)?;
    let out = Out::file(file, wanted.name);
    let file = out.same_file();
    let log = Joblog::new(out, verbose);
    let begin = plan.begin;
    if begin == JoblogBegin::New || (begin == JoblogBegin::Continue && !goes_on) {
        log.write_header()?;
    }
    Ok((log, file))
}

/// Takes the file that is `wanted` out of `files`, to append records, after those that are there if it goes on; tells
/// whether there are any. A last one without an end (`end` says where the last whole one ends) is cut off, and the
/// user told.
pub(super) fn open_record(
    wanted: &Wanted,
    files: &mut RecordFiles,
    end: impl FnOnce(&File) -> io::Result<u64>,
    mailbox: &Messages,
) -> anyhow::Result<(File, bool)> {
    let file = files.take(wanted)?;
    if !wanted.appends() {
        return Ok((file, false));
    }
    let name = &wanted.name;
    let mended = joblog::mend(wanted.path(), &file, end);
    let mended = mended.with_context(|| format!("cannot write to {name}"))?;
    if mended.was_torn {
        let words = format!("Warning: the last line of {name} has no end: it is cut off");
        mailbox.post([Message::Remark(words)], Urgency::Now);
    }
    Ok((file, mended.goes_on))
}
