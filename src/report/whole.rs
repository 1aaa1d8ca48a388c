//! What a write that failed leaves behind is cut off again: a file ends with its last whole record.
//!
//! A full disk or `ulimit -f` may stop a write anywhere, and half a line can look like a whole one.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom};
use std::os::unix::fs::FileExt as _;

/// How far a stream of bytes consists of whole records.
#[derive(Debug, Default)]
pub(super) struct Whole {
    /// Whether the end of a line is the end of a record.
    by_marks: bool,
    /// How many bytes have been written.
    written: u64,
    /// How many of those are whole records.
    complete: u64,
    /// Where further records end, also those that have not been written, in ascending order.
    marks: Vec<u64>,
}

impl Whole {
    /// Records that end only at marks, for they may hold newlines.
    pub(super) fn by_marks() -> Self {
        Self {
            by_marks: true,
            ..Self::default()
        }
    }

    /// How many bytes have been written, and stay.
    pub(super) fn written(&self) -> u64 {
        self.written
    }

    /// A record ends where `waiting` bytes more have been written.
    pub(super) fn mark(&mut self, waiting: usize) {
        let end = self.written + waiting as u64;
        if waiting == 0 {
            self.complete = end;
        } else if self.marks.last() != Some(&end) {
            self.marks.push(end);
        }
    }

    /// `count` bytes were written, and their last newline ends `line` bytes after their beginning.
    pub(super) fn advance(&mut self, count: u64, line: Option<u64>) {
        if let (Some(line), false) = (line, self.by_marks) {
            self.complete = self.written + line;
        }
        self.written += count;
        let passed = self.marks.partition_point(|&end| end <= self.written);
        if let Some(last) = self.marks.drain(..passed).next_back() {
            self.complete = self.complete.max(last);
        }
    }

    /// Cuts off what has been written of a record that will not be whole, where `file` is such that this can be
    /// done, and nobody else has written behind it.
    ///
    /// # Errors
    ///
    /// Those of `file`.
    pub(super) fn cut(&mut self, mut file: &File) -> io::Result<()> {
        let torn = self.written - self.complete;
        self.marks.clear();
        self.written = self.complete;
        if torn == 0 || !file.metadata()?.is_file() {
            return Ok(());
        }
        let end = file.stream_position()?;
        if end < torn || file.metadata()?.len() != end {
            return Ok(());
        }
        file.set_len(end - torn)?;
        file.seek(SeekFrom::Start(end - torn)).map(drop)
    }
}

/// Where the last line in `bytes` ends.
pub(super) fn end_of_line(bytes: &[u8]) -> Option<u64> {
    memchr::memrchr(b'\n', bytes).map(|at| at as u64 + 1)
}

/// Where the last line in the first `count` bytes of `file` ends.
///
/// # Errors
///
/// Those of reading the file.
pub(super) fn end_of_line_in(file: &File, count: u64) -> io::Result<Option<u64>> {
    let mut piece = vec![0; PIECE];
    let mut end = count;
    while end > 0 {
        let start = end.saturating_sub(PIECE as u64);
        let piece = &mut piece[..(end - start) as usize];
        file.read_exact_at(piece, start)?;
        if let Some(line) = end_of_line(piece) {
            return Ok(Some(start + line));
        }
        end = start;
    }
    Ok(None)
}

/// So much is looked through at a time.
const PIECE: usize = 64 * 1024;

#[cfg(test)]
mod tests {
    use std::io::Write as _;

    use super::*;

    /// What is left of `pieces`, of each of which a number of bytes get written, up to one that does not get
    /// written whole; a piece that is `None` marks the end of a record.
    fn left(mut whole: Whole, pieces: &[Option<(&str, usize)>]) -> String {
        let mut file = tempfile::tempfile().unwrap();
        for piece in pieces {
            let Some((text, count)) = piece else {
                whole.mark(0);
                continue;
            };
            let text = &text.as_bytes()[..*count];
            file.write_all(text).unwrap();
            whole.advance(*count as u64, end_of_line(text));
        }
        whole.cut(&file).unwrap();
        assert_eq!(
            file.stream_position().unwrap(),
            file.metadata().unwrap().len()
        );
        let mut left = vec![0; file.metadata().unwrap().len() as usize];
        file.read_exact_at(&mut left, 0).unwrap();
        String::from_utf8(left).unwrap()
    }

    #[test]
    fn a_file_ends_with_its_last_whole_line_or_marked_record() {
        for (pieces, expected) in [
            (&[Some(("one\ntwo", 5))][..], "one\n"),
            (&[Some(("one", 3)), Some(("two", 1))], ""),
            (&[Some(("one", 3)), None, Some(("two", 1))], "one"),
            (&[Some(("one\n", 4)), Some(("two", 3)), None], "one\ntwo"),
            (&[Some(("one\n", 4))], "one\n"),
            (&[], ""),
        ] {
            assert_eq!(left(Whole::default(), pieces), expected, "{pieces:?}");
        }
        let rows = [Some(("a,\"\n\"\n", 6)), None, Some(("b,\"\n", 4))];
        assert_eq!(left(Whole::by_marks(), &rows), "a,\"\n\"\n");
        assert_eq!(left(Whole::by_marks(), &rows[..1]), "");
    }

    #[test]
    fn marks_may_be_ahead_of_what_is_written() {
        let mut whole = Whole::by_marks();
        whole.mark(4);
        whole.mark(8);
        whole.advance(6, None);
        assert_eq!((whole.complete, &whole.marks[..]), (4, &[8][..]));
        whole.advance(2, None);
        assert_eq!((whole.complete, whole.marks.len()), (8, 0));
    }

    #[test]
    fn what_others_wrote_behind_it_is_not_cut_off() {
        let named = tempfile::NamedTempFile::new().unwrap();
        let open = || File::options().append(true).open(named.path()).unwrap();
        let (mut ours, mut theirs) = (open(), open());
        let mut whole = Whole::default();
        ours.write_all(b"ours").unwrap();
        whole.advance(4, None);
        theirs.write_all(b"theirs\n").unwrap();
        whole.cut(&ours).unwrap();
        assert_eq!(std::fs::read(named.path()).unwrap(), b"ourstheirs\n");
    }

    #[test]
    fn the_last_line_of_a_long_file_is_found() {
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"one\n").unwrap();
        file.write_all(&vec![b'x'; 3 * PIECE]).unwrap();
        let end = |count| end_of_line_in(&file, count).unwrap();
        assert_eq!((end(2 * PIECE as u64 + 7), end(3)), (Some(4), None));
        assert!(end_of_line_in(&file, 4 * PIECE as u64).is_err());
    }
}
