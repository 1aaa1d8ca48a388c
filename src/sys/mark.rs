//! The mark of a job's processes: a variable in their environment that says which job of which run they
//! belong to, wherever they end up in the tree of processes.
//!
//! Process groups and sessions can be left, and a process whose parent has ended belongs to somebody else;
//! what it was started with stays in `/proc/PID/environ`. A run inside a job adds its own mark to the one that
//! it has inherited, so that its processes carry both.

use std::sync::OnceLock;
use std::time::{SystemTime, UNIX_EPOCH};

use super::kernel_file;

/// The variable: marks `RUN/JOB`, those of outer runs first, with spaces in between.
pub const VARIABLE: &str = "FANOUT_JOB";

/// The number of the job in the marks of what belongs to no job: helper processes, merges, shared shells.
pub const NO_JOB: u64 = 0;

/// What the variable begins with in this run: the inherited marks, and this run's id.
struct Prefix {
    text: Vec<u8>,
    /// Where this run's id begins.
    run_at: usize,
}

fn prefix() -> &'static Prefix {
    static PREFIX: OnceLock<Prefix> = OnceLock::new();
    PREFIX.get_or_init(|| {
        let outer = std::env::var_os(VARIABLE).unwrap_or_default();
        let mut text = outer.into_encoded_bytes();
        if !text.is_empty() {
            text.push(b' ');
        }
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let micros = since.map_or(0, |since| since.as_micros());
        let run_at = text.len();
        // Process ids are used again, but not within a microsecond.
        text.extend_from_slice(format!("{}.{micros}/", std::process::id()).as_bytes());
        Prefix { text, run_at }
    })
}

/// The value of [`VARIABLE`] for job number `job` of this run.
pub fn value(job: u64) -> Vec<u8> {
    let prefix = &prefix().text;
    let mut value = Vec::with_capacity(prefix.len() + 20);
    value.extend_from_slice(prefix);
    value.extend_from_slice(job.to_string().as_bytes());
    value
}

/// The number of the job of this run that process `pid` belongs to by its environment; `None`: to none, or that
/// cannot be told.
pub fn job_of(pid: i32) -> Option<u64> {
    let environment = kernel_file::read(format!("/proc/{pid}/environ")).ok()?;
    job_in(&environment, this_run())
}

/// This run's id, and the slash behind it.
fn this_run() -> &'static [u8] {
    let prefix = prefix();
    &prefix.text[prefix.run_at..]
}

fn job_in(environment: &[u8], run: &[u8]) -> Option<u64> {
    let mut variables = environment.split(|&byte| byte == 0);
    let value = variables.find_map(|variable| {
        let value = variable.strip_prefix(VARIABLE.as_bytes())?;
        value.strip_prefix(b"=")
    })?;
    let mut marks = value.split(|&byte| byte == b' ');
    let job = marks.find_map(|mark| mark.strip_prefix(run))?;
    std::str::from_utf8(job).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mark_is_found_among_those_of_other_runs() {
        let environment = b"A=1\0FANOUT_JOB=7.1/3 7.2/12 8.1/5\0B=FANOUT_JOB=9.1/1\0";
        assert_eq!(job_in(environment, b"7.2/"), Some(12));
        assert_eq!(job_in(environment, b"8.1/"), Some(5));
        for run in [b"9.1/", b"7.3/"] {
            assert_eq!(job_in(environment, run), None);
        }
        assert_eq!(job_in(b"", b"7.1/"), None);
    }

    #[test]
    fn a_value_names_this_run_and_the_job() {
        let environment = [VARIABLE.as_bytes(), b"=", &value(42), b"\0"].concat();
        assert_eq!(job_in(&environment, this_run()), Some(42));
        assert_eq!(job_of(std::process::id().cast_signed()), None);
    }
}
