//! Where an attempt's output goes while it runs.

mod direct;
mod outputs;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use direct::Direct;
pub use outputs::Outputs;
use outputs::Way;

use crate::model::{Command, Stream};
use crate::sys::spool::{Captured, Codec, Named, Packer, Spool, SpoolDir, result_files};
use crate::sys::turn::Turn;

/// What becomes of jobs' output.
#[derive(Clone, Debug)]
pub enum Capture {
    /// It goes where fanout's own goes.
    Inherit,
    /// It is kept until the job is over.
    Spool(Arc<SpoolDir>),
    /// It is handed on while the job runs, in pieces.
    Stream,
    /// It is kept, but that of the job whose turn it is is handed on while the job runs.
    InTurn {
        /// Where it is kept.
        dir: Arc<SpoolDir>,
        /// Whose turn it is.
        turn: Arc<Turn>,
        /// Which of the two outputs are handed on.
        streams: Streams,
    },
    /// It goes into files with names: those of the command's `results`, or else new ones in
    /// a directory.
    Files {
        /// Where standard error is kept, if it has no file.
        dir: Arc<SpoolDir>,
        /// Where files without another name are made.
        folder: PathBuf,
        /// Whether the command line stands before the output.
        echo: bool,
    },
}

/// Which outputs are handed on while a job runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Streams {
    /// Both.
    Both,
    /// Standard output, of a last try: what comes after it is in any case printed behind it.
    StdoutOfLastTry,
}

/// One worker's means to capture, used again for each of its attempts.
#[derive(Debug)]
pub struct Capturer {
    how: Capture,
    /// How output is compressed that is kept, if it is.
    codec: Option<Arc<Codec>>,
    /// What compresses that of the attempt.
    packers: [Option<Packer>; 2],
    /// The spool files for standard output and standard error, once there are any.
    spools: Option<[Spool; 2]>,
    /// The attempt's files with names.
    named: [Option<Named>; 2],
    /// Whether an attempt may have written what nobody took.
    untaken: bool,
}

/// An attempt, as far as its output is concerned.
#[derive(Clone, Copy, Debug)]
pub struct Source<'a> {
    /// The number of its job.
    pub seq: u64,
    /// Its command.
    pub command: &'a Command,
    /// Whether no other try follows, whatever becomes of it.
    pub last_try: bool,
}

/// The order in which pairs of outputs are kept.
pub const STREAMS: [Stream; 2] = [Stream::Stdout, Stream::Stderr];

impl Capturer {
    /// A worker's capturer; nothing is opened yet.
    pub fn new(how: Capture) -> Self {
        Self {
            how,
            codec: None,
            packers: [None, None],
            spools: None,
            named: [None, None],
            untaken: false,
        }
    }

    /// With output that is kept being compressed.
    #[must_use]
    pub fn with_codec(mut self, codec: Option<Arc<Codec>>) -> Self {
        self.codec = codec;
        self
    }

    /// Opens what every attempt will need. What cannot be opened is for the first of them to complain of.
    pub fn open_early(&mut self) {
        if let (Capture::Spool(dir) | Capture::InTurn { dir, .. }, None) = (&self.how, &self.codec)
        {
            let _ = spools(&mut self.spools, dir);
        }
    }

    /// The outputs of the next attempt.
    ///
    /// # Errors
    ///
    /// When files or pipes cannot be made.
    pub fn outputs(&mut self, source: Source) -> io::Result<Outputs<'_>> {
        if self.untaken {
            // The last attempt was lost in a panic: what it wrote belongs to nobody.
            self.discard();
        }
        self.untaken = true;
        self.named = [None, None];
        self.packers = [None, None];
        match &self.how {
            Capture::Inherit => Ok(Outputs::new([Way::Inherited, Way::Inherited])),
            Capture::Spool(dir) => {
                if let Some(codec) = &self.codec {
                    self.packers = [(); 2].map(|()| Some(Packer::spooling(codec, dir)));
                    return Outputs::packed(&mut self.packers);
                }
                let spools = spools(&mut self.spools, dir)?;
                Ok(Outputs::new(spools.each_ref().map(Way::spool)))
            }
            Capture::Stream => Ok(Outputs::new([Way::pipe()?, Way::pipe()?])),
            Capture::InTurn { dir, turn, streams } => {
                let [stdout, stderr] = spools(&mut self.spools, dir)?;
                let mut outputs = Outputs::new([Way::spool(stdout), Way::spool(stderr)]);
                let may = *streams == Streams::Both || source.last_try;
                if may && turn.is(source.seq) {
                    outputs.ways[0] = Way::pipe()?;
                    if source.command.tag.is_none() {
                        outputs.direct = Direct::new(turn);
                    }
                    if *streams == Streams::Both {
                        outputs.ways[1] = Way::pipe()?;
                    }
                } else if may {
                    outputs.awaited = Some((turn, *streams));
                }
                Ok(outputs)
            }
            Capture::Files { dir, folder, echo } => {
                if let Some(prefix) = &source.command.results {
                    self.named = result_files(prefix)?.map(Some);
                } else {
                    self.named[0] = Some(Named::unique(folder)?);
                    spools(&mut self.spools, dir)?;
                }
                if let (true, Some(stdout)) = (*echo, &self.named[0]) {
                    let line = [source.command.shown(), b"\n"].concat();
                    stdout.file().write_all(&line)?;
                }
                if let Some(codec) = &self.codec {
                    for (packer, named) in self.packers.iter_mut().zip(&self.named) {
                        *packer = Some(match named {
                            Some(named) => Packer::into_file(codec, named.file(), named.path())?,
                            None => Packer::spooling(codec, dir),
                        });
                    }
                    return Outputs::packed(&mut self.packers);
                }
                Ok(Outputs::new([self.way_to_file(0), self.way_to_file(1)]))
            }
        }
    }

    /// The way into the file for output number `place`.
    fn way_to_file(&self, place: usize) -> Way<'_> {
        match (&self.named[place], &self.spools) {
            (Some(named), _) => Way::file(named.file()),
            (None, Some(spools)) => Way::spool(&spools[place]),
            (None, None) => Way::Inherited,
        }
    }

    /// What the attempt wrote into files, but for the outputs that were `streamed`. With `shared`, somebody
    /// that it left behind may still hold the files open.
    ///
    /// # Errors
    ///
    /// When a file cannot be read back.
    pub fn take(&mut self, shared: bool, streamed: [bool; 2]) -> io::Result<[Captured; 2]> {
        self.untaken = false;
        let mut taken = [Captured::Empty, Captured::Empty];
        for (place, taken) in taken.iter_mut().enumerate() {
            if let Some(packer) = self.packers[place].take() {
                *taken = packer.finish()?;
            } else if let Some(named) = self.named[place].take() {
                *taken = named.take()?;
            } else if let Some(spools) = &mut self.spools {
                if streamed[place] {
                    spools[place].clear(shared)?;
                } else {
                    *taken = spools[place].take(shared)?;
                }
            }
        }
        Ok(taken)
    }

    /// Gives up the files, whatever is in them.
    pub fn discard(&mut self) {
        self.spools = None;
        self.named = [None, None];
        self.packers = [None, None];
    }
}

