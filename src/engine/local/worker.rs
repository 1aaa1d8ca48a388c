//! What other threads share with a worker.

use std::fs::File;
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::starts::{Starting, Starts};
use crate::engine::{JobSignal, Running};
use crate::model::{AttemptInfo, KilledBy};
use crate::sys::child::signal_group;
use crate::sys::wake::Wake;

/// A worker's place: what others see of it, and how it learns what is to become of its attempt.
#[derive(Debug)]
pub struct WorkerHandle {
    wake: Arc<Wake>,
    common: Arc<PoolOrders>,
    current: Mutex<Option<CurrentAttempt>>,
    /// Whether the attempt was told to stop, and not yet to go on.
    stopped: AtomicBool,
}

/// What holds for all workers.
#[derive(Debug, Default)]
pub(super) struct PoolOrders {
    killed_by: AtomicU8,
    /// How long an attempt may take, in nanoseconds; 0: as long as it wants.
    time_limit: AtomicU64,
    /// At how many workers an attempt runs.
    running: AtomicUsize,
    /// Whether an attempt could not be started although nobody ran, and none was since.
    starved: AtomicBool,
    starts: Starts,
}

/// The files for an attempt's standard output and standard error, if there are any.
pub(super) type OutputFiles = [Option<Arc<File>>; 2];

/// The attempt that runs at a worker. As long as it is here its process is not reaped, so that its
/// number is its own.
#[derive(Debug)]
struct CurrentAttempt {
    running: Running,
    /// The files that it writes into, where somebody watches.
    files: OutputFiles,
    /// On whose behalf this one is to end.
    end: Option<KilledBy>,
}

impl WorkerHandle {
    pub(super) fn new(common: &Arc<PoolOrders>) -> std::io::Result<Self> {
        Ok(Self {
            wake: Arc::new(Wake::new()?),
            common: Arc::clone(common),
            current: Mutex::new(None),
            stopped: AtomicBool::new(false),
        })
    }

    /// Shows which attempt runs here now; `None` before its process is reaped.
    pub fn show(&self, job: Option<Arc<AttemptInfo>>) {
        self.show_since(job, Instant::now(), [None, None]);
    }

    /// As [`show`](Self::show), of an attempt whose start began at `since` and that writes into `files`.
    pub(super) fn show_since(
        &self,
        job: Option<Arc<AttemptInfo>>,
        since: Instant,
        files: OutputFiles,
    ) {
        let mut current = self.current();
        if job.is_some() {
            self.stopped.store(false, Ordering::Relaxed);
        }
        let ran = current.is_some();
        *current = job.map(|job| CurrentAttempt {
            running: Running { job, since },
            files,
            end: None,
        });
        match (ran, current.is_some()) {
            (false, true) => {
                self.common.starved.store(false, Ordering::Relaxed);
                self.common.running.fetch_add(1, Ordering::Relaxed)
            }
            (true, false) => self.common.running.fetch_sub(1, Ordering::Relaxed),
            _ => 0,
        };
    }

    /// Remembers that nothing could be started; says whether that is remembered already.
    pub fn starve(&self, now: bool) -> bool {
        self.common.starved.fetch_or(now, Ordering::Relaxed)
    }

    /// Whether an attempt runs at another worker, while none runs here.
    pub fn others_run(&self) -> bool {
        self.common.running.load(Ordering::Relaxed) > 0
    }

    pub(super) fn running(&self) -> Option<Running> {
        self.current()
            .as_ref()
            .map(|current| current.running.clone())
    }

    /// The attempt that runs here, and the files that it writes into.
    pub(super) fn watched(&self) -> Option<(Running, OutputFiles)> {
        let current = self.current();
        let current = current.as_ref()?;
        Some((current.running.clone(), current.files.clone()))
    }

    /// Has the attempt that runs here end, if it is one at job number `seq`.
    pub(super) fn end(&self, seq: u64, by: KilledBy) {
        if let Some(current) = &mut *self.current()
            && current.running.job.seq == seq
        {
            current.end = Some(by);
            self.wake.ring();
        }
    }

    /// Signals the process group that runs here, if it belongs to job number `seq`; `None`: whoever's it is.
    pub(super) fn signal(&self, seq: Option<u64>, signal: JobSignal) {
        if let Some(current) = &*self.current()
            && seq.is_none_or(|seq| seq == current.running.job.seq)
        {
            let stops = signal != JobSignal::Continue;
            self.stopped.store(stops, Ordering::Relaxed);
            let number = match signal {
                JobSignal::Stop => libc::SIGSTOP,
                JobSignal::TerminalStop => libc::SIGTSTP,
                JobSignal::Continue => libc::SIGCONT,
            };
            if let Some(pid) = current.running.job.pid() {
                signal_group(pid, number);
            }
        }
    }

    /// Whether the attempt had been told to stop. It is not any more.
    pub fn was_stopped(&self) -> bool {
        self.stopped.swap(false, Ordering::Relaxed)
    }

    /// Waits while everything is being stopped. As long as what is returned lives, a process that is not shown yet
    /// may come to be, and whoever stops everything waits for it.
    pub(super) fn may_start(&self) -> Starting<'_> {
        self.common.starts.begin()
    }

    /// Whether the attempt that runs here is to end, and on whose behalf. Makes the bell silent, unless
    /// everything is to end.
    pub fn told_to_end(&self) -> Option<KilledBy> {
        if self.killed().is_none() {
            self.wake.reset();
        }
        let this_one = self.current().as_ref().and_then(|current| current.end);
        self.killed().or(this_one)
    }

    /// How long an attempt may take.
    pub fn time_limit(&self) -> Option<Duration> {
        let nanos = self.common.time_limit.load(Ordering::Relaxed);
        (nanos > 0).then(|| Duration::from_nanos(nanos))
    }

    fn current(&self) -> MutexGuard<'_, Option<CurrentAttempt>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What to watch while waiting.
    pub fn wake(&self) -> &Arc<Wake> {
        &self.wake
    }

    /// On whose behalf everything is to end; `None` while nothing is.
    pub fn killed(&self) -> Option<KilledBy> {
        match self.common.killed_by.load(Ordering::Acquire) {
            1 => Some(KilledBy::User),
            2 => Some(KilledBy::Halt),
            3 => Some(KilledBy::Memory),
            _ => None,
        }
    }
}

impl PoolOrders {
    /// Everything is to end on behalf of `by`.
    pub(super) fn end(&self, by: KilledBy) {
        let code = match by {
            KilledBy::User => 1,
            KilledBy::Halt => 2,
            KilledBy::Memory => 3,
        };
        self.killed_by.store(code, Ordering::Release);
        self.starts.go_on();
    }

    /// Which processes are being started; stops and goes on with all.
    pub(super) fn starts(&self) -> &Starts {
        &self.starts
    }

    /// From now on an attempt may take as long as `limit`; whether that may be less than before.
    pub(super) fn limit_time(&self, limit: Option<Duration>) -> bool {
        let nanos = limit.map_or(0, |limit| {
            u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX).max(1)
        });
        let before = self.time_limit.swap(nanos, Ordering::Relaxed);
        nanos > 0 && (before == 0 || nanos < before)
    }
}
