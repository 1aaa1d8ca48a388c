//! Captured output: in memory while it is small, in unlinked files when it is not.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

/// What a job wrote to one of its outputs.
#[derive(Debug, Default)]
pub enum Captured {
    /// Nothing: it was empty, or not captured at all.
    #[default]
    Empty,
    /// The bytes themselves.
    Memory(Vec<u8>),
    /// An unlinked file of this many bytes, from its beginning.
    File {
        /// The open file.
        file: File,
        /// How many bytes it holds.
        len: u64,
    },
}

impl Captured {
    /// How many bytes there are.
    pub fn len(&self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Memory(bytes) => bytes.len() as u64,
            Self::File { len, .. } => *len,
        }
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// A reader over all of it, from the beginning; may be called again.
    ///
    /// # Errors
    ///
    /// When the spool file cannot be read.
    pub fn reader(&self) -> io::Result<Box<dyn Read + '_>> {
        Ok(match self {
            Self::Empty => Box::new(io::empty()),
            Self::Memory(bytes) => Box::new(&bytes[..]),
            Self::File { file, len } => {
                let mut file = file;
                file.seek(SeekFrom::Start(0))?;
                Box::new(file.take(*len))
            }
        })
    }

    /// Writes all of it to `out`.
    ///
    /// # Errors
    ///
    /// Those of reading the spool and of writing to `out`.
    pub fn copy_to(&self, out: &mut impl Write) -> io::Result<()> {
        match self {
            Self::Memory(bytes) => out.write_all(bytes),
            _ => io::copy(&mut self.reader()?, out).map(drop),
        }
    }

    /// At most `limit` bytes of its beginning.
    ///
    /// # Errors
    ///
    /// When the spool file cannot be read.
    pub fn head(&self, limit: u64) -> io::Result<Vec<u8>> {
        let mut head = Vec::new();
        self.reader()?.take(limit).read_to_end(&mut head)?;
        Ok(head)
    }

    /// At most `limit` bytes of its end.
    ///
    /// # Errors
    ///
    /// When the spool file cannot be read.
    pub fn tail(&self, limit: u64) -> io::Result<Vec<u8>> {
        let skip = self.len().saturating_sub(limit);
        let mut tail = Vec::new();
        match self {
            Self::Empty => {}
            Self::Memory(bytes) => tail.extend_from_slice(&bytes[skip as usize..]),
            Self::File { file, len } => {
                let mut file = file;
                file.seek(SeekFrom::Start(skip))?;
                file.take(len - skip).read_to_end(&mut tail)?;
            }
        }
        Ok(tail)
    }
}
