//! How long a job's command line will be, one record at a time.
//!
//! Rules learnt from GNU parallel 20221122. A record counts with what it adds to the line: its values as
//! they are quoted, and the space before them. Where the word around `{}` is repeated ([`Spread::Repeat`])
//! the rest of the word counts again, too. Every replacement string counts for every record, even
//! `{1}`, which shows only the first one's.

use crate::model::ArgList;
use crate::template::{Shape, Spread, Style, Template, Values};

/// Measures what records add to a command line.
#[derive(Clone, Debug)]
pub struct Measure {
    template: Template,
    style: Style,
    shape: Shape,
    /// The highest slot number, which takes the most room.
    slots: usize,
    scratch: Vec<u8>,
}

impl Measure {
    /// For the lines that `template` gives, written in `style`, in a run with that many slots.
    pub fn new(template: Template, style: Style, slots: usize) -> Self {
        let shape = template.shape();
        Self {
            template,
            style,
            shape,
            slots,
            scratch: Vec::new(),
        }
    }

    /// The length of job number `seq`'s line with nothing but `record` in it.
    pub(super) fn alone(&mut self, record: &ArgList, seq: u64) -> usize {
        let values = Values {
            args: record,
            seq,
            slot: self.slots,
            total: 0,
            slots: self.slots,
            // What an expression will come to is not known yet.
            evaluated: &[],
        };
        self.scratch.clear();
        self.template.render(values, self.style, &mut self.scratch);
        self.scratch.len()
    }

    /// By how much `record` makes the line longer that has other records already.
    pub(super) fn added(&mut self, record: &ArgList, seq: u64) -> usize {
        let values = self.alone(record, seq).saturating_sub(self.shape.literals);
        let Shape {
            replacements,
            words,
            words_literals,
            quoted,
            ..
        } = self.shape;
        let around = match self.style.spread {
            Spread::Join => replacements,
            Spread::Repeat => words + words_literals,
        };
        // With -q each space between two arguments ends a quoted piece and begins another.
        let quotes = if quoted { 2 * replacements } else { 0 };
        values + around + quotes
    }
}
