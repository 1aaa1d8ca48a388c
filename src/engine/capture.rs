//! Where an attempt's output goes while it runs.

use std::fs::File;
use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::Arc;

use crate::model::Stream;
use crate::sys::spool::{Captured, Spool, SpoolDir};

/// What becomes of jobs' output.
#[derive(Clone, Debug)]
pub enum Capture {
    /// It goes where fanout's own goes.
    Inherit,
    /// It is kept until the job is over.
    Spool(Arc<SpoolDir>),
    /// It is handed on while the job runs, in pieces.
    Stream,
}

/// One worker's means to capture, used again for each of its attempts.
#[derive(Debug)]
pub struct Capturer {
    how: Capture,
    /// The spool files for standard output and standard error, once there are any.
    spools: Option<[Spool; 2]>,
    /// Whether an attempt may have written what nobody took.
    untaken: bool,
}

/// An attempt's output descriptors, and the other ends of its pipes.
#[derive(Debug)]
pub enum Outputs<'a> {
    /// Nothing of ours.
    Inherited,
    /// The worker's spool files.
    Spooled(&'a [Spool; 2]),
    /// Pipes: fanout's ends (`None` once closed) and the job's ends (until it is started).
    Piped {
        /// Where fanout reads, for [`STREAMS`] in order.
        readers: [Option<PipeReader>; 2],
        /// Where the job writes.
        writers: Option<[OwnedFd; 2]>,
    },
}

/// The order in which pairs of outputs are kept.
pub const STREAMS: [Stream; 2] = [Stream::Stdout, Stream::Stderr];

/// The most that is read from a pipe at once, in bytes: a default pipe's capacity.
const PIECE: usize = 64 * 1024;

impl Capturer {
    /// A worker's capturer; nothing is opened yet.
    pub fn new(how: Capture) -> Self {
        Self {
            how,
            spools: None,
            untaken: false,
        }
    }

    /// The outputs of the next attempt.
    ///
    /// # Errors
    ///
    /// When spool files or pipes cannot be made.
    pub fn outputs(&mut self) -> io::Result<Outputs<'_>> {
        if self.untaken {
            // The last attempt was lost in a panic: what it wrote belongs to nobody.
            self.discard();
        }
        self.untaken = true;
        match &self.how {
            Capture::Inherit => Ok(Outputs::Inherited),
            Capture::Spool(dir) => {
                if self.spools.is_none() {
                    self.spools = Some([Spool::new(dir)?, Spool::new(dir)?]);
                }
                Ok(self
                    .spools
                    .as_ref()
                    .map_or(Outputs::Inherited, Outputs::Spooled))
            }
            Capture::Stream => {
                let (stdout, stdout_writer) = io::pipe()?;
                let (stderr, stderr_writer) = io::pipe()?;
                Ok(Outputs::Piped {
                    readers: [Some(stdout), Some(stderr)],
                    writers: Some([stdout_writer.into(), stderr_writer.into()]),
                })
            }
        }
    }

    /// What the attempt wrote into the spool files. With `shared`, somebody that it left behind may
    /// still hold them open.
    ///
    /// # Errors
    ///
    /// When a spool file cannot be read back.
    pub fn take(&mut self, shared: bool) -> io::Result<[Captured; 2]> {
        self.untaken = false;
        match &mut self.spools {
            Some([stdout, stderr]) => Ok([stdout.take(shared)?, stderr.take(shared)?]),
            None => Ok([Captured::Empty, Captured::Empty]),
        }
    }

    /// Gives up the spool files, whatever is in them.
    pub fn discard(&mut self) {
        self.spools = None;
    }
}

