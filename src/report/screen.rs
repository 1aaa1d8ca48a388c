//! The terminal, shared between the progress display and everything else that writes to it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget};

/// A handle on the progress display of a terminal. Clones refer to the same display.
///
/// Whoever writes to the terminal does so inside [`suspend`](Self::suspend) or
/// [`make_way`](Self::make_way): the display is cleared before and drawn again afterwards.
#[derive(Clone, Debug)]
pub struct Screen {
    /// Everything that is drawn: lines, and below them the bar.
    all: MultiProgress,
    bar: ProgressBar,
    /// Whether the bar is drawn.
    bar_shown: Arc<AtomicBool>,
    shown: Arc<AtomicBool>,
}

impl Default for Screen {
    fn default() -> Self {
        Self::new()
    }
}

impl Screen {
    /// A screen that shows nothing yet, and nothing ever when stderr is no terminal.
    pub fn new() -> Self {
        Self {
            all: MultiProgress::with_draw_target(ProgressDrawTarget::hidden()),
            bar: ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden()),
            bar_shown: Arc::default(),
            shown: Arc::default(),
        }
    }

    /// Begins to draw the bar. Only the progress sink calls this, and draws on it.
    pub(super) fn start(&self) -> &ProgressBar {
        self.draw();
        self.all.add(self.bar.clone());
        self.bar_shown.store(true, Ordering::Relaxed);
        &self.bar
    }

    fn draw(&self) {
        if !self.shown.swap(true, Ordering::Relaxed) {
            let target = ProgressDrawTarget::stderr_with_hz(20);
            self.all.set_draw_target(target);
        }
    }

    /// The bar, while it is drawn.
    pub(super) fn bar(&self) -> Option<&ProgressBar> {
        self.bar_shown.load(Ordering::Relaxed).then_some(&self.bar)
    }

    /// Clears the bar for good; tells whether it was drawn at all.
    pub(super) fn stop(&self) -> bool {
        let drawn = self.bar_shown.swap(false, Ordering::Relaxed);
        if drawn {
            self.bar.finish_and_clear();
        }
        drawn
    }

    /// A new line above the bar.
    pub(super) fn add_line(&self) -> ProgressBar {
        self.draw();
        let line = ProgressBar::no_length();
        match self.bar() {
            Some(bar) => self.all.insert_before(bar, line),
            None => self.all.add(line),
        }
    }

    /// Draws `line` no more.
    pub(super) fn remove_line(&self, line: &ProgressBar) {
        line.finish_and_clear();
        self.all.remove(line);
    }

    fn is_drawn(&self) -> bool {
        self.shown.load(Ordering::Relaxed)
    }

    /// Runs `write`, which writes whole lines to the terminal, while nothing else is drawn there.
    pub fn suspend<R>(&self, write: impl FnOnce() -> R) -> R {
        if self.is_drawn() {
            self.all.suspend(write)
        } else {
            write()
        }
    }

    /// Has `write` write `bytes` to the terminal, and ends their last line if it is not ended, as the
    /// display would be drawn over it.
    pub fn make_way(
        &self,
        bytes: &[u8],
        write: impl Fn(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        if !self.is_drawn() {
            return write(bytes);
        }
        self.all.suspend(|| {
            write(bytes)?;
            if bytes.ends_with(b"\n") {
                Ok(())
            } else {
                write(b"\n")
            }
        })
    }
}
