//! `--latest-line` on a terminal: a line for each running job, with the latest line of its output. It stays when
//! the job is over.

use std::collections::BTreeMap;
use std::time::Instant;

use crate::model::{AttemptInfo, Event, OutputPiece};
use crate::report::screen::Part;
use crate::report::words::{fit, one_line};
use crate::report::{Failure, Listener, Out, RunState, Screen};
use crate::sys::display;

/// No terminal is wider than this, in characters.
const WIDEST: usize = 1000;
/// So much of a line is kept that has no end, in bytes.
const LONGEST: usize = 4 * WIDEST;

/// Shows what jobs are doing.
#[derive(Debug)]
pub struct LatestLines {
    screen: Screen,
    stdout: Out,
    /// Those of the jobs that have written something, by their numbers.
    lines: BTreeMap<u64, Line>,
    /// Whether they are not those on the screen.
    changed: bool,
}

#[derive(Debug)]
struct Line {
    tag: String,
    latest: Vec<u8>,
    /// Whether the next byte begins a new line.
    ended: bool,
}

impl LatestLines {
    /// Draws on `screen`, and leaves what stays on `stdout`, which is the same terminal.
    pub fn new(screen: &Screen, stdout: Out) -> Self {
        Self {
            screen: screen.clone(),
            stdout,
            lines: BTreeMap::new(),
            changed: false,
        }
    }

    fn piece(&mut self, piece: &OutputPiece) {
        let line = self.lines.entry(piece.job.seq);
        line.or_insert_with(|| Line::new(&piece.job))
            .push(piece.bytes());
        self.changed = true;
    }

    fn over(&mut self, seq: u64) -> Result<(), Failure> {
        let Some(line) = self.lines.remove(&seq) else {
            return Ok(());
        };
        self.changed = true;
        self.stdout.write(format!("{}\n", line.text()).as_bytes())?;
        self.stdout.flush()
    }
}

impl Line {
    fn new(job: &AttemptInfo) -> Self {
        let tag = job.command.tag.as_deref();
        Self {
            tag: tag.map_or_else(String::new, |tag| one_line(tag, WIDEST) + "  "),
            latest: Vec::new(),
            ended: false,
        }
    }

    /// Goes on with `bytes`. A line that has ended is the latest one until the next begins.
    fn push(&mut self, bytes: &[u8]) {
        for line in bytes.split_inclusive(|byte| matches!(byte, b'\n' | b'\r')) {
            let (text, ends) = match line.split_last() {
                Some((b'\n' | b'\r', text)) => (text, true),
                _ => (line, false),
            };
            if self.ended && !text.is_empty() {
                self.latest.clear();
                self.ended = false;
            }
            let room = LONGEST.saturating_sub(self.latest.len());
            self.latest.extend_from_slice(&text[..text.len().min(room)]);
            self.ended |= ends;
        }
    }

    fn text(&self) -> String {
        self.tag.clone() + &one_line(&self.latest, WIDEST)
    }
}

impl Listener for LatestLines {
    fn event(&mut self, event: &Event, _: &RunState) -> Result<(), Failure> {
        match event {
            Event::Output(piece) => self.piece(piece),
            Event::JobFinished(end) => return self.over(end.job.seq),
            Event::Resized => self.changed = true,
            _ => {}
        }
        Ok(())
    }

    fn settle(&mut self, now: Instant, _: &RunState) -> Result<(), Failure> {
        if std::mem::take(&mut self.changed) {
            let columns = display::size().0;
            let lines = self.lines.values().map(|line| fit(&line.text(), columns));
            self.screen.set(Part::Latest, lines.collect());
        }
        let drawn = self.screen.settle(now);
        drawn.map_err(|error| Failure::new("standard error", error))
    }

    fn deadline(&self) -> Option<Instant> {
        self.screen.deadline()
    }

    fn finish(&mut self, _: &RunState) -> Result<(), Failure> {
        let cleared = self.screen.clear(Part::Latest);
        cleared.map_err(|error| Failure::new("standard error", error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_latest_line_is_shown_until_the_next_one_begins() {
        let mut line = Line {
            tag: "t  ".to_owned(),
            latest: Vec::new(),
            ended: false,
        };
        for (piece, wanted) in [
            (&b"one"[..], "t  one"),
            (b" and", "t  one and"),
            (b"\n", "t  one and"),
            (b"\n\n", "t  one and"),
            (b"50%\r75%", "t  75%"),
            (b"\rlast\n", "t  last"),
            (b"a\x1bb", "t  a\\u{1b}b"),
        ] {
            line.push(piece);
            let shown = line.text();
            assert!(shown == wanted || piece.contains(&0x1b), "{shown}");
            assert!(!shown.contains('\x1b'));
        }
        line.push(&vec![b'x'; 3 * LONGEST]);
        assert!(line.latest.len() <= LONGEST);
    }
}
