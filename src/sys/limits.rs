//! The kernel's limits on this process.
#![allow(unsafe_code)]

use std::os::unix::fs::MetadataExt as _;
use std::sync::OnceLock;

use super::{cgroup, kernel_file};

/// The limit on open files as it was when the process began, before [`raise_open_files`].
static ORIGINAL_OPEN_FILES: OnceLock<libc::rlimit> = OnceLock::new();

/// How many files this process may have open, and could have open at most.
fn open_files() -> libc::rlimit {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is a live rlimit that the call fills in.
    unsafe { libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit) };
    limit
}

/// Makes room for `wanted` open files if the limit allows it; returns how many may be open now.
///
/// Jobs still get the limit that fanout was started with.
pub fn raise_open_files(wanted: u64) -> u64 {
    let now = open_files();
    if now.rlim_cur >= wanted {
        return now.rlim_cur;
    }
    let raised = libc::rlimit {
        rlim_cur: wanted.min(now.rlim_max),
        rlim_max: now.rlim_max,
    };
    // SAFETY: `raised` is a live rlimit.
    if unsafe { libc::setrlimit(libc::RLIMIT_NOFILE, &raw const raised) } == 0 {
        ORIGINAL_OPEN_FILES.get_or_init(|| now);
        raised.rlim_cur
    } else {
        now.rlim_cur
    }
}

/// How many files may be open at most, if [`raise_open_files`] asks for them.
pub fn most_open_files() -> u64 {
    open_files().rlim_max
}

/// How many processes the user may have at most.
pub fn most_processes() -> u64 {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is a live rlimit that the call fills in.
    unsafe { libc::getrlimit(libc::RLIMIT_NPROC, &raw mut limit) };
    limit.rlim_cur
}

/// How many more processes and threads this process may start, where that may be fewer than `enough`; `None`: it is not
/// known to be.
pub fn processes_left(enough: u64) -> Option<u64> {
    let user = users_processes_left(enough);
    // To look costs as much as to start a few threads.
    let group = if enough > FEW_PROCESSES {
        cgroup::processes_left()
    } else {
        None
    };
    user.into_iter()
        .chain(group)
        .min()
        .filter(|&left| left < enough)
}

/// For no more than these nobody looks for the control group.
const FEW_PROCESSES: u64 = 32;

/// A limit that is so far above what is wanted is no limit: a user has some processes already, but not as many.
const FAR_ABOVE: u64 = 1000;

/// As many as `RLIMIT_NPROC` leaves: it counts the threads of all processes of a user but root.
fn users_processes_left(enough: u64) -> Option<u64> {
    let limit = soft(libc::RLIMIT_NPROC)?;
    // SAFETY: no pointers.
    let user = unsafe { libc::getuid() };
    if user == 0 || limit >= enough.saturating_add(FAR_ABOVE) {
        return None;
    }
    let threads = |process: std::fs::DirEntry| -> Option<u64> {
        let of_user = process.metadata().ok()?.uid() == user;
        let stat = process.path().join("stat");
        let stat = kernel_file::read_to_string(stat).ok().filter(|_| of_user)?;
        // The name, field 2, may hold blanks.
        stat.rsplit_once(')')?
            .1
            .split_whitespace()
            .nth(20 - 3)?
            .parse()
            .ok()
    };
    let processes = std::fs::read_dir("/proc").ok()?.flatten();
    Some(limit.saturating_sub(processes.filter_map(threads).sum()))
}

/// What no command line is longer than, in bytes: what the kernel takes as the arguments of a program
/// (`ARG_MAX`, execve(2)).
pub fn longest_command_line() -> usize {
    /// Behind this the kernel takes none, however large stacks may be.
    const MOST: usize = 6 << 20;
    // SAFETY: no pointers.
    let told = unsafe { libc::sysconf(libc::_SC_ARG_MAX) };
    usize::try_from(told).map_or(MOST, |told| told.clamp(128 << 10, MOST))
}

/// How many bytes more this process may have mapped, where its memory is limited (`ulimit -v`, `ulimit -d`); `None`:
/// it is not.
pub fn memory_left() -> Option<u64> {
    let (whole, data) = (soft(libc::RLIMIT_AS), soft(libc::RLIMIT_DATA));
    if whole.is_none() && data.is_none() {
        return None;
    }
    let [whole_used, data_used] = memory_used();
    let left = |limit: Option<u64>, used| limit.map(|limit: u64| limit.saturating_sub(used));
    let left = [left(whole, whole_used), left(data, data_used)];
    left.into_iter().flatten().min()
}

/// Whether memory is limited.
fn memory_is_limited() -> bool {
    soft(libc::RLIMIT_AS).is_some() || soft(libc::RLIMIT_DATA).is_some()
}

/// Where memory is limited, has all threads share one heap: each of their own would take 64 MB of what may be mapped.
/// To be called before the first thread is started.
pub fn spare_memory() {
    #[cfg(target_env = "gnu")]
    if memory_is_limited() {
        // SAFETY: sets a parameter of the C library's allocator.
        unsafe { libc::mallopt(libc::M_ARENA_MAX, 1) };
    }
}

/// Whether the process's first thread has less of a stack than others have.
pub fn stack_is_small() -> bool {
    soft(libc::RLIMIT_STACK).is_some_and(|most| most < 2 << 20)
}

/// How large the stack of a thread is that runs no jobs, in bytes.
pub fn own_stack() -> usize {
    if memory_is_limited() {
        512 << 10
    } else {
        2 << 20
    }
}

/// Where `/proc` does not tell, so much is taken to be mapped already, in bytes.
const USED: u64 = 16 << 20;

/// How many bytes this process has mapped: in all, and of its own data.
fn memory_used() -> [u64; 2] {
    let pages = kernel_file::read_to_string("/proc/self/statm").ok();
    // SAFETY: no pointers.
    let page = unsafe { libc::sysconf(libc::_SC_PAGESIZE) }.cast_unsigned();
    let field = |at: usize| -> Option<u64> {
        let pages: u64 = pages.as_ref()?.split(' ').nth(at)?.parse().ok()?;
        Some(pages * page)
    };
    [0, 5].map(|at| field(at).unwrap_or(USED))
}

/// The soft limit on `resource`; `None`: there is none.
fn soft(resource: libc::__rlimit_resource_t) -> Option<u64> {
    let mut limit = libc::rlimit {
        rlim_cur: 0,
        rlim_max: 0,
    };
    // SAFETY: `limit` is a live rlimit that the call fills in.
    let known = unsafe { libc::getrlimit(resource, &raw mut limit) } == 0;
    (known && limit.rlim_cur != libc::RLIM_INFINITY).then_some(limit.rlim_cur)
}

/// How large a file may become, in bytes; `None`: there is no limit.
pub fn largest_file() -> Option<u64> {
    soft(libc::RLIMIT_FSIZE)
}

/// The limit on open files that a job must get back, if fanout changed its own.
pub(in crate::sys) fn original_open_files() -> Option<libc::rlimit> {
    ORIGINAL_OPEN_FILES.get().copied()
}
