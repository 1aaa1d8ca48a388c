//! How a process group is asked, then made, to end.

use std::time::Duration;

/// Signals with a pause after each: GNU parallel's `--term-seq`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TermSeq(Vec<(i32, Duration)>);

impl Default for TermSeq {
    /// TERM three times with shorter and shorter pauses, then KILL, as GNU parallel's default.
    fn default() -> Self {
        let steps = [
            (libc::SIGTERM, 200),
            (libc::SIGTERM, 100),
            (libc::SIGTERM, 50),
            (libc::SIGKILL, 25),
        ];
        Self::new(steps.map(|(signal, ms)| (signal, Duration::from_millis(ms))))
    }
}

impl TermSeq {
    /// A sequence of signals, each with how long to wait for the end after it.
    pub fn new(steps: impl IntoIterator<Item = (i32, Duration)>) -> Self {
        Self(steps.into_iter().collect())
    }

    /// How long all of it takes at most.
    pub fn longest(&self) -> Duration {
        self.0.iter().map(|(_, pause)| *pause).sum()
    }

    /// The signals in order, each with how long to wait for the end after it.
    pub fn steps(&self) -> impl Iterator<Item = (i32, Duration)> {
        self.0.iter().copied()
    }
}
