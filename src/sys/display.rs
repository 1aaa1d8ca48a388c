//! The terminal that standard error is, shared by a display that is drawn there and whoever else in this process
//! writes to it.
//!
//! A display is some lines below everything else. While it is there the cursor stands at its beginning, so that all of
//! it goes away by clearing from there on: no matter into how many lines a terminal has broken it that has become
//! narrower, and whatever somebody else has written over it.

use std::io::{self, ErrorKind, Write as _};
use std::os::fd::AsFd;
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{fstat, major, minor};
use rustix::termios::{isatty, tcgetpgrp, tcgetwinsize};

use super::fd::wait_writable;

/// Clears from the beginning of the cursor's line to the end of the screen, where the cursor stays. Not in one go: when
/// that is the whole screen, tmux takes what is cleared for something to scroll back to.
const CLEAR: &[u8] = b"\r\x1b7\x1b[K\x1b[B\x1b[J\x1b8";

/// Whether a display is there.
static DRAWN: Mutex<bool> = Mutex::new(false);

fn drawn() -> MutexGuard<'static, bool> {
    DRAWN.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Writes `above` in place of the display, and a new one below it, of these `lines`; none: there is no display any
/// more. `above` is to end with a newline if there are lines, and these are to be no wider than the terminal.
///
/// # Errors
///
/// When standard error cannot be written.
pub fn draw(above: &[u8], lines: &[String]) -> io::Result<()> {
    let mut drawn = drawn();
    let mut bytes = Vec::with_capacity(above.len() + 256);
    if *drawn {
        bytes.extend_from_slice(CLEAR);
    }
    bytes.extend_from_slice(above);
    for (index, line) in lines.iter().enumerate() {
        if index > 0 {
            bytes.extend_from_slice(b"\r\n");
        }
        bytes.extend_from_slice(line.as_bytes());
    }
    match lines.len() {
        0 => {}
        1 => bytes.push(b'\r'),
        // Writing to a Vec does not fail.
        more => drop(write!(bytes, "\r\x1b[{}A", more - 1)),
    }
    *drawn = !lines.is_empty();
    write_all(&bytes)
}

/// Does `act`, which may write to the terminal or end or stop this process, while there is no display.
pub fn without<R>(act: impl FnOnce() -> R) -> R {
    let mut drawn = drawn();
    if std::mem::take(&mut *drawn) {
        // What cannot be written was not to be seen either.
        let _ = write_all(CLEAR);
    }
    act()
}

fn write_all(mut bytes: &[u8]) -> io::Result<()> {
    let mut stderr = io::stderr();
    while !bytes.is_empty() {
        match stderr.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => wait_writable(&stderr)?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// How large the terminal of standard error is: columns and lines. A terminal that does not know is taken for an old
/// one.
pub fn size() -> (usize, usize) {
    let size = tcgetwinsize(io::stderr()).ok();
    let size = size.filter(|size| size.ws_col > 0 && size.ws_row > 0);
    size.map_or((80, 24), |size| (size.ws_col.into(), size.ws_row.into()))
}

/// Whether this process may draw on the terminal of standard error: others use it while this one is in the background.
pub fn is_in_foreground() -> bool {
    // A terminal that does not control this process has no foreground.
    tcgetpgrp(io::stderr()).is_ok_and(|group| group == rustix::process::getpgrp())
}

/// Whether `file` is the terminal that standard error is.
pub fn is_there(file: impl AsFd) -> bool {
    let device = |fd| fstat(fd).ok().map(|it| it.st_rdev);
    let stderr = io::stderr();
    if !isatty(&file) || !isatty(&stderr) {
        return false;
    }
    let devices = [device(file.as_fd()), device(stderr.as_fd())];
    // `/dev/tty` is another name of the terminal that controls this process.
    let is_tty = |device: Option<u64>| device.is_some_and(|it| (major(it), minor(it)) == (5, 0));
    devices[0] == devices[1] || devices.into_iter().any(is_tty)
}
