//! What happens when jobs fail: the values of `--retries` and its kin, `--timeout`, `--term-seq`.
//!
//! Each parser's error is the rest of a sentence that begins with the option's name.

use std::time::Duration;

use super::{text, values};
use crate::cli::flags::Flags;
use crate::exec::term_seq::TermSeq;
use crate::run::retry::{Backoff, Retry, RetryOn};
use crate::sys::signals;

/// `--retries`, `--retry-on` and `--backoff`. As GNU parallel, 0 tries without end and 1 is one try.
///
/// # Errors
///
/// One line that names the option.
pub fn retry(flags: &Flags) -> Result<Retry, String> {
    let failure = &flags.failure;
    let Some(value) = &failure.retries else {
        for (option, value) in [
            ("--retry-on", &failure.retry_on),
            ("--backoff", &failure.backoff),
        ] {
            if value.is_some() {
                return Err(format!(
                    "{option} needs --retries, which says how many tries"
                ));
            }
        }
        return Ok(Retry::default());
    };
    let tries =
        values::whole(text("--retries", value)?).map_err(|why| format!("--retries {why}"))?;
    let tries = u32::try_from(tries).unwrap_or(u32::MAX);
    let on = match &failure.retry_on {
        None => Vec::new(),
        Some(kinds) => {
            retry_on(text("--retry-on", kinds)?).map_err(|why| format!("--retry-on {why}"))?
        }
    };
    let backoff = match &failure.backoff {
        None => None,
        Some(times) => {
            Some(backoff(text("--backoff", times)?).map_err(|why| format!("--backoff {why}"))?)
        }
    };
    Ok(Retry {
        tries: Some(tries).filter(|&tries| tries > 0),
        on,
        backoff,
    })
}

/// Kinds of failures: `fail,timeout,signal:KILL,exit:70-75`.
fn retry_on(text: &str) -> Result<Vec<RetryOn>, String> {
    text.split(',').map(kind).collect()
}

fn kind(word: &str) -> Result<RetryOn, String> {
    let wrong = || {
        format!(
            "must be of fail, timeout, signal, signal:NAME, spawn, exit:N or exit:N-M, not '{word}'"
        )
    };
    match word.split_once(':') {
        None => match word {
            "fail" => Ok(RetryOn::Fail),
            "timeout" => Ok(RetryOn::Timeout),
            "signal" => Ok(RetryOn::Signal),
            "spawn" => Ok(RetryOn::Spawn),
            _ => Err(wrong()),
        },
        Some(("signal", name)) => signals::number(name)
            .map(RetryOn::SignalNumber)
            .ok_or_else(wrong),
        Some(("exit", codes)) => {
            let (first, last) = codes.split_once('-').unwrap_or((codes, codes));
            match (first.parse::<u8>(), last.parse::<u8>()) {
                (Ok(first), Ok(last)) if first <= last => {
                    Ok(RetryOn::Exit(first.into()..=last.into()))
                }
                _ => Err(wrong()),
            }
        }
        Some(_) => Err(wrong()),
    }
}

/// `1s..60s`, or one time for all pauses.
fn backoff(text: &str) -> Result<Backoff, String> {
    let (first, most) = text.split_once("..").unwrap_or((text, text));
    let (first, most) = (values::duration(first)?, values::duration(most)?);
    if first > most {
        return Err(format!("must not go down, as '{text}' does"));
    }
    Ok(Backoff { first, most })
}

/// How long a job may take.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum TimeLimit {
    /// As long as it wants.
    #[default]
    None,
    /// So long.
    Fixed(Duration),
    /// So many of a hundred of the median.
    Percent(f64),
}

/// `--timeout`: a time, or `N%` of the median; 0 is no limit.
///
/// # Errors
///
/// One line that names the option.
pub fn timeout(flags: &Flags) -> Result<TimeLimit, String> {
    let Some(value) = &flags.jobs.timeout else {
        return Ok(TimeLimit::None);
    };
    let text = text("--timeout", value)?;
    let Some(percent) = text.strip_suffix('%') else {
        let limit = values::duration(text).map_err(|why| format!("--timeout {why}"))?;
        return Ok(if limit.is_zero() {
            TimeLimit::None
        } else {
            TimeLimit::Fixed(limit)
        });
    };
    match percent.parse::<f64>() {
        Ok(percent) if percent > 0.0 && percent.is_finite() => Ok(TimeLimit::Percent(percent)),
        Ok(0.0) => Ok(TimeLimit::None),
        _ => Err(format!(
            "--timeout must be a time or a percentage as 200%, not '{text}'"
        )),
    }
}

/// `--term-seq`: signals by name or number, each with milliseconds behind it.
///
/// # Errors
///
/// One line that names the option.
pub fn term_seq(flags: &Flags) -> Result<TermSeq, String> {
    let Some(value) = &flags.failure.term_seq else {
        return Ok(TermSeq::default());
    };
    sequence(text("--term-seq", value)?).map_err(|why| format!("--term-seq {why}"))
}

fn sequence(text: &str) -> Result<TermSeq, String> {
    let mut steps = Vec::new();
    let mut words = text.split(',');
    while let Some(name) = words.next().filter(|_| !text.is_empty()) {
        let signal = signals::number(name).ok_or_else(|| {
            format!("must have signals as in TERM,200,KILL,25; there is no signal '{name}'")
        })?;
        let pause = match words.next() {
            None => Duration::ZERO,
            Some(pause) => pause.parse().map(Duration::from_millis).map_err(|_| {
                format!("must have milliseconds behind each signal, as in TERM,200,KILL,25, not '{pause}'")
            })?,
        };
        steps.push((signal, pause));
    }
    Ok(TermSeq::new(steps))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kinds_of_failures() {
        let kinds = retry_on("fail,timeout,signal,signal:KILL,exit:75,exit:1-3,spawn");
        let expected = [
            RetryOn::Fail,
            RetryOn::Timeout,
            RetryOn::Signal,
            RetryOn::SignalNumber(libc::SIGKILL),
            RetryOn::Exit(75..=75),
            RetryOn::Exit(1..=3),
            RetryOn::Spawn,
        ];
        assert_eq!(kinds, Ok(expected.into()));
        for text in [
            "",
            "fail,",
            "foo",
            "exit:",
            "exit:x",
            "exit:3-1",
            "exit:256",
            "signal:FOO",
        ] {
            assert!(retry_on(text).is_err(), "{text}");
        }
    }

    #[test]
    fn pauses_between_tries() {
        let parsed = |text| backoff(text).map(|it| (it.first.as_secs(), it.most.as_secs()));
        assert_eq!(parsed("1s..60s"), Ok((1, 60)));
        assert_eq!(parsed("2..1m"), Ok((2, 60)));
        assert_eq!(parsed("5"), Ok((5, 5)));
        for text in ["", "..", "1..", "60..1", "x"] {
            assert!(parsed(text).is_err(), "{text}");
        }
    }

    #[test]
    fn termination_sequences() {
        let steps = |text| sequence(text).map(|it| it.steps().collect::<Vec<_>>());
        let ms = Duration::from_millis;
        assert_eq!(
            steps("INT,100,SIGKILL,25"),
            Ok(vec![(libc::SIGINT, ms(100)), (libc::SIGKILL, ms(25))])
        );
        assert_eq!(steps("15,1,9"), Ok(vec![(15, ms(1)), (9, ms(0))]));
        assert_eq!(steps(""), Ok(vec![]));
        for text in ["FOO", "TERM,x", "TERM,-1", "100,TERM", ","] {
            assert!(steps(text).is_err(), "{text}");
        }
    }
}
