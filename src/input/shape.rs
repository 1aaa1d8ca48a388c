//! What becomes of a source's records before they are arguments: left out, ended early, cut into
//! columns, trimmed. Runs that ask for none of it never come here.

use super::error::InputError;
use super::source::Source;
use crate::model::ArgList;
use crate::record::csv::{self, Parsed};
use crate::record::pattern::Pattern;
use crate::record::visible::visible;
use crate::sys::limits;

/// What is done to records, in this order.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Shape {
    /// `-d ''`: records are paragraphs, ended by any number of empty lines.
    pub paragraphs: bool,
    /// `--skip-first-line`: the first record of the first source is dropped.
    pub skip_first: bool,
    /// `--header`: what gives the columns names.
    pub header: Header,
    /// `-E`: a record like this ends its source.
    pub eof: Option<Vec<u8>>,
    /// `-L`, `-l`: a record that ends with white space goes on in the next one.
    pub joins_lines: bool,
    /// `--colsep`, `--csv`: how a record is cut into columns, each an argument.
    pub columns: Columns,
    /// `--trim`: which ends of each argument lose their white space.
    pub trim: Trim,
    /// `-r`: blank records are left out.
    pub skip_blank: bool,
    /// `--shuf`: the records come in random order, which takes all of them in memory.
    pub shuffle: bool,
}

/// The byte order mark of UTF-8.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";

/// What gives names to the columns.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Header {
    /// Nothing.
    #[default]
    None,
    /// The first record of each source.
    FirstRecord,
    /// The names of the files.
    FileNames,
}

/// How a record is cut into columns.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Columns {
    /// Not at all.
    #[default]
    One,
    /// Where this matches.
    SplitBy(Box<Pattern>),
    /// As CSV with this separator.
    Csv(Vec<u8>),
}

/// Which ends of an argument lose their white space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Trim {
    /// The left one.
    pub left: bool,
    /// The right one.
    pub right: bool,
}

impl Shape {
    /// Whether records are taken as they are.
    pub(super) fn is_plain(&self) -> bool {
        !self.paragraphs
            && !self.skip_first
            && !self.joins_lines
            && self.header == Header::None
            && self.eof.is_none()
            && matches!(self.columns, Columns::One)
            && self.trim == Trim::default()
            && !self.skip_blank
            && !self.shuffle
    }

    /// Whether a record of the input may turn out to be no record, or only part of one.
    pub(super) fn may_need_more(&self) -> bool {
        let joins = self.paragraphs || self.joins_lines;
        joins || self.skip_blank || matches!(self.columns, Columns::Csv(_))
    }

    /// The next record of `source` as arguments.
    pub(super) fn pull(&self, source: &mut Source) -> Result<Option<ArgList>, InputError> {
        let mut record = loop {
            match self.raw(source)? {
                Some(record) if self.skip_blank && record.iter().all(|&byte| is_space(byte)) => {}
                Some(record) => break record,
                None => return Ok(None),
            }
        };
        if self.eof.as_ref() == Some(&record) {
            source.end();
            return Ok(None);
        }
        while self.joins_lines && record.last().is_some_and(|&byte| is_space(byte)) {
            match self.raw(source)? {
                Some(more) if self.eof.as_ref() != Some(&more) => record.extend(more),
                Some(_) => source.end(),
                None => break,
            }
        }
        let columns = self.cut(record, source)?;
        Ok(Some(self.trim.apply(columns)))
    }

    /// The next record of `source`, which names its columns.
    pub(super) fn names(&self, source: &mut Source) -> Result<Option<ArgList>, InputError> {
        let Some(mut record) = self.raw(source)? else {
            return Ok(None);
        };
        // Files that come from elsewhere have a mark in front, and a CR in front of each line's end.
        if record.starts_with(BYTE_ORDER_MARK) {
            record.drain(..BYTE_ORDER_MARK.len());
        }
        record.pop_if(|last| *last == b'\r');
        self.cut(record, source).map(Some)
    }

    /// The next record that is one.
    pub(super) fn raw(&self, source: &mut Source) -> Result<Option<Vec<u8>>, InputError> {
        while let Some(record) = source.next()? {
            if !self.paragraphs {
                return Ok(Some(record));
            }
            // Cut at two line ends, a paragraph has one more at most on either side.
            let text = record.strip_prefix(b"\n").unwrap_or(&record);
            let text = text.strip_suffix(b"\n").unwrap_or(text);
            if !text.is_empty() {
                return Ok(Some(text.to_vec()));
            }
        }
        Ok(None)
    }

