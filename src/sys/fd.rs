//! Descriptors that fanout was given by number.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::BorrowedFd;

/// A file over a duplicate of descriptor number `fd`.
///
/// # Errors
///
/// When no file is open under that number.
pub fn duplicate(fd: i32) -> io::Result<File> {
    // SAFETY: only asks for the flags of a number that may or may not be open.
    if fd < 0 || unsafe { libc::fcntl(fd, libc::F_GETFD) } < 0 {
        return Err(io::Error::from_raw_os_error(libc::EBADF));
    }
    // SAFETY: it is open, as just seen, and stays so: nothing of ours closes what the user handed over.
    let borrowed = unsafe { BorrowedFd::borrow_raw(fd) };
    borrowed.try_clone_to_owned().map(File::from)
}
