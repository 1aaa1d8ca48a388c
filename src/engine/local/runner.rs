//! What a worker does with the attempts that it takes.

use std::ffi::OsStr;
use std::fs::File;
use std::io;
use std::iter;
use std::os::fd::AsFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use super::config::{Config, Shared};
use super::setbacks::Setbacks;
use super::starts::Starting;
use super::taken::{Runner, TakenAttempts};
use super::watch::Watch;
use super::worker::WorkerHandle;

use crate::engine::{Attempt, UpdateSender, ended, not_rendered, unstarted};
use crate::exec::capture::{Capturer, Outputs, Source};
use crate::exec::launch::{Launcher, Start};
use crate::exec::stdin::{self, NamedStdin, OpenStdin};
use crate::exec::template_files;
use crate::exec::warm::{Warm, Worker};
use crate::exec::workdir::Workdir;
use crate::model::{
    ArgList, AttemptEnd, AttemptInfo, AttemptStart, KilledBy, Outcome, SpawnError, Stdin, Where,
};
use crate::sys::child::Child;
use crate::sys::family::Family;
use crate::sys::passing;
use crate::sys::spawn::Spawner;
use crate::sys::tty::Until;
use crate::sys::wake::Wake;

impl Worker for WorkerHandle {
    fn show(&self, job: Option<Arc<AttemptInfo>>) {
        let _starting = job.is_some().then(|| self.may_start());
        self.show(job);
    }

    fn wake(&self) -> &Wake {
        self.wake()
    }

    fn told_to_end(&self) -> Option<KilledBy> {
        self.told_to_end()
    }

    fn time_limit(&self) -> Option<Duration> {
        self.time_limit()
    }
}

pub(super) struct LocalRunner {
    pub(super) shared: Arc<Shared>,
    pub(super) launcher: Launcher,
    pub(super) capturer: Capturer,
    pub(super) spawner: Spawner,
    pub(super) warm: Option<Warm>,
    pub(super) worker: Arc<WorkerHandle>,
}

impl Runner for LocalRunner {
    /// Runs one attempt; or several, as long as they are such that a warm shell can run them.
    fn run(&mut self, taken: &mut TakenAttempts) {
        let mut batch = Vec::new();
        loop {
            let mut end = match self.ready(taken.latest(), taken.slot()) {
                Ok(end) => end,
                Err(ended) => {
                    taken.decide_latest();
                    self.run_batch(batch, taken);
                    abandon(taken.latest());
                    taken.answer(vec![ended]);
                    return;
                }
            };
            // A shell that runs many commands has no input for any of them.
            let unfed = taken.latest().work.stdin.is_none();
            let warm = self.warm.as_mut().filter(|_| unfed);
            let Some(warm) = warm.and_then(|warm| warm.offer(&end.job).then_some(warm)) else {
                if self.run_batch(batch, taken) {
                    self.run_alone(taken.next(), taken.updates(), &mut end);
                    taken.answer(vec![end]);
                }
                return;
            };
            batch.push(end);
            // Jobs of one batch are all in one slot.
            if self.shared.config.shows_slots || warm.is_full() || !taken.take_another() {
                self.run_batch(batch, taken);
                return;
            }
        }
    }
}

impl LocalRunner {
    /// An attempt with its command, ready to run; or its end, where it is not to run at all.
    fn ready(&self, attempt: &Attempt, slot: usize) -> Result<Box<AttemptEnd>, Box<AttemptEnd>> {
        self.unless_killed(attempt)?;
        let prepare = &self.shared.config.prepare;
        let until = Until {
            bell: self.worker.wake(),
            is_over: &|| self.worker.told_to_end().is_some(),
        };
        let prepared = prepare.prepare_until(&attempt.work, slot, until);
        let command = prepared.map_err(|error| {
            let outcome = match self.worker.killed() {
                Some(by) => Outcome::Cancelled { by, signal: None },
                None => not_rendered(error),
            };
            unstarted(attempt, outcome)
        })?;
        let outcome = command.skip_as.clone();
        if outcome == Some(Outcome::Declined) {
            self.unless_killed(attempt)?;
        }
        let runs = outcome.is_none();
        let at = Where {
            slot: command.task.slot.unwrap_or(slot),
            pid: None,
            argv: None,
        };
        let info = attempt.info(command, Some(at));
        let end = ended(attempt, info, outcome.unwrap_or(Outcome::Lost(None)));
        if runs { Ok(end) } else { Err(end) }
    }

