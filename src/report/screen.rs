//! The terminal, shared between the progress display and everything else that writes to it.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use indicatif::{ProgressBar, ProgressDrawTarget};

/// A handle on the progress display of a terminal. Clones refer to the same display.
///
/// Whoever writes to the terminal does so inside [`suspend`](Self::suspend) or
/// [`make_way`](Self::make_way): the display is cleared before and drawn again afterwards.
#[derive(Clone, Debug)]
pub struct Screen {
    bar: ProgressBar,
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
        let bar = ProgressBar::with_draw_target(None, ProgressDrawTarget::hidden());
        Self {
            bar,
            shown: Arc::default(),
        }
    }

    /// Begins to draw. Only the progress sink calls this, and draws on the bar.
    pub(super) fn start(&self) -> &ProgressBar {
        self.bar
            .set_draw_target(ProgressDrawTarget::stderr_with_hz(20));
        self.shown.store(true, Ordering::Relaxed);
        &self.bar
    }

    /// The bar, while it is drawn.
    pub(super) fn bar(&self) -> Option<&ProgressBar> {
        self.shown.load(Ordering::Relaxed).then_some(&self.bar)
    }

    /// Clears the bar for good; tells whether it was drawn at all.
    pub(super) fn stop(&self) -> bool {
        let drawn = self.shown.swap(false, Ordering::Relaxed);
        if drawn {
            self.bar.finish_and_clear();
        }
        drawn
    }

    /// Runs `write`, which writes whole lines to the terminal, while nothing else is drawn there.
    pub fn suspend<R>(&self, write: impl FnOnce() -> R) -> R {
        match self.bar() {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Has `write` write `bytes` to the terminal, and ends their last line if it is not ended, as the
    /// display would be drawn over it.
    pub fn make_way(
        &self,
        bytes: &[u8],
        write: impl Fn(&[u8]) -> io::Result<()>,
    ) -> io::Result<()> {
        let Some(bar) = self.bar() else {
            return write(bytes);
        };
        bar.suspend(|| {
            write(bytes)?;
            if bytes.ends_with(b"\n") {
                Ok(())
            } else {
                write(b"\n")
            }
        })
    }
}
