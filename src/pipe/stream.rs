//! Blocks of a stream, read into shared buffers and cut at the last record end.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::group::Grouped;
use super::limit::{self, Limit, too_long};
use super::separator::{Ends, Separator};
use super::source::Source;
use super::{Config, Header, Remark};
use crate::flow::block::{Block, Buffer, BufferPool};
use crate::sys::limits;

/// Blocks do not grow beyond this, as in GNU parallel.
const LARGEST: usize = (1 << 31) - 1;

/// So much is read before anybody looks at how much it is, in bytes.
const STEP: usize = 64 << 20;

/// What yields blocks.
pub trait Blocks {
    /// The next one; `None` at the end.
    ///
    /// # Errors
    ///
    /// When the input cannot be read.
    fn next_block(&mut self) -> Result<Option<Block>, String>;
}

/// Cuts a stream into blocks.
pub struct Splitter {
    source: Bytes,
    separator: Separator,
    ends: Ends,
    /// How many records a block gets; `None`: all that are in the buffer.
    records: Option<usize>,
    lines: Option<usize>,
    size: usize,
    remove_separators: bool,
    skip_blank: bool,
    timeout: Option<Duration>,
    pool: BufferPool,
    remark: Remark,
    header_wanted: Option<Header>,
    header: Arc<[u8]>,
    /// What was read and is in no block yet.
    rest: Buffer,
    /// A buffer that blocks of some records are being cut from, and how far.
    slicing: Option<(Arc<Buffer>, usize)>,
    over: bool,
    /// Whether what was read last of all was looked at.
    swept: bool,
    /// Whether the last buffer gave a block.
    written: bool,
    limit: Limit,
}

/// Where bytes come from.
enum Bytes {
    Plain(Source),
    Grouped(Box<Grouped>),
}

impl Splitter {
    /// Cuts `source` as `config` has it, into buffers of `pool` with `size` bytes.
    pub fn new(
        config: Config,
        source: Source,
        pool: BufferPool,
        size: usize,
        remark: Remark,
    ) -> Self {
        Self {
            source: Bytes::Plain(source),
            separator: config.separator,
            ends: config.ends,
            records: config.records,
            lines: config.lines,
            size,
            remove_separators: config.remove_separators,
            skip_blank: config.skip_blank,
            timeout: config.timeout,
            rest: pool.take(),
            pool,
            remark,
            header_wanted: config.header,
            header: Arc::from([]),
            slicing: None,
            over: false,
            swept: false,
            written: false,
            // Separators are taken out of a copy, by way of another.
            limit: config
                .limit
                .for_blocks(size, if config.remove_separators { 3 } else { 1 }),
        }
    }

    /// What is repeated for each job; known once a block was asked for.
    pub fn header(&self) -> Arc<[u8]> {
        Arc::clone(&self.header)
    }

    /// Whether the next block can be had without waiting for anybody. It may begin in the next buffer: where few
    /// are left, those who have the others must have been told of them before.
    pub fn ready(&self) -> bool {
        let slices = self.slicing.is_some() && !self.remove_separators && !self.over;
        slices && self.pool.spare() > 1
    }

    /// The buffers that blocks are in.
    pub fn pool(&self) -> &BufferPool {
        &self.pool
    }

    /// The size of a block.
    pub fn block_size(&self) -> usize {
        self.size
    }

    /// Has records of the same group stay together: `make` gets the bytes, the header and the limit of a line.
    ///
    /// # Errors
    ///
    /// When the header cannot be read or does not have what groups are made by.
    pub fn group(
        &mut self,
        make: impl FnOnce(Source, &[u8], Limit) -> Result<Grouped, String>,
    ) -> Result<(), String> {
        self.find_header()?;
        let begun = std::mem::take(&mut self.rest.bytes);
        let plain = std::mem::replace(&mut self.source, Bytes::Plain(Source::empty()));
        if let Bytes::Plain(source) = plain {
            let mut grouped = make(source, &self.header, self.limit.clone())?;
            grouped.push(&begun);
            self.separator = Separator::Fixed {
                end: Vec::new(),
                start: grouped.mark().to_vec(),
            };
            self.ends = Ends::default();
            self.remove_separators = true;
            self.limit = self.limit.clone().for_blocks(0, 3);
            self.source = Bytes::Grouped(Box::new(grouped));
        }
        Ok(())
    }

