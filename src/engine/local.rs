//! Attempts on this host: a process group each, with its own deadline.
//!
//! A worker renders the command for its slot, starts it (directly, or in a shell where only a shell
//! gives the same result), sleeps until the process ends, the deadline passes or it is told to
//! give up, ends the whole group where that is wanted, and takes the output. [`watch`] is the sleeping.

mod setbacks;
mod watch;

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use setbacks::Setbacks;
use watch::Watch;

use super::pool::{Pool, Runner, TakenAttempts, WorkerHandle};
use super::{Attempt, Engine as _, Order, UpdateSender, ended, not_rendered, unstarted};
use crate::exec::capture::{Capture, Capturer, Source};
use crate::exec::launch::{Launch, Launcher, Start};
use crate::exec::stdin::{NamedStdin, OpenStdin, StdinTransport};
use crate::exec::template_files;
use crate::exec::term_seq::TermSeq;
use crate::exec::tmux::Tmux;
use crate::exec::warm::{Warm, Worker};
use crate::exec::workdir::Workdir;
use crate::flow::credit::Tokens;
use crate::flow::spool::Codec;
use crate::model::Where;
use crate::model::{
    ArgList, AttemptEnd, AttemptInfo, AttemptStart, KilledBy, Outcome, RenderJob, SpawnError, Stdin,
};
use crate::sys::child::Child;
use crate::sys::family::Family;
use crate::sys::fd;
use crate::sys::guardian::Guardian;
use crate::sys::passing;
use crate::sys::priority::be_nice;
use crate::sys::spawn::Spawner;
use crate::sys::tty;
use crate::sys::wake::Wake;

/// What the engine needs to know.
pub struct Config {
    /// How many attempts run at a time.
    pub slots: usize,
    /// Renders commands.
    pub prepare: Arc<dyn RenderJob>,
    /// How commands are started.
    pub launch: Launch,
    /// What becomes of jobs' output.
    pub capture: Capture,
    /// How output that is kept is compressed, if it is.
    pub codec: Option<Arc<Codec>>,
    /// What jobs read.
    pub stdin: JobStdin,
    /// Where jobs have windows.
    pub tmux: Option<Tmux>,
    /// Whether each attempt is to be over before the next is made ready.
    pub one_by_one: bool,
    /// How long an attempt may take, until somebody says otherwise.
    pub timeout: Option<Duration>,
    /// Whether the files that were made for a job are removed when it is over.
    pub remove_made_files: bool,
    /// Whether a directory of `--workdir` in which a job left nothing is removed.
    pub remove_empty_workdirs: bool,
    /// The niceness of jobs.
    pub nice: Option<i32>,
    /// How jobs get their input, and where its files are.
    pub stdin_transport: StdinTransport,
    /// The directory for them.
    pub stdin_dir: PathBuf,
    /// How attempts are ended.
    pub term_seq: TermSeq,
    /// Whether somebody wants to know when an attempt starts.
    pub report_starts: bool,
    /// Whether jobs show which slots they run in.
    pub shows_slots: bool,
}

/// What jobs read that are given no input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum JobStdin {
    /// Nothing.
    #[default]
    Empty,
    /// Our own standard input.
    Own,
    /// This file.
    File(PathBuf),
    /// The terminal, if there is one.
    Terminal,
}

/// How many processes a worker may have at a time: that of a job, and a warm shell.
pub const PROCESSES_PER_WORKER: usize = 2;

/// What a job leaves running when it ends may write on for this long before its output is taken: enough
/// for `echo x &`, and no time at all for jobs that leave nobody behind.
const GRACE: Duration = Duration::from_millis(20);

/// What compresses the output of jobs that were ended may take so long for the last of it.
const LAST_BYTES: Duration = Duration::from_secs(1);

/// How many times a pipe must be read to have all that is in it, be it as large as a user may make it.
const PIECES_IN_A_PIPE: usize = 16;

/// How many pieces of streamed output may be on their way, over all jobs.
const PIECES_IN_FLIGHT: u32 = 64;

/// Starts the pool that runs attempts on this host; `guardian` has [`PROCESSES_PER_WORKER`] for each of its workers.
///
/// # Errors
///
/// When the jobs' standard input cannot be opened or the workers cannot be started.
pub fn start(config: Config, guardian: &Guardian, updates: UpdateSender) -> anyhow::Result<Pool> {
    let (timeout, patience) = (config.timeout, config.term_seq.longest() + LAST_BYTES);
    let stdin = stdin(&config.stdin)
        .map_err(|error| anyhow::anyhow!("cannot open the jobs' standard input: {error}"))?;
    let wards: Vec<_> = (0..config.slots)
        .map(|worker| [0, 1].map(|place| guardian.ward(PROCESSES_PER_WORKER * worker + place)))
        .collect();
    let pieces = Tokens::new(PIECES_IN_FLIGHT)
        .map_err(|error| anyhow::anyhow!("cannot open an event descriptor: {error}"))?;
    let shared = Arc::new(Shared {
        config,
        stdin,
        pieces,
    });
    let pool = Pool::start(wards.len(), updates, move |index, worker| {
        // What a worker starts is as nice as itself.
        if let Some(niceness) = shared.config.nice {
            be_nice(niceness);
        }
        let [ward, ward_of_warm] = &wards[index];
        let spawner = Spawner::new(ward.clone());
        let mut capturer =
            Capturer::new(shared.config.capture.clone()).with_codec(shared.config.codec.clone());
        capturer.open_early();
        LocalRunner {
            launcher: Launcher::new(&shared.config.launch),
            capturer,
            warm: warm(&shared.config, spawner.beside(ward_of_warm.clone())),
            spawner,
            worker,
            shared: Arc::clone(&shared),
        }
    })?;
    pool.order(Order::TimeLimit(timeout));
    Ok(pool.with_patience(patience))
}

