//! Values of options: text, numbers, times, sizes.
//!
//! Each parser's error is the rest of a sentence that begins with the option's name; [`read`] makes it whole.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::os::unix::ffi::OsStringExt as _;
use std::time::Duration;

use super::error::UsageError;
use crate::run::number;

/// What is wrong with a value: the rest of a sentence that begins with the option's name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrong(pub String);

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The value that was typed for `option`, as `parse` understands it.
///
/// # Errors
///
/// When it is no text, or `parse` does not understand it.
pub fn read<T, E: fmt::Display>(
    option: &str,
    typed: &OsStr,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<T, UsageError> {
    parse(text(option, typed)?).map_err(|why| UsageError::value(option, why))
}

/// As [`read`], of an option that need not be given.
///
/// # Errors
///
/// As those of [`read`].
pub fn read_if<T, E: fmt::Display>(
    option: &str,
    typed: Option<&OsString>,
    parse: impl FnOnce(&str) -> Result<T, E>,
) -> Result<Option<T>, UsageError> {
    typed.map(|typed| read(option, typed, parse)).transpose()
}

/// A value that has to be text.
///
/// # Errors
///
/// When it is none.
pub fn text<'a>(option: &str, value: &'a OsStr) -> Result<&'a str, UsageError> {
    let why = || format!("must be text, not '{}'", value.display());
    value
        .to_str()
        .ok_or_else(|| UsageError::value(option, why()))
}

/// The bytes of a value.
pub fn bytes(value: &OsString) -> Vec<u8> {
    value.clone().into_vec()
}

/// A number of things, at least 0. As GNU parallel: with a unit, or calculated; of a part there is a whole one.
pub fn whole(text: &str) -> Result<u64, Wrong> {
    let number = number::evaluate(text).map(|number| number.max(0.0).ceil() as u64);
    // A number with many digits is more than a float holds.
    let number = text.parse().ok().or(number);
    number.ok_or_else(|| Wrong(format!("must be a whole number, not '{text}'")))
}

/// A number as [`whole`] takes it, but of 2.5 only the 2; one at least, where anything is asked for.
pub fn whole_part(text: &str) -> Result<u64, Wrong> {
    let whole = whole(text)?;
    let number = number::evaluate(text).filter(|number| number.fract() > 0.0 && *number > 1.0);
    Ok(number.map_or(whole, |number| number as u64))
}

/// A time span: seconds, or numbers with a unit as GNU parallel has them (`1.5m`, `1d3.5h16.6m4s`) or in words
/// (`500ms`, `1min`, `2 hours`).
pub fn duration(text: &str) -> Result<Duration, Wrong> {
    let wrong = || {
        Wrong(format!(
            "must be a time such as 10, 500ms, 1.5m, 2h or 1d12h, not '{text}'"
        ))
    };
    let mut seconds = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let (digits, after) = split_at(rest, |c| !c.is_ascii_digit() && c != '.');
        let number: f64 = digits.parse().map_err(|_| wrong())?;
        let (unit, after) = split_at(after.trim_ascii_start(), |c| !c.is_ascii_alphabetic());
        seconds += number * seconds_of(unit).ok_or_else(wrong)?;
        rest = after.trim_ascii_start();
    }
    if text.is_empty() {
        Err(wrong())
    } else {
        Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
    }
}

/// What stands before the first character that is an `end`, and the rest.
fn split_at(text: &str, end: impl Fn(char) -> bool) -> (&str, &str) {
    text.split_at(text.find(end).unwrap_or(text.len()))
}

/// How many seconds a unit of time is.
fn seconds_of(unit: &str) -> Option<f64> {
    Some(match &*unit.to_ascii_lowercase() {
        "ms" | "msec" | "msecs" | "millisecond" | "milliseconds" => 0.001,
        "" | "s" | "sec" | "secs" | "second" | "seconds" => 1.0,
        "m" | "min" | "mins" | "minute" | "minutes" => 60.0,
        "h" | "hr" | "hrs" | "hour" | "hours" => 3600.0,
        "d" | "day" | "days" => 86400.0,
        _ => return None,
    })
}

/// A number of bytes: `4096`, `64K`, `1.5G`, powers of 1024 (`k`, `m`, `g`: of 1000).
pub fn size(text: &str) -> Result<u64, Wrong> {
    let wrong = || {
        Wrong(format!(
            "must be a number of bytes such as 4096, 64K or 1M, not '{text}'"
        ))
    };
    // A number with many digits is more than a float holds.
    if let Ok(number) = text.parse() {
        return Ok(number);
    }
    let number = number::evaluate(text).filter(|&number| (0.0..u64::MAX as f64).contains(&number));
    number.map(|number| number as u64).ok_or_else(wrong)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations() {
        for (text, seconds) in [
            ("10", 10.0),
            ("0.5", 0.5),
            (".5", 0.5),
            ("1.5m", 90.0),
            ("1d2h3m4s", 93784.0),
            ("500ms", 0.5),
            ("1min", 60.0),
            ("2 hours", 7200.0),
            ("1 day 30 Minutes", 88200.0),
            ("1h30", 3630.0),
        ] {
            assert_eq!(
                duration(text),
                Ok(Duration::from_secs_f64(seconds)),
                "{text}"
            );
        }
        for text in [
            "", "x", "1x", "-1", "m", "1..2", "nan", "1e400", " 1", "1 month", "1 ,2",
        ] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn sizes() {
        for (text, bytes) in [
            ("0", 0),
            ("12", 12),
            ("64K", 65536),
            ("1k", 1000),
            ("2G", 2 << 30),
            ("1.5K", 1536),
            ("2T", 2 << 40),
        ] {
            assert_eq!(size(text), Ok(bytes), "{text}");
        }
        for text in ["", "K", "1X", "-1", "999999999999G", "1.2.3"] {
            assert!(size(text).is_err(), "{text}");
        }
    }
}
