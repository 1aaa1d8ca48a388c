//! Output that is shown while its job runs.

use std::collections::HashMap;

use memchr::memrchr2;

use super::printer::Printer;
use crate::model::{JobIdentity, OutputPiece, Stream};
use crate::report::Failure;

/// Unfinished lines of running jobs, so that lines of several jobs do not mix.
#[derive(Debug, Default)]
pub(super) struct Lines {
    unfinished: HashMap<(u64, u8), Vec<u8>>,
}

impl Lines {
    /// Prints the lines that `piece` completes, and keeps the rest.
    pub(super) fn piece(&mut self, piece: &OutputPiece, to: &mut Printer) -> Result<(), Failure> {
        let kept = self
            .unfinished
            .entry((piece.job.seq, piece.stream as u8))
            .or_default();
        let Some(end) = memrchr2(b'\n', b'\r', &piece.bytes) else {
            kept.extend_from_slice(&piece.bytes);
            return Ok(());
        };
        let (lines, rest) = piece.bytes.split_at(end + 1);
        kept.extend_from_slice(lines);
        to.bytes(piece.stream, piece.job.command.tag.as_deref(), kept)?;
        kept.clear();
        kept.extend_from_slice(rest);
        Ok(())
    }

    /// Prints what the attempt at `job` left unfinished.
    pub(super) fn end(&mut self, job: &JobIdentity, to: &mut Printer) -> Result<(), Failure> {
        for stream in [Stream::Stdout, Stream::Stderr] {
            if let Some(rest) = self.unfinished.remove(&(job.seq, stream as u8))
                && !rest.is_empty()
            {
                to.bytes(stream, job.command.tag.as_deref(), &rest)?;
            }
        }
        Ok(())
    }
}
