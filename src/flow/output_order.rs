//! Whose turn it is when output is shown in the order of the inputs.

use std::collections::HashMap;
use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use crate::sys::wake::Wake;

/// The number of the job whose output is shown now, and a doorbell for those that wait to be it.
#[derive(Debug)]
pub struct OutputOrder {
    now: AtomicU64,
    /// The job that has the output to itself.
    granted: AtomicU64,
    /// The last job that wanted it and will not get it.
    denied: AtomicU64,
    /// Where the job that has the output to itself may write.
    out: OnceLock<File>,
    waiting: Mutex<HashMap<u64, Arc<Wake>>>,
}

impl Default for OutputOrder {
    fn default() -> Self {
        Self {
            now: AtomicU64::new(1),
            granted: AtomicU64::new(0),
            denied: AtomicU64::new(0),
            out: OnceLock::new(),
            waiting: Mutex::default(),
        }
    }
}

impl OutputOrder {
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

    /// Lets whoever has the output to itself write to `out`, which shows what is written as it is.
    pub fn open(&self, out: File) {
        // Only the first one counts.
        let _ = self.out.set(out);
    }

    /// Where the job that has the output to itself may write, if anywhere.
    pub fn out(&self) -> Option<&File> {
        self.out.get()
    }

    /// Whether job number `seq` has the output to itself.
    pub fn is_granted_to(&self, seq: u64) -> bool {
        self.granted.load(Ordering::SeqCst) == seq
    }

    /// Whether job number `seq` wanted it in vain.
    pub fn is_denied_to(&self, seq: u64) -> bool {
        self.denied.load(Ordering::SeqCst) == seq
    }

    /// What job number `seq` puts behind its output to have standard output to itself; `wake` rings when there is an
    /// answer.
    pub fn barrier(self: &Arc<Self>, seq: u64, wake: &Arc<Wake>) -> Barrier {
        self.wait(seq, wake);
        Barrier {
            turn: Arc::clone(self),
            seq,
            granted: false,
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<u64, Arc<Wake>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A mark behind a job's output, on its way to whoever writes that: once everything before it is written, the job has
/// standard output to itself. Denied when dropped.
#[derive(Debug)]
pub struct Barrier {
    turn: Arc<OutputOrder>,
    seq: u64,
    granted: bool,
}

impl Barrier {
    /// Everything before it has been written.
    pub fn grant(mut self) {
        self.granted = true;
    }
}

impl Drop for Barrier {
    fn drop(&mut self) {
        let answer = if self.granted {
            &self.turn.granted
        } else {
            &self.turn.denied
        };
        answer.store(self.seq, Ordering::SeqCst);
        if let Some(wake) = self.turn.waiting().get(&self.seq) {
            wake.ring();
        }
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
        let turn = OutputOrder::default();
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
