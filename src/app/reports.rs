//! The report thread, and the way to it.

use std::io::{self, Write as _};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, TryRecvError};

use super::listeners::listeners;
use super::record::{OnFailure, Recorder};
use super::record_files::RecordFiles;
use super::{EngineParts, Messages};
use crate::engine::Record;
use crate::flow::mailbox::Urgency;
use crate::model::{Event, ExitCode, LastWord};
use crate::plan::ReportPlan;
use crate::report::near_order::NearOrder;
use crate::report::start_order::StartOrder;
use crate::report::{Failure, Reporter};
use crate::run::retry::Retry;
use crate::run::{Message, Observer};
use crate::sys::display;
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

/// `plan` without a display that nobody has asked for, where standard error is no terminal or merges write on it by
/// themselves; has `engine` show what runs to one that is drawn.
pub fn with_display(mut plan: ReportPlan, engine: &mut EngineParts) -> ReportPlan {
    let is_terminal = io::IsTerminal::is_terminal(&io::stderr());
    let torn = engine.merges() && display::is_there(io::stdout());
    plan.progress = plan
        .progress
        .filter(|config| config.asked || is_terminal && !torn);
    // What runs on other hosts is told.
    if plan.progress.is_some_and(|config| config.rows) && is_terminal && !engine.has_hosts() {
        engine.watched = Some(Arc::default());
    }
    plan
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
    let caught = signals::catch(plan.progress.is_some() || plan.latest_line)
        .context("cannot listen to signals")?;
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
