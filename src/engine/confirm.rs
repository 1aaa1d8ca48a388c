//! Asking the user about each job (`--interactive`).

use std::io;

use crate::sys::tty;
use crate::sys::wake::Wake;

/// Shows the command `line` on the terminal; whether the answer begins with `y` or `Y`. No answer is a no, as is
/// `wake` having been rung.
///
/// # Errors
///
/// When there is no terminal.
pub(super) fn ask(line: &[u8], wake: Option<&Wake>) -> io::Result<bool> {
    let confirm = [line, b" ?..."].concat();
    let answer = tty::ask(&confirm, wake).map_err(|error| {
        let words = format!("--interactive needs a terminal to ask on: {error}");
        io::Error::new(error.kind(), words)
    })?;
    Ok(matches!(answer.first(), Some(b'y' | b'Y')))
}
