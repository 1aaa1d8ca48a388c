//! Input sources: from words, files and stdin to a lazily pulled stream of records.
//!
//! ```text
//! File/stdin ─ reader ─┐                      ┌─ Single ──────────────┐
//!                      ├─ source ─ streams ───┤                       ├─► Records: one ArgList each
//! words ─ delimiter ───┘                      └─ link ─► product ─────┘
//! ```
//!
//! | file | its one idea |
//! |---|---|
//! | `delimiter` | what ends a record, and how `-d` spells it |
//! | `reader` | bytes to records: big reads, no copy |
//! | `source` | one opened source: its name, its place, NUL bytes, its errors |
//! | `link` | sources that advance together (`:::+`, `--link`) |
//! | `product` | every combination of the sources, the last one varying fastest |
//! | `count` | how many records there will be, for progress reports |
//! | `error` | what can go wrong, in words |
//!
//! A record is one argument per source. All files are opened before the first record is given out, so
//! that a missing file stops the run before anything runs; nothing is read until a record is asked for.
//! One source takes the same memory whatever its length. In a product all sources but the first are
//! kept in memory, as they are read; the first is only streamed.
//!
//! As GNU parallel: the words of `:::` are split at the delimiter too; an empty source among others
//! counts as one empty argument; when all sources are empty, there is no record.

mod count;
mod delimiter;
mod error;
mod link;
mod product;
mod reader;
mod source;

pub use delimiter::Delimiter;
pub use error::{InputError, SourceName};
pub use source::Notices;

use std::path::PathBuf;

use crate::model::ArgList;
use link::Links;
use product::Product;
use source::{Source, Streams};

/// Where records come from and how they are told apart.
#[derive(Clone, Debug, Default)]
pub struct InputConfig {
    /// The sources in the order of the command line: the arguments `{1}`, `{2}`, … of each record.
    pub sources: Vec<SourceSpec>,
    /// What ends a record; it splits words, too.
    pub delimiter: Delimiter,
    /// `--link`: all sources advance together, and short ones start over.
    pub link: bool,
    /// Who is told about input that had to be changed.
    pub notices: Notices,
}

/// One input source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceSpec {
    /// Where its records are.
    pub kind: SourceKind,
    /// `:::+`, `::::+`: it advances together with the source before it; the shorter one ends both.
    pub linked: bool,
}

/// Where a source's records are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceKind {
    /// On the command line (`:::`).
    Words(Vec<Vec<u8>>),
    /// In a file or FIFO (`::::`, `-a`).
    File(PathBuf),
    /// On standard input. Sources that name it twice share it: each takes the next record that is left.
    Stdin,
}

impl From<SourceKind> for SourceSpec {
    fn from(kind: SourceKind) -> Self {
        Self {
            kind,
            linked: false,
        }
    }
}

/// The records, pulled one by one. After an error there is nothing more.
#[derive(Debug)]
pub struct Records {
    rows: Rows,
    width: usize,
}

#[derive(Debug)]
enum Rows {
    /// The most frequent shape, and the fast one.
    Single(Box<Source>),
    Product(Box<Product>),
    Over,
}

impl Records {
    /// Opens all sources; reads nothing yet.
    ///
    /// # Errors
    ///
    /// When a file cannot be opened or is a directory.
    pub fn open(config: InputConfig) -> Result<Self, InputError> {
        let links = Links::of(&config);
        Ok(Self::over(Streams::open(config)?, &links))
    }

    /// Opens all sources and counts their records, which takes reading each source to its end.
    ///
    /// Files are read a second time later; stdin and FIFOs are copied into an unlinked file under
    /// `$TMPDIR`. The records are never held in memory.
    ///
    /// # Errors
    ///
    /// As [`Records::open`], and when something cannot be read or copied.
    pub fn count_ahead(config: InputConfig) -> Result<(u64, Self), InputError> {
        let links = Links::of(&config);
        let mut streams = Streams::open(config)?;
        let total = count::total(&mut streams, &links)?;
        Ok((total, Self::over(streams, &links)))
    }

    fn over(streams: Streams, links: &Links) -> Self {
        let width = links.len();
        let rows = match streams.into_single() {
            Ok(source) => Rows::Single(Box::new(source)),
            Err(streams) => Rows::Product(Box::new(Product::new(streams, links))),
        };
        Self { rows, width }
    }

    /// Whether the next record can be had without waiting for somebody to write it. May be false when
    /// it could, never true when it could not.
    pub fn ready(&self) -> bool {
        match &self.rows {
            Rows::Single(source) => source.ready(),
            Rows::Product(product) => product.ready(),
            Rows::Over => true,
        }
    }

    /// How many arguments each record has: one per source.
    pub fn width(&self) -> usize {
        self.width
    }
}

impl Iterator for Records {
    type Item = Result<ArgList, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        let pulled = match &mut self.rows {
            Rows::Single(source) => source.next().map(|arg| arg.map(ArgList::single)),
            Rows::Product(product) => product.next(),
            Rows::Over => return None,
        };
        if !matches!(pulled, Ok(Some(_))) {
            self.rows = Rows::Over;
        }
        pulled.transpose()
    }
}

#[cfg(test)]
mod tests;
