//! The words of the progress display.

use std::fmt::Write;
use std::time::{Duration, SystemTime};

use crate::model::Tally;
use crate::report::state::Pace;
use crate::sys::clock::local_hour_and_minute;

/// What one line says of a run.
#[derive(Debug, Default)]
pub(super) struct Said<'a> {
    pub(super) tally: Tally,
    /// Jobs that an earlier run had done.
    pub(super) before: u64,
    /// How many jobs there are at least, while it is not known how many there are.
    pub(super) at_least: Option<u64>,
    /// Why nothing starts now.
    pub(super) held_back: Option<&'a str>,
    /// What else there is to say.
    pub(super) more: Option<String>,
    /// Whether to say how long the rest takes.
    pub(super) eta: bool,
    /// Whether a clock shows when it is over, which changes all the time.
    pub(super) drawn: bool,
}

/// One line that says how far the run is: `37/120 · 4 running · 2 failed · 7.4/s · 0:05 gone · 0:11 left`.
///
/// Nothing is said of what is not there, and of the time left unless `eta` and it is known. Where nothing starts now,
/// the reason stands in place of the rate.
pub(super) fn render(said: &Said, pace: &Pace) -> String {
    let done = pace.done + said.before;
    let mut line = match (pace.total, said.at_least) {
        (Some(total), _) => format!("{done}/{}", total + said.before),
        (None, Some(least)) => format!("{done} done of {}+", least.max(done)),
        (None, None) => format!("{done} done"),
    };
    // Writing to a String does not fail.
    if said.before > 0 {
        let _ = write!(line, " · {} from before", said.before);
    }
    if said.tally.running > 0 {
        let _ = write!(line, " · {} running", said.tally.running);
    }
    if said.tally.failed > 0 {
        let _ = write!(line, " · {} failed", said.tally.failed);
    }
    let _ = match said.held_back {
        Some(why) if why.starts_with("waiting") => write!(line, " · {why}"),
        Some(why) => write!(line, " · waiting: {why}"),
        None if pace.done == 0 => Ok(()),
        None => write!(line, " · {}/s", rate(pace.rate())),
    };
    if let Some(more) = &said.more {
        let _ = write!(line, " · {more}");
    }
    let _ = write!(line, " · {} gone", clock(pace.elapsed));
    if said.eta
        && let Some(left) = pace.eta().filter(|left| !left.is_zero())
    {
        let _ = write!(line, " · {} left", clock(left));
        if said.drawn
            && let Some((hour, minute)) = local_hour_and_minute(SystemTime::now() + left)
        {
            let _ = write!(line, ", {hour}:{minute:02}");
        }
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
pub(in crate::report) fn clock(duration: Duration) -> String {
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
    use super::{Said, clock, render};
    use crate::model::Tally;
    use crate::report::state::Pace;
    use std::time::Duration;

    #[test]
    fn says_what_is_known() {
        let mut said = Said {
            tally: Tally {
                running: 4,
                ok: 37,
                failed: 0,
                unstarted: 0,
            },
            eta: true,
            ..Said::default()
        };
        let mut pace = Pace {
            done: 37,
            total: None,
            elapsed: Duration::from_secs(5),
        };
        assert_eq!(
            render(&said, &pace),
            "37 done · 4 running · 7.40/s · 0:05 gone"
        );
        said.at_least = Some(40);
        assert_eq!(
            render(&said, &pace),
            "37 done of 40+ · 4 running · 7.40/s · 0:05 gone"
        );
        (said.tally.failed, said.tally.ok, pace.total) = (2, 35, Some(120));
        assert_eq!(
            render(&said, &pace),
            "37/120 · 4 running · 2 failed · 7.40/s · 0:05 gone · 0:11 left"
        );
        said.eta = false;
        assert_eq!(
            render(&said, &pace),
            "37/120 · 4 running · 2 failed · 7.40/s · 0:05 gone"
        );
        said = Said {
            before: 10,
            held_back: Some("load is 5"),
            more: Some("3 outputs held".to_owned()),
            ..Said::default()
        };
        assert_eq!(
            render(&said, &pace),
            "47/130 · 10 from before · waiting: load is 5 · 3 outputs held · 0:05 gone"
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
