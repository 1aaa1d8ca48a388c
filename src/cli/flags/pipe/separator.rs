//! Where the records of one input end: `--recstart`, `--recend`, `--regexp`.

use std::ffi::OsString;
use std::sync::Arc;

use crate::cli::error::UsageError;
use crate::cli::values::bytes;
use crate::pipe::separator::{Ends, Separator};
use crate::record::pattern::Pattern;

/// What was typed about it.
pub(super) struct Typed<'a> {
    /// `--recstart`.
    pub start: Option<&'a OsString>,
    /// `--recend`.
    pub end: Option<&'a OsString>,
    /// Whether both are regexps.
    pub regexp: bool,
    /// Whether blocks are parts of files.
    pub parts: bool,
    /// Whether records are those of CSV, whatever else was typed.
    pub csv: bool,
}

/// The separator of records as they were `typed`, and how blocks of them begin and end.
pub(super) fn separator(typed: &Typed<'_>) -> Result<(Separator, Ends), UsageError> {
    if typed.csv {
        return Ok((Separator::Csv, Ends::default()));
    }
    let (start, end) = match (typed.start, typed.end) {
        (None, None) if !typed.regexp => return Ok((Separator::newline(), Ends::default())),
        (None, None) => (Vec::new(), b"\n".to_vec()),
        (start, end) => (
            start.map(bytes).unwrap_or_default(),
            end.map(bytes).unwrap_or_default(),
        ),
    };
    if !typed.regexp || (start.is_empty() && end.is_empty()) {
        let separator = Separator::Fixed {
            end: unescape(&end),
            start: unescape(&start),
        };
        return Ok((separator, Ends::default()));
    }
    let option = if end.is_empty() {
        "--recstart"
    } else {
        "--recend"
    };
    // As in GNU parallel: in a stream `^` and `$` are at lines, and `.` is no newline; in parts of files it is any
    // byte, and they are at the ends of what is looked at.
    let mode: &[u8] = if typed.parts { b"(?s)" } else { b"(?m)" };
    let around = |before: &[u8], regexp: &[u8], behind: &[u8]| {
        if regexp.is_empty() {
            Ok(None)
        } else {
            finder(
                option,
                &[b"(?m)", before, b"(?:", regexp, b")", behind].concat(),
            )
            .map(Some)
        }
    };
    let ends = Ends {
        start: around(b"\\A", &start, b"")?,
        end: around(b"", &end, b"\\z")?,
    };
    let separator = Separator::Regexp {
        both: finder(option, &[mode, b"(", &end, b")(?:", &start, b")"].concat())?,
        start: around(b"", &start, b"")?,
    };
    Ok((separator, ends))
}

pub(super) fn finder(option: &str, regexp: &[u8]) -> Result<Arc<Pattern>, UsageError> {
    let pattern = Pattern::new(regexp).map_err(|why| UsageError::value(option, why))?;
    Ok(Arc::new(pattern))
}

/// As in C: `\n`, `\t`, `\0`, `\x41`, `\101`; any other backslash is one.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        let (byte, used) = match after {
            [letter, ..] if first == b'\\' => match letter {
                b'n' => (b'\n', 2),
                b't' => (b'\t', 2),
                b'r' => (b'\r', 2),
                b'f' => (0x0c, 2),
                b'a' => (0x07, 2),
                b'e' => (0x1b, 2),
                b'\\' => (b'\\', 2),
                b'x' => number(&after[1..], 2, 16).map_or((first, 1), |(byte, n)| (byte, n + 2)),
                b'0'..=b'7' => number(after, 3, 8).map_or((first, 1), |(byte, n)| (byte, n + 1)),
                _ => (first, 1),
            },
            _ => (first, 1),
        };
        out.push(byte);
        rest = &rest[used..];
    }
    out
}

/// The byte that up to `most` digits at the start of `text` mean, and how many there are.
fn number(text: &[u8], most: usize, radix: u32) -> Option<(u8, usize)> {
    let digits: Vec<u32> = text
        .iter()
        .take(most)
        .map_while(|&digit| char::from(digit).to_digit(radix))
        .collect();
    let value = digits.iter().fold(0, |value, digit| value * radix + digit);
    (!digits.is_empty()).then_some((value as u8, digits.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_have_escapes() {
        assert_eq!(unescape(br"a\n\t\\n\x41\0\101\q\"), b"a\n\t\\nA\0A\\q\\");
    }
}
