//! Output that is compressed while it is kept (`--compress`).

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Stdio};
use std::sync::Arc;

use super::{Captured, SMALL, SpoolDir, unlinked_file};
use crate::sys::fd;
use crate::sys::helper::{Helper, Kind, in_shell};

/// The commands that compress and decompress.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Codec {
    /// The shell that runs them.
    pub shell: PathBuf,
    /// Compresses its standard input.
    pub compress: OsString,
    /// Decompresses its standard input.
    pub decompress: OsString,
}

/// Where compressed output goes.
#[derive(Debug)]
enum Place {
    /// Into a file without a name, once it is too long for memory.
    Spool(Arc<SpoolDir>),
    /// Into this file, which stays.
    Named(File, PathBuf),
}

/// Takes output and compresses what is too much for memory.
#[derive(Debug)]
pub struct Packer {
    codec: Arc<Codec>,
    place: Place,
    /// What was written before the compressor was needed.
    head: Vec<u8>,
    compressor: Option<(Helper, File)>,
    len: u64,
}

impl Packer {
    /// For output that is kept in `dir`.
    pub fn spooling(codec: &Arc<Codec>, dir: &Arc<SpoolDir>) -> Self {
        Self::new(codec, Place::Spool(Arc::clone(dir)))
    }

    /// For output that goes into `file`, which is at `path`.
    ///
    /// # Errors
    ///
    /// When there are no more descriptors.
    pub fn into_file(codec: &Arc<Codec>, file: &File, path: &Path) -> io::Result<Self> {
        let place = Place::Named(file.try_clone()?, path.to_owned());
        Ok(Self::new(codec, place))
    }

    fn new(codec: &Arc<Codec>, place: Place) -> Self {
        Self {
            codec: Arc::clone(codec),
            place,
            head: Vec::new(),
            compressor: None,
            len: 0,
        }
    }

    /// Takes `bytes`.
    ///
    /// # Errors
    ///
    /// When they cannot be compressed: names the command.
    pub fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.len += bytes.len() as u64;
        if self.compressor.is_none() {
            self.head.extend_from_slice(bytes);
            let most = match self.place {
                Place::Spool(_) => SMALL as usize,
                Place::Named(..) => 0,
            };
            if self.head.len() <= most {
                return Ok(());
            }
            self.start()?;
            let head = std::mem::take(&mut self.head);
            return self.feed(&head);
        }
        self.feed(bytes)
    }

    fn start(&mut self) -> io::Result<()> {
        let file = match &self.place {
            Place::Spool(dir) => unlinked_file(&dir.path).map_err(|error| dir.error(&error))?,
            Place::Named(file, _) => file.try_clone()?,
        };
        let mut command = in_shell(&self.codec.shell, &self.codec.compress);
        command.stdin(Stdio::piped()).stdout(file.try_clone()?);
        self.compressor = Some((Helper::start(command, Kind::Takes)?, file));
        Ok(())
    }

    fn feed(&mut self, bytes: &[u8]) -> io::Result<()> {
        let input = self.compressor.as_mut();
        let input = input.and_then(|(process, _)| process.stdin().as_mut());
        match input.map(|input| input.write_all(bytes)) {
            Some(Ok(())) => Ok(()),
            _ => Err(self.failed()),
        }
    }

    fn failed(&self) -> io::Error {
        io::Error::other(format!("{} failed.", self.codec.compress.display()))
    }

    /// What was taken.
    ///
    /// # Errors
    ///
    /// As for [`write`](Self::write).
    pub fn finish(mut self) -> io::Result<Captured> {
        let packed = match self.compressor.take() {
            Some((mut process, file)) => {
                if !process.wait()?.success() {
                    return Err(self.failed());
                }
                Some(file)
            }
            None => None,
        };
        match (packed, self.place) {
            (None, Place::Spool(dir)) => dir.keep(&self.head),
            (None, Place::Named(file, path)) => Ok(Captured::Named { file, len: 0, path }),
            (Some(file), place) => Ok(Captured::Packed(Packed {
                file,
                len: self.len,
                codec: self.codec,
                path: match place {
                    Place::Spool(_) => None,
                    Place::Named(_, path) => Some(path),
                },
            })),
        }
    }
}

