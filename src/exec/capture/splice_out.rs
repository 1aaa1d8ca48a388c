//! Output that its worker moves on by itself, from pipe to standard output inside the kernel: that of the job
//! whose turn it is, once there is much of it.
//!
//! The reports write what comes before, and say when that is done; from then on nobody else writes to standard
//! output until the job is over. Whatever goes wrong is left to the reports: they meet the same error with the
//! next piece.

use std::fs::File;
use std::io::{self, ErrorKind, PipeReader};
use std::os::fd::{AsFd as _, BorrowedFd};
use std::sync::Arc;

use crate::flow::output_order::{Barrier, OutputOrder};
use crate::sys::fd;
use crate::sys::wake::{Wake, is_readable};

/// So much output, in bytes, is worth a barrier.
const MUCH: u64 = 256 * 1024;

/// The capacity of the pipe then, and the most that is moved at once, in bytes: what any user may have.
const CAPACITY: usize = 1 << 20;

/// How often as much is moved before somebody looks at what else there is.
const MOVES: usize = 16;

/// The way from one job's pipe to standard output.
#[derive(Debug)]
pub(super) struct SpliceOut<'a> {
    turn: &'a Arc<OutputOrder>,
    out: &'a File,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// There is little output as yet.
    Unasked,
    /// A barrier is on its way to the reports.
    Asked,
    /// It is open.
    Open {
        /// Whether standard output takes no more for now.
        full: bool,
    },
    /// It is not to be used any more.
    Over,
}

/// What came of moving.
pub(super) struct Moved {
    /// How many bytes were moved.
    pub(super) bytes: u64,
    /// Whether that was all that there will ever be.
    pub(super) ended: bool,
}

impl<'a> SpliceOut<'a> {
    /// For a job whose turn it is; `None` where output must pass through the reports.
    pub(super) fn new(turn: &'a Arc<OutputOrder>) -> Option<Self> {
        let out = turn.out()?;
        Some(Self {
            turn,
            out,
            state: State::Unasked,
        })
    }

    /// A barrier, if one is to be put behind the `streamed` bytes so far. `pipe` gets larger then, and job number `seq`
    /// will be rung for through `wake`.
    pub(super) fn barrier(
        &mut self,
        streamed: u64,
        pipe: &PipeReader,
        seq: u64,
        wake: &Arc<Wake>,
    ) -> Option<Barrier> {
        if self.state != State::Unasked || streamed < MUCH {
            return None;
        }
        self.state = State::Asked;
        fd::enlarge_pipe(pipe.as_fd(), CAPACITY);
        Some(self.turn.barrier(seq, wake))
    }

    /// Looks whether there is an answer for job number `seq`.
    pub(super) fn hear(&mut self, seq: u64) {
        if self.state != State::Asked {
            return;
        }
        if self.turn.is_granted_to(seq) {
            self.state = State::Open { full: false };
        } else if self.turn.is_denied_to(seq) {
            self.close(seq);
        }
    }

    /// Leaves the rest to the reports.
    pub(super) fn close(&mut self, seq: u64) {
        if self.state != State::Unasked {
            self.turn.leave(seq);
        }
        self.state = State::Over;
    }

    /// Whether the pipe is to be left alone, until there is an answer.
    pub(super) fn is_waiting(&self) -> bool {
        self.state == State::Asked
    }

    /// What must take more before anything can be moved.
    pub(super) fn full(&self) -> Option<BorrowedFd<'_>> {
        (self.state == State::Open { full: true }).then(|| self.out.as_fd())
    }

    /// Moves what is in `pipe`, without waiting; `None`: that is for the reports.
    pub(super) fn pass(&mut self, pipe: &PipeReader) -> io::Result<Option<Moved>> {
        if !matches!(self.state, State::Open { .. }) {
            return Ok(None);
        }
        self.state = State::Open { full: false };
        let mut moved = Moved {
            bytes: 0,
            ended: false,
        };
        for _ in 0..MOVES {
            match fd::splice_from_pipe(pipe.as_fd(), self.out.as_fd(), CAPACITY) {
                Ok(0) => {
                    moved.ended = true;
                    break;
                }
                Ok(bytes) => moved.bytes += bytes as u64,
                Err(error) if error.kind() == ErrorKind::WouldBlock => {
                    let full = is_readable(pipe.as_fd())?;
                    self.state = State::Open { full };
                    break;
                }
                Err(_) => {
                    self.state = State::Over;
                    break;
                }
            }
        }
        Ok(Some(moved))
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::os::fd::OwnedFd;

    use super::*;

    #[test]
    fn nothing_is_moved_before_the_answer_nor_more_than_the_output_takes() {
        let (mut sink, out) = io::pipe().unwrap();
        let (pipe, mut job) = io::pipe().unwrap();
        let (turn, wake) = (
            Arc::new(OutputOrder::default()),
            Arc::new(Wake::new().unwrap()),
        );
        assert!(SpliceOut::new(&turn).is_none());
        turn.open(File::from(OwnedFd::from(out)));
        let mut direct = SpliceOut::new(&turn).unwrap();
        assert!(direct.barrier(MUCH - 1, &pipe, 1, &wake).is_none());
        let barrier = direct.barrier(MUCH, &pipe, 1, &wake).unwrap();
        assert!(direct.is_waiting() && direct.barrier(MUCH, &pipe, 1, &wake).is_none());
        let text = vec![b'x'; 100_000];
        job.write_all(&text).unwrap();
        direct.hear(1);
        assert!(direct.pass(&pipe).unwrap().is_none());
        wake.reset();
        barrier.grant();
        assert!(is_readable(wake.as_fd()).unwrap());
        direct.hear(1);
        let moved = direct.pass(&pipe).unwrap().unwrap();
        assert!((1..=65_536).contains(&moved.bytes) && direct.full().is_some());
        let mut read = vec![0; usize::try_from(moved.bytes).unwrap()];
        sink.read_exact(&mut read).unwrap();
        drop(job);
        let rest = direct.pass(&pipe).unwrap().unwrap();
        assert_eq!(moved.bytes + rest.bytes, 100_000);
        assert!(direct.pass(&pipe).unwrap().unwrap().ended && direct.full().is_none());
        direct.close(1);
        assert!(direct.pass(&pipe).unwrap().is_none());
    }

    #[test]
    fn where_nothing_can_be_moved_the_reports_go_on() {
        let path = tempfile::NamedTempFile::new().unwrap();
        let appending = File::options().append(true).open(path.path()).unwrap();
        let (pipe, mut job) = io::pipe().unwrap();
        let (turn, wake) = (
            Arc::new(OutputOrder::default()),
            Arc::new(Wake::new().unwrap()),
        );
        turn.open(appending);
        let mut direct = SpliceOut::new(&turn).unwrap();
        direct.barrier(MUCH, &pipe, 1, &wake).unwrap().grant();
        direct.hear(1);
        job.write_all(b"kept").unwrap();
        let moved = direct.pass(&pipe).unwrap().unwrap();
        assert_eq!((moved.bytes, moved.ended), (0, false));
        assert!(direct.pass(&pipe).unwrap().is_none());

        let mut direct = SpliceOut::new(&turn).unwrap();
        drop(direct.barrier(MUCH, &pipe, 2, &wake));
        direct.hear(2);
        assert!(!direct.is_waiting() && direct.pass(&pipe).unwrap().is_none());
    }
}
