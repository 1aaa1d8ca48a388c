//! Lists of entries, and files of them.

use std::borrow::Cow;

use super::ranges;

/// The entries of a list as `--sshlogin` takes it: commas and line ends separate them, except for commas in
/// ranges. `\,` and `,,` are a comma of the entry itself.
pub fn entries(list: &[u8]) -> Vec<Vec<u8>> {
    let mut entries = vec![Vec::new()];
    let mut rest = list;
    while let Some((&byte, after)) = rest.split_first() {
        let (taken, kept): (usize, Option<&[u8]>) = match (byte, after.first()) {
            (b',' | b'\\', Some(b',')) => (2, Some(b",")),
            (b',' | b'\n', _) => (1, None),
            (b'[', _) => {
                let length = range(rest).unwrap_or(1);
                (length, Some(&rest[..length]))
            }
            _ => (1, Some(&rest[..1])),
        };
        rest = &rest[taken..];
        match (kept, entries.last_mut()) {
            (Some(kept), Some(entry)) => entry.extend_from_slice(kept),
            _ => entries.push(Vec::new()),
        }
    }
    let entries = entries.into_iter().map(|entry| entry.trim_ascii().to_vec());
    entries.filter(|entry| !entry.is_empty()).collect()
}

/// How long the range is with which `text` begins, brackets included.
fn range(text: &[u8]) -> Option<usize> {
    let end = text.iter().position(|&byte| byte == b']')?;
    ranges::is_range(&text[1..end]).then_some(end + 1)
}

/// The entries of a file, and the number of the line of each. A line holds a list; what is behind a `#` at its
/// beginning, or after white space and outside of quotes, is a comment.
pub fn lines(text: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> {
    let lines = text.split(|&byte| byte == b'\n');
    (1..).zip(lines).flat_map(|(number, line)| {
        let list = without_comment(line);
        entries(&list).into_iter().map(move |entry| (number, entry))
    })
}

fn without_comment(line: &[u8]) -> Cow<'_, [u8]> {
    let mut quote = None;
    let mut before = b' ';
    for (at, &byte) in line.iter().enumerate() {
        match (quote, byte) {
            (None, b'#') if before.is_ascii_whitespace() => return line[..at].into(),
            (None, b'\'' | b'"') => quote = Some(byte),
            (Some(open), _) if open == byte => quote = None,
            _ => {}
        }
        before = byte;
    }
    line.into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of_list(list: &str) -> Vec<String> {
        let entries = entries(list.as_bytes()).into_iter();
        entries.map(|it| String::from_utf8(it).unwrap()).collect()
    }

    #[test]
    fn commas_and_line_ends_separate_entries() {
        for (list, entries) in [
            ("", &[][..]),
            (",", &[]),
            (":", &[":"]),
            (":, 2/:\n\n", &[":", "2/:"]),
            ("1/h1,", &["1/h1"]),
            ("a\nb,c", &["a", "b", "c"]),
            ("n[1-3,5],m", &["n[1-3,5]", "m"]),
            ("n[1,2].[3,4],m", &["n[1,2].[3,4]", "m"]),
            ("[::1]:22,[::2]", &["[::1]:22", "[::2]"]),
            ("me:p[w@h,x]", &["me:p[w@h", "x]"]),
            ("ssh -o A=b\\,c h,x", &["ssh -o A=b,c h", "x"]),
            ("ssh -o A=b,,c h,x", &["ssh -o A=b,c h", "x"]),
            ("D\\me@h,x", &["D\\me@h", "x"]),
        ] {
            assert_eq!(of_list(list), entries, "{list}");
        }
    }

    #[test]
    fn files_have_comments_and_line_ends_of_both_kinds() {
        let text = "# all\n8/big\r\n\n  4/small # slow\nh#22\nssh -o 'A #b' h # c\na,b\n#x\n:";
        let found: Vec<_> = lines(text.as_bytes())
            .map(|(line, entry)| (line, String::from_utf8(entry).unwrap()))
            .collect();
        let expected = [
            (2, "8/big"),
            (4, "4/small"),
            (5, "h#22"),
            (6, "ssh -o 'A #b' h"),
            (7, "a"),
            (7, "b"),
            (9, ":"),
        ];
        assert_eq!(
            found,
            expected.map(|(line, entry)| (line, entry.to_owned()))
        );
    }

    proptest! {
        #[test]
        fn entries_come_back_from_the_list_that_they_were_joined_to(
            entries in proptest::collection::vec("[a-z@:/0-9,.\\[-]{0,8}[a-z0-9]", 0..5)
        ) {
            let list: Vec<_> = entries.iter().map(|entry| entry.replace(',', "\\,")).collect();
            prop_assert_eq!(of_list(&list.join(",")), entries);
        }

        #[test]
        fn any_bytes_are_entries(list in proptest::collection::vec(any::<u8>(), 0..60)) {
            let total: usize = entries(&list).iter().map(Vec::len).sum();
            prop_assert!(total <= list.len());
            prop_assert!(lines(&list).all(|(_, entry)| !entry.is_empty()));
        }
    }
}