/// Compressed output.
#[derive(Debug)]
pub struct Packed {
    file: File,
    /// How long it was.
    len: u64,
    codec: Arc<Codec>,
    /// Where it is, if it has a name.
    path: Option<PathBuf>,
}

impl Packed {
    pub(super) fn len(&self) -> u64 {
        self.len
    }

    pub(super) fn path(&self) -> Option<&Path> {
        self.path.as_deref()
    }

    /// A reader over what follows the first `skip` bytes.
    pub(super) fn reader_from(&self, skip: u64) -> Unpacking {
        let mut unpacking = Unpacking(self.unpack());
        let skipped = io::copy(&mut unpacking.by_ref().take(skip), &mut io::sink());
        match skipped {
            Ok(_) => unpacking,
            Err(error) => Unpacking(Err(error)),
        }
    }

    fn unpack(&self) -> io::Result<(Helper, ChildStdout)> {
        let file = fd::open_again(&self.file)?;
        let mut command = in_shell(&self.codec.shell, &self.codec.decompress);
        command.stdin(file).stdout(Stdio::piped());
        let mut process = Helper::start(command, Kind::Gives)?;
        let output = process.stdout().take();
        let output = output.ok_or_else(|| io::Error::other("no pipe to read from"))?;
        Ok((process, output))
    }
}

/// Compressed output that is being read; the decompressor, or why there is none.
#[derive(Debug)]
pub struct Unpacking(io::Result<(Helper, ChildStdout)>);

impl Read for Unpacking {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match &mut self.0 {
            Ok((process, output)) => {
                let got = output.read(buffer)?;
                if got == 0 && !buffer.is_empty() && !process.wait()?.success() {
                    return Err(io::Error::other("the output cannot be decompressed"));
                }
                Ok(got)
            }
            Err(error) => Err(io::Error::new(error.kind(), error.to_string())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::spool::Limits;

    fn codec(compress: &str, decompress: &str) -> Arc<Codec> {
        Arc::new(Codec {
            shell: "/bin/sh".into(),
            compress: compress.into(),
            decompress: decompress.into(),
        })
    }

    fn dir() -> Arc<SpoolDir> {
        let limits = Limits {
            memory: 1 << 20,
            files: 4,
        };
        SpoolDir::new(crate::sys::temp::dir(), limits)
    }

    #[test]
    fn what_is_packed_is_unpacked_as_often_as_it_is_read() {
        for len in [0, 10, SMALL as usize, 300_000] {
            let bytes: Vec<u8> = (0..len).map(|at| (at % 251) as u8).collect();
            let mut packer = Packer::spooling(&codec("gzip -c", "gzip -dc"), &dir());
            bytes
                .chunks(7000)
                .for_each(|some| packer.write(some).unwrap());
            let captured = packer.finish().unwrap();
            assert_eq!(captured.len(), len as u64);
            for skip in [0, len / 2] {
                let mut read = Vec::new();
                captured
                    .reader_from(skip as u64)
                    .read_to_end(&mut read)
                    .unwrap();
                assert!(read == bytes[skip..], "{len} {skip}");
            }
            let half = (len / 2) as u64;
            assert!(captured.head(half).unwrap() == bytes[..len / 2]);
            assert!(captured.tail(half).unwrap() == bytes[len - len / 2..]);
        }
    }

    #[test]
    fn a_compressor_that_fails_is_named() {
        let bytes = vec![0; 1 << 20];
        for command in ["no-such-program", "cat >/dev/null; exit 1"] {
            let mut packer = Packer::spooling(&codec(&format!("{command} 2>&-"), "cat"), &dir());
            let failed = packer
                .write(&bytes)
                .and_then(|()| packer.finish().map(drop));
            let error = failed.unwrap_err().to_string();
            assert!(error.contains(command), "{error}");
        }
    }
}
