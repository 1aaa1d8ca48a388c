//! `--progress`, `--bar`, `--eta`: how far the run is, on stderr.
//!
//! On a terminal the line is drawn in place, through indicatif. Elsewhere it is written as a line of its
//! own, at most once a second and only when something has changed.

mod line;

use std::time::{Duration, Instant};

use indicatif::ProgressStyle;

use super::tally::{Counter, Pace};
use super::{Failure, Out, Screen, Sink};
use crate::model::Event;

/// Drawn at most this often while jobs come and go.
const FRAME: Duration = Duration::from_millis(100);
/// Drawn this often for the clock alone; written this often at most where it cannot be drawn.
const SECOND: Duration = Duration::from_secs(1);

/// What is shown. The counts always are.
#[derive(Clone, Copy, Debug, Default)]
pub struct Config {
    /// `--bar`: a bar, where the number of jobs is known.
    pub bar: bool,
    /// `--eta`: the time left.
    pub eta: bool,
}

/// Shows progress.
#[derive(Debug)]
pub struct Progress {
    config: Config,
    screen: Screen,
    stderr: Out,
    counter: Counter,
    total: Option<u64>,
    began: Instant,
    shown_at: Instant,
    changed: bool,
}

impl Progress {
    /// Draws on `screen` if `stderr` is a terminal, and writes lines to `stderr` if not.
    ///
    /// Whatever else is written to that terminal must go through the same screen.
    pub fn new(config: Config, screen: &Screen, stderr: Out) -> Self {
        let now = Instant::now();
        Self {
            config,
            screen: screen.clone(),
            stderr,
            counter: Counter::default(),
            total: None,
            began: now,
            shown_at: now,
            changed: false,
        }
    }

    fn start(&mut self, total: Option<u64>) {
        self.total = total;
        if !self.stderr.is_terminal() {
            return;
        }
        let template = match total {
            Some(_) if self.config.bar => "[{bar:20}] {wide_msg}",
            _ => "{wide_msg}",
        };
        let bar = self.screen.start();
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style.progress_chars("=> "));
        }
        if let Some(total) = total {
            bar.set_length(total);
        }
        self.changed = true;
    }

    fn line(&self, now: Instant) -> String {
        let pace = Pace {
            done: self.counter.done(),
            total: self.counter.left_of(self.total),
            elapsed: now.saturating_duration_since(self.began),
        };
        line::render(&self.counter.tally, &pace, self.config.eta)
    }

    fn show(&mut self, now: Instant) -> Result<(), Failure> {
        let line = self.line(now);
        (self.shown_at, self.changed) = (now, false);
        if let Some(bar) = self.screen.bar() {
            bar.update(|state| state.set_pos(self.counter.done()));
            bar.set_message(line);
            return Ok(());
        }
        self.write(&line)
    }

    fn write(&mut self, line: &str) -> Result<(), Failure> {
        self.stderr.write(format!("fanout: {line}\n").as_bytes())?;
        self.stderr.flush()
    }
}

impl Sink for Progress {
    fn event(&mut self, event: &mut Event) -> Result<(), Failure> {
        self.counter.event(event);
        match event {
            Event::RunStarted(run) => self.start(run.total),
            Event::AttemptStarted(_) | Event::AttemptFailed(_) | Event::JobFinished(_) => {
                self.changed = true;
            }
            _ => {}
        }
        Ok(())
    }

    fn settle(&mut self, now: Instant) -> Result<(), Failure> {
        match self.deadline() {
            Some(deadline) if deadline <= now => self.show(now),
            _ => Ok(()),
        }
    }

    fn deadline(&self) -> Option<Instant> {
        match (self.changed, self.screen.bar().is_some()) {
            (true, true) => Some(self.shown_at + FRAME),
            (true, false) | (false, true) => Some(self.shown_at + SECOND),
            (false, false) => None,
        }
    }

    fn wants_starts(&self) -> bool {
        true
    }

    fn finish(&mut self) -> Result<(), Failure> {
        let drawn = self.screen.stop();
        if drawn || self.changed {
            // What was drawn is gone; the last state stays.
            let line = self.line(Instant::now());
            return self.write(&line);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{finished, ok, out, run_started, started, written};

    #[test]
    fn off_the_terminal_a_line_is_due_a_second_after_a_change() {
        let (stderr, file) = out();
        let mut sink = Progress::new(Config::default(), &Screen::new(), stderr);
        sink.event(&mut run_started(Some(2))).unwrap();
        assert_eq!(sink.deadline(), None);
        let began = sink.began;
        sink.event(&mut started(1, "a")).unwrap();
        assert_eq!(sink.deadline(), Some(began + SECOND));
        sink.settle(began + FRAME).unwrap();
        sink.settle(began + SECOND).unwrap();
        assert_eq!(sink.deadline(), None);
        sink.event(&mut finished(ok(1, "", ""))).unwrap();
        assert_eq!(sink.deadline(), Some(began + 2 * SECOND));
        sink.finish().unwrap();
        let text = String::from_utf8(written(file)).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0], "fanout: 0/2 · 1 running · 0.00/s · 0:01");
        assert!(lines[1].starts_with("fanout: 1/2 · "));
    }
}
