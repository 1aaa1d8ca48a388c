//! How far the run is, on stderr: the display that a terminal shows by default, `--progress`, `--bar`, `--eta`.
//!
//! On a terminal a display is drawn below everything else: what runs, and a line with a bar and the counts. It is drawn
//! ten times a second at most, and only where something has changed; once a second for the clock alone. Elsewhere the
//! line is written, at most once a second and only when something has changed; under GNU parallel's name a bar as
//! `zenity` reads it.

mod bar;
mod latest_line;
mod line;
mod rows;
mod zenity;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

pub use latest_line::LatestLines;
pub(super) use line::clock;
pub use rows::{Running, Watch};

use self::bar::Bar;
use self::line::Said;
use super::screen::Part;
use super::state::Pace;
use super::words::one_line;
use super::{Failure, Held, Listener, Out, RunState, Screen};
use crate::input::InputCount;
use crate::model::{Event, OutputPiece};
use crate::sys::display;

/// Drawn at most this often while jobs come and go.
const FRAME: Duration = Duration::from_millis(100);
/// Looked at this often while jobs say something.
const LOOK: Duration = Duration::from_millis(250);
/// Drawn this often for the clock alone; written this often at most where it cannot be drawn.
const SECOND: Duration = Duration::from_secs(1);

/// So many characters of the latest job's arguments are shown.
const LATEST: usize = 60;
/// So many bytes of output that is handed on are looked at.
const TAIL: usize = 4096;

/// What is shown. The counts always are.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Config {
    /// Whether it was asked for: then it is there at once, also off the terminal, and its last state stays. Else it
    /// comes after a second, and goes.
    pub asked: bool,
    /// A bar, where the number of jobs is known.
    pub bar: bool,
    /// The time left.
    pub eta: bool,
    /// The jobs that run.
    pub rows: bool,
    /// Whether it may be in colours.
    pub colors: bool,
    /// Whether a bar off the terminal is one that `zenity` reads.
    pub zenity: bool,
}

/// Shows progress.
pub struct Progress {
    config: Config,
    screen: Screen,
    stderr: Out,
    bar: Bar,
    watch: Option<Box<dyn Watch>>,
    /// Outputs that wait for that of an earlier job.
    held: Option<Held>,
    /// How many jobs there are, as far as they have been seen.
    inputs: InputCount,
    /// When it was shown last, or the run began.
    shown_at: Instant,
    /// Whether it is drawn.
    drawn: bool,
    /// How often it has been.
    turn: usize,
    changed: bool,
    /// Whether jobs had said something new when they were looked at last, and a sign of what that was.
    lively: (bool, u64),
    /// Why nothing starts now.
    held_back: Option<String>,
    /// The arguments of the job that was started last.
    latest: String,
    /// What is handed on of jobs that run: its end, by their numbers.
    said: BTreeMap<u64, Vec<u8>>,
    /// What runs, by the numbers of jobs, where nobody else knows.
    started: BTreeMap<u64, Running>,
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
            bar: Bar::new(config.colors),
            watch: None,
            held: None,
            inputs: InputCount::default(),
            shown_at: now,
            drawn: false,
            turn: 0,
            changed: false,
            lively: (false, 0),
            held_back: None,
            latest: String::new(),
            said: BTreeMap::new(),
            started: BTreeMap::new(),
        }
    }

    /// Shows what runs, as `watch` knows it; else what has been told of starts.
    #[must_use]
    pub fn watching(self, watch: Option<Box<dyn Watch>>) -> Self {
        Self { watch, ..self }
    }

    /// Says how many outputs are held back.
    #[must_use]
    pub fn with_held(self, held: Option<Held>) -> Self {
        Self { held, ..self }
    }

    /// Knows from `inputs` how many jobs there are.
    #[must_use]
    pub fn counting(self, inputs: InputCount) -> Self {
        Self { inputs, ..self }
    }

    fn pace(&self, now: Instant, state: &RunState) -> Pace {
        let mut pace = state.pace(now);
        let counted = self.inputs.total().filter(|_| pace.total.is_none());
        pace.total = pace
            .total
            .or_else(|| Some(counted?.saturating_sub(state.before)));
        pace
    }

    fn draws(&self) -> bool {
        self.stderr.is_terminal()
    }

    fn is_for_zenity(&self) -> bool {
        self.config.bar && self.config.zenity && !self.draws()
    }

    /// How many outputs wait for that of a job that runs.
    fn held_outputs(&self, now: Instant, running: &[Running]) -> Option<String> {
        let (count, first) = self.held.as_ref()?.get()?;
        let outputs = if count == 1 { "output" } else { "outputs" };
        // Between its end and that of the wait, nobody runs.
        let of_first = running.iter().find(|it| it.job.seq == first)?;
        let since = clock(now.saturating_duration_since(of_first.since));
        Some(format!(
            "{count} {outputs} held, #{first} still runs ({since})"
        ))
    }

    fn line(&self, now: Instant, state: &RunState, seen: Option<(&[Running], usize)>) -> String {
        let mut tally = state.tally;
        if let Some((_, count)) = seen {
            tally.running = count as u64;
        }
        // Where all slots are taken it is not the gate that nothing starts for.
        let has_room = tally.running < state.start.slots as u64;
        let said = Said {
            tally,
            before: state.before,
            at_least: Some(self.inputs.at_least()).filter(|&least| least > 0),
            held_back: self.held_back.as_deref().filter(|_| has_room),
            more: self.held_outputs(now, seen.map_or(&[], |(running, _)| running)),
            eta: self.config.eta,
            drawn: self.drawn,
        };
        line::render(&said, &self.pace(now, state))
    }

    fn show(&mut self, now: Instant, state: &RunState) -> Result<(), Failure> {
        (self.shown_at, self.changed) = (now, false);
        if self.draws() {
            self.drawn = true;
            return self.draw(now, state);
        }
        if self.is_for_zenity() {
            return self.write_for_zenity(now, state);
        }
        let line = self.line(now, state, None);
        self.write(&line)
    }

    fn draw(&mut self, now: Instant, state: &RunState) -> Result<(), Failure> {
        let (columns, rows) = display::size();
        // Some of what was above stays in sight.
        let most = if self.config.rows {
            rows.saturating_sub(4).max(1)
        } else {
            0
        };
        let (mut running, count) = self.oldest(most);
        for it in &mut running {
            if let Some(said) = self.said.get(&it.job.seq) {
                it.tail.clone_from(said);
            }
        }
        if count > most {
            // One row says how many more there are.
            running.truncate(most.saturating_sub(1));
        }
        self.look_at(&running);
        self.turn += 1;
        let mut lines = if self.config.rows {
            rows::render(&running, count, now, columns, self.turn)
        } else {
            Vec::new()
        };
        let line = self.line(now, state, Some((&running, count)));
        let pace = self.pace(now, state);
        let of = pace.total.filter(|_| self.config.bar);
        let of = of.map(|total| (pace.done, total));
        lines.push(self.bar.line(of, &line, columns));
        self.screen.set(Part::Progress, lines);
        let drawn = self.screen.draw(now);
        drawn.map_err(|error| Failure::new("standard error", error))
    }

    /// The oldest `most` attempts that run now, and how many there are.
    fn oldest(&self, most: usize) -> (Vec<Running>, usize) {
        if let Some(watch) = &self.watch {
            return watch.oldest(most);
        }
        let mut running: Vec<_> = self.started.values().cloned().collect();
        running.sort_by_key(|it| (it.job.attempt, it.job.seq));
        let count = running.len();
        running.truncate(most);
        (running, count)
    }

    /// Remembers whether jobs have said something since the last time.
    fn look_at(&mut self, running: &[Running]) {
        let mut sign = 0;
        for it in running {
            sign = xxhash_rust::xxh3::xxh3_64_with_seed(&it.tail, sign ^ it.job.seq);
        }
        self.lively = (sign != self.lively.1, sign);
    }

    fn write_for_zenity(&mut self, now: Instant, state: &RunState) -> Result<(), Failure> {
        let bar = zenity::render(&state.pace(now), &self.latest);
        self.stderr.write(bar.as_bytes())?;
        self.stderr.flush()
    }

    fn write(&mut self, line: &str) -> Result<(), Failure> {
        self.stderr.begin_line()?;
        self.stderr.write(format!("fanout: {line}\n").as_bytes())?;
        self.stderr.flush()
    }

    fn piece(&mut self, piece: &OutputPiece) {
        let bytes = piece.bytes();
        if self.draws() && self.config.rows && !bytes.is_empty() {
            let from = bytes.len().saturating_sub(TAIL);
            let said = self.said.entry(piece.job.seq).or_default();
            said.extend_from_slice(&bytes[from..]);
            let excess = said.len().saturating_sub(TAIL);
            said.drain(..excess);
        }
    }
}

