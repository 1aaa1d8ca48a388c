//! A fixed number of tokens, to be waited for in `poll(2)` beside other things.
#![allow(unsafe_code)]

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, FromRawFd, OwnedFd};
use std::sync::Arc;

/// The pool that tokens come from and go back to: an eventfd that counts them, readable while there are
/// any.
#[derive(Clone, Debug)]
pub struct Tokens(Arc<OwnedFd>);

/// One token; it goes back when dropped.
#[derive(Debug)]
pub struct Token(Tokens);

impl Tokens {
    /// A pool of `count` tokens.
    ///
    /// # Errors
    ///
    /// When the process has no file descriptor left.
    pub fn new(count: u32) -> io::Result<Self> {
        let flags = libc::EFD_CLOEXEC | libc::EFD_NONBLOCK | libc::EFD_SEMAPHORE;
        // SAFETY: no pointers involved.
        let fd = unsafe { libc::eventfd(count, flags) };
        if fd < 0 {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the descriptor was just made and belongs to nobody else.
        Ok(Self(Arc::new(unsafe { OwnedFd::from_raw_fd(fd) })))
    }

    /// Takes a token, if there is one.
    pub fn try_take(&self) -> Option<Token> {
        let mut one = 0_u64;
        // SAFETY: eight bytes are read into a live u64; nothing is read when there is no token.
        let read = unsafe { libc::read(self.0.as_raw_fd(), (&raw mut one).cast(), 8) };
        (read == 8).then(|| Token(self.clone()))
    }
}

impl AsFd for Tokens {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        let one = 1_u64;
        // SAFETY: eight bytes are written from a live u64; the count stays far below its limit.
        unsafe { libc::write(self.0.0.as_raw_fd(), (&raw const one).cast(), 8) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::wake::is_readable;

    #[test]
    fn a_token_comes_back_when_it_is_dropped() {
        let tokens = Tokens::new(2).unwrap();
        let (first, _second) = (tokens.try_take().unwrap(), tokens.try_take().unwrap());
        assert!(tokens.try_take().is_none());
        assert!(!is_readable(tokens.as_fd()).unwrap());
        drop(first);
        assert!(is_readable(tokens.as_fd()).unwrap());
        assert!(tokens.try_take().is_some());
    }
}
