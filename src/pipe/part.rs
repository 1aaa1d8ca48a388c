//! Blocks of regular files: ranges whose ends are looked for, and which only their jobs read.

use std::fs::File;
use std::io;
use std::ops::Range;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use memchr::memmem;

use super::key::Key;
use super::limit::{self, Limit, too_long};
use super::separator::Separator;
use super::source::{self, Input, Source};
use super::stream::{header_end, larger};
use super::{Config, Header, Remark};
use crate::model::{Body, Stdin};

/// How much is read at first to find a record end, in bytes.
const WINDOW: u64 = 16 << 10;
/// How much of what has no record end is read at once later.
const LARGE: u64 = 1 << 20;
/// How much is read at first to find what a regexp matches, in bytes; as GNU parallel.
const REGEXP_WINDOW: u64 = 128 << 10;
/// By how much windows become larger that must hold all that was looked at.
const GROWTH: u64 = 4;

/// The size of all `files`; `None` when there are none, or some are no files.
pub fn total_size(files: &[PathBuf]) -> Option<u64> {
    let sizes = files.iter().map(|file| std::fs::metadata(file).ok());
    let sum = sizes
        .map(|meta| {
            meta.filter(std::fs::Metadata::is_file)
                .map(|meta| meta.len())
        })
        .sum::<Option<u64>>();
    sum.filter(|_| !files.is_empty())
}

/// A job's standard input: the part `range` of `file`, which the job itself is said to have read.
pub fn stdin(
    header: &Arc<[u8]>,
    file: &Arc<File>,
    name: Option<&Arc<Path>>,
    range: Range<u64>,
) -> Stdin {
    Stdin {
        counts: false,
        header: Arc::clone(header),
        body: Body::Part {
            file: Arc::clone(file),
            name: name.map(Arc::clone),
            range,
        },
    }
}

