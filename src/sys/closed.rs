//! Standard descriptors that were closed when fanout was started.
//!
//! The runtime library opens `/dev/null` in their place, so that no file of ours gets their numbers. What is written
//! there would be lost without a word, and what is read would be an empty input.
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

/// Whether standard error was closed.
pub fn is_stderr() -> bool {
    was_closed(2)
}

/// A file that refuses all that is written to it, as a closed descriptor does.
///
/// # Errors
///
/// When `/dev/null` cannot be opened.
pub fn refusing() -> io::Result<File> {
    File::open("/dev/null")
}

/// Has what is written to standard output fail, by fanout and by jobs that inherit it, if it was closed.
pub fn refuse_output() {
    if !was_closed(1) {
        return;
    }
    if let Ok(file) = refusing() {
        // SAFETY: two open descriptors; what was 1 is the runtime library's `/dev/null`.
        unsafe { libc::dup2(file.as_raw_fd(), 1) };
    }
}