    /// Whether these may be executed, of which whoever wants to know is told first.
    fn may_begin(&self, jobs: &mut dyn Iterator<Item = &AttemptInfo>) -> bool {
        let begins = self.shared.config.begins.as_ref();
        begins.is_none_or(|begins| begins.begin(jobs))
    }

    /// Runs the command in `end` by itself.
    fn run_alone(&mut self, attempt: &Attempt, updates: &UpdateSender, end: &mut AttemptEnd) {
        if !self.may_begin(&mut iter::once(&*end.job)) {
            end.outcome = NOT_WANTED;
            return abandon(attempt);
        }
        if let Err(error) = self.run_command(attempt, updates, end) {
            end.outcome = match self.worker.killed() {
                // It may have been kept from its start until everything was to end.
                Some(by) if end.ran.is_none() => Outcome::Cancelled { by, signal: None },
                _ if end.ran.is_some() => Outcome::Lost(Some(error)),
                _ => Outcome::SpawnFailed(error),
            };
            end.ended_at = SystemTime::now();
            self.capturer.discard();
        }
        let no_share = attempt.work.stdin.as_ref().is_some_and(Stdin::never_comes);
        if !end.outcome.is_success() || no_share {
            // It may have to be fed again; or that it was fed nothing is of interest.
            end.stdin.clone_from(&attempt.work.stdin);
        }
        if self.shared.config.remove_made_files {
            template_files::remove(&end.job.command.task);
        }
        abandon(attempt);
    }

    /// Runs the commands in `batch` in the warm shell, and by themselves where that cannot be. False: nothing that is
    /// left of those taken is to be run.
    #[allow(clippy::vec_box, reason = "an end travels to the reports in its box")]
    fn run_batch(&mut self, batch: Vec<Box<AttemptEnd>>, taken: &mut TakenAttempts) -> bool {
        if batch.is_empty() {
            return true;
        }
        if !self.may_begin(&mut batch.iter().map(|end| &*end.job)) {
            return taken.answer(not_wanted(batch));
        }
        let Some(warm) = &mut self.warm else {
            return true;
        };
        let shared = Arc::clone(&self.shared);
        let ends = warm.run(batch, &shared.config.launch, &shared.stdin, &*self.worker);
        let answer = |known: &mut Vec<_>, taken: &mut TakenAttempts| {
            let known = std::mem::take(known);
            if shared.config.report_starts {
                taken.answer_with_starts(known)
            } else {
                taken.answer(known)
            }
        };
        let mut known = Vec::new();
        for (mut end, alone) in ends {
            if alone {
                if !answer(&mut known, taken) {
                    return false;
                }
                self.run_alone(taken.next(), taken.updates(), &mut end);
                if !taken.answer(vec![end]) {
                    return false;
                }
            } else {
                known.push(end);
            }
        }
        answer(&mut known, taken)
    }

    /// The end of `attempt`, if everything is to end.
    fn unless_killed(&self, attempt: &Attempt) -> Result<(), Box<AttemptEnd>> {
        match self.worker.killed() {
            None => Ok(()),
            Some(by) => Err(unstarted(attempt, Outcome::Cancelled { by, signal: None })),
        }
    }

