//! The report thread, who listens to it, and the way to it.

use std::fs::File;
use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError};

use super::record::{OnFailure, Recorder, open_joblog, open_record};
use super::record_files::{RecordFiles, Wanted};
use super::{EngineParts, Messages};
use crate::engine::Record;
use crate::flow::mailbox::Urgency;
use crate::flow::spool::Captured;
use crate::ledger::key::NO_STDIN;
use crate::model::{Event, ExitCode, LastWord};
use crate::plan::{JsonPlan, JsonTarget, ReportPlan, RowsPlan};
use crate::reduce::Reducer;
use crate::report::joblog::{Joblog, end_of_lines};
use crate::report::merge_outputs::{Merge, OutputMerger};
use crate::report::near_order::NearOrder;
use crate::report::start_order::StartOrder;
use crate::report::unwritten::{Corrections, Records};
use crate::report::{
    Failure, Listener, Out, OutputOwner, Reporter, Screen, json, progress, sql, summary, text,
};
use crate::run::retry::Retry;
use crate::run::{Message, Observer};
use crate::sys::helper;
use crate::sys::passing;
use crate::sys::signals::{self, Caught, Signal};
use crate::sys::stderr;
use crate::sys::threads;

/// The report thread and the way to it.
pub struct Reports {
    link: Link,
    /// Closed when the thread is at its end.
    over: Receiver<()>,
    /// What becomes of the exit code when a report fails.
    pub last_word: Arc<LastWord>,
    /// Where the ends of jobs are recorded at once, if anywhere.
    pub record: Option<Arc<dyn Record>>,
    /// Whether it wants to know when an attempt starts.
    pub wants_starts: bool,
    /// Whether it wants to know how each job of a dry run ended.
    pub wants_ends: bool,
}

/// Opens all reports and the record, whose `files` are open if they were there, of a run whose jobs are tried again as `retry` says, and catches the signals from
/// now on. Reports and signals have a thread each, which start with the first event: the first jobs are on their way
/// by then.
///
/// # Errors
///
/// When a file cannot be opened or a signal cannot be caught.
pub fn start_reports(
    plan: ReportPlan,
    engine: &EngineParts,
    files: RecordFiles,
    retry: &Retry,
    mailbox: &Messages,
) -> anyhow::Result<Reports> {
    let caught = signals::catch().context("cannot listen to signals")?;
    let program = plan.program.clone();
    let limit = if plan.one_at_a_time { 0 } else { LONG };
    std::io::stdout()
        .write_all(plan.preface.as_bytes())
        .context("cannot write to standard output")?;
    // With -k the text is in order, and what is streamed comes as it comes.
    let by_ends = !plan.one_at_a_time && !plan.text.in_order && !plan.text.mode.streams();
    let near_order = by_ends.then(NearOrder::default);
    let by_starts = !plan.one_at_a_time && plan.text.echoes_starts();
    let start_order = by_starts.then(StartOrder::default);
    let messages = Arc::clone(mailbox);
    let first = OnceLock::new();
    let last_word = Arc::<LastWord>::default();
    let overruled = Arc::clone(&last_word);
    let on_failure: OnFailure = Arc::new(move |failure: Failure| {
        let message = match failure {
            Failure::StdoutClosed => {
                overruled.failed(ExitCode::BrokenPipe);
                Message::StdoutClosed
            }
            failure => {
                overruled.failed(ExitCode::Error);
                let words = passing::with_limit(failure.to_string());
                // A file may be written to both from here and where jobs end.
                if first.set(words.clone()).is_ok() || first.get() != Some(&words) {
                    // Said right here: what cannot be written may be what would say it.
                    stderr::say(&format!("{program}: Error: {words}"));
                }
                Message::ReportFailed(words)
            }
        };
        messages.post([message], Urgency::Now);
    });
    let mut recorder = Recorder::new(retry.clone(), plan.fsync, Arc::clone(&on_failure));
    recorder.results = engine.keeps_results();
    let (listeners, owner) = listeners(plan, engine, files, mailbox, &mut recorder, &last_word)?;
    let on_failure = Box::new(move |failure| on_failure(failure));
    let reporter = Reporter::new(listeners, owner, on_failure);
    let wants_starts = reporter.wants_starts();
    let wants_ends = reporter.wants_ends() || recorder.is_wanted();
    let backlog = Arc::new(Backlog::new(limit, mailbox));
    let (events, inbox) = crossbeam_channel::unbounded();
    let (ending, over) = crossbeam_channel::bounded(0);
    let last = Arc::clone(mailbox);
    let seen = Arc::clone(&backlog);
    let claims = engine.claims.clone();
    let report = move || {
        let _ending = Ending(Some(ending), last);
        reporter.run(&inbox, |count| seen.reported(count));
        if let Some(claims) = claims {
            // After an error, rows are still taken. Others can have them, if the database can be written at all; if
            // not, the next worker on this machine sees that this one is gone.
            let _ = claims.close();
        }
    };
    let threads = Threads::Planned {
        caught,
        report: Box::new(report),
    };
    Ok(Reports {
        link: Link {
            events,
            start_order,
            near_order,
            backlog,
            threads,
        },
        over,
        last_word,
        record: recorder
            .is_wanted()
            .then(|| Arc::new(recorder) as Arc<dyn Record>),
        wants_starts,
        wants_ends,
    })
}