    fn cut(&self, mut record: Vec<u8>, source: &mut Source) -> Result<ArgList, InputError> {
        match &self.columns {
            Columns::One => Ok(ArgList::single(record)),
            Columns::SplitBy(pattern) => {
                let mut columns = ArgList::new();
                match pattern.split(&record, &mut columns) {
                    Ok(()) => Ok(columns),
                    Err(why) => Err(source.malformed(format!("--colsep: {why}"))),
                }
            }
            Columns::Csv(separator) => csv_fields(&mut record, separator, source),
        }
    }
}

/// The fields of a record that begins with `record`, and goes on where a quoted field does.
fn csv_fields(
    record: &mut Vec<u8>,
    separator: &[u8],
    source: &mut Source,
) -> Result<ArgList, InputError> {
    let mut columns = ArgList::new();
    // Fields that are whole are not looked at again when more is there.
    let mut at = 0;
    loop {
        match csv::fields(&record[at..], separator, &mut columns) {
            Parsed::Whole => return Ok(columns),
            Parsed::Malformed => {
                let why = format!("--csv: a quote inside a field: {}", shown(record));
                return Err(source.malformed(why));
            }
            Parsed::Unfinished(begun) => {
                at += begun;
                read_field_on(record, source)?;
            }
        }
    }
}

/// Reads on until the quoted field at the end of `record` may have ended.
fn read_field_on(record: &mut Vec<u8>, source: &mut Source) -> Result<(), InputError> {
    loop {
        let Some(more) = source.next()? else {
            let why = format!("--csv: a quote that is never closed: {}", shown(record));
            return Err(source.malformed(why));
        };
        let stays_open = csv::stays_open(&more);
        let held = record.len() + more.len();
        source.needle.append_to(record);
        record.extend(more);
        if held > limits::longest_command_line() {
            return Err(source.malformed(format!(
                "--csv: a quote is not closed in {held} bytes, which no command line can hold: is a quote missing? {}",
                shown(record)
            )));
        }
        if !stays_open {
            return Ok(());
        }
    }
}

impl Trim {
    /// `n`, `l`, `r`, `lr` or `rl`.
    ///
    /// # Errors
    ///
    /// The rest of a sentence that begins with the option's name.
    pub fn parse(text: &[u8]) -> Result<Self, String> {
        let (left, right) = match text {
            b"n" => (false, false),
            b"l" => (true, false),
            b"r" => (false, true),
            b"lr" | b"rl" => (true, true),
            _ => {
                return Err(format!(
                    "must be one of: n l r lr rl, not '{}'",
                    String::from_utf8_lossy(text)
                ));
            }
        };
        Ok(Self { left, right })
    }

    /// Both ends.
    pub fn both() -> Self {
        Self {
            left: true,
            right: true,
        }
    }

    fn apply(self, args: ArgList) -> ArgList {
        if self == Self::default() {
            return args;
        }
        args.iter().map(|arg| self.trimmed(arg)).collect()
    }

    fn trimmed(self, arg: &[u8]) -> &[u8] {
        let start = arg
            .iter()
            .position(|&byte| !(self.left && is_space(byte)))
            .unwrap_or(arg.len());
        let end = arg
            .iter()
            .rposition(|&byte| !(self.right && is_space(byte)))
            .map_or(start, |last| last + 1);
        &arg[start..end.max(start)]
    }
}

/// What Perl's `\s` matches.
fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t'..=b'\r')
}

/// The beginning of a record, for an error.
fn shown(record: &[u8]) -> String {
    const MOST: usize = 60;
    let more = if record.len() > MOST { "…" } else { "" };
    let start = &record[..record.len().min(MOST)];
    format!("{}{more}", visible(start))
}

#[cfg(test)]
mod tests {
    use super::Trim;

    #[test]
    fn trims_either_end_or_both() {
        for (how, want) in [
            ("n", " \u{b}a b\r\n"),
            ("l", "a b\r\n"),
            ("r", " \u{b}a b"),
            ("lr", "a b"),
            ("rl", "a b"),
        ] {
            let trim = Trim::parse(how.as_bytes()).unwrap();
            assert_eq!(trim.trimmed(b" \x0ba b\r\n"), want.as_bytes(), "{how}");
        }
        assert_eq!(Trim::both().trimmed(b" \n"), b"");
        assert!(Trim::parse(b"x").unwrap_err().contains("'x'"));
    }
}
