//! Standard input, files, and what decompresses them.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read, Seek as _, SeekFrom, Write as _};
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};

use std::sync::Arc;
use std::time::Instant;

use crate::sys::decompress::{Decompressor, decompressed};
use crate::sys::{closed, fd, wake};

/// What standard input is called.
const STANDARD_INPUT: &str = "standard input";

/// Bytes, one input after the other.
#[derive(Debug)]
pub struct Source {
    inputs: std::collections::VecDeque<Input>,
}

/// One file or stream.
#[derive(Debug)]
pub struct Input {
    file: Arc<File>,
    /// Whether it can be read at any place, and is no pipe.
    regular: bool,
    /// As the user gave it; `None` for standard input and copies.
    name: Option<Arc<Path>>,
    /// What writes into it.
    decompressor: Option<Decompressor>,
}

impl Source {
    /// Opens `files`, or standard input if there are none.
    ///
    /// # Errors
    ///
    /// When one is not there or cannot be read: names it.
    pub fn open(files: &[PathBuf]) -> Result<Self, String> {
        let inputs = if files.is_empty() {
            let stdin = closed::check_stdin()
                .and_then(|()| io::stdin().as_fd().try_clone_to_owned())
                .map(File::from);
            let file = stdin.map_err(|error| format!("cannot read standard input: {error}"))?;
            let regular = file.metadata().is_ok_and(|meta| meta.is_file());
            [Input {
                file: Arc::new(file),
                regular,
                name: None,
                decompressor: None,
            }]
            .into()
        } else {
            files
                .iter()
                .map(|path| Input::open(path))
                .collect::<Result<_, _>>()?
        };
        Ok(Self { inputs })
    }

    /// The inputs, in order.
    pub fn into_inputs(self) -> impl Iterator<Item = Input> {
        self.inputs.into_iter()
    }

    /// Whether all of them can be read at any place.
    pub fn all_regular(&self) -> bool {
        self.inputs.iter().all(|input| input.regular)
    }

    /// The only input and where it stands, if it can be read at any place.
    pub fn regular(&self) -> Option<(Arc<File>, u64)> {
        match self.inputs.front() {
            Some(input) if input.regular && self.inputs.len() == 1 => {
                let at = input.position().ok()?;
                Some((Arc::clone(&input.file), at))
            }
            _ => None,
        }
    }

    /// Copies everything into an unlinked file, unless it is one regular file; returns the size.
    ///
    /// # Errors
    ///
    /// When it cannot be read or the copy cannot be written.
    pub fn make_regular(&mut self) -> Result<u64, String> {
        if self.regular().is_none() {
            let mut file =
                tempfile_in_tmpdir().map_err(|error| format!("cannot keep the input: {error}"))?;
            let mut piece = vec![0; 1 << 20];
            loop {
                let got = self.read(&mut piece)?;
                if got == 0 {
                    break;
                }
                file.write_all(&piece[..got])
                    .map_err(|error| format!("cannot keep the input: {error}"))?;
            }
            file.rewind()
                .map_err(|error| format!("cannot keep the input: {error}"))?;
            self.inputs = [Input {
                file: Arc::new(file),
                regular: true,
                name: None,
                decompressor: None,
            }]
            .into();
        }
        let input = self.inputs.front().ok_or("there is no input")?;
        let size = input.file.metadata().map(|meta| meta.len());
        let left = size.and_then(|size| Ok(size.saturating_sub(input.position()?)));
        left.map_err(|error| input.cannot_read(&error))
    }

    /// The name of the file that is read now.
    pub fn name(&self) -> Option<&Arc<Path>> {
        self.inputs.front().and_then(Input::name)
    }

    /// What the user calls what is read now.
    pub fn shown(&self) -> String {
        self.inputs
            .front()
            .map_or_else(|| STANDARD_INPUT.to_owned(), Input::shown)
    }

    /// No input at all.
    pub fn empty() -> Self {
        Self { inputs: [].into() }
    }

    /// Appends up to `most` bytes to `buffer`; returns how many: 0 at the end.
    ///
    /// # Errors
    ///
    /// When reading fails: names the file.
    pub fn read_to(&mut self, buffer: &mut Vec<u8>, most: usize) -> Result<usize, String> {
        while let Some(input) = self.inputs.front_mut() {
            // Into the buffer's own room: nothing is written twice.
            let got = fd::read_into(&input.file, buffer, most);
            match got {
                Ok(0) => {
                    input.finish()?;
                    self.inputs.pop_front();
                }
                Ok(got) => return Ok(got),
                Err(error) => return Err(input.cannot_read(&error)),
            }
        }
        Ok(0)
    }

