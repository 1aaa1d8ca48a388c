//! A file that is a job's standard input.

use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::os::unix::fs::FileTypeExt as _;
use std::path::Path;

use crate::sys::fd;
use crate::sys::wake::{self, Wake};

/// Opens the file at `path` for a job to read. A FIFO is waited for until there is something to read, or until `wake`
/// rings and `is_over` says that the job is not to run any more.
///
/// # Errors
///
/// When it is a folder or cannot be opened; `Interrupted` when the job is not to run any more.
pub fn open(path: &Path, wake: &Wake, is_over: impl Fn() -> bool) -> io::Result<File> {
    let file = fd::open_for_reading_at_once(path)?;
    let kind = file.metadata()?.file_type();
    if kind.is_dir() {
        return Err(io::ErrorKind::IsADirectory.into());
    }
    if kind.is_fifo() {
        while !wake::is_readable(file.as_fd())? {
            if is_over() {
                return Err(io::ErrorKind::Interrupted.into());
            }
            wake::wait_for_either(wake, file.as_fd())?;
        }
    }
    fd::set_blocking(file.as_fd())?;
    Ok(file)
}
