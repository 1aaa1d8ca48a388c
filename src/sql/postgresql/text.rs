//! Bytes as texts of `PostgreSQL`, which are UTF-8 and have no NUL bytes.
//!
//! What is such a text is stored as it is; anything else as `PostgreSQL` shows bytes: `\x` and hexadecimal digits.
//! A text of just that look is taken for bytes only if those are no text, so that next to no text is misread.

use std::borrow::Cow;
use std::error::Error;

use postgres::types::{FromSql, Type};

/// What marks words and replacement strings in a command that is stored: a byte that is no character by itself.
const MARK: u8 = 0xaf;
/// The character that GNU parallel, for which each byte is one, stores for it.
const MARK_SHOWN: char = '\u{af}';

/// `bytes` as they are stored.
pub(super) fn encoded(bytes: &[u8]) -> Cow<'_, str> {
    match as_text(bytes) {
        Some(text) => Cow::Borrowed(text),
        None => Cow::Owned(in_digits(bytes)),
    }
}

/// What was stored as `text`.
pub(super) fn decoded(text: &[u8]) -> Vec<u8> {
    from_digits(text).unwrap_or_else(|| text.to_vec())
}

/// The command `bytes`, with its marks, as it is stored.
pub(super) fn encoded_command(bytes: &[u8]) -> String {
    let mut text = Vec::with_capacity(bytes.len() + 16);
    for chunk in bytes.utf8_chunks() {
        text.extend_from_slice(chunk.valid().as_bytes());
        for &byte in chunk.invalid() {
            match byte {
                MARK => text.extend_from_slice(MARK_SHOWN.encode_utf8(&mut [0; 2]).as_bytes()),
                _ => text.push(byte),
            }
        }
    }
    match String::from_utf8(text) {
        Ok(text) if decoded_command(text.as_bytes()) == bytes && !text.contains('\0') => text,
        _ => in_digits(bytes),
    }
}

/// The command that was stored as `text`.
pub(super) fn decoded_command(text: &[u8]) -> Vec<u8> {
    let Ok(shown) = std::str::from_utf8(text) else {
        return text.to_vec();
    };
    // As it is only stored where nothing else comes back whole, what it says does not matter.
    if let Some(bytes) = digits(text) {
        return bytes;
    }
    let (mut bytes, mut opened) = (Vec::with_capacity(text.len()), false);
    let mut chars = shown.chars().peekable();
    while let Some(char) = chars.next() {
        let next = chars.peek();
        // The character may also stand for itself.
        if char == MARK_SHOWN && (opened || matches!(next, Some(' ' | '<' | '>'))) {
            bytes.push(MARK);
            opened = false;
        } else {
            opened = char == '<' && bytes.last() == Some(&MARK);
            bytes.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes());
        }
    }
    bytes
}

fn as_text(bytes: &[u8]) -> Option<&str> {
    let text = std::str::from_utf8(bytes).ok()?;
    (memchr::memchr(0, bytes).is_none() && from_digits(bytes).is_none()).then_some(text)
}

fn in_digits(bytes: &[u8]) -> String {
    let digit = |value: u8| char::from(b"0123456789abcdef"[usize::from(value)]);
    let mut text = String::with_capacity(2 + bytes.len() * 2);
    text.push_str("\\x");
    for byte in bytes {
        text.push(digit(byte >> 4));
        text.push(digit(byte & 15));
    }
    text
}

/// The bytes that `text` has the digits of; `None`: it stands for itself, as it also does where they would be text.
fn from_digits(text: &[u8]) -> Option<Vec<u8>> {
    digits(text).filter(|bytes| as_text(bytes).is_none())
}

/// The bytes that `text` has the digits of, if it has nothing else.
fn digits(text: &[u8]) -> Option<Vec<u8>> {
    let digits = text.strip_prefix(b"\\x")?;
    if digits.len() % 2 > 0 {
        return None;
    }
    let value = |digit: u8| match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    };
    digits
        .chunks_exact(2)
        .map(|pair| Some(value(pair[0])? << 4 | value(pair[1])?))
        .collect()
}

/// A text as it comes from the server, which does not promise UTF-8 if its own encoding is none.
pub(super) struct Raw<'a>(pub(super) &'a [u8]);

impl<'a> FromSql<'a> for Raw<'a> {
    fn from_sql(_: &Type, raw: &'a [u8]) -> Result<Self, Box<dyn Error + Sync + Send>> {
        Ok(Self(raw))
    }

    fn accepts(ty: &Type) -> bool {
        <&str as FromSql>::accepts(ty)
    }
}

#[cfg(test)]
mod tests {
    use super::{decoded, decoded_command, encoded, encoded_command};
    use proptest::prelude::*;

    #[test]
    fn texts_are_stored_as_they_are_and_bytes_in_digits() {
        for (bytes, stored) in [
            (&b"a\n"[..], "a\n"),
            (b"na\xc3\xaf", "na\u{ef}"),
            (b"", ""),
            (b"a\0", "\\x6100"),
            (b"\xff", "\\xff"),
            // Only what would be misread is stored otherwise.
            (b"\\x41", "\\x41"),
            (b"\\xff", "\\x5c786666"),
            (b"\\xFF", "\\xFF"),
            (b"\\x", "\\x"),
        ] {
            assert_eq!(encoded(bytes), stored, "{bytes:?}");
            assert_eq!(decoded(stored.as_bytes()), bytes, "{stored}");
        }
    }

    #[test]
    fn marks_of_commands_are_characters() {
        for (bytes, stored) in [
            (&b"echo\xaf \xaf<2 s/a/b/\xaf>"[..], "echo¯ ¯<2 s/a/b/¯>"),
            (b"\xaf<\xaf{#:%d}\xaf>", "¯<¯{#:%d}¯>"),
            (b"na\xc3\xaf \xaf<\xaf>", "naï ¯<¯>"),
            (b"\xc2\xafx\xaf \xaf<\xaf>", "¯x¯ ¯<¯>"),
            (b"\xc2\xaf \xaf<\xaf>", "\\xc2af20af3caf3e"),
            (b"\xff\xaf<\xaf>", "\\xffaf3caf3e"),
        ] {
            assert_eq!(encoded_command(bytes), stored, "{bytes:?}");
            assert_eq!(decoded_command(stored.as_bytes()), bytes, "{stored}");
        }
        // As another program stores it whose characters are bytes.
        assert_eq!(
            decoded_command("Ã¯¯ b".as_bytes()),
            b"\xc3\x83\xc2\xaf\xaf b"
        );
        let text = "\u{af} ".as_bytes();
        assert_eq!(decoded_command(encoded_command(text).as_bytes()), text);
    }

    proptest! {
        #[test]
        fn all_bytes_come_back(bytes in prop::collection::vec(prop::sample::select(&b"\\x05af <>\xaf\xc2\0"[..]), 0..9)) {
            prop_assert_eq!(decoded(encoded(&bytes).as_bytes()), &bytes[..]);
            prop_assert_eq!(decoded_command(encoded_command(&bytes).as_bytes()), &bytes[..]);
        }
    }
}
