//! Learning that somebody writes to a file, without looking again and again.
#![allow(unsafe_code)]

use std::ffi::CString;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};

use super::wake::Wake;

/// Tells when files are written to: an inotify instance, which watches files without names, too.
#[derive(Debug)]
pub struct Follow {
    inotify: OwnedFd,
    /// Rung while there may be something that no event tells of.
    more: Wake,
}

impl Follow {
    /// Follows `files`. What is in them already counts as news.
    ///
    /// # Errors
    ///
    /// When the user has no inotify instance left, or `/proc` is not mounted.
    pub fn new<'a>(files: impl IntoIterator<Item = &'a File>) -> io::Result<Self> {
        // SAFETY: no pointers involved.
        let fd = unsafe { libc::inotify_init1(libc::IN_CLOEXEC | libc::IN_NONBLOCK) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: just made, owned by nobody else.
        let inotify = unsafe { OwnedFd::from_raw_fd(fd) };
        for file in files {
            let path = CString::new(format!("/proc/self/fd/{}", file.as_raw_fd()))?;
            // SAFETY: an open descriptor and a live C string.
            let added = unsafe {
                libc::inotify_add_watch(inotify.as_raw_fd(), path.as_ptr(), libc::IN_MODIFY)
            };
            if added < 0 {
                return Err(io::Error::last_os_error());
            }
        }
        let more = Wake::new()?;
        more.ring();
        Ok(Self { inotify, more })
    }

    /// What to watch: one of them is readable when there is news.
    pub fn fds(&self) -> [BorrowedFd<'_>; 2] {
        [self.inotify.as_fd(), self.more.as_fd()]
    }

    /// Forgets the news so far. To be called before looking for it a last time.
    pub fn forget(&self) {
        self.more.reset();
        let mut events = [0_u8; 4096];
        // SAFETY: a live buffer with its own length; without events it says EAGAIN.
        while unsafe {
            libc::read(
                self.inotify.as_raw_fd(),
                events.as_mut_ptr().cast(),
                events.len(),
            )
        } > 0
        {}
    }

    /// Says that there is more than what was looked at.
    pub fn remember(&self) {
        self.more.ring();
    }
}

/// Gives the space of the first `len` bytes of `file` back to its file system, where that can be done;
/// its length stays.
pub fn give_back(file: &File, len: u64) {
    let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
    // SAFETY: no pointers.
    unsafe { libc::fallocate(file.as_raw_fd(), mode, 0, len.cast_signed()) };
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::sys::wake::is_readable;

    #[test]
    fn writing_to_a_file_without_a_name_is_news() {
        let mut file = crate::sys::spool::unlinked_file(&crate::sys::temp::dir()).unwrap();
        let follow = Follow::new([&file]).unwrap();
        let news = || follow.fds().into_iter().any(|fd| is_readable(fd).unwrap());
        assert!(news());
        follow.forget();
        assert!(!news());
        file.write_all(b"x").unwrap();
        assert!(news());
        follow.forget();
        assert!(!news());
        follow.remember();
        assert!(news());
    }

    #[test]
    fn what_was_given_back_reads_as_zeros() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&vec![b'x'; 20_000]).unwrap();
        give_back(&file, 8192);
        assert_eq!(file.metadata().unwrap().len(), 20_000);
    }
}
