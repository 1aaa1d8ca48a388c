//! Other processes, and a second one of our own.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::time::{Duration, Instant};

use super::fd::poll;
use super::kernel_file;

/// Which of the two processes this is after [`fork`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Forked {
    /// The one that was there before.
    Parent,
    /// The new one.
    Child,
}

/// Makes a second process that goes on from here.
///
/// To be called while the process has one thread: only the calling thread goes on in the new one.
///
/// # Errors
///
/// When no process is to be had.
pub fn fork() -> io::Result<Forked> {
    // SAFETY: by the contract above there are no other threads whose locks could stay taken.
    match unsafe { libc::fork() } {
        -1 => Err(io::Error::last_os_error()),
        0 => Ok(Forked::Child),
        _ => Ok(Forked::Parent),
    }
}

/// A process that can be waited for, though it is no child of ours.
#[derive(Debug)]
pub struct Other(OwnedFd);

impl Other {
    /// The process with this id; `None`: there is none.
    pub fn find(pid: i32) -> Option<Self> {
        if pid <= 0 {
            return None;
        }
        // SAFETY: no pointers involved.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
        // SAFETY: the descriptor was just made and belongs to nobody else.
        (fd >= 0).then(|| Self(unsafe { OwnedFd::from_raw_fd(fd as i32) }))
    }
}

/// When process `pid` was started, in ticks since the machine was; `None`: there is none.
pub fn start_time(pid: u32) -> Option<u64> {
    let stat = kernel_file::read(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may have any bytes; the start is the 20th field behind it.
    let behind = &stat[memchr::memrchr(b')', &stat)? + 1..];
    let field = String::from_utf8_lossy(behind);
    field.split_whitespace().nth(19)?.parse().ok()
}

/// Whether process `pid` is there and has not ended.
pub fn lives(pid: i32) -> bool {
    let stat = kernel_file::read(format!("/proc/{pid}/stat")).unwrap_or_default();
    let state = memchr::memrchr(b')', &stat).and_then(|name| stat.get(name + 2));
    state.is_some_and(|state| !matches!(state, b'Z' | b'X'))
}

/// The name of the namespace that this process's id belongs to.
pub fn namespace() -> String {
    let name = std::fs::read_link("/proc/self/ns/pid").unwrap_or_default();
    name.to_string_lossy().into_owned()
}

/// Waits until one of the processes has ended, at most until `deadline`.
///
/// # Errors
///
/// What `poll(2)` says but for interruptions.
pub fn wait_for_one(others: &[Other], deadline: Option<Instant>) -> io::Result<()> {
    let mut polled: Vec<_> = others
        .iter()
        .map(|other| libc::pollfd {
            fd: other.0.as_raw_fd(),
            events: libc::POLLIN,
            revents: 0,
        })
        .collect();
    let timeout = deadline.map_or(-1, |deadline| {
        let left = deadline.saturating_duration_since(Instant::now());
        // Rounded up: nobody is to look again just before the time has come.
        let millis = (left + Duration::from_micros(999)).as_millis();
        i32::try_from(millis).unwrap_or(i32::MAX)
    });
    poll(&mut polled, timeout)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::process::Command;

    #[test]
    fn another_process_is_waited_for() {
        let mut child = Command::new("sleep").arg("60").spawn().unwrap();
        let other = Other::find(child.id() as i32).unwrap();
        wait_for_one(&[], Some(Instant::now())).unwrap();
        child.kill().unwrap();
        wait_for_one(&[other], None).unwrap();
        child.wait().unwrap();
        assert!(Other::find(0).is_none() && Other::find(-1).is_none());
    }
}
