//! The process that carries a worker's streams, and its own last words.

use std::collections::VecDeque;
use std::io::{BufRead as _, BufReader, Read};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::sys::helper::Helper;

/// So many lines are kept, each of no more than so many bytes.
const LINES: usize = 8;
const LINE: u64 = 1000;

/// How long words of a process that is over may still be on their way.
const LATE: Duration = Duration::from_secs(1);

/// The process that carries a worker's streams; it is killed with this.
pub struct Carrier {
    helper: Option<Helper>,
    words: Option<Words>,
}

/// What a process has said last on standard error, where a thread hears it.
struct Words {
    lines: Arc<Mutex<VecDeque<String>>>,
    /// Closed when it says no more.
    over: Receiver<()>,
}

impl Carrier {
    /// There is no process.
    pub fn none() -> Self {
        Self {
            helper: None,
            words: None,
        }
    }

    /// The process `helper`, whose standard error is `words`.
    ///
    /// # Errors
    ///
    /// When there is no thread to be had.
    pub fn new(helper: Helper, words: impl Read + Send + 'static) -> std::io::Result<Self> {
        Ok(Self {
            helper: Some(helper),
            words: Some(Words::hear(words)?),
        })
    }

    /// Forgets what it has said so far: startup files' words are not the last.
    pub(super) fn forget_words(&self) {
        if let Some(words) = &self.words {
            words.lock().clear();
        }
    }

    /// Ends it, if it is not over within `time`.
    pub(super) fn end(&mut self, time: Duration) {
        if let Some(words) = &self.words {
            words.wait(time);
        }
        drop(self.helper.take());
    }

    /// The last line that it has said, if any.
    pub(super) fn last_words(&self) -> Option<String> {
        let words = self.words.as_ref()?;
        words.wait(LATE);
        let lines = words.lock();
        lines.back().cloned()
    }
}

impl Words {
    fn hear(from: impl Read + Send + 'static) -> std::io::Result<Self> {
        let lines = Arc::<Mutex<VecDeque<String>>>::default();
        let kept = Arc::clone(&lines);
        let (ending, over) = channel();
        let thread = std::thread::Builder::new().name("words of ssh".into());
        thread.spawn(move || {
            let _ending = ending;
            hear_all(from, &kept);
        })?;
        Ok(Self { lines, over })
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<String>> {
        self.lines.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until nothing more is said, or for so long.
    fn wait(&self, time: Duration) {
        let until = Instant::now() + time;
        loop {
            let left = until.saturating_duration_since(Instant::now());
            match self.over.recv_timeout(left) {
                Ok(()) => {}
                Err(RecvTimeoutError::Disconnected | RecvTimeoutError::Timeout) => return,
            }
        }
    }
}

fn hear_all(from: impl Read, kept: &Mutex<VecDeque<String>>) {
    let mut from = BufReader::new(from);
    let mut line = Vec::new();
    loop {
        line.clear();
        match from.by_ref().take(LINE).read_until(b'\n', &mut line) {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        let words = String::from_utf8_lossy(&line);
        let words = words.trim();
        if words.is_empty() {
            continue;
        }
        let mut lines = kept.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LINES {
            lines.pop_front();
        }
        lines.push_back(words.to_owned());
    }
}
