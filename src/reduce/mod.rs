//! `--reduce`: the outputs of jobs are merged by a command, in a tree, while others still run.
//!
//! What a job has written is a [`Segment`] of the whole; [`tree`] says which neighbours are merged next, and
//! the result is a segment in their place. The order of the inputs is kept, so the command has to be
//! associative and nothing else. Merges run on threads of their own, no more of them than slots, each the
//! process group of a ward. The last merge writes to fanout's own standard output.

mod merge;
mod tree;

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};

use crate::flow::spool::Captured;
use crate::sys::guardian::GuardedGroup;
use crate::sys::wake::Wake;
pub use merge::Config;
use merge::Merge;
use tree::{Segment, Tree};

/// What a merge of two inputs takes at most, so that there are no more merges at a time than can be.
const LEAST_DESCRIPTORS: u64 = 12;
/// What a merge takes where there are enough.
pub const DESCRIPTORS: u64 = 160;

/// Merges outputs.
#[derive(Debug)]
pub struct Reducer {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    /// For the last merge.
    ward: GuardedGroup,
}

#[derive(Debug)]
struct Shared {
    config: Config,
    state: Mutex<State>,
    changed: Condvar,
    /// Rung when all merges are to end.
    stop: Wake,
}

#[derive(Debug)]
struct State {
    tree: Tree<Captured>,
    /// Merges that run.
    running: usize,
    /// Whether no output comes any more.
    over: bool,
    /// Whether nobody wants a result.
    stopped: bool,
    /// Why there is no result.
    failed: Option<io::Error>,
}

impl Reducer {
    /// A reducer with as many threads as there are `wards` but one, which is for the last merge; fewer where descriptors
    /// are.
    ///
    /// # Errors
    ///
    /// When threads or descriptors cannot be had.
    pub fn start(
        config: Config,
        wards: impl IntoIterator<Item = GuardedGroup>,
    ) -> io::Result<Self> {
        let wards: Vec<GuardedGroup> = wards.into_iter().collect();
        let (threads, most) = (wards.len().saturating_sub(1), config.descriptors);
        let threads = threads.min(usize::try_from(most / LEAST_DESCRIPTORS).unwrap_or(usize::MAX));
        let room = config.room(most / threads.max(1) as u64);
        let shared = Arc::new(Shared {
            config,
            state: Mutex::new(State {
                tree: Tree::new(room),
                running: 0,
                over: false,
                stopped: false,
                failed: None,
            }),
            changed: Condvar::new(),
            stop: Wake::new()?,
        });
        let mut wards = wards.into_iter().take(threads.max(1) + 1);
        let last = wards.next();
        let ward = last.ok_or_else(|| io::Error::other("no place for a process"))?;
        let mut reducer = Self {
            shared,
            threads: Vec::new(),
            ward,
        };
        for ward in wards {
            let shared = Arc::clone(&reducer.shared);
            let thread = thread::Builder::new()
                .name("merge".into())
                .spawn(move || shared.work(ward))?;
            reducer.threads.push(thread);
        }
        Ok(reducer)
    }

    /// Takes the output of job number `seq`; each number comes once, whatever became of the job.
    ///
    /// # Errors
    ///
    /// Why a merge has failed by now.
    pub fn take(&self, seq: u64, output: Captured) -> io::Result<()> {
        let mut state = self.shared.state();
        state.tree.insert(Segment::of_job(seq, output));
        let failed = state.failed.take();
        drop(state);
        self.shared.changed.notify_one();
        failed.map_or(Ok(()), Err)
    }

    /// All outputs were taken: merges what is left, onto fanout's own standard output.
    ///
    /// # Errors
    ///
    /// Why there is no result, or only part of it.
    pub fn finish(self) -> io::Result<()> {
        let mut state = self.shared.state();
        state.over = true;
        self.shared.changed.notify_all();
        while state.failed.is_none() && (state.running > 0 || state.tree.has_too_many()) {
            state = self.shared.wait(state);
        }
        if let Some(failed) = state.failed.take() {
            return Err(failed);
        }
        let rest = state.tree.take_all();
        drop(state);
        if rest.is_empty() {
            return Ok(());
        }
        Merge::new(&self.shared.config, self.ward.clone())
            .merge_onto_stdout(rest, &self.shared.stop)
    }
}

impl Drop for Reducer {
    /// Ends merges that still run.
    fn drop(&mut self) {
        let mut state = self.shared.state();
        (state.over, state.stopped) = (true, true);
        drop(state);
        self.shared.stop.ring();
        self.shared.changed.notify_all();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

impl Shared {
    /// One thread's life.
    fn work(&self, ward: GuardedGroup) {
        let mut merge = Merge::new(&self.config, ward);
        let mut state = self.state();
        loop {
            if state.stopped || state.failed.is_some() {
                return;
            }
            let over = state.over;
            let Some(group) = state.tree.next_group(over) else {
                state = self.wait(state);
                continue;
            };
            state.running += 1;
            drop(state);
            let place = group.place();
            let merged = merge.merge_into_file(group.into_outputs(), &self.stop);
            state = self.state();
            state.running -= 1;
            match merged {
                Ok(output) => state.tree.insert(place.with(output)),
                Err(error) => {
                    state.failed.get_or_insert(error);
                }
            }
            self.changed.notify_all();
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        let changed = &self.changed;
        changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests;
