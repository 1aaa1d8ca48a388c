//! Waiting for a job's process, ending its process group.
#![allow(unsafe_code)]

use std::ffi::c_int;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::guardian::GuardedGroup;
use super::kernel_file;
use super::wake::Wake;

/// A running process. One that is dropped without [`Child::reap`] is killed with its group.
#[derive(Debug)]
pub struct Child {
    pid: libc::pid_t,
    pidfd: OwnedFd,
    ward: GuardedGroup,
    reaped: bool,
}

impl Drop for Child {
    fn drop(&mut self) {
        if !self.reaped {
            self.signal(libc::SIGKILL);
            // Nobody is left who could be told.
            let _ = self.wait_for_status();
        }
    }
}

/// How a process ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// It exited with this code.
    Code(i32),
    /// This signal killed it.
    Signal(i32),
}

/// Why a wait was over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Waited {
    /// The process has ended and can be reaped.
    Ended,
    /// Somebody rang.
    Rung,
    /// A watched descriptor has something to read, or was closed.
    Readable,
    /// The deadline has passed.
    TimedOut,
}

/// What data goes through, while it does not go on by itself.
#[derive(Clone, Copy, Debug)]
pub enum PollFor<'a> {
    /// There is nothing until this is readable.
    Read(BorrowedFd<'a>),
    /// Nothing goes on until this is writable, or its reader is gone.
    Write(BorrowedFd<'a>),
}

impl PollFor<'_> {
    fn polled(self) -> libc::pollfd {
        let (fd, events) = match self {
            Self::Read(source) => (source, libc::POLLIN),
            Self::Write(pipe) => (pipe, libc::POLLOUT),
        };
        libc::pollfd {
            fd: fd.as_raw_fd(),
            events,
            revents: 0,
        }
    }
}

impl Child {
    /// The process `pid`, which is our child and which `pidfd` refers to; `ward` holds its group.
    pub(in crate::sys) fn new(pid: libc::pid_t, pidfd: OwnedFd, ward: GuardedGroup) -> Self {
        Self {
            pid,
            pidfd,
            ward,
            reaped: false,
        }
    }

    /// Its process id, which is its process group's too if it leads one.
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// The CPU time that it has taken by now.
    pub fn cpu_time(&self) -> Duration {
        let mut clock: libc::clockid_t = 0;
        let mut time = libc::timespec {
            tv_sec: 0,
            tv_nsec: 0,
        };
        // SAFETY: live out-parameters; the process is ours and not reaped, so its number is its own.
        let known = unsafe {
            libc::clock_getcpuclockid(self.pid, &raw mut clock) == 0
                && libc::clock_gettime(clock, &raw mut time) == 0
        };
        if known {
            Duration::new(time.tv_sec.cast_unsigned(), time.tv_nsec as u32)
        } else {
            Duration::ZERO
        }
    }

    /// Waits until the process ends, `wake` rings, one of two `doors` is ready or `deadline` passes.
    /// Where several are true, `wake` comes first and data last: a flood of data hides nothing else.
    pub fn wait(
        &self,
        wake: Option<&Wake>,
        doors: &[PollFor],
        deadline: Option<Instant>,
    ) -> io::Result<Waited> {
        self.wait_feeding(wake, doors, None, deadline)
    }

