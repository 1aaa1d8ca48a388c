//! What surrounds each line of a job's output: `--tag`, `--color`.

use memchr::memchr2_iter;

use super::color;
use crate::report::Failure;

/// What goes before and behind each line of a job.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Decoration {
    before: Vec<u8>,
    behind: &'static [u8],
    /// Whether a last line without an end gets one.
    ends_lines: bool,
}

impl Decoration {
    /// `tag` and a tab before each line; nothing without a tag.
    pub fn tag(tag: Option<&[u8]>) -> Self {
        let before = tag.map_or_else(Vec::new, |tag| [tag, b"\t"].concat());
        Self {
            before,
            behind: b"",
            ends_lines: false,
        }
    }

    /// The same, with an end for a last line that has none.
    #[must_use]
    pub fn ending_lines(self) -> Self {
        Self {
            ends_lines: true,
            ..self
        }
    }

    /// The same, in colours.
    #[must_use]
    pub fn in_color(self, mut color: Vec<u8>) -> Self {
        color.extend(self.before);
        Self {
            before: color,
            behind: color::RESET,
            ends_lines: true,
        }
    }

    /// Whether there is nothing to add.
    pub fn is_empty(&self) -> bool {
        self.before.is_empty() && self.behind.is_empty() && !self.ends_lines
    }
}

/// Copies bytes that arrive in pieces, with a decoration around each line.
///
/// As GNU parallel: a carriage return ends a line, too; a last line without an end gets none, except
/// where there are colours; no output gets no tag.
#[derive(Debug)]
pub struct Tagger<'a> {
    decoration: &'a Decoration,
    /// Whether the next byte begins a line.
    due: bool,
}

impl<'a> Tagger<'a> {
    /// A tagger at the beginning of a line.
    pub fn new(decoration: &'a Decoration) -> Self {
        Self::going_on(decoration, true)
    }

    /// A tagger that goes on where another was, at the beginning of a line if `due`.
    pub fn going_on(decoration: &'a Decoration, due: bool) -> Self {
        Self { decoration, due }
    }

    /// Whether it is at the beginning of a line.
    pub fn is_due(&self) -> bool {
        self.due
    }

    /// Copies `piece` to `out`.
    pub fn push(
        &mut self,
        piece: &[u8],
        out: &mut impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if self.decoration.is_empty() {
            return out(piece);
        }
        let mut start = 0;
        for end in memchr2_iter(b'\n', b'\r', piece) {
            self.begin_line(out)?;
            if self.decoration.behind.is_empty() {
                out(&piece[start..=end])?;
            } else {
                out(&piece[start..end])?;
                out(self.decoration.behind)?;
                out(&piece[end..=end])?;
            }
            self.due = true;
            start = end + 1;
        }
        if start < piece.len() {
            self.begin_line(out)?;
            out(&piece[start..])?;
        }
        Ok(())
    }

    /// Ends a last line that has no end, if that is wanted.
    pub fn finish(self, out: &mut impl FnMut(&[u8]) -> Result<(), Failure>) -> Result<(), Failure> {
        if self.due || !self.decoration.ends_lines {
            return Ok(());
        }
        out(self.decoration.behind)?;
        out(b"\n")
    }

    fn begin_line(
        &mut self,
        out: &mut impl FnMut(&[u8]) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        if std::mem::take(&mut self.due) {
            out(&self.decoration.before)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{Decoration, Tagger};
    use proptest::prelude::*;

    fn decorated(decoration: &Decoration, pieces: &[&[u8]]) -> Vec<u8> {
        let mut written = Vec::new();
        let mut out = |bytes: &[u8]| {
            written.extend_from_slice(bytes);
            Ok(())
        };
        let mut tagger = Tagger::new(decoration);
        for piece in pieces {
            tagger.push(piece, &mut out).unwrap();
        }
        tagger.finish(&mut out).unwrap();
        written
    }

    fn tagged(pieces: &[&[u8]]) -> Vec<u8> {
        decorated(&Decoration::tag(Some(b"x")), pieces)
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

    #[test]
    fn colours_end_with_the_line_and_the_last_line_is_ended() {
        let color = Decoration::default().in_color(b"<".to_vec());
        assert_eq!(
            decorated(&color, &[b"b\rc\n\nd"]),
            b"<b\x1b[m\r<c\x1b[m\n<\x1b[m\n<d\x1b[m\n"
        );
        assert_eq!(decorated(&color, &[b""]), b"");
        let both = Decoration::tag(Some(b"x")).in_color(b"<".to_vec());
        assert_eq!(decorated(&both, &[b"b\n"]), b"<x\tb\x1b[m\n");
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn pieces_do_not_matter(text in "[ab\n\r]{0,40}", cut in 0usize..40, colored: bool) {
            let (head, tail) = text.as_bytes().split_at(cut.min(text.len()));
            let mut decoration = Decoration::tag(Some(b"x"));
            if colored {
                decoration = decoration.in_color(b"<".to_vec());
            }
            prop_assert_eq!(
                decorated(&decoration, &[head, tail]),
                decorated(&decoration, &[text.as_bytes()])
            );
        }
    }
}
