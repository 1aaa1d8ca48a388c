//! Standard output and standard error, written to in one order.

use super::tag::{Decoration, Tagger};
use crate::flow::spool::Captured;
use crate::model::Stream;
use crate::report::{Failure, Out, out::for_each_piece};

/// Both outputs. They may be the same terminal or file, so what is written to one is written before what
/// comes later on the other.
#[derive(Debug)]
pub(super) struct Printer {
    stdout: Out,
    stderr: Out,
}

impl Printer {
    pub(super) fn new(stdout: Out, stderr: Out) -> Self {
        Self { stdout, stderr }
    }

    /// The output for `stream`, after all that was written to the other.
    pub(super) fn turn_to(&mut self, stream: Stream) -> Result<&mut Out, Failure> {
        let (out, other) = match stream {
            Stream::Stdout => (&mut self.stdout, &mut self.stderr),
            Stream::Stderr => (&mut self.stderr, &mut self.stdout),
        };
        other.flush()?;
        Ok(out)
    }

    /// A job goes on to write to standard output by itself.
    pub(super) fn share_stdout(&mut self) {
        self.stdout.share();
    }

    /// Prints `bytes`, which are not all that there is; `due` says whether they begin a line, and
    /// then whether what comes next does.
    pub(super) fn part(
        &mut self,
        stream: Stream,
        decoration: &Decoration,
        bytes: &[u8],
        due: &mut bool,
    ) -> Result<(), Failure> {
        let out = self.turn_to(stream)?;
        let mut tagger = Tagger::going_on(decoration, *due);
        tagger.push(bytes, &mut |bytes| out.write(bytes))?;
        *due = tagger.is_due();
        Ok(())
    }

    /// Prints a line: `line` and a newline.
    pub(super) fn line(
        &mut self,
        stream: Stream,
        decoration: &Decoration,
        line: &[u8],
    ) -> Result<(), Failure> {
        let out = self.turn_to(stream)?;
        let mut write = |bytes: &[u8]| out.write(bytes);
        let mut tagger = Tagger::new(decoration);
        tagger.push(line, &mut write)?;
        tagger.push(b"\n", &mut write)
    }

    /// Prints all of `captured`, which goes on at the beginning of a line if `due`.
    pub(super) fn captured(
        &mut self,
        stream: Stream,
        decoration: &Decoration,
        captured: &Captured,
        due: bool,
    ) -> Result<(), Failure> {
        if captured.is_empty() && due {
            return Ok(());
        }
        let out = self.turn_to(stream)?;
        if decoration.is_empty() {
            return out.copy(captured);
        }
        let mut tagger = Tagger::going_on(decoration, due);
        let mut write = |bytes: &[u8]| out.write(bytes);
        for_each_piece(captured, 0, |piece| tagger.push(piece, &mut write))?;
        tagger.finish(&mut write)
    }

    /// All that a job has written to standard output is printed.
    pub(super) fn mark(&mut self) {
        self.stdout.mark();
    }

    /// Whether either may find no room.
    pub(super) fn may_be_full(&self) -> bool {
        self.stdout.may_be_full() || self.stderr.may_be_full()
    }

    /// Where what is printed next will stand in each.
    pub(super) fn positions(&self) -> [u64; 2] {
        [self.stdout.position(), self.stderr.position()]
    }

    /// How much of each has been written.
    pub(super) fn written(&self) -> [u64; 2] {
        [self.stdout.written(), self.stderr.written()]
    }

    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        self.stdout.flush().and(self.stderr.flush())
    }
}
