//! Captured output: in memory while it is small, in unlinked files when it is not.
//!
//! A job writes straight into a [`Spool`], an unlinked file that its worker owns. When the job is
//! over, [`Spool::take`] hands the content on as [`Captured`] and the file is used for the next job:
//!
//! * up to [`SMALL`] bytes are read into memory, as long as the run's memory budget lasts;
//! * more than that, and the file itself is handed over, as long as few files are open;
//! * otherwise the bytes move to the end of one overflow file that the whole run shares, whose space
//!   is given back piece by piece as the pieces are dropped.
#![allow(unsafe_code)]

use std::ffi::{CString, OsStr};
use std::fs::File;
use std::io::{self, Read};
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

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
        })
    }

    /// The directory.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Moves `len` bytes of `from` to the end of the overflow file.
    fn overflow(&self, from: &File, len: u64) -> io::Result<Captured> {
        let mut shared = self.overflow.lock().unwrap_or_else(PoisonError::into_inner);
        let file = match &*shared {
            Some(file) => Arc::clone(file),
            None => Arc::clone(shared.insert(Arc::new(Overflow::new(&self.path)?))),
        };
        drop(shared);
        let offset = file.end.fetch_add(len, Ordering::Relaxed);
        copy_range(from, &file.file, offset, len)?;
        Ok(Captured::Overflowed(Piece { file, offset, len }))
    }
}

/// A file that a job writes one of its outputs into.
#[derive(Debug)]
pub struct Spool {
    dir: Arc<SpoolDir>,
    file: File,
}

impl Spool {
    /// A new, empty spool file.
    ///
    /// # Errors
    ///
    /// When no file can be made in the spool directory.
    pub fn new(dir: &Arc<SpoolDir>) -> io::Result<Self> {
        Ok(Self {
            dir: Arc::clone(dir),
            file: unlinked_file(&dir.path)?,
        })
    }

    /// The file, for a job to write to. It appends.
    pub fn file(&self) -> &File {
        &self.file
    }

    /// Takes what has been written, leaving the spool empty. With `shared`, somebody may still hold the
    /// file open, and it is given up for a new one.
    ///
    /// # Errors
    ///
    /// When the file cannot be read or replaced.
    pub fn take(&mut self, shared: bool) -> io::Result<Captured> {
        let len = self.file.metadata()?.len();
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
        let permit = if len > SMALL {
            Budget::acquire(&self.dir, |dir| &dir.files, 1)
        } else {
            None
        };
        if let Some(permit) = permit {
            let fresh = unlinked_file(&self.dir.path)?;
            let file = std::mem::replace(&mut self.file, fresh);
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

    fn reset(&mut self, shared: bool) -> io::Result<()> {
        if shared {
            self.file = unlinked_file(&self.dir.path)?;
            Ok(())
        } else {
            self.file.set_len(0)
        }
    }
}

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
        /// The open file.
        file: File,
        /// How many bytes it holds.
        len: u64,
        /// Its share of the run's budget of open files.
        permit: Option<Permit>,
    },
    /// A piece of the run's overflow file.
    Overflowed(Piece),
}

impl Captured {
    /// How many bytes there are.
    pub fn len(&self) -> u64 {
        match self {
            Self::Empty => 0,
            Self::Memory(bytes) | Self::Budgeted(bytes, _) => bytes.len() as u64,
            Self::File { len, .. } | Self::Overflowed(Piece { len, .. }) => *len,
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
            Self::File { .. } | Self::Overflowed(_) => None,
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
            Self::File { file, len, .. } => Reader::File {
                file,
                at: skip,
                end: *len,
            },
            Self::Overflowed(piece) => Reader::File {
                file: &piece.file.file,
                at: piece.offset + skip,
                end: piece.offset + piece.len,
            },
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

    /// The file and its length, where the output has a file of its own.
    pub fn own_file(&self) -> Option<(&File, u64)> {
        match self {
            Self::File { file, len, .. } => Some((file, *len)),
            _ => None,
        }
    }
}

/// Reads captured output without moving the file's own position.
#[derive(Debug)]
pub enum Reader<'a> {
    /// What is left of bytes in memory.
    Memory(&'a [u8]),
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
            Self::File { file, at, end } => {
                let wanted = buffer.len().min((*end - *at) as usize);
                let got = file.read_at(&mut buffer[..wanted], *at)?;
                *at += got as u64;
                Ok(got)
            }
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
        })
    }
}

/// A share of a budget; it gives itself back when dropped.
#[derive(Debug)]
pub struct Permit {
    dir: Arc<SpoolDir>,
    which: fn(&SpoolDir) -> &Budget,
    amount: u64,
}

impl Drop for Permit {
    fn drop(&mut self) {
        (self.which)(&self.dir)
            .0
            .fetch_add(self.amount, Ordering::Relaxed);
    }
}

/// The run's shared overflow file.
#[derive(Debug)]
struct Overflow {
    file: File,
    end: AtomicU64,
}

impl Overflow {
    fn new(dir: &Path) -> io::Result<Self> {
        // Copies inside the kernel (copy_file_range) refuse a file that appends.
        let file = open_unlinked(dir, 0)?;
        Ok(Self {
            file,
            end: AtomicU64::new(0),
        })
    }
}

