//! Numbers that nobody can guess.
#![allow(unsafe_code)]

use std::io;

/// Random bytes from the kernel.
///
/// # Errors
///
/// What `getrandom(2)` says.
pub fn secret() -> io::Result<[u8; 16]> {
    let mut bytes = [0; 16];
    // SAFETY: a live buffer of that length; so few bytes come all at once.
    let got = unsafe { libc::getrandom(bytes.as_mut_ptr().cast(), bytes.len(), 0) };
    if got == bytes.len().cast_signed() {
        Ok(bytes)
    } else {
        Err(io::Error::last_os_error())
    }
}
