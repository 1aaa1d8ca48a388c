//! Output that is shown while its job runs.

use std::collections::HashMap;

use memchr::memrchr2;

use super::printer::Printer;
use super::tag::Decoration;
use crate::model::Stream;
use crate::report::Failure;

/// A line that gets longer than this is printed in pieces, in bytes: memory has an end, and it may have none.
const LONGEST: usize = 1 << 20;

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
    /// Prints the lines that `bytes` complete, and keeps the rest; or prints that too, if it gets too long.
    pub(super) fn lines(
        &mut self,
        stream: Stream,
        bytes: &[u8],
        decoration: &Decoration,
        to: &mut Printer,
    ) -> Result<(), Failure> {
        let kept = &mut self.unfinished[stream as usize];
        let due = &mut self.due[stream as usize];
        let end = memrchr2(b'\n', b'\r', bytes).map_or(0, |end| end + 1);
        let (lines, rest) = bytes.split_at(end);
        if !lines.is_empty() {
            if kept.is_empty() {
                to.part(stream, decoration, lines, due)?;
            } else {
                kept.extend_from_slice(lines);
                to.part(stream, decoration, kept, due)?;
                kept.clear();
            }
        }
        kept.extend_from_slice(rest);
        if kept.len() > LONGEST {
            to.part(stream, decoration, kept, due)?;
            kept.clear();
        }
        Ok(())
    }

    /// Prints what is left unfinished. As GNU parallel: with the tag, but without colours.
    pub(super) fn rest(mut self, decoration: &Decoration, to: &mut Printer) -> Result<(), Failure> {
        for stream in [Stream::Stdout, Stream::Stderr] {
            let rest = &self.unfinished[stream as usize];
            if !rest.is_empty() {
                to.part(stream, decoration, rest, &mut self.due[stream as usize])?;
            }
        }
        Ok(())
    }
}
