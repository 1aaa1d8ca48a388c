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
    /// For csh and tcsh.
    Csh,
    /// For fish.
    Fish,
    /// For rc.
    Rc,
}

impl Quoting {
    /// Appends `value`, quoted.
    pub fn append(self, value: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Raw => out.extend_from_slice(value),
            Self::Posix => append_posix(value, append_enclosed, out),
            Self::Csh => append_csh(value, out),
            Self::Fish => append_posix(value, append_enclosed_for_fish, out),
            Self::Rc => append_rc(value, out),
        }
    }

    /// Quotes the bytes of `out` from `start` on.
    pub fn quote_tail(self, out: &mut Vec<u8>, start: usize) {
        match self {
            Self::Raw => {}
            Self::Posix | Self::Fish if is_plain(&out[start..]) => {}
            Self::Posix | Self::Csh | Self::Fish | Self::Rc => {
                let value = out.split_off(start);
                self.append(&value, out);
            }
        }
    }
}

/// Plain values stay as they are. All others go into `'…'`, with `'"'"'` for each `'`; what that
/// leaves as an empty `''` at either end is dropped.
fn append_posix(value: &[u8], enclose: fn(&[u8], &mut Vec<u8>), out: &mut Vec<u8>) {
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
            enclose(&rest[..end], out);
        }
        out.extend_from_slice(b"\"'\"");
        rest = &rest[end + 1..];
        at_start = false;
    }
    if !rest.is_empty() {
        enclose(rest, out);
    }
}

fn append_enclosed(piece: &[u8], out: &mut Vec<u8>) {
    out.push(b'\'');
    out.extend_from_slice(piece);
    out.push(b'\'');
}

/// In fish's `'…'` a backslash means itself, but before another one or the closing quote.
fn append_enclosed_for_fish(piece: &[u8], out: &mut Vec<u8>) {
    out.push(b'\'');
    let mut rest = piece;
    while let Some(at) = memchr(b'\\', rest) {
        let run = rest[at..].iter().take_while(|&&byte| byte == b'\\').count();
        let (before, after) = rest.split_at(at + run);
        out.extend_from_slice(before);
        if run > 1 || after.is_empty() {
            out.resize(out.len() + run, b'\\');
        }
        rest = after;
    }
    out.extend_from_slice(rest);
    out.push(b'\'');
}

/// A backslash before each byte that may be special; a newline in double quotes besides.
fn append_csh(value: &[u8], out: &mut Vec<u8>) {
    if value.is_empty() {
        out.extend_from_slice(b"''");
    }
    for &byte in value {
        match byte {
            b'\n' => out.extend_from_slice(b"\"\\\n\""),
            _ if may_be_special(byte) => out.extend_from_slice(&[b'\\', byte]),
            _ => out.push(byte),
        }
    }
}

/// Stretches of bytes that may be special go into `'…'`, with `''` for each `'`.
fn append_rc(value: &[u8], out: &mut Vec<u8>) {
    if value.is_empty() {
        out.extend_from_slice(b"''");
    }
    let mut quoted = false;
    for &byte in value {
        if quoted != may_be_special(byte) {
            out.push(b'\'');
            quoted = !quoted;
        }
        if byte == b'\'' {
            out.push(byte);
        }
        out.push(byte);
    }
    if quoted {
        out.push(b'\'');
    }
}