/// Who hears of events: all that listen, in their order, and the owner of what jobs write.
type Audience = (Vec<Box<dyn Listener>>, Box<dyn OutputOwner>);

/// Opens all reports. What is no listener but a record of how jobs ended
/// becomes part of `recorder`.
fn listeners(
    mut plan: ReportPlan,
    engine: &EngineParts,
    mut files: RecordFiles,
    mailbox: &Messages,
    recorder: &mut Recorder,
    last_word: &Arc<LastWord>,
) -> anyhow::Result<Audience> {
    let screen = Screen::new();
    let mut records = Records {
        table: engine.claims.clone(),
        ..Records::default()
    };
    let mut listeners: Vec<Box<dyn Listener>> = Vec::new();
    if let Some(json) = plan.json.take() {
        let (lines, file) = json_lines(json, engine, &mut files, mailbox)?;
        let lines = lines.with_last_word(Arc::clone(last_word));
        let lines = json::JsonRecord::new(lines, file.is_some());
        records.json = Some(lines.clone());
        if let Some(file) = file {
            recorder.writes("--json", file);
            recorder.json = Some(lines.clone());
        }
        listeners.push(Box::new(lines));
    }
    let mut printed_log = None;
    if let Some(joblog) = plan.joblog.take() {
        // In a file with a name it is already.
        let verbose = plan.text.verbose && plan.text.shows == text::Print::Content;
        if joblog.path.as_os_str() == "-" {
            printed_log = Some(printed_joblog(verbose)?);
        } else {
            let (log, file) = open_joblog(&joblog, verbose, &mut files, mailbox)?;
            records.joblog = Some(log.clone());
            if let Some(file) = file {
                recorder.writes(&format!("--joblog {}", joblog.path.display()), file);
                recorder.joblog = Some(log);
            } else {
                listeners.push(Box::new(log));
            }
        }
    }
    if let Some(claims) = &engine.claims {
        let results = sql::SqlResults::new(Arc::clone(claims), plan.text.verbose, plan.fsync);
        // What only looks at the table has nothing to record.
        recorder.table = Some(results.clone()).filter(|_| !claims.only_looks());
        listeners.push(Box::new(results));
    }
    if plan.summary {
        listeners.push(Box::new(summary::Failures::new(stderr(&screen)?)));
    }
    if let Some(config) = plan.progress {
        let progress = progress::Progress::new(config, &screen, stderr_alone()?);
        listeners.push(Box::new(progress));
    }
    // Elsewhere than on a terminal, what is printed stays, so all of it is.
    if plan.latest_line && stdout(&screen)?.is_terminal() && stderr(&screen)?.is_terminal() {
        let lines = progress::LatestLines::new(&screen, stdout(&screen)?);
        listeners.push(Box::new(lines));
        plan.text.mode = text::Mode::Never;
    }
    let rows = match &plan.rows {
        Some(rows) => {
            let opened = open_rows(rows, engine, &mut files, mailbox)?;
            rows_in_order(opened, &plan.text, recorder)
        }
        None => None,
    };
    let text = text(plan, engine, printed_log, &screen)?
        .with_rows(rows)
        .with_rows_elsewhere(recorder.rows.as_ref())
        .with_corrections(Corrections::new(records));
    let owner: Box<dyn OutputOwner> = match engine.reducer()? {
        Some(reducer) => Box::new(Merge::new(Box::new(Merged(reducer)), Box::new(text))),
        None => Box::new(text),
    };
    Ok((listeners, owner))
}

