//! How many jobs run at a time: a value of `-j`, on the command line or in a file that is read again.

use std::path::PathBuf;

use super::number;

/// More slots than these are never planned, unless the machine has room for them.
const PLENTY: usize = 1 << 16;

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

impl JobsSpec {
    /// What a file with this `content` says.
    ///
    /// # Errors
    ///
    /// A sentence without the option's name.
    pub fn of_file(content: &[u8]) -> Result<Self, String> {
        Self::parse(content.strip_suffix(b"\n").unwrap_or(content))
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

    /// As [`resolve`](Self::resolve), within `most` or what is plenty, whichever is more: whether there is room for a
    /// number that was asked for is seen, and told, when jobs are started.
    pub fn slots(self, threads: usize, most: usize) -> usize {
        self.resolve(threads, most).min(most.max(PLENTY))
    }

    /// What a load must be below. As GNU parallel: the syntax of `--jobs`, but 0 means next to nothing.
    pub fn load(self, threads: usize) -> f64 {
        match self {
            Self::Unlimited => 0.01,
            Self::Percent(percent) => threads as f64 * percent / 100.0,
            spec => spec.resolve(threads, usize::MAX) as f64,
        }
    }
}

/// A file that says how many jobs run at a time, and may be changed while the run goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JobsFile {
    /// The file, with a value as `-j` takes it.
    pub path: PathBuf,
    /// How many CPU threads a percentage is of.
    pub threads: usize,
    /// No more slots than these are planned.
    pub most: usize,
}

impl JobsFile {
    /// What `content` says in it; `None`: nothing that makes sense.
    pub fn says(&self, content: &[u8]) -> Option<usize> {
        let spec = JobsSpec::of_file(content).ok()?;
        Some(spec.slots(self.threads, self.most))
    }
}

/// A file that says what the load must be below, and may be changed while the run goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LoadFile {
    /// The file, with a value as `--load` takes it.
    pub path: PathBuf,
    /// How many CPU threads a percentage is of.
    pub threads: usize,
}

impl LoadFile {
    /// What `content` says in it; `None`: nothing that makes sense.
    pub fn says(&self, content: &[u8]) -> Option<f64> {
        let spec = JobsSpec::of_file(content).ok()?;
        Some(spec.load(self.threads))
    }
}

#[cfg(test)]
mod tests {
    use super::JobsSpec;

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
}
