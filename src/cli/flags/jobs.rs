//! How many jobs at a time, and how long each may take.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::Args;

use crate::cli::error::UsageError;
use crate::cli::values::{self, Wrong, bytes, read_if};
use crate::plan::{SlotsOfHost, SlotsPlan};
use crate::run::jobs_spec::{JobsFile, JobsSpec};
use crate::sys::limits;

/// Options on concurrency.
#[derive(Args, Debug)]
#[command(next_help_heading = "Jobs")]
pub struct Jobs {
    /// Run up to N jobs at a time: N, N% of the CPU threads, +N or -N relative to them, 0 for as many as
    /// possible, Nauto or N%auto for fewer when jobs fail, or a file with one of these, which may change
    /// [default: one per available CPU thread].
    #[arg(
        short = 'j',
        long,
        short_alias = 'P',
        alias = "max-procs",
        value_name = "N"
    )]
    pub jobs: Option<OsString>,

    /// Kill jobs that take longer than this: seconds, or as 1.5m, 2h, 1d, or N% of the median time of the
    /// jobs that succeeded.
    #[arg(long, value_name = "TIME")]
    pub timeout: Option<OsString>,
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

/// A file may ask for this many later on, whatever it says now.
const ROOM_FOR_MORE: usize = 500;

impl Jobs {
    /// How many attempts run at a time on `threads` CPU threads, and for how many there must be room; where nothing is
    /// said, as many as `default` says.
    ///
    /// # Errors
    ///
    /// When `-j` is no number and no file with one.
    pub fn slots(
        &self,
        threads: usize,
        default: JobsSpec,
    ) -> Result<(SlotsPlan, usize), UsageError> {
        let value = match &self.jobs {
            None => JobsValue::Fixed(default),
            Some(value) => {
                JobsValue::parse(value).map_err(|why| UsageError::value("--jobs", why))?
            }
        };
        let most = as_many_as_possible(limits::most_open_files(), limits::most_processes());
        Ok(match value {
            JobsValue::Fixed(spec) => {
                let slots = spec.slots(threads, most);
                (SlotsPlan::Fixed(slots), slots)
            }
            JobsValue::Auto(spec) => {
                let slots = spec.slots(threads, most);
                (SlotsPlan::Auto(slots), slots)
            }
            JobsValue::File(spec, path) => {
                let now = spec.slots(threads, most);
                let room = now.max(ROOM_FOR_MORE.min(most));
                let file = JobsFile {
                    path,
                    threads,
                    most: room,
                };
                (SlotsPlan::File(now, file), room)
            }
        })
    }

    /// How many attempts run at a time on each of several hosts.
    ///
    /// # Errors
    ///
    /// As for [`slots`](Self::slots).
    pub fn slots_of_hosts(&self, default: JobsSpec) -> Result<SlotsOfHost, UsageError> {
        let value = match &self.jobs {
            None => JobsValue::Fixed(default),
            Some(value) => {
                JobsValue::parse(value).map_err(|why| UsageError::value("--jobs", why))?
            }
        };
        let most = as_many_as_possible(limits::most_open_files(), limits::most_processes());
        let of = |spec, auto, file| SlotsOfHost {
            spec,
            most,
            auto,
            file,
        };
        Ok(match value {
            JobsValue::Fixed(spec) => of(spec, false, None),
            JobsValue::Auto(spec) => of(spec, true, None),
            JobsValue::File(spec, path) => of(spec, false, Some(path)),
        })
    }

    /// Whether as many attempts are to run at a time as there is room for, however many that is: now, or because of
    /// what a file may say later.
    pub fn are_as_many_as_fit(&self, default: JobsSpec) -> bool {
        self.jobs
            .as_ref()
            .map_or(default == JobsSpec::Unlimited, |value| {
                let value = JobsValue::parse(value);
                matches!(
                    value,
                    Ok(JobsValue::Fixed(JobsSpec::Unlimited) | JobsValue::File(..))
                )
            })
    }

