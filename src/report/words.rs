//! Saying in words what happened, on one line of any terminal.

use std::borrow::Cow;
use std::fmt::Write;

use unicode_width::{UnicodeWidthChar as _, UnicodeWidthStr as _};

use crate::model::{AttemptInfo, KilledBy, Outcome};
use crate::sys::signals;
use crate::template::Quoting;

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

/// The command of `job` as one line of text, with the file that it reads, if it has one of its own.
pub fn command_line(job: &AttemptInfo, width: usize) -> String {
    let task = &job.command.task;
    match &task.stdin {
        None => one_line(&task.line, width),
        Some(file) => {
            let mut line = [&task.line, &b" < "[..]].concat();
            let start = line.len();
            line.extend_from_slice(file);
            Quoting::Posix.quote_tail(&mut line, start);
            one_line(&line, width)
        }
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

/// How many columns of a terminal `text` takes.
pub fn width(text: &str) -> usize {
    text.width()
}

/// `text` in at most `columns` of a terminal, with an `…` where it was cut off.
pub fn fit(text: &str, columns: usize) -> String {
    if width(text) <= columns {
        return text.to_owned();
    }
    let (mut kept, mut taken) = (String::new(), 0);
    for character in text.chars() {
        taken += character.width().unwrap_or(0);
        if taken + 1 > columns {
            break;
        }
        kept.push(character);
    }
    if columns > 0 {
        kept.push('…');
    }
    kept
}

/// `text` with spaces behind it, to take as many `columns`.
pub fn pad(text: &str, columns: usize) -> String {
    let missing = columns.saturating_sub(width(text));
    format!("{text}{:missing$}", "")
}

/// The last line in `tail` that is not blank, without sequences that only a terminal understands. A carriage return
/// ends a line, too.
pub fn last_line(tail: &[u8]) -> Vec<u8> {
    let text = without_sequences(tail);
    let mut lines = text.rsplit(|byte| matches!(byte, b'\n' | b'\r'));
    let line = lines.find(|line| !line.trim_ascii().is_empty());
    line.map_or_else(Vec::new, |line| line.trim_ascii_end().to_vec())
}

/// `bytes` without escape sequences: colours, movements of the cursor, titles of windows.
fn without_sequences(bytes: &[u8]) -> Vec<u8> {
    let mut kept = Vec::with_capacity(bytes.len());
    let mut rest = bytes;
    while let Some(at) = memchr::memchr(0x1b, rest) {
        kept.extend_from_slice(&rest[..at]);
        let sequence = &rest[at + 1..];
        let len = match sequence.first() {
            Some(b'[') => {
                let parameters = &sequence[1..];
                let end = parameters
                    .iter()
                    .position(|byte| (0x40..=0x7e).contains(byte));
                end.map_or(sequence.len(), |end| end + 2)
            }
            Some(b']') => {
                let end = memchr::memchr2(0x07, 0x1b, sequence);
                end.map_or(sequence.len(), |end| {
                    end + 1 + usize::from(sequence[end] == 0x1b)
                })
            }
            Some(_) => 1,
            None => 0,
        };
        rest = &sequence[len.min(sequence.len())..];
    }
    kept.extend_from_slice(rest);
    kept
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
    use super::{fit, last_line, one_line, pad, signal_name, width};

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
    fn columns_are_counted_as_terminals_do() {
        assert_eq!(fit("日本語", 6), "日本語");
        assert_eq!(fit("日本語", 5), "日本…");
        assert_eq!(fit("日本語", 4), "日…");
        assert_eq!(fit("abc", 0), "");
        assert_eq!(width(&pad("日", 4)), 4);
    }

    #[test]
    fn the_last_line_is_what_a_terminal_would_show_last() {
        let cases: [(&[u8], &[u8]); 7] = [
            (b"one\ntwo\n\n", b"two"),
            (b"10%\r20%\r", b"20%"),
            (b"ok\n\x1b[0m\n", b"ok"),
            (b"\x1b]0;title\x07\x1b[1;31mred\x1b[m", b"red"),
            (b"\x1b]0;title\x1b\\x", b"x"),
            (b"a\x1b[", b"a"),
            (b" \n\r", b""),
        ];
        for (tail, line) in cases {
            assert_eq!(last_line(tail), line, "{tail:?}");
        }
    }

    #[test]
    fn long_lines_are_cut() {
        assert_eq!(one_line(b"abcdef", 6), "abcdef");
        assert_eq!(one_line(b"abcdefg", 6), "abcde…");
        assert_eq!(one_line("ééééééé".as_bytes(), 3), "éé…");
        assert_eq!(one_line(&[b'x'; 1000], 10).chars().count(), 10);
    }
}
