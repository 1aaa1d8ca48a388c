//! Standard descriptors that were closed when fanout was started.
//!
//! The runtime library opens `/dev/null` in their place, so that no file of ours gets their numbers. What is written
//! there would be lost without a word, and what is read would be an empty input. Who closes standard
//! error wants to hear nothing.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;

use super::inherited::was_closed;

/// Fails if standard input was closed.
///
/// # Errors
///
/// `EBADF`, as reading it would have.
pub fn check_stdin() -> io::Result<()> {
    if was_closed(0) {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    Ok(())
}

/// Has what is written to standard output fail, by fanout and by jobs that inherit it, if it was closed.
pub fn refuse_output() {
    if !was_closed(1) {
        return;
    }
    if let Ok(file) = File::open("/dev/null") {
        // SAFETY: two open descriptors; what was 1 is the runtime library's `/dev/null`.
        unsafe { libc::dup2(file.as_raw_fd(), 1) };
    }
}
