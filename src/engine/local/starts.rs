//! The moment between a process's start and its being known, which a signal to all must not fall into.

use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// How long a stop waits for processes that are being started. A program on a server that does not answer may take
/// as long as it wants.
const PATIENCE: Duration = Duration::from_secs(1);

/// Keeps starts of processes and a stop of them all apart: a stop waits until those that have begun to start are
/// known, and none starts from then on until it is over.
#[derive(Debug, Default)]
pub(super) struct Starts {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// How many are being started.
    starting: usize,
    stopped: bool,
}

/// A process that is being started.
#[derive(Debug)]
pub(super) struct Starting<'a>(&'a Starts);

impl Starts {
    /// Waits while everything is stopped; then a process may be started.
    pub(super) fn begin(&self) -> Starting<'_> {
        let state = self.state();
        let state = self.changed.wait_while(state, |state| state.stopped);
        state.unwrap_or_else(PoisonError::into_inner).starting += 1;
        Starting(self)
    }

    /// Nothing starts from now on; returns when all that was being started is known.
    pub(super) fn stop(&self) {
        let mut state = self.state();
        state.stopped = true;
        let is_starting = |state: &mut State| state.starting > 0;
        drop(
            self.changed
                .wait_timeout_while(state, PATIENCE, is_starting),
        );
    }

    /// The end of a stop, if there is one.
    pub(super) fn go_on(&self) {
        self.state().stopped = false;
        self.changed.notify_all();
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Starting<'_> {
    fn drop(&mut self) {
        let mut state = self.0.state();
        state.starting -= 1;
        if state.stopped && state.starting == 0 {
            self.0.changed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use super::*;

    #[test]
    fn a_stop_waits_for_what_is_being_started() {
        let (starts, known) = (Starts::default(), AtomicBool::new(false));
        let starting = starts.begin();
        thread::scope(|scope| {
            let stop = scope.spawn(|| {
                starts.stop();
                assert!(known.load(Ordering::Relaxed));
            });
            while !starts.state().stopped {
                thread::yield_now();
            }
            known.store(true, Ordering::Relaxed);
            drop(starting);
            stop.join().unwrap();
        });
    }

    #[test]
    fn nothing_starts_before_a_stop_is_over() {
        let (starts, goes_on) = (Starts::default(), AtomicBool::new(false));
        starts.stop();
        thread::scope(|scope| {
            let start = scope.spawn(|| {
                drop(starts.begin());
                assert!(goes_on.load(Ordering::Relaxed));
            });
            goes_on.store(true, Ordering::Relaxed);
            starts.go_on();
            start.join().unwrap();
        });
        drop(starts.begin());
    }
}
