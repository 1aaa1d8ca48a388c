//! Connects the parts of a run: threads, channels, and who hears of what.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use anyhow::Context as _;
use crossbeam_channel::Sender;

use crate::engine::capture::Capture;
use crate::engine::dry::DryEngine;
use crate::engine::launch::Launch;
use crate::engine::shell::Shell;
use crate::engine::term_seq::TermSeq;
use crate::engine::{Engine, Post, local};
use crate::input::{Notices, Records};
use crate::job::Renderer;
use crate::job::pack::Jobs;
use crate::model::Event;
use crate::plan::{CapturePlan, EnginePlan, JobsPlan, JsonPlan, JsonTarget, ReportPlan, RunPlan};
use crate::report::{Failure, Out, Reporter, Screen, Sink, joblog, json, progress, summary, text};
use crate::run::controller::{self, Parties};
use crate::run::exit_code::ExitCode;
use crate::run::gate::{Delay, Gate};
use crate::run::queue::{Queue, queue};
use crate::run::{Message, Observer};
use crate::sys::guardian::Guardian;
use crate::sys::limits;
use crate::sys::mailbox::{Mailbox, Urgency};
use crate::sys::signals;
use crate::sys::spool::{Limits, SpoolDir};

/// Where everybody leaves word for the controller.
pub type Letters = Arc<Mailbox<Message>>;

/// How long a message that is not urgent may wait for others to come along.
const PATIENCE: Duration = Duration::from_millis(5);

/// An empty mailbox.
pub fn mailbox() -> Letters {
    Arc::new(Mailbox::new(PATIENCE))
}

/// Has signals posted to `mailbox`.
///
/// # Errors
///
/// When the handlers cannot be installed.
pub fn listen_to_signals(mailbox: &Letters) -> anyhow::Result<()> {
    let mailbox = Arc::clone(mailbox);
    signals::listen(move |signal| mailbox.post([Message::Signal(signal)], Urgency::Now))
        .context("cannot listen to signals")
}

/// Jobs that can be read, and how many there are, where that is known.
#[derive(Debug)]
pub struct OpenJobs {
    jobs: Jobs<Records>,
    /// How many there are.
    pub total: Option<u64>,
    /// Whether they come from standard input.
    pub reads_stdin: bool,
}

/// Opens the input; counts it, if that is wanted.
///
/// # Errors
///
/// When a file cannot be opened, or counted.
pub fn open_jobs(plan: JobsPlan, mailbox: &Letters) -> anyhow::Result<OpenJobs> {
    let JobsPlan {
        mut input,
        packing,
        count_ahead,
        reads_stdin,
    } = plan;
    let letters = Arc::clone(mailbox);
    let remark = move |words: &str| letters.post([Message::Remark(words.to_owned())], Urgency::Now);
    if reads_stdin && std::io::IsTerminal::is_terminal(&std::io::stdin()) {
        remark(
            "Warning: reading inputs from the terminal: one a line, Ctrl-D ends them (or use ::: or -a)",
        );
    }
    input.notices = Notices::to(remark);
    let (total, records) = if count_ahead {
        let (records, open) = Records::count_ahead(input).map_err(in_one_line)?;
        (Some(packing.jobs(records)), open)
    } else {
        (None, Records::open(input).map_err(in_one_line)?)
    };
    Ok(OpenJobs {
        jobs: Jobs::new(records, packing),
        total,
        reads_stdin,
    })
}

/// An error whose own words say everything.
fn in_one_line(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow::Error::msg(error.to_string())
}

/// Starts the thread that reads the input; returns the controller's end.
///
/// # Errors
///
/// When the thread cannot be started.
pub fn feed(jobs: OpenJobs, mailbox: &Letters) -> anyhow::Result<Queue> {
    let (feed, queue) = queue();
    let mailbox = Arc::clone(mailbox);
    let tell = move || mailbox.post([Message::InputReady], Urgency::Now);
    thread::Builder::new()
        .name("input".into())
        .spawn(move || feed.run(jobs.jobs, |jobs| jobs.records().ready(), tell))
        .context("cannot start the thread that reads the input")?;
    Ok(queue)
}

