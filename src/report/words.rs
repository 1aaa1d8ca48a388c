//! Saying in words what happened, on one line of any terminal.

use std::borrow::Cow;
use std::fmt::Write;

use crate::model::{KilledBy, Outcome};
use crate::sys::signals;

/// The name of a signal: `SIGSEGV`; `SIG40` where it has none.
pub fn signal_name(signal: i32) -> Cow<'static, str> {
    match signal_hook::low_level::signal_name(signal) {
        Some(name) => name.into(),
        None => format!("SIG{signal}").into(),
    }
}

/// The number of the signal that is called `name`, as by [`signal_name`].
pub fn signal_number(name: &str) -> Option<i32> {
    let number = || name.strip_prefix("SIG")?.parse().ok();
    signals::number(name).or_else(number)
}

/// How a job ended, in one or two words.
pub fn how(outcome: &Outcome) -> Cow<'static, str> {
    match outcome {
        Outcome::Exited(code) => format!("exit {code}").into(),
        Outcome::Signaled(signal) => signal_name(*signal),
        Outcome::TimedOut(_) => "timeout".into(),
        Outcome::OutputLost(_) => "output lost".into(),
        Outcome::SpawnFailed(_) => "not started".into(),
        Outcome::Cancelled {
            by: KilledBy::Halt, ..
        } => "halted".into(),
        Outcome::Cancelled {
            by: KilledBy::User, ..
        } => "interrupted".into(),
        Outcome::Cancelled {
            by: KilledBy::Memory,
            ..
        } => "out of memory".into(),
        Outcome::Skipped => "skipped".into(),
        Outcome::FilteredOut => "filtered out".into(),
        Outcome::Declined => "declined".into(),
        Outcome::DoneBefore => "done before".into(),
        Outcome::DryRun => "dry run".into(),
        Outcome::Lost(_) => "lost".into(),
    }
}

/// `bytes` as one line of text that no terminal acts upon: control characters and bytes that are not
/// UTF-8 show as escapes, and what exceeds `width` characters is cut off with an `…`.
pub fn one_line(bytes: &[u8], width: usize) -> String {
    let mut line = String::new();
    for chunk in bytes.utf8_chunks() {
        for character in chunk.valid().chars() {
            escape(character, &mut line);
            if line.len() > 4 * width {
                return shorten(line, width);
            }
        }
        for byte in chunk.invalid() {
            let _ = write!(line, "\\x{byte:02x}");
        }
    }
    shorten(line, width)
}

fn escape(character: char, line: &mut String) {
    // Not control characters, but they make a terminal show text in another order than it has.
    let reorders = matches!(character, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    let _ = match character {
        '\n' => line.write_str("\\n"),
        '\t' => line.write_str("\\t"),
        '\r' => line.write_str("\\r"),
        '\0'..='\x1f' | '\x7f' => write!(line, "\\x{:02x}", character as u32),
        _ if character.is_control() || reorders => write!(line, "\\u{:04x}", character as u32),
        _ => line.write_char(character),
    };
}

fn shorten(mut line: String, width: usize) -> String {
    if let Some((end, _)) = line.char_indices().nth(width) {
        let keep = line[..end]
            .char_indices()
            .next_back()
            .map_or(0, |(last, _)| last);
        line.truncate(keep);
        line.push('…');
    }
    line
}

#[cfg(test)]
mod tests {
    use super::{one_line, signal_name};

    #[test]
    fn signals_have_names() {
        assert_eq!(signal_name(11), "SIGSEGV");
        assert_eq!(signal_name(40), "SIG40");
    }

    #[test]
    fn nothing_reaches_the_terminal_raw() {
        assert_eq!(
            one_line(b"a\tb\n\x1b[31m\xff\xc3\xa9", 80),
            "a\\tb\\n\\x1b[31m\\xffé"
        );
        assert_eq!(one_line("\u{202e}\u{85}".as_bytes(), 80), "\\u202e\\u0085");
    }

    #[test]
    fn long_lines_are_cut() {
        assert_eq!(one_line(b"abcdef", 6), "abcdef");
        assert_eq!(one_line(b"abcdefg", 6), "abcde…");
        assert_eq!(one_line("ééééééé".as_bytes(), 3), "éé…");
        assert_eq!(one_line(&[b'x'; 1000], 10).chars().count(), 10);
    }
}
