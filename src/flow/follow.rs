//! Learning that somebody writes to a file, without looking again and again.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};

use rustix::fs::inotify::{CreateFlags, WatchFlags, add_watch, init};
use rustix::fs::{FallocateFlags, fallocate};

use crate::sys::wake::Wake;

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
        let inotify = init(CreateFlags::CLOEXEC | CreateFlags::NONBLOCK)?;
        for file in files {
            let path = format!("/proc/self/fd/{}", file.as_raw_fd());
            add_watch(&inotify, path, WatchFlags::MODIFY)?;
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
        // Without events it says EAGAIN.
        while rustix::io::read(&self.inotify, &mut events).is_ok_and(|len| len > 0) {}
    }

    /// Says that there is more than what was looked at.
    pub fn remember(&self) {
        self.more.ring();
    }
}

/// Gives the space of the first `len` bytes of `file` back to its file system, where that can be done;
/// its length stays.
pub fn give_back(file: &File, len: u64) {
    let mode = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
    let _ = fallocate(file, mode, 0, len);
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::sys::wake::is_readable;

    #[test]
    fn writing_to_a_file_without_a_name_is_news() {
        let mut file = crate::flow::spool::unlinked_file(&crate::sys::temp::dir()).unwrap();
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