/// What prints the outputs of jobs, with `printed_log` among them.
fn text(
    plan: ReportPlan,
    engine: &EngineParts,
    printed_log: Option<Joblog>,
    screen: &Screen,
) -> anyhow::Result<text::Text> {
    let stdout = stdout(screen)?;
    let turn = plan.text.in_order.then(|| Arc::clone(&engine.turn));
    // No other report looks at output that is handed on in turn.
    if plan.text.prints_plainly_in_order()
        && printed_log.is_none()
        && let Some(out) = stdout.beside()
    {
        engine.turn.open(out);
    }
    let text = text::Text::new(stdout, stderr(screen)?, plan.text, &plan.program);
    Ok(text
        .with_turn(turn)
        .with_assignments(plan.assign)
        .with_joblog(printed_log))
}

/// Standard output, and what is drawn on the same terminal.
fn stdout(screen: &Screen) -> anyhow::Result<Out> {
    let stdout = Out::stdout().context("standard output is not open")?;
    Ok(stdout.on(screen))
}

/// Standard error, and what is drawn on the same terminal.
fn stderr(screen: &Screen) -> anyhow::Result<Out> {
    Ok(stderr_alone()?.on(screen))
}

fn stderr_alone() -> anyhow::Result<Out> {
    Out::stderr().context("standard error is not open")
}

/// A joblog among the output, with its header line.
fn printed_joblog(verbose: bool) -> anyhow::Result<Joblog> {
    let stdout = Out::stdout().context("standard output is not open")?;
    let log = Joblog::new(stdout, verbose);
    log.write_header()?;
    Ok(log)
}

/// The engine's merges as the reports see them.
struct Merged(Reducer);

impl OutputMerger for Merged {
    fn take(&mut self, seq: u64, output: Captured) -> io::Result<()> {
        self.0.take(seq, output)
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        self.0.finish()
    }
}

/// The table of results if it is for the reports to write, in order or to no file; else `recorder` does.
fn rows_in_order(
    (rows, file): (text::rows::Rows, Option<File>),
    config: &text::Config,
    recorder: &mut Recorder,
) -> Option<text::rows::Rows> {
    let Some(file) = file.filter(|_| !config.in_order) else {
        return Some(rows);
    };
    recorder.writes("--results", file);
    recorder.rows = Some(text::RowsRecord::new(rows, config.around_in_rows()));
    None
}

/// The table of results, and its file if it is one.
fn open_rows(
    plan: &RowsPlan,
    engine: &EngineParts,
    files: &mut RecordFiles,
    mailbox: &Messages,
) -> anyhow::Result<(text::rows::Rows, Option<File>)> {
    let names = engine.names.clone();
    let Some(path) = &plan.path else {
        let out = Out::stdout().context("standard output is not open")?;
        let rows = text::rows::Rows::new(out, plan.form, names);
        return Ok((rows.of_pieces(plan.of_pieces), None));
    };
    let wanted = Wanted::rows(plan, path);
    let end = |file: &File| plan.form.end_of_rows(file);
    let (file, goes_on) = open_record(&wanted, files, end, mailbox)?;
    let out = Out::file(file, wanted.name);
    let file = out.same_file();
    let rows = text::rows::Rows::new(out, plan.form, names).of_pieces(plan.of_pieces);
    Ok((if goes_on { rows.that_go_on() } else { rows }, file))
}

