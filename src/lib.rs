//! fanout: one command, many inputs, all cores.
//!
//! The library serves the `fanout` binary, its tests and its benches; it promises no stable API.
//! Imports go strictly downward, and modules of one layer do not import each other:
//!
//! | layer | modules | what is there |
//! |---|---|---|
//! | 9 | [`cli`], [`app`] | what was typed, resolved into a plan; a run put together from a plan |
//! | 8 | [`plan`], [`sem`] | what is to be done, a field for each of those who do it; semaphores |
//! | 7 | [`mod@run`] | policy: when a job starts, is tried again, or the run ends |
//! | 6 | [`job`], [`engine`], [`reduce`], [`report`] | records to jobs; where attempts run; merges of outputs; output and JSON |
//! | 5 | [`exec`] | what it takes to run one command on this host |
//! | 4 | [`input`], [`pipe`], [`template`], [`ledger`], [`sql`], [`hosts`] | reading inputs; splitting streams; rendering commands; joblog formats; tables of jobs; who the hosts are |
//! | 3 | [`record`], [`protocol`] | records told apart and cut into columns; what a coordinator and workers say |
//! | 2 | [`model`] | jobs, outcomes, events: data only |
//! | 1 | [`flow`] | bounded hand-over: mailboxes, credit, blocks, spools |
//! | 0 | [`sys`] | the kernel's side |
//!
//! A run has four kinds of threads: `run` is the controller; one reads the input; one writes all reports; and each
//! slot's worker runs one job at a time. [`app`] connects them. The process's first thread only waits for `run`
//! ([`sys::first_thread`]).

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod app;
pub mod cli;
pub mod engine;
pub mod exec;
pub mod flow;
pub mod hosts;
pub mod input;
pub mod job;
pub mod ledger;
pub mod model;
pub mod pipe;
pub mod plan;
pub mod protocol;
pub mod record;
pub mod reduce;
pub mod report;
pub mod run;
pub mod sem;
pub mod sql;
pub mod sys;
pub mod template;

use std::ffi::OsString;
use std::io::Write as _;
use std::os::fd::{AsFd as _, BorrowedFd};

use anyhow::Context as _;
use app::RunError;
use cli::{CalledAs, Refusal, Request};
use model::ExitCode;
use plan::{Plan, ReportPlan};
use sem::Entered;
use sys::first_thread;
use sys::guardian::Guardian;
use sys::pager;
use sys::stderr;

/// Does what the command line `argv`, the program's name first, asks for.
///
/// Errors of fanout's own go to standard error, one line each.
pub fn run(argv: impl IntoIterator<Item = OsString>) -> ExitCode {
    sys::signals::survive_file_size_limit();
    sys::closed::refuse_output();
    let mut argv = argv.into_iter();
    let called_as = CalledAs::from_argv0(&argv.next().unwrap_or_default());
    for name in sys::folders::without_cr() {
        let words = format!("Warning: ${name} ends in CR, which is taken off.");
        stderr::say(&format!("{}: {words}", called_as.name()));
    }
    match parse(called_as, argv.collect()) {
        Ok(Request::Run(plan)) => {
            let caller = Caller::of(&plan.report);
            caller.answer(execute(plan, None))
        }
        Ok(Request::Semaphore(config, plan)) => {
            let caller = Caller::of(&plan.report);
            caller.answer(guarded(&config, plan))
        }
        Ok(Request::Work) => {
            let caller = Caller {
                program: called_as.name().to_owned(),
                evaluates: false,
            };
            caller.answer(app::worker::run())
        }
        Ok(Request::Page(text)) if pager::show(&text) => ExitCode::Jobs(0),
        Ok(Request::Print(text) | Request::Page(text)) => print(&text),
        Ok(Request::PrintAndFail(text)) => {
            print(&text);
            ExitCode::Error
        }
        Err(Refusal {
            program,
            why,
            evaluates,
        }) => Caller { program, evaluates }.answer(Err(anyhow::Error::new(why).into())),
    }
}