/// The bytes that GNU parallel quotes for csh and rc.
fn may_be_special(byte: u8) -> bool {
    matches!(byte, 2..=26 | 130..=255) || b" !\"#$&'()*;<=>?[\\]^`{|}~".contains(&byte)
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
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;
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

    #[test]
    fn other_shells_are_quoted_for_as_gnu_parallel_does() {
        for (value, csh, rc, fish) in [
            (&b""[..], &b"''"[..], &b"''"[..], &b"''"[..]),
            (b"a b", b"a\\ b", b"a' 'b", b"'a b'"),
            (b"it's", b"it\\'s", b"it''''s", br#"'it'"'"'s'"#),
            (b"a\n", b"a\"\\\n\"", b"a'\n'", b"'a\n'"),
            (b"x*?y", b"x\\*\\?y", b"x'*?'y", b"'x*?y'"),
            (b"a:b,%@", b"a:b,%@", b"a:b,%@", b"'a:b,%@'"),
            (
                b"\x01\x1f\x7f",
                b"\x01\x1f\x7f",
                b"\x01\x1f\x7f",
                b"'\x01\x1f\x7f'",
            ),
            (b"\xc3\xa9", b"\\\xc3\\\xa9", b"'\xc3\xa9'", b"'\xc3\xa9'"),
            (b"a\\b", b"a\\\\b", b"a'\\'b", b"'a\\b'"),
            // Here fish takes more than GNU parallel gives it.
            (b"\\", b"\\\\", b"'\\'", b"'\\\\'"),
            (b"\\'", b"\\\\\\'", b"'\\'''", b"'\\\\'\"'\""),
            (b"\\\\n", b"\\\\\\\\n", b"'\\\\'n", b"'\\\\\\\\n'"),
        ] {
            for (quoting, want) in [
                (Quoting::Csh, csh),
                (Quoting::Rc, rc),
                (Quoting::Fish, fish),
            ] {
                let mut out = Vec::new();
                quoting.append(value, &mut out);
                assert_eq!(out, want, "{quoting:?} of {}", value.escape_ascii());
                let mut tail = [b"x ", value].concat();
                quoting.quote_tail(&mut tail, 2);
                assert_eq!(tail[2..], *want, "{quoting:?} of {}", value.escape_ascii());
            }
        }
    }

    /// Shells, the words that have them run a line, and how values are quoted for them.
    const SHELLS: [(&str, &[&str], Quoting); 13] = [
        ("sh", &["-c"], Quoting::Posix),
        ("bash", &["-c"], Quoting::Posix),
        ("dash", &["-c"], Quoting::Posix),
        ("zsh", &["-c"], Quoting::Posix),
        ("ksh", &["-c"], Quoting::Posix),
        ("mksh", &["-c"], Quoting::Posix),
        ("yash", &["-c"], Quoting::Posix),
        ("busybox", &["sh", "-c"], Quoting::Posix),
        ("csh", &["-c"], Quoting::Csh),
        ("bsd-csh", &["-c"], Quoting::Csh),
        ("tcsh", &["-c"], Quoting::Csh),
        ("fish", &["-c"], Quoting::Fish),
        ("rc", &["-c"], Quoting::Rc),
    ];

    /// What `shell` hands to a program for each of `values`, quoted, on one line.
    fn through_shell(
        (shell, run, quoting): (&str, &[&str], Quoting),
        locale: &str,
        values: &[Vec<u8>],
    ) -> Option<Vec<Vec<u8>>> {
        let mut line = b"exec printf '%s\\0'".to_vec();
        for value in values {
            line.push(b' ');
            quoting.append(value, &mut line);
        }
        let home = tempfile::tempdir().unwrap();
        let output = Command::new(shell)
            .args(run)
            .arg(OsStr::from_bytes(&line))
            .env("LC_ALL", locale)
            .env("HOME", home.path())
            .stdin(Stdio::null())
            .output();
        let Ok(output) = output else {
            // The one that csh is by default; tcsh may take its name.
            let required = shell != "bsd-csh"
                && std::env::var_os("FANOUT_TEST_REQUIRE").is_some_and(|which| which == "all");
            assert!(
                !required,
                "{shell} is not installed, but FANOUT_TEST_REQUIRE=all"
            );
            eprintln!("skipped: {shell} is not installed");
            return None;
        };
        let mut printed = output.stdout;
        let complaint = output.stderr.escape_ascii();
        assert!(output.status.success(), "{shell}: {complaint}");
        assert_eq!(printed.pop(), Some(0), "{shell}: {complaint}");
        let printed = printed.split(|&byte| byte == 0).map(<[u8]>::to_vec);
        Some(printed.collect())
    }

    /// rc takes the byte 255 for the end of its input, wherever it stands, and yash in a locale without
    /// it takes no byte above 127.
    fn can_take(shell: &str, locale: &str, value: &[u8]) -> bool {
        match shell {
            "rc" => !value.contains(&255),
            "yash" => value.is_ascii() || (locale != "C" && std::str::from_utf8(value).is_ok()),
            _ => true,
        }
    }

    fn check(all: &[Vec<u8>]) {
        for shell in SHELLS {
            for locale in ["C", "C.UTF-8"] {
                let taken = |value: &&Vec<u8>| can_take(shell.0, locale, value);
                let values: Vec<_> = all.iter().filter(taken).cloned().collect();
                if values.is_empty() {
                    continue;
                }
                if let Some(got) = through_shell(shell, locale, &values) {
                    assert_eq!(got, values, "{} in {locale}", shell.0);
                }
            }
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 4, ..ProptestConfig::default() })]

        #[test]
        fn shells_hand_over_exactly_the_value(
            any_bytes in vec(vec(1..=255_u8, 0..12), 1..100),
            nasty in vec("['\"\\\\ \n$`!*~{}a\u{1}\u{7f}é]{0,8}", 1..100),
        ) {
            let mut values = any_bytes;
            values.extend(nasty.into_iter().map(String::into_bytes));
            check(&values);
        }
    }

    #[test]
    fn shells_hand_over_every_byte() {
        let values: Vec<Vec<u8>> = (1..=255).map(|byte| vec![b'x', byte, byte]).collect();
        check(&values);
    }
}
