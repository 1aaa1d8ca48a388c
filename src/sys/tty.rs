//! Terminals.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Write as _};
use std::os::fd::AsFd as _;

use super::kernel_file;
use super::wake::{self, Wake};

/// The terminal that controls this process, to read from and write to.
///
/// # Errors
///
/// When there is none.
pub fn open() -> io::Result<File> {
    OpenOptions::new().read(true).write(true).open("/dev/tty")
}

/// How long an answer is waited for.
#[derive(Clone, Copy)]
pub struct Until<'a> {
    /// Rung when it may be over.
    pub bell: &'a Wake,
    /// Whether it is over. Where it is not, this makes the bell silent.
    pub is_over: &'a dyn Fn() -> bool,
}

/// Writes `question` on the terminal and waits for a line, or until it is over; then there is no answer.
///
/// # Errors
///
/// When there is no terminal.
pub fn ask(question: &[u8], until: Option<Until<'_>>) -> io::Result<Vec<u8>> {
    if until.is_some_and(|until| (until.is_over)()) {
        return Ok(Vec::new());
    }
    let mut terminal = open()?;
    terminal.write_all(question)?;
    let mut answer = Vec::new();
    let mut byte = [0];
    while answer.last() != Some(&b'\n') {
        if let Some(Until { bell, is_over }) = until {
            wake::wait_for_either(bell, terminal.as_fd())?;
            if !wake::is_readable(terminal.as_fd())? {
                if is_over() {
                    return Ok(Vec::new());
                }
                continue;
            }
        }
        if terminal.read(&mut byte)? == 0 {
            break;
        }
        answer.push(byte[0]);
    }
    Ok(answer)
}

/// The number of the terminal that controls this process; `None`: it has none.
pub fn controlling() -> Option<i32> {
    let stat = kernel_file::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name, in parentheses, and may have anything in it.
    let (_, fields) = stat.rsplit_once(") ")?;
    let number = fields.split(' ').nth(4)?.parse().ok()?;
    Some(number).filter(|&number| number != 0)
}
