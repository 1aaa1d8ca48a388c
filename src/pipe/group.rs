//! Marks in a stream where the group changes, as `--group-by` wants it: the mark is then the separator.

use super::key::Key;
use super::limit::{self, Limit, too_long};
use super::source::Source;

/// How much is read at once.
const PIECE: usize = 256 << 10;
/// As long as GNU parallel's, because marks count as part of the block.
const MARK: usize = 20;

/// A stream of lines with a mark before each line that begins a group.
pub struct Grouped {
    source: Source,
    key: Key,
    mark: Vec<u8>,
    /// Read and not looked at yet: less than a line.
    unread: Vec<u8>,
    /// How much of that is known to have no line's end.
    endless: usize,
    /// Looked at and not handed out yet, from `at` on.
    ready: Vec<u8>,
    at: usize,
    last: Option<Vec<u8>>,
    over: bool,
    limit: Limit,
}

impl Grouped {
    /// The stream `source`, which had `header`, grouped by `key`.
    ///
    /// # Errors
    ///
    /// When the header does not have the key's column.
    pub fn new(source: Source, mut key: Key, header: &[u8], limit: Limit) -> Result<Self, String> {
        key.resolve(header)?;
        Ok(Self {
            source,
            key,
            mark: std::iter::repeat_with(|| fastrand::alphanumeric() as u8)
                .take(MARK)
                .collect(),
            unread: Vec::new(),
            endless: 0,
            ready: Vec::new(),
            at: 0,
            last: None,
            over: false,
            // A line, its key, and both behind a mark.
            limit: limit.for_blocks(0, 4),
        })
    }

    /// The mark.
    pub fn mark(&self) -> &[u8] {
        &self.mark
    }

    /// What the user calls what is read now.
    pub fn shown(&self) -> String {
        self.source.shown()
    }

    /// What was read before.
    pub fn push(&mut self, bytes: &[u8]) {
        self.unread.extend_from_slice(bytes);
    }

    /// Appends up to `most` bytes to `buffer`; returns how many: 0 at the end.
    ///
    /// # Errors
    ///
    /// When the input cannot be read, or a key cannot be told.
    pub fn read_to(&mut self, buffer: &mut Vec<u8>, most: usize) -> Result<usize, String> {
        while self.at == self.ready.len() {
            if self.over && self.unread.is_empty() {
                return Ok(0);
            }
            self.look()?;
        }
        let piece = &self.ready[self.at..];
        let piece = &piece[..piece.len().min(most)];
        buffer.extend_from_slice(piece);
        self.at += piece.len();
        Ok(piece.len())
    }

    /// Reads some lines and marks them.
    fn look(&mut self) -> Result<(), String> {
        self.ready.clear();
        self.at = 0;
        let held = self.unread.len();
        if self.limit.is_passed(held) {
            let input = self.source.shown();
            return Err(too_long(&input, held, "a line", limit::GROUPS));
        }
        self.over = self.over || self.source.read_to(&mut self.unread, PIECE)? == 0;
        let whole = match memchr::memrchr(b'\n', &self.unread[self.endless..]) {
            _ if self.over => self.unread.len(),
            Some(end) => self.endless + end + 1,
            None => {
                self.endless = self.unread.len();
                return Ok(());
            }
        };
        let rest = self.unread.split_off(whole);
        self.endless = rest.len();
        let text = std::mem::replace(&mut self.unread, rest);
        let lines: Vec<&[u8]> = text.split_inclusive(|&byte| byte == b'\n').collect();
        let keys = self.key.of(&lines)?;
        for (line, key) in lines.iter().zip(keys) {
            if self.last.as_ref() != Some(&key) {
                self.ready.extend_from_slice(&self.mark);
                self.last = Some(key);
            }
            self.ready.extend_from_slice(line);
        }
        Ok(())
    }
}
