//! How many outputs wait for that of an earlier job (`-k`), for whoever tells.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// A handle on the numbers. Clones refer to the same ones.
#[derive(Clone, Debug, Default)]
pub struct Held(Arc<[AtomicU64; 2]>);

impl Held {
    /// So many outputs wait for that of job number `first`.
    pub(super) fn set(&self, count: u64, first: u64) {
        self.0[0].store(count, Ordering::Relaxed);
        self.0[1].store(first, Ordering::Relaxed);
    }

    /// How many outputs wait, and for that of which job; `None`: none does.
    pub(super) fn get(&self) -> Option<(u64, u64)> {
        let [count, first] = self.0.each_ref().map(|it| it.load(Ordering::Relaxed));
        (count > 0).then_some((count, first))
    }
}
