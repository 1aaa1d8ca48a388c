//! The output of one attempt at a worker, kept on this host until its end.

use std::io::{self, Write as _};
use std::sync::Arc;

use crate::exec::capture::Capture;
use crate::flow::spool::{Captured, Codec, Compressor, Named, SpoolDir, result_files};
use crate::model::{Command, Stream};

/// Takes what an attempt has written.
#[derive(Debug)]
pub(super) struct Keep {
    outputs: [Compressor; 2],
}

impl Keep {
    /// For an attempt at `command`; `None`: nothing is kept.
    ///
    /// # Errors
    ///
    /// When a file of its own cannot be made.
    pub(super) fn new(
        capture: &Capture,
        codec: Option<&Arc<Codec>>,
        command: &Command,
    ) -> io::Result<Option<Self>> {
        let outputs = match capture {
            Capture::Inherit | Capture::Stream => return Ok(None),
            Capture::Spool(dir) | Capture::InTurn { dir, .. } => {
                [(); 2].map(|()| Compressor::spooling(codec, dir))
            }
            Capture::Files { dir, folder, echo } => {
                let (stdout, stderr) = match &command.results {
                    Some(prefix) => {
                        let [stdout, stderr] = result_files(prefix)?;
                        (stdout, Some(stderr))
                    }
                    None => (Named::unique(folder)?, None),
                };
                if *echo {
                    (&**stdout.file()).write_all(&[command.shown(), b"\n"].concat())?;
                }
                let named = |it: &Named| Compressor::into_file(codec, it.file(), it.path());
                let stderr = match &stderr {
                    Some(stderr) => named(stderr)?,
                    None => Compressor::spooling(codec, dir),
                };
                [named(&stdout)?, stderr]
            }
        };
        Ok(Some(Self { outputs }))
    }

    /// Takes a piece. Whether it could be kept is told in the end.
    pub(super) fn write(&mut self, stream: Stream, bytes: &[u8]) {
        self.outputs[usize::from(stream == Stream::Stderr)].write(bytes);
    }

    /// What was taken.
    ///
    /// # Errors
    ///
    /// When some of it could not be kept.
    pub(super) fn finish(self) -> io::Result<[Captured; 2]> {
        let [stdout, stderr] = self.outputs;
        Ok([stdout.finish()?, stderr.finish()?])
    }
}

/// All that an attempt has written, which came with its end; where files with names are not wanted.
pub(super) fn whole(dir: &Arc<SpoolDir>, outputs: &[Vec<u8>; 2]) -> io::Result<[Captured; 2]> {
    let [stdout, stderr] = outputs;
    Ok([dir.keep(stdout)?, dir.keep(stderr)?])
}
