//! The outputs of a running attempt: where each goes, and what of it is handed on already.

use std::fs::File;
use std::io::{self, PipeReader, Read, Write as _};
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use super::splice_out::SpliceOut;
use super::{STREAMS, Streams};
use crate::flow::follow::{Follow, give_back};
use crate::flow::output_order::{Barrier, OutputOrder};
use crate::flow::spool::{Compressor, Spool};
use crate::model::Stream;
use crate::sys::child::PollFor;
use crate::sys::drain;
use crate::sys::fd;
use crate::sys::wake::Wake;

/// An attempt's output descriptors, and the other ends of its pipes.
#[derive(Debug)]
pub struct Outputs<'a> {
    pub(super) outlets: [Outlet<'a>; 2],
    /// Whose turn must be awaited for what is kept to be handed on, and which of the two are.
    pub(super) awaited: Option<(&'a Arc<OutputOrder>, Streams)>,
    pub(super) follow: Option<Follow>,
    /// The way past the reports, for standard output.
    pub(super) direct: Option<SpliceOut<'a>>,
    pub(super) streamed: [u64; 2],
    /// Whether who outlives the job may write on, as into a file.
    pub(super) outlived: bool,
}

/// Where one output goes.
#[derive(Debug)]
pub(super) enum Outlet<'a> {
    /// Nothing of ours.
    Inherited,
    /// A file.
    File {
        file: &'a Arc<File>,
        /// Whether what is written is handed on, and how far it has been.
        followed: Option<u64>,
        /// How much of it has been given back to the file system.
        given_back: u64,
    },
    /// A pipe: fanout's end (`None` once closed) and the job's end (until it is started).
    Pipe {
        reader: Option<PipeReader>,
        writer: Option<OwnedFd>,
        /// What takes it, in place of whoever wants it at once.
        compressor: Option<&'a mut Compressor>,
    },
}

/// The most that is read from a pipe or file at once, in bytes: a default pipe's capacity.
const PIECE: usize = 64 * 1024;

/// Space is given back to the file system in pieces of this size, a multiple of any block's.
const GIVEN_BACK: u64 = 8 << 20;

impl<'a> Outlet<'a> {
    pub(super) fn spool(spool: &'a Spool) -> Self {
        Self::file(spool.file())
    }

    pub(super) fn file(file: &'a Arc<File>) -> Self {
        Self::File {
            file,
            followed: None,
            given_back: 0,
        }
    }

    pub(super) fn pipe() -> io::Result<Self> {
        let (reader, writer) = io::pipe()?;
        Ok(Self::Pipe {
            reader: Some(reader),
            writer: Some(writer.into()),
            compressor: None,
        })
    }

    fn is_streamed(&self) -> bool {
        match self {
            Self::Inherited => false,
            Self::File { followed, .. } => followed.is_some(),
            Self::Pipe { compressor, .. } => compressor.is_none(),
        }
    }

    /// Packs what is there to be packed now; `None`: that is not done here.
    fn pack(&mut self) -> io::Result<Option<bool>> {
        let Self::Pipe {
            compressor: Some(_),
            ..
        } = self
        else {
            return Ok(None);
        };
        let bytes = self.read()?;
        if let (
            Self::Pipe {
                compressor: Some(compressor),
                reader,
                ..
            },
            Some(bytes),
        ) = (self, &bytes)
            && !compressor.write(bytes)
        {
            *reader = None;
        }
        Ok(Some(bytes.is_some()))
    }

    /// What is there to be handed on now, up to a piece of it; `None`: nothing.
    fn read(&mut self) -> io::Result<Option<Vec<u8>>> {
        let mut bytes = vec![0; PIECE];
        let got = match self {
            Self::Pipe {
                reader: place @ Some(_),
                ..
            } => {
                let got = place
                    .as_mut()
                    .map_or(Ok(0), |reader| reader.read(&mut bytes))?;
                if got == 0 {
                    *place = None;
                }
                got
            }
            Self::File {
                file,
                followed: Some(at),
                given_back,
            } => {
                let got = file.read_at(&mut bytes, *at)?;
                *at += got as u64;
                if *at - *given_back >= GIVEN_BACK {
                    *given_back = *at / GIVEN_BACK * GIVEN_BACK;
                    give_back(file, *given_back);
                }
                got
            }
            _ => 0,
        };
        bytes.truncate(got);
        Ok((got > 0).then_some(bytes))
    }

    /// The end of a pipe that is still open.
    fn reader(&self) -> Option<&PipeReader> {
        match self {
            Self::Pipe { reader, .. } => reader.as_ref(),
            _ => None,
        }
    }

