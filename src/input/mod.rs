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
//! | `reader` | bytes to records: big reads, no copy |
//! | `source` | one opened source: its name, its place, NUL bytes, its errors |
//! | `shape` | records cut into columns, trimmed, left out; header, end mark |
//! | `link` | sources that advance together (`:::+`, `--link`) |
//! | `product` | every combination of the sources, the last one varying fastest |
//! | `count` | how many records there will be, for progress reports |
//! | `growth` | files that grow while their jobs run |
//! | `line_ends` | the hint at `-d '\r\n'` |
//! | `error` | what can go wrong, in words |
//!
//! A record is one argument per source, or as many as it is cut into. All files are opened before the first record is given out, so
//! that a missing file stops the run before anything runs; nothing is read until a record is asked for.
//! One source takes the same memory whatever its length. In a product all sources but the first are
//! kept in memory, as they are read; the first is only streamed.
//!
//! As GNU parallel: the words of `:::` are split at the delimiter too; an empty source among others
//! counts as one empty argument; when all sources are empty, there is no record.

mod count;
mod error;
mod growth;
mod input_count;
mod line_ends;
mod link;
mod product;
pub mod reader;
mod relay;
mod shape;
mod source;

pub use error::{InputError, SourceName};
pub use growth::Growth;
pub use input_count::InputCount;
pub use shape::{Columns, Header, Shape, Trim};
pub use source::Notices;

use std::path::PathBuf;
use std::vec;

use crate::model::ArgList;
use crate::record::delimiter::Delimiter;
use crate::sys::fd;
use link::Links;
use product::Product;
use source::{Source, Streams};

/// Where records come from and how they are told apart.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct InputConfig {
    /// The sources in the order of the command line: the arguments `{1}`, `{2}`, … of each record.
    pub sources: Vec<SourceSpec>,
    /// What ends a record; it splits words, too.
    pub delimiter: Delimiter,
    /// Whether nobody said what ends a record, so that values that end in CR are worth a notice.
    pub hints_at_cr: bool,
    /// `--link`: all sources advance together, and short ones start over.
    pub link: bool,
    /// What is done to the records; nothing by default.
    pub shape: Shape,
}

/// An input together with those who take part in reading it.
#[derive(Debug, Default)]
pub struct Input {
    /// What is read.
    pub config: InputConfig,
    /// Who is told about input that had to be changed.
    pub notices: Notices,
    /// Who says whether the first source, if it is a file, may still grow.
    pub growth: Growth,
}

impl From<InputConfig> for Input {
    /// One that nobody takes part in.
    fn from(config: InputConfig) -> Self {
        Self {
            config,
            ..Self::default()
        }
    }
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
    names: Vec<Vec<u8>>,
}

#[derive(Debug)]
enum Rows {
    /// The most frequent shape, and the fast one.
    Single(Box<Source>),
    Product(Box<Product>),
    /// `--shuf`: not read yet.
    Unshuffled(Box<Product>),
    Shuffled(vec::IntoIter<ArgList>),
    Over,
}

impl Records {
    /// Opens all sources; reads nothing yet but what a header takes.
    ///
    /// # Errors
    ///
    /// When a file cannot be opened or is a directory, or a header cannot be read.
    pub fn open(input: impl Into<Input>) -> Result<Self, InputError> {
        let Input {
            config,
            notices,
            growth,
        } = input.into();
        let links = Links::of(&config);
        let mut streams = Streams::open(config, &notices)?;
        // A header is read before anybody could make the file grow.
        let names = streams.skip_header()?;
        streams.watch_line_ends();
        streams.grow(growth);
        Ok(Self::over(streams, &links, names))
    }

    /// As [`open`](Self::open), of an input whose records are counted while they are used: `count` will tell. `None`: it
    /// is not one that comes through a pipe and is taken as it is.
    ///
    /// # Errors
    ///
    /// When it cannot be opened, or there is no file or thread for it.
    pub fn open_counting(
        config: &InputConfig,
        notices: &Notices,
        count: &InputCount,
    ) -> Result<Option<Self>, InputError> {
        let [
            SourceSpec {
                kind: SourceKind::Stdin,
                ..
            },
        ] = &config.sources[..]
        else {
            return Ok(None);
        };
        if !config.shape.is_plain() || !fd::is_pipe(std::io::stdin()) {
            return Ok(None);
        }
        let links = Links::of(config);
        let mut streams = Streams::open(config.clone(), notices)?;
        for stream in &mut streams.opened {
            stream.relay(count)?;
        }
        streams.watch_line_ends();
        Ok(Some(Self::over(streams, &links, Vec::new())))
    }

