//! Whether an engine that answers at once has stopped, for those that hold nothing.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// Set by an end on which to stop, and taken back by [`Order::GoOn`](super::Order::GoOn).
#[derive(Debug, Default)]
pub(super) struct Stopped {
    now: AtomicBool,
    /// How many such ends there were.
    ends: AtomicU64,
}

impl Stopped {
    pub(super) fn is_set(&self) -> bool {
        self.now.load(Ordering::Relaxed)
    }

    /// There was such an end.
    pub(super) fn set(&self) {
        self.now.store(true, Ordering::Relaxed);
        self.ends.fetch_add(1, Ordering::Relaxed);
    }

    /// Goes on, if no more than `seen` ends were told.
    pub(super) fn go_on(&self, seen: u64) {
        if seen == self.ends.load(Ordering::Relaxed) {
            self.now.store(false, Ordering::Relaxed);
        }
    }
}