/// Everything an engine needs that must be made while the process has one thread.
pub struct EngineParts {
    plan: EnginePlan,
    renderer: Arc<Renderer>,
    guardian: Option<Guardian>,
    shell: Shell,
    cwd: PathBuf,
    /// As many workers: no more than there are jobs.
    workers: usize,
}

/// Starts the guardian, among other things; to be called before any thread is started.
///
/// # Errors
///
/// When the shell is not to be found, or no process can be made.
pub fn prepare_engine(
    plan: EnginePlan,
    renderer: Renderer,
    jobs: &OpenJobs,
) -> anyhow::Result<EngineParts> {
    let shell = Shell::from_environment().map_err(anyhow::Error::msg)?;
    let cwd = std::env::current_dir().context("cannot tell the current directory")?;
    let total = jobs.total.map_or(usize::MAX, |total| {
        usize::try_from(total).unwrap_or(usize::MAX)
    });
    let workers = plan.slots.min(total).max(1);
    // A worker takes up to seven descriptors: spool files or pipes, its event and its process.
    limits::raise_open_files(64 + 8 * workers as u64);
    let guardian = if plan.dry_run {
        None
    } else {
        Some(Guardian::start(workers).context("cannot start the guardian process")?)
    };
    Ok(EngineParts {
        plan,
        renderer: Arc::new(renderer),
        guardian,
        shell,
        cwd,
        workers,
    })
}

/// A running engine, and the guardian that outlives it.
pub struct RunningEngine {
    engine: Box<dyn Engine>,
    _guardian: Option<Guardian>,
}

impl EngineParts {
    /// Starts the engine; `report_starts`: somebody wants to know when an attempt starts.
    ///
    /// # Errors
    ///
    /// When its threads cannot be started.
    pub fn start(self, report_starts: bool, mailbox: &Letters) -> anyhow::Result<RunningEngine> {
        let letters = Arc::clone(mailbox);
        let post: Post =
            Arc::new(move |reply, urgency| letters.post([Message::Engine(reply)], urgency));
        let Some(guardian) = self.guardian else {
            let engine = Box::new(DryEngine::new(self.renderer, post));
            return Ok(RunningEngine {
                engine,
                _guardian: None,
            });
        };
        let config = local::Config {
            slots: self.workers,
            prepare: self.renderer,
            launch: Launch {
                shell: self.shell,
                always_shell: self.plan.always_shell,
                env: job_environment(),
                cwd: self.cwd,
            },
            capture: capture(self.plan.capture, self.workers),
            timeout: self.plan.timeout,
            term_seq: TermSeq::default(),
            report_starts,
        };
        let engine = Box::new(local::start(config, &guardian, post)?);
        Ok(RunningEngine {
            engine,
            _guardian: Some(guardian),
        })
    }
}

/// fanout's own environment and what it tells jobs about the run.
fn job_environment() -> Vec<(std::ffi::OsString, std::ffi::OsString)> {
    let told = [
        ("PARALLEL_PID", std::process::id().to_string()),
        ("PARALLEL_SSHLOGIN", ":".to_owned()),
        ("PARALLEL_SSHHOST", ":".to_owned()),
    ];
    let inherited =
        std::env::vars_os().filter(|(name, _)| told.iter().all(|(told, _)| name != told));
    inherited
        .chain(told.iter().map(|(name, value)| (name.into(), value.into())))
        .collect()
}

/// The most output that waits in memory, in bytes.
const OUTPUT_MEMORY: u64 = 16 << 20;

