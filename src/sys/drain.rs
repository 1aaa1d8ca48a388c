//! A process that goes on reading what nobody wants any more: what a job has left behind may write into the job's
//! output for as long as it likes, as it may where that is a file.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, RawFd};

use super::fd::poll;
use super::guardian::close_all_but;

/// The most outputs that a job has.
const MOST: usize = 2;

/// Has a process read each of `pipes`, no more than two, that somebody still writes into, until nobody does.
/// The caller may close them then.
///
/// It is nobody's child and outlives fanout. Where there is no process to be had, who writes gets SIGPIPE.
pub fn drain(pipes: &[BorrowedFd]) {
    let written: Vec<RawFd> = pipes
        .iter()
        .filter(|pipe| has_writers(**pipe))
        .map(AsRawFd::as_raw_fd)
        .take(MOST)
        .collect();
    if written.is_empty() {
        return;
    }
    // SAFETY: the new process, a copy with one thread, makes system calls only, and never returns.
    let child = unsafe { libc::fork() };
    match child {
        -1 => {}
        0 => orphaned(&written),
        _ => {
            // SAFETY: waits for our own child, which ends at once; no status is asked for.
            while unsafe { libc::waitpid(child, std::ptr::null_mut(), 0) } < 0
                && io::Error::last_os_error().kind() == io::ErrorKind::Interrupted
            {}
        }
    }
}

/// Whether somebody has the other end of `pipe` open.
fn has_writers(pipe: BorrowedFd) -> bool {
    let mut polled = [polled(pipe.as_raw_fd())];
    poll(&mut polled, 0).is_ok() && polled[0].revents & libc::POLLHUP == 0
}

fn polled(fd: RawFd) -> libc::pollfd {
    libc::pollfd {
        fd,
        events: libc::POLLIN,
        revents: 0,
    }
}

/// Leaves the work to a child, which so is nobody's.
fn orphaned(pipes: &[RawFd]) -> ! {
    // SAFETY: plain system calls on this new process's own state.
    unsafe {
        if libc::fork() == 0 {
            libc::setsid();
            libc::prctl(libc::PR_SET_NAME, c"output-drain".as_ptr());
            let mut all: libc::sigset_t = std::mem::zeroed();
            libc::sigfillset(&raw mut all);
            libc::sigprocmask(libc::SIG_SETMASK, &raw const all, std::ptr::null_mut());
            close_all_but(pipes[0], pipes.get(1).copied());
            read_to_the_end(pipes);
        }
        libc::_exit(0)
    }
}

/// Reads all that comes, and forgets it.
fn read_to_the_end(pipes: &[RawFd]) {
    let mut left = [polled(-1); MOST];
    for (place, &pipe) in left.iter_mut().zip(pipes) {
        *place = polled(pipe);
    }
    let mut bytes = [0_u8; 1 << 14];
    while left.iter().any(|pipe| pipe.fd >= 0) {
        if poll(&mut left, -1).is_err() {
            return;
        }
        for pipe in left.iter_mut().filter(|pipe| pipe.revents != 0) {
            // SAFETY: reads into a live buffer of that length.
            let got = unsafe { libc::read(pipe.fd, bytes.as_mut_ptr().cast(), bytes.len()) };
            let ended = got == 0
                || got < 0 && io::Error::last_os_error().kind() != io::ErrorKind::WouldBlock;
            if ended {
                // Polling a descriptor below 0 is not polling it.
                pipe.fd = -1;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write as _};
    use std::os::fd::AsFd as _;

    use super::{drain, has_writers};

    #[test]
    fn a_pipe_can_be_written_into_when_nobody_here_reads_it() {
        let (reader, mut writer) = io::pipe().unwrap();
        assert!(has_writers(reader.as_fd()));
        drain(&[reader.as_fd()]);
        drop(reader);
        // More than a pipe holds.
        writer.write_all(&vec![0; 1 << 20]).unwrap();
    }

    #[test]
    fn one_that_nobody_writes_into_is_left_alone() {
        let (reader, writer) = io::pipe().unwrap();
        (&writer).write_all(b"last").unwrap();
        drop(writer);
        assert!(!has_writers(reader.as_fd()));
    }
}