    /// As [`Child::wait`], for what two outputs and the input of the process go through; that one of them is ready
    /// counts as [`Waited::Readable`], too.
    pub fn wait_feeding(
        &self,
        wake: Option<&Wake>,
        outputs: &[PollFor],
        feed: Option<PollFor>,
        deadline: Option<Instant>,
    ) -> io::Result<Waited> {
        let watched = |fd| libc::pollfd {
            fd,
            events: libc::POLLIN,
            revents: 0,
        };
        let mut polled = [watched(-1); 5];
        polled[0].fd = self.pidfd.as_raw_fd();
        polled[1].fd = wake.map_or(-1, AsRawFd::as_raw_fd);
        for (place, door) in polled[2..4].iter_mut().zip(outputs) {
            *place = door.polled();
        }
        let count = match feed {
            None => 2 + outputs.len().min(2),
            Some(door) => {
                polled[4] = door.polled();
                5
            }
        };
        loop {
            // SAFETY: `polled` is a live array of at least `count` entries.
            let ready = unsafe {
                libc::poll(
                    polled.as_mut_ptr(),
                    count as libc::nfds_t,
                    timeout_ms(deadline),
                )
            };
            if ready < 0 {
                let error = io::Error::last_os_error();
                if error.kind() != io::ErrorKind::Interrupted {
                    return Err(error);
                }
            } else if polled[1].revents != 0 {
                return Ok(Waited::Rung);
            } else if polled[0].revents != 0 {
                return Ok(Waited::Ended);
            } else if deadline.is_some_and(|deadline| Instant::now() >= deadline) {
                return Ok(Waited::TimedOut);
            } else if polled[2..].iter().any(|input| input.revents != 0) {
                return Ok(Waited::Readable);
            }
        }
    }

    /// Sends `signal` to the whole process group.
    pub fn signal(&self, signal: i32) {
        signal_group(self.pid, signal);
    }

    /// Waits for the process's end and takes its status and what it cost.
    ///
    /// # Errors
    ///
    /// What `wait4(2)` says but for interruptions.
    pub fn reap(mut self) -> io::Result<Reaped> {
        let (status, usage) = self.wait_for_status()?;
        let exit = if libc::WIFSIGNALED(status) {
            Exit::Signal(libc::WTERMSIG(status))
        } else {
            Exit::Code(libc::WEXITSTATUS(status))
        };
        Ok(Reaped {
            exit,
            dumped_core: libc::WIFSIGNALED(status) && libc::WCOREDUMP(status),
            usage: usage_of(&usage),
            group: Group(self.pid),
        })
    }

    fn wait_for_status(&mut self) -> io::Result<(i32, libc::rusage)> {
        let mut status = 0;
        // SAFETY: an all-zero rusage is valid.
        let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
        // Whatever comes of it, there is nothing to wait for a second time.
        self.reaped = true;
        loop {
            // SAFETY: waits for our own child with live out-parameters.
            if unsafe { libc::wait4(self.pid, &raw mut status, 0, &raw mut usage) } == self.pid {
                self.ward.release();
                return Ok((status, usage));
            }
            let error = io::Error::last_os_error();
            if error.kind() != io::ErrorKind::Interrupted {
                return Err(error);
            }
        }
    }
}

/// What a process cost, as the kernel counted it (`wait4(2)`): the process and all its waited-for children.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Usage {
    /// CPU time in user mode.
    pub user: Duration,
    /// CPU time in the kernel.
    pub sys: Duration,
    /// Largest resident set, in bytes; `None`: not known, as it is not above fanout's own.
    pub max_rss_bytes: Option<u64>,
    /// What the kernel counted; `None`: nothing was counted for this job alone.
    pub counts: Option<Counts>,
}

/// What the kernel counted of a process and all its waited-for children.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Page faults that needed I/O.
    pub majflt: u64,
    /// Voluntary context switches.
    pub nvcsw: u64,
    /// Involuntary context switches.
    pub nivcsw: u64,
    /// Blocks read from disk.
    pub in_blocks: u64,
    /// Blocks written to disk.
    pub out_blocks: u64,
}

/// Sends `signal` to the process group `group`, which must be that of a job not yet reaped; or to the
/// process of this number, if it has no group of its own.
pub fn signal_group(group: i32, signal: i32) {
    if group > 1 {
        // SAFETY: the process is ours and not reaped, so its number cannot belong to anybody else.
        unsafe {
            if libc::kill(-group, signal) < 0 && *libc::__errno_location() == libc::ESRCH {
                libc::kill(group, signal);
            }
        }
    }
}

/// A process that has ended and left the process table.
#[derive(Debug)]
pub struct Reaped {
    /// How it ended.
    pub exit: Exit,
    /// Whether a signal has left its memory behind in a file.
    pub dumped_core: bool,
    /// What it cost.
    pub usage: Usage,
    /// The process group that it led.
    pub group: Group,
}

/// A process group whose leader is gone. Its number stays taken while it has members.
#[derive(Debug)]
pub struct Group(libc::pid_t);

