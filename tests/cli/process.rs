//! Processes seen through /proc: what fanout costs.

use std::fs;
use std::path::Path;

use rustix::fs::{CWD, FileType, Mode, mknodat};

pub use crate::support::run::{Run, await_that, comes_true};
use crate::{fanout, text};

/// A number of /proc/PID/status, such as `VmHWM` (in kB).
pub fn status_number(pid: u32, field: &str) -> u64 {
    number_of(
        &fs::read_to_string(format!("/proc/{pid}/status")).unwrap(),
        field,
    )
}

/// Context switches of all threads.
pub fn context_switches(pid: u32) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{pid}/task")).unwrap();
    let statuses =
        tasks.map(|task| fs::read_to_string(task.unwrap().path().join("status")).unwrap());
    statuses
        .map(|status| {
            number_of(&status, "voluntary_ctxt_switches")
                + number_of(&status, "nonvoluntary_ctxt_switches")
        })
        .sum()
}

/// Processor time used so far, in clock ticks.
pub fn cpu_ticks(pid: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    // The name may hold spaces; utime and stime are fields 14 and 15, the name is field 2.
    let after_name = stat.rsplit_once(')').unwrap().1;
    let fields: Vec<&str> = after_name.split_whitespace().collect();
    fields[11].parse::<u64>().unwrap() + fields[12].parse::<u64>().unwrap()
}

fn number_of(status: &str, field: &str) -> u64 {
    let line = status
        .lines()
        .find(|line| line.split(':').next() == Some(field))
        .unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// A FIFO: a job that reads it goes on when the test says so.
pub fn make_fifo(path: &Path) {
    let mode = Mode::RUSR | Mode::WUSR;
    mknodat(CWD, path, FileType::Fifo, mode, 0).unwrap();
}

#[test]
fn what_only_tells_something_reads_no_jobs() {
    for option in [
        "--citation",
        "--bibtex",
        "--version",
        "--help",
        "--minversion=1",
    ] {
        let output = fanout()
            .arg(option)
            .write_stdin("echo ran\n")
            .output()
            .unwrap();
        assert!(output.status.success(), "{option}");
        assert!(!output.stdout.is_empty(), "{option}");
        assert!(!text(&output.stdout).contains("\nran\n"), "{option}");
        assert_eq!(text(&output.stderr), "", "{option}");
    }
}
