//! One file for all the output that finds no other place.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use rustix::fs::{FallocateFlags, OFlags, fallocate};

use super::file::{is_full, open_unlinked};

/// How much is copied at a time, in bytes.
const PIECE: u64 = 64 * 1024;

/// The run's shared overflow file.
#[derive(Debug)]
pub(super) struct Overflow {
    file: File,
    end: AtomicU64,
    /// How often there was seen to be no room.
    times_full: Arc<AtomicU64>,
}

impl Overflow {
    pub(super) fn new(dir: &Path, times_full: &Arc<AtomicU64>) -> io::Result<Arc<Self>> {
        // Copies inside the kernel (copy_file_range) refuse a file that appends.
        let file = open_unlinked(dir, OFlags::empty())?;
        Ok(Arc::new(Self {
            file,
            end: AtomicU64::new(0),
            times_full: Arc::clone(times_full),
        }))
    }
}

/// A piece of the overflow file; its space is given back when it is dropped.
#[derive(Debug)]
pub struct Piece {
    overflow: Arc<Overflow>,
    offset: u64,
    len: u64,
}

impl Piece {
    /// The file that it is a piece of.
    pub(super) fn file(&self) -> &File {
        &self.overflow.file
    }

    /// Where in the file it begins.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// How many bytes it has.
    pub(super) fn len(&self) -> u64 {
        self.len
    }
}

impl Drop for Piece {
    fn drop(&mut self) {
        // Afterwards there is room, and nobody would know that there was none.
        if is_full(&self.overflow.file) {
            self.overflow.times_full.fetch_add(1, Ordering::SeqCst);
        }
        // A file system that cannot do it keeps the space until the end of the run.
        let mode = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        let _ = fallocate(&self.overflow.file, mode, self.offset, self.len);
    }
}

/// Moves the first `len` bytes of `from` to the end of `overflow`.
pub(super) fn append(overflow: &Arc<Overflow>, from: &File, len: u64) -> io::Result<Piece> {
    let offset = overflow.end.fetch_add(len, Ordering::Relaxed);
    let piece = Piece {
        overflow: Arc::clone(overflow),
        offset,
        len,
    };
    copy_range(from, &overflow.file, offset, len)?;
    Ok(piece)
}

/// Puts `bytes` at the end of `overflow`.
pub(super) fn append_bytes(overflow: &Arc<Overflow>, bytes: &[u8]) -> io::Result<Piece> {
    let len = bytes.len() as u64;
    let offset = overflow.end.fetch_add(len, Ordering::Relaxed);
    let piece = Piece {
        overflow: Arc::clone(overflow),
        offset,
        len,
    };
    overflow.file.write_all_at(bytes, offset)?;
    Ok(piece)
}

/// Copies the first `len` bytes of `from` to `offset` of `to`.
fn copy_range(from: &File, to: &File, offset: u64, len: u64) -> io::Result<()> {
    let mut buffer = vec![0; len.min(PIECE) as usize];
    let mut done = 0;
    while done < len {
        let wanted = (len - done).min(PIECE) as usize;
        let got = from.read_at(&mut buffer[..wanted], done)?;
        if got == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        to.write_all_at(&buffer[..got], offset + done)?;
        done += got as u64;
    }
    Ok(())
}