fn capture(plan: CapturePlan, workers: usize) -> Capture {
    match plan {
        CapturePlan::Inherit => Capture::Inherit,
        CapturePlan::Stream => Capture::Stream,
        CapturePlan::Spool => {
            let taken = 64 + 8 * workers as u64;
            let files = limits::raise_open_files(taken + 256).saturating_sub(taken);
            let limits = Limits {
                memory: OUTPUT_MEMORY,
                files,
            };
            Capture::Spool(SpoolDir::new(std::env::temp_dir(), limits))
        }
    }
}

/// The report thread and the way to it.
pub struct Reports {
    link: Option<Link>,
    thread: JoinHandle<()>,
    /// Whether it wants to know when an attempt starts.
    pub wants_starts: bool,
}

/// Starts the thread that writes all reports.
///
/// # Errors
///
/// When a file cannot be opened or a thread cannot be started.
pub fn start_reports(
    plan: ReportPlan,
    engine: &EngineParts,
    mailbox: &Letters,
) -> anyhow::Result<Reports> {
    let sinks = sinks(plan, engine)?;
    let letters = Arc::clone(mailbox);
    let on_failure = move |failure: Failure| {
        let message = match failure {
            Failure::StdoutClosed => Message::StdoutClosed,
            failure @ Failure::Sink { .. } => Message::ReportFailed(failure.to_string()),
        };
        letters.post([message], Urgency::Now);
    };
    let reporter = Reporter::new(sinks, Box::new(on_failure));
    let wants_starts = reporter.wants_starts();
    let backlog = Arc::new(Backlog::new(mailbox));
    let (events, inbox) = crossbeam_channel::unbounded();
    let seen = Arc::clone(&backlog);
    let thread = thread::Builder::new()
        .name("report".into())
        .spawn(move || drop(reporter.run(&inbox, |count| seen.reported(count))))
        .context("cannot start the thread that writes reports")?;
    Ok(Reports {
        link: Some(Link { events, backlog }),
        thread,
        wants_starts,
    })
}

/// The sinks in their order: the text takes the captured output, so it is the last.
fn sinks(plan: ReportPlan, engine: &EngineParts) -> anyhow::Result<Vec<Box<dyn Sink>>> {
    let screen = Screen::new();
    let stderr = || {
        anyhow::Ok(
            Out::stderr()
                .context("standard error is not open")?
                .on(&screen),
        )
    };
    let mut sinks: Vec<Box<dyn Sink>> = Vec::new();
    let text_config = plan.text;
    if let Some(json) = plan.json {
        sinks.push(Box::new(json_sink(json, engine)?));
    }
    if let Some(path) = plan.joblog {
        let cannot = || format!("cannot write to --joblog {}", path.display());
        let out = Out::file(
            joblog::open(&path, false).with_context(cannot)?,
            format!("--joblog {}", path.display()),
        );
        let keep_order = text_config.mode == text::Mode::KeepOrder;
        let config = joblog::Config {
            keep_order,
            verbose: text_config.verbose,
        };
        let mut log = joblog::Joblog::new(out, config);
        log.write_header()?;
        sinks.push(Box::new(log));
    }
    if plan.summary {
        sinks.push(Box::new(summary::Failures::new(stderr()?)));
    }
    if let Some(config) = plan.progress {
        sinks.push(Box::new(progress::Progress::new(
            config,
            &screen,
            Out::stderr()?,
        )));
    }
    let stdout = Out::stdout()
        .context("standard output is not open")?
        .on(&screen);
    sinks.push(Box::new(text::Text::new(
        stdout,
        stderr()?,
        text_config,
        &plan.program,
    )));
    Ok(sinks)
}

