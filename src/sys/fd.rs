//! Descriptors: those given by number, and moving bytes between them.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd};

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

/// Sends the first `len` bytes of `from` to `out` with `sendfile(2)`; returns how many it has sent when
/// there is no more or `out` is of a kind that does not take them this way.
///
/// A pipe may then refer to the file's own pages until they are read at its other end: the file must
/// not be written to any more.
///
/// # Errors
///
/// Those of reading and writing.
pub fn send(from: &File, len: u64, out: &File) -> io::Result<u64> {
    let mut at = 0;
    while at < len.cast_signed() {
        let left = (len.cast_signed() - at) as usize;
        // SAFETY: two open descriptors and a live offset.
        let sent = unsafe { libc::sendfile(out.as_raw_fd(), from.as_raw_fd(), &raw mut at, left) };
        if sent > 0 {
            continue;
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            _ if sent == 0 => break,
            Some(libc::EINTR) => {}
            Some(libc::EINVAL | libc::ENOSYS) => break,
            Some(libc::EAGAIN) => wait_writable(out)?,
            _ => return Err(error),
        }
    }
    Ok(at.cast_unsigned())
}

/// Waits until `out`, which somebody made non-blocking, takes more.
///
/// # Errors
///
/// What `poll(2)` says but for interruptions.
pub fn wait_writable(out: &File) -> io::Result<()> {
    let mut polled = libc::pollfd {
        fd: out.as_raw_fd(),
        events: libc::POLLOUT,
        revents: 0,
    };
    poll(std::slice::from_mut(&mut polled), -1)
}

/// `poll(2)`, again after interruptions.
///
/// # Errors
///
/// What else it says.
pub(in crate::sys) fn poll(polled: &mut [libc::pollfd], timeout_ms: i32) -> io::Result<()> {
    // SAFETY: a live array, with its own length.
    while unsafe {
        libc::poll(
            polled.as_mut_ptr(),
            polled.len() as libc::nfds_t,
            timeout_ms,
        )
    } < 0
    {
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    Ok(())
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
