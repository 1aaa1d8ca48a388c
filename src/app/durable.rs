//! `--fsync`: what is recorded outlives a loss of power.

use std::fs::File;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use crate::report::Failure;

/// A file of the record. Whoever has written to it waits until that is on the disk; those who come while somebody
/// waits share the next `fdatasync(2)`.
pub(super) struct Durable {
    name: String,
    file: File,
    /// How many writes have been made.
    written: AtomicU64,
    /// How many of them are on the disk.
    synced: Mutex<u64>,
}

impl Durable {
    /// The file that errors call `name`.
    pub(super) fn new(name: String, file: File) -> Self {
        Self {
            name,
            file,
            written: AtomicU64::new(0),
            synced: Mutex::new(0),
        }
    }

    /// Waits until what this thread has written is on the disk.
    ///
    /// # Errors
    ///
    /// When the disk fails.
    pub(super) fn sync(&self) -> Result<(), Failure> {
        let own = self.written.fetch_add(1, Ordering::SeqCst) + 1;
        let mut synced = self.synced.lock().unwrap_or_else(PoisonError::into_inner);
        if *synced >= own {
            return Ok(());
        }
        let all = self.written.load(Ordering::SeqCst);
        let done = self.file.sync_data();
        done.map_err(|error| Failure::new(&self.name, error))?;
        *synced = all;
        Ok(())
    }
}
