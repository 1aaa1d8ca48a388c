//! Output that fanout takes from a pipe and keeps: compressed (`--compress`), or as it is where room is scarce.

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::{ChildStdout, Stdio};
use std::sync::Arc;

use super::named::no_room;
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

impl Codec {
    fn failed(&self) -> io::Error {
        io::Error::other(format!("{} failed.", self.compress.display()))
    }
}

/// Where output goes.
#[derive(Debug)]
enum Place {
    /// Into a file without a name, once it is too long for memory.
    Spool(Arc<SpoolDir>),
    /// Into this file, which stays.
    Named(File, PathBuf),
}

/// Takes output, compresses what is too much for memory if that is wanted, and knows when it cannot be kept.
#[derive(Debug)]
pub struct Compressor {
    codec: Option<Arc<Codec>>,
    place: Place,
    /// What was written before a file was needed.
    head: Vec<u8>,
    writer: Option<Writer>,
    len: u64,
    /// Why output is lost, and how much of it has been by now.
    lost: Option<(io::Error, u64)>,
}

/// What writes into the file.
#[derive(Debug)]
enum Writer {
    /// fanout itself.
    Own(File),
    /// The compressor.
    Compressor(Helper, File, Arc<Codec>),
}

/// A job may go on to write so much in vain, in bytes, before it is told by a closed pipe.
const IN_VAIN: u64 = 1 << 30;

impl Compressor {
    /// For output that is kept in `dir`, compressed by `codec` if there is one.
    pub fn spooling(codec: Option<&Arc<Codec>>, dir: &Arc<SpoolDir>) -> Self {
        Self::new(codec, Place::Spool(Arc::clone(dir)))
    }

    /// For output that goes into `file`, which is at `path`; as for [`spooling`](Self::spooling).
    ///
    /// # Errors
    ///
    /// When there are no more descriptors.
    pub fn into_file(codec: Option<&Arc<Codec>>, file: &File, path: &Path) -> io::Result<Self> {
        let place = Place::Named(file.try_clone()?, path.to_owned());
        Ok(Self::new(codec, place))
    }

    fn new(codec: Option<&Arc<Codec>>, place: Place) -> Self {
        Self {
            codec: codec.cloned(),
            place,
            head: Vec::new(),
            writer: None,
            len: 0,
            lost: None,
        }
    }

    /// Takes `bytes`. Whether they could be kept is told in the [end](Self::finish); false: nothing more is taken.
    pub fn write(&mut self, bytes: &[u8]) -> bool {
        self.len += bytes.len() as u64;
        if let Some((_, in_vain)) = &mut self.lost {
            *in_vain += bytes.len() as u64;
            return *in_vain < IN_VAIN;
        }
        if let Err(error) = self.keep(bytes) {
            self.lost = Some((error, 0));
            // Room for others.
            self.head = Vec::new();
        }
        true
    }

    fn keep(&mut self, bytes: &[u8]) -> io::Result<()> {
        if self.writer.is_some() {
            return self.feed(bytes);
        }
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
        self.feed(&head)
    }

    fn start(&mut self) -> io::Result<()> {
        let file = match &self.place {
            Place::Spool(dir) => unlinked_file(&dir.path).map_err(|error| dir.error(&error))?,
            Place::Named(file, _) => file.try_clone()?,
        };
        let Some(codec) = &self.codec else {
            self.writer = Some(Writer::Own(file));
            return Ok(());
        };
        let mut command = in_shell(&codec.shell, &codec.compress);
        command.stdin(Stdio::piped()).stdout(file.try_clone()?);
        self.writer = Some(Writer::Compressor(
            Helper::start(command, Kind::Takes)?,
            file,
            Arc::clone(codec),
        ));
        Ok(())
    }

    fn feed(&mut self, bytes: &[u8]) -> io::Result<()> {
        match &mut self.writer {
            None => Ok(()),
            Some(Writer::Own(file)) => file.write_all(bytes).map_err(|error| match &self.place {
                Place::Spool(dir) => dir.error(&error),
                Place::Named(_, path) => no_room(path, &error),
            }),
            Some(Writer::Compressor(process, _, codec)) => {
                let fed = process.stdin().as_mut().map(|input| input.write_all(bytes));
                fed.and_then(Result::ok).ok_or_else(|| codec.failed())
            }
        }
    }

    /// What was taken.
    ///
    /// # Errors
    ///
    /// When some of it could not be kept or compressed: names the place or the command.
    pub fn finish(self) -> io::Result<Captured> {
        if let Some((error, _)) = self.lost {
            return Err(error);
        }
        let len = self.len;
        match (self.writer, self.place) {
            (None, Place::Spool(dir)) => dir.keep(&self.head),
            (Some(Writer::Own(file)), Place::Spool(dir)) => {
                let kept = dir.keep_file(file, len);
                kept.map_err(|error| dir.error(&error))
            }
            (None | Some(Writer::Own(_)), Place::Named(file, path)) => {
                let len = file.metadata()?.len();
                Ok(Captured::Named {
                    file: file.into(),
                    len,
                    path,
                })
            }
            (Some(Writer::Compressor(mut process, file, codec)), place) => {
                if !process.wait()?.success() {
                    return Err(codec.failed());
                }
                let path = match place {
                    Place::Spool(_) => None,
                    Place::Named(_, path) => Some(path),
                };
                Ok(Captured::Compressed(Compressed {
                    file,
                    len,
                    codec,
                    path,
                }))
            }
        }
    }
}

/// Compressed output.
#[derive(Debug)]
pub struct Compressed {
    file: File,
    /// How long it was.
    len: u64,
    codec: Arc<Codec>,
    /// Where it is, if it has a name.
    path: Option<PathBuf>,
}

impl Compressed {
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
    use crate::flow::spool::Limits;

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
            let mut compressor = Compressor::spooling(Some(&codec("gzip -c", "gzip -dc")), &dir());
            bytes
                .chunks(7000)
                .for_each(|some| assert!(compressor.write(some)));
            let captured = compressor.finish().unwrap();
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
            let codec = codec(&format!("{command} 2>&-"), "cat");
            let mut compressor = Compressor::spooling(Some(&codec), &dir());
            assert!(compressor.write(&bytes));
            let error = compressor.finish().unwrap_err().to_string();
            assert!(error.contains(command), "{error}");
        }
    }
}
