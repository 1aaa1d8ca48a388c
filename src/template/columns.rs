//! Names of columns: `{name.}` in a template is `{2.}` when the second column is called so.
//!
//! The names come from the input (`--header`), so this happens to the text before it is parsed: every
//! replacement string that has a form for one argument has one for a name, too. What no column is
//! called stays as it is.

use std::borrow::Cow;

/// The names, longest first, each with its position.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Columns(Vec<(Vec<u8>, usize)>);

impl Columns {
    /// Of columns called `names`, in order. As GNU parallel: of two with one name the first has it.
    pub(super) fn new(names: &[Vec<u8>]) -> Self {
        let numbered = names.iter().cloned().zip(1..);
        let mut columns: Vec<_> = numbered.filter(|(name, _)| !name.is_empty()).collect();
        columns.sort_by_key(|(name, position)| (std::cmp::Reverse(name.len()), *position));
        Self(columns)
    }

    /// `text` with positions for names; `open` is what begins an expression.
    pub(super) fn as_positions<'t>(&self, text: &'t [u8], open: &[u8]) -> Cow<'t, [u8]> {
        if self.0.is_empty() {
            return Cow::Borrowed(text);
        }
        let mut out = Vec::with_capacity(text.len());
        let mut rest = text;
        while let Some((&first, after)) = rest.split_first() {
            let used = if rest.starts_with(open) {
                self.named(&rest[open.len()..], |_| true)
                    .map(|found| (open.len(), found))
            } else if first == b'{' {
                self.named(after, ends_name).map(|found| (1, found))
            } else {
                None
            };
            let Some((prefix, (name, position))) = used else {
                out.push(first);
                rest = after;
                continue;
            };
            out.extend_from_slice(&rest[..prefix]);
            out.extend_from_slice(position.to_string().as_bytes());
            rest = &rest[prefix + name..];
            // What follows is no more of the position.
            out.extend(rest.first().is_some_and(u8::is_ascii_digit).then_some(b' '));
        }
        Cow::Owned(out)
    }

    /// The length and the position of the name that `text` begins with, if what follows `is_used`.
    fn named(&self, text: &[u8], is_used: impl Fn(&[u8]) -> bool) -> Option<(usize, usize)> {
        let used = |name: &[u8]| text.strip_prefix(name).is_some_and(&is_used);
        let found = self.0.iter().find(|(name, _)| used(name))?;
        Some((found.0.len(), found.1))
    }
}

/// Whether a name may stand before this: `}`, `.}`, `/.}`, `:%5s}`, `.1}`.
fn ends_name(after: &[u8]) -> bool {
    let context = after.iter().take_while(|byte| matches!(byte, b'.' | b'/'));
    let (context, after) = after.split_at(context.count());
    let group = after.iter().take_while(|byte| byte.is_ascii_digit());
    let group = if context == b"." { group.count() } else { 0 };
    match after[group..] {
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
                "{=a$_=1=}{=a=}{=b c1=}{= a =}{a.2}",
                "{=1$_=1=}{=1=}{=2 1=}{= a =}{1.2}",
            ),
            (
                "{b} {a.c} {aa} {a1} {a/1} {a {a } {} {1} a",
                "{b} {a.c} {aa} {a1} {a/1} {a {a } {} {1} a",
            ),
            ("{a", "{a"),
        ] {
            let got = columns.as_positions(text.as_bytes(), b"{=");
            assert_eq!(
                got.escape_ascii().to_string(),
                want.escape_default()
                    .to_string()
                    .replace("\\u{e9}", "\\xc3\\xa9"),
                "{text}"
            );
        }
        assert_eq!(*Columns::default().as_positions(b"{a}", b"{="), *b"{a}");
    }
}
