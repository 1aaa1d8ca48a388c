//! Files that are only in memory.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::{MemfdFlags, OFlags, fcntl_setfl, memfd_create};
use rustix::io::fcntl_dupfd_cloexec;

/// A new, empty file in memory, gone when nobody has it open any more. With `append`, what is written goes
/// to its end.
///
/// # Errors
///
/// What `memfd_create(2)` says.
pub fn memory_file(append: bool) -> io::Result<File> {
    let file = memfd_create("fanout", MemfdFlags::CLOEXEC)?;
    if append {
        fcntl_setfl(&file, OFlags::APPEND)?;
    }
    Ok(file.into())
}

/// The same descriptor under a number that is at least `least`.
///
/// # Errors
///
/// When the process has no descriptor left.
pub fn at_least(fd: &impl AsFd, least: i32) -> io::Result<OwnedFd> {
    Ok(fcntl_dupfd_cloexec(fd, least)?)
}