    /// Closes a pipe that has come to its end.
    fn close(&mut self) {
        if let Self::Pipe { reader, .. } = self {
            *reader = None;
        }
    }

    /// Whether reading would answer at once.
    fn is_readable(&self) -> io::Result<bool> {
        match self {
            Self::Pipe {
                reader: Some(reader),
                ..
            } => crate::sys::wake::is_readable(reader.as_fd()),
            Self::File { followed, .. } => Ok(followed.is_some()),
            _ => Ok(false),
        }
    }
}

impl<'a> Outputs<'a> {
    pub(super) fn new(outlets: [Outlet<'a>; 2]) -> Self {
        Self {
            outlets,
            awaited: None,
            follow: None,
            direct: None,
            streamed: [0; 2],
            outlived: false,
        }
    }

    /// Pipes to `packers`; where there is none, to whoever wants it at once.
    pub(super) fn packed(packers: &'a mut [Option<Compressor>; 2]) -> io::Result<Self> {
        let mut outputs = Self::new([Outlet::pipe()?, Outlet::pipe()?]);
        for (way, its) in outputs.outlets.iter_mut().zip(packers) {
            if let Outlet::Pipe { compressor, .. } = way {
                *compressor = its.as_mut();
            }
        }
        outputs.outlived = true;
        Ok(outputs)
    }

    /// What the job gets as standard output and standard error; `None`: what fanout has.
    pub fn for_job(&self) -> [Option<BorrowedFd<'_>>; 2] {
        self.outlets.each_ref().map(|way| match way {
            Outlet::Inherited => None,
            Outlet::File { file, .. } => Some(file.as_fd()),
            Outlet::Pipe { writer, .. } => writer.as_ref().map(AsFd::as_fd),
        })
    }

    /// The files that the outputs go into, for whoever looks at the end of them while the job runs.
    pub fn files(&self) -> [Option<Arc<File>>; 2] {
        self.outlets.each_ref().map(|way| match way {
            Outlet::File { file, .. } => Some(Arc::clone(file)),
            Outlet::Inherited | Outlet::Pipe { .. } => None,
        })
    }

    /// Closes the job's ends of pipes, so that their end can be seen; to be called once it has started. With
    /// `says_more`, that of standard error stays open, for [`say`](Self::say).
    pub fn started(&mut self, says_more: bool) {
        let closed = if says_more { 1 } else { 2 };
        for way in &mut self.outlets[..closed] {
            if let Outlet::Pipe { writer, .. } = way {
                *writer = None;
            }
        }
    }

    /// Writes what the job's shell would have said to standard error; `false`: there is no room in the pipe for now.
    ///
    /// # Errors
    ///
    /// When a file or pipe takes no more, or there are no descriptors left.
    pub fn say(&self, words: &[u8]) -> io::Result<bool> {
        match &self.outlets[1] {
            // A shell does not mind either when nobody listens.
            Outlet::Inherited => drop(io::stderr().write_all(words)),
            Outlet::File { file, .. } => (&***file).write_all(words)?,
            Outlet::Pipe { writer: None, .. } => {}
            Outlet::Pipe {
                writer: Some(writer),
                ..
            } => {
                let (reader, mut ours) = io::pipe()?;
                ours.write_all(words)?;
                match fd::splice_from_pipe(reader.as_fd(), writer.as_fd(), words.len()) {
                    Err(error) if error.kind() == io::ErrorKind::WouldBlock => return Ok(false),
                    moved => drop(moved?),
                }
            }
        }
        Ok(true)
    }

    /// Whose turn is to be awaited before [`follow`](Self::follow).
    pub fn awaited(&self) -> Option<&'a Arc<OutputOrder>> {
        self.awaited.map(|(turn, _)| turn)
    }

    /// Begins to hand on what is kept: it is the job's turn.
    pub fn follow(&mut self) {
        let Some((_, streams)) = self.awaited.take() else {
            return;
        };
        let both = streams == Streams::Both;
        let followed = if both {
            &mut self.outlets[..]
        } else {
            &mut self.outlets[..1]
        };
        let files = followed.iter().filter_map(|way| match way {
            Outlet::File { file, .. } => Some(&***file),
            _ => None,
        });
        // Where nothing can be followed, all is shown at the end.
        let Ok(follow) = Follow::new(files) else {
            return;
        };
        for way in followed {
            if let Outlet::File { followed, .. } = way {
                *followed = Some(0);
            }
        }
        self.follow = Some(follow);
    }

