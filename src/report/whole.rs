//! What a write that failed leaves behind is cut off again: a file ends with its last whole record.
//!
//! A full disk or `ulimit -f` may stop a write anywhere, and half a line can look like a whole one.

use std::fs::File;
use std::io::{self, Seek as _, SeekFrom};
use std::os::unix::fs::FileExt as _;

use crate::sys::fd;

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
    /// Where in the file the record begins in which others have written on, if nothing whole was written since.
    shared_from: Option<u64>,
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
            self.completed(end);
        } else if self.marks.last() != Some(&end) {
            self.marks.push(end);
        }
    }

    /// `count` bytes were written, and their last newline ends `line` bytes after their beginning.
    pub(super) fn advance(&mut self, count: u64, line: Option<u64>) {
        if let (Some(line), false) = (line, self.by_marks) {
            self.completed(self.written + line);
        }
        self.written += count;
        let passed = self.marks.partition_point(|&end| end <= self.written);
        let last = self.marks.drain(..passed).next_back();
        if let Some(last) = last {
            self.completed(self.complete.max(last));
        }
    }

    /// Whole records end after `end` bytes.
    fn completed(&mut self, end: u64) {
        self.complete = end;
        self.shared_from = None;
    }

    /// From here on others write to `file`, too, behind all that was written: nobody counts their bytes or lines.
    pub(super) fn share(&mut self, mut file: &File) {
        let torn = self.written - self.complete;
        // What has no position is not cut, either.
        let here = file.stream_position().ok();
        self.shared_from = here.and_then(|here| here.checked_sub(torn));
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
        let shared_from = self.shared_from.take();
        if (torn == 0 && shared_from.is_none()) || !file.metadata()?.is_file() {
            return Ok(());
        }
        let end = file.stream_position()?;
        if end < torn || file.metadata()?.len() != end {
            return Ok(());
        }
        let whole = match shared_from {
            None => end - torn,
            Some(from) => end_of_line_between(&fd::open_again(file)?, from, end)?.unwrap_or(from),
        };
        file.set_len(whole)?;
        file.seek(SeekFrom::Start(whole)).map(drop)
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
    end_of_line_between(file, 0, count)
}

/// Where the last line ends that does so after `from` bytes of `file` and not after `end`.
fn end_of_line_between(file: &File, from: u64, mut end: u64) -> io::Result<Option<u64>> {
    let mut piece = vec![0; PIECE];
    while end > from {
        let start = end.saturating_sub(PIECE as u64).max(from);
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
    fn a_line_that_others_wrote_in_part_is_cut_off_and_what_they_wrote_before_stays() {
        let named = tempfile::NamedTempFile::new().unwrap();
        for (before, theirs, after, expected) in [
            ("a\nb", "c\nd\ne", "f", "a\nbc\nd\n"),
            ("a\nb", "c", "", "a\n"),
            ("a", "b", "c", ""),
            ("a\n", "b\nc", "d\ne", "a\nb\ncd\n"),
        ] {
            let mut file = File::create(named.path()).unwrap();
            let mut whole = Whole::default();
            let ours = |whole: &mut Whole, mut file: &File, text: &str| {
                file.write_all(text.as_bytes()).unwrap();
                whole.advance(text.len() as u64, end_of_line(text.as_bytes()));
            };
            ours(&mut whole, &file, before);
            whole.share(&file);
            file.write_all(theirs.as_bytes()).unwrap();
            ours(&mut whole, &file, after);
            whole.cut(&file).unwrap();
            let left = std::fs::read_to_string(named.path()).unwrap();
            assert_eq!(left, expected, "{before:?} {theirs:?} {after:?}");
        }
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
