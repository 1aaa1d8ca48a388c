//! Whose turn it is when output is shown in the order of the inputs.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::wake::Wake;

/// The number of the job whose output is shown now, and a doorbell for those that wait to be it.
#[derive(Debug)]
pub struct Turn {
    now: AtomicU64,
    waiting: Mutex<HashMap<u64, Arc<Wake>>>,
}

impl Default for Turn {
    fn default() -> Self {
        Self {
            now: AtomicU64::new(1),
            waiting: Mutex::default(),
        }
    }
}

impl Turn {
    /// Whether it is job number `seq`'s turn.
    pub fn is(&self, seq: u64) -> bool {
        self.now.load(Ordering::SeqCst) == seq
    }

    /// Rings `wake` when it is job number `seq`'s turn, or at once if it is.
    pub fn wait(&self, seq: u64, wake: &Arc<Wake>) {
        self.waiting().insert(seq, Arc::clone(wake));
        if self.is(seq) {
            wake.ring();
        }
    }

    /// Job number `seq` waits no more.
    pub fn leave(&self, seq: u64) {
        self.waiting().remove(&seq);
    }

    /// Makes it job number `seq`'s turn.
    pub fn pass_to(&self, seq: u64) {
        if self.now.swap(seq, Ordering::SeqCst) != seq
            && let Some(wake) = self.waiting().get(&seq)
        {
            wake.ring();
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<u64, Arc<Wake>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsFd as _;

    use super::*;
    use crate::sys::wake::is_readable;

    fn has_rung(wake: &Wake) -> bool {
        is_readable(wake.as_fd()).unwrap()
    }

    #[test]
    fn whoever_waits_is_rung_for_and_nobody_else() {
        let turn = Turn::default();
        let wakes = [1, 2, 3].map(|seq| {
            let wake = Arc::new(Wake::new().unwrap());
            turn.wait(seq, &wake);
            wake
        });
        assert!(turn.is(1) && has_rung(&wakes[0]) && !has_rung(&wakes[1]));
        turn.leave(2);
        turn.pass_to(2);
        assert!(!has_rung(&wakes[1]));
        turn.pass_to(3);
        assert!(has_rung(&wakes[2]) && turn.is(3));
    }
}