fn json_lines(
    plan: JsonPlan,
    engine: &EngineParts,
    files: &mut RecordFiles,
    mailbox: &Messages,
) -> anyhow::Result<(json::JsonLines, Option<File>)> {
    let out = match &plan.target {
        JsonTarget::Stdout => Out::stdout().context("standard output is not open")?,
        JsonTarget::Fd(fd) => {
            let file = crate::sys::fd::duplicate(*fd)
                .with_context(|| format!("cannot write to --json=fd:{fd}"))?;
            Out::file(file, format!("--json=fd:{fd}"))
        }
        JsonTarget::File(path) => {
            let wanted = Wanted::json(&plan, path);
            let (file, _) = open_record(&wanted, files, end_of_lines, mailbox)?;
            Out::file(file, wanted.name)
        }
    };
    let cwd = engine.cwd.as_os_str().as_encoded_bytes().to_vec();
    let context = json::Context {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        argv: plan.argv,
        template: plan.template,
        cwd,
        host: crate::sys::host::name(),
        cores: engine.plan.threads,
        stdin: NO_STDIN.to_vec(),
    };
    let file = out.same_file();
    Ok((json::JsonLines::new(out, plan.config, context), file))
}

impl Reports {
    /// Starts the threads that write the reports and pass signals on; otherwise the first event does.
    pub(super) fn begin(&mut self) {
        self.link.start_threads();
    }

    /// The controller's end.
    pub(super) fn observer(&mut self) -> &mut impl Observer {
        &mut self.link
    }

    /// Waits, when no event comes any more, until everything is written or the user wants no more of it;
    /// returns the signal that says the latter. As with jobs, what runs goes on after a SIGHUP.
    pub(super) fn linger(&mut self, mailbox: &Messages) -> Option<Signal> {
        // The thread ends when this end of the channel is gone.
        self.link.events = crossbeam_channel::unbounded().0;
        let mut messages = Vec::new();
        while self.over.try_recv() != Err(TryRecvError::Disconnected) {
            mailbox.receive(&mut messages, None);
            let mut signals = messages.drain(..).filter_map(|message| match message {
                Message::Signal(signal @ (Signal::Interrupt | Signal::Terminate)) => Some(signal),
                _ => None,
            });
            if let Some(signal) = signals.next() {
                return Some(signal);
            }
        }
        None
    }

    /// Waits until everything is written, or at most for `patience`; tells whether the report thread
    /// ended as it should.
    pub(super) fn finish(self, patience: Option<Duration>) -> bool {
        let Link {
            events, threads, ..
        } = self.link;
        drop(events);
        if let Some(patience) = patience
            && self.over.recv_timeout(patience) == Err(RecvTimeoutError::Timeout)
        {
            return true;
        }
        match threads {
            Threads::Running(report) => report.join().is_ok(),
            Threads::Planned { .. } | Threads::Failed => false,
        }
    }
}

/// Dropped at the end of the report thread: whoever waits for messages hears of it.
struct Ending(Option<Sender<()>>, Messages);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0 = None;
        self.1.post([Message::ReportsCaughtUp], Urgency::Now);
    }
}

/// The controller's end of the way to the report thread.
struct Link {
    events: Sender<Vec<Event>>,
    /// Where command lines are printed as jobs start.
    start_order: Option<StartOrder>,
    /// Where output is printed as jobs end.
    near_order: Option<NearOrder>,
    backlog: Arc<Backlog>,
    threads: Threads,
}