/// What `argv` asks for.
fn parse(called_as: CalledAs, argv: Vec<OsString>) -> Result<Request, Refusal> {
    let parsed = first_thread::run_with_room(|| cli::parse(called_as, argv));
    parsed.unwrap_or_else(|error| {
        Err(Refusal {
            program: called_as.name().to_owned(),
            why: format!("cannot start a thread: {error}").into(),
            evaluates: false,
        })
    })
}

/// Who called, and is told how the run ended.
struct Caller {
    /// The name under which fanout speaks to them.
    program: String,
    /// Whether it is a shell that evaluates what is printed, as a function of GNU's `parset`.
    evaluates: bool,
}

impl Caller {
    /// Whoever wants the reports of `plan`.
    fn of(plan: &ReportPlan) -> Self {
        Self {
            program: plan.program.clone(),
            evaluates: plan.assign.is_some(),
        }
    }

    /// Tells `outcome`: an error on standard error, the exit code to a shell that evaluates it.
    fn answer(&self, outcome: Result<ExitCode, RunError>) -> ExitCode {
        let code = outcome.unwrap_or_else(|error| {
            let why = sys::passing::with_limit(error.to_string());

            stderr::say(&format!("{}: Error: {why}", self.program));
            error.exit
        });
        if self.evaluates && code != ExitCode::BrokenPipe {
            print(&format!("\nreturn {}", code.code()));
        }
        code
    }
}

/// Runs the job of `plan` while holding a semaphore, or does what else is to be done with that.
fn guarded(config: &sem::Config, plan: Box<Plan>) -> Result<ExitCode, RunError> {
    Ok(match sem::enter(config)? {
        Entered::Holds(permit) => {
            let held = permit.share().map_err(anyhow::Error::new)?;
            execute(plan, Some(held.as_fd()))?
        }
        Entered::Done => ExitCode::Jobs(0),
        Entered::GaveUp => ExitCode::Jobs(1),
    })
}

/// Runs all jobs; beside a guardian, if there are processes to look after, who keeps `held` open as long as there are.
fn execute(plan: Box<Plan>, held: Option<BorrowedFd<'_>>) -> Result<ExitCode, RunError> {
    sys::limits::spare_memory();
    match app::guardian(&plan.engine, held)? {
        None => {
            let body = || run_plan(plan, None);
            first_thread::run_with_room(body).context("cannot start a thread")?
        }
        Some(guardian) => {
            let body = |guardian| run_plan(plan, Some(guardian));
            first_thread::run_beside(guardian, body).context("cannot start a thread")?
        }
    }
}

/// Takes the plan apart, gives each its part, and runs all jobs.
fn run_plan(plan: Box<Plan>, guardian: Option<Guardian>) -> Result<ExitCode, RunError> {
    let files = app::RecordFiles::open(&plan)?;
    let Plan {
        jobs,
        renderer,
        engine,
        run: mut plan,
        report,
    } = *plan;
    let mailbox = app::mailbox();
    let mut jobs = app::open_jobs(jobs, &mailbox)?;
    app::remark(&mailbox, renderer.doubt(jobs.names()));
    let renderer = renderer.for_columns(jobs.names());
    let total = jobs.total;
    if let Some(submission) = jobs.submission.take() {
        return submission.submit(renderer, total, engine.slots);
    }
    let (shell, planned) = (engine.shell.path().to_owned(), engine.slots);
    let mut engine = app::prepare_engine(engine, renderer, &mut jobs, guardian)?;
    let report = app::with_display(report, &mut engine);
    let (done, done_before) = (std::mem::take(&mut jobs.done), jobs.done_before);
    let reports = app::start_reports(report, &engine, files, &plan.retry, &mailbox)?;
    let engine = engine.start(&plan, &reports, &mailbox)?;
    let gates = app::gates::gates(std::mem::take(&mut plan.gates), &shell, &mailbox)?;
    let queue = app::feed(jobs, engine.slots.min(planned), &mailbox)?;
    let run = app::RunParts {
        plan,
        gates,
        total,
        done,
        done_before,
    };
    Ok(app::control(run, engine, queue, reports, &mailbox))
}

/// Prints `text` on standard output.
fn print(text: &str) -> ExitCode {
    match std::io::stdout().write_all(text.as_bytes()) {
        Ok(()) => ExitCode::Jobs(0),
        Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::BrokenPipe,
        Err(_) => ExitCode::Error,
    }
}