    /// Opens all sources and counts their records, which takes reading each source to its end.
    ///
    /// Files are read a second time later; stdin and FIFOs are copied into an unlinked file under
    /// `$TMPDIR`. The records are never held in memory.
    ///
    /// # Errors
    ///
    /// As [`Records::open`], and when something cannot be read or copied.
    pub fn count_ahead(input: impl Into<Input>) -> Result<(u64, Self), InputError> {
        let Input {
            config, notices, ..
        } = input.into();
        let links = Links::of(&config);
        let mut streams = Streams::open(config, &notices)?;
        if streams.shape.is_none() {
            let total = count::total(&mut streams, &links)?;
            streams.watch_line_ends();
            return Ok((total, Self::over(streams, &links, Vec::new())));
        }
        // What records are worth shows only when they are read: so they are, and once more later.
        let count = |mut records: Self| records.try_fold(0, |total, row| row.map(|_| total + 1));
        let (total, records) = Self::twice(streams, &links, count)?;
        Ok((total?, records))
    }

    /// Opens all sources and hands their records to `first`; they can be read afterwards as if untouched.
    ///
    /// # Errors
    ///
    /// As [`Records::count_ahead`].
    pub fn read_ahead<T>(
        input: impl Into<Input>,
        first: impl FnOnce(Self) -> T,
    ) -> Result<(T, Self), InputError> {
        let Input {
            config, notices, ..
        } = input.into();
        let links = Links::of(&config);
        Self::twice(Streams::open(config, &notices)?, &links, first)
    }

    fn twice<T>(
        mut streams: Streams,
        links: &Links,
        first: impl FnOnce(Self) -> T,
    ) -> Result<(T, Self), InputError> {
        let kept = count::rewindable(&mut streams)?;
        let names = streams.skip_header()?;
        let had = first(Self::over(streams, links, Vec::new()));
        let mut streams = kept.rewind()?;
        streams.skip_header()?;
        streams.watch_line_ends();
        Ok((had, Self::over(streams, links, names)))
    }

    fn over(streams: Streams, links: &Links, names: Vec<Vec<u8>>) -> Self {
        let rows = match streams.into_single() {
            Ok(source) => Rows::Single(Box::new(source)),
            Err(streams) => {
                let shuffle = streams.shape.as_ref().is_some_and(|shape| shape.shuffle);
                let product = Box::new(Product::new(streams, links));
                if shuffle {
                    Rows::Unshuffled(product)
                } else {
                    Rows::Product(product)
                }
            }
        };
        Self { rows, names }
    }

    /// Whether the next record can be had without waiting for somebody to write it. May be false when
    /// it could, never true when it could not.
    pub fn ready(&self) -> bool {
        match &self.rows {
            Rows::Single(source) => source.ready(),
            Rows::Product(product) => product.ready(),
            Rows::Unshuffled(_) => false,
            Rows::Shuffled(_) | Rows::Over => true,
        }
    }

    /// The names of the columns, as far as a header gave any.
    pub fn names(&self) -> &[Vec<u8>] {
        &self.names
    }

    /// Reads everything that `product` has, and draws one of its rows after the other.
    fn shuffle(&mut self, product: &mut Product) -> Result<Option<ArgList>, InputError> {
        let mut rows = Vec::new();
        while let Some(row) = product.next()? {
            rows.push(row);
        }
        fastrand::shuffle(&mut rows);
        let mut rows = rows.into_iter();
        let first = rows.next();
        self.rows = Rows::Shuffled(rows);
        Ok(first)
    }
}

impl Iterator for Records {
    type Item = Result<ArgList, InputError>;

    fn next(&mut self) -> Option<Self::Item> {
        let pulled = match &mut self.rows {
            Rows::Single(source) => source.next().map(|arg| arg.map(ArgList::single)),
            Rows::Product(product) => product.next(),
            Rows::Shuffled(rows) => Ok(rows.next()),
            Rows::Unshuffled(_) => match std::mem::replace(&mut self.rows, Rows::Over) {
                Rows::Unshuffled(mut product) => self.shuffle(&mut product),
                _ => return None,
            },
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
