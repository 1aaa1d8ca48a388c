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

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Seek as _, Write as _};
    use std::os::fd::AsRawFd as _;

    use super::*;

    #[test]
    fn a_duplicate_is_the_same_file_and_closes_for_itself() {
        let mut file = tempfile::tempfile().unwrap();
        let mut copy = duplicate(file.as_raw_fd()).unwrap();
        copy.write_all(b"through the copy").unwrap();
        drop(copy);
        let mut text = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
        assert_eq!(text, "through the copy");
    }

    #[test]
    fn a_number_without_a_file_is_an_error() {
        for fd in [-1, i32::MIN, i32::MAX] {
            let error = duplicate(fd).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EBADF), "{fd}");
        }
    }
}
