//! Captured output: in memory while it is small, in unlinked files when it is not.
//!
//! A job writes straight into a [`Spool`], an unlinked file that its worker owns. When the job is
//! over, [`Spool::take`] hands the content on as [`Captured`] and the file is used for the next job:
//!
//! * up to [`SMALL`] bytes are read into memory, as long as the run's memory budget lasts;
//! * more than that, and the file itself is handed over, as long as few files are open;
//! * otherwise the bytes move to the end of one overflow file that the whole run shares, whose space
//!   is given back piece by piece as the pieces are dropped.
//!
//! Output that is to be compressed does not go straight into a file but through a [`Compressor`]. So does all output where
//! room is scarce: a job that cannot write may not care, and the room may be there again before it ends, so that only
//! who writes knows. A job that began when there was plenty writes by itself; if its file system is seen to be full
//! before its end, its output is taken for lost.
mod captured;
mod compressed;
mod file;
mod named;
mod overflow;

pub use captured::{Captured, Reader};
pub use compressed::{Codec, Compressor};
pub use file::unlinked_file;
pub use named::{Named, finish_result, has_result, result_files};

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use crate::sys::passing;
use overflow::Overflow;

/// Output up to this size is kept in memory, in bytes.
const SMALL: u64 = 64 * 1024;

/// What one run may hold for output that has not been written yet.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Bytes in memory.
    pub memory: u64,
    /// Open spool files beyond those that workers write into.
    pub files: u64,
}

/// Where spool files are made, and what they all share.
#[derive(Debug)]
pub struct SpoolDir {
    path: PathBuf,
    memory: Budget,
    files: Budget,
    overflow: Mutex<Option<Arc<Overflow>>>,
    /// How often there was seen to be no room.
    times_full: Arc<AtomicU64>,
}

impl SpoolDir {
    /// Spool files in directory `path`, nothing made yet.
    pub fn new(path: PathBuf, limits: Limits) -> Arc<Self> {
        let (memory, files) = (Budget::new(limits.memory), Budget::new(limits.files));
        Arc::new(Self {
            path,
            memory,
            files,
            overflow: Mutex::new(None),
            times_full: Arc::default(),
        })
    }

    /// How often there was seen to be no room for the output of jobs.
    pub fn times_full(&self) -> u64 {
        self.times_full.load(Ordering::SeqCst)
    }

    /// Takes note if `error` says that there is no room.
    pub fn note(&self, error: &io::Error) {
        if passing::is_full(error) {
            self.times_full.fetch_add(1, Ordering::SeqCst);
        }
    }

    /// The error of a job while which there was seen to be no room: it may have written in vain.
    pub fn was_full(&self) -> io::Error {
        self.error(&io::Error::from_raw_os_error(libc::ENOSPC))
    }

    /// Keeps `bytes`, which a job has written, in memory or in the overflow file.
    ///
    /// # Errors
    ///
    /// When the overflow file cannot be written.
    pub fn keep(self: &Arc<Self>, bytes: &[u8]) -> io::Result<Captured> {
        if bytes.is_empty() {
            return Ok(Captured::Empty);
        }
        let len = bytes.len() as u64;
        if let Some(permit) = Budget::acquire(self, |dir| &dir.memory, len) {
            return Ok(Captured::Budgeted(bytes.to_vec(), permit));
        }
        let kept = self
            .shared_overflow()
            .and_then(|file| overflow::append_bytes(&file, bytes));
        kept.map(Captured::Overflowed)
            .map_err(|error| self.error(&error))
    }

    /// Keeps the first `len` bytes of `file`, which nobody else has.
    fn keep_file(self: &Arc<Self>, file: File, len: u64) -> io::Result<Captured> {
        match self.file_permit() {
            Some(permit) => Ok(Captured::File {
                permit: Some(permit),
                file: Arc::new(file),
                len,
            }),
            None => self.overflow(&file, len),
        }
    }