/// The spool files, made where there are none.
fn spools<'a>(
    place: &'a mut Option<[Spool; 2]>,
    dir: &Arc<SpoolDir>,
) -> io::Result<&'a [Spool; 2]> {
    let spools = match place.take() {
        Some(spools) => spools,
        None => [Spool::new(dir)?, Spool::new(dir)?],
    };
    Ok(place.insert(spools))
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::io::Write as _;
    use std::os::fd::BorrowedFd;

    use super::*;
    use crate::sys::spool::Limits;

    fn spool_dir() -> Arc<SpoolDir> {
        let limits = Limits {
            memory: 1 << 20,
            files: 4,
        };
        SpoolDir::new(crate::sys::temp::dir(), limits)
    }

    fn source(command: &Command) -> Source<'_> {
        Source {
            seq: 1,
            command,
            last_try: true,
        }
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
        let command = Command::default();
        let mut capturer = Capturer::new(Capture::Inherit);
        let mut outputs = capturer.outputs(source(&command)).unwrap();
        assert!(outputs.for_job().iter().all(Option::is_none));
        assert!(outputs.watched().is_empty() && drained(&mut outputs).is_empty());
        assert!(
            capturer
                .take(false, [false; 2])
                .unwrap()
                .iter()
                .all(Captured::is_empty)
        );
    }

    #[test]
    fn spooled_output_is_taken_once_and_the_streams_are_apart() {
        let command = Command::default();
        let mut capturer = Capturer::new(Capture::Spool(spool_dir()));
        for round in [&b"1"[..], b"2"] {
            let outputs = capturer.outputs(source(&command)).unwrap();
            let [stdout, stderr] = outputs.for_job();
            write(stdout, &[b"out", round].concat());
            write(stderr, &[b"err", round].concat());
            assert!(outputs.watched().is_empty());
            let taken = capturer.take(false, [false; 2]).unwrap();
            let taken = taken.each_ref().map(|it| it.in_memory().unwrap().to_vec());
            assert_eq!(taken, [[b"out", round].concat(), [b"err", round].concat()]);
        }
    }

    #[test]
    fn what_is_discarded_shows_up_nowhere() {
        let command = Command::default();
        let mut capturer = Capturer::new(Capture::Spool(spool_dir()));
        write(
            capturer.outputs(source(&command)).unwrap().for_job()[0],
            b"of a failed job",
        );
        capturer.discard();
        write(
            capturer.outputs(source(&command)).unwrap().for_job()[1],
            b"of a lost job",
        );
        let outputs = capturer.outputs(source(&command)).unwrap();
        write(outputs.for_job()[0], b"whole");
        let [stdout, stderr] = capturer.take(false, [false; 2]).unwrap();
        assert_eq!(stdout.in_memory(), Some(&b"whole"[..]));
        assert!(stderr.is_empty());
    }

    #[test]
    fn a_spool_folder_that_is_not_there_is_an_error() {
        let command = Command::default();
        let nowhere = "/nonexistent/folder".into();
        let limits = Limits {
            memory: 0,
            files: 0,
        };
        let dir = SpoolDir::new(nowhere, limits);
        assert!(
            Capturer::new(Capture::Spool(dir))
                .outputs(source(&command))
                .is_err()
        );
    }

    #[test]
    fn piped_output_comes_in_pieces_until_its_end() {
        let command = Command::default();
        let mut capturer = Capturer::new(Capture::Stream);
        let mut outputs = capturer.outputs(source(&command)).unwrap();
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
        outputs.started(true);
        assert!(outputs.for_job()[0].is_none() && outputs.say(b"d").unwrap());
        outputs.started(false);
        assert!(outputs.for_job().iter().all(Option::is_none));
        let pieces = [
            (Stream::Stdout, b"c".to_vec()),
            (Stream::Stderr, b"d".to_vec()),
        ];
        assert_eq!(drained(&mut outputs), pieces);
        // Now there is nothing but the end.
        assert_eq!(drained(&mut outputs), []);
        assert!(outputs.watched().is_empty());
    }
}
