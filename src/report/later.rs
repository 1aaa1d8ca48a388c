//! What is kept for a moment because something of an earlier job has not come yet.

use std::collections::BTreeMap;
use std::time::Instant;

/// Things of jobs by their numbers, each kept until nothing is missing before it, or its time is up.
#[derive(Debug)]
pub(super) struct Later<T> {
    /// The first job that is waited for.
    next: u64,
    /// Things of later jobs, and until when each is kept.
    kept: BTreeMap<u64, (Instant, T)>,
}

impl<T> Default for Later<T> {
    fn default() -> Self {
        Self {
            next: 1,
            kept: BTreeMap::new(),
        }
    }
}

impl<T> Later<T> {
    /// Whether an earlier job than number `seq` is waited for.
    pub(super) fn is_early(&self, seq: u64) -> bool {
        seq > self.next
    }

    /// How many are kept.
    pub(super) fn len(&self) -> usize {
        self.kept.len()
    }

    /// Keeps `thing` of job number `seq` until then.
    pub(super) fn keep(&mut self, seq: u64, until: Instant, thing: T) {
        self.kept.insert(seq, (until, thing));
    }

    /// What is kept of job number `seq`.
    pub(super) fn get_mut(&mut self, seq: u64) -> Option<&mut T> {
        self.kept.get_mut(&seq).map(|(_, thing)| thing)
    }

    /// When the first time is up; `None`: nothing is kept.
    pub(super) fn due(&self) -> Option<Instant> {
        self.kept.values().map(|(until, _)| *until).min()
    }

    /// The last job whose time is up.
    pub(super) fn last_due(&self, now: Instant) -> Option<u64> {
        let mut kept = self.kept.iter().rev();
        kept.find(|(_, (until, _))| *until <= now)
            .map(|(&seq, _)| seq)
    }

    /// The next `count` jobs are not waited for.
    pub(super) fn skip(&mut self, count: u64) {
        self.next += count;
    }

    /// Job number `seq` is not waited for any more: hands `take` what nothing is missing before. Whether it was the one
    /// that was waited for.
    pub(super) fn came(&mut self, seq: u64, take: impl FnMut(T)) -> bool {
        let was_next = seq == self.next;
        if was_next {
            self.next += 1;
            self.release_next(take);
        }
        was_next
    }

    /// Hands `take` what is kept up to job number `last`, and what nothing is missing before then. No job before those
    /// is waited for any more.
    pub(super) fn release(&mut self, last: u64, mut take: impl FnMut(T)) {
        while let Some(first) = self.kept.first_entry().filter(|it| *it.key() <= last) {
            self.next = *first.key() + 1;
            take(first.remove().1);
        }
        self.release_next(take);
    }

    fn release_next(&mut self, mut take: impl FnMut(T)) {
        while let Some(first) = self.kept.first_entry().filter(|it| *it.key() == self.next) {
            self.next += 1;
            take(first.remove().1);
        }
    }
}
