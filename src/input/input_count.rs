//! How many inputs have been seen, while they are still being read.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

/// A handle on the count. Clones refer to the same one.
#[derive(Clone, Debug, Default)]
pub struct InputCount(Arc<(AtomicU64, AtomicBool)>);

impl InputCount {
    /// So many more were seen.
    pub fn add(&self, count: u64) {
        self.0.0.fetch_add(count, Ordering::Relaxed);
    }

    /// All were.
    pub fn end(&self) {
        self.0.1.store(true, Ordering::Release);
    }

    /// How many there are at least.
    pub fn at_least(&self) -> u64 {
        self.0.0.load(Ordering::Relaxed)
    }

    /// How many there are, once that is known.
    pub fn total(&self) -> Option<u64> {
        let is_known = self.0.1.load(Ordering::Acquire);
        is_known.then(|| self.at_least())
    }
}
