//! A buffered file descriptor that reports are written to.

use std::fs::File;
use std::io::{self, ErrorKind, IsTerminal, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::{FileExt as _, FileTypeExt as _};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::whole::{Whole, end_of_line, end_of_line_in};
use super::{Failure, Screen};
use crate::flow::spool::Captured;
use crate::sys::{display, fd};

/// The buffer is written out when it holds this much; larger pieces bypass it.
const FULL: usize = 64 * 1024;

/// A file, pipe or terminal with a buffer of our own.
///
/// Many small pieces become one `write(2)`; spooled files go from descriptor to descriptor inside
/// the kernel. Nothing is flushed behind the sink's back, neither at newlines nor on drop. When
/// a write fails, a file is cut back to its last whole line or record.
#[derive(Debug)]
pub struct Out {
    file: File,
    target: Target,
    buffer: Vec<u8>,
    whole: Whole,
    terminal: bool,
    /// Set when the file is a terminal that also shows progress.
    screen: Option<Screen>,
    /// Whether the last line in the file has no end yet.
    open_line: Arc<AtomicBool>,
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
        Self {
            file,
            target,
            buffer: Vec::new(),
            whole: Whole::default(),
            terminal,
            screen: None,
            open_line: Arc::default(),
        }
    }

    /// Shares the terminal with the display of `screen`, if it is that terminal.
    #[must_use]
    pub fn on(mut self, screen: &Screen) -> Self {
        let is_there = self.terminal && display::is_there(&self.file);
        self.screen = is_there.then(|| screen.clone());
        self.open_line = screen.open_line(&self.file);
        self
    }

    /// With records that end only where [`mark`](Self::mark) says so, for they may hold newlines.
    #[must_use]
    pub fn by_records(mut self) -> Self {
        self.whole = Whole::by_marks();
        self
    }

    /// What was written up to here is whole, whether it ends with a newline or not.
    pub fn mark(&mut self) {
        self.whole.mark(self.buffer.len());
    }

    /// The same file once more, if it is one: nobody who reads it can make writers wait.
    pub fn same_file(&self) -> Option<File> {
        let is_file = self.file.metadata().is_ok_and(|it| it.is_file());
        is_file.then(|| self.file.try_clone().ok()).flatten()
    }

    /// Whether what is written may find no room: a pipe or a socket only ever makes writers wait.
    pub fn may_be_full(&self) -> bool {
        let kind = self.file.metadata().map(|it| it.file_type());
        kind.is_ok_and(|kind| !kind.is_fifo() && !kind.is_socket())
    }

    /// Where what is written next will stand among all that was written here, in bytes.
    pub fn position(&self) -> u64 {
        self.written() + self.buffer.len() as u64
    }

    /// How many bytes have left the buffer; after an error, without those that were cut off again.
    pub fn written(&self) -> u64 {
        self.whole.written()
    }

    /// Whether it is a terminal.
    pub fn is_terminal(&self) -> bool {
        self.terminal
    }

    /// The same file for whoever else may write to it now and then; `None` if it is a terminal, which may have to
    /// make way for others, or a socket, which makes writers wait where they cannot be told to stop.
    pub fn beside(&self) -> Option<File> {
        let kind = self.file.metadata().ok()?.file_type();
        let fit = !self.terminal && !kind.is_socket();
        fit.then(|| self.file.try_clone().ok()).flatten()
    }

    /// Somebody writes by himself to the file that is [`beside`](Self::beside), from here to the next mark.
    pub fn share(&mut self) {
        self.whole.share(&self.file);
    }

    /// Whether nothing waits to be flushed.
    pub fn is_empty(&self) -> bool {
        self.buffer.is_empty()
    }

    /// The buffer, to append to; call [`relieve`](Self::relieve) afterwards.
    pub fn buffer(&mut self) -> &mut Vec<u8> {
        &mut self.buffer
    }

    /// Begins a new line if what was written before, here or by others who write to the same file, has not ended its
    /// last one.
    pub fn begin_line(&mut self) -> Result<(), Failure> {
        self.flush()?;
        if self.open_line.load(Ordering::Relaxed) {
            self.write(b"\n")?;
        }
        Ok(())
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

    /// Writes all of `captured`; a file of its own goes from descriptor to descriptor in the kernel.
    pub fn copy(&mut self, captured: &Captured) -> Result<(), Failure> {
        if let Some(bytes) = captured.in_memory() {
            return self.write(bytes);
        }
        let mut sent = 0;
        if let (Some((file, len)), false) = (captured.own_file(), self.terminal) {
            self.flush()?;
            let (moved, end) = fd::send(file, len, &self.file);
            sent = moved;
            // Only after an error does it matter where in there a line ends.
            let line = end
                .as_ref()
                .err()
                .and_then(|_| end_of_line_in(file, moved).ok());
            self.whole.advance(moved, line.flatten());
            self.note_end(moved, |byte| file.read_exact_at(byte, moved - 1).is_ok());
            end.map_err(|error| self.torn(error))?;
        }
        for_each_piece(captured, sent, |piece| self.write(piece))
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

    /// Remembers whether the last of so many bytes, which `read` reads, ends a line.
    fn note_end(&self, count: u64, read: impl FnOnce(&mut [u8]) -> bool) {
        let mut last = [b'\n'];
        if count > 0 && read(&mut last) {
            self.open_line.store(last != *b"\n", Ordering::Relaxed);
        }
    }

    fn write_through(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        let mut count = 0;
        let written = match &self.screen {
            None => write_all(&self.file, bytes, &mut count),
            // Nothing can be cut off a terminal.
            Some(screen) => screen.make_way(bytes, |bytes| write_all(&self.file, bytes, &mut 0)),
        };
        if let Some(last) = bytes.last() {
            self.open_line.store(*last != b'\n', Ordering::Relaxed);
        }
        let line = end_of_line(&bytes[..count]);
        self.whole.advance(count as u64, line);
        written.map_err(|error| self.torn(error))
    }

    /// What an error means that may have cut a record in two.
    fn torn(&mut self, error: io::Error) -> Failure {
        // What cannot be cut off stays: there is an error already.
        let _ = self.whole.cut(&self.file);
        self.failure(error)
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

/// Hands `captured` but for its first `skip` bytes to `take`, a buffer at a time.
pub fn for_each_piece(
    captured: &Captured,
    skip: u64,
    mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<(), Failure> {
    let spool = |error| Failure::new("the spooled output of a job", error);
    let mut reader = captured.reader_from(skip);
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

/// Writes all of `bytes`; `written` is how many it has been, also after an error.
fn write_all(mut file: &File, bytes: &[u8], written: &mut usize) -> io::Result<()> {
    while *written < bytes.len() {
        match file.write(&bytes[*written..]) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(count) => *written += count,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) if error.kind() == ErrorKind::WouldBlock => fd::wait_writable(file)?,
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::testing::{out, spooled, written};
    use std::os::fd::OwnedFd;
    use std::thread;

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
            out.flush().unwrap();
        }
        assert_eq!(written(path.reopen().unwrap()), text.repeat(2));

        let (mut reader, writer) = io::pipe().unwrap();
        let copied = thread::spawn(move || {
            let mut out = Out::as_stdout(File::from(OwnedFd::from(writer)));
            out.copy(&spooled(&b"spool\n".repeat(50_000)))?;
            out.flush()
        });
        let mut read = Vec::new();
        reader.read_to_end(&mut read).unwrap();
        copied.join().unwrap().unwrap();
        assert_eq!(read, text);
    }
}
