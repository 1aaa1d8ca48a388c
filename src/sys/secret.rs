//! Numbers that nobody can guess.

use std::io;

use rustix::rand::{GetRandomFlags, getrandom};

/// Random bytes from the kernel.
///
/// # Errors
///
/// What `getrandom(2)` says.
pub fn secret() -> io::Result<[u8; 16]> {
    let mut bytes = [0; 16];
    // So few come all at once.
    getrandom(&mut bytes, GetRandomFlags::empty())?;
    Ok(bytes)
}
