//! A job's processes outside its process group: what a shell's `set -m`, `setsid`, `timeout` and the like make.
//!
//! They are found by their parents, as far as these live, and otherwise among the children of fanout itself,
//! which adopts what has lost its parent, by their session, process group or [mark](super::mark). A process
//! that has left all of that behind (a daemon that was started without an environment, and whose parent has
//! ended) is nobody's.
#![allow(unsafe_code)]

use std::collections::HashSet;
use std::fs;
use std::io;
use std::os::fd::{AsRawFd as _, FromRawFd as _, OwnedFd};
use std::time::{Duration, Instant};

use super::fd::poll;
use super::mark::NO_JOB;
use super::{kernel_file, orphans};

/// A process, held so that its number is not given to another unnoticed.
#[derive(Debug)]
pub struct Member {
    pid: i32,
    pidfd: OwnedFd,
}

impl Member {
    /// The process of this number; `None`: there is none any more.
    pub(in crate::sys) fn find(pid: i32) -> Option<Self> {
        // SAFETY: no pointers involved.
        let fd = unsafe { libc::syscall(libc::SYS_pidfd_open, pid, 0) };
        (fd >= 0).then(|| Self {
            pid,
            // SAFETY: the descriptor was just made and belongs to nobody else.
            pidfd: unsafe { OwnedFd::from_raw_fd(fd as i32) },
        })
    }

    /// Sends it `signal`.
    pub(in crate::sys) fn signal(&self, signal: i32) {
        let (fd, none) = (self.pidfd.as_raw_fd(), std::ptr::null::<libc::siginfo_t>());
        // SAFETY: a signal without further information to the process that the descriptor refers to.
        unsafe { libc::syscall(libc::SYS_pidfd_send_signal, fd, signal, none, 0) };
    }
}

/// The processes of one job outside its process group, or all of them.
#[derive(Debug)]
pub struct Family {
    leader: i32,
    /// Whether the leader was reaped: then its number may soon be another's.
    reaped: bool,
    job: u64,
    /// Whether those in its process group are members, too.
    whole: bool,
    members: Vec<Member>,
}

/// Of a process: its parent, process group and session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Place {
    parent: i32,
    group: i32,
    session: i32,
    lives: bool,
}

impl Family {
    /// That of job number `job`, whose first process is or was `leader`; nobody is known yet.
    pub fn new(leader: i32, job: u64) -> Self {
        Self {
            leader,
            reaped: false,
            job,
            whole: false,
            members: Vec::new(),
        }
    }

    /// What job number `job` has left running, whose first process was `leader` and is gone: the process ids, in
    /// order.
    pub fn left_by(leader: i32, job: u64) -> Vec<i32> {
        let mut family = Self::new(leader, job);
        (family.reaped, family.whole) = (true, true);
        family.look();
        let mut pids: Vec<i32> = family.members.iter().map(|member| member.pid).collect();
        pids.sort_unstable();
        pids
    }

    /// Says that the leader is being reaped.
    pub fn leader_is_gone(&mut self) {
        self.reaped = true;
    }

    /// Looks for members that are not known yet.
    pub fn look(&mut self) {
        let mut seen: HashSet<i32> = self.members.iter().map(|member| member.pid).collect();
        let mut parents: Vec<i32> = seen.iter().copied().collect();
        if !self.reaped {
            parents.push(self.leader);
        }
        seen.insert(self.leader);
        for orphan in orphans() {
            if !seen.contains(&orphan) && self.adopts(orphan) {
                self.admit(orphan, &mut seen, &mut parents);
            }
        }
        while let Some(parent) = parents.pop() {
            for child in children(parent) {
                if !seen.contains(&child) {
                    self.admit(child, &mut seen, &mut parents);
                }
            }
        }
    }

    /// Takes process `pid` in, unless it is in the leader's group, which has its signals already.
    fn admit(&mut self, pid: i32, seen: &mut HashSet<i32>, parents: &mut Vec<i32>) {
        seen.insert(pid);
        // Held first, looked at then: it is the same process throughout, or gone.
        let Some(member) = Member::find(pid) else {
            return;
        };
        let Some(place) = place(pid) else { return };
        parents.push(pid);
        if place.lives && (self.whole || place.group != self.leader) {
            self.members.push(member);
        }
    }

