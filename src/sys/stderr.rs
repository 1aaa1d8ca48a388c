//! fanout's own words on standard error, which it shares with jobs and others.

use std::io::{self, Write as _};

use super::display;

/// Writes `words` as a line, in one `write(2)`: others who write there do not get in between.
pub fn say(words: &str) {
    let line = format!("{words}\n");
    // Nobody is left to tell when standard error is closed.
    let _ = display::without(|| io::stderr().write_all(line.as_bytes()));
}
