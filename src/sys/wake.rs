//! A doorbell: rung by any thread, heard by one that waits in `poll(2)`.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};

use rustix::event::{EventfdFlags, eventfd};
use rustix::io::retry_on_intr;

use super::fd::poll;

/// An eventfd. Once rung it stays readable until [`Wake::reset`].
#[derive(Debug)]
pub struct Wake(OwnedFd);

impl Wake {
    /// A doorbell that nobody has rung yet.
    ///
    /// # Errors
    ///
    /// When the process has no file descriptor left.
    pub fn new() -> io::Result<Self> {
        let fd = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
        Ok(Self(fd))
    }

    /// Rings.
    pub fn ring(&self) {
        // A full counter (EAGAIN) is rung already.
        let _ = retry_on_intr(|| rustix::io::write(&self.0, &1_u64.to_ne_bytes()));
    }

    /// Whether it was rung and is not silent again.
    pub fn is_rung(&self) -> bool {
        is_readable(self.as_fd()).unwrap_or(false)
    }

    /// Makes it silent again.
    pub fn reset(&self) {
        // A silent bell (EAGAIN) stays silent.
        let _ = retry_on_intr(|| rustix::io::read(&self.0, &mut [0_u8; 8]));
    }
}

impl AsFd for Wake {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl AsRawFd for Wake {
    fn as_raw_fd(&self) -> RawFd {
        self.0.as_raw_fd()
    }
}

/// Whether reading from `fd` would answer at once, with data or with its end.
///
/// # Errors
///
/// What `poll(2)` says but for interruptions.
pub fn is_readable(fd: std::os::fd::BorrowedFd) -> io::Result<bool> {
    let mut polled = libc::pollfd {
        fd: fd.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    poll(std::slice::from_mut(&mut polled), 0)?;
    Ok(polled.revents != 0)
}

/// So many bytes can be written to a pipe that is writable, without waiting.
pub const ALWAYS_FITS: usize = 4096;

/// Waits until `fd` is writable, or nobody reads there; false: `wake` has rung.
///
/// # Errors
///
/// What `poll(2)` says but for interruptions.
pub fn is_writable_unless(wake: &Wake, fd: BorrowedFd) -> io::Result<bool> {
    let watched = |fd, events| libc::pollfd {
        fd,
        events,
        revents: 0,
    };
    let mut polled = [
        watched(wake.as_raw_fd(), libc::POLLIN),
        watched(fd.as_raw_fd(), libc::POLLOUT),
    ];
    poll(&mut polled, -1)?;
    Ok(polled[0].revents == 0)
}

/// Whether reading from `fd` answers, with data or with its end, within `time`.
///
/// # Errors
///
/// What `poll(2)` says but for interruptions.
pub fn is_readable_within(fd: BorrowedFd, time: std::time::Duration) -> io::Result<bool> {
    let mut polled = libc::pollfd {
        fd: fd.as_raw_fd(),
        events: libc::POLLIN,
        revents: 0,
    };
    let ms = i32::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX);
    poll(std::slice::from_mut(&mut polled), ms)?;
    Ok(polled.revents != 0)
}

/// Waits until `wake` has rung.
///
/// # Errors
///
/// What `poll(2)` says but for interruptions.
pub fn wait_for(wake: &Wake) -> io::Result<()> {
    wait_for_either(wake, wake.as_fd())
}

/// Whether `wake` rings within `time`.
///
/// # Errors
///
/// What `poll(2)` says but for interruptions.
pub fn is_rung_within(wake: &Wake, time: std::time::Duration) -> io::Result<bool> {
    is_readable_within(wake.as_fd(), time)
}

/// Waits until `wake` has rung or `fd` is readable.
///
/// # Errors
///
/// What `poll(2)` says but for interruptions.
pub fn wait_for_either(wake: &Wake, fd: BorrowedFd) -> io::Result<()> {
    wait_for_either_within(wake, fd, None).map(|_| ())
}

/// As [`wait_for_either`]; false: neither has come in `time`, if that is limited.
///
/// # Errors
///
/// As there.
pub fn wait_for_either_within(
    wake: &Wake,
    fd: BorrowedFd,
    time: Option<std::time::Duration>,
) -> io::Result<bool> {
    let watched = |fd| libc::pollfd {
        fd,
        events: libc::POLLIN,
        revents: 0,
    };
    let mut polled = [watched(wake.as_raw_fd()), watched(fd.as_raw_fd())];
    let ms = time.map_or(-1, |time| {
        i32::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(i32::MAX)
    });
    poll(&mut polled, ms)?;
    Ok(polled.iter().any(|it| it.revents != 0))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_rings_until_it_is_reset() {
        let wake = Wake::new().unwrap();
        let rings = || is_readable(wake.0.as_fd()).unwrap();
        assert!(!rings());
        wake.ring();
        wake.ring();
        assert!(rings() && rings());
        wake.reset();
        assert!(!rings());
        wake.reset();
        assert!(!rings());
    }

    #[test]
    fn a_pipe_is_readable_when_it_has_data_or_its_end() {
        let (reader, mut writer) = io::pipe().unwrap();
        let readable = || is_readable(reader.as_fd()).unwrap();
        assert!(!readable());
        io::Write::write_all(&mut writer, b"x").unwrap();
        assert!(readable());
        io::Read::read_exact(&mut &reader, &mut [0]).unwrap();
        assert!(!readable());
        drop(writer);
        assert!(readable());
    }
}
