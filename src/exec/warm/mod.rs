//! Shells that run many jobs: for command lines that need a shell and leave no trace in it.
//!
//! [`pure`] tells which lines those are: what one of them prints, and how it ends, is the same in a
//! shell that has run others before. A worker has one such shell ([`shell`]) and hands it jobs in
//! batches ([`batch`]), the larger the shorter they take. The shell's output goes into files in memory
//! that the worker empties after each batch.
//!
//! What makes this safe is that a pure line may be run again without anybody noticing. Whenever
//! something is not as it should be (the shell has ended, a builtin had to complain, a marker is
//! missing), the jobs concerned are run once more, in a shell of their own, and only that counts.
//!
//! A batch is too short to watch its jobs one by one. The time that it took is divided among them
//! evenly, and so is the CPU time of the shell; memory, page faults and the like are not known.

mod batch;
pub mod pure;
mod shell;

use std::fs::File;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use memchr::memmem;

use super::launch::{Launch, SLOT_FROM_0};
use super::shell::{ShellBypass, ShellKind};
use crate::flow::spool::SpoolDir;
use crate::model::{AttemptEnd, AttemptInfo, KilledBy, Outcome};
use crate::sys::child::Waited;
use crate::sys::spawn::Spawner;
use crate::sys::wake::Wake;
use batch::{Batch, JobResult};
use pure::PureLines;
use shell::WarmShell;

/// No batch has more jobs.
const MOST_JOBS: usize = 512;
/// Nor a longer script, in bytes.
const MOST_BYTES: usize = 64 * 1024;
/// The first batch has this many jobs.
const FEW_JOBS: usize = 8;
/// A batch that takes less than half of this is followed by a larger one, one that takes more than twice
/// this by a smaller one.
const BATCH_TIME: Duration = Duration::from_millis(4);
/// After so many batches in a row of which something had to be run again, no more are made.
const MOST_FAILURES: u32 = 4;

/// What a warm shell has to know of the worker that it works for.
pub trait Worker {
    /// Shows which attempt runs here now; `None` before its process is reaped.
    fn show(&self, job: Option<Arc<AttemptInfo>>);

    /// Rings when there is something new to be known.
    fn wake(&self) -> &Wake;

    /// On whose behalf the attempt that runs here is to end, if it is.
    fn told_to_end(&self) -> Option<KilledBy>;

    /// How long an attempt may take.
    fn time_limit(&self) -> Option<Duration>;
}

/// One worker's warm shell and the batch that is being made for it.
#[derive(Debug)]
pub struct Warm {
    lines: PureLines,
    spawner: Spawner,
    shell: Option<WarmShell>,
    batch: Batch,
    outputs: [Vec<u8>; 2],
    /// Where the output of jobs is kept.
    keep: Arc<SpoolDir>,
    limit: usize,
    /// Whether a job of the batch shows its slot, which all jobs of a batch have in common.
    shows_slot: bool,
    failures: u32,
    /// Whether it has been offered a job before.
    used: bool,
}

/// When the jobs of a batch ran and what they cost, as far as it can be known.
#[derive(Clone, Copy, Debug)]
struct Timing {
    /// When the first began.
    began: SystemTime,
    /// How long each took.
    each: Duration,
    /// The CPU time that each took.
    cpu: Duration,
}

/// Why a batch was not run to its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// The shell is of no use.
    Broken,
    /// The jobs were to end.
    Cancelled(KilledBy),
}

impl Warm {
    /// That of a worker whose other processes are not started by `spawner`; what jobs print goes to `keep`. `None`:
    /// no job can be run this way.
    pub fn new(launch: &Launch, keep: &Arc<SpoolDir>, spawner: Spawner) -> Option<Self> {
        if launch.on_terminal || launch.slot_variable != SLOT_FROM_0 {
            return None;
        }
        if !launch.warm || launch.always_shell || !launch.prelude.is_empty() {
            return None;
        }
        let certain = match launch.shell.kind() {
            // Where the environment has something special for the shell, each job sees to it itself.
            ShellKind::Bash | ShellKind::Dash => {
                let socket = crate::sys::stdin::is_socket();
                ShellBypass::new(&launch.shell, &launch.env, &launch.cwd, socket).is_some()
            }
            ShellKind::Zsh => true,
            ShellKind::Other => false,
        };
        let lines = PureLines::new(launch.shell.kind(), &launch.env).filter(|_| certain)?;
        Some(Self {
            lines,
            spawner,
            shell: None,
            batch: Batch::new().ok()?,
            outputs: [Vec::new(), Vec::new()],
            keep: Arc::clone(keep),
            limit: FEW_JOBS,
            shows_slot: false,
            failures: 0,
            used: false,
        })
    }

    /// Adds a job to the batch, if it can be run this way.
    pub fn offer(&mut self, job: &AttemptInfo) -> bool {
        if self.failures >= MOST_FAILURES || job.command.task.needs_its_own_process() {
            return false;
        }
        let (line, slot) = (&job.command.task.line, job.slot().unwrap_or(1));
        let Some(purity) = self.lines.purity(line) else {
            return false;
        };
        self.shows_slot |=
            purity.job_variables && memmem::find(line, b"PARALLEL_JOBSLOT").is_some();
        self.batch.push(line, purity, job.seq, slot);
        true
    }

    /// Whether the batch takes no more.
    pub fn is_full(&self) -> bool {
        self.shows_slot || self.batch.len() >= self.limit || self.batch.bytes() >= MOST_BYTES
    }

