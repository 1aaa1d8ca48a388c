//! The words of the progress display.

use std::fmt::Write;
use std::time::Duration;

use crate::model::Tally;
use crate::report::state::Pace;

/// One line that says how far the run is: `37/120 · 4 running · 2 failed · 7.4/s · 0:05 · 0:11 left`.
///
/// Nothing is said of what is not there, and of the time left unless `eta` and it is known.
pub(super) fn render(tally: &Tally, pace: &Pace, eta: bool) -> String {
    let mut line = match pace.total {
        Some(total) => format!("{}/{total}", pace.done),
        None => format!("{} done", pace.done),
    };
    // Writing to a String does not fail.
    if tally.running > 0 {
        let _ = write!(line, " · {} running", tally.running);
    }
    if tally.failed > 0 {
        let _ = write!(line, " · {} failed", tally.failed);
    }
    let _ = write!(line, " · {}/s · {}", rate(pace.rate()), clock(pace.elapsed));
    if eta && let Some(left) = pace.eta().filter(|left| !left.is_zero()) {
        let _ = write!(line, " · {} left", clock(left));
    }
    line
}

/// Three digits are enough.
fn rate(rate: f64) -> String {
    let decimals = match rate {
        _ if rate < 10.0 => 2,
        _ if rate < 100.0 => 1,
        _ => 0,
    };
    format!("{rate:.decimals$}")
}

/// `m:ss`, `h:mm:ss`, or days before that.
fn clock(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let (days, hours) = (seconds / 86_400, seconds / 3600 % 24);
    let (minutes, seconds) = (seconds / 60 % 60, seconds % 60);
    match (days, hours) {
        (0, 0) => format!("{minutes}:{seconds:02}"),
        (0, _) => format!("{hours}:{minutes:02}:{seconds:02}"),
        _ => format!("{days}d {hours}:{minutes:02}:{seconds:02}"),
    }
}

#[cfg(test)]
mod tests {
    use super::{clock, render};
    use crate::model::Tally;
    use crate::report::state::Pace;
    use std::time::Duration;

    #[test]
    fn says_what_is_known() {
        let mut tally = Tally {
            running: 4,
            ok: 37,
            failed: 0,
            unstarted: 0,
        };
        let mut pace = Pace {
            done: 37,
            total: None,
            elapsed: Duration::from_secs(5),
        };
        assert_eq!(
            render(&tally, &pace, true),
            "37 done · 4 running · 7.40/s · 0:05"
        );
        (tally.failed, tally.ok, pace.total) = (2, 35, Some(120));
        assert_eq!(
            render(&tally, &pace, true),
            "37/120 · 4 running · 2 failed · 7.40/s · 0:05 · 0:11 left"
        );
        assert_eq!(
            render(&tally, &pace, false),
            "37/120 · 4 running · 2 failed · 7.40/s · 0:05"
        );
    }

    #[test]
    fn time_is_short_while_it_is_short() {
        let cases = [
            (9, "0:09"),
            (600, "10:00"),
            (3661, "1:01:01"),
            (90_061, "1d 1:01:01"),
        ];
        for (seconds, text) in cases {
            assert_eq!(clock(Duration::from_secs(seconds)), text);
        }
    }
}