    /// Runs the command in `end` and writes down in there what became of it.
    fn run_command(
        &mut self,
        attempt: &Attempt,
        updates: &UpdateSender,
        end: &mut AttemptEnd,
    ) -> Result<(), SpawnError> {
        let shared = Arc::clone(&self.shared);
        template_files::make(&end.job.command.task)?;
        let workdir = match &end.job.command.task.workdir {
            Some(dir) => Some(Workdir::enter(
                dir,
                &shared.config.launch,
                shared.config.remove_empty_workdirs,
            )?),
            None => None,
        };
        let slot = end.job.slot().unwrap_or(1);
        let worker = Arc::clone(&self.worker);
        let mut setbacks = Setbacks::new(&worker);
        let source = Source {
            seq: attempt.seq(),
            command: &end.job.command,
            last_try: attempt.max == Some(attempt.number),
        };
        let mut outputs = loop {
            match self.capturer.outputs(source) {
                Ok(outputs) => break outputs,
                Err(error) if setbacks.is_over_after(&error) => {}
                Err(error) => return Err(no_output(&error)),
            }
        };
        let handed = match end.stdin.take() {
            None => OpenStdin::default(),
            Some(stdin) => hand_over(&stdin, &shared.config, &mut setbacks)?,
        };
        let (reader, named) = (handed.reader, handed.named);
        let file = stdin_file(&end.job, &self.worker)?;
        let of_job = file.as_ref().map_or(shared.stdin.as_fd(), AsFd::as_fd);
        let line = &end.job.command.task.line;
        let wrapped = shared.config.tmux.as_ref().map(|tmux| tmux.wrapped(line));
        let start = Start {
            line: wrapped.as_deref().unwrap_or(line),
            seq: attempt.seq(),
            slot,
            stdin: reader.as_ref().map_or(of_job, AsFd::as_fd),
            named_input: named.as_ref().map(NamedStdin::path),
            outputs: outputs.for_job(),
            last_try: false,
            cwd: workdir.as_ref().map(Workdir::path),
        };
        let launched = launch(&mut self.launcher, &mut self.spawner, start, &mut setbacks);
        let began = launched.began;
        let (child, argv) = launched
            .result
            .map_err(|error| cannot_start(&error, &end.job))?;
        let in_shells_stead = argv.is_some() && self.launcher.may_report_child();
        outputs.started(in_shells_stead);
        drop((reader, file));
        let (pid, started_at) = (child.pid(), launched.began_at);
        end.runs(pid, argv, started_at);
        show(&worker, &shared, &outputs, end, began);
        drop(launched.starting);
        if shared.config.report_starts {
            updates.started(Box::new(AttemptStart::of(end)));
        }
        let (worker, job) = (&self.worker, &end.job);
        let mut watch = Watch {
            shared: &shared,
            worker,
            job,
            updates,
            outputs,
            stead: in_shells_stead.then_some((&mut self.launcher, &mut self.spawner)),
            feeding: handed.feeding,
            token: None,
        };
        let watched = watch.until_the_end(child);
        let is_short = watch.feeding.as_ref().is_some_and(|it| it.is_short);
        let streams = watch.outputs.streams();
        end.streamed = watch.outputs.streamed();
        if attempt
            .work
            .stdin
            .as_ref()
            .is_some_and(|stdin| stdin.counts)
        {
            end.sent = handed.sent + watch.feeding.map_or(0, |feeding| feeding.sent);
        }
        self.worker.show(None);
        end.ran_for(began.elapsed());
        let left_behind;
        (end.outcome, end.usage, left_behind) = watched.map_err(|error| lost_sight(&error))?;
        if is_short && end.outcome.is_success() {
            end.outcome = Outcome::Lost(Some(fed_too_little(end.job.seq)));
        }
        if left_behind {
            end.left_running = Family::left_by(pid, end.job.seq);
        }
        match self.capturer.take(left_behind, streams) {
            Ok(taken) => [end.stdout, end.stderr] = taken,
            Err(error) => {
                // Whatever is left in there must not become part of another job's output.
                self.capturer.discard();
                end.lose_output(&error);
            }
        }
        Ok(())
    }
}

/// Shows what `worker` runs since `began`, and into which files that writes where somebody watches.
fn show(
    worker: &WorkerHandle,
    shared: &Shared,
    outputs: &Outputs,
    end: &AttemptEnd,
    began: Instant,
) {
    let files = match shared.config.watched {
        Some(_) => outputs.files(),
        None => [None, None],
    };
    worker.show_since(Some(Arc::clone(&end.job)), began, files);
}

/// How attempts end that nobody wants any more.
const NOT_WANTED: Outcome = Outcome::Cancelled {
    by: KilledBy::User,
    signal: None,
};