    /// Reads the header, if there is to be one and it is not known yet.
    ///
    /// # Errors
    ///
    /// When the input cannot be read.
    pub fn find_header(&mut self) -> Result<(), String> {
        let Some(wanted) = self.header_wanted.take() else {
            return Ok(());
        };
        // As in GNU parallel, a regexp gets to see whole blocks: one that matches nothing, too, is to match all it can.
        let whole = matches!(wanted, Header::Regexp(_));
        let mut ready = !whole;
        loop {
            if (ready || self.over)
                && let Some(end) = header_end(&wanted, &self.rest.bytes)?
            {
                self.header = Arc::from(&self.rest.bytes[..end]);
                self.rest.bytes.drain(..end);
                return Ok(());
            }
            if self.over {
                return Ok(());
            }
            let held = self.rest.bytes.len();
            if self.limit.is_passed(held) {
                let input = self.source.shown();
                return Err(too_long(&input, held, limit::THE_HEADER, limit::HEADER));
            }
            let missing = self.size - held % self.size;
            let got = self
                .source
                .read_to(&mut self.rest.bytes, missing.min(STEP))?;
            self.over = got == 0;
            ready = !whole || got == missing;
        }
    }

    /// Reads up to the next full block, the end, the timeout or the limit; says whether it was the timeout.
    fn fill(&mut self) -> Result<bool, String> {
        let len = self.rest.bytes.len();
        let mut missing = self.size - len % self.size;
        let deadline = self.timeout.map(|timeout| Instant::now() + timeout);
        self.rest.bytes.reserve(missing.min(STEP));
        while missing > 0 && !self.over && !self.limit.is_passed(self.rest.bytes.len()) {
            if let Some(deadline) = deadline
                && !self.source.ready_before(deadline)?
            {
                return Ok(true);
            }
            let got = self
                .source
                .read_to(&mut self.rest.bytes, missing.min(STEP))?;
            self.over = got == 0;
            missing -= got;
        }
        Ok(false)
    }

    /// Where the block in the buffer ends.
    fn cut(&self) -> Result<Option<usize>, String> {
        let bytes = &self.rest.bytes;
        match self.lines {
            // Any number of records of CSV may have the last line's end, but not one in a field.
            Some(lines) if lines > 1 || !matches!(self.separator, Separator::Csv) => {
                let ends: usize = memchr::memchr_iter(b'\n', bytes).count();
                let mut surplus = ends % lines;
                if ends < lines {
                    return Ok(None);
                }
                let last = memchr::memrchr_iter(b'\n', bytes).find(|_| {
                    let is_it = surplus == 0;
                    surplus = surplus.wrapping_sub(1);
                    is_it
                });
                Ok(last.map(|at| at + 1))
            }
            _ => self.separator.last_cut(bytes),
        }
    }

    /// Cuts off `end` bytes of what was read.
    fn take(&mut self, end: usize) -> Buffer {
        let mut next = self.pool.take();
        next.bytes.extend_from_slice(&self.rest.bytes[end..]);
        self.rest.bytes.truncate(end);
        std::mem::replace(&mut self.rest, next)
    }

    /// The next block of some records, if the buffer has that many.
    fn slice(&mut self) -> Result<Option<Block>, String> {
        let Some((buffer, at)) = self.slicing.take() else {
            return Ok(None);
        };
        let count = self.records.unwrap_or(1);
        if let Some(cut) = self.separator.nth_cut(&buffer.bytes[at..], count)? {
            let end = at + cut;
            let block = Block::new(Arc::clone(&buffer), at..end);
            self.slicing = Some((buffer, end));
            return Ok(Some(block));
        }
        match Arc::try_unwrap(buffer) {
            // Nothing was cut off.
            Ok(whole) if at == 0 => self.rest = whole,
            Ok(buffer) => self.rest.bytes.extend_from_slice(&buffer.bytes[at..]),
            Err(buffer) => self.rest.bytes.extend_from_slice(&buffer.bytes[at..]),
        }
        Ok(None)
    }

    fn next_raw(&mut self) -> Result<Option<Block>, String> {
        self.find_header()?;
        loop {
            if self.slicing.is_some() {
                if let Some(block) = self.slice()? {
                    self.written = true;
                    return Ok(Some(block));
                }
                self.end_turn()?;
            }
            if self.over && self.swept {
                let end = self.rest.bytes.len();
                return Ok((end > 0).then(|| Block::whole(self.take(end))));
            }
            // Where time is up, what is there is passed on, and no record is too long.
            self.written = self.fill()?;
            self.swept = self.over;
            if self.skip_blank {
                remove_blank_lines(&mut self.rest.bytes);
            }
            if self.records.is_some() {
                let empty = self.pool.take();
                let filled = std::mem::replace(&mut self.rest, empty);
                self.slicing = Some((Arc::new(filled), 0));
                continue;
            }
            // At the end, all records that are left are one block; but lines are counted.
            if (!self.over || self.lines.is_some())
                && let Some(end) = self.cut()?
            {
                return Ok(Some(Block::whole(self.take(end))));
            }
            self.end_turn()?;
        }
    }

