//! A fanout that runs, and what has come of it, by a mark in its environment.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open};

use super::HANG_GUARD;

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

    /// Its standard input, which was to be a pipe.
    pub fn stdin(&mut self) -> ChildStdin {
        self.child.stdin.take().unwrap()
    }

    /// Its standard output, which was to be a pipe.
    pub fn stdout(&mut self) -> ChildStdout {
        self.child.stdout.take().unwrap()
    }

    pub fn send(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Kills fanout, and nothing else.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// How it has ended, if it does within `limit`.
    pub fn ended_within(&mut self, limit: Duration) -> Option<ExitStatus> {
        if let Some(status) = self.child.try_wait().unwrap() {
            return Some(status);
        }
        let pidfd = pidfd_open(Pid::from_child(&self.child), PidfdFlags::empty()).unwrap();
        let end = Instant::now() + limit;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let left = Timespec::try_from(left).unwrap();
            match poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&left)) {
                Ok(0) => return None,
                Ok(_) => return Some(self.child.wait().unwrap()),
                Err(why) => assert_eq!(why, rustix::io::Errno::INTR),
            }
        }
    }

    /// How it has ended; one that hangs is a failure.
    pub fn wait(&mut self) -> ExitStatus {
        let status = self.ended_within(HANG_GUARD);
        status.unwrap_or_else(|| panic!("fanout does not end; there are {:?}", self.all()))
    }

    /// Waits until nothing that it has started is left, its own helpers included.
    pub fn await_silence(&self) {
        let mut left = Vec::new();
        let gone = comes_true(HANG_GUARD, || {
            left = self.all();
            left.is_empty()
        });
        assert!(gone, "processes that are left: {left:?}");
    }

    /// The command lines of all live processes that descend from this run, fanout itself aside.
    pub fn jobs(&self) -> Vec<String> {
        self.processes().into_iter().map(|(_, line)| line).collect()
    }

    /// As [`jobs`](Self::jobs), with their process ids.
    pub fn processes(&self) -> Vec<(u32, String)> {
        self.live(|pid| pid != self.pid() && !is_fanout(pid))
    }

    /// Waits until as many as `count` processes whose command line is `line` run.
    pub fn await_jobs(&self, line: &str, count: usize) {
        await_that(&format!("{count} × {line}"), || {
            self.jobs().iter().filter(|job| *job == line).count() == count
        });
    }

    /// All live processes that descend from it, itself and its helpers included.
    fn all(&self) -> Vec<(u32, String)> {
        self.live(|_| true)
    }

    fn live(&self, is_wanted: impl Fn(u32) -> bool) -> Vec<(u32, String)> {
        let names = fs::read_dir("/proc").unwrap().flatten();
        let pids = names.filter_map(|entry| entry.file_name().to_str()?.parse::<u32>().ok());
        let marked = pids.filter(|pid| self.is_marked(*pid) && is_wanted(*pid));
        // Last, for what is gone by now has none.
        let lines = marked.map(|pid| {
            let words = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let line = String::from_utf8_lossy(&words).replace('\0', " ");
            (pid, line.trim_end().to_owned())
        });
        // A zombie has no command line; it runs no more.
        lines.filter(|(_, line)| !line.is_empty()).collect()
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
        // Its guardian ends what it has started.
        self.child.kill().ok();
        self.child.wait().ok();
        // What strace ran goes on without it.
        if thread::panicking() {
            for (pid, _) in self.all() {
                let pid = Pid::from_raw(pid.cast_signed()).unwrap();
                kill_process(pid, Signal::KILL).ok();
            }
        }
    }
}

/// fanout may have helpers of its own, which are no jobs.
fn is_fanout(pid: u32) -> bool {
    // The kernel has the name without symbolic links.
    let fanout = Path::new(env!("CARGO_BIN_EXE_fanout"));
    let fanout = fanout.canonicalize().unwrap_or(fanout.to_owned());
    fs::read_link(format!("/proc/{pid}/exe")).is_ok_and(|exe| exe == fanout)
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

/// Whether strace is there, and may look at what it starts.
pub fn has_strace() -> bool {
    let mut strace = Command::new("strace");
    strace
        .args(["-qq", "-o", "/dev/null", "true"])
        .stderr(Stdio::null());
    strace.status().is_ok_and(|status| status.success())
}
