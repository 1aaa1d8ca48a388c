//! Feeding a running job: its standard input, written while its worker also waits for other things.
//!
//! The pipe never makes the worker wait: what does not fit is written when `poll(2)` says that there is
//! room. Small blocks are in the pipe before the job starts. Parts of files go from the page cache into the
//! pipe without a copy. A job that wants no more is no error: the rest is dropped.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use crate::flow::block::Block;
use crate::flow::feed_queue::{FeedQueue, Next};
use crate::model::{Body, Stdin};
use crate::sys::child::PollFor;
use crate::sys::fd;
use crate::sys::wake::{self, Wake};

/// The largest pipe that is asked for, in bytes: what the kernel gives to anybody.
const LARGEST_PIPE: usize = 1 << 20;
/// What a pipe holds by itself.
const USUAL_PIPE: usize = 64 << 10;
/// How much is written before the worker looks at its other duties.
const TURN: usize = 8 << 20;
/// How much is read at once from a file that cannot be spliced.
const READ: usize = 64 << 10;

/// Feeds one attempt.
#[derive(Debug)]
pub struct Feeding {
    /// `None` once there is nothing more to be written, or nobody who reads.
    pipe: Option<File>,
    /// Waits for the job to open its FIFO.
    opener: Option<Opener>,
    stdin: Stdin,
    /// How much of the header, and then of the body or of the stream's current block, is written.
    header_at: usize,
    at: u64,
    /// The stream's current block.
    current: Option<Block>,
    starved: bool,
    splices: bool,
    /// Whether the file has become shorter than the part that is to be fed.
    pub is_short: bool,
    /// How many bytes were written.
    pub sent: u64,
}

/// Whether the writing of something is finished.
#[derive(PartialEq, Eq)]
enum Step {
    Done,
    /// The pipe is full, or the turn is over.
    Full,
    Starved,
}

impl Feeding {
    /// A pipe for `stdin`, as much of it written as fits; and the job's end of the pipe.
    ///
    /// # Errors
    ///
    /// When no pipe can be made.
    pub fn begin(stdin: Stdin) -> io::Result<(Self, OwnedFd)> {
        let (reader, writer) = io::pipe()?;
        let wanted = stdin.header.len() + size_hint(&stdin.body);
        if wanted > USUAL_PIPE {
            fd::enlarge_pipe(writer.as_fd(), wanted.min(LARGEST_PIPE));
        }
        let mut feeding = Self::into_pipe(stdin, OwnedFd::from(writer).into())?;
        feeding.pump()?;
        Ok((feeding, reader.into()))
    }

    /// Feeds `stdin` into `pipe`, of which nothing is written yet.
    ///
    /// # Errors
    ///
    /// When writing cannot be made not to wait.
    pub fn into_pipe(stdin: Stdin, pipe: File) -> io::Result<Self> {
        fd::set_nonblocking(pipe.as_fd())?;
        Ok(Self::new(stdin, Some(pipe), None))
    }

    /// Feeds `stdin` into the FIFO at `path` as soon as the job opens it.
    ///
    /// # Errors
    ///
    /// When the FIFO cannot be waited for.
    pub fn into_fifo(stdin: Stdin, path: &Path) -> io::Result<Self> {
        Ok(Self::new(stdin, None, Some(Opener::start(path)?)))
    }

    fn new(stdin: Stdin, pipe: Option<File>, opener: Option<Opener>) -> Self {
        Self {
            pipe,
            opener,
            at: match &stdin.body {
                Body::Part { range, .. } => range.start,
                _ => 0,
            },
            stdin,
            header_at: 0,
            current: None,
            starved: false,
            splices: true,
            is_short: false,
            sent: 0,
        }
    }

