//! Values of options: numbers, times, sizes, halt policies.
//!
//! Each parser's error is the rest of a sentence that begins with the option's name.

use std::time::Duration;

use crate::run::halt::{HaltOn, HaltPolicy, HaltWhen, Threshold};
use crate::run::number;

/// A number of things, at least 0. As GNU parallel: with a unit, or calculated; of a part there is a whole one.
pub fn whole(text: &str) -> Result<u64, String> {
    let number = number::evaluate(text).map(|number| number.max(0.0).ceil() as u64);
    // A number with many digits is more than a float holds.
    let number = text.parse().ok().or(number);
    number.ok_or_else(|| format!("must be a whole number, not '{text}'"))
}

/// A number as [`whole`] takes it, but of 2.5 only the 2; one at least, where anything is asked for.
pub fn whole_part(text: &str) -> Result<u64, String> {
    let whole = whole(text)?;
    let number = number::evaluate(text).filter(|number| number.fract() > 0.0 && *number > 1.0);
    Ok(number.map_or(whole, |number| number as u64))
}

/// A time span: seconds, or numbers with a unit as GNU parallel has them: `1.5m`, `1d3.5h16.6m4s`.
pub fn duration(text: &str) -> Result<Duration, String> {
    let wrong = || format!("must be a time such as 10, 1.5m, 2h or 1d12h, not '{text}'");
    let mut seconds = 0.0;
    let mut rest = text;
    while !rest.is_empty() {
        let digits = rest
            .find(|c: char| !c.is_ascii_digit() && c != '.')
            .unwrap_or(rest.len());
        let number: f64 = rest[..digits].parse().map_err(|_| wrong())?;
        let mut after = rest[digits..].chars();
        seconds += number
            * match after.next() {
                None | Some('s' | 'S') => 1.0,
                Some('m' | 'M') => 60.0,
                Some('h' | 'H') => 3600.0,
                Some('d' | 'D') => 86400.0,
                Some(_) => return Err(wrong()),
            };
        rest = after.as_str();
    }
    if text.is_empty() {
        Err(wrong())
    } else {
        Duration::try_from_secs_f64(seconds).map_err(|_| wrong())
    }
}

/// A number of bytes: `4096`, `64K`, `1.5G`, powers of 1024 (`k`, `m`, `g`: of 1000).
pub fn size(text: &str) -> Result<u64, String> {
    let wrong = || format!("must be a number of bytes such as 4096, 64K or 1M, not '{text}'");
    // A number with many digits is more than a float holds.
    if let Ok(number) = text.parse() {
        return Ok(number);
    }
    let number = number::evaluate(text).filter(|&number| (0.0..u64::MAX as f64).contains(&number));
    number.map(|number| number as u64).ok_or_else(wrong)
}

/// A halt policy: `never`, `WHEN,WHAT=N`, `WHEN,WHAT=N%`, or GNU parallel's old forms `0`, `1`, `2`, `N%`
/// (`-1` and `-2` are `1` and `2` for jobs that succeed).
pub fn halt(text: &str) -> Result<Option<HaltPolicy>, String> {
    let policy = |when, on, threshold| {
        Ok(Some(HaltPolicy {
            when,
            on,
            threshold,
        }))
    };
    match text {
        "0" => return Ok(None),
        "1" => return policy(HaltWhen::Soon, HaltOn::Fail, Threshold::Count(1)),
        "2" => return policy(HaltWhen::Now, HaltOn::Fail, Threshold::Count(1)),
        "-1" => return policy(HaltWhen::Soon, HaltOn::Success, Threshold::Count(1)),
        "-2" => return policy(HaltWhen::Now, HaltOn::Success, Threshold::Count(1)),
        _ => {}
    }
    if text.ends_with('%') && !text.contains(',') {
        return policy(HaltWhen::Soon, HaltOn::Fail, threshold(text)?);
    }
    // As GNU parallel: commas and equals signs do the same, and what comes behind the number is nothing.
    let mut words = text.split([',', '=']);
    let mut word = || words.next().unwrap_or("");
    let when = match word() {
        "never" => return Ok(None),
        "soon" => HaltWhen::Soon,
        "now" => HaltWhen::Now,
        _ => return Err(format!("must have 'never', 'soon' or 'now', not '{text}'")),
    };
    let on = match word() {
        "fail" => HaltOn::Fail,
        "success" => HaltOn::Success,
        "done" => HaltOn::Done,
        _ => {
            return Err(format!(
                "must have 'fail', 'success' or 'done' after 'soon,' or 'now,', not '{text}'"
            ));
        }
    };
    let threshold = threshold(word()).map_err(|why| format!("{why} in '{text}'"))?;
    policy(when, on, threshold)
}

fn threshold(text: &str) -> Result<Threshold, String> {
    let wrong = || {
        format!(
            "must end with a number of jobs or a percentage, as in now,fail=1 or soon,fail=10%, not '{text}'"
        )
    };
    match text.strip_suffix('%') {
        Some(percent) => match percent.parse::<u32>() {
            Ok(percent) => Ok(Threshold::Percent(percent.into())),
            Err(_) => Err(wrong()),
        },
        None => text.parse().map(Threshold::Count).map_err(|_| wrong()),
    }
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
        ] {
            assert_eq!(
                duration(text),
                Ok(Duration::from_secs_f64(seconds)),
                "{text}"
            );
        }
        for text in ["", "x", "1x", "-1", "m", "1..2", "nan", "1e400"] {
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

    #[test]
    fn halt_policies() {
        let soon_half = HaltPolicy {
            when: HaltWhen::Soon,
            on: HaltOn::Fail,
            threshold: Threshold::Percent(50.0),
        };
        let now_second = HaltPolicy {
            when: HaltWhen::Now,
            on: HaltOn::Done,
            threshold: Threshold::Count(2),
        };
        assert_eq!(halt("50%"), Ok(Some(soon_half)));
        assert_eq!(halt("soon,fail=50%"), Ok(Some(soon_half)));
        assert_eq!(halt("now,done=2"), Ok(Some(now_second)));
        assert_eq!(halt("now,done,2"), Ok(Some(now_second)));
        assert_eq!(halt("now=done=2,more"), Ok(Some(now_second)));
        assert_eq!(halt("never"), Ok(None));
        assert_eq!(halt("never,fail=1"), Ok(None));
        for text in [
            "",
            "foo",
            "soon",
            "soon,foo=1",
            "now,fail",
            "now,fail=",
            "now,fail=x",
            "now,fail=-1",
            "now,fail=2.5",
            "now,fail=33.3%",
            "-50%",
            "3",
        ] {
            assert!(halt(text).is_err(), "{text}");
        }
    }
}
