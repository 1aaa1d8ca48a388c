//! A file of numbered locks that the kernel gives back when their holder is gone.
//!
//! The locks are open-file-description locks on single bytes (see fcntl(2), `F_OFD_SETLK`): they belong
//! to an open file, are shared by processes forked since, and vanish with the last of them, however it
//! ends. Beside each lock the file has room for its holder's process id, so that others can wait for it.
#![allow(unsafe_code)]

use std::fs::{File, OpenOptions};
use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

/// Where the process ids begin: behind all bytes that are locked.
const PIDS: u64 = 1 << 20;

/// An open file of locks, numbered from 0.
#[derive(Debug)]
pub struct LockFile {
    file: File,
}

impl LockFile {
    /// Opens the file at `path`, making it if it is not there.
    ///
    /// # Errors
    ///
    /// When it cannot be opened for reading and writing.
    pub fn open(path: &Path) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        options.open(path).map(|file| Self { file })
    }

    /// Takes the lock, waiting for it as long as it takes.
    ///
    /// # Errors
    ///
    /// When the file system has no locks.
    pub fn lock(&self, number: u32) -> io::Result<()> {
        loop {
            match self.fcntl(libc::F_OFD_SETLKW, libc::F_WRLCK, number) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                other => return other.map(drop),
            }
        }
    }

    /// Takes the lock if nobody else has it; returns whether it was free.
    ///
    /// # Errors
    ///
    /// When the file system has no locks.
    pub fn try_lock(&self, number: u32) -> io::Result<bool> {
        match self.fcntl(libc::F_OFD_SETLK, libc::F_WRLCK, number) {
            Ok(_) => Ok(true),
            Err(error) if matches!(error.raw_os_error(), Some(libc::EAGAIN | libc::EACCES)) => {
                Ok(false)
            }
            Err(error) => Err(error),
        }
    }

    /// Gives the lock back.
    ///
    /// # Errors
    ///
    /// When the file system has no locks.
    pub fn unlock(&self, number: u32) -> io::Result<()> {
        self.fcntl(libc::F_OFD_SETLK, libc::F_UNLCK, number)
            .map(drop)
    }

    /// Whether somebody else has the lock.
    ///
    /// # Errors
    ///
    /// When the file system has no locks.
    pub fn is_held(&self, number: u32) -> io::Result<bool> {
        let found = self.fcntl(libc::F_OFD_GETLK, libc::F_WRLCK, number)?;
        Ok(i32::from(found.l_type) != libc::F_UNLCK)
    }

    /// Writes down that process `pid` has the lock.
    ///
    /// # Errors
    ///
    /// When the file cannot be written.
    pub fn set_holder(&self, number: u32, pid: i32) -> io::Result<()> {
        self.file
            .write_all_at(&pid.to_ne_bytes(), Self::pid_place(number))
    }

    /// The process that has the lock, as it was last written down; 0: nobody was.
    pub fn holder(&self, number: u32) -> i32 {
        let mut pid = [0; 4];
        match self.file.read_exact_at(&mut pid, Self::pid_place(number)) {
            Ok(()) => i32::from_ne_bytes(pid),
            Err(_) => 0,
        }
    }

    /// One more than the highest number of a lock that ever had a holder.
    ///
    /// # Errors
    ///
    /// When the file's size cannot be told.
    pub fn end(&self) -> io::Result<u32> {
        let size = self.file.metadata()?.len();
        Ok((size.saturating_sub(PIDS) / 4) as u32)
    }

    /// Whether this is still the file at `path`: somebody may have removed it since.
    pub fn is_at(&self, path: &Path) -> bool {
        let identity = |it: std::fs::Metadata| (it.dev(), it.ino());
        match (self.file.metadata(), path.metadata()) {
            (Ok(own), Ok(there)) => identity(own) == identity(there),
            _ => false,
        }
    }

    /// The file once more: as long as either is open, its locks are held.
    ///
    /// # Errors
    ///
    /// When the process has no file descriptor left.
    pub fn share(&self) -> io::Result<OwnedFd> {
        self.file.try_clone().map(OwnedFd::from)
    }

    fn pid_place(number: u32) -> u64 {
        PIDS + 4 * u64::from(number)
    }

    fn fcntl(&self, command: i32, kind: i32, number: u32) -> io::Result<libc::flock> {
        // SAFETY: an all-zero flock is a valid value; l_pid must be 0 for these commands.
        let mut lock: libc::flock = unsafe { std::mem::zeroed() };
        lock.l_type = kind as libc::c_short;
        lock.l_whence = libc::SEEK_SET as libc::c_short;
        lock.l_start = libc::off_t::from(number);
        lock.l_len = 1;
        // SAFETY: an open descriptor, and a live flock that the call may write to.
        if unsafe { libc::fcntl(self.file.as_raw_fd(), command, &raw mut lock) } < 0 {
            return Err(io::Error::last_os_error());
        }
        Ok(lock)
    }
}

/// Locks `file` as a whole for as long as it is open, for this run alone or, if `shared`, for those that share it;
/// returns whether nobody else has it. The kernel gives the lock back when the process ends, however it does: what
/// it starts does not get the descriptor.
///
/// # Errors
///
/// When the file system has no locks.
pub fn try_hold(file: &File, shared: bool) -> io::Result<bool> {
    let how = if shared { libc::LOCK_SH } else { libc::LOCK_EX };
    // SAFETY: an open descriptor.
    if unsafe { libc::flock(file.as_raw_fd(), how | libc::LOCK_NB) } == 0 {
        return Ok(true);
    }
    match io::Error::last_os_error() {
        error if error.kind() == io::ErrorKind::WouldBlock => Ok(false),
        error => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::LockFile;

    #[test]
    fn a_lock_has_one_holder_until_it_is_given_back_or_its_file_closed() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("locks");
        let [one, two] = [(); 2].map(|()| LockFile::open(&path).unwrap());
        assert!(one.try_lock(3).unwrap());
        assert!(!two.try_lock(3).unwrap() && two.is_held(3).unwrap());
        assert!(two.try_lock(4).unwrap());
        assert!(
            !one.is_held(3).unwrap(),
            "one's own lock is not held by others"
        );
        one.unlock(3).unwrap();
        assert!(two.try_lock(3).unwrap());
        drop(two);
        assert!(one.try_lock(3).unwrap() && one.try_lock(4).unwrap());
    }

    #[test]
    fn holders_are_written_down() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("locks");
        let locks = LockFile::open(&path).unwrap();
        assert_eq!((locks.end().unwrap(), locks.holder(7)), (0, 0));
        locks.set_holder(2, 42).unwrap();
        assert_eq!(
            (locks.end().unwrap(), locks.holder(2), locks.holder(1)),
            (3, 42, 0)
        );
        assert!(locks.is_at(&path));
        std::fs::remove_file(&path).unwrap();
        assert!(!locks.is_at(&path));
    }
}
