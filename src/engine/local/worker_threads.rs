//! The worker threads, started as there is work for them.
//!
//! Each belongs to a rayon pool, a group of a few: rayon has every thread of a pool look for work at every
//! other one, which a thousand threads would do for seconds before the first of them began.

use std::io;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;

use super::worker::WorkerHandle;

/// As many threads share a rayon pool, and leave together where there are too many.
const GROUP: usize = 4;

/// All workers that were started, by their index.
pub(super) type Workers = Arc<Mutex<Vec<Arc<WorkerHandle>>>>;

/// One worker's life, from its index and its worker on.
type Life = Arc<dyn Fn(usize, Arc<WorkerHandle>) + Send + Sync>;

/// What is done when a worker has ended and let go of its [`Life`].
type Left = Arc<dyn Fn() + Send + Sync>;

/// Counts a worker out, even when it panics.
struct CountOut<'a>(&'a Left);

impl Drop for CountOut<'_> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// The workers that were started.
pub(super) struct WorkerThreads {
    /// There are never more.
    most: AtomicUsize,
    new_worker: Box<dyn Fn() -> io::Result<WorkerHandle> + Send + Sync>,
    live: Life,
    left: Left,
    /// One for each worker, by its index.
    workers: Workers,
    groups: Mutex<Vec<Group>>,
}

/// Workers that share a rayon pool.
struct Group {
    /// The index of the first.
    first: usize,
    /// Its threads go on until they have nothing more to do, then it is gone.
    _threads: rayon::ThreadPool,
}

impl WorkerThreads {
    /// `most` workers at most, none of which is there yet.
    pub(super) fn new(
        most: usize,
        new_worker: impl Fn() -> io::Result<WorkerHandle> + Send + Sync + 'static,
        live: impl Fn(usize, Arc<WorkerHandle>) + Send + Sync + 'static,
        left: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        Self {
            most: AtomicUsize::new(most),
            new_worker: Box::new(new_worker),
            live: Arc::new(live),
            left: Arc::new(left),
            workers: Workers::default(),
            groups: Mutex::default(),
        }
    }

    /// Those of the workers that were started.
    pub(super) fn workers(&self) -> MutexGuard<'_, Vec<Arc<WorkerHandle>>> {
        self.workers.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The list of them, which grows.
    pub(super) fn list(&self) -> &Workers {
        &self.workers
    }

    /// How many workers there may be.
    pub(super) fn most(&self) -> usize {
        self.most.load(Ordering::Relaxed)
    }

    /// Starts `count` more workers, as far as there may be so many. `counted` is told of those that are about
    /// to begin, `uncounted` of those that did not after all.
    ///
    /// # Errors
    ///
    /// When not all of them can be started; as many as can be were.
    pub(super) fn grow(
        &self,
        count: usize,
        counted: impl Fn(usize),
        uncounted: impl Fn(usize),
    ) -> anyhow::Result<()> {
        // Whoever enlists has the groups locked, so that indices are given out once.
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = self.workers().len();
        let mut left = count.min(self.most().saturating_sub(begun));
        let mut most = GROUP;
        while left > 0 {
            let size = left.min(most);
            counted(size);
            match self.group(size) {
                Ok(group) => {
                    groups.push(group);
                    left -= size;
                }
                Err(error) => {
                    uncounted(size);
                    if size == 1 {
                        return Err(error);
                    }
                    most = size / 2;
                }
            }
        }
        Ok(())
    }

    /// Keeps at most `count` workers, in whole groups but at least one group; returns how many there may be from now
    /// on. The last ones are to leave, and their threads end.
    pub(super) fn keep(&self, count: usize) -> usize {
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let mut most = self.workers().len();
        while most > count
            && groups.len() > 1
            && let Some(last) = groups.pop()
        {
            most = last.first;
        }
        let most = most.max(1);
        self.most.store(most, Ordering::Relaxed);
        most
    }

    fn group(&self, size: usize) -> anyhow::Result<Group> {
        let newcomers = (0..size)
            .map(|_| (self.new_worker)().map(Arc::new))
            .collect::<io::Result<Vec<_>>>()
            .context("cannot open an event descriptor")?;
        let first = self.workers().len();
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(size)
            .thread_name(move |index| format!("slot-{}", first + index))
            .stack_size(512 * 1024)
            .build()
            .map_err(|error| anyhow::anyhow!("cannot start a thread: {error}"))?;
        self.workers().extend(newcomers.iter().cloned());
        // When the last worker is counted out, none has anything any more: the pool drops it, not one of its threads
        // at a time when nobody waits for them.
        let lives: Vec<_> = (0..size)
            .map(|_| Mutex::new(Some(Arc::clone(&self.live))))
            .collect();
        let left = Arc::clone(&self.left);
        threads.spawn_broadcast(move |context| {
            let index = context.index();
            let _counts_out = CountOut(&left);
            let mut own = lives[index].lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(live) = own.take() {
                drop(own);
                live(first + index, Arc::clone(&newcomers[index]));
            }
        });
        Ok(Group {
            first,
            _threads: threads,
        })
    }
}