fn read_at(file: &File, range: Range<u64>) -> io::Result<Vec<u8>> {
    let len = usize::try_from(range.end.saturating_sub(range.start)).unwrap_or(usize::MAX);
    let mut bytes = vec![0; len];
    let mut filled = 0;
    while filled < len {
        match file.read_at(&mut bytes[filled..], range.start + filled as u64) {
            Ok(0) => break,
            Ok(got) => filled += got,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    bytes.truncate(filled);
    Ok(bytes)
}

/// The header at `at` of `file`, which the user calls `input`; empty when there is none.
fn header_at(
    file: &File,
    input: &str,
    at: u64,
    wanted: Option<&Header>,
    limit: &mut Limit,
) -> Result<Arc<[u8]>, String> {
    let Some(wanted) = wanted else {
        return Ok(Arc::from([]));
    };
    let mut window = WINDOW;
    loop {
        let bytes = read_at(file, at..at + window).map_err(|error| error.to_string())?;
        if let Some(end) = header_end(wanted, &bytes)? {
            return Ok(Arc::from(&bytes[..end]));
        }
        let held = bytes.len();
        if (held as u64) < window {
            return Ok(Arc::from([]));
        }
        if limit.is_passed(held) {
            return Err(too_long(input, held, limit::THE_HEADER, limit::HEADER));
        }
        window *= GROWTH;
    }
}

/// Parts of files as `--pipepart` has them.
pub struct Parts {
    inputs: Vec<Input>,
    size: u64,
    separator: Separator,
    group_by: Option<Key>,
    header_wanted: Option<Header>,
    current: Option<Current>,
    limit: Limit,
}

struct Current {
    file: Arc<File>,
    /// Where the header is what the file begins with.
    name: Option<Arc<Path>>,
    header: Arc<[u8]>,
    at: u64,
    end: u64,
    /// Told when the end is reached.
    input: Input,
}

impl Parts {
    /// The parts of the files in `source`.
    ///
    /// # Errors
    ///
    /// When a file cannot be read.
    pub fn new(config: Config, source: Source) -> Result<Self, String> {
        let mut inputs: Vec<_> = source.into_inputs().collect();
        inputs.reverse();
        Ok(Self {
            inputs,
            size: config.block_bytes() as u64,
            separator: config.separator,
            group_by: config.group_by,
            header_wanted: config.header,
            current: None,
            limit: config.limit.for_blocks(0, GROWTH as usize),
        })
    }

    /// The next part.
    ///
    /// # Errors
    ///
    /// When a file cannot be read.
    pub fn next_part(&mut self) -> Result<Option<Stdin>, String> {
        loop {
            if let Some(current) = &mut self.current {
                if current.at < current.end {
                    let start = current.at;
                    let cut = next_cut(
                        current,
                        start.saturating_add(self.size),
                        &self.separator,
                        self.group_by.as_mut(),
                        &mut self.limit,
                    )?;
                    current.at = cut;
                    let name = current.name.as_ref();
                    return Ok(Some(stdin(
                        &current.header,
                        &current.file,
                        name,
                        start..cut,
                    )));
                }
                source::consumed(&current.file, current.end);
                self.current = None;
            }
            let Some(input) = self.inputs.pop() else {
                return Ok(None);
            };
            self.current = Some(Current::begin(
                input,
                self.header_wanted.as_ref(),
                &mut self.limit,
            )?);
            if let (Some(key), Some(current)) = (&mut self.group_by, &self.current) {
                key.resolve(&current.header)?;
            }
        }
    }
}

impl Current {
    fn begin(input: Input, header: Option<&Header>, limit: &mut Limit) -> Result<Self, String> {
        let file = Arc::clone(input.file());
        let size = size_of(&file).map_err(|error| input.cannot_read(&error))?;
        let at = input
            .position()
            .map_err(|error| input.cannot_read(&error))?;
        let header = header_at(&file, &input.shown(), at, header, limit)?;
        let name = input.name().filter(|_| at == 0 || header.is_empty());
        Ok(Self {
            at: at + header.len() as u64,
            end: size,
            name: name.cloned(),
            file,
            header,
            input,
        })
    }

    fn read(&self, range: Range<u64>) -> Result<Vec<u8>, String> {
        read_at(&self.file, range).map_err(|error| self.input.cannot_read(&error))
    }

    /// Refuses to hold more than `held` bytes in which `what` does not end.
    fn check(
        &self,
        limit: &mut Limit,
        held: usize,
        what: impl FnOnce() -> String,
        advice: &str,
    ) -> Result<(), String> {
        if limit.is_passed(held) {
            return Err(too_long(&self.input.shown(), held, &what(), advice));
        }
        Ok(())
    }
}

/// A file's size, or a block device's.
fn size_of(mut file: &File) -> io::Result<u64> {
    use std::io::{Seek as _, SeekFrom};
    let meta = file.metadata()?;
    if meta.is_file() {
        return Ok(meta.len());
    }
    let at = file.stream_position()?;
    let end = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(at))?;
    Ok(end)
}

/// Where the part ends that should end at `from` or after it.
fn next_cut(
    current: &Current,
    from: u64,
    separator: &Separator,
    group_by: Option<&mut Key>,
    limit: &mut Limit,
) -> Result<u64, String> {
    if from >= current.end {
        return Ok(current.end);
    }
    let cut = match separator {
        Separator::Csv => return csv_cut(current, from),
        Separator::Regexp { .. } => regexp_cut(current, from, separator, limit)?,
        Separator::Fixed { end, start } => fixed_cut(current, from, end, start)?,
    };
    match group_by {
        None => Ok(cut),
        Some(key) => group_cut(current, cut, key, limit),
    }
}

/// Where the first record at `from` or behind it ends: with `ends`, if what follows begins with `begins`.
fn fixed_cut(current: &Current, from: u64, ends: &[u8], begins: &[u8]) -> Result<u64, String> {
    let separator = [ends, begins].concat();
    let overlap = separator.len().saturating_sub(1) as u64;
    let (mut from, mut window) = (from, WINDOW.max(GROWTH * overlap));
    loop {
        let until = from.saturating_add(window).min(current.end);
        let bytes = current.read(from..until)?;
        if let Some(at) = memmem::find(&bytes, &separator) {
            return Ok(from + (at + ends.len()) as u64);
        }
        if until == current.end {
            return Ok(until);
        }
        from = until - overlap;
        window = LARGE.max(GROWTH * overlap);
    }
}

/// Where the last match behind `from` ends a record, among so many bytes as need be looked at to find one. As GNU
/// parallel, whose parts are larger by this.
fn regexp_cut(
    current: &Current,
    from: u64,
    separator: &Separator,
    limit: &mut Limit,
) -> Result<u64, String> {
    let end = current.end;
    let mut window = REGEXP_WINDOW;
    loop {
        let until = from.saturating_add(window).min(end);
        let bytes = current.read(from..until)?;
        if let Some(cut) = separator.last_cut_or_begin(&bytes)? {
            return Ok(from + cut as u64);
        }
        if until == end {
            return Ok(end);
        }
        let what = || format!("a record ({})", separator.shown());
        current.check(limit, bytes.len(), what, limit::RECORDS)?;
        window += REGEXP_WINDOW.max(window / 4);
    }
}

/// Where the group ends that the line at `from` is in.
fn group_cut(
    current: &Current,
    from: u64,
    key: &mut Key,
    limit: &mut Limit,
) -> Result<u64, String> {
    let mut at = from;
    let mut group: Option<Vec<u8>> = None;
    let mut window = WINDOW;
    while at < current.end {
        let until = at.saturating_add(window).min(current.end);
        let bytes = current.read(at..until)?;
        let whole = match memchr::memrchr(b'\n', &bytes) {
            _ if until == current.end => bytes.len(),
            Some(end) => end + 1,
            None => {
                current.check(limit, bytes.len(), || "a line".to_owned(), limit::GROUPS)?;
                window *= GROWTH;
                continue;
            }
        };
        let lines: Vec<&[u8]> = bytes[..whole]
            .split_inclusive(|&byte| byte == b'\n')
            .collect();
        let keys = key.of(&lines)?;
        for (line, key) in lines.iter().zip(keys) {
            if group.get_or_insert_with(|| key.clone()) != &key {
                return Ok(at);
            }
            at += line.len() as u64;
        }
    }
    Ok(current.end)
}

/// As the quotes before it decide what a newline is, CSV is read from the part's begin.
fn csv_cut(current: &Current, from: u64) -> Result<u64, String> {
    let (mut at, mut quoted) = (current.at, false);
    while at < current.end {
        let until = at.saturating_add(1 << 20).min(current.end);
        let bytes = current.read(at..until)?;
        for place in memchr::memchr2_iter(b'"', b'\n', &bytes) {
            if bytes[place] == b'"' {
                quoted = !quoted;
            } else if !quoted && at + place as u64 >= from {
                return Ok(at + place as u64 + 1);
            }
        }
        at = until;
    }
    Ok(current.end)
}

/// Blocks of a file that stands for a stream: cut just where the stream's blocks would be, without reading
/// more than their ends.
pub struct FileBlocks {
    file: Arc<File>,
    header: Arc<[u8]>,
    at: u64,
    end: u64,
    size: usize,
    separator: Separator,
    remark: Remark,
}

impl FileBlocks {
    /// The blocks of `file` from `at` on.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn new(config: Config, file: Arc<File>, at: u64, remark: Remark) -> Result<Self, String> {
        let mut limit = config.limit.clone().for_blocks(0, GROWTH as usize);
        let header = header_at(
            &file,
            "standard input",
            at,
            config.header.as_ref(),
            &mut limit,
        )?;
        let end = size_of(&file).map_err(|error| cannot_read(&error))?;
        Ok(Self {
            at: at + header.len() as u64,
            end,
            header,
            file,
            size: config.block_bytes(),
            separator: config.separator,
            remark,
        })
    }

    /// The next one.
    ///
    /// # Errors
    ///
    /// When the file cannot be read.
    pub fn next_part(&mut self) -> Result<Option<Stdin>, String> {
        let start = self.at;
        if start >= self.end {
            // It may have grown.
            self.end = size_of(&self.file).map_err(|error| cannot_read(&error))?;
            if start >= self.end {
                source::consumed(&self.file, self.end);
                return Ok(None);
            }
        }
        loop {
            let until = start + self.size as u64;
            // A block that is full is cut even if nothing follows: a stream's end is not seen yet.
            if until > self.end {
                self.at = self.end;
                break;
            }
            if let Some(cut) = self.last_cut(start..until)? {
                self.at = cut;
                break;
            }
            let old = self.size;
            self.size = larger(old);
            if self.size == old {
                self.at = until;
                break;
            }
            (self.remark)(&format!(
                "Warning: A record was longer than {old}. Increasing to --blocksize {}.",
                self.size
            ));
        }
        Ok(Some(Stdin {
            counts: true,
            ..stdin(&self.header, &self.file, None, start..self.at)
        }))
    }

    /// Where the last record ends in `range`.
    fn last_cut(&self, range: Range<u64>) -> Result<Option<u64>, String> {
        if self.separator.is_anywhere() {
            return Ok(Some(range.end));
        }
        // A whole separator: a record may begin where a window does.
        let overlap = self.separator.overlap().map_or(0, |it| it as u64 + 1);
        let (mut end, mut window) = (range.end, WINDOW);
        loop {
            let from = end.saturating_sub(window).max(range.start);
            let bytes = read_at(&self.file, from..end).map_err(|error| cannot_read(&error))?;
            if let Some(cut) = self.separator.last_cut(&bytes)? {
                return Ok(Some(from + cut as u64));
            }
            if from == range.start {
                return Ok(None);
            }
            window = (window * GROWTH).min(LARGE.max(GROWTH * overlap));
            end = (from + overlap).min(range.end);
        }
    }
}

fn cannot_read(error: &io::Error) -> String {
    format!("cannot read standard input: {error}")
}
