//! Files without names.

use std::fs::{File, OpenOptions};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::Path;

use rustix::fs::{OFlags, fcntl_setfl, fstatvfs};

use crate::sys::limits;

/// A new file without a name in directory `dir`, which nobody else can open and which is gone with the
/// process, however that ends. It appends.
///
/// # Errors
///
/// When `dir` does not exist or is not writable.
pub fn unlinked_file(dir: &Path) -> io::Result<File> {
    open_unlinked(dir, OFlags::APPEND)
}

/// What is wrong with `file`, into which a job has written `len` bytes, if it may have wanted to write more than there
/// was room for: nobody else would know. Without a `name` nobody sees it if more is written for a moment.
///
/// # Errors
///
/// `ENOSPC`, mostly.
pub(super) fn check_room(file: &File, len: u64, has_name: bool) -> io::Result<()> {
    if len > 0 && limits::largest_file().is_some_and(|most| len >= most) {
        return Err(io::Error::from_raw_os_error(libc::EFBIG));
    }
    // A quota shows only when something is written.
    let may_be_at_a_quota = len > HARDLY_ANY && !has_name;
    if free(file) > LITTLE && !may_be_at_a_quota {
        return Ok(());
    }
    // File systems count in many ways, so one more page has to say it.
    let mut end = file;
    let written = end.write_all(&[0; 4096]);
    file.set_len(len)?;
    written
}

/// So much is soon written, in bytes.
const HARDLY_ANY: u64 = 64 * 1024;

/// With so much room no file system is full, in bytes.
const LITTLE: u64 = 1 << 20;

/// Whether there is so little room in the file system of `file` that it may be used up for a moment and nobody sees it,
/// while jobs write into files by themselves.
pub(super) fn is_scarce(file: &File) -> bool {
    free(file) < SCARCE
}

/// A job that begins with so much room, in bytes, writes by itself.
const SCARCE: u64 = 256 << 20;

/// Whether there is hardly any room left in the file system of `file`, if at all: who writes there may do so in vain.
pub(super) fn is_full(file: &File) -> bool {
    free(file) < HARDLY_ANY
}

/// As [`is_full`], of the file system that `path` is in.
pub(super) fn is_full_at(path: &Path) -> bool {
    File::open(path).is_ok_and(|dir| is_full(&dir))
}

/// How much room there is in the file system of `file`, in bytes, as far as it can be told.
fn free(file: &File) -> u64 {
    match fstatvfs(file) {
        Ok(system) if system.f_blocks > 0 => system.f_bavail.saturating_mul(system.f_frsize),
        _ => u64::MAX,
    }
}

/// As [`unlinked_file`], with these status flags.
pub(super) fn open_unlinked(dir: &Path, flags: OFlags) -> io::Result<File> {
    let all = OFlags::TMPFILE | flags;
    let opened = OpenOptions::new()
        .read(true)
        .write(true)
        .mode(0o600)
        .custom_flags(all.bits().cast_signed())
        .open(dir);
    match opened {
        // A file system without O_TMPFILE: EOPNOTSUPP; a kernel without it: EISDIR.
        Err(error) if matches!(error.raw_os_error(), Some(libc::EOPNOTSUPP | libc::EISDIR)) => {
            let file = tempfile::tempfile_in(dir)?;
            fcntl_setfl(&file, flags)?;
            Ok(file)
        }
        result => result,
    }
}
