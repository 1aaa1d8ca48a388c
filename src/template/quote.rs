//! Making values safe for a shell, byte for byte as GNU parallel writes them.

use memchr::memchr;

/// How values are written into a line that a shell will read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Quoting {
    /// As they are: for texts that no shell reads.
    Raw,
    /// For the family of the Bourne shell: sh, bash, dash, ksh, zsh, ….
    #[default]
    Posix,
}

impl Quoting {
    /// Appends `value`, quoted.
    pub fn append(self, value: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Raw => out.extend_from_slice(value),
            Self::Posix => append_posix(value, out),
        }
    }

    /// Quotes the bytes of `out` from `start` on.
    pub fn quote_tail(self, out: &mut Vec<u8>, start: usize) {
        match self {
            Self::Raw => {}
            Self::Posix if is_plain(&out[start..]) => {}
            Self::Posix => {
                let value = out.split_off(start);
                append_posix(&value, out);
            }
        }
    }
}

/// Plain values stay as they are. All others go into `'…'`, with `'"'"'` for each `'`; what that
/// leaves as an empty `''` at either end is dropped.
fn append_posix(value: &[u8], out: &mut Vec<u8>) {
    if is_plain(value) {
        out.extend_from_slice(value);
        return;
    }
    if value.is_empty() {
        out.extend_from_slice(b"''");
        return;
    }
    let mut rest = value;
    let mut at_start = true;
    while let Some(end) = memchr(b'\'', rest) {
        if end > 0 || !at_start {
            append_enclosed(&rest[..end], out);
        }
        out.extend_from_slice(b"\"'\"");
        rest = &rest[end + 1..];
        at_start = false;
    }
    if !rest.is_empty() {
        append_enclosed(rest, out);
    }
}

fn append_enclosed(piece: &[u8], out: &mut Vec<u8>) {
    out.push(b'\'');
    out.extend_from_slice(piece);
    out.push(b'\'');
}

/// Whether a value needs no quotes.
fn is_plain(value: &[u8]) -> bool {
    !value.is_empty() && value.iter().all(|&byte| PLAIN[usize::from(byte)])
}

/// The bytes that GNU parallel leaves without quotes.
static PLAIN: [bool; 256] = {
    let mut plain = [false; 256];
    let mut byte = 0;
    while byte < 256 {
        plain[byte] = (byte as u8).is_ascii_alphanumeric()
            || matches!(byte as u8, b'_' | b'+' | b'-' | b'.' | b'/');
        byte += 1;
    }
    plain
};

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::process::{Command, Stdio};

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::Quoting;

    fn posix(value: &[u8]) -> Vec<u8> {
        let mut out = Vec::new();
        Quoting::Posix.append(value, &mut out);
        out
    }

    #[test]
    fn single_bytes_are_quoted_as_gnu_parallel_does() {
        for byte in 1..=255_u8 {
            let want = match byte {
                b'0'..=b'9' | b'A'..=b'Z' | b'a'..=b'z' | b'_' | b'+' | b'-' | b'.' | b'/' => {
                    vec![byte]
                }
                b'\'' => b"\"'\"".to_vec(),
                _ => vec![b'\'', byte, b'\''],
            };
            assert_eq!(posix(&[byte]), want, "byte {byte}");
        }
    }

    #[test]
    fn mixed_values_are_quoted_as_gnu_parallel_does() {
        for (value, want) in [
            (&b""[..], &b"''"[..]),
            (b"a b", b"'a b'"),
            (b"a\nb", b"'a\nb'"),
            (b"~a", b"'~a'"),
            (b"a=b", b"'a=b'"),
            (b"-x", b"-x"),
            (b"\xff\xfe", b"'\xff\xfe'"),
            (b"it's", br#"'it'"'"'s'"#),
            (b"''", br#""'"''"'""#),
            (b"a''b", br#"'a'"'"''"'"'b'"#),
            (b"'''", br#""'"''"'"''"'""#),
            (b"'a'", br#""'"'a'"'""#),
            (b"x''", br#"'x'"'"''"'""#),
            (b"'\n", b"\"'\"'\n'"),
            (b"\"'", br#"'"'"'""#),
        ] {
            assert_eq!(posix(value), want, "{}", String::from_utf8_lossy(value));
        }
    }

    /// What `shell` hands to a program for each of `values`, quoted, on one line.
    fn through_shell(shell: &str, locale: &str, values: &[Vec<u8>]) -> Option<Vec<Vec<u8>>> {
        let mut line = b"exec printf '%s\\0'".to_vec();
        for value in values {
            line.push(b' ');
            Quoting::Posix.append(value, &mut line);
        }
        line.push(b'\n');
        let spawned = Command::new(shell)
            .env("LC_ALL", locale)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn();
        let Ok(mut child) = spawned else {
            assert!(
                std::env::var_os("FANOUT_TEST_REQUIRE").is_none_or(|which| which != "all"),
                "{shell} is not installed, but FANOUT_TEST_REQUIRE=all"
            );
            eprintln!("skipped: {shell} is not installed");
            return None;
        };
        let mut stdin = child.stdin.take().unwrap();
        let writer = std::thread::spawn(move || stdin.write_all(&line).unwrap());
        let mut printed = Vec::new();
        child
            .stdout
            .take()
            .unwrap()
            .read_to_end(&mut printed)
            .unwrap();
        writer.join().unwrap();
        assert!(child.wait().unwrap().success());
        assert_eq!(printed.pop(), Some(0));
        Some(
            printed
                .split(|&byte| byte == 0)
                .map(<[u8]>::to_vec)
                .collect(),
        )
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 8, ..ProptestConfig::default() })]

        #[test]
        fn shells_hand_over_exactly_the_value(
            any_bytes in vec(vec(1..=255_u8, 0..12), 1..150),
            nasty in vec("['\"\\\\ \n$`!*~{}a\u{1}\u{7f}é]{0,8}", 1..150),
        ) {
            let mut values = any_bytes;
            values.extend(nasty.into_iter().map(String::into_bytes));
            for shell in ["sh", "bash", "dash"] {
                for locale in ["C", "C.UTF-8"] {
                    if let Some(got) = through_shell(shell, locale, &values) {
                        prop_assert_eq!(&got, &values, "{} in {}", shell, locale);
                    }
                }
            }
        }
    }

    #[test]
    fn shells_hand_over_every_byte() {
        let values: Vec<Vec<u8>> = (1..=255).map(|byte| vec![b'x', byte, byte]).collect();
        for shell in ["sh", "bash", "dash"] {
            assert!(
                through_shell(shell, "C", &values).is_none_or(|got| got == values),
                "{shell}"
            );
        }
    }
}
