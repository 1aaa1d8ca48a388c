//! The bar off the terminal, as GNU parallel has it: what `zenity --progress` reads, parted by carriage
//! returns: a text after `#`, a percentage, and the bar for whoever shows it on a terminal after all.

use crate::report::state::Pace;

/// So wide is a terminal of which nothing is known.
const WIDTH: usize = 80;

/// One state of the bar; `now` is what the latest job has been started with.
pub(super) fn render(pace: &Pace, now: &str) -> String {
    let eta = pace.eta().unwrap_or_default().as_secs_f64().ceil();
    let total = pace.total.unwrap_or(pace.done);
    let percent = (pace.done * 100).checked_div(total).unwrap_or(100).min(100);
    let left = total.saturating_sub(pace.done);
    let text = fitting(&format!("# {eta:3} sec {now}"));
    let bar = fitting(&format!("{percent}% {}:{left}={eta}s {now}", pace.done));
    let filled = WIDTH * percent as usize / 100;
    let split = bar
        .char_indices()
        .nth(filled)
        .map_or(bar.len(), |(at, _)| at);
    let (filled, rest) = bar.split_at(split);
    format!("\r{text}\r{percent}\r\x1b[7m{filled}\x1b[0m{rest}\x1b[0m")
}

/// `text` as wide as the line.
fn fitting(text: &str) -> String {
    let text: String = text.chars().take(WIDTH).collect();
    format!("{text:WIDTH$}")
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn text_percentage_and_bar() {
        let pace = Pace {
            done: 1,
            total: Some(4),
            elapsed: Duration::from_secs(2),
        };
        let state = render(&pace, "x y");
        let parts: Vec<&str> = state.split('\r').collect();
        assert_eq!(parts[0], "");
        assert_eq!(parts[1].trim_end(), "#   6 sec x y");
        assert_eq!(parts[2], "25");
        assert!(
            parts[3].starts_with("\x1b[7m25% 1:3=6s x y   "),
            "{state:?}"
        );
        let filled = parts[3].split("\x1b[0m").next().unwrap();
        assert_eq!(filled.chars().count(), "\x1b[7m".len() + 20);
    }

    #[test]
    fn nothing_known_is_no_trouble() {
        let pace = Pace {
            done: 0,
            total: Some(0),
            elapsed: Duration::ZERO,
        };
        assert!(render(&pace, &"ü".repeat(200)).contains("\r100\r"));
    }
}
