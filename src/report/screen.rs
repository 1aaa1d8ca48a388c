//! The terminal, shared by a display below and everything else that the reports write there.
//!
//! While there is a display, what is written waits for the next drawing, a tenth of a second at most: both go to the
//! terminal in one write, so that neither is torn and nothing flickers. Of a last line without an end the display shows
//! the beginning; it is written when the display goes, so that in the end all bytes are there as they came.

use std::fs::File;
use std::io;
use std::os::unix::fs::MetadataExt as _;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::words::one_line;
use crate::sys::display;

/// Drawn at most this often.
const FRAME: Duration = Duration::from_millis(100);
/// No more than this waits for the next drawing, in bytes.
const MOST: usize = 64 * 1024;
/// A longer line without an end is written at once, and nothing is drawn until it ends; in bytes.
const LONGEST: usize = 4096;

/// A handle on the display of a terminal. Clones refer to the same display.
#[derive(Clone, Debug, Default)]
pub struct Screen(Arc<Mutex<State>>, Lines);

/// For each file or terminal that is written to, whether the last line in it has no end yet.
type Lines = Arc<Mutex<Vec<((u64, u64), Arc<AtomicBool>)>>>;

#[derive(Debug, Default)]
struct State {
    /// The lines of each [`Part`].
    parts: [Vec<String>; 2],
    /// What has been written, and is not on the terminal yet.
    waiting: Vec<u8>,
    /// Whether the cursor stands in a line that has no end yet.
    in_line: bool,
    changed: bool,
    drawn_at: Option<Instant>,
}

/// Who has lines in the display, from top to bottom.
#[derive(Clone, Copy, Debug)]
pub(super) enum Part {
    /// The latest lines of jobs.
    Latest,
    /// How far the run is.
    Progress,
}

impl Screen {
    /// A screen on which nothing is drawn yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Whether the last line in `file` has no end yet, known to all who write there; one that cannot be told from
    /// others is one of its own.
    pub(super) fn open_line(&self, file: &File) -> Arc<AtomicBool> {
        let Ok(meta) = file.metadata() else {
            return Arc::default();
        };
        let id = (meta.dev(), meta.ino());
        let mut lines = self.1.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((_, line)) = lines.iter().find(|(known, _)| *known == id) {
            return Arc::clone(line);
        }
        let line = Arc::<AtomicBool>::default();
        lines.push((id, Arc::clone(&line)));
        line
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The lines of `part` are these from the next drawing on.
    pub(super) fn set(&self, part: Part, lines: Vec<String>) {
        let mut state = self.state();
        state.changed = true;
        state.parts[part as usize] = lines;
    }

    /// The lines of `part` are gone, from the terminal, too.
    ///
    /// # Errors
    ///
    /// When the terminal cannot be written.
    pub(super) fn clear(&self, part: Part) -> io::Result<()> {
        let mut state = self.state();
        state.changed |= !state.parts[part as usize].is_empty();
        state.parts[part as usize].clear();
        state.draw_news(Instant::now())
    }

    /// Whether there is a display.
    pub fn is_drawn(&self) -> bool {
        self.state().has_lines()
    }

    /// When [`settle`](Self::settle) would draw something.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let state = self.state();
        state.has_news().then(|| state.next_frame())
    }

    /// Draws what has changed and what has been written, if it is time to.
    ///
    /// # Errors
    ///
    /// When the terminal cannot be written.
    pub(super) fn settle(&self, now: Instant) -> io::Result<()> {
        match self.deadline() {
            Some(deadline) if deadline <= now => self.draw(now),
            _ => Ok(()),
        }
    }

    /// Draws all that there is.
    ///
    /// # Errors
    ///
    /// When the terminal cannot be written.
    pub(super) fn draw(&self, now: Instant) -> io::Result<()> {
        self.state().draw_news(now)
    }

    /// Has `bytes` written to the terminal, by `write` if there is no display.
    pub(super) fn make_way(
        &self,
        bytes: &[u8],
        write: impl Fn(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut state = self.state();
        if !state.has_lines() && !state.has_news() {
            state.in_line = !bytes.ends_with(b"\n");
            drop(state);
            return write(bytes);
        }
        state.waiting.extend_from_slice(bytes);
        let now = Instant::now();
        if state.waiting.len() >= MOST || state.next_frame() <= now {
            return state.draw(now);
        }
        Ok(())
    }
}

impl State {
    fn has_lines(&self) -> bool {
        self.parts.iter().any(|lines| !lines.is_empty())
    }

    /// Whether the terminal does not show all that there is.
    fn has_news(&self) -> bool {
        self.changed || !self.waiting.is_empty()
    }

    fn draw_news(&mut self, now: Instant) -> io::Result<()> {
        if self.has_news() {
            self.draw(now)
        } else {
            Ok(())
        }
    }

    fn next_frame(&self) -> Instant {
        self.drawn_at
            .map_or_else(Instant::now, |drawn_at| drawn_at + FRAME)
    }

    fn draw(&mut self, now: Instant) -> io::Result<()> {
        (self.drawn_at, self.changed) = (Some(now), false);
        let mut above = std::mem::take(&mut self.waiting);
        let mut lines = self.lines();
        let ended = above.iter().rposition(|&byte| byte == b'\n');
        let open = above.len() - ended.map_or(0, |end| end + 1);
        self.in_line &= ended.is_none();
        let fits = open <= LONGEST && !lines.is_empty() && !self.in_line;
        if fits && open > 0 {
            self.waiting = above.split_off(above.len() - open);
            lines.insert(0, one_line(&self.waiting, display::size().0));
        } else if !fits {
            // Its line goes on where the display would be.
            self.in_line |= open > 0;
            if self.in_line {
                lines.clear();
            }
        }
        display::draw(&above, &lines)
    }

    /// All lines, as many as the terminal has; none while somebody else uses it.
    fn lines(&self) -> Vec<String> {
        if !self.has_lines() || !display::is_in_foreground() {
            return Vec::new();
        }
        let lines: Vec<_> = self.parts.iter().flatten().cloned().collect();
        let room = display::size().1.saturating_sub(2).max(1);
        lines[lines.len().saturating_sub(room)..].to_vec()
    }
}
