//! Files without names.
#![allow(unsafe_code)]

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io;
use std::os::fd::FromRawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};

/// A new file without a name in directory `dir`, which nobody else can open and which is gone with the
/// process, however that ends. It appends.
///
/// # Errors
///
/// When `dir` does not exist or is not writable.
pub fn unlinked_file(dir: &Path) -> io::Result<File> {
    open_unlinked(dir, libc::O_APPEND)
}

pub(super) fn open_unlinked(dir: &Path, flags: i32) -> io::Result<File> {
    let flags = flags | libc::O_RDWR | libc::O_CLOEXEC;
    match open(dir.as_os_str(), libc::O_TMPFILE | flags) {
        // A file system without O_TMPFILE: EOPNOTSUPP; a kernel without it: EISDIR.
        Err(error) if matches!(error.raw_os_error(), Some(libc::EOPNOTSUPP | libc::EISDIR)) => {
            open_and_unlink(dir, flags)
        }
        result => result,
    }
}

fn open_and_unlink(dir: &Path, flags: i32) -> io::Result<File> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = dir.join(format!("fanout-{}-{number}", std::process::id()));
        match open(path.as_os_str(), libc::O_CREAT | libc::O_EXCL | flags) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
            Ok(file) => {
                std::fs::remove_file(&path)?;
                return Ok(file);
            }
        }
    }
}

fn open(path: &OsStr, flags: i32) -> io::Result<File> {
    let path = CString::new(path.as_bytes())?;
    // SAFETY: a live C string; mode is given as O_CREAT and O_TMPFILE want it.
    let fd = unsafe { libc::open(path.as_ptr(), flags, 0o600) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just opened, owned by nobody else.
    Ok(unsafe { File::from_raw_fd(fd) })
}
