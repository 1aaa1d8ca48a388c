//! What every test from outside needs: a scratch directory, and a program that is run to its end.

use std::fs::File;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

/// No test waits longer than this for anything; reaching it is a failure, never a step of a test.
pub const HANG_GUARD: Duration = Duration::from_secs(60);

/// What a program that has ended left behind.
pub struct Finished {
    /// `None`: it did not end, and was killed.
    pub status: Option<ExitStatus>,
    pub stdout: Vec<u8>,
    pub stderr: Vec<u8>,
}

/// Runs `command` in a process group of its own, feeding it `stdin`, and takes both outputs whole.
///
/// The outputs go through files in `scratch`, so that a process left behind cannot hold them open.
pub fn run_to_end(mut command: Command, stdin: Option<&[u8]>, scratch: &Path) -> Finished {
    let [stdout, stderr] = ["stdout", "stderr"].map(|name| scratch.join(format!(".{name}")));
    command
        .process_group(0)
        .stdin(if stdin.is_some() {
            Stdio::piped()
        } else {
            Stdio::null()
        })
        .stdout(File::create(&stdout).unwrap())
        .stderr(File::create(&stderr).unwrap());
    let mut child = command
        .spawn()
        .unwrap_or_else(|why| panic!("{command:?}: {why}"));
    let mut feed = child.stdin.take();
    let status = thread::scope(|scope| {
        if let (Some(mut feed), Some(bytes)) = (feed.take(), stdin) {
            // A program may end without reading all its input.
            scope.spawn(move || feed.write_all(bytes).ok());
        }
        wait_within(&mut child, HANG_GUARD)
    });
    Finished {
        status,
        stdout: std::fs::read(stdout).unwrap(),
        stderr: std::fs::read(stderr).unwrap(),
    }
}

/// The exit status of `child`, or `None` (and its process group killed) when it runs on past `limit`.
pub fn wait_within(child: &mut Child, limit: Duration) -> Option<ExitStatus> {
    let pid = Pid::from_child(child);
    let pidfd = pidfd_open(pid, PidfdFlags::empty()).unwrap();
    let limit = Timespec::try_from(limit).unwrap();
    loop {
        match poll(&mut [PollFd::new(&pidfd, PollFlags::IN)], Some(&limit)) {
            Ok(0) => {
                kill_process_group(pid, Signal::KILL).ok();
                child.wait().unwrap();
                return None;
            }
            Ok(_) => return Some(child.wait().unwrap()),
            Err(rustix::io::Errno::INTR) => {}
            Err(why) => panic!("poll: {}", io::Error::from(why)),
        }
    }
}