    /// What to wait for; `None` when everything is written.
    pub fn watched(&self) -> Option<PollFor<'_>> {
        if let Some(opener) = &self.opener {
            return Some(PollFor::Read(opener.opened.as_fd()));
        }
        let pipe = self.pipe.as_ref()?;
        Some(match &self.stdin.body {
            Body::Stream(stream) if self.starved => PollFor::Read(stream.wake_fd()),
            _ => PollFor::Write(pipe.as_fd()),
        })
    }

    /// Writes what can be written without waiting.
    ///
    /// # Errors
    ///
    /// When a file cannot be read.
    pub fn pump(&mut self) -> io::Result<()> {
        if let Some(opened) = self.opener.as_ref().and_then(Opener::take) {
            self.opener = None;
            let opened = opened?;
            fd::set_nonblocking(opened.as_fd())?;
            self.pipe = Some(opened);
        }
        let Some(pipe) = self.pipe.take() else {
            return Ok(());
        };
        match self.write_to(&pipe) {
            Ok(Step::Done) => self.stop(),
            Ok(step) => {
                self.starved = step == Step::Starved;
                self.pipe = Some(pipe);
            }
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.stop(),
            Err(error) => {
                self.stop();
                return Err(error);
            }
        }
        Ok(())
    }

    /// Writes nothing any more.
    pub fn stop(&mut self) {
        self.pipe = None;
        self.opener = None;
        self.current = None;
        if let Body::Stream(stream) = &self.stdin.body {
            stream.abandon();
        }
    }

    fn write_to(&mut self, pipe: &File) -> io::Result<Step> {
        let header = self.stdin.header.clone();
        while self.header_at < header.len() {
            match write_some(pipe, &header[self.header_at..])? {
                Some(written) => {
                    self.header_at += written;
                    self.sent += written as u64;
                }
                None => return Ok(Step::Full),
            }
        }
        match self.stdin.body.clone() {
            Body::Block(block) => self.write_block(pipe, &block),
            Body::Part { file, range, .. } => self.write_part(pipe, &file, range.end),
            Body::Stream(stream) => self.write_stream(pipe, &stream),
            Body::Nothing => Ok(Step::Done),
        }
    }

    fn write_block(&mut self, pipe: &File, block: &Block) -> io::Result<Step> {
        let bytes = block.bytes();
        while (self.at as usize) < bytes.len() {
            match write_some(pipe, &bytes[self.at as usize..])? {
                Some(written) => self.written(written),
                None => return Ok(Step::Full),
            }
        }
        Ok(Step::Done)
    }

    fn write_part(&mut self, pipe: &File, file: &File, end: u64) -> io::Result<Step> {
        let mut turn = 0;
        while self.at < end {
            if turn >= TURN {
                return Ok(Step::Full);
            }
            let left = usize::try_from(end - self.at).unwrap_or(usize::MAX);
            let moved = if self.splices {
                fd::splice_part(file, self.at, left.min(TURN), pipe.as_fd())
            } else {
                copy_part(file, self.at, left, pipe)
            };
            match moved {
                Ok(0) => {
                    self.is_short = true;
                    break;
                }
                Ok(moved) => {
                    turn += moved;
                    self.written(moved);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(Step::Full),
                Err(error) if error.kind() == io::ErrorKind::InvalidInput && self.splices => {
                    self.splices = false;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(Step::Done)
    }

    fn write_stream(&mut self, pipe: &File, stream: &FeedQueue) -> io::Result<Step> {
        let mut turn = 0;
        loop {
            let block = match self.current.take() {
                Some(block) => block,
                None => match stream.next() {
                    Next::Block(block) => block,
                    Next::Wait => return Ok(Step::Starved),
                    Next::End => return Ok(Step::Done),
                },
            };
            if turn >= TURN || self.write_block(pipe, &block)? == Step::Full {
                self.current = Some(block);
                return Ok(Step::Full);
            }
            turn += block.bytes().len();
            stream.done(block.bytes().len());
            self.at = 0;
        }
    }

    fn written(&mut self, bytes: usize) {
        self.at += bytes as u64;
        self.sent += bytes as u64;
    }
}

impl Drop for Feeding {
    fn drop(&mut self) {
        self.stop();
    }
}

/// A thread that opens a FIFO for writing, which waits until somebody opens it for reading.
#[derive(Debug)]
struct Opener {
    path: PathBuf,
    opened: Arc<Wake>,
    file: Arc<Mutex<Option<io::Result<File>>>>,
    thread: Option<JoinHandle<()>>,
}

impl Opener {
    fn start(path: &Path) -> io::Result<Self> {
        let opened = Arc::new(Wake::new()?);
        let file = Arc::new(Mutex::new(None));
        let (wake, place, fifo) = (Arc::clone(&opened), Arc::clone(&file), path.to_owned());
        let thread = std::thread::Builder::new()
            .name("fifo".into())
            .stack_size(64 << 10)
            .spawn(move || {
                let opened = File::options().write(true).open(fifo);
                *place.lock().unwrap_or_else(PoisonError::into_inner) = Some(opened);
                wake.ring();
            })?;
        Ok(Self {
            path: path.to_owned(),
            opened,
            file,
            thread: Some(thread),
        })
    }

    fn take(&self) -> Option<io::Result<File>> {
        self.file
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take()
    }
}

impl Drop for Opener {
    /// A reader for a moment, in case that there never was one, lets the thread go.
    fn drop(&mut self) {
        let reader = fd::open_for_reading_at_once(&self.path);
        if let (Ok(_reader), Some(thread)) = (&reader, self.thread.take()) {
            // It does nothing that can panic.
            let _ = thread.join();
        }
    }
}

/// How much will come; as much as possible where that is not known.
fn size_hint(body: &Body) -> usize {
    match body {
        Body::Block(block) => block.bytes().len(),
        Body::Part { range, .. } => {
            usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX)
        }
        Body::Stream(_) | Body::Nothing => 0,
    }
}

/// Writes the beginning of `bytes`; `None` when there is no room at all.
fn write_some(mut pipe: &File, bytes: &[u8]) -> io::Result<Option<usize>> {
    loop {
        match pipe.write(bytes) {
            Ok(written) => return Ok(Some(written)),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(None),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// Copies a piece of `file` that begins at `at` and is in a part of `left` bytes.
fn copy_part(file: &File, at: u64, left: usize, pipe: &File) -> io::Result<usize> {
    let mut piece = vec![0; left.min(READ)];
    let got = file.read_at(&mut piece, at)?;
    match write_some(pipe, &piece[..got])? {
        Some(written) => Ok(written),
        None => Err(io::ErrorKind::WouldBlock.into()),
    }
}

/// Writes all of `stdin` into `file`, waiting for it where it is a stream; returns how much it was.
///
/// # Errors
///
/// When something cannot be read or written.
pub fn write_all(stdin: &Stdin, mut file: &File, stop: BorrowedFd) -> io::Result<u64> {
    file.write_all(&stdin.header)?;
    let mut sent = stdin.header.len() as u64;
    match &stdin.body {
        Body::Nothing => {}
        Body::Block(block) => {
            file.write_all(block.bytes())?;
            sent += block.bytes().len() as u64;
        }
        Body::Part {
            file: from, range, ..
        } => {
            let mut at = range.start;
            while at < range.end {
                let left = usize::try_from(range.end - at).unwrap_or(usize::MAX);
                let moved = copy_part(from, at, left, file)?;
                if moved == 0 {
                    let words = "the input file has become shorter meanwhile";
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, words));
                }
                at += moved as u64;
            }
            sent += at - range.start;
        }
        Body::Stream(stream) => loop {
            match stream.next() {
                Next::End => break,
                Next::Block(block) => {
                    file.write_all(block.bytes())?;
                    sent += block.bytes().len() as u64;
                    stream.done(block.bytes().len());
                }
                Next::Wait => {
                    wake::wait_for_either(stream.wake(), stop)?;
                    if wake::is_readable(stop)? {
                        stream.abandon();
                        break;
                    }
                }
            }
        },
    }
    Ok(sent)
}
