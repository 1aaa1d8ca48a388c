//! A thread a slot: workers that take attempts from one queue and run each to its end.
//!
//! The queue is shared, so an attempt never waits behind a long one while another worker is idle. It
//! may hold more attempts than there are idle workers: then a worker goes from one tiny job to the
//! next without waiting for the controller, and need not even wake it each time. What is in the queue
//! has not begun, and [`Pool::close`] takes it back.

use std::collections::{BTreeSet, VecDeque};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU8, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;

use super::{Attempt, Engine, Post, Reply, never_ran};
use crate::model::{AttemptEnd, JobIdentity, KilledBy, Outcome, SpawnError};
use crate::sys::mailbox::Urgency;
use crate::sys::wake::Wake;

/// What a worker does with an attempt.
pub trait Runner: Send {
    /// Runs `attempt` in slot number `slot` (from 1) to its end.
    fn run(&mut self, attempt: &Attempt, slot: usize, post: &Post) -> Box<AttemptEnd>;
}

/// A worker's place: what others see of it, and how it learns that its attempt is to be ended.
#[derive(Debug)]
pub struct Station {
    wake: Wake,
    killed_by: Arc<AtomicU8>,
    running: Mutex<Option<Arc<JobIdentity>>>,
}

impl Station {
    fn new(killed_by: &Arc<AtomicU8>) -> std::io::Result<Self> {
        Ok(Self {
            wake: Wake::new()?,
            killed_by: Arc::clone(killed_by),
            running: Mutex::new(None),
        })
    }

    /// Shows which attempt runs here now.
    pub fn show(&self, running: Option<Arc<JobIdentity>>) {
        *self.running.lock().unwrap_or_else(PoisonError::into_inner) = running;
    }

    fn running(&self) -> Option<Arc<JobIdentity>> {
        self.running
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// What to watch while waiting.
    pub fn wake(&self) -> &Wake {
        &self.wake
    }

    /// On whose behalf everything is to end; `None` while nothing is.
    pub fn killed(&self) -> Option<KilledBy> {
        match self.killed_by.load(Ordering::Acquire) {
            1 => Some(KilledBy::User),
            2 => Some(KilledBy::Halt),
            _ => None,
        }
    }
}

/// The workers and their queue.
pub struct Pool {
    shared: Arc<Shared>,
    stations: Vec<Arc<Station>>,
    killed_by: Arc<AtomicU8>,
    /// Rayon's threads, one for each worker; they end when the queue is closed.
    _threads: rayon::ThreadPool,
}

struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
    post: Post,
}

#[derive(Default)]
struct Queue {
    attempts: VecDeque<Attempt>,
    /// Below this many attempts the controller is woken to bring more.
    low_water: usize,
    closed: bool,
    /// Workers that wait for an attempt.
    idle: usize,
    /// Workers that have not ended.
    alive: usize,
    slots: SlotNumbers,
}

/// The numbers of the slots in use: a new attempt gets the lowest free one, as in GNU parallel.
#[derive(Default)]
struct SlotNumbers {
    free: BTreeSet<usize>,
    used: usize,
}

impl SlotNumbers {
    fn take(&mut self) -> usize {
        self.free.pop_first().unwrap_or_else(|| {
            self.used += 1;
            self.used
        })
    }

    fn put_back(&mut self, slot: usize) {
        self.free.insert(slot);
    }
}

impl Pool {
    /// Starts `workers` threads; each calls `make_runner` with its index and its station, and then
    /// runs attempts until the pool is closed.
    ///
    /// # Errors
    ///
    /// When the threads cannot be started.
    pub fn start<R: Runner>(
        workers: usize,
        post: Post,
        make_runner: impl Fn(usize, Arc<Station>) -> R + Send + Sync + 'static,
    ) -> anyhow::Result<Self> {
        let killed_by = Arc::new(AtomicU8::new(0));
        let stations = (0..workers)
            .map(|_| Station::new(&killed_by).map(Arc::new))
            .collect::<std::io::Result<Vec<_>>>()
            .context("cannot open an event descriptor for each job slot")?;
        let queue = Mutex::new(Queue {
            alive: workers,
            ..Queue::default()
        });
        let shared = Arc::new(Shared {
            queue,
            changed: Condvar::new(),
            post,
        });
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(workers)
            .thread_name(|index| format!("slot-{index}"))
            .stack_size(512 * 1024)
            .build()
            .with_context(|| format!("cannot start {workers} threads"))?;
        let (for_workers, their_stations) = (Arc::clone(&shared), stations.clone());
        threads.spawn_broadcast(move |context| {
            let index = context.index();
            let _leave = Leave(&for_workers);
            let mut runner = make_runner(index, Arc::clone(&their_stations[index]));
            for_workers.work(&mut runner);
        });
        Ok(Self {
            shared,
            stations,
            killed_by,
            _threads: threads,
        })
    }
}

