//! How shells read the few kinds of quotes that quoted values are made of: written from the shells' manuals, not
//! from the code under test.

/// The words of a line for sh, if it has nothing in it but plain bytes, `'…'`, `"…"` without specials, and
/// spaces; `None`: there is something that a shell would act upon.
pub fn posix(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    split(line, |word, rest| {
        let (&first, after) = rest.split_first()?;
        Some(match first {
            b'\'' => take_until(after, b'\'', word)?,
            b'"' => {
                let before = word.len();
                let after = take_until(after, b'"', word)?;
                let special = |byte: &u8| b"$`\\!".contains(byte);
                if word[before..].iter().any(special) {
                    return None;
                }
                after
            }
            _ if is_special(first) => return None,
            _ => {
                word.push(first);
                after
            }
        })
    })
}

/// The words of a line for fish: in `'…'` a backslash before another one or a quote is dropped.
pub fn fish(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    split(line, |word, rest| {
        let (&first, mut after) = rest.split_first()?;
        match first {
            b'\'' => loop {
                let (&byte, next) = after.split_first()?;
                after = next;
                match (byte, after.first()) {
                    (b'\'', _) => break,
                    (b'\\', Some(&escaped @ (b'\\' | b'\''))) => {
                        word.push(escaped);
                        after = &after[1..];
                    }
                    _ => word.push(byte),
                }
            },
            b'"' => after = take_until(after, b'"', word)?,
            _ if is_special(first) => return None,
            _ => word.push(first),
        }
        Some(after)
    })
}

/// The words of a line for rc, where a quote within `'…'` is doubled.
pub fn rc(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    split(line, |word, rest| {
        let (&first, mut after) = rest.split_first()?;
        if first != b'\'' {
            word.push(first);
            return (!is_special(first)).then_some(after);
        }
        loop {
            after = take_until(after, b'\'', word)?;
            let Some(again) = after.strip_prefix(b"'") else {
                return Some(after);
            };
            word.push(b'\'');
            after = again;
        }
    })
}

/// The words of a line for csh: a backslash before each special byte; a newline in double quotes besides.
pub fn csh(line: &[u8]) -> Option<Vec<Vec<u8>>> {
    split(line, |word, rest| {
        if let Some(after) = rest.strip_prefix(b"\"\\\n\"") {
            word.push(b'\n');
            return Some(after);
        }
        if let Some(after) = rest.strip_prefix(b"''") {
            return Some(after);
        }
        let (&first, after) = rest.split_first()?;
        match (first, after.split_first()) {
            (b'\\', Some((&escaped, after))) if escaped != b'\n' => {
                word.push(escaped);
                Some(after)
            }
            _ if is_special(first) => None,
            _ => {
                word.push(first);
                Some(after)
            }
        }
    })
}

/// Words with single spaces between them; `next` takes a piece of one.
fn split(
    line: &[u8],
    next: impl for<'t> Fn(&mut Vec<u8>, &'t [u8]) -> Option<&'t [u8]>,
) -> Option<Vec<Vec<u8>>> {
    let mut words = vec![Vec::new()];
    let mut rest = line;
    while !rest.is_empty() {
        if let Some(after) = rest.strip_prefix(b" ") {
            words.push(Vec::new());
            rest = after;
            continue;
        }
        rest = next(words.last_mut()?, rest)?;
    }
    Some(words)
}

fn take_until<'t>(text: &'t [u8], end: u8, into: &mut Vec<u8>) -> Option<&'t [u8]> {
    let at = text.iter().position(|&byte| byte == end)?;
    into.extend_from_slice(&text[..at]);
    Some(&text[at + 1..])
}

/// What any of the shells takes for more than itself, somewhere in a word.
fn is_special(byte: u8) -> bool {
    b" \t\n!\"#$&'()*;<=>?[\\]^`{|}~".contains(&byte)
}