    /// Runs the batch, whose jobs are `jobs`, and writes down in there what became of each. Tells which of
    /// them have to be run by themselves after all.
    pub fn run(
        &mut self,
        mut jobs: Vec<Box<AttemptEnd>>,
        launch: &Launch,
        stdin: &File,
        worker: &impl Worker,
    ) -> Vec<(Box<AttemptEnd>, bool)> {
        let pid = self.shell(launch, stdin);
        let (start, began) = (Instant::now(), SystemTime::now());
        if let Some(pid) = pid {
            for end in &mut jobs {
                end.runs(pid, None, began);
            }
        }
        let before = self.cpu_time();
        worker.show(pid.map(|_| Arc::clone(&jobs[0].job)));
        let ran = match pid {
            Some(_) => self.run_batch(worker, start),
            None => Err(Cut::Broken),
        };
        worker.show(None);
        let took = start.elapsed();
        let share = jobs.len() as u32;
        let cpu = self.cpu_time().saturating_sub(before);
        let timing = Timing {
            began,
            each: took / share,
            // The shell may have gone on a little after the time was taken.
            cpu: cpu.min(took) / share,
        };
        if !self.read_output() {
            self.shell = None;
        }
        let results = self.batch.results(&self.outputs[0], &self.outputs[1]);
        let done = jobs.into_iter().zip(results).zip(0..);
        let ended: Vec<_> = done
            .map(|((end, result), place)| self.ended(end, &result, ran, (timing, place)))
            .collect();
        if pid.is_some() {
            let failed = ended.iter().any(|(_, alone)| *alone);
            self.failures = if failed { self.failures + 1 } else { 0 };
        }
        if ran.is_err() {
            self.shell = None;
        }
        self.adapt(took);
        self.batch.clear();
        self.shows_slot = false;
        ended
    }

    /// `end` with what became of it, and whether it has to be run again.
    fn ended(
        &self,
        mut end: Box<AttemptEnd>,
        result: &JobResult,
        ran: Result<(), Cut>,
        (timing, place): (Timing, u32),
    ) -> (Box<AttemptEnd>, bool) {
        if let Some(ran) = &mut end.ran {
            ran.started_at = timing.began + timing.each * place;
        }
        end.ran_for(timing.each);
        match (result, ran) {
            (
                JobResult::Done {
                    code,
                    stdout,
                    stderr,
                },
                _,
            ) => {
                let [out, err] = &self.outputs;
                let kept =
                    [&out[stdout.clone()], &err[stderr.clone()]].map(|it| self.keep.keep(it));
                let [Ok(stdout), Ok(stderr)] = kept else {
                    return (end, true);
                };
                (end.stdout, end.stderr) = (stdout, stderr);
                end.outcome = Outcome::Exited(*code);
                end.usage.user = timing.cpu;
            }
            (JobResult::Unclear, Err(Cut::Cancelled(by))) => {
                end.outcome = Outcome::Cancelled { by, signal: None };
            }
            (JobResult::Unclear, _) => return (end, true),
        }
        (end, false)
    }

    /// The process id of the shell, which is started if there is none; `None`: there can be none, or it is
    /// not worth while.
    fn shell(&mut self, launch: &Launch, stdin: &File) -> Option<i32> {
        let first = !std::mem::replace(&mut self.used, true);
        if first && self.batch.len() == 1 {
            return None;
        }
        if self.shell.is_none() {
            let shell = WarmShell::start(launch, &mut self.spawner, stdin);
            self.failures += u32::from(shell.is_err());
            self.shell = shell.ok();
        }
        self.shell.as_ref().map(WarmShell::pid)
    }

    fn cpu_time(&self) -> Duration {
        self.shell
            .as_ref()
            .map_or(Duration::ZERO, WarmShell::cpu_time)
    }

    /// Reads what the shell has printed; `false`: nothing, because that could not be read.
    fn read_output(&mut self) -> bool {
        let shell = self.shell.as_ref();
        let read = shell.is_some_and(|shell| shell.take_output(&mut self.outputs).is_ok());
        if !read {
            self.outputs.iter_mut().for_each(Vec::clear);
        }
        read
    }

    /// Has the shell run the batch.
    fn run_batch(&mut self, worker: &impl Worker, start: Instant) -> Result<(), Cut> {
        let broken = |_| Cut::Broken;
        let shell = self.shell.as_mut().ok_or(Cut::Broken)?;
        shell.begin(self.batch.script()).map_err(broken)?;
        loop {
            let limit = worker.time_limit();
            let deadline = limit.and_then(|limit| start.checked_add(limit));
            match shell.wait(worker.wake(), deadline).map_err(broken)? {
                Waited::Readable => return Ok(()),
                Waited::Rung => {
                    if let Some(by) = worker.told_to_end() {
                        return Err(Cut::Cancelled(by));
                    }
                }
                Waited::TimedOut if limit != worker.time_limit() => {}
                // Which of them takes so long shows when each has a shell of its own.
                Waited::TimedOut | Waited::Ended => return Err(Cut::Broken),
            }
        }
    }

    /// Makes the next batch larger or smaller than one that took this long.
    fn adapt(&mut self, took: Duration) {
        if took < BATCH_TIME / 2 && self.batch.len() >= self.limit {
            self.limit = (self.limit * 2).min(MOST_JOBS);
        } else if took > BATCH_TIME * 2 {
            self.limit = (self.limit / 2).max(1);
        }
    }
}
