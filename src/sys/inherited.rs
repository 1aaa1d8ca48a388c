//! What fanout was started with: the signals that were ignored, for what it does with them itself is no concern of its
//! jobs; and the standard descriptors that were closed.
#![allow(unsafe_code)]

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

/// A bit for each signal, from 1.
static IGNORED: AtomicU64 = AtomicU64::new(0);

/// A bit for each standard descriptor that was closed, from 0.
static CLOSED: AtomicU64 = AtomicU64::new(0);

/// Runs before `main`: the runtime library ignores SIGPIPE there.
#[used]
// SAFETY: the C library calls each function in this section once, before `main`; this one touches nothing but an
// atomic and asks the kernel.
#[unsafe(link_section = ".init_array")]
static REMEMBER: extern "C" fn() = remember;

extern "C" fn remember() {
    let mut ignored = 0;
    for signal in SIGNALS {
        ignored |= u64::from(is_ignored_now(signal)) << signal;
    }
    IGNORED.store(ignored, Ordering::Relaxed);
    let mut closed = 0;
    for fd in 0..3 {
        closed |= u64::from(is_closed_now(fd)) << fd;
    }
    CLOSED.store(closed, Ordering::Relaxed);
}

fn is_closed_now(fd: i32) -> bool {
    // SAFETY: only asks for the flags of a number that may or may not be open.
    let flags = unsafe { libc::fcntl(fd, libc::F_GETFD) };
    // Where the kernel will not say, it may well be open.
    flags < 0 && io::Error::last_os_error().raw_os_error() == Some(libc::EBADF)
}

/// Whether standard descriptor number `fd` was closed. The runtime library has `/dev/null` there now.
pub(in crate::sys) fn was_closed(fd: u8) -> bool {
    CLOSED.load(Ordering::Relaxed) >> fd & 1 == 1
}

/// Those that fanout catches, or ignores, or wants to be the default.
pub(in crate::sys) const SIGNALS: [i32; 6] = [
    libc::SIGINT,
    libc::SIGTERM,
    libc::SIGHUP,
    libc::SIGPIPE,
    libc::SIGCHLD,
    libc::SIGXFSZ,
];

/// Whether `signal`, one of [`SIGNALS`], was ignored when fanout was started.
pub(in crate::sys) fn was_ignored(signal: i32) -> bool {
    IGNORED.load(Ordering::Relaxed) & (1 << signal) != 0
}

fn is_ignored_now(signal: i32) -> bool {
    // SAFETY: an all-zero sigaction is a valid value to be overwritten.
    let mut action: libc::sigaction = unsafe { std::mem::zeroed() };
    // SAFETY: only asks for the disposition, into a live struct.
    let asked = unsafe { libc::sigaction(signal, std::ptr::null(), &raw mut action) };
    asked == 0 && action.sa_sigaction == libc::SIG_IGN
}