#[allow(clippy::vec_box, reason = "an end travels to the reports in its box")]
fn not_wanted(mut batch: Vec<Box<AttemptEnd>>) -> Vec<Box<AttemptEnd>> {
    for end in &mut batch {
        end.outcome = NOT_WANTED;
    }
    batch
}

/// What came of the start of a process, and when it began.
struct Launched<'a> {
    began: Instant,
    began_at: SystemTime,
    /// Until the process is shown.
    starting: Starting<'a>,
    result: io::Result<(Child, Option<ArgList>)>,
}

/// Starts a process; again, where that fails for something that passes.
fn launch<'a>(
    launcher: &mut Launcher,
    spawner: &mut Spawner,
    mut start: Start,
    setbacks: &mut Setbacks<'a>,
) -> Launched<'a> {
    loop {
        let starting = setbacks.may_start();
        let (began, began_at) = (Instant::now(), SystemTime::now());
        let result = launcher.launch(spawner, &start);
        match &result {
            Err(error) if !start.last_try && passing::is_passing(error) => {
                drop(starting);
                start.last_try = !setbacks.is_over_after(error);
            }
            _ => {
                return Launched {
                    began,
                    began_at,
                    starting,
                    result,
                };
            }
        }
    }
}

/// Hands `stdin` over to a job; again, where that fails for something that passes. Nothing of it is gone then.
fn hand_over(
    stdin: &Stdin,
    config: &Config,
    setbacks: &mut Setbacks,
) -> Result<OpenStdin, SpawnError> {
    loop {
        let (how, dir) = (config.stdin_transport, &config.stdin_dir);
        match OpenStdin::begin(stdin.clone(), how, dir, setbacks.wake()) {
            Ok(handed) => return Ok(handed),
            Err(error) if setbacks.is_over_after(&error) => {}
            Err(error) => return Err(no_input(&error)),
        }
    }
}

/// However it went: nobody waits for a job that is over to read its input.
fn abandon(attempt: &Attempt) {
    if let Some(stdin) = &attempt.work.stdin {
        stdin.abandon();
    }
}

/// What it means that the kernel refuses to start the job.
fn cannot_start(error: &io::Error, job: &AttemptInfo) -> SpawnError {
    if error.kind() != io::ErrorKind::ArgumentListTooLong {
        return SpawnError::passing(error.to_string());
    }
    let line = &job.command.task.line;
    let beginning = String::from_utf8_lossy(&line[..line.len().min(50)]);
    let (length, seq) = (line.len(), job.seq);
    SpawnError::fatal(format!(
        "Command line too long ({length} bytes) at job {seq}: {beginning}..."
    ))
}

/// Where output cannot be kept no job can run.
fn no_output(error: &io::Error) -> SpawnError {
    if error.raw_os_error().is_some() {
        return SpawnError::fatal(format!("cannot take the output of jobs: {error}"));
    }
    SpawnError::fatal(error.to_string())
}

fn no_input(error: &io::Error) -> SpawnError {
    SpawnError::passing(format!("cannot feed the job: {error}"))
}

/// The file that is the standard input of `job`, where it has one of its own.
fn stdin_file(job: &AttemptInfo, worker: &WorkerHandle) -> Result<Option<File>, SpawnError> {
    let Some(name) = &job.command.task.stdin else {
        return Ok(None);
    };
    let path = Path::new(OsStr::from_bytes(name));
    let opened = stdin::file::open(path, worker.wake(), || worker.told_to_end().is_some());
    opened.map(Some).map_err(|error| {
        SpawnError::passing(format!(
            "cannot read '{}', the standard input of job {} (--stdin-from): {error}",
            path.display(),
            job.seq
        ))
    })
}

/// Why a job has failed that did well with less than it should have been fed.
fn fed_too_little(seq: u64) -> SpawnError {
    SpawnError::passing(format!(
        "the input file has become shorter meanwhile: job {seq} got less than its part"
    ))
}

fn lost_sight(error: &io::Error) -> SpawnError {
    if error.kind() == io::ErrorKind::Other {
        // What compresses output says who it is itself.
        return SpawnError::passing(error.to_string());
    }
    SpawnError::passing(format!("cannot wait for the process: {error}"))
}
