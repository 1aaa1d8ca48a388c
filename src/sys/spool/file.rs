//! Files without names.
#![allow(unsafe_code)]

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsRawFd as _, FromRawFd};
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

/// What is wrong with `file`, which a job has written to, if its file system is full: then the job may have
/// written more than is in there, and nobody would know.
///
/// # Errors
///
/// `ENOSPC`, mostly.
pub(super) fn check_room(file: &File) -> io::Result<()> {
    // SAFETY: all-zero is a valid value; the call fills it in.
    let mut system: libc::statvfs = unsafe { std::mem::zeroed() };
    // SAFETY: a descriptor of our own and a live struct.
    let told = unsafe { libc::fstatvfs(file.as_raw_fd(), &raw mut system) };
    let free = system.f_bavail.saturating_mul(system.f_frsize);
    if told < 0 || system.f_blocks == 0 || free > LITTLE {
        return Ok(());
    }
    // File systems count in many ways, so one more page has to say it.
    let len = file.metadata()?.len();
    let mut end = file;
    let written = end.write_all(&[0; 4096]);
    file.set_len(len)?;
    written
}

/// With so much room no file system is full, in bytes.
const LITTLE: u64 = 1 << 20;

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
