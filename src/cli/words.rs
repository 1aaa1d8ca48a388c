//! Words as GNU parallel splits `$PARALLEL`, profiles and `#!` lines: quotes and backslashes, nothing else
//! that a shell knows.

/// The words of `text`; `None`: a quote or a backslash has no counterpart.
///
/// Outside of single quotes a backslash stands for the byte after it. Inside of them it is itself, but a
/// quote behind it does not end them.
pub fn split(text: &[u8]) -> Option<Vec<Vec<u8>>> {
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut quote = None;
    let mut bytes = text.iter().copied();
    while let Some(byte) = bytes.next() {
        match (quote, byte) {
            (Some(open), _) if open == byte => quote = None,
            (Some(b'\''), b'\\') => word.get_or_insert_default().extend([byte, bytes.next()?]),
            (_, b'\\') => word.get_or_insert_default().push(bytes.next()?),
            (None, b'\'' | b'"') => {
                quote = Some(byte);
                word.get_or_insert_default();
            }
            (None, b' ' | b'\t' | b'\n' | b'\r' | b'\x0b' | b'\x0c') => words.extend(word.take()),
            _ => word.get_or_insert_default().push(byte),
        }
    }
    words.extend(word);
    quote.is_none().then_some(words)
}

#[cfg(test)]
mod tests {
    use super::split;

    fn words(text: &str) -> Option<String> {
        let words = split(text.as_bytes())?;
        Some(String::from_utf8(words.join(&b'|')).unwrap())
    }

    #[test]
    fn splits_as_gnu_parallel_does() {
        for (text, want) in [
            ("  -k  -j1\n", Some("-k|-j1")),
            ("'a b' \"c  d\"", Some("a b|c  d")),
            (r"a\ b", Some("a b")),
            (r#""a\nb" "a\"b" "a\$b""#, Some("anb|a\"b|a$b")),
            (r"'a\nb' 'a\'b'", Some(r"a\nb|a\'b")),
            (r#"a"b'c"d"#, Some("ab'cd")),
            ("'' x", Some("|x")),
            ("$HOME * `x` # y", Some("$HOME|*|`x`|#|y")),
            ("'a", None),
            ("\"a", None),
            (r"a\", None),
            ("", Some("")),
        ] {
            assert_eq!(words(text).as_deref(), want, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn quoted_words_come_back(words: Vec<Vec<u8>>) {
            let quoted: Vec<u8> = words.iter().flat_map(|word| {
                let escaped = word.iter().flat_map(|&byte| [b'\\', byte]);
                [b'"'].into_iter().chain(escaped).chain(*b"\" ").collect::<Vec<_>>()
            }).collect();
            proptest::prop_assert_eq!(split(&quoted), Some(words));
        }
    }
}
