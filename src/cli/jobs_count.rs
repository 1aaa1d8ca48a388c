//! How many jobs run at a time: what `-j` may be besides a number.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::run::jobs_spec::JobsSpec;

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
    use super::as_many_as_possible;

    #[test]
    fn zero_is_bounded_by_descriptors_and_processes() {
        assert_eq!(as_many_as_possible(1024, 100_000), 248);
        assert_eq!(as_many_as_possible(1 << 20, 1032), 500);
        assert_eq!(as_many_as_possible(8, 0), 1);
        assert!(as_many_as_possible(u64::MAX, u64::MAX) > 1 << 30);
    }
}
