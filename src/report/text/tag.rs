//! `--tag`: a word before each line of a job's output.

use memchr::memchr2_iter;

use crate::report::{Failure, Out};

/// Copies bytes that arrive in pieces, with `tag` and a tab before each line.
///
/// As GNU parallel: a carriage return ends a line, too; a last line without an end gets none; no output
/// gets no tag.
#[derive(Debug)]
pub struct Tagger<'a> {
    tag: &'a [u8],
    /// Whether the next byte begins a line.
    due: bool,
}

impl<'a> Tagger<'a> {
    /// A tagger at the beginning of a line.
    pub fn new(tag: &'a [u8]) -> Self {
        Self { tag, due: true }
    }

    /// Copies `piece` to `out`.
    pub fn push(&mut self, piece: &[u8], out: &mut Out) -> Result<(), Failure> {
        let mut start = 0;
        for end in memchr2_iter(b'\n', b'\r', piece) {
            self.copy(&piece[start..=end], out)?;
            self.due = true;
            start = end + 1;
        }
        if start < piece.len() {
            self.copy(&piece[start..], out)
        } else {
            Ok(())
        }
    }

    fn copy(&mut self, part: &[u8], out: &mut Out) -> Result<(), Failure> {
        if std::mem::take(&mut self.due) {
            out.buffer().extend_from_slice(self.tag);
            out.buffer().push(b'\t');
        }
        out.write(part)
    }
}

#[cfg(test)]
mod tests {
    use super::Tagger;
    use crate::report::testing;
    use proptest::prelude::*;

    fn tagged(pieces: &[&[u8]]) -> Vec<u8> {
        let (mut out, file) = testing::out();
        let mut tagger = Tagger::new(b"x");
        for piece in pieces {
            tagger.push(piece, &mut out).unwrap();
        }
        out.flush().unwrap();
        testing::written(file)
    }

    #[test]
    fn as_gnu_parallel_does() {
        let cases: [(&[u8], &[u8]); 7] = [
            (b"", b""),
            (b"\n\n", b"x\t\nx\t\n"),
            (b"a\nb", b"x\ta\nx\tb"),
            (b"a\r", b"x\ta\r"),
            (b"a\rb\r\nc\n\n", b"x\ta\rx\tb\rx\t\nx\tc\nx\t\n"),
            (b"a\r\r\rb", b"x\ta\rx\t\rx\t\rx\tb"),
            (b"a\0b\n", b"x\ta\0b\n"),
        ];
        for (plain, expected) in cases {
            assert_eq!(tagged(&[plain]), expected, "{plain:?}");
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn pieces_do_not_matter(text in "[ab\n\r]{0,40}", cut in 0usize..40) {
            let (head, tail) = text.as_bytes().split_at(cut.min(text.len()));
            prop_assert_eq!(tagged(&[head, tail]), tagged(&[text.as_bytes()]));
        }
    }
}
