//! How a job gets its input: on its standard input, in a temporary file, or through a FIFO.

pub mod feed;
pub mod file;

use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, OwnedFd};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use crate::model::Stdin;
use crate::sys::wake::Wake;
use crate::sys::{fd, passing};
use crate::template::Quoting;
use feed::Feeding;

/// How jobs get their input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StdinTransport {
    /// On their standard input.
    #[default]
    Pipe,
    /// In a file that `$PARALLEL_TMP` names.
    File,
    /// Through a FIFO that `$PARALLEL_TMP` names.
    Fifo,
}

impl StdinTransport {
    /// What follows a job's command in a shell that has this `quoting`.
    ///
    /// As in GNU parallel 20221122, a command that has its input in a file and just comes to its end is a
    /// success, unless its shell is of another family than sh: only one that ends the shell (`exit 3`, `set -e`,
    /// a signal) can tell that it failed. For those who call fanout by GNU parallel's name alone.
    pub fn epilogue(self, quoting: Quoting) -> &'static [u8] {
        match (self, quoting) {
            (Self::File, Quoting::Posix) => b"\n:",
            _ => b"",
        }
    }
}

/// One attempt's input on its way.
#[derive(Debug, Default)]
pub struct OpenStdin {
    /// What is still to be written.
    pub feeding: Option<Feeding>,
    /// The job's standard input.
    pub reader: Option<OwnedFd>,
    /// The file or FIFO.
    pub named: Option<NamedStdin>,
    /// How many bytes were written beforehand.
    pub sent: u64,
}

impl OpenStdin {
    /// Hands over `stdin`; a file is made in `dir` and written as a whole, unless `stop` rings.
    ///
    /// # Errors
    ///
    /// When a pipe, a file or a FIFO cannot be made or written.
    pub fn begin(stdin: Stdin, how: StdinTransport, dir: &Path, stop: &Wake) -> io::Result<Self> {
        let mut handed = Self::default();
        match how {
            StdinTransport::Pipe => {
                let (feeding, reader) = Feeding::begin(stdin)?;
                (handed.feeding, handed.reader) = (Some(feeding), Some(reader));
            }
            StdinTransport::File => {
                let (named, file) = NamedStdin::make(dir, |path| {
                    let mut options = File::options();
                    options.write(true).create_new(true).mode(0o600).open(path)
                })?;
                let written = feed::write_all(&stdin, &file, stop.as_fd());
                handed.sent = written.map_err(|error| in_file(named.path(), &error))?;
                handed.named = Some(named);
            }
            StdinTransport::Fifo => {
                let (named, ()) = NamedStdin::make(dir, fd::make_fifo)?;
                handed.feeding = Some(Feeding::into_fifo(stdin, named.path())?);
                handed.named = Some(named);
            }
        }
        Ok(handed)
    }
}

/// `error`, which names the file at `path`.
fn in_file(path: &Path, error: &io::Error) -> io::Error {
    passing::in_words(format!("{}: {error}", path.display()), error)
}

/// A name that is gone when dropped.
#[derive(Debug)]
pub struct NamedStdin(PathBuf);

impl NamedStdin {
    /// Finds a free name in `dir` for what `make` makes.
    fn make<T>(dir: &Path, make: impl Fn(&Path) -> io::Result<T>) -> io::Result<(Self, T)> {
        loop {
            let name: String = std::iter::repeat_with(fastrand::alphanumeric)
                .take(8)
                .collect();
            let path = dir.join(format!("par{name}"));
            match make(&path) {
                Ok(it) => return Ok((Self(path), it)),
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(in_file(&path, &error)),
            }
        }
    }

    /// Where the file or FIFO is.
    pub fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for NamedStdin {
    fn drop(&mut self) {
        // The job may have removed it.
        let _ = std::fs::remove_file(&self.0);
    }
}