impl Listener for Progress {
    fn event(&mut self, event: &Event, _: &RunState) -> Result<(), Failure> {
        match event {
            Event::RunStarted(_) => {
                self.changed = self.draws() && self.config.asked;
            }
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
            Event::AttemptFailed(end) | Event::JobFinished(end) => {
                self.said.remove(&end.job.seq);
                self.started.remove(&end.job.seq);
                self.changed = true;
            }
            Event::Output(piece) => self.piece(piece),
            Event::AttemptStarted(start) => {
                if self.draws() && self.watch.is_none() {
                    let (job, tail) = (Arc::clone(&start.job), Vec::new());
                    let since = Instant::now();
                    self.started
                        .insert(start.job.seq, Running { job, since, tail });
                }
                self.changed = true;
            }
            Event::Resized => self.changed = true,
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
        if !self.draws() {
            return self.changed.then(|| self.shown_at + SECOND);
        }
        if !self.drawn {
            let patience = if self.config.asked { FRAME } else { SECOND };
            return Some(self.shown_at + patience);
        }
        let pause = match (self.changed, self.lively.0) {
            (true, _) => FRAME,
            (false, true) => LOOK,
            (false, false) => SECOND,
        };
        let due = self.shown_at + pause;
        Some(self.screen.deadline().map_or(due, |other| due.min(other)))
    }

    fn wants_starts(&self) -> bool {
        // What runs can be seen without.
        !self.draws() || self.watch.is_none()
    }

    fn wants_ends(&self) -> bool {
        self.config.asked
    }

    fn finish(&mut self, state: &RunState) -> Result<(), Failure> {
        if self.is_for_zenity() {
            self.write_for_zenity(Instant::now(), state)?;
            self.stderr.write(b"\n")?;
            return self.stderr.flush();
        }
        let cleared = self.screen.clear(Part::Progress);
        cleared.map_err(|error| Failure::new("standard error", error))?;
        if self.config.asked && (self.drawn || self.changed) {
            // What was drawn is gone; the last state stays.
            self.drawn = false;
            let seen = self.draws().then_some((&[][..], 0));
            let line = self.line(Instant::now(), state, seen);
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
        let asked = Config {
            asked: true,
            ..Config::default()
        };
        let mut sink = Progress::new(asked, &Screen::new(), stderr);
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
        assert_eq!(lines[0], "fanout: 0/2 · 1 running · 0:01 gone");
        assert!(lines[1].starts_with("fanout: 1/2 · "));
    }
}
