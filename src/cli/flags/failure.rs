//! What happens when jobs fail: further tries, the end of the run, how jobs are killed.

use std::ffi::OsString;
use std::time::Duration;

use clap::Args;

use crate::cli::error::UsageError;
use crate::cli::values::{self, Wrong, read_if};
use crate::exec::term_seq::TermSeq;
use crate::run::halt::{HaltOn, HaltPolicy, HaltWhen, Threshold};
use crate::run::retry::{Backoff, Retry, RetryOn};
use crate::sys::signals;

/// The options of this section that GNU parallel 20221122 has not.
pub(super) const OWN: &[&str] = &["backoff", "no-summary", "retry-on"];

/// Options on failing jobs.
#[derive(Args, Debug)]
#[command(next_help_heading = "Failing jobs")]
pub struct Failure {
    /// End early: never, or WHEN,WHAT=N with WHEN soon (start no more) or now (kill), WHAT fail, success
    /// or done, N a number of jobs or N%.
    #[arg(long, aliases = ["halt-on-error", "haltonerror"], value_name = "POLICY")]
    pub halt: Option<OsString>,

    /// Try failing jobs up to N times in all; 0: until they succeed. A job that gets its input while it runs
    /// (--shard, --bin, --tee) is tried once, as that cannot be fed to it again.
    #[arg(long, value_name = "N")]
    pub retries: Option<OsString>,

    /// With --retries: which failures are worth another try, separated by commas: fail (an exit code),
    /// exit:75 or exit:70-75, signal or signal:KILL, timeout, spawn (it could not be started) [default: all].
    #[arg(long, value_name = "KINDS")]
    pub retry_on: Option<OsString>,

    /// With --retries: wait before another try, twice as long each time: FIRST..MOST, as in 1s..60s. A
    /// part of it is left to chance.
    #[arg(long, value_name = "TIMES")]
    pub backoff: Option<OsString>,

    /// How jobs are killed: signals, each with a pause after it in milliseconds
    /// [default: TERM,200,TERM,100,TERM,50,KILL,25].
    #[arg(long, alias = "termseq", value_name = "SEQUENCE")]
    pub term_seq: Option<OsString>,

    /// Do not list the failed jobs on standard error at the end.
    #[arg(long)]
    pub no_summary: bool,
}

/// What happens when jobs fail.
#[derive(Debug)]
pub struct FailurePolicy {
    /// How often a job is tried.
    pub retry: Retry,
    /// When the run ends early.
    pub halt: Option<HaltPolicy>,
    /// The policy as it was typed; empty: none was.
    pub halt_text: String,
    /// How jobs are ended.
    pub term_seq: TermSeq,
}

impl Failure {
    /// Forgets values that are as good as none, as GNU parallel does.
    pub(super) fn forget_empty_values(&mut self) {
        self.retries
            .take_if(|tries| tries.as_encoded_bytes().trim_ascii().is_empty());
    }

    /// What these options come to.
    ///
    /// # Errors
    ///
    /// When a value is not what it should be.
    pub fn resolve(&self) -> Result<FailurePolicy, UsageError> {
        let typed = |halt: &OsString| halt.display().to_string();
        Ok(FailurePolicy {
            retry: self.retry()?,
            halt: read_if("--halt", self.halt.as_ref(), halt)?.flatten(),
            halt_text: self.halt.as_ref().map_or_else(String::new, typed),
            term_seq: read_if("--term-seq", self.term_seq.as_ref(), sequence)?.unwrap_or_default(),
        })
    }

    /// As GNU parallel, 0 tries without end and 1 is one try.
    fn retry(&self) -> Result<Retry, UsageError> {
        let Some(tries) = read_if("--retries", self.retries.as_ref(), values::whole)? else {
            return Ok(Retry::default());
        };
        let tries = u32::try_from(tries).unwrap_or(u32::MAX);
        Ok(Retry {
            tries: Some(tries).filter(|&tries| tries > 0),
            on: read_if("--retry-on", self.retry_on.as_ref(), retry_on)?.unwrap_or_default(),
            backoff: read_if("--backoff", self.backoff.as_ref(), backoff)?,
        })
    }
}

/// Kinds of failures: `fail,timeout,signal:KILL,exit:70-75`.
fn retry_on(text: &str) -> Result<Vec<RetryOn>, Wrong> {
    text.split(',').map(kind).collect()
}

fn kind(word: &str) -> Result<RetryOn, Wrong> {
    let wrong = || {
        Wrong(format!(
            "must be of fail, timeout, signal, signal:NAME, spawn, exit:N or exit:N-M, not '{word}'"
        ))
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
fn backoff(text: &str) -> Result<Backoff, Wrong> {
    let (first, most) = text.split_once("..").unwrap_or((text, text));
    let (first, most) = (values::duration(first)?, values::duration(most)?);
    if first > most {
        return Err(Wrong(format!("must not go down, as '{text}' does")));
    }
    Ok(Backoff { first, most })
}

fn sequence(text: &str) -> Result<TermSeq, Wrong> {
    let mut steps = Vec::new();
    let mut words = text.split(',');
    while let Some(name) = words.next().filter(|_| !text.is_empty()) {
        let signal = signals::number(name).ok_or_else(|| {
            Wrong(format!(
                "must have signals as in TERM,200,KILL,25; there is no signal '{name}'"
            ))
        })?;
        let pause = match words.next() {
            None => Duration::ZERO,
            Some(pause) => pause.parse().map(Duration::from_millis).map_err(|_| {
                Wrong(format!(
                    "must have milliseconds behind each signal, as in TERM,200,KILL,25, not '{pause}'"
                ))
            })?,
        };
        steps.push((signal, pause));
    }
    Ok(TermSeq::new(steps))
}

/// A halt policy: `never`, `WHEN,WHAT=N`, `WHEN,WHAT=N%`, or GNU parallel's old forms `0`, `1`, `2`, `N%`
/// (`-1` and `-2` are `1` and `2` for jobs that succeed).
fn halt(text: &str) -> Result<Option<HaltPolicy>, Wrong> {
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
        _ => {
            return Err(Wrong(format!(
                "must have 'never', 'soon' or 'now', not '{text}'"
            )));
        }
    };
    let on = match word() {
        "fail" => HaltOn::Fail,
        "success" => HaltOn::Success,
        "done" => HaltOn::Done,
        _ => {
            return Err(Wrong(format!(
                "must have 'fail', 'success' or 'done' after 'soon,' or 'now,', not '{text}'"
            )));
        }
    };
    let threshold = threshold(word()).map_err(|why| Wrong(format!("{why} in '{text}'")))?;
    policy(when, on, threshold)
}

fn threshold(text: &str) -> Result<Threshold, Wrong> {
    let wrong = || {
        Wrong(format!(
            "must end with a number of jobs or a percentage, as in now,fail=1 or soon,fail=10%, not '{text}'"
        ))
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