impl Outputs<'_> {
    /// What the job gets as standard output and standard error; `None`: what fanout has.
    pub fn for_job(&self) -> [Option<BorrowedFd<'_>>; 2] {
        match self {
            Self::Inherited => [None, None],
            Self::Spooled(spools) => spools
                .each_ref()
                .map(|spool| Some(File::as_fd(spool.file()))),
            Self::Piped { writers, .. } => match writers {
                Some(writers) => writers.each_ref().map(|writer| Some(writer.as_fd())),
                None => [None, None],
            },
        }
    }

    /// Closes the job's ends of pipes, so that their end can be seen; to be called once it has started.
    pub fn started(&mut self) {
        if let Self::Piped { writers, .. } = self {
            *writers = None;
        }
    }

    /// The descriptors to watch while the job runs.
    pub fn watched(&self) -> Vec<BorrowedFd<'_>> {
        match self {
            Self::Piped { readers, .. } => readers.iter().flatten().map(AsFd::as_fd).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether output comes through pipes.
    pub fn is_piped(&self) -> bool {
        matches!(self, Self::Piped { .. })
    }

    /// Reads what is there from every pipe and hands it to `piece`, as long as `token` gives permits to do
    /// so; never waits. Returns whether there was anything.
    ///
    /// # Errors
    ///
    /// When a pipe cannot be read.
    pub fn drain<T>(
        &mut self,
        mut token: impl FnMut() -> Option<T>,
        mut piece: impl FnMut(Stream, Vec<u8>, T),
    ) -> io::Result<bool> {
        let Self::Piped { readers, .. } = self else {
            return Ok(false);
        };
        let mut any = false;
        for (stream, place) in STREAMS.into_iter().zip(readers) {
            let Some(reader) = place else { continue };
            if !crate::sys::wake::is_readable(reader.as_fd())? {
                continue;
            }
            let Some(token) = token() else { break };
            let mut bytes = vec![0; PIECE];
            let got = reader.read(&mut bytes)?;
            if got == 0 {
                *place = None;
            } else {
                bytes.truncate(got);
                any = true;
                piece(stream, bytes, token);
            }
        }
        Ok(any)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;
    use crate::sys::spool::Limits;

    fn spool_dir() -> Arc<SpoolDir> {
        let limits = Limits {
            memory: 1 << 20,
            files: 4,
        };
        SpoolDir::new(std::env::temp_dir(), limits)
    }

    /// Writes what a job would write.
    fn write(fd: Option<BorrowedFd>, bytes: &[u8]) {
        let mut file = File::from(fd.unwrap().try_clone_to_owned().unwrap());
        file.write_all(bytes).unwrap();
    }

    fn drained(outputs: &mut Outputs) -> Vec<(Stream, Vec<u8>)> {
        let mut pieces = Vec::new();
        let any = outputs
            .drain(
                || Some(()),
                |stream, bytes, ()| pieces.push((stream, bytes)),
            )
            .unwrap();
        assert_eq!(any, !pieces.is_empty());
        pieces
    }

    #[test]
    fn inherited_output_is_none_of_ours() {
        let mut capturer = Capturer::new(Capture::Inherit);
        let mut outputs = capturer.outputs().unwrap();
        assert!(outputs.for_job().iter().all(Option::is_none));
        assert!(outputs.watched().is_empty() && drained(&mut outputs).is_empty());
        assert!(capturer.take(false).unwrap().iter().all(Captured::is_empty));
    }

    #[test]
    fn spooled_output_is_taken_once_and_the_streams_are_apart() {
        let mut capturer = Capturer::new(Capture::Spool(spool_dir()));
        for round in [&b"1"[..], b"2"] {
            let outputs = capturer.outputs().unwrap();
            let [stdout, stderr] = outputs.for_job();
            write(stdout, &[b"out", round].concat());
            write(stderr, &[b"err", round].concat());
            assert!(outputs.watched().is_empty());
            let taken = capturer.take(false).unwrap();
            let taken = taken.each_ref().map(|it| it.in_memory().unwrap().to_vec());
            assert_eq!(taken, [[b"out", round].concat(), [b"err", round].concat()]);
        }
    }

    #[test]
    fn what_is_discarded_shows_up_nowhere() {
        let mut capturer = Capturer::new(Capture::Spool(spool_dir()));
        write(capturer.outputs().unwrap().for_job()[0], b"of a failed job");
        capturer.discard();
        write(capturer.outputs().unwrap().for_job()[1], b"of a lost job");
        let outputs = capturer.outputs().unwrap();
        write(outputs.for_job()[0], b"whole");
        let [stdout, stderr] = capturer.take(false).unwrap();
        assert_eq!(stdout.in_memory(), Some(&b"whole"[..]));
        assert!(stderr.is_empty());
    }

    #[test]
    fn a_spool_folder_that_is_not_there_is_an_error() {
        let nowhere = "/nonexistent/folder".into();
        let limits = Limits {
            memory: 0,
            files: 0,
        };
        let dir = SpoolDir::new(nowhere, limits);
        assert!(Capturer::new(Capture::Spool(dir)).outputs().is_err());
    }

    #[test]
    fn piped_output_comes_in_pieces_until_its_end() {
        let mut capturer = Capturer::new(Capture::Stream);
        let mut outputs = capturer.outputs().unwrap();
        assert_eq!(outputs.watched().len(), 2);
        assert_eq!(drained(&mut outputs), []);
        write(outputs.for_job()[0], b"a");
        write(outputs.for_job()[1], b"b\xff");
        let pieces = [
            (Stream::Stdout, b"a".to_vec()),
            (Stream::Stderr, b"b\xff".to_vec()),
        ];
        assert_eq!(drained(&mut outputs), pieces);
        write(outputs.for_job()[0], b"c");
        outputs.started();
        assert!(outputs.for_job().iter().all(Option::is_none));
        assert_eq!(drained(&mut outputs), [(Stream::Stdout, b"c".to_vec())]);
        // Now there is nothing but the end.
        assert_eq!(drained(&mut outputs), []);
        assert!(outputs.watched().is_empty());
    }
}
