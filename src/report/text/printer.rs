//! Standard output and standard error, written to in one order.

use super::tag::Tagger;
use crate::model::Stream;
use crate::report::{Failure, Out, out::for_each_piece};
use crate::sys::spool::Captured;

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
    fn turn_to(&mut self, stream: Stream) -> Result<&mut Out, Failure> {
        let (out, other) = match stream {
            Stream::Stdout => (&mut self.stdout, &mut self.stderr),
            Stream::Stderr => (&mut self.stderr, &mut self.stdout),
        };
        other.flush()?;
        Ok(out)
    }

    /// Prints `bytes`, each line tagged where there is a tag.
    pub(super) fn bytes(
        &mut self,
        stream: Stream,
        tag: Option<&[u8]>,
        bytes: &[u8],
    ) -> Result<(), Failure> {
        let out = self.turn_to(stream)?;
        match tag {
            None => out.write(bytes),
            Some(tag) => Tagger::new(tag).push(bytes, out),
        }
    }

    /// Prints a line: `line` and a newline.
    pub(super) fn line(
        &mut self,
        stream: Stream,
        tag: Option<&[u8]>,
        line: &[u8],
    ) -> Result<(), Failure> {
        let out = self.turn_to(stream)?;
        match tag {
            None => out.write(line)?,
            Some(tag) => {
                let mut tagger = Tagger::new(tag);
                tagger.push(line, out)?;
                return tagger.push(b"\n", out);
            }
        }
        out.write(b"\n")
    }

    /// Prints all of `captured`.
    pub(super) fn captured(
        &mut self,
        stream: Stream,
        tag: Option<&[u8]>,
        captured: &Captured,
    ) -> Result<(), Failure> {
        if captured.is_empty() {
            return Ok(());
        }
        let out = self.turn_to(stream)?;
        match tag {
            None => out.copy(captured),
            Some(tag) => {
                let mut tagger = Tagger::new(tag);
                for_each_piece(captured, 0, |piece| tagger.push(piece, out))
            }
        }
    }

    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        self.stdout.flush().and(self.stderr.flush())
    }
}
