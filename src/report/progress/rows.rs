//! The rows of the display: what runs, since when, and what it says.
//!
//! ```text
//! ⠹ #12  0:41  render scene12.blend  frame 311 of 500
//! ⠹ #13  0:12  render scene13.blend  frame 80 of 500
//! … and 5 more
//! ```

use std::sync::Arc;
use std::time::Instant;

use super::line::clock;
use crate::model::AttemptInfo;
use crate::report::words::{command_line, fit, last_line, one_line, pad, width as columns};

/// Turns with each drawing.
const SPINNER: [char; 10] = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏'];

/// An attempt that runs now.
#[derive(Clone, Debug)]
pub struct Running {
    /// The job and its attempt.
    pub job: Arc<AttemptInfo>,
    /// Since when.
    pub since: Instant,
    /// The end of what it has written.
    pub tail: Vec<u8>,
}

/// Whoever knows what runs now.
pub trait Watch: Send {
    /// The oldest `most` attempts that run now, the oldest first, and how many there are in all.
    fn oldest(&self, most: usize) -> (Vec<Running>, usize);
}

/// What a row consists of.
struct Row {
    job: String,
    clock: String,
    command: String,
    says: String,
}

impl Row {
    fn of(running: &Running, now: Instant, width: usize) -> Self {
        let AttemptInfo { seq, attempt, .. } = &*running.job;
        let tries = match attempt {
            1 => String::new(),
            more => format!(" try {more}"),
        };
        Self {
            job: format!("#{seq}{tries}"),
            clock: clock(now.saturating_duration_since(running.since)),
            command: command_line(&running.job, width),
            says: one_line(&last_line(&running.tail), width),
        }
    }
}

/// The rows for `running`, of `count` attempts in all, no wider than `width` columns.
pub(super) fn render(
    running: &[Running],
    count: usize,
    now: Instant,
    width: usize,
    turn: usize,
) -> Vec<String> {
    let rows: Vec<_> = running.iter().map(|it| Row::of(it, now, width)).collect();
    let widest = |of: fn(&Row) -> &str| {
        let widths = rows.iter().map(|row| columns(of(row)));
        widths.max().unwrap_or(0)
    };
    let (job, clock) = (widest(|row| &row.job), widest(|row| &row.clock));
    let left = width.saturating_sub(job + clock + 6);
    let says = widest(|row| &row.says);
    // The command has what the words leave, and never less than half.
    let room = left.saturating_sub(if says > 0 { says + 2 } else { 0 });
    let command = widest(|row| &row.command).min(room.max(left / 2));
    let spinner = SPINNER[turn % SPINNER.len()];
    let line = |row: &Row| {
        let line = format!(
            "{spinner} {}  {:>clock$}  {}  {}",
            pad(&row.job, job),
            row.clock,
            pad(&fit(&row.command, command), command),
            row.says
        );
        fit(line.trim_end(), width)
    };
    let mut lines: Vec<_> = rows.iter().map(line).collect();
    let more = count.saturating_sub(rows.len());
    if more > 0 {
        lines.push(fit(&format!("… and {more} more"), width));
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::identity;
    use std::time::Duration;

    fn running(seq: u64, command: &str, seconds: u64, tail: &str) -> Running {
        Running {
            job: Arc::new(identity(seq, command)),
            since: Instant::now()
                .checked_sub(Duration::from_secs(seconds))
                .unwrap(),
            tail: tail.into(),
        }
    }

    #[test]
    fn columns_stand_below_each_other() {
        let rows = [
            running(
                9,
                "render scene9.blend",
                3605,
                "\x1b[32mframe 10\x1b[0m\rframe 11\n\n",
            ),
            running(12, "render scene12.blend", 41, ""),
            running(100, "echo 日本", 7, "日本語"),
        ];
        let shown = render(&rows, 5, Instant::now(), 60, 2);
        assert_eq!(
            shown,
            [
                "⠹ #9    1:00:05  render scene9.blend   frame 11",
                "⠹ #12      0:41  render scene12.blend",
                "⠹ #100     0:07  echo 日本             日本語",
                "… and 2 more",
            ]
        );
        let narrow = render(&rows, 3, Instant::now(), 34, 0);
        assert_eq!(
            narrow,
            [
                "⠋ #9    1:00:05  render …  frame 11",
                "⠋ #12      0:41  render …",
                "⠋ #100     0:07  echo 日…  日本語",
            ]
            .map(|line| fit(line, 34))
        );
    }
}
