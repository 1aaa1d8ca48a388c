//! Names of columns: `{name.}` in a template is `{2.}` when the second column is called so.
//!
//! The names come from the input (`--header`), so this happens to the text before it is parsed: every
//! replacement string that has a form for one argument has one for a name, too. What no column is
//! called stays as it is.

use std::borrow::Cow;

/// The names, longest first, each with its position.
#[derive(Clone, Debug, Default)]
pub(super) struct Columns(Vec<(Vec<u8>, usize)>);

impl Columns {
    /// Of columns called `names`, in order. As GNU parallel: of two with one name the first has it.
    pub(super) fn new(names: &[Vec<u8>]) -> Self {
        let numbered = names.iter().cloned().zip(1..);
        let mut columns: Vec<_> = numbered.filter(|(name, _)| !name.is_empty()).collect();
        columns.sort_by_key(|(name, position)| (std::cmp::Reverse(name.len()), *position));
        Self(columns)
    }

    /// `text` with positions for names.
    pub(super) fn as_positions<'t>(&self, text: &'t [u8]) -> Cow<'t, [u8]> {
        if self.0.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut out = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some(brace) = memchr::memchr(b'{', rest) {
            let (before, from_brace) = rest.split_at(brace + 1);
            out.extend_from_slice(before);
            rest = from_brace;
            let sign = usize::from(rest.first() == Some(&b'='));
            if let Some((len, position)) = self.named(&rest[sign..], sign == 1) {
                out.extend_from_slice(&rest[..sign]);
                out.extend_from_slice(position.to_string().as_bytes());
                rest = &rest[sign + len..];
            }
        }
        out.extend_from_slice(rest);
        Cow::Owned(out)
    }

    /// The length and the position of the name that `text` begins with, if it is used as one.
    fn named(&self, text: &[u8], in_expression: bool) -> Option<(usize, usize)> {
        let used = |name: &[u8]| {
            text.strip_prefix(name)
                .is_some_and(|after| ends_name(after, in_expression))
        };
        let found = self.0.iter().find(|(name, _)| used(name))?;
        Some((found.0.len(), found.1))
    }
}

/// Whether a name may stand before this: `}`, `.}`, `/.}`, `:%5s}`, or the space of `{=name … =}`.
fn ends_name(after: &[u8], in_expression: bool) -> bool {
    if in_expression {
        return after.starts_with(b" ") && memchr::memmem::find(after, b"=}").is_some();
    }
    let context = after.iter().take_while(|byte| matches!(byte, b'.' | b'/'));
    match after[context.count()..] {
        [b'}', ..] => true,
        [b':', ref format @ ..] => {
            memchr::memchr2(b'{', b'}', format).is_some_and(|at| format[at] == b'}')
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::Columns;

    #[test]
    fn names_become_positions_where_they_are_used_as_such() {
        let names = ["a", "b c", "", "a.b", "a", "é", "{x"].map(|name| name.as_bytes().to_vec());
        let columns = Columns::new(&names);
        for (text, want) in [
            (
                "{a} {a.} {a/} {a//} {a/.} {a...}",
                "{1} {1.} {1/} {1//} {1/.} {1...}",
            ),
            ("{b c}{a.b}{é.}{{a}}", "{2}{4}{6.}{{1}}"),
            ("{a:%05s} {=a s/x// =}", "{1:%05s} {=1 s/x// =}"),
            (
                "{b} {a.c} {aa} {a {a } {} {1} a",
                "{b} {a.c} {aa} {a {a } {} {1} a",
            ),
            ("{a", "{a"),
        ] {
            let got = columns.as_positions(text.as_bytes());
            assert_eq!(
                got.escape_ascii().to_string(),
                want.escape_default()
                    .to_string()
                    .replace("\\u{e9}", "\\xc3\\xa9"),
                "{text}"
            );
        }
        assert_eq!(*Columns::default().as_positions(b"{a}"), *b"{a}");
    }
}