    /// For a file to be handed on as it is.
    fn file_permit(self: &Arc<Self>) -> Option<Permit> {
        let mut permit = Budget::acquire(self, |dir| &dir.files, 1)?;
        permit.frees_room = true;
        Some(permit)
    }

    /// Moves `len` bytes of `from` to the end of the overflow file.
    fn overflow(&self, from: &File, len: u64) -> io::Result<Captured> {
        let file = self.shared_overflow()?;
        overflow::append(&file, from, len).map(Captured::Overflowed)
    }

    fn shared_overflow(&self) -> io::Result<Arc<Overflow>> {
        let mut shared = self.overflow.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = &*shared {
            return Ok(Arc::clone(file));
        }
        let overflow = passing::retrying(|| Overflow::new(&self.path, &self.times_full))?;
        Ok(Arc::clone(shared.insert(overflow)))
    }

    /// `error`, which happened to a file in the directory.
    fn error(&self, error: &io::Error) -> io::Error {
        let words = format!(
            "cannot keep the output of jobs in {} (see $TMPDIR): {error}",
            self.path.display()
        );
        passing::in_words(words, error)
    }
}

/// A file that a job writes one of its outputs into.
#[derive(Debug)]
pub struct Spool {
    dir: Arc<SpoolDir>,
    file: Arc<File>,
}

impl Spool {
    /// A new, empty spool file.
    ///
    /// # Errors
    ///
    /// When no file can be made in the spool directory.
    pub fn new(dir: &Arc<SpoolDir>) -> io::Result<Self> {
        let file = unlinked_file(&dir.path).map_err(|error| dir.error(&error))?;
        Ok(Self {
            dir: Arc::clone(dir),
            file: Arc::new(file),
        })
    }

    /// Whether there is so little room that a job is not to write into it by itself.
    pub fn is_scarce(&self) -> bool {
        file::is_scarce(&self.file)
    }

    /// The file, for a job to write to. It appends. Whoever keeps it sees what later jobs write, too.
    pub fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Takes what has been written, leaving the spool empty. With `shared`, somebody may still hold the
    /// file open, and it is given up for a new one.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or replaced.
    pub fn take(&mut self, shared: bool) -> io::Result<Captured> {
        self.take_content(shared)
            .map_err(|error| self.dir.error(&error))
    }

    fn take_content(&mut self, shared: bool) -> io::Result<Captured> {
        let len = self.file.metadata()?.len();
        file::check_room(&self.file, len, false)?;
        if len == 0 && !shared {
            return Ok(Captured::Empty);
        }
        if len <= SMALL
            && let Some(permit) = Budget::acquire(&self.dir, |dir| &dir.memory, len)
        {
            let mut bytes = vec![0; len as usize];
            self.file.read_exact_at(&mut bytes, 0)?;
            self.reset(shared)?;
            return Ok(Captured::Budgeted(bytes, permit));
        }
        let permit = (len > SMALL).then(|| self.dir.file_permit());
        if let Some(permit) = permit.flatten() {
            let fresh = passing::retrying(|| unlinked_file(&self.dir.path))?;
            let file = std::mem::replace(&mut self.file, Arc::new(fresh));
            return Ok(Captured::File {
                file,
                len,
                permit: Some(permit),
            });
        }
        let captured = self.dir.overflow(&self.file, len)?;
        self.reset(shared)?;
        Ok(captured)
    }

    /// Drops what has been written, and handed on meanwhile. `shared` as for [`take`](Self::take).
    ///
    /// # Errors
    ///
    /// When there may have been no room for all of it, or the file cannot be emptied or replaced.
    pub fn clear(&mut self, shared: bool) -> io::Result<()> {
        let len = self.file.metadata().map(|file| file.len());
        let whole = len.and_then(|len| match len {
            0 => Ok(()),
            len => file::check_room(&self.file, len, false),
        });
        whole
            .and_then(|()| self.reset(shared))
            .map_err(|error| self.dir.error(&error))
    }

