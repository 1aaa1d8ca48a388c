//! What was captured of a job's output, wherever it is.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Permit;
use super::compressed::{Compressed, Unpacking};
use super::overflow::Piece;

/// What a job wrote to one of its outputs.
#[derive(Debug, Default)]
pub enum Captured {
    /// Nothing: it was empty, or not captured at all.
    #[default]
    Empty,
    /// The bytes themselves.
    Memory(Vec<u8>),
    /// The bytes themselves, counted against the run's memory budget.
    Budgeted(Vec<u8>, Permit),
    /// A file of its own, from its beginning.
    File {
        /// Its share of the run's budget of open files; dropped first, when it takes a last look at the room there is.
        permit: Option<Permit>,
        /// The open file.
        file: Arc<File>,
        /// How many bytes it holds.
        len: u64,
    },
    /// A piece of the run's overflow file.
    Overflowed(Piece),
    /// Compressed, in a file of its own.
    Compressed(Compressed),
    /// A file with a name, which stays.
    Named {
        /// The open file.
        file: Arc<File>,
        /// How many bytes it holds.
        len: u64,
        /// Where it is.
        path: PathBuf,
    },
}

impl Captured {
    /// How many bytes there are.
    pub fn len(&self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Memory(bytes) | Self::Budgeted(bytes, _) => bytes.len() as u64,
            Self::File { len, .. } | Self::Named { len, .. } => *len,
            Self::Overflowed(piece) => piece.len(),
            Self::Compressed(packed) => packed.len(),
        }
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The bytes, where they are in memory.
    pub fn in_memory(&self) -> Option<&[u8]> {
        match self {
            Self::Empty => Some(&[]),
            Self::Memory(bytes) | Self::Budgeted(bytes, _) => Some(bytes),
            _ => None,
        }
    }

    /// A reader over all of it, from the beginning; may be called again.
    pub fn reader(&self) -> Reader<'_> {
        self.reader_from(0)
    }

    /// A reader over what follows the first `skip` bytes.
    pub fn reader_from(&self, skip: u64) -> Reader<'_> {
        match self {
            Self::Empty => Reader::Memory(&[]),
            Self::Memory(bytes) | Self::Budgeted(bytes, _) => {
                Reader::Memory(&bytes[skip as usize..])
            }
            Self::File { file, len, .. } | Self::Named { file, len, .. } => Reader::File {
                file,
                at: skip,
                end: *len,
            },
            Self::Overflowed(piece) => Reader::File {
                file: piece.file(),
                at: piece.offset() + skip,
                end: piece.offset() + piece.len(),
            },
            Self::Compressed(packed) => Reader::Compressed(packed.reader_from(skip)),
        }
    }

    /// At most `limit` bytes of its beginning.
    ///
    /// # Errors
    ///
    /// When the spool file cannot be read.
    pub fn head(&self, limit: u64) -> io::Result<Vec<u8>> {
        let mut head = Vec::new();
        self.reader().take(limit).read_to_end(&mut head)?;
        Ok(head)
    }

    /// At most `limit` bytes of its end.
    ///
    /// # Errors
    ///
    /// When the spool file cannot be read.
    pub fn tail(&self, limit: u64) -> io::Result<Vec<u8>> {
        let mut tail = Vec::new();
        self.reader_from(self.len().saturating_sub(limit))
            .read_to_end(&mut tail)?;
        Ok(tail)
    }

    /// Where it is, if it is in a file with a name.
    pub fn path(&self) -> Option<&Path> {
        match self {
            Self::Named { path, .. } => Some(path),
            Self::Compressed(packed) => packed.path(),
            _ => None,
        }
    }

    /// The file and its length, where the output has a file of its own.
    pub fn own_file(&self) -> Option<(&File, u64)> {
        match self {
            Self::File { file, len, .. } | Self::Named { file, len, .. } => Some((file, *len)),
            _ => None,
        }
    }
}

/// Reads captured output without moving the file's own position.
#[derive(Debug)]
pub enum Reader<'a> {
    /// What is left of bytes in memory.
    Memory(&'a [u8]),
    /// What is left of compressed output.
    Compressed(Unpacking),
    /// What is left of a range of a file.
    File {
        /// The file.
        file: &'a File,
        /// Where to read next.
        at: u64,
        /// Where to stop.
        end: u64,
    },
}

impl Read for Reader<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Memory(bytes) => bytes.read(buffer),
            Self::Compressed(unpacking) => unpacking.read(buffer),
            Self::File { file, at, end } => {
                let wanted = buffer.len().min((*end - *at) as usize);
                let got = file.read_at(&mut buffer[..wanted], *at)?;
                *at += got as u64;
                Ok(got)
            }
        }
    }
}