impl Group {
    /// Whether the leader left anybody behind.
    pub fn has_members(&self) -> bool {
        // SAFETY: signal 0 only asks.
        let asked = unsafe { libc::kill(-self.0, 0) };
        // A member that we may not signal (EPERM, under sudo) is a member.
        asked == 0 || io::Error::last_os_error().raw_os_error() == Some(libc::EPERM)
    }

    /// Whether the group is gone by `deadline`. Nothing tells of the end of a group whose leader is
    /// reaped, so this one looks, every few milliseconds; it is for groups that are being killed.
    pub fn gone_before(&self, deadline: Instant) -> bool {
        while self.has_members() {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return false;
            }
            std::thread::sleep(left.min(Duration::from_millis(2)));
        }
        true
    }

    /// Sends `signal` to whoever is left.
    pub fn signal(&self, signal: i32) {
        // SAFETY: to be called right after the leader was reaped, when members keep the number taken.
        unsafe { libc::kill(-self.0, signal) };
    }
}

/// What `poll(2)` takes: milliseconds, rounded up; -1 for ever.
fn timeout_ms(deadline: Option<Instant>) -> c_int {
    let Some(deadline) = deadline else { return -1 };
    let left = deadline.saturating_duration_since(Instant::now());
    c_int::try_from(left.as_nanos().div_ceil(1_000_000)).unwrap_or(c_int::MAX)
}

fn usage_of(usage: &libc::rusage) -> Usage {
    let time = |t: libc::timeval| {
        Duration::from_secs(t.tv_sec.cast_unsigned())
            + Duration::from_micros(t.tv_usec.cast_unsigned())
    };
    Usage {
        user: time(usage.ru_utime),
        sys: time(usage.ru_stime),
        max_rss_bytes: not_inherited(usage.ru_maxrss.cast_unsigned() * 1024),
        counts: Some(Counts {
            majflt: usage.ru_majflt.cast_unsigned(),
            nvcsw: usage.ru_nvcsw.cast_unsigned(),
            nivcsw: usage.ru_nivcsw.cast_unsigned(),
            in_blocks: usage.ru_inblock.cast_unsigned(),
            out_blocks: usage.ru_oublock.cast_unsigned(),
        }),
    }
}

/// The peak of fanout's own memory as it was last looked at, in bytes.
static OWN_PEAK: AtomicU64 = AtomicU64::new(0);

/// `peak`, the largest resident set that the kernel tells of a job, if that can only be the job's own.
///
/// A new process shares fanout's memory until it becomes its program, and `execve(2)` counts what it leaves
/// behind as the process's own: no job's peak is told to be below that of fanout.
fn not_inherited(peak: u64) -> Option<u64> {
    // The kernel sums up resident pages that each CPU counts apart, so two looks at one sum may differ.
    let above = |own: u64| peak > own + (own / 16).max(64 * 1024);
    if !above(OWN_PEAK.load(Ordering::Relaxed)) {
        return None;
    }
    let own = own_peak();
    OWN_PEAK.fetch_max(own, Ordering::Relaxed);
    above(own).then_some(peak)
}

/// The largest resident set of fanout itself until now, in bytes.
///
/// `getrusage(2)` has that of whoever has started fanout in it, too, as the kernel has of fanout in a job's.
fn own_peak() -> u64 {
    let status = kernel_file::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let peak = peak.and_then(|peak| peak.trim().trim_end_matches(" kB").parse::<u64>().ok());
    peak.map_or_else(peak_with_caller, |peak| peak * 1024)
}

/// The largest resident set of fanout itself until now, or of its caller, in bytes.
fn peak_with_caller() -> u64 {
    // SAFETY: an all-zero rusage is valid, and the call fills it in. Of one thread, since the memory is that of
    // all and the times of the others need not be summed up.
    let usage = unsafe {
        let mut usage: libc::rusage = std::mem::zeroed();
        libc::getrusage(libc::RUSAGE_THREAD, &raw mut usage);
        usage
    };
    usage.ru_maxrss.cast_unsigned() * 1024
}

#[cfg(test)]
mod tests;