    fn reset(&mut self, shared: bool) -> io::Result<()> {
        if shared {
            self.file = Arc::new(passing::retrying(|| unlinked_file(&self.dir.path))?);
            Ok(())
        } else {
            self.file.set_len(0)
        }
    }
}

/// A number of things that may be used at a time.
#[derive(Debug)]
struct Budget(AtomicU64);

impl Budget {
    fn new(amount: u64) -> Self {
        Self(AtomicU64::new(amount))
    }

    fn acquire(
        dir: &Arc<SpoolDir>,
        which: fn(&SpoolDir) -> &Budget,
        amount: u64,
    ) -> Option<Permit> {
        let left = &which(dir).0;
        left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
            left.checked_sub(amount)
        })
        .ok()?;
        Some(Permit {
            dir: Arc::clone(dir),
            which,
            amount,
            frees_room: false,
        })
    }
}

/// A share of a budget; it gives itself back when dropped.
#[derive(Debug)]
pub struct Permit {
    dir: Arc<SpoolDir>,
    which: fn(&SpoolDir) -> &Budget,
    amount: u64,
    /// Whether a file of the directory goes with it.
    frees_room: bool,
}

impl Drop for Permit {
    fn drop(&mut self) {
        // Afterwards there is room, and nobody would know that there was none.
        if self.frees_room && file::is_full_at(&self.dir.path) {
            self.dir.times_full.fetch_add(1, Ordering::SeqCst);
        }
        (self.which)(&self.dir)
            .0
            .fetch_add(self.amount, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn spool(memory: u64, files: u64) -> Spool {
        let dir = SpoolDir::new(crate::sys::temp::dir(), Limits { memory, files });
        Spool::new(&dir).unwrap()
    }

    fn filled(spool: &mut Spool, bytes: &[u8]) -> Captured {
        (&**spool.file()).write_all(bytes).unwrap();
        spool.take(false).unwrap()
    }

    fn content(captured: &Captured) -> Vec<u8> {
        captured.head(u64::MAX).unwrap()
    }

    #[test]
    fn a_spool_is_empty_again_after_each_job() {
        let mut spool = spool(1 << 20, 4);
        assert!(matches!(filled(&mut spool, b""), Captured::Empty));
        assert_eq!(content(&filled(&mut spool, b"one")), b"one");
        assert_eq!(content(&filled(&mut spool, b"two")), b"two");
    }

    #[test]
    fn memory_then_files_then_overflow() {
        let mut spool = spool(5, 1);
        let big = vec![b'x'; SMALL as usize + 1];
        let small = filled(&mut spool, b"12345");
        assert!(matches!(small, Captured::Budgeted(..)));
        let spilled = filled(&mut spool, b"678");
        assert!(matches!(spilled, Captured::Overflowed(..)));
        let file = filled(&mut spool, &big);
        assert!(matches!(file, Captured::File { .. }));
        let also_spilled = filled(&mut spool, &big);
        assert!(matches!(also_spilled, Captured::Overflowed(..)));
        assert_eq!(content(&small), b"12345");
        assert_eq!(content(&spilled), b"678");
        assert_eq!(content(&file), big);
        assert_eq!(content(&also_spilled), big);
        drop(small);
        assert!(matches!(filled(&mut spool, b"9"), Captured::Budgeted(..)));
    }

    #[test]
    fn a_file_that_somebody_still_holds_is_not_used_again() {
        let mut spool = spool(1 << 20, 4);
        let held = spool.file().try_clone().unwrap();
        (&held).write_all(b"before").unwrap();
        assert_eq!(content(&spool.take(true).unwrap()), b"before");
        (&held).write_all(b"after").unwrap();
        assert!(spool.take(false).unwrap().is_empty());
    }

    #[test]
    fn the_end_of_a_spilled_output_can_be_had() {
        let mut spool = spool(0, 0);
        let captured = filled(&mut spool, b"hello world");
        assert_eq!(captured.tail(5).unwrap(), b"world");
    }
}