/// The threads that write the reports and pass signals on.
enum Threads {
    /// Neither has been started.
    Planned {
        caught: Caught,
        report: Box<dyn FnOnce() + Send>,
    },
    /// Both have; this is the one of the reports.
    Running(JoinHandle<()>),
    /// One of them cannot be.
    Failed,
}

impl Threads {
    /// Starts them.
    fn start(
        caught: Caught,
        report: Box<dyn FnOnce() + Send>,
        messages: &Messages,
    ) -> io::Result<Self> {
        let to = Arc::clone(messages);
        caught.pass_on(move |signal| {
            to.post([Message::Signal(signal)], Urgency::Now);
            if let Signal::Interrupt | Signal::Terminate | Signal::HangUp = signal {
                // Whoever waits for an answer, the controller in a dry run, would never hear of the signal.
                helper::interrupt();
            }
        })?;
        let thread = threads::start("report", report)?;
        Ok(Self::Running(thread))
    }
}

impl Link {
    /// Starts the threads, if that was not done.
    fn start_threads(&mut self) {
        match std::mem::replace(&mut self.threads, Threads::Failed) {
            Threads::Planned { caught, report } => {
                let messages = &self.backlog.messages;
                match Threads::start(caught, report, messages) {
                    Ok(running) => self.threads = running,
                    Err(error) => {
                        let why = passing::with_limit(format!("cannot start a thread: {error}"));
                        stderr::say(&format!("fanout: Error: {why}"));
                        messages.post([Message::ReportFailed(why)], Urgency::Now);
                    }
                }
            }
            started => self.threads = started,
        }
    }
}

impl Observer for Link {
    fn observe(&mut self, events: Vec<Event>) {
        let events = match &mut self.start_order {
            Some(order) => order.pass(events, Instant::now()),
            None => events,
        };
        let events = match &mut self.near_order {
            Some(order) => order.pass(events, Instant::now()),
            None => events,
        };
        if events.is_empty() {
            return;
        }
        self.start_threads();
        self.backlog.sent(events.len());
        // The report thread ends only after this end of the channel is gone.
        let _ = self.events.send(events);
    }

    fn due(&self) -> Option<Instant> {
        let starts = self.start_order.as_ref().and_then(StartOrder::due);
        let ends = self.near_order.as_ref().and_then(NearOrder::due);
        starts.into_iter().chain(ends).min()
    }

    fn is_behind(&self) -> bool {
        self.backlog.is_long()
    }
}

/// How many events wait to be reported: the bound that keeps memory flat when nobody reads the output.
struct Backlog {
    limit: usize,
    waiting: AtomicUsize,
    /// The controller waits for it to become shorter.
    stalled: AtomicBool,
    messages: Messages,
}

/// So many events may wait.
const LONG: usize = 8192;

impl Backlog {
    /// One that is long from `limit` events on.
    fn new(limit: usize, messages: &Messages) -> Self {
        Self {
            limit,
            waiting: AtomicUsize::new(0),
            stalled: AtomicBool::new(false),
            messages: Arc::clone(messages),
        }
    }

    fn sent(&self, count: usize) {
        self.waiting.fetch_add(count, Ordering::SeqCst);
    }

    fn reported(&self, count: usize) {
        let before = self.waiting.fetch_sub(count, Ordering::SeqCst);
        if before - count <= self.limit / 2 && self.stalled.swap(false, Ordering::SeqCst) {
            self.messages.post([Message::ReportsCaughtUp], Urgency::Now);
        }
    }

    /// Whether it is too long; if so, the end of that will be posted.
    fn is_long(&self) -> bool {
        if self.waiting.load(Ordering::SeqCst) <= self.limit {
            return false;
        }
        self.stalled.store(true, Ordering::SeqCst);
        // It may have become short before `stalled` could be seen.
        self.waiting.load(Ordering::SeqCst) > self.limit / 2
    }
}
