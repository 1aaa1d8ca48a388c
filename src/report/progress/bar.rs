//! The last line of the display: a bar, where there is one, and words.

use std::sync::atomic::{AtomicU16, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::{fmt, io};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

use crate::report::words::{fit, width as columns};

/// A shorter bar says nothing; in columns.
const SHORTEST: usize = 10;
/// A longer one says no more.
const LONGEST: usize = 60;

/// Draws bars as text.
#[derive(Debug)]
pub(super) struct Bar {
    bar: ProgressBar,
    canvas: Canvas,
}

impl Bar {
    /// A bar, in colours or without.
    pub(super) fn new(colors: bool) -> Self {
        let canvas = Canvas::default();
        let target = ProgressDrawTarget::term_like(Box::new(canvas.clone()));
        let bar = ProgressBar::with_draw_target(Some(1), target);
        let template = if colors {
            "\x1b[36m{wide_bar}\x1b[0m"
        } else {
            "{wide_bar}"
        };
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("━╸─"));
        }
        Self { bar, canvas }
    }

    /// A line of at most `width` columns: the bar, `of` which is how much of how much, takes what `words` leave.
    pub(super) fn line(&self, of: Option<(u64, u64)>, words: &str, width: usize) -> String {
        let left = width.saturating_sub(columns(words) + 2);
        let Some((done, total)) = of.filter(|_| left >= SHORTEST) else {
            return fit(words, width);
        };
        self.canvas.begin(left.min(LONGEST));
        self.bar.update(|bar| {
            bar.set_len(total.max(1));
            bar.set_pos(if total == 0 { 1 } else { done.min(total) });
        });
        self.canvas.begin(left.min(LONGEST));
        self.bar.force_draw();
        format!("{}  {words}", self.canvas.text().trim_end())
    }
}

/// What indicatif takes for a terminal of one line.
#[derive(Clone, Debug, Default)]
struct Canvas(Arc<Paper>);

#[derive(Default)]
struct Paper {
    width: AtomicU16,
    text: Mutex<String>,
}

impl fmt::Debug for Paper {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Paper")
    }
}

impl Canvas {
    fn begin(&self, width: usize) {
        let width = u16::try_from(width).unwrap_or(u16::MAX);
        self.0.width.store(width, Ordering::Relaxed);
        self.paint(String::clear);
    }

    fn paint(&self, act: impl FnOnce(&mut String)) {
        act(&mut self.0.text.lock().unwrap_or_else(PoisonError::into_inner));
    }

    fn text(&self) -> String {
        let text = self.0.text.lock().unwrap_or_else(PoisonError::into_inner);
        text.trim_start_matches('\r').to_owned()
    }
}

impl TermLike for Canvas {
    fn width(&self) -> u16 {
        self.0.width.load(Ordering::Relaxed)
    }

    fn move_cursor_up(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_down(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_right(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn move_cursor_left(&self, _: usize) -> io::Result<()> {
        Ok(())
    }

    fn write_line(&self, text: &str) -> io::Result<()> {
        self.write_str(text)
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.paint(|painted| painted.push_str(text));
        Ok(())
    }

    fn clear_line(&self) -> io::Result<()> {
        Ok(())
    }

    fn flush(&self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::Bar;

    #[test]
    fn the_bar_takes_what_words_leave() {
        let bar = Bar::new(false);
        let cases = [
            (Some((0, 4)), 18, "──────────  3 left"),
            (Some((1, 2)), 18, "━━━━━╸────  3 left"),
            (Some((4, 4)), 18, "━━━━━━━━━━  3 left"),
            (Some((0, 0)), 18, "━━━━━━━━━━  3 left"),
            (Some((2, 4)), 17, "3 left"),
            (None, 40, "3 left"),
            (None, 4, "3 l…"),
        ];
        for (of, width, line) in cases {
            assert_eq!(bar.line(of, "3 left", width), line, "{of:?} {width}");
        }
        let colored = Bar::new(true).line(Some((1, 1)), "", 14);
        assert_eq!(colored, "\x1b[36m━━━━━━━━━━━━\x1b[0m  ");
    }
}