    /// A buffer without a complete record makes the next one larger, as far as there is room.
    fn end_turn(&mut self) -> Result<(), String> {
        let held = self.rest.bytes.len();
        if !self.over && self.limit.is_passed(held) {
            let (what, advice) = self.sought();
            return Err(too_long(&self.source.shown(), held, &what, advice));
        }
        let enough = self.written || self.over || self.timeout.is_some();
        if !enough && self.size < LARGEST {
            self.grow();
        }
        Ok(())
    }

    /// What has to end before there is a block, and what to do where it does not.
    fn sought(&self) -> (String, &'static str) {
        let separator = self.separator.shown();
        match (self.records, self.lines, &self.source) {
            (_, _, Bytes::Grouped(_)) => ("a group (--group-by)".to_owned(), limit::GROUPS),
            (Some(records @ 2..), ..) => {
                (format!("{records} records ({separator})"), limit::RECORDS)
            }
            (_, Some(lines), _) => (format!("{lines} lines"), limit::RECORDS),
            _ => (format!("a record ({separator})"), limit::RECORDS),
        }
    }

    fn grow(&mut self) {
        let old = self.size;
        self.size = larger(old);
        (self.remark)(&format!(
            "Warning: A record was longer than {old}. Increasing to --blocksize {}.",
            self.size
        ));
    }
}

impl Blocks for Splitter {
    fn next_block(&mut self) -> Result<Option<Block>, String> {
        let Some(block) = self.next_raw()? else {
            return Ok(None);
        };
        if !self.remove_separators {
            return Ok(Some(block));
        }
        let mut stripped = self.pool.take();
        stripped.bytes.extend_from_slice(block.bytes());
        self.separator.remove(&mut stripped.bytes, &self.ends)?;
        Ok(Some(Block::whole(stripped)))
    }
}

impl Bytes {
    /// Appends up to `most` bytes to `buffer`; returns how many: 0 at the end.
    fn read_to(&mut self, buffer: &mut Vec<u8>, most: usize) -> Result<usize, String> {
        match self {
            Self::Plain(source) => source.read_to(buffer, most),
            Self::Grouped(grouped) => grouped.read_to(buffer, most),
        }
    }

    fn shown(&self) -> String {
        match self {
            Self::Plain(source) => source.shown(),
            Self::Grouped(grouped) => grouped.shown(),
        }
    }

    fn ready_before(&self, deadline: Instant) -> Result<bool, String> {
        match self {
            Self::Plain(source) => source.ready_before(deadline),
            Self::Grouped(_) => Ok(true),
        }
    }
}

/// A block of this size is always tried, in bytes.
const USUAL: usize = 1 << 20;

/// How many buffers blocks for so many `slots` take, and the size of a block: `wanted`, or less where memory is limited.
pub fn buffers(slots: usize, wanted: usize, remark: &Remark) -> (usize, usize) {
    // A block for each slot, one that waits, and one that is being filled.
    let count = slots + 2;
    let Some(left) = limits::memory_left() else {
        return (count, wanted);
    };
    let left = usize::try_from(left).unwrap_or(usize::MAX);
    let most = (left / 8).max(USUAL);
    if wanted > most {
        remark(&format!(
            "Warning: --block {wanted} does not fit into the memory that is left (ulimit -v, ulimit -d): \
             blocks have at most {most} bytes."
        ));
    }
    let size = wanted.min(most);
    (count.min((left / 2 / size).max(3)), size)
}

/// The block size after `old`, as in GNU parallel.
pub fn larger(old: usize) -> usize {
    ((old as f64 * 1.3 + 1.0).ceil() as usize).min(LARGEST)
}

/// Where the header ends in `text`, if all of it is there.
///
/// # Errors
///
/// When a regexp takes too long.
pub fn header_end(header: &Header, text: &[u8]) -> Result<Option<usize>, String> {
    match header {
        Header::Lines(0) => Ok(Some(0)),
        Header::Lines(lines) => Ok(memchr::memchr_iter(b'\n', text)
            .nth(lines - 1)
            .map(|at| at + 1)),
        Header::Regexp(regexp) => {
            let found = regexp.find(text, 0)?.first().copied().flatten();
            Ok(found.filter(|&(start, _)| start == 0).map(|(_, end)| end))
        }
    }
}

/// Takes out lines of nothing but white space; an unfinished one stays.
fn remove_blank_lines(bytes: &mut Vec<u8>) {
    let blank = |line: &[u8]| {
        line.iter()
            .all(|byte| byte.is_ascii_whitespace() || *byte == 0x0b)
    };
    let (mut from, mut to) = (0, 0);
    while let Some(len) = memchr::memchr(b'\n', &bytes[from..]) {
        let end = from + len + 1;
        if !blank(&bytes[from..end]) {
            bytes.copy_within(from..end, to);
            to += end - from;
        }
        from = end;
    }
    let len = bytes.len();
    bytes.copy_within(from..len, to);
    bytes.truncate(to + len - from);
}
