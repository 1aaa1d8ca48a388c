//! Descriptors: those given by number, and moving bytes between them.
#![allow(unsafe_code)]

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};

use rustix::fs::{CWD, FileType, Mode, OFlags, fcntl_getfl, fcntl_setfl, mknodat, sendfile};
use rustix::io::{Errno, retry_on_intr};
use rustix::pipe::{SpliceFlags, fcntl_setpipe_size};

use super::passing;

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

/// `file` opened once more, for reading from its beginning: unlike a duplicate it has a position of its own.
///
/// # Errors
///
/// When it may not be read, or `/proc` is not there.
pub fn open_again(file: &File) -> io::Result<File> {
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    File::open(&path).map_err(|error| passing::in_words(format!("{path}: {error}"), &error))
}

/// Sends the first `len` bytes of `from` to `out` with `sendfile(2)`; returns how many it has sent when
/// there is no more or `out` is of a kind that does not take them this way, or before an error of reading or
/// writing.
///
/// A pipe may then refer to the file's own pages until they are read at its other end: the file must
/// not be written to any more.
pub fn send(from: &File, len: u64, out: &File) -> (u64, io::Result<()>) {
    let mut at = 0;
    let end = send_from(from, &mut at, len, out);
    (at, end)
}

fn send_from(from: &File, at: &mut u64, len: u64, out: &File) -> io::Result<()> {
    while *at < len {
        let left = (len - *at) as usize;
        match sendfile(out, from, Some(at), left) {
            Ok(0) | Err(Errno::INVAL | Errno::NOSYS) => break,
            Ok(_) | Err(Errno::INTR) => {}
            Err(Errno::AGAIN) => wait_writable(out)?,
            Err(error) => return Err(error.into()),
        }
    }
    Ok(())
}

/// Moves up to `len` bytes of `from`, from `at` on, into the pipe `out` without looking at them and without
/// waiting for room (`splice(2)`); returns how many there were: 0 at the end of the file.
///
/// # Errors
///
/// `WouldBlock` when the pipe is full, and what else the kernel says.
pub fn splice_part(from: &File, at: u64, len: usize, out: BorrowedFd) -> io::Result<usize> {
    splice(from.as_fd(), Some(at), len, out)
}

/// Moves up to `len` bytes out of `pipe` into `out`, without looking at them and without waiting for a pipe to
/// have any or to have room (`splice(2)`); returns how many: 0 at the end of what was written to the pipe.
///
/// # Errors
///
/// `WouldBlock` when `pipe` is empty or `out` a full pipe, `InvalidInput` where `out` is such that nothing can be
/// moved into it, and what else the kernel says.
pub fn splice_from_pipe(pipe: BorrowedFd, out: BorrowedFd, len: usize) -> io::Result<usize> {
    splice(pipe, None, len, out)
}

fn splice(from: BorrowedFd, mut at: Option<u64>, len: usize, out: BorrowedFd) -> io::Result<usize> {
    let flags = SpliceFlags::NONBLOCK | SpliceFlags::MOVE;
    let moved = retry_on_intr(|| rustix::pipe::splice(from, at.as_mut(), out, None, len, flags));
    Ok(moved?)
}

/// Reads up to `most` bytes from `file` to the end of `buffer`, into its spare room, which nobody clears
/// first; returns how many: 0 at the end.
///
/// # Errors
///
/// What `read(2)` says but for interruptions.
pub fn read_into(file: &File, buffer: &mut Vec<u8>, most: usize) -> io::Result<usize> {
    buffer.reserve(most);
    loop {
        let room = buffer.spare_capacity_mut();
        let len = room.len().min(most);
        // SAFETY: the kernel writes at most `len` bytes into live room of that size.
        let got = unsafe { libc::read(file.as_raw_fd(), room.as_mut_ptr().cast(), len) };
        if got >= 0 {
            let got = got.cast_unsigned();
            // SAFETY: the first `got` bytes of the room have just been written.
            unsafe { buffer.set_len(buffer.len() + got) };
            return Ok(got);
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            Some(libc::EINTR) => {}
            Some(libc::EAGAIN) => wait_readable(file)?,
            _ => return Err(error),
        }
    }
}

/// Waits until `file`, which somebody made non-blocking, has something to read.
fn wait_readable(file: &File) -> io::Result<()> {
    let mut polled = libc::pollfd {
        fd: file.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    poll(std::slice::from_mut(&mut polled), -1)
}

/// Opens the file at `path` for reading, a FIFO without waiting for somebody who writes.
///
/// # Errors
///
/// Those of opening it.
pub fn open_for_reading_at_once(path: &std::path::Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    File::options()
        .read(true)
        .custom_flags(libc::O_NONBLOCK)
        .open(path)
}

/// Makes a FIFO at `path` that only this user can open.
///
/// # Errors
///
/// When `path` is taken, or in no directory that can be written to.
pub fn make_fifo(path: &std::path::Path) -> io::Result<()> {
    let mode = Mode::RUSR | Mode::WUSR;
    Ok(mknodat(CWD, path, FileType::Fifo, mode, 0)?)
}

/// Makes writing to `fd` fail rather than wait.
///
/// # Errors
///
/// What `fcntl(2)` says.
pub fn set_nonblocking(fd: BorrowedFd) -> io::Result<()> {
    let flags = fcntl_getfl(fd)?;
    Ok(fcntl_setfl(fd, flags | OFlags::NONBLOCK)?)
}

/// Makes reading from `fd` wait.
///
/// # Errors
///
/// What `fcntl(2)` says.
pub fn set_blocking(fd: BorrowedFd) -> io::Result<()> {
    let flags = fcntl_getfl(fd)?;
    Ok(fcntl_setfl(fd, flags - OFlags::NONBLOCK)?)
}

/// Makes room for `bytes` in the pipe `fd`, if the system allows it.
pub fn enlarge_pipe(fd: BorrowedFd, bytes: usize) {
    // A refusal leaves it as it was, which is as good.
    let _ = fcntl_setpipe_size(fd, bytes);
}

/// Waits until `out`, which somebody made non-blocking, takes more.
///
/// # Errors
///
/// What `poll(2)` says but for interruptions.
pub fn wait_writable(out: impl AsFd) -> io::Result<()> {
    let mut polled = libc::pollfd {
        fd: out.as_fd().as_raw_fd(),
        events: libc::POLLOUT,
        revents: 0,
    };
    poll(std::slice::from_mut(&mut polled), -1)
}

/// Whether `fd` is a pipe or a socket: what comes through it comes once, when somebody writes it.
pub fn is_pipe(fd: impl AsFd) -> bool {
    rustix::fs::fstat(fd).is_ok_and(|stat| {
        let kind = FileType::from_raw_mode(stat.st_mode);
        matches!(kind, FileType::Fifo | FileType::Socket)
    })
}

/// As much as a pipe may hold without privileges, in bytes.
const ROOMY: usize = 1 << 20;

/// Has a pipe hold as much as it may, so that who reads and who writes take turns less often. Others stay as they are.
pub fn make_roomy(pipe: impl AsFd) {
    // With less it is slower, and where the user has many it may not have more.
    let _ = fcntl_setpipe_size(pipe, ROOMY);
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
