//! Processes seen through /proc: who descends from a run, and what fanout costs.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{CWD, FileType, Mode, mknodat};
use rustix::process::{Pid, Signal, kill_process};

use crate::support::{HANG_GUARD, wait_within};
use crate::{fanout, text};

/// A fanout that runs, and the mark by which its jobs are known wherever they end up.
pub struct Run {
    pub child: Child,
    mark: String,
}

impl Run {
    /// Starts `command` in a process group of its own.
    pub fn start(mut command: Command) -> Self {
        static RUNS: AtomicU32 = AtomicU32::new(0);
        let number = RUNS.fetch_add(1, Ordering::Relaxed);
        let mark = format!("FANOUT_TEST_MARK=mark-{}-{number}-end", std::process::id());
        let (name, value) = mark.split_once('=').unwrap();
        let child = command.env(name, value).process_group(0).spawn().unwrap();
        Self { child, mark }
    }

    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    pub fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    pub fn wait(&mut self) -> ExitStatus {
        wait_within(&mut self.child, HANG_GUARD).expect("fanout ends")
    }

    /// The command lines of all live processes that descend from this run, fanout itself aside.
    pub fn jobs(&self) -> Vec<String> {
        self.processes().into_iter().map(|(_, line)| line).collect()
    }

    /// As [`jobs`](Self::jobs), with their process ids.
    pub fn processes(&self) -> Vec<(u32, String)> {
        let mut found = Vec::new();
        for entry in fs::read_dir("/proc").unwrap().flatten() {
            let name = entry.file_name();
            let Some(pid) = name.to_str().and_then(|name| name.parse::<u32>().ok()) else {
                continue;
            };
            if pid == self.pid() || !self.is_marked(pid) || is_fanout(pid) {
                continue;
            }
            let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            // A zombie has no command line; it runs no more.
            if !words.is_empty() {
                let words: Vec<_> = words
                    .split(|&byte| byte == 0)
                    .map(String::from_utf8_lossy)
                    .collect();
                found.push((pid, words.join(" ").trim_end().to_owned()));
            }
        }
        found
    }

    /// Waits until as many as `count` processes whose command line is `line` run.
    pub fn await_jobs(&self, line: &str, count: usize) {
        await_that(&format!("{count} × {line}"), || {
            self.jobs().iter().filter(|job| *job == line).count() == count
        });
    }

    fn is_marked(&self, pid: u32) -> bool {
        let environment = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environment
            .split(|&byte| byte == 0)
            .any(|entry| entry == self.mark.as_bytes())
    }
}

impl Drop for Run {
    /// A failing test leaves nothing behind.
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// fanout may have helpers of its own, which are no jobs.
fn is_fanout(pid: u32) -> bool {
    fs::read_link(format!("/proc/{pid}/exe"))
        .is_ok_and(|exe| exe == Path::new(env!("CARGO_BIN_EXE_fanout")))
}

/// Looks until `holds`; what /proc tells cannot be waited for in another way.
pub fn await_that(what: &str, holds: impl FnMut() -> bool) {
    assert!(comes_true(HANG_GUARD, holds), "never happened: {what}");
}

/// Whether `holds` comes true within `limit`.
pub fn comes_true(limit: Duration, mut holds: impl FnMut() -> bool) -> bool {
    let end = Instant::now() + limit;
    loop {
        if holds() {
            return true;
        }
        if Instant::now() >= end {
            return false;
        }
        thread::sleep(Duration::from_millis(5));
    }
}

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
