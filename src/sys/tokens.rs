//! A fixed number of tokens: whoever has none waits until one is given back.

use std::sync::{Arc, Condvar, Mutex, PoisonError};

/// The pool that tokens come from and go back to.
#[derive(Clone, Debug)]
pub struct Tokens(Arc<(Mutex<usize>, Condvar)>);

/// One token; it goes back when dropped.
#[derive(Debug)]
pub struct Token(Tokens);

impl Tokens {
    /// A pool of `count` tokens.
    pub fn new(count: usize) -> Self {
        Self(Arc::new((Mutex::new(count), Condvar::new())))
    }

    /// Takes a token, waiting for one if there is none.
    pub fn take(&self) -> Token {
        let (left, returned) = &*self.0;
        let mut left = left.lock().unwrap_or_else(PoisonError::into_inner);
        while *left == 0 {
            left = returned.wait(left).unwrap_or_else(PoisonError::into_inner);
        }
        *left -= 1;
        Token(self.clone())
    }
}

impl Drop for Token {
    fn drop(&mut self) {
        let (left, returned) = &*self.0.0;
        *left.lock().unwrap_or_else(PoisonError::into_inner) += 1;
        returned.notify_one();
    }
}
