//! What every test from outside needs: waiting for a program, but not for ever.

#[allow(dead_code, reason = "not every test looks at a terminal")]
pub mod pane;
#[allow(dead_code, reason = "not every test needs a database")]
pub mod postgres;
#[allow(dead_code, reason = "not every test starts fanout and watches it")]
pub mod run;
#[allow(dead_code, reason = "not every test needs all that hosts can do")]
pub mod sshd;

use std::io;
use std::process::{Child, ExitStatus};
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, PidfdFlags, Signal, kill_process_group, pidfd_open};

/// No test waits longer than this for anything; reaching it is a failure, never a step of a test.
pub const HANG_GUARD: Duration = Duration::from_secs(60);

/// Has signals do in the tests, and so in what they start, what they do for a program that a user starts on a
/// terminal; run before `main`, when the process has one thread.
///
/// `nohup` and a shell's `&` leave them ignored, which programs hand on to all that they start.
#[allow(unsafe_code)]
extern "C" fn forget_ignored_signals() {
    for signal in [libc::SIGHUP, libc::SIGINT, libc::SIGQUIT] {
        // SAFETY: the kernel's own action takes over; nobody else has set one yet.
        unsafe { libc::signal(signal, libc::SIG_DFL) };
    }
}

// SAFETY: the loader calls what is in this section, each with no argument that the function would look at.
#[used]
#[allow(unsafe_code)]
#[unsafe(link_section = ".init_array")]
static BEFORE_MAIN: extern "C" fn() = forget_ignored_signals;

/// Says that a test cannot run without `what`, which is not installed; fails where `FANOUT_TEST_REQUIRE=all`.
pub fn skip_without(what: &str) {
    let required = std::env::var("FANOUT_TEST_REQUIRE").is_ok_and(|value| value == "all");
    assert!(
        !required,
        "FANOUT_TEST_REQUIRE=all, but {what} is not installed"
    );
    eprintln!("skipped: {what} is not installed");
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
