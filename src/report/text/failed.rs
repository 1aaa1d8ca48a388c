//! The lines that tell of a failed job at once, above a display that is drawn.
//!
//! ```text
//! ✗ #9    exit 1     0.4s  convert 'img/photo 7.png' …
//!   ├ improper image header
//! ```

use std::fmt::Write as _;

use crate::model::AttemptEnd;
use crate::report::Screen;
use crate::report::words::{command_line, fit, how, last_line, one_line, pad};
use crate::sys::display;

/// The last words of a job are looked for in so many bytes.
const TAIL: u64 = 4096;

/// Tells of failed jobs while a display is drawn.
#[derive(Clone, Debug)]
pub struct Failed {
    /// Where the display is.
    pub screen: Screen,
    /// Whether it is in colours.
    pub colors: bool,
}

impl Failed {
    /// What is said of `end`, in whole lines but for the last newline; `None`: nothing. With `shows_output` what the job
    /// wrote comes next in any case.
    pub(super) fn lines(&self, end: &AttemptEnd, shows_output: bool) -> Option<String> {
        let counts = end.outcome.is_success()
            || end.outcome.is_left_out()
            || matches!(end.outcome, crate::model::Outcome::Cancelled { .. });
        if counts || !self.screen.is_drawn() {
            return None;
        }
        let said = [&end.stderr, &end.stdout].map(|output| output.tail(TAIL).unwrap_or_default());
        let said = said.iter().map(|tail| last_line(tail));
        let said = said.filter(|_| !shows_output).find(|line| !line.is_empty());
        Some(self.render(end, said.as_deref(), display::size().0))
    }

    fn render(&self, end: &AttemptEnd, said: Option<&[u8]>, columns: usize) -> String {
        let took = end.ran.map_or(0.0, |ran| ran.took.as_secs_f64());
        let job = pad(&format!("#{}", end.job.seq), 5);
        let how = pad(&how(&end.outcome), 9);
        let command = command_line(&end.job, columns);
        let line = format!(" {job} {how} {took:5.1}s  {command}");
        let line = fit(&line, columns.saturating_sub(1));
        let (red, plain) = if self.colors {
            ("\x1b[31m", "\x1b[0m")
        } else {
            ("", "")
        };
        let mut lines = format!("{red}✗{plain}{line}");
        if let Some(said) = said {
            let said = fit(&one_line(said, columns), columns.saturating_sub(4));
            // Writing to a String does not fail.
            let _ = write!(lines, "\n  ├ {said}");
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Outcome;
    use crate::report::testing::ended;

    #[test]
    fn a_line_for_the_job_and_one_for_its_last_words() {
        let failed = Failed {
            screen: Screen::new(),
            colors: false,
        };
        let end = ended(9, "convert 'img/photo 7.png' thumb.jpg", Outcome::Exited(1));
        assert_eq!(
            failed.render(&end, Some(b"improper image header"), 50),
            "✗ #9    exit 1      1.2s  convert 'img/photo 7.pn…\n  ├ improper image header"
        );
        // Nothing is drawn.
        assert_eq!(failed.lines(&end, false), None);
        let colored = Failed {
            colors: true,
            ..failed
        };
        assert_eq!(
            colored.render(&end, None, 30),
            "\x1b[31m✗\x1b[0m #9    exit 1      1.2s  con…"
        );
    }
}
