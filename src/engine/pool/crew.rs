//! The worker threads, started as there is work for them.
//!
//! Each belongs to a rayon pool, a group of a few: rayon has every thread of a pool look for work at every
//! other one, which a thousand threads would do for seconds before the first of them began.

use std::io;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context as _;

use super::Station;

/// As many threads share a rayon pool.
const GROUP: usize = 16;

/// One worker's life, from its index and its station on.
type Life = Arc<dyn Fn(usize, Arc<Station>) + Send + Sync>;

/// The workers that were started.
pub(super) struct Crew {
    /// There are never more.
    most: usize,
    new_station: Box<dyn Fn() -> io::Result<Station> + Send + Sync>,
    live: Life,
    /// One for each worker, by its index.
    stations: Mutex<Vec<Arc<Station>>>,
    groups: Mutex<Vec<rayon::ThreadPool>>,
}

impl Crew {
    /// A crew of `most` workers at most, none of which is there yet.
    pub(super) fn new(
        most: usize,
        new_station: impl Fn() -> io::Result<Station> + Send + Sync + 'static,
        live: impl Fn(usize, Arc<Station>) + Send + Sync + 'static,
    ) -> Self {
        Self {
            most,
            new_station: Box::new(new_station),
            live: Arc::new(live),
            stations: Mutex::default(),
            groups: Mutex::default(),
        }
    }

    /// Those of the workers that were started.
    pub(super) fn stations(&self) -> MutexGuard<'_, Vec<Arc<Station>>> {
        self.stations.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts `count` more workers, as far as there may be so many. `counted` is told of those that are about
    /// to begin, `uncounted` of those that did not after all.
    ///
    /// # Errors
    ///
    /// When not all of them can be started.
    pub(super) fn enlist(
        &self,
        count: usize,
        counted: impl Fn(usize),
        uncounted: impl Fn(usize),
    ) -> anyhow::Result<()> {
        // Whoever enlists has the groups locked, so that indices are given out once.
        let mut groups = self.groups.lock().unwrap_or_else(PoisonError::into_inner);
        let begun = self.stations().len();
        let mut left = count.min(self.most.saturating_sub(begun));
        while left > 0 {
            let size = left.min(GROUP);
            counted(size);
            groups.push(self.group(size).inspect_err(|_| uncounted(size))?);
            left -= size;
        }
        Ok(())
    }

    fn group(&self, size: usize) -> anyhow::Result<rayon::ThreadPool> {
        let newcomers = (0..size)
            .map(|_| (self.new_station)().map(Arc::new))
            .collect::<io::Result<Vec<_>>>()
            .context("cannot open an event descriptor for each job slot")?;
        let first = self.stations().len();
        let threads = rayon::ThreadPoolBuilder::new()
            .num_threads(size)
            .thread_name(move |index| format!("slot-{}", first + index))
            .stack_size(512 * 1024)
            .build()
            .with_context(|| format!("cannot start {size} threads"))?;
        self.stations().extend(newcomers.iter().cloned());
        let live = Arc::clone(&self.live);
        threads.spawn_broadcast(move |context| {
            let index = context.index();
            live(first + index, Arc::clone(&newcomers[index]));
        });
        Ok(threads)
    }
}