/// The warm shell of a worker, where jobs can be run in one.
fn warm(config: &Config, spawner: Spawner) -> Option<Warm> {
    // With a turn: these jobs are over before anything could be handed on.
    let (Capture::Spool(keep) | Capture::InTurn { dir: keep, .. }) = &config.capture else {
        return None;
    };
    if config.one_by_one || config.tmux.is_some() {
        return None;
    }
    Warm::new(&config.launch, keep, spawner)
}

/// What jobs read. Where our own standard input is closed there is nothing to inherit.
fn stdin(wanted: &JobStdin) -> io::Result<File> {
    let wanted = match wanted {
        JobStdin::File(path) => {
            let cannot = |error| io::Error::other(format!("{}: {error}", path.display()));
            return File::open(path).map_err(cannot);
        }
        JobStdin::Empty => None,
        JobStdin::Own => fd::duplicate(0).ok(),
        JobStdin::Terminal => tty::open().ok(),
    };
    wanted.map_or_else(|| File::open("/dev/null"), Ok)
}

/// What all workers have in common.
struct Shared {
    config: Config,
    /// What all of them read.
    stdin: File,
    pieces: Tokens,
}

impl Worker for WorkerHandle {
    fn show(&self, job: Option<Arc<AttemptInfo>>) {
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

struct LocalRunner {
    shared: Arc<Shared>,
    launcher: Launcher,
    capturer: Capturer,
    spawner: Spawner,
    warm: Option<Warm>,
    worker: Arc<WorkerHandle>,
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
        let prepared = prepare.prepare_until(&attempt.work, slot, self.worker.wake());
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
            slot,
            pid: None,
            argv: None,
        };
        let info = attempt.info(command, Some(at));
        let end = ended(attempt, info, outcome.unwrap_or(Outcome::Lost(None)));
        if runs { Ok(end) } else { Err(end) }
    }

    /// Runs the command in `end` by itself.
    fn run_alone(&mut self, attempt: &Attempt, updates: &UpdateSender, end: &mut AttemptEnd) {
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
            template_files::remove(&end.job.command);
        }
        abandon(attempt);
    }

    /// Runs the commands in `batch` in the warm shell, and by themselves where that cannot be. False: nothing that is
    /// left of those taken is to be run.
    #[allow(clippy::vec_box, reason = "an end travels to the reports in its box")]
    fn run_batch(&mut self, batch: Vec<Box<AttemptEnd>>, taken: &mut TakenAttempts) -> bool {
        let (Some(warm), false) = (&mut self.warm, batch.is_empty()) else {
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
        template_files::make(&end.job.command)?;
        let workdir = match &end.job.command.workdir {
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
        let line = &end.job.command.line;
        let wrapped = shared.config.tmux.as_ref().map(|tmux| tmux.wrapped(line));
        let start = Start {
            line: wrapped.as_deref().unwrap_or(line),
            seq: attempt.seq(),
            slot,
            stdin: reader.as_ref().map_or(shared.stdin.as_fd(), AsFd::as_fd),
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
        drop(reader);
        let (pid, started_at) = (child.pid(), launched.began_at);
        end.runs(pid, argv, started_at);
        if shared.config.report_starts {
            updates.started(Box::new(AttemptStart::of(end)));
        }
        self.worker.show(Some(Arc::clone(&end.job)));
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

/// What came of the start of a process, and when it began.
struct Launched {
    began: Instant,
    began_at: SystemTime,
    result: io::Result<(Child, Option<ArgList>)>,
}

/// Starts a process; again, where that fails for something that passes.
fn launch(
    launcher: &mut Launcher,
    spawner: &mut Spawner,
    mut start: Start,
    setbacks: &mut Setbacks,
) -> Launched {
    loop {
        let (began, began_at) = (Instant::now(), SystemTime::now());
        let result = launcher.launch(spawner, &start);
        match &result {
            Err(error) if !start.last_try && passing::is_passing(error) => {
                start.last_try = !setbacks.is_over_after(error);
            }
            _ => {
                return Launched {
                    began,
                    began_at,
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
    let line = &job.command.line;
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

#[cfg(test)]
pub(super) mod tests;