impl Engine for Pool {
    fn submit(&self, attempts: Vec<Attempt>) {
        let mut queue = self.shared.lock();
        let count = attempts.len();
        queue.attempts.extend(attempts);
        queue.low_water = queue.attempts.len() / 2;
        let wake = count.min(queue.idle);
        drop(queue);
        for _ in 0..wake {
            self.shared.changed.notify_one();
        }
    }

    fn close(&self) -> Vec<Attempt> {
        let mut queue = self.shared.lock();
        queue.closed = true;
        let unstarted = queue.attempts.drain(..).collect();
        drop(queue);
        self.shared.changed.notify_all();
        unstarted
    }

    fn running(&self) -> Vec<Vec<u8>> {
        let running = self.stations.iter().filter_map(|station| station.running());
        running.map(|job| job.command.line.clone()).collect()
    }

    fn kill(&self, by: KilledBy) {
        let code = match by {
            KilledBy::User => 1,
            KilledBy::Halt => 2,
        };
        self.killed_by.store(code, Ordering::Release);
        for station in &self.stations {
            station.wake.ring();
        }
    }
}

impl Drop for Pool {
    /// Closes the pool and waits for its workers.
    fn drop(&mut self) {
        self.close();
        let mut queue = self.shared.lock();
        while queue.alive > 0 {
            queue = self
                .shared
                .changed
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

impl Shared {
    /// One worker's life.
    fn work(&self, runner: &mut impl Runner) {
        while let Some((attempt, slot)) = self.next() {
            let mut reply = PendingReply {
                shared: self,
                attempt: &attempt,
                slot,
                end: None,
            };
            // A panic is reported as a lost attempt by `reply`; the worker goes on with the next.
            reply.end =
                catch_unwind(AssertUnwindSafe(|| runner.run(&attempt, slot, &self.post))).ok();
        }
    }

    /// Waits for an attempt and a slot number for it; `None` when the pool is closed.
    fn next(&self) -> Option<(Attempt, usize)> {
        let mut queue = self.lock();
        loop {
            if queue.closed {
                return None;
            }
            if let Some(attempt) = queue.attempts.pop_front() {
                return Some((attempt, queue.slots.take()));
            }
            queue.idle += 1;
            queue = self
                .changed
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
            queue.idle -= 1;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // No code between lock and unlock can panic half-way through a change.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Posts an attempt's end when dropped: what its runner returned or, if that panicked, `Lost`.
struct PendingReply<'a> {
    shared: &'a Shared,
    attempt: &'a Attempt,
    slot: usize,
    end: Option<Box<AttemptEnd>>,
}

impl Drop for PendingReply<'_> {
    fn drop(&mut self) {
        let end = self
            .end
            .take()
            .unwrap_or_else(|| never_ran(self.attempt, Outcome::Lost));
        let mut queue = self.shared.lock();
        queue.slots.put_back(self.slot);
        if matches!(
            end.outcome,
            Outcome::SpawnFailed(SpawnError { fatal: true, .. })
        ) {
            // The run will end; what was handed over ahead must not begin until it has.
            queue.closed = true;
        }
        let enough = queue.attempts.len() > queue.low_water;
        drop(queue);
        let urgency = if enough { Urgency::Soon } else { Urgency::Now };
        (self.shared.post)(Reply::Ended(end), urgency);
    }
}

/// Counts a worker out, even when it panics.
struct Leave<'a>(&'a Shared);

impl Drop for Leave<'_> {
    fn drop(&mut self) {
        self.0.lock().alive -= 1;
        self.0.changed.notify_all();
    }
}
