//! Threads that run no jobs.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{Builder, JoinHandle};

use super::{limits, passing};

/// Starts a thread called `name`; again, where that fails for something that passes.
///
/// # Errors
///
/// When there is none to be had.
pub fn start(name: &str, body: impl FnOnce() + Send + 'static) -> io::Result<JoinHandle<()>> {
    let body = Arc::new(Mutex::new(Some(body)));
    passing::retrying(|| {
        let body = Arc::clone(&body);
        let thread = Builder::new().name(name.to_owned());
        thread.stack_size(limits::own_stack()).spawn(move || {
            let body = body.lock().unwrap_or_else(PoisonError::into_inner).take();
            if let Some(body) = body {
                body();
            }
        })
    })
}
