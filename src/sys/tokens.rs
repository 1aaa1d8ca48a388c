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

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn whoever_has_none_waits_until_one_is_given_back() {
        let tokens = Tokens::new(2);
        let returned = AtomicBool::new(false);
        let (first, _second) = (tokens.take(), tokens.take());
        std::thread::scope(|scope| {
            let waiting = scope.spawn(|| {
                let _third = tokens.take();
                assert!(returned.load(Ordering::SeqCst));
            });
            returned.store(true, Ordering::SeqCst);
            drop(first);
            waiting.join().unwrap();
        });
    }

    #[test]
    fn no_more_are_out_than_there_are() {
        let tokens = Tokens::new(2);
        let out = Mutex::new(0);
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..100 {
                        let _token = tokens.take();
                        *out.lock().unwrap() += 1;
                        std::thread::yield_now();
                        let mut out = out.lock().unwrap();
                        assert!(*out <= 2);
                        *out -= 1;
                    }
                });
            }
        });
        assert_eq!(*tokens.0.0.lock().unwrap(), 2);
    }
}
