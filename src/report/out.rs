//! A buffered file descriptor that reports are written to.

use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, IsTerminal, Read, Seek, SeekFrom, Write};
use std::os::fd::AsFd;
use std::thread;
use std::time::Duration;

use super::{Failure, Screen};
use crate::sys::spool::Captured;

/// The buffer is written out when it holds this much; larger pieces bypass it.
const FULL: usize = 64 * 1024;

/// A file, pipe or terminal with a buffer of our own.
///
/// Many small pieces become one `write(2)`; large ones are not copied again. Nothing is flushed behind the sink's back, neither at newlines nor on drop.
#[derive(Debug)]
pub struct Out {
    file: File,
    target: Target,
    buffer: Vec<u8>,
    terminal: bool,
    regular: bool,
    /// Set when the file is a terminal that also shows progress.
    screen: Option<Screen>,
}

/// What the file is, for error messages and for telling a closed stdout from a broken file.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Target {
    Stdout,
    Stderr,
    Other(String),
}

impl Out {
    /// The process's standard output.
    ///
    /// # Errors
    ///
    /// When it is not open.
    pub fn stdout() -> io::Result<Self> {
        Ok(Self::as_stdout(
            io::stdout().as_fd().try_clone_to_owned()?.into(),
        ))
    }

    /// The process's standard error.
    ///
    /// # Errors
    ///
    /// When it is not open.
    pub fn stderr() -> io::Result<Self> {
        Ok(Self::new(
            io::stderr().as_fd().try_clone_to_owned()?.into(),
            Target::Stderr,
        ))
    }

    /// A file in the place of standard output: closed means [`Failure::StdoutClosed`].
    pub fn as_stdout(file: File) -> Self {
        Self::new(file, Target::Stdout)
    }

    /// Any other file; error messages call it `name`, such as `--joblog run.log`.
    pub fn file(file: File, name: impl Into<String>) -> Self {
        Self::new(file, Target::Other(name.into()))
    }

    fn new(file: File, target: Target) -> Self {
        let terminal = file.is_terminal();
        let regular = file.metadata().is_ok_and(|metadata| metadata.is_file());
        Self {
            file,
            target,
            buffer: Vec::new(),
            terminal,
            regular,
            screen: None,
        }
    }

    /// Shares the terminal with the progress display of `screen`, if it is a terminal at all.
    #[must_use]
    pub fn on(mut self, screen: &Screen) -> Self {
        self.screen = self.terminal.then(|| screen.clone());
        self
    }

    /// Whether it is a terminal.
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// Whether nothing waits to be flushed.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// The buffer, to append to; call [`relieve`](Self::relieve) afterwards.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Flushes the buffer if it has grown large.
    pub fn relieve(&mut self) -> Result<(), Failure> {
        if self.buffer.len() >= FULL {
            self.flush()
        } else {
            Ok(())
        }
    }

    /// Writes `bytes`, small ones into the buffer.
    pub fn write(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        if bytes.len() >= FULL {
            self.flush()?;
            return self.write_through(bytes);
        }
        self.buffer.extend_from_slice(bytes);
        self.relieve()
    }

    /// Writes all of `captured`.
    pub fn copy(&mut self, captured: &Captured) -> Result<(), Failure> {
        match captured {
            Captured::Empty => Ok(()),
            Captured::Memory(bytes) => self.write(bytes),
            Captured::File { file, len } if self.regular => {
                self.flush()?;
                self.copy_file(file, *len)
                    .map_err(|error| self.failure(error))
            }
            Captured::File { .. } => {
                self.flush()?;
                for_each_piece(captured, |piece| self.write_through(piece))
            }
        }
    }

