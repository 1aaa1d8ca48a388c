//! A fanout that runs, and what has come of it, by a mark in its environment.

use std::fs;
use std::os::unix::process::CommandExt as _;
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

use crate::support::HANG_GUARD;

/// A fanout that runs.
pub struct Run {
    child: Child,
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

    /// Kills fanout, and nothing else.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// How it has ended, if it does within `limit`.
    pub fn ended_within(&mut self, limit: Duration) -> Option<ExitStatus> {
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
    pub fn ends(&mut self) -> ExitStatus {
        let status = self.ended_within(HANG_GUARD);
        status.unwrap_or_else(|| panic!("fanout does not end; there are {:?}", self.processes()))
    }

    /// Waits until nothing that it has started is left, its own helpers included.
    pub fn await_silence(&self) {
        let end = Instant::now() + HANG_GUARD;
        loop {
            let left = self.processes();
            if left.is_empty() {
                return;
            }
            assert!(Instant::now() < end, "processes that are left: {left:?}");
            // What /proc tells cannot be waited for in another way.
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// The command lines of all live processes that descend from it, itself included.
    fn processes(&self) -> Vec<String> {
        let entries = fs::read_dir("/proc").unwrap().flatten();
        let folders = entries.map(|entry| entry.path());
        let marked = folders.filter(|folder| {
            let environment = fs::read(folder.join("environ")).unwrap_or_default();
            environment
                .split(|&byte| byte == 0)
                .any(|entry| entry == self.mark.as_bytes())
        });
        let lines = marked.map(|folder| fs::read(folder.join("cmdline")).unwrap_or_default());
        // A zombie has no command line; it runs no more.
        let lines = lines.filter(|line| !line.is_empty());
        lines
            .map(|line| String::from_utf8_lossy(&line).replace('\0', " "))
            .collect()
    }
}

impl Drop for Run {
    /// A failing test leaves nothing behind.
    fn drop(&mut self) {
        let _ = kill_process_group(Pid::from_child(&self.child), Signal::KILL);
        let _ = self.child.wait();
    }
}
