//! How many jobs run at a time: the value of `-j`.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::number;

/// A value of `-j`, `--jobs`, `-P`, `--max-procs`.
///
/// As GNU parallel 20260522: what is behind a sign or before a percent sign may be calculated, and is rounded.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub enum JobsSpec {
    /// Nothing was said: one per CPU thread.
    #[default]
    PerThread,
    /// `N`.
    Exactly(usize),
    /// `0`: as many as possible.
    Unlimited,
    /// `+N`, `-N`: that many more than CPU threads, or fewer.
    Plus(f64),
    /// `+N%`, `-N%`: that part of the CPU threads more, or less.
    PlusPercent(f64),
    /// `N%` of the CPU threads.
    Percent(f64),
}

/// The whole value of `-j`: how many, and how that may change.
#[derive(Clone, Debug, PartialEq)]
pub enum JobsValue {
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
    pub fn parse(value: &OsStr) -> Result<Self, String> {
        let bytes = value.as_bytes();
        if let Some(number) = bytes.strip_suffix(b"auto") {
            return JobsSpec::parse(number).map(Self::Auto);
        }
        let file = Path::new(value);
        match JobsSpec::parse(bytes) {
            Ok(spec) => Ok(Self::Fixed(spec)),
            Err(_) if file.is_file() => JobsSpec::read(file)
                .map(|spec| Self::File(spec, file.to_owned()))
                .map_err(|why| format!("{}: {why}", file.display())),
            Err(why) => Err(why),
        }
    }
}

impl JobsSpec {
    /// What the file `path` says at the moment.
    ///
    /// # Errors
    ///
    /// A sentence without the option's name.
    pub fn read(path: &Path) -> Result<Self, String> {
        let text = std::fs::read(path).map_err(|why| why.to_string())?;
        Self::parse(text.strip_suffix(b"\n").unwrap_or(&text))
    }

    /// Reads a value of `-j`.
    ///
    /// # Errors
    ///
    /// A sentence without the option's name.
    pub fn parse(value: &[u8]) -> Result<Self, String> {
        let text = str::from_utf8(value).map(str::trim);
        let spec = text.ok().and_then(Self::of_text);
        spec.ok_or_else(|| {
            let value = String::from_utf8_lossy(value);
            format!(
                "{value:?} is no number of jobs; use N, +N, -N, N%, 0 for as many as possible, or a file"
            )
        })
    }

    fn of_text(text: &str) -> Option<Self> {
        if text.is_empty() {
            return Some(Self::PerThread);
        }
        let (sign, rest) = match text.as_bytes() {
            [b'+', ..] => (1.0, &text[1..]),
            [b'-', ..] => (-1.0, &text[1..]),
            _ => (0.0, text),
        };
        let (rest, percent) = match rest.strip_suffix('%') {
            Some(rest) => (rest, true),
            None => (rest, false),
        };
        let number = number::evaluate(rest)?;
        Some(match (sign, percent) {
            (0.0, true) => Self::Percent(number),
            (0.0, false) if number == 0.0 => Self::Unlimited,
            (0.0, false) => Self::Exactly(number.round().max(1.0) as usize),
            (_, true) => Self::PlusPercent(sign * number),
            (_, false) => Self::Plus(sign * number),
        })
    }

    /// The number of jobs on `threads` CPU threads, at least 1; `most` is what 0 stands for.
    ///
    /// A part of a job counts as one, as in GNU parallel: 33% of 2 threads is 1, 149% is 3. Where GNU
    /// refuses to run (`-50` on 8 threads, `0%`), this is 1, as its manual says.
    pub fn resolve(self, threads: usize, most: usize) -> usize {
        let jobs = match self {
            Self::PerThread => threads,
            Self::Exactly(jobs) => jobs,
            Self::Unlimited => most,
            Self::Plus(more) => (threads as f64 + more).round() as usize,
            Self::PlusPercent(more) => (threads as f64 * (1.0 + more / 100.0)).round() as usize,
            Self::Percent(percent) => (threads as f64 * percent / 100.0).ceil() as usize,
        };
        jobs.max(1)
    }
}

/// What `-j 0` stands for, given how many files the process may have open and how many processes and
/// threads its user may have.
///
/// A job takes up to four descriptors (as in GNU parallel), one process and one thread; some of each are
/// kept for fanout itself.
pub fn as_many_as_possible(open_files: u64, processes: u64) -> usize {
    const OWN: u64 = 32;
    let by_files = open_files.saturating_sub(OWN) / 4;
    let by_processes = processes.saturating_sub(OWN) / 2;
    usize::try_from(by_files.min(by_processes))
        .unwrap_or(usize::MAX)
        .max(1)
}

#[cfg(test)]
mod tests {
    use super::{JobsSpec, as_many_as_possible};

    #[test]
    fn resolves_values_as_gnu_does() {
        for (value, on_two, on_eight) in [
            ("1", 1, 1),
            ("02", 2, 2),
            ("16", 16, 16),
            ("0", 500, 500),
            ("+0", 2, 8),
            ("+1", 3, 9),
            ("-0", 2, 8),
            ("-1", 1, 7),
            ("-100", 1, 1),
            ("50%", 1, 4),
            ("33%", 1, 3),
            ("74%", 2, 6),
            ("100%", 2, 8),
            ("149%", 3, 12),
            ("150.5%", 4, 13),
            ("250%", 5, 20),
            ("1%", 1, 1),
            ("0%", 1, 1),
            (" 2", 2, 2),
            ("1.5", 2, 2),
            ("1k", 1000, 1000),
            ("", 2, 8),
            ("+50%", 3, 12),
            ("-50%", 1, 4),
            ("+3*log(55)%", 2, 9),
            ("+2*2", 6, 12),
            ("10*10%", 2, 8),
        ] {
            let spec = JobsSpec::parse(value.as_bytes()).unwrap();
            assert_eq!(
                (spec.resolve(2, 500), spec.resolve(8, 500)),
                (on_two, on_eight),
                "-j {value}"
            );
        }
        assert_eq!(JobsSpec::default().resolve(6, 500), 6);
    }

    #[test]
    fn refuses_what_is_no_number() {
        for value in ["x", "1e1", "+", "-", "%", "1e2%", "0x3", "2 2", "log(0)"] {
            let error = JobsSpec::parse(value.as_bytes()).unwrap_err();
            assert!(error.contains(&format!("{value:?}")), "{error}");
        }
        assert!(JobsSpec::parse(b"\xff").is_err());
    }

    #[test]
    fn zero_is_bounded_by_descriptors_and_processes() {
        assert_eq!(as_many_as_possible(1024, 100_000), 248);
        assert_eq!(as_many_as_possible(1 << 20, 1032), 500);
        assert_eq!(as_many_as_possible(8, 0), 1);
        assert!(as_many_as_possible(u64::MAX, u64::MAX) > 1 << 30);
    }
}
