//! `--progress`, `--bar`, `--eta`: how far the run is, on stderr.
//!
//! On a terminal the line is drawn in place, through indicatif. Elsewhere it is written as a line of its
//! own, at most once a second and only when something has changed; a bar as `zenity` reads it.

mod latest_line;
mod line;
mod zenity;

use std::time::{Duration, Instant};

pub use latest_line::LatestLines;

use indicatif::ProgressStyle;

use super::words::one_line;
use super::{Failure, Listener, Out, RunState, Screen};
use crate::model::Event;

/// Drawn at most this often while jobs come and go.
const FRAME: Duration = Duration::from_millis(100);
/// Drawn this often for the clock alone; written this often at most where it cannot be drawn.
const SECOND: Duration = Duration::from_secs(1);

/// So many characters of the latest job's arguments are shown.
const LATEST: usize = 60;

/// What is shown. The counts always are.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
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
    shown_at: Instant,
    changed: bool,
    /// Why nothing starts now.
    held_back: Option<String>,
    /// The arguments of the job that was started last.
    latest: String,
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
            shown_at: now,
            changed: false,
            held_back: None,
            latest: String::new(),
        }
    }

    fn start(&mut self, total: Option<u64>) {
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

    fn line(&self, now: Instant, state: &RunState) -> String {
        let mut line = line::render(&state.tally, &state.pace(now), self.config.eta);
        if let Some(why) = &self.held_back {
            line.push_str(" · ");
            line.push_str(why);
        }
        line
    }

    fn show(&mut self, now: Instant, state: &RunState) -> Result<(), Failure> {
        (self.shown_at, self.changed) = (now, false);
        if self.is_for_zenity() {
            return self.write_for_zenity(now, state);
        }
        let line = self.line(now, state);
        if let Some(bar) = self.screen.bar() {
            bar.update(|bar| bar.set_pos(state.done()));
            bar.set_message(line);
            return Ok(());
        }
        self.write(&line)
    }

    fn is_for_zenity(&self) -> bool {
        self.config.bar && !self.stderr.is_terminal()
    }

    fn write_for_zenity(&mut self, now: Instant, state: &RunState) -> Result<(), Failure> {
        let bar = zenity::render(&state.pace(now), &self.latest);
        self.stderr.write(bar.as_bytes())?;
        self.stderr.flush()
    }

    fn write(&mut self, line: &str) -> Result<(), Failure> {
        self.stderr.write(format!("fanout: {line}\n").as_bytes())?;
        self.stderr.flush()
    }
}

impl Listener for Progress {
    fn event(&mut self, event: &Event, _: &RunState) -> Result<(), Failure> {
        match event {
            Event::RunStarted(run) => self.start(run.total),
            Event::Gate(reason) => {
                self.held_back.clone_from(reason);
                self.changed = true;
            }
            Event::AttemptStarted(start) if self.is_for_zenity() => {
                let args: Vec<_> = start
                    .job
                    .job
                    .args
                    .iter()
                    .map(String::from_utf8_lossy)
                    .collect();
                self.latest = one_line(args.join(" ").as_bytes(), LATEST);
                self.changed = true;
            }
            Event::AttemptStarted(_) | Event::AttemptFailed(_) | Event::JobFinished(_) => {
                self.changed = true;
            }
            _ => {}
        }
        Ok(())
    }

    fn settle(&mut self, now: Instant, state: &RunState) -> Result<(), Failure> {
        match self.deadline() {
            Some(deadline) if deadline <= now => self.show(now, state),
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

    fn finish(&mut self, state: &RunState) -> Result<(), Failure> {
        if self.is_for_zenity() {
            self.write_for_zenity(Instant::now(), state)?;
            self.stderr.write(b"\n")?;
            return self.stderr.flush();
        }
        let drawn = self.screen.stop();
        if drawn || self.changed {
            // What was drawn is gone; the last state stays.
            let line = self.line(Instant::now(), state);
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
        let mut state = RunState {
            began: sink.shown_at,
            ..RunState::default()
        };
        let mut tell = |sink: &mut Progress, event: Event| {
            state.event(&event);
            sink.event(&event, &state).unwrap();
            state.clone()
        };
        tell(&mut sink, run_started(Some(2)));
        assert_eq!(sink.deadline(), None);
        let began = sink.shown_at;
        let state = tell(&mut sink, started(1, "a"));
        assert_eq!(sink.deadline(), Some(began + SECOND));
        sink.settle(began + FRAME, &state).unwrap();
        sink.settle(began + SECOND, &state).unwrap();
        assert_eq!(sink.deadline(), None);
        let state = tell(&mut sink, finished(ok(1, "", "")));
        assert_eq!(sink.deadline(), Some(began + 2 * SECOND));
        sink.finish(&state).unwrap();
        let text = String::from_utf8(written(file)).unwrap();
        let lines: Vec<_> = text.lines().collect();
        assert_eq!(lines.len(), 2);
        assert_eq!(lines[0], "fanout: 0/2 · 1 running · 0.00/s · 0:01");
        assert!(lines[1].starts_with("fanout: 1/2 · "));
    }
}
