//! Output that is shown while its job runs.

use std::collections::HashMap;

use memchr::memrchr2;

use super::printer::Printer;
use super::tag::Decoration;
use crate::model::Stream;
use crate::report::Failure;

/// What is known of the jobs of which something was shown while they run.
#[derive(Debug, Default)]
pub(super) struct Streaming {
    jobs: HashMap<u64, Shown>,
}

/// How far a job's two outputs are.
#[derive(Debug)]
pub(super) struct Shown {
    /// Whether the next byte begins a line.
    pub(super) due: [bool; 2],
    /// By whole lines: the unfinished line of each, so that lines of several jobs do not mix.
    unfinished: [Vec<u8>; 2],
}

impl Streaming {
    /// Of job number `seq`; `None` if it is the first time.
    pub(super) fn get(&mut self, seq: u64) -> Option<&mut Shown> {
        self.jobs.get_mut(&seq)
    }

    /// Begins to show job number `seq`.
    pub(super) fn begin(&mut self, seq: u64) -> &mut Shown {
        self.jobs.entry(seq).or_default()
    }

    /// What was known of job number `seq`, which is over.
    pub(super) fn end(&mut self, seq: u64) -> Option<Shown> {
        self.jobs.remove(&seq)
    }
}

impl Default for Shown {
    fn default() -> Self {
        Self {
            due: [true; 2],
            unfinished: [Vec::new(), Vec::new()],
        }
    }
}

impl Shown {
    /// Prints the lines that `bytes` complete, and keeps the rest.
    pub(super) fn lines(
        &mut self,
        stream: Stream,
        bytes: &[u8],
        decoration: &Decoration,
        to: &mut Printer,
    ) -> Result<(), Failure> {
        let kept = &mut self.unfinished[stream as usize];
        let Some(end) = memrchr2(b'\n', b'\r', bytes) else {
            kept.extend_from_slice(bytes);
            return Ok(());
        };
        let (lines, rest) = bytes.split_at(end + 1);
        let mut due = true;
        if kept.is_empty() {
            to.part(stream, decoration, lines, &mut due)?;
        } else {
            kept.extend_from_slice(lines);
            to.part(stream, decoration, kept, &mut due)?;
            kept.clear();
        }
        kept.extend_from_slice(rest);
        Ok(())
    }

    /// Prints what is left unfinished. As GNU parallel: with the tag, but without colours.
    pub(super) fn rest(self, decoration: &Decoration, to: &mut Printer) -> Result<(), Failure> {
        for (stream, rest) in [Stream::Stdout, Stream::Stderr]
            .into_iter()
            .zip(self.unfinished)
        {
            if !rest.is_empty() {
                to.part(stream, decoration, &rest, &mut true)?;
            }
        }
        Ok(())
    }
}
