//! A fixed number of tokens, to be waited for in `poll(2)` beside other things.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use rustix::event::{EventfdFlags, eventfd};

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
        let flags = EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK | EventfdFlags::SEMAPHORE;
        Ok(Self(Arc::new(eventfd(count, flags)?)))
    }

    /// A token that was not in the pool: one more is there when it is dropped.
    pub fn owed(&self) -> Token {
        Token(self.clone())
    }

    /// Takes a token, if there is one.
    pub fn try_take(&self) -> Option<Token> {
        self.consume().then(|| Token(self.clone()))
    }

    /// Takes a token for good, if there is one.
    pub fn consume(&self) -> bool {
        rustix::io::read(&self.0, &mut [0_u8; 8]) == Ok(8)
    }
}

impl AsFd for Tokens {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.0.as_fd()
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        // The count stays far below its limit.
        let _ = rustix::io::write(&self.0.0, &1_u64.to_ne_bytes());
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
