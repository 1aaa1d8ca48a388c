//! The table of replacement strings: what can be written, and what it stands for.

use super::columns::Columns;
use super::transforms::{self, Transform};

/// What a replacement string stands for.
#[derive(Clone, Copy, Debug)]
pub enum What {
    /// The job's arguments, changed by a function.
    Arg(Transform),
    /// The job's number.
    Seq,
    /// The number of the slot that the job runs in.
    Slot,
}

impl PartialEq for What {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Arg(one), Self::Arg(other)) => std::ptr::fn_addr_eq(*one, *other),
            (Self::Seq, Self::Seq) | (Self::Slot, Self::Slot) => true,
            _ => false,
        }
    }
}

/// The replacement strings that a template may use.
#[derive(Clone, Debug)]
pub struct Syntax {
    entries: Vec<Entry>,
    pub(super) columns: Columns,
}

#[derive(Clone, Debug)]
struct Entry {
    spelling: Vec<u8>,
    what: What,
}

/// Those that GNU parallel has without further options. Each that is written in braces has a form
/// for one argument, too: `{/}` gives `{2/}` and `{-1/}`.
const GNU: [(&str, What); 7] = [
    ("{}", What::Arg(transforms::whole)),
    ("{.}", What::Arg(transforms::no_extension)),
    ("{/}", What::Arg(transforms::basename)),
    ("{//}", What::Arg(transforms::dirname)),
    ("{/.}", What::Arg(transforms::basename_no_extension)),
    ("{#}", What::Seq),
    ("{%}", What::Slot),
];

impl Default for Syntax {
    fn default() -> Self {
        let entry = |(spelling, what): (&str, What)| Entry {
            spelling: spelling.into(),
            what,
        };
        Self {
            entries: GNU.into_iter().map(entry).collect(),
            columns: Columns::default(),
        }
    }
}

/// A replacement string found at the beginning of some text.
pub(super) struct Found<'t> {
    pub(super) what: What,
    /// The position as written, where the string names one.
    pub(super) position: Option<&'t [u8]>,
    /// How many bytes it takes.
    pub(super) len: usize,
}

impl Syntax {
    /// With names for the arguments `{1}`, `{2}`, …; an empty name is none.
    #[must_use]
    pub fn with_columns(mut self, names: &[Vec<u8>]) -> Self {
        self.columns = Columns::new(names);
        self
    }

    /// The longest replacement string that `text` begins with.
    pub(super) fn find<'t>(&self, text: &'t [u8]) -> Option<Found<'t>> {
        let plain = self
            .entries
            .iter()
            .filter(|entry| text.starts_with(&entry.spelling))
            .map(|entry| Found {
                what: entry.what,
                position: None,
                len: entry.spelling.len(),
            });
        let positional = self
            .entries
            .iter()
            .filter_map(|entry| entry.find_positional(text));
        plain.chain(positional).max_by_key(|found| found.len)
    }
}

impl Entry {
    /// The form with a position after the opening brace: `{2.}`, `{-1}`.
    fn find_positional<'t>(&self, text: &'t [u8]) -> Option<Found<'t>> {
        let tail = self.spelling.strip_prefix(b"{")?;
        let inner = text.strip_prefix(b"{")?;
        let sign = usize::from(inner.first() == Some(&b'-'));
        let digits = inner[sign..]
            .iter()
            .take_while(|byte| byte.is_ascii_digit())
            .count();
        let (position, rest) = inner.split_at(sign + digits);
        (digits > 0 && tail.ends_with(b"}") && rest.starts_with(tail)).then(|| Found {
            what: self.what,
            position: Some(position),
            len: 1 + position.len() + tail.len(),
        })
    }
}