fn json_sink(plan: JsonPlan, engine: &EngineParts) -> anyhow::Result<json::JsonLines> {
    let out = match &plan.target {
        JsonTarget::Stdout => Out::stdout().context("standard output is not open")?,
        JsonTarget::Fd(fd) => {
            let file = crate::sys::fd::duplicate(*fd)
                .with_context(|| format!("cannot write to --json=fd:{fd}"))?;
            Out::file(file, format!("--json=fd:{fd}"))
        }
        JsonTarget::File(path) => {
            let name = format!("--json={}", path.display());
            let file =
                std::fs::File::create(path).with_context(|| format!("cannot write to {name}"))?;
            Out::file(file, name)
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
        stdin: b"/dev/null".to_vec(),
    };
    Ok(json::JsonLines::new(out, plan.config, context))
}

/// Runs the controller to the end of the run, then waits for the last report.
pub fn control(
    plan: RunPlan,
    slots: usize,
    total: Option<u64>,
    engine: RunningEngine,
    queue: Queue,
    mut reports: Reports,
    mailbox: &Letters,
) -> ExitCode {
    let gates = plan
        .delay
        .map(|pause| Box::new(Delay::new(pause)) as Box<dyn Gate>);
    let config = controller::Config {
        slots,
        total,
        retry: plan.retry,
        halt: plan.halt,
        halt_text: plan.halt_text,
        gates: gates.into_iter().collect(),
    };
    let Some(mut link) = reports.link.take() else {
        return ExitCode::Error;
    };
    let parties = Parties {
        engine: &*engine.engine,
        queue,
        mailbox,
        observer: &mut link,
    };
    let exit_code = controller::run(config, parties);
    drop(link);
    drop(engine);
    if reports.thread.join().is_err() {
        return ExitCode::Error;
    }
    last_word(exit_code, mailbox)
}

/// What went wrong while the last reports were written, when the controller had left already.
fn last_word(exit_code: ExitCode, mailbox: &Letters) -> ExitCode {
    let mut letters = Vec::new();
    mailbox.take(&mut letters);
    letters
        .iter()
        .fold(exit_code, |exit_code, letter| match letter {
            Message::StdoutClosed => ExitCode::BrokenPipe,
            Message::ReportFailed(why) => {
                use std::io::Write as _;
                let _ = writeln!(std::io::stderr(), "fanout: Error: {why}");
                ExitCode::Error
            }
            _ => exit_code,
        })
}

/// The controller's end of the way to the report thread.
struct Link {
    events: Sender<Vec<Event>>,
    backlog: Arc<Backlog>,
}

impl Observer for Link {
    fn observe(&mut self, events: Vec<Event>) {
        self.backlog.sent(events.len());
        // The report thread ends only after this end of the channel is gone.
        let _ = self.events.send(events);
    }

    fn is_behind(&self) -> bool {
        self.backlog.is_long()
    }
}

/// How many events wait to be reported: the bound that keeps memory flat when nobody reads the output.
struct Backlog {
    waiting: AtomicUsize,
    /// The controller waits for it to become shorter.
    stalled: AtomicBool,
    letters: Letters,
}

/// So many events may wait.
const LONG: usize = 8192;

impl Backlog {
    fn new(letters: &Letters) -> Self {
        Self {
            waiting: AtomicUsize::new(0),
            stalled: AtomicBool::new(false),
            letters: Arc::clone(letters),
        }
    }

    fn sent(&self, count: usize) {
        self.waiting.fetch_add(count, Ordering::SeqCst);
    }

    fn reported(&self, count: usize) {
        let before = self.waiting.fetch_sub(count, Ordering::SeqCst);
        if before - count <= LONG / 2 && self.stalled.swap(false, Ordering::SeqCst) {
            self.letters.post([Message::ReportsCaughtUp], Urgency::Now);
        }
    }

    /// Whether it is too long; if so, the end of that will be posted.
    fn is_long(&self) -> bool {
        if self.waiting.load(Ordering::SeqCst) <= LONG {
            return false;
        }
        self.stalled.store(true, Ordering::SeqCst);
        // It may have become short before `stalled` could be seen.
        self.waiting.load(Ordering::SeqCst) > LONG / 2
    }
}
