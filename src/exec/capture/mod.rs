//! Where an attempt's output goes while it runs.

mod outputs;
mod splice_out;

use std::io::{self, Write as _};
use std::path::PathBuf;
use std::sync::Arc;

use outputs::Outlet;
pub use outputs::Outputs;
use splice_out::SpliceOut;

use crate::flow::output_order::OutputOrder;
use crate::flow::spool::{Captured, Codec, Compressor, Named, Spool, SpoolDir, result_files};
use crate::model::{Command, Stream};

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
        turn: Arc<OutputOrder>,
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

impl Capture {
    /// Where output is kept, if it is.
    fn dir(&self) -> Option<&Arc<SpoolDir>> {
        match self {
            Self::Inherit | Self::Stream => None,
            Self::Spool(dir) | Self::InTurn { dir, .. } | Self::Files { dir, .. } => Some(dir),
        }
    }
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
    packers: [Option<Compressor>; 2],
    /// The spool files for standard output and standard error, once there are any.
    spools: Option<[Spool; 2]>,
    /// The attempt's files with names.
    named: [Option<Named>; 2],
    /// Whether the attempt writes into files by itself.
    writes_itself: bool,
    /// How often there had been no room for output when the attempt began.
    times_full: u64,
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
            writes_itself: false,
            times_full: 0,
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
        self.times_full = self.how.dir().map_or(0, |dir| dir.times_full());
        self.writes_itself = false;
        match &self.how {
            Capture::Inherit => Ok(Outputs::new([Outlet::Inherited, Outlet::Inherited])),
            Capture::Stream => {
                let mut outputs = Outputs::new([Outlet::pipe()?, Outlet::pipe()?]);
                // In GNU parallel a compressor stands between the job and whoever reads.
                outputs.outlived = self.codec.is_some();
                Ok(outputs)
            }
            Capture::Spool(dir) => {
                let codec = self.codec.as_ref();
                if codec.is_none() {
                    let spools = spools(&mut self.spools, dir)?;
                    if !spools[0].is_scarce() {
                        self.writes_itself = true;
                        return Ok(Outputs::new(spools.each_ref().map(Outlet::spool)));
                    }
                }
                self.packers = [(); 2].map(|()| Some(Compressor::spooling(codec, dir)));
                Outputs::packed(&mut self.packers)
            }
            Capture::InTurn { .. } => self.outputs_in_turn(source),
            Capture::Files { .. } => self.outputs_in_files(source),
        }
    }

    /// Those of an attempt whose output is handed on while it runs, when it is its turn.
    fn outputs_in_turn(&mut self, source: Source) -> io::Result<Outputs<'_>> {
        let Capture::InTurn { dir, turn, streams } = &self.how else {
            return Ok(Outputs::new([Outlet::Inherited, Outlet::Inherited]));
        };
        let spools = spools(&mut self.spools, dir)?;
        let may = *streams == Streams::Both || source.last_try;
        let is_turn = may && turn.is(source.seq);
        let is_streamed = [is_turn, is_turn && *streams == Streams::Both];
        let is_scarce = spools[0].is_scarce();
        self.writes_itself = !is_scarce && is_streamed != [true; 2];
        let mut outputs = if is_scarce {
            self.packers = is_streamed.map(|it| (!it).then(|| Compressor::spooling(None, dir)));
            Outputs::packed(&mut self.packers)?
        } else {
            let mut outputs = Outputs::new(spools.each_ref().map(Outlet::spool));
            for (way, is_streamed) in outputs.outlets.iter_mut().zip(is_streamed) {
                if is_streamed {
                    *way = Outlet::pipe()?;
                }
            }
            outputs
        };
        outputs.outlived = true;
        if is_turn && source.command.tag.is_none() {
            outputs.direct = SpliceOut::new(turn);
        }
        if may && !is_turn && !is_scarce {
            outputs.awaited = Some((turn, *streams));
        }
        Ok(outputs)
    }

    /// Those of an attempt whose output goes into files with names.
    fn outputs_in_files(&mut self, source: Source) -> io::Result<Outputs<'_>> {
        let Capture::Files { dir, folder, echo } = &self.how else {
            return Ok(Outputs::new([Outlet::Inherited, Outlet::Inherited]));
        };
        if let Some(prefix) = &source.command.results {
            self.named = result_files(prefix)?.map(Some);
        } else {
            self.named[0] = Some(Named::unique(folder)?);
            spools(&mut self.spools, dir)?;
        }
        if let (true, Some(stdout)) = (*echo, &self.named[0]) {
            let line = [source.command.shown(), b"\n"].concat();
            (&**stdout.file()).write_all(&line)?;
        }
        self.writes_itself = self.codec.is_none() && !self.is_scarce();
        if self.writes_itself {
            return Ok(Outputs::new([self.way_to_file(0), self.way_to_file(1)]));
        }
        let codec = self.codec.as_ref();
        for (compressor, named) in self.packers.iter_mut().zip(&self.named) {
            *compressor = Some(match named {
                Some(named) => Compressor::into_file(codec, named.file(), named.path())?,
                None => Compressor::spooling(codec, dir),
            });
        }
        Outputs::packed(&mut self.packers)
    }

    /// Whether there is so little room for the attempt's files that it is not to write into them by itself.
    fn is_scarce(&self) -> bool {
        let named = self.named.iter().flatten().any(Named::is_scarce);
        let spool = self.named[1].is_none().then_some(self.spools.as_ref());
        named || spool.flatten().is_some_and(|[_, spool]| spool.is_scarce())
    }

    /// The way into the file for output number `place`.
    fn way_to_file(&self, place: usize) -> Outlet<'_> {
        match (&self.named[place], &self.spools) {
            (Some(named), _) => Outlet::file(named.file()),
            (None, Some(spools)) => Outlet::spool(&spools[place]),
            (None, None) => Outlet::Inherited,
        }
    }

    /// What the attempt wrote into files, but for the outputs that were `streamed`. With `shared`, somebody
    /// that it left behind may still hold the files open.
    ///
    /// # Errors
    ///
    /// When some of it could not be kept, or may not have been; or a file cannot be read back.
    pub fn take(&mut self, shared: bool, streamed: [bool; 2]) -> io::Result<[Captured; 2]> {
        self.untaken = false;
        let taken = self.take_files(shared, streamed);
        let Some(dir) = self.how.dir() else {
            return taken;
        };
        match &taken {
            Err(error) => dir.note(error),
            Ok(_) if self.writes_itself && dir.times_full() != self.times_full => {
                return Err(dir.was_full());
            }
            Ok(_) => {}
        }
        taken
    }

    fn take_files(&mut self, shared: bool, streamed: [bool; 2]) -> io::Result<[Captured; 2]> {
        let mut taken = [Captured::Empty, Captured::Empty];
        for (place, taken) in taken.iter_mut().enumerate() {
            if let Some(compressor) = self.packers[place].take() {
                *taken = compressor.finish()?;
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
mod tests;