/// A piece of the overflow file; its space is given back when it is dropped.
#[derive(Debug)]
pub struct Piece {
    file: Arc<Overflow>,
    offset: u64,
    len: u64,
}

impl Drop for Piece {
    fn drop(&mut self) {
        let mode = libc::FALLOC_FL_PUNCH_HOLE | libc::FALLOC_FL_KEEP_SIZE;
        // SAFETY: no pointers. A file system that cannot do it keeps the space until the end of the run.
        unsafe {
            libc::fallocate(
                self.file.file.as_raw_fd(),
                mode,
                self.offset.cast_signed(),
                self.len.cast_signed(),
            )
        };
    }
}

/// A new file without a name in directory `dir`, which nobody else can open and which is gone with the
/// process, however that ends. It appends.
///
/// # Errors
///
/// When `dir` does not exist or is not writable.
pub fn unlinked_file(dir: &Path) -> io::Result<File> {
    open_unlinked(dir, libc::O_APPEND)
}

fn open_unlinked(dir: &Path, flags: i32) -> io::Result<File> {
    let flags = flags | libc::O_RDWR | libc::O_CLOEXEC;
    match open(dir.as_os_str(), libc::O_TMPFILE | flags) {
        // A file system without O_TMPFILE: EOPNOTSUPP; a kernel without it: EISDIR.
        Err(error) if matches!(error.raw_os_error(), Some(libc::EOPNOTSUPP | libc::EISDIR)) => {
            open_and_unlink(dir, flags)
        }
        result => result,
    }
}

fn open_and_unlink(dir: &Path, flags: i32) -> io::Result<File> {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    loop {
        let number = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = dir.join(format!("fanout-{}-{number}", std::process::id()));
        match open(path.as_os_str(), libc::O_CREAT | libc::O_EXCL | flags) {
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
            Err(error) => return Err(error),
            Ok(file) => {
                std::fs::remove_file(&path)?;
                return Ok(file);
            }
        }
    }
}

fn open(path: &OsStr, flags: i32) -> io::Result<File> {
    let path = CString::new(path.as_bytes())?;
    // SAFETY: a live C string; mode is given as O_CREAT and O_TMPFILE want it.
    let fd = unsafe { libc::open(path.as_ptr(), flags, 0o600) };
    if fd < 0 {
        return Err(io::Error::last_os_error());
    }
    // SAFETY: just opened, owned by nobody else.
    Ok(unsafe { File::from_raw_fd(fd) })
}

/// Copies the first `len` bytes of `from` to `offset` of `to`.
fn copy_range(from: &File, to: &File, offset: u64, len: u64) -> io::Result<()> {
    let mut reader = Reader::File {
        file: from,
        at: 0,
        end: len,
    };
    let mut buffer = vec![0; len.min(SMALL) as usize];
    let mut at = offset;
    loop {
        match reader.read(&mut buffer)? {
            0 => return Ok(()),
            got => to.write_all_at(&buffer[..got], at)?,
        }
        at = offset + reader.position();
    }
}

impl Reader<'_> {
    /// How far it has read into the file's range; meaningful for ranges that begin at 0.
    fn position(&self) -> u64 {
        match self {
            Self::Memory(_) => 0,
            Self::File { at, .. } => *at,
        }
    }
}

/// Sends the first `len` bytes of `from` to `out` with `sendfile(2)`; returns how many it has sent when
/// there is no more or `out` is of a kind that does not take them this way.
///
/// A pipe may then refer to the file's own pages until they are read at its other end: the file must
/// not be written to any more.
///
/// # Errors
///
/// Those of reading and writing.
pub fn send(from: &File, len: u64, out: &File) -> io::Result<u64> {
    let mut at = 0;
    while at < len.cast_signed() {
        let left = (len.cast_signed() - at) as usize;
        // SAFETY: two open descriptors and a live offset.
        let sent = unsafe { libc::sendfile(out.as_raw_fd(), from.as_raw_fd(), &raw mut at, left) };
        if sent > 0 {
            continue;
        }
        let error = io::Error::last_os_error();
        match error.raw_os_error() {
            _ if sent == 0 => break,
            Some(libc::EINTR) => {}
            Some(libc::EINVAL | libc::ENOSYS) => break,
            Some(libc::EAGAIN) => wait_writable(out)?,
            _ => return Err(error),
        }
    }
    Ok(at.cast_unsigned())
}

/// Waits until `out`, which somebody made non-blocking, takes more.
///
/// # Errors
///
/// What `poll(2)` says but for interruptions.
pub fn wait_writable(out: &File) -> io::Result<()> {
    let mut polled = libc::pollfd {
        fd: out.as_raw_fd(),
        events: libc::POLLOUT,
        revents: 0,
    };
    // SAFETY: one live pollfd.
    if unsafe { libc::poll(&raw mut polled, 1, -1) } < 0 {
        let error = io::Error::last_os_error();
        if error.kind() != io::ErrorKind::Interrupted {
            return Err(error);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn spool(memory: u64, files: u64) -> Spool {
        let dir = SpoolDir::new(std::env::temp_dir(), Limits { memory, files });
        Spool::new(&dir).unwrap()
    }

    fn filled(spool: &mut Spool, bytes: &[u8]) -> Captured {
        spool.file().write_all(bytes).unwrap();
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
