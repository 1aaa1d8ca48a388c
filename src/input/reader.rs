//! Bytes to records: big reads, one search per record, no copy.

use std::io::{self, Read};

use crate::record::delimiter::Needle;
use crate::sys::limits;

/// How much is read at a time.
pub(super) const BUFFER: usize = 128 * 1024;

/// Splits what a reader gives at a delimiter.
///
/// A delimiter ends a record, so one at the very end makes no empty record after it; a last record
/// without one counts. Whatever has arrived is given out before more is read, so a slow or endless
/// source yields each record as soon as it is there. The buffer grows to hold the longest record.
#[derive(Debug)]
pub struct Splitter<R> {
    from: R,
    needle: Needle,
    buffer: Vec<u8>,
    /// `buffer[start..end]` has been read and not been given out.
    start: usize,
    end: usize,
    /// No delimiter begins in `buffer[start..scanned]`.
    scanned: usize,
    /// Whether NUL bytes that are no delimiters may be in `buffer[start..end]`.
    nul: bool,
    ended: bool,
}

impl<R: Read> Splitter<R> {
    /// A splitter whose buffer is `capacity` bytes at first.
    pub fn new(from: R, needle: Needle, capacity: usize) -> Self {
        let buffer = vec![0; capacity.max(1)];
        Self {
            from,
            needle,
            buffer,
            start: 0,
            end: 0,
            scanned: 0,
            nul: false,
            ended: false,
        }
    }

    /// The next record, without its delimiter; `None` at the end and ever after.
    #[inline]
    pub fn next_record(&mut self) -> io::Result<Option<&[u8]>> {
        loop {
            let start = self.start;
            if let Some(at) = self.needle.find(&self.buffer[self.scanned..self.end]) {
                let stop = self.scanned + at;
                self.start = stop + self.needle.width();
                self.scanned = self.start;
                return Ok(Some(&self.buffer[start..stop]));
            }
            if self.ended {
                self.start = self.end;
                self.scanned = self.end;
                return Ok((start < self.end).then(|| &self.buffer[start..self.end]));
            }
            // A delimiter of several bytes may have begun in the last ones.
            self.scanned = start.max((self.end + 1).saturating_sub(self.needle.width()));
            if self.end - start > BUFFER && self.end - start > limits::longest_command_line() {
                return Err(too_long(self.end - start));
            }
            self.fill()?;
        }
    }

    /// Whether a whole record is in the buffer, so that the next one takes no reading.
    pub(super) fn has_record(&self) -> bool {
        self.needle
            .find(&self.buffer[self.scanned..self.end])
            .is_some()
    }

    /// What is read.
    pub(super) fn source(&self) -> &R {
        &self.from
    }

    /// Reads on behind what was the end.
    pub(super) fn go_on(&mut self) {
        self.ended = false;
    }

    /// Whether the record given out last may hold a NUL byte. Costs nothing where there is none.
    pub fn may_hold_nul(&self) -> bool {
        self.nul
    }

    fn fill(&mut self) -> io::Result<()> {
        self.make_room();
        let got = loop {
            match self.from.read(&mut self.buffer[self.end..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                got => break got?,
            }
        };
        let fresh = &self.buffer[self.end..self.end + got];
        if !self.nul && !matches!(self.needle, Needle::Byte(0)) {
            self.nul = memchr::memchr(0, fresh).is_some();
        }
        self.end += got;
        self.ended = got == 0;
        Ok(())
    }

    /// Moves the unfinished record to the front when little room is left, so that reads stay big.
    fn make_room(&mut self) {
        if self.start == self.end {
            (self.start, self.end, self.scanned, self.nul) = (0, 0, 0, false);
        } else if self.start > 0 && self.buffer.len() - self.end < self.buffer.len() / 2 + 1 {
            self.buffer.copy_within(self.start..self.end, 0);
            self.end -= self.start;
            self.scanned -= self.start;
            self.start = 0;
        }
        if self.end == self.buffer.len() {
            self.buffer.resize(self.buffer.len() * 2, 0);
        }
    }
}

/// The error of a record that has not ended in `held` bytes, which is more than a command line can have.
fn too_long(held: usize) -> io::Error {
    io::Error::new(
        io::ErrorKind::InvalidData,
        format!(
            "it is longer than {held} bytes, which no command line can hold: is the delimiter right?"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::Splitter;
    use crate::record::delimiter::{Delimiter, Needle};
    use proptest::prelude::*;
    use std::io::{self, Read};

    /// Gives at most as many bytes per read as the list says, in turn.
    struct Dribble<'a> {
        bytes: &'a [u8],
        pieces: Vec<usize>,
        turn: usize,
    }

    impl Read for Dribble<'_> {
        fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
            self.turn += 1;
            let piece = self.pieces[self.turn % self.pieces.len()];
            if piece == 0 {
                return Err(io::ErrorKind::Interrupted.into());
            }
            let count = piece.min(into.len()).min(self.bytes.len());
            into[..count].copy_from_slice(&self.bytes[..count]);
            self.bytes = &self.bytes[count..];
            Ok(count)
        }
    }

    fn split(bytes: &[u8], delimiter: &[u8], capacity: usize, pieces: Vec<usize>) -> Vec<Vec<u8>> {
        let needle = Needle::new(&Delimiter::parse(delimiter).unwrap());
        let mut splitter = Splitter::new(
            Dribble {
                bytes,
                pieces,
                turn: 0,
            },
            needle,
            capacity,
        );
        let mut records = Vec::new();
        while let Some(record) = splitter.next_record().unwrap() {
            let record = record.to_vec();
            let nul = record.contains(&0);
            records.push(record);
            assert!(splitter.may_hold_nul() || !nul, "missed a NUL byte");
        }
        assert!(splitter.next_record().unwrap().is_none());
        records
    }

    #[test]
    fn a_delimiter_ends_a_record() {
        let whole = |bytes: &[u8]| split(bytes, b"\n", 4, vec![100]);
        assert!(whole(b"").is_empty());
        assert_eq!(whole(b"\n"), [b""]);
        assert_eq!(whole(b"a\n\nb"), [&b"a"[..], b"", b"b"]);
        assert_eq!(whole(b"a\r\n\n"), [&b"a\r"[..], b""]);
        assert_eq!(split(b"aXXXb", b"XX", 1, vec![1]), [&b"a"[..], b"Xb"]);
    }

    proptest! {
        #[test]
        fn joining_the_records_gives_the_input_back(
            bytes in prop::collection::vec(prop::sample::select(&b"ab\0\n"[..]), 0..80),
            delimiter in prop::collection::vec(prop::sample::select(&b"ab\n"[..]), 1..4),
            capacity in 1..9_usize,
            pieces in prop::collection::vec(0..5_usize, 0..4),
        ) {
            let pieces = pieces.into_iter().chain([3]).collect();
            let records = split(&bytes, &delimiter, capacity, pieces);
            let mut joined = records.join(&delimiter[..]);
            if !records.is_empty() && joined.len() < bytes.len() {
                joined.extend_from_slice(&delimiter);
            }
            prop_assert_eq!(&joined, &bytes);
            for record in &records {
                prop_assert!(memchr::memmem::find(record, &delimiter).is_none());
            }
        }
    }
}