    /// How many may hold a semaphore at a time where `-j` counts in as many as `cpus` says: one, if nothing is said.
    ///
    /// # Errors
    ///
    /// When `-j` is no number.
    pub fn holders(&self, cpus: impl FnOnce() -> usize) -> Result<usize, UsageError> {
        let Some(value) = &self.jobs else {
            return Ok(1);
        };
        let spec = JobsSpec::parse(&bytes(value));
        let spec = spec.map_err(|why| UsageError::value("--jobs", why))?;
        Ok(spec.resolve(cpus(), usize::MAX).max(1))
    }

    /// How long a job may take: a time, or `N%` of the median; 0 is no limit.
    ///
    /// # Errors
    ///
    /// When `--timeout` is neither.
    pub fn time_limit(&self) -> Result<TimeLimit, UsageError> {
        let limit = read_if("--timeout", self.timeout.as_ref(), time_limit)?;
        Ok(limit.unwrap_or_default())
    }
}

fn time_limit(text: &str) -> Result<TimeLimit, Wrong> {
    let Some(percent) = text.strip_suffix('%') else {
        let limit = values::duration(text)?;
        return Ok(if limit.is_zero() {
            TimeLimit::None
        } else {
            TimeLimit::Fixed(limit)
        });
    };
    match percent.parse::<f64>() {
        Ok(percent) if percent > 0.0 && percent.is_finite() => Ok(TimeLimit::Percent(percent)),
        Ok(0.0) => Ok(TimeLimit::None),
        _ => Err(Wrong(format!(
            "must be a time or a percentage as 200%, not '{text}'"
        ))),
    }
}

/// The whole value of `-j`: how many, and how that may change.
#[derive(Clone, Debug, PartialEq)]
enum JobsValue {
    /// So many.
    Fixed(JobsSpec),
    /// `Nauto`: up to so many.
    Auto(JobsSpec),
    /// What a file says: now, and later.
    File(JobsSpec, PathBuf),
}

impl JobsValue {
    /// Understands a value of `-j`; looks into the file, if it names one.
    ///
    /// # Errors
    ///
    /// A sentence without the option's name.
    fn parse(value: &OsStr) -> Result<Self, String> {
        let bytes = value.as_bytes();
        if let Some(number) = bytes.strip_suffix(b"auto") {
            return JobsSpec::parse(number).map(Self::Auto);
        }
        let file = Path::new(value);
        match JobsSpec::parse(bytes) {
            Ok(spec) => Ok(Self::Fixed(spec)),
            Err(_) if file.is_file() => std::fs::read(file)
                .map_err(|why| why.to_string())
                .and_then(|content| JobsSpec::of_file(&content))
                .map(|spec| Self::File(spec, file.to_owned()))
                .map_err(|why| format!("{}: {why}", file.display())),
            Err(why) => Err(why),
        }
    }
}

/// What `-j 0` stands for, given how many files the process may have open and how many processes and
/// threads its user may have.
///
/// A job takes up to four descriptors (as in GNU parallel), one process and one thread; some of each are
/// kept for fanout itself.
fn as_many_as_possible(open_files: u64, processes: u64) -> usize {
    const OWN: u64 = 32;
    let by_files = open_files.saturating_sub(OWN) / 4;
    let by_processes = processes.saturating_sub(OWN) / 2;
    usize::try_from(by_files.min(by_processes))
        .unwrap_or(usize::MAX)
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::as_many_as_possible;

    #[test]
    fn zero_is_bounded_by_descriptors_and_processes() {
        assert_eq!(as_many_as_possible(1024, 100_000), 248);
        assert_eq!(as_many_as_possible(1 << 20, 1032), 500);
        assert_eq!(as_many_as_possible(8, 0), 1);
        assert!(as_many_as_possible(u64::MAX, u64::MAX) > 1 << 30);
    }
}
