//! Files that are only in memory.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};

/// A new, empty file in memory, gone when nobody has it open any more. With `append`, what is written goes
/// to its end.
///
/// # Errors
///
/// What `memfd_create(2)` says.
pub fn memory_file(append: bool) -> io::Result<File> {
    // SAFETY: a live C string.
    let fd = unsafe { libc::memfd_create(c"fanout".as_ptr(), libc::MFD_CLOEXEC) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just made, owned by nobody else.
    let file = unsafe { File::from_raw_fd(fd) };
    // SAFETY: changes the flags of a descriptor of ours.
    if append && unsafe { libc::fcntl(file.as_raw_fd(), libc::F_SETFL, libc::O_APPEND) } < 0 {
        return Err(io::Error::last_os_error());
    }
    Ok(file)
}

/// The same descriptor under a number that is at least `least`.
///
/// # Errors
///
/// When the process has no descriptor left.
pub fn at_least(fd: &impl AsRawFd, least: i32) -> io::Result<OwnedFd> {
    // SAFETY: duplicates an open descriptor.
    let high = unsafe { libc::fcntl(fd.as_raw_fd(), libc::F_DUPFD_CLOEXEC, least) };
    if high < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just made, owned by nobody else.
    Ok(unsafe { OwnedFd::from_raw_fd(high) })
}
