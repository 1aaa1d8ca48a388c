//! How long a job's command line will be, one record at a time.
//!
//! Rules learnt from GNU parallel 20221122. A record counts with what it adds to the line: its values as
//! they are quoted, and the space before them. Where the word around `{}` is repeated ([`Spread::Repeat`])
//! the rest of the word counts again, too. Every replacement string counts for every record, even
//! `{1}`, which shows only the first one's. With `-q` lines are measured without their quotes, and each
//! byte counts as three.

use crate::model::ArgList;
use crate::template::{Quoting, Shape, Spread, Style, Template, Values};

/// Measures what records add to a command line.
#[derive(Clone, Debug, PartialEq)]
pub struct Measure {
    template: Template,
    style: Style,
    shape: Shape,
    /// As how many each byte counts.
    weight: usize,
    /// The highest slot number, which takes the most room.
    slots: usize,
    scratch: Vec<u8>,
}

impl Measure {
    /// For the lines that `template` gives, written in `style`, in a run with that many slots.
    pub fn new(template: Template, mut style: Style, slots: usize) -> Self {
        let shape = template.shape();
        let mut weight = 1;
        if shape.quoted {
            style.quoting = Quoting::Raw;
            weight = 3;
        }
        Self {
            template,
            style,
            shape,
            weight,
            slots,
            scratch: Vec::new(),
        }
    }

    /// The length of job number `seq`'s line with nothing but `record` in it.
    pub(super) fn alone(&mut self, record: &ArgList, seq: u64) -> usize {
        self.weight * self.bytes_alone(record, seq)
    }

    /// By how much `record` makes the line longer that has other records already.
    pub(super) fn added(&mut self, record: &ArgList, seq: u64) -> usize {
        let line = self.bytes_alone(record, seq);
        let values = line.saturating_sub(self.shape.literals);
        let Shape {
            replacements,
            words,
            words_literals,
            ..
        } = self.shape;
        let around = match self.style.spread {
            Spread::Join | Spread::Touch => replacements,
            Spread::Repeat => words + words_literals,
        };
        self.weight * (values + around)
    }

    fn bytes_alone(&mut self, record: &ArgList, seq: u64) -> usize {
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
}
