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
    clear: AtomicU64,
    /// The last job that asked for it and will not get it.
    refused: AtomicU64,
    /// Where the job that has the output to itself may write.
    out: OnceLock<File>,
    waiting: Mutex<HashMap<u64, Arc<Wake>>>,
}

impl Default for OutputOrder {
    fn default() -> Self {
        Self {
            now: AtomicU64::new(1),
            clear: AtomicU64::new(0),
            refused: AtomicU64::new(0),
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
    pub fn is_clear_for(&self, seq: u64) -> bool {
        self.clear.load(Ordering::SeqCst) == seq
    }

    /// Whether job number `seq` asked for it in vain.
    pub fn is_refused_to(&self, seq: u64) -> bool {
        self.refused.load(Ordering::SeqCst) == seq
    }

    /// Asks for job number `seq` to have the output to itself; `wake` rings when there is an answer.
    pub fn ask(self: &Arc<Self>, seq: u64, wake: &Arc<Wake>) -> Asking {
        self.wait(seq, wake);
        Asking {
            turn: Arc::clone(self),
            seq,
            granted: false,
        }
    }

    fn waiting(&self) -> MutexGuard<'_, HashMap<u64, Arc<Wake>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A job's wish to have the output to itself, on its way to whoever writes it. Refused when dropped.
#[derive(Debug)]
pub struct Asking {
    turn: Arc<OutputOrder>,
    seq: u64,
    granted: bool,
}

impl Asking {
    /// Everything before what the job goes on to write has been written: it may go on by itself.
    pub fn grant(mut self) {
        self.granted = true;
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        let answer = if self.granted {
            &self.turn.clear
        } else {
            &self.turn.refused
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
