//! The kernel's limits on this process.
#![allow(unsafe_code)]

use std::sync::OnceLock;

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

/// The limit on open files that a job must get back, if fanout changed its own.
pub(in crate::sys) fn original_open_files() -> Option<libc::rlimit> {
    ORIGINAL_OPEN_FILES.get().copied()
}