    /// The descriptors to watch while the job runs, no more than two.
    pub fn watched(&self) -> Vec<PollFor<'_>> {
        if let Some(follow) = &self.follow {
            return follow.fds().map(PollFor::Read).to_vec();
        }
        let mut doors = Vec::new();
        for (place, way) in self.outlets.iter().enumerate() {
            let Some(reader) = way.reader() else { continue };
            let direct = self.direct.as_ref().filter(|_| place == 0);
            if let Some(full) = direct.and_then(SpliceOut::full) {
                doors.push(PollFor::Write(full));
            } else if !direct.is_some_and(SpliceOut::is_waiting) {
                doors.push(PollFor::Read(reader.as_fd()));
            }
        }
        doors
    }

    /// What is to be put behind the output of job number `seq`, if there is so much of it that it should be written past
    /// the reports; the answer rings `wake`.
    pub fn barrier(&mut self, seq: u64, wake: &Arc<Wake>) -> Option<Barrier> {
        let (direct, reader) = (self.direct.as_mut()?, self.outlets[0].reader()?);
        direct.barrier(self.streamed[0], reader, seq, wake)
    }

    /// Looks whether the reports have answered job number `seq`.
    pub fn hear(&mut self, seq: u64) {
        if let Some(direct) = &mut self.direct {
            direct.hear(seq);
        }
    }

    /// Lets nothing of job number `seq` past the reports any more.
    pub fn close_direct(&mut self, seq: u64) {
        if let Some(direct) = &mut self.direct {
            direct.close(seq);
        }
    }

    /// Leaves what is still written into the pipes, when the job is over, to somebody who throws it away.
    pub fn leave(&self) {
        let pipes = self.outlets.iter().filter_map(Outlet::reader);
        if self.outlived {
            drain::drain(&pipes.map(AsFd::as_fd).collect::<Vec<_>>());
        }
    }

    /// Whether output is handed on while the job runs.
    pub fn is_streamed(&self) -> bool {
        self.streams().iter().any(|&streamed| streamed)
    }

    /// Which outputs are handed on.
    pub fn streams(&self) -> [bool; 2] {
        self.outlets.each_ref().map(Outlet::is_streamed)
    }

    /// How many bytes of each were handed on.
    pub fn streamed(&self) -> [u64; 2] {
        self.streamed
    }

    /// How many pieces are in the files that are handed on, and were not yet.
    ///
    /// # Errors
    ///
    /// When the size of a file cannot be told.
    pub fn pieces_left(&self) -> io::Result<usize> {
        let mut pieces = 0;
        for way in &self.outlets {
            if let Outlet::File {
                file,
                followed: Some(at),
                ..
            } = way
            {
                let left = file.metadata()?.len().saturating_sub(*at);
                pieces += left.div_ceil(PIECE as u64) as usize;
            }
        }
        Ok(pieces)
    }

    /// Reads what is there and hands it to `piece`, as long as `token` gives permits to do so; a piece of each
    /// output, and never waits. Returns whether there was anything.
    ///
    /// # Errors
    ///
    /// When a pipe or file cannot be read.
    pub fn drain<T>(
        &mut self,
        mut token: impl FnMut() -> Option<T>,
        mut piece: impl FnMut(Stream, Vec<u8>, T),
    ) -> io::Result<bool> {
        let mut any = false;
        for (place, stream) in STREAMS.into_iter().enumerate() {
            let way = &mut self.outlets[place];
            let direct = self.direct.as_mut().filter(|_| place == 0);
            if direct.as_ref().is_some_and(|direct| direct.is_waiting()) || !way.is_readable()? {
                continue;
            }
            if let (Some(direct), Some(reader)) = (direct, way.reader())
                && let Some(moved) = direct.pass(reader)?
            {
                any |= moved.bytes > 0;
                self.streamed[place] += moved.bytes;
                if moved.ended {
                    way.close();
                }
                continue;
            }
            if let Some(packed) = way.pack()? {
                any |= packed;
                continue;
            }
            let Some(token) = token() else { return Ok(any) };
            let mut bytes = way.read()?;
            if let (None, Outlet::File { .. }, Some(follow)) = (&bytes, &way, &self.follow) {
                // What comes after this look is news again.
                follow.forget();
                bytes = way.read()?;
            }
            let Some(bytes) = bytes else { continue };
            if let (Outlet::File { .. }, Some(follow)) = (&way, &self.follow) {
                follow.remember();
            }
            any = true;
            self.streamed[place] += bytes.len() as u64;
            piece(stream, bytes, token);
        }
        Ok(any)
    }
}