    /// From file to file, which the kernel does by itself (`copy_file_range(2)`) where the file system
    /// can and ours is not opened for appending; if not, through the buffer of the `BufWriter`.
    ///
    /// Pipes are written to: spliced, they would refer to the spool's own pages until these are read.
    fn copy_file(&self, mut spool: &File, len: u64) -> io::Result<()> {
        spool.seek(SeekFrom::Start(0))?;
        let mut out = BufWriter::with_capacity(FULL, &self.file);
        io::copy(&mut spool.take(len), &mut out)?;
        out.flush()
    }

    /// Writes out what is in the buffer, in as few `write(2)`s as possible.
    pub fn flush(&mut self) -> Result<(), Failure> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let mut buffer = std::mem::take(&mut self.buffer);
        let written = self.write_through(&buffer);
        buffer.clear();
        self.buffer = buffer;
        written
    }

    fn write_through(&self, bytes: &[u8]) -> Result<(), Failure> {
        let written = match &self.screen {
            None => write_all(&self.file, bytes),
            Some(screen) => screen.make_way(bytes, |bytes| write_all(&self.file, bytes)),
        };
        written.map_err(|error| self.failure(error))
    }

    /// What an error of this file means for the run.
    fn failure(&self, error: io::Error) -> Failure {
        match &self.target {
            Target::Stdout if error.kind() == ErrorKind::BrokenPipe => Failure::StdoutClosed,
            Target::Stdout => Failure::new("standard output", error),
            Target::Stderr => Failure::new("standard error", error),
            Target::Other(name) => Failure::new(name, error),
        }
    }
}

/// Hands `captured` to `take`, a buffer at a time.
pub fn for_each_piece(
    captured: &Captured,
    mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let spool = |error| Failure::new("the spooled output of a job", error);
    if let Captured::Memory(bytes) = captured {
        return take(bytes);
    }
    let mut reader = captured.reader().map_err(spool)?;
    let mut piece = vec![0; FULL];
    loop {
        match reader.read(&mut piece) {
            Ok(0) => return Ok(()),
            Ok(count) => take(&piece[..count])?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(spool(error)),
        }
    }
}

fn write_all(mut file: &File, mut bytes: &[u8]) -> io::Result<()> {
    while !bytes.is_empty() {
        match file.write(bytes) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => bytes = &bytes[count..],
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => wait_for_room(),
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// Some other process made the shared descriptor non-blocking (ssh and node do): wait a little. It is
/// rare, and only while the reader is slower than we are.
fn wait_for_room() {
    thread::sleep(Duration::from_millis(2));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{out, spooled, written};
    use std::os::fd::OwnedFd;

    #[test]
    fn small_pieces_wait_and_large_ones_keep_their_place() {
        let (mut out, file) = out();
        out.write(b"small ").unwrap();
        assert_eq!(file.metadata().unwrap().len(), 0);
        let large = b"x".repeat(FULL);
        out.write(&large).unwrap();
        out.copy(&spooled(b" spooled")).unwrap();
        out.write(b" end").unwrap();
        out.flush().unwrap();
        assert_eq!(
            written(file),
            [&b"small "[..], &large, b" spooled", b" end"].concat()
        );
    }

    #[test]
    fn a_spool_goes_wherever_it_should() {
        let text = b"spool\n".repeat(50_000);
        let path = tempfile::NamedTempFile::new().unwrap();
        let appending = File::options().append(true).open(path.path()).unwrap();
        for _ in 0..2 {
            let mut out = Out::file(appending.try_clone().unwrap(), "a test");
            out.copy(&spooled(&text)).unwrap();
        }
        assert_eq!(written(path.reopen().unwrap()), text.repeat(2));

        let (mut reader, writer) = io::pipe().unwrap();
        let copied = thread::spawn(move || {
            let mut out = Out::as_stdout(File::from(OwnedFd::from(writer)));
            out.copy(&spooled(&b"spool\n".repeat(50_000)))
        });
        let mut read = Vec::new();
        reader.read_to_end(&mut read).unwrap();
        copied.join().unwrap().unwrap();
        assert_eq!(read, text);
    }
}
