//! The guardian's whole life.
#![allow(unsafe_code)]

use std::ffi::CStr;
use std::io;
use std::os::fd::RawFd;
use std::time::{Duration, Instant};

use super::table::Table;
use crate::sys::scratch::Scratch;
use crate::sys::{family, kernel_file, mark};

/// How long the guardian looks for what is to be killed at most, and how long it sleeps in between.
const LONGEST: Duration = Duration::from_secs(2);
const BETWEEN_LOOKS_MS: i32 = 10;

/// What the guardian looks after, as descriptors of its own process.
pub(super) struct Duties<'a> {
    /// The process groups that run.
    pub(super) table: &'a Table,
    /// The guardian's end of the socket: at its end fanout is gone.
    pub(super) watched: RawFd,
    /// Fanout's end of it, of which the guardian has a copy.
    pub(super) lifeline: RawFd,
    /// What it keeps open.
    pub(super) held: Option<RawFd>,
    /// The directory that it removes.
    pub(super) scratch: Option<&'a Scratch>,
}

/// Sleeps until fanout is gone, ends what is left of its jobs, and exits.
pub(super) fn watch(duties: &Duties<'_>) -> ! {
    retire(duties);
    let watched = duties.watched;
    let mut byte = 0_u8;
    // SAFETY: one byte is read into a live byte.
    while unsafe { libc::read(watched, (&raw mut byte).cast(), 1) } < 0
        && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
    {}
    end_all(duties.table);
    duties.scratch.iter().copied().for_each(Scratch::remove);
    // SAFETY: ends this process without running anything of fanout's.
    unsafe { libc::_exit(0) }
}

/// Kills what runs. Nobody changes the table any more, but for processes that were just being started.
fn end_all(table: &Table) {
    let until = Instant::now() + LONGEST;
    while table.used().next().is_some() && Instant::now() < until {
        let mut starting = false;
        for (group, _) in table.used() {
            starting |= group < 0;
            kill_group(group);
        }
        let marked = end_marked(table);
        if !starting && !marked {
            return;
        }
        // SAFETY: polls nothing, as a nap.
        unsafe { libc::poll(std::ptr::null_mut(), 0, BETWEEN_LOOKS_MS) };
    }
}

/// Kills process group `group`, or the process of this number, if it leads none: one that shares its terminal with
/// fanout.
fn kill_group(group: i32) {
    if group <= 1 {
        return;
    }
    // SAFETY: signals to processes named by positive ids, which are their own as long as fanout has not reaped
    // the process; that cannot have happened long ago.
    unsafe {
        if libc::kill(-group, libc::SIGKILL) < 0 {
            libc::kill(group, libc::SIGKILL);
        }
    }
}

/// Kills all processes that carry the mark of a job in the table; tells whether there were any.
fn end_marked(table: &Table) -> bool {
    let runs = |pid| {
        let job = mark::job_of(pid);
        job.is_some_and(|job| table.used().any(|(_, running)| running == job))
    };
    let mut any = false;
    for pid in family::all_processes() {
        if runs(pid)
            && let Some(process) = family::Member::find(pid)
            && runs(pid)
        {
            any = true;
            process.signal(libc::SIGKILL);
        }
    }
    any
}

/// Leaves the foreground: no signal of the terminal's, no descriptor of fanout's but the socket and what is held.
fn retire(duties: &Duties<'_>) {
    // SAFETY: plain system calls on this new process's own state; nothing of Rust's uses the descriptors in it
    // any more, since it never returns.
    unsafe {
        libc::setpgid(0, 0);
        let mut all: libc::sigset_t = std::mem::zeroed();
        libc::sigfillset(&raw mut all);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const all, std::ptr::null_mut());
        libc::prctl(libc::PR_SET_NAME, GUARDIAN.as_ptr());
        rename();
        // First of all: with this end open it would wait for itself.
        libc::close(duties.lifeline);
    }
    close_all_but(duties.watched, duties.held);
}

/// Closes every descriptor but these two.
pub(in crate::sys) fn close_all_but(watched: RawFd, held: Option<RawFd>) {
    let held = held.unwrap_or(watched);
    let kept = [watched.min(held), watched.max(held)];
    let mut begin = 0;
    let mut closed = true;
    for keep in kept {
        if keep > begin {
            closed &= close_range(begin.cast_unsigned(), keep.cast_unsigned() - 1);
        }
        begin = keep + 1;
    }
    closed &= close_range(begin.cast_unsigned(), u32::MAX);
    if closed {
        return;
    }
    // Kernels before 5.9, and filters that do not know the call.
    for fd in open_descriptors() {
        if !kept.contains(&fd) {
            // SAFETY: as in `retire`.
            unsafe { libc::close(fd) };
        }
    }
}

fn close_range(first: u32, last: u32) -> bool {
    // SAFETY: as in `retire`.
    unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) == 0 }
}

/// The numbers of this process's descriptors; without /proc, all that there can be.
fn open_descriptors() -> Vec<RawFd> {
    if let Ok(listing) = std::fs::read_dir("/proc/self/fd") {
        let names = listing.flatten().map(|entry| entry.file_name());
        return names
            .filter_map(|name| name.to_str()?.parse().ok())
            .collect();
    }
    // SAFETY: no pointers involved.
    let most = unsafe { libc::sysconf(libc::_SC_OPEN_MAX) };
    (0..i32::try_from(most).unwrap_or(i32::MAX).clamp(256, 1 << 20)).collect()
}

/// What the guardian is called in lists of processes.
const GUARDIAN: &CStr = c"orphan-guard";

/// Gives this process another command line: who kills fanout by its name (`pkill -9 -f fanout`) must
/// not kill the one that then looks after the jobs.
///
/// # Safety
///
/// To be called in the guardian only, which never looks at its arguments.
unsafe fn rename() {
    let Some((begin, end)) = argument_area() else {
        return;
    };
    let name = GUARDIAN.to_bytes();
    for (index, address) in (begin..end).enumerate() {
        let byte = name.get(index).copied().unwrap_or(0);
        // SAFETY: the kernel says that this process's arguments lie there, on its own stack, and nothing
        // else uses them; volatile, since nobody but the kernel reads them.
        unsafe { std::ptr::with_exposed_provenance_mut::<u8>(address).write_volatile(byte) };
    }
}

/// Where this process's arguments lie in its memory: see `arg_start` and `arg_end` in `proc_pid_stat(5)`.
fn argument_area() -> Option<(usize, usize)> {
    let stat = kernel_file::read_to_string("/proc/self/stat").ok()?;
    // The name, field 2, may hold blanks.
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace();
    let begin = fields.nth(48 - 3)?.parse().ok()?;
    let end = fields.next()?.parse().ok()?;
    (begin > 0 && begin < end).then_some((begin, end))
}