    /// Reads some bytes into `piece`; 0 at the end of the last input.
    ///
    /// # Errors
    ///
    /// When that fails: names the file.
    pub fn read(&mut self, piece: &mut [u8]) -> Result<usize, String> {
        while let Some(input) = self.inputs.front_mut() {
            match (&*input.file).read(piece) {
                Ok(0) => {
                    input.finish()?;
                    self.inputs.pop_front();
                }
                Ok(got) => return Ok(got),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(input.cannot_read(&error)),
            }
        }
        Ok(0)
    }

    /// Drops the first line of each of the first `inputs`.
    ///
    /// # Errors
    ///
    /// When one cannot be read: names it.
    pub fn skip_first_lines(&mut self, inputs: usize) -> Result<(), String> {
        for input in self.inputs.iter().take(inputs) {
            input
                .skip_line()
                .map_err(|error| input.cannot_read(&error))?;
        }
        Ok(())
    }

    /// Whether there is something to read, or the end, before `deadline`.
    ///
    /// # Errors
    ///
    /// When the kernel cannot tell.
    pub fn ready_before(&self, deadline: Instant) -> Result<bool, String> {
        let Some(input) = self.inputs.front() else {
            return Ok(true);
        };
        let left = deadline.saturating_duration_since(Instant::now());
        wake::is_readable_within(input.file.as_fd(), left)
            .map_err(|error| input.cannot_read(&error))
    }
}

impl Input {
    fn open(path: &Path) -> Result<Self, String> {
        let shown = path.display();
        let file = File::open(path).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => format!("File not found: {shown}"),
            _ => format!("cannot read {shown}: {error}"),
        })?;
        let meta = file
            .metadata()
            .map_err(|error| format!("cannot read {shown}: {error}"))?;
        let kind = meta.file_type();
        if !kind.is_file() && !kind.is_block_device() && !kind.is_fifo() {
            return Err(format!("{shown} is neither a file nor a block device"));
        }
        let (file, decompressor) =
            decompressed(path, file).map_err(|error| format!("cannot read {shown}: {error}"))?;
        Ok(Self {
            file: Arc::new(file),
            regular: decompressor.is_none() && (kind.is_file() || kind.is_block_device()),
            name: Some(Arc::from(path)),
            decompressor,
        })
    }

    /// What the user calls it, unless it is standard input.
    pub fn name(&self) -> Option<&Arc<Path>> {
        self.name.as_ref()
    }

    /// The file, and whether it can be read at any place.
    pub fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Reads up to the end of the line and no further.
    fn skip_line(&self) -> io::Result<()> {
        if self.regular {
            let begin = self.position()?;
            let line = BufReader::new(&*self.file).skip_until(b'\n')?;
            (&*self.file).seek(SeekFrom::Start(begin + line as u64))?;
            return Ok(());
        }
        // There is no way back in a pipe.
        let mut byte = [0];
        loop {
            match (&*self.file).read(&mut byte) {
                Ok(1) if byte != *b"\n" => {}
                Ok(_) => return Ok(()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    /// Where reading goes on.
    ///
    /// # Errors
    ///
    /// When it is a pipe.
    pub fn position(&self) -> io::Result<u64> {
        (&*self.file).stream_position()
    }

    /// What is said when reading fails.
    pub fn cannot_read(&self, error: &io::Error) -> String {
        format!("cannot read {}: {error}", self.shown())
    }

    /// What the user calls it.
    pub fn shown(&self) -> String {
        self.name.as_ref().map_or_else(
            || STANDARD_INPUT.to_owned(),
            |name| name.display().to_string(),
        )
    }

    fn finish(&mut self) -> Result<(), String> {
        let finished = self
            .decompressor
            .take()
            .map_or(Ok(()), Decompressor::finish);
        finished.map_err(|error| self.cannot_read(&error))
    }
}

/// The end of a file that stands for a stream was reached: whoever shares it goes on from there.
pub fn consumed(file: &File, at: u64) {
    // Where it cannot be done, nobody can tell the difference.
    let mut file = file;
    let _ = file.seek(SeekFrom::Start(at));
}

fn tempfile_in_tmpdir() -> io::Result<File> {
    crate::flow::spool::unlinked_file(&crate::sys::temp::dir())
}