    /// Whether a process that has lost its parent belongs to the job.
    fn adopts(&self, pid: i32) -> bool {
        match orphans::job_of(pid) {
            Some(job) if job == self.job => return true,
            Some(job) if job != NO_JOB => return false,
            _ => {}
        }
        let known = |id: i32| id == self.leader || self.members.iter().any(|it| it.pid == id);
        place(pid).is_some_and(|place| known(place.group) || known(place.session))
    }

    /// Sends `signal` to all known members.
    pub fn signal(&self, signal: i32) {
        for member in &self.members {
            member.signal(signal);
        }
    }

    /// Whether all known members are gone by `deadline`. Forgets those that are.
    ///
    /// # Errors
    ///
    /// What `poll(2)` says but for interruptions.
    pub fn gone_before(&mut self, deadline: Instant) -> io::Result<bool> {
        while let Some(last) = self.members.last() {
            let left = deadline.saturating_duration_since(Instant::now());
            let mut polled = libc::pollfd {
                fd: last.pidfd.as_raw_fd(),
                events: libc::POLLIN,
                revents: 0,
            };
            let millis = left.as_nanos().div_ceil(1_000_000);
            let timeout = i32::try_from(millis).unwrap_or(i32::MAX);
            poll(std::slice::from_mut(&mut polled), timeout)?;
            if polled.revents == 0 {
                return Ok(false);
            }
            self.members.pop();
        }
        Ok(true)
    }

    /// Kills all members until no more are found, or it takes longer than `most`.
    ///
    /// # Errors
    ///
    /// As for [`gone_before`](Self::gone_before).
    pub fn kill(&mut self, most: Duration) -> io::Result<()> {
        let until = Instant::now() + most;
        loop {
            self.look();
            self.signal(libc::SIGKILL);
            // Who was born while others were killed is found in the next round.
            if self.members.is_empty() || !self.gone_before(until)? {
                return Ok(());
            }
        }
    }
}

/// The children of process `pid`, whichever of its threads started them.
fn children(pid: i32) -> Vec<i32> {
    let Ok(threads) = fs::read_dir(format!("/proc/{pid}/task")) else {
        return Vec::new();
    };
    let ids = threads.flatten().map(|thread| thread.file_name());
    let mut found = Vec::new();
    for thread in ids.filter_map(|id| id.to_str()?.parse().ok()) {
        match children_of_thread(pid, thread) {
            Some(children) => found.extend(children),
            None => return children_by_search(pid),
        }
    }
    found
}

/// Those that have lost their parents and were adopted by fanout: the children of its first thread. What others of
/// its threads have started are jobs.
fn orphans() -> Vec<i32> {
    let search = || children_by_search(std::process::id().cast_signed());
    orphans::list().unwrap_or_else(search)
}

/// `None`: this kernel has no such lists.
fn children_of_thread(pid: i32, thread: i32) -> Option<Vec<i32>> {
    match kernel_file::read_to_string(format!("/proc/{pid}/task/{thread}/children")) {
        Ok(list) => Some(
            list.split_whitespace()
                .filter_map(|id| id.parse().ok())
                .collect(),
        ),
        Err(error) if error.kind() == io::ErrorKind::NotFound && place(pid).is_some() => None,
        Err(_) => Some(Vec::new()),
    }
}

fn children_by_search(parent: i32) -> Vec<i32> {
    let is_child = |pid: &i32| place(*pid).is_some_and(|place| place.parent == parent);
    all_processes().into_iter().filter(is_child).collect()
}

/// The ids of all processes that can be seen.
pub(in crate::sys) fn all_processes() -> Vec<i32> {
    let Ok(listing) = fs::read_dir("/proc") else {
        return Vec::new();
    };
    let names = listing.flatten().map(|entry| entry.file_name());
    names
        .filter_map(|name| name.to_str()?.parse().ok())
        .collect()
}

fn place(pid: i32) -> Option<Place> {
    let stat = kernel_file::read(format!("/proc/{pid}/stat")).ok()?;
    // The name, in parentheses, may have any bytes.
    let behind = &stat[memchr::memrchr(b')', &stat)? + 1..];
    let text = String::from_utf8_lossy(behind);
    let mut fields = text.split_whitespace();
    let state = fields.next()?;
    let mut number = || fields.next()?.parse().ok();
    Some(Place {
        parent: number()?,
        group: number()?,
        session: number()?,
        lives: !matches!(state, "Z" | "X"),
    })
}
