//! The words of a command line that consists of nothing else.

use memchr::memchr;

use crate::model::ArgList;

/// The words that bash and dash make of `line`, if it is one simple command of plain words: safe
/// characters, `'…'`, and `"…"` in which nothing is expanded.
///
/// `None` for everything else: operators, expansions, globs, tildes, braces, assignments,
/// backslashes, comments, more than one line, bytes beyond ASCII that are not quoted.
pub fn direct_words(line: &[u8]) -> Option<ArgList> {
    let mut words = ArgList::new();
    let mut word = Vec::new();
    let mut in_word = false;
    let mut rest = line;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        match byte {
            b' ' | b'\t' => {
                if in_word {
                    words.push(&word);
                    word.clear();
                }
                in_word = false;
                continue;
            }
            b'\'' => rest = enclosed(b'\'', after, &mut word)?,
            b'"' => {
                let before = word.len();
                rest = enclosed(b'"', after, &mut word)?;
                if word[before..].iter().any(|byte| b"$`\\!".contains(byte)) {
                    return None;
                }
            }
            // An assignment, or a job number.
            b'=' if words.is_empty() => return None,
            b'%' if words.is_empty() && !in_word => return None,
            _ if is_plain(byte) => word.push(byte),
            _ => return None,
        }
        in_word = true;
    }
    if in_word {
        words.push(&word);
    }
    (!words.is_empty()).then_some(words)
}

/// Moves what is before the closing `quote` to `word`; gives what is after it.
fn enclosed<'t>(quote: u8, text: &'t [u8], word: &mut Vec<u8>) -> Option<&'t [u8]> {
    let end = memchr(quote, text)?;
    word.extend_from_slice(&text[..end]);
    Some(&text[end + 1..])
}

/// Whether a byte stands for itself wherever it stands, without quotes.
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"_./+,:@%^-=".contains(&byte)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Write};
    use std::process::{Command, Stdio};

    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::direct_words;
    use crate::template::Quoting;

    fn words(line: &str) -> Option<Vec<String>> {
        let words = direct_words(line.as_bytes())?;
        Some(
            words
                .iter()
                .map(|word| String::from_utf8(word.to_vec()).unwrap())
                .collect(),
        )
    }

    #[test]
    fn plain_words_are_taken_apart() {
        for (line, want) in [
            ("true", &["true"][..]),
            ("  ls  -l\t/tmp ", &["ls", "-l", "/tmp"]),
            ("a 'b c' \"d e\"", &["a", "b c", "d e"]),
            (r#"a 'it'"'"'s'"#, &["a", "it's"]),
            (r#"a "'"''"'""#, &["a", "''"]),
            ("a '' \"\" ''b''", &["a", "", "", "b"]),
            (
                "dd if=/dev/zero bs=1 conv=a,b",
                &["dd", "if=/dev/zero", "bs=1", "conv=a,b"],
            ),
            ("a '$x `y` \\ * ! ~ # \n'", &["a", "$x `y` \\ * ! ~ # \n"]),
            ("a \"it's * ? ~ # ; | \n\"", &["a", "it's * ? ~ # ; | \n"]),
            ("'a b' c", &["a b", "c"]),
            ("a +x @y %1 ^z :", &["a", "+x", "@y", "%1", "^z", ":"]),
            ("'a=b' c", &["a=b", "c"]),
        ] {
            assert_eq!(words(line).as_deref().unwrap_or_default(), want, "{line}");
        }
    }

    #[test]
    fn anything_else_needs_the_shell() {
        for line in [
            "",
            "  ",
            "a;b",
            "a|b",
            "a&",
            "a>b",
            "a<b",
            "(a)",
            "a $b",
            "a \"$b\"",
            "a `b`",
            "a \"`b`\"",
            "a *",
            "a ?",
            "a [b]",
            "a ~",
            "a ~b",
            "a b=~/c",
            "a {b,c}",
            "a {1..3}",
            "a {}",
            "A=b c",
            "A= c",
            "A='x' c",
            "a # b",
            "a #b",
            "a\nb",
            "a\n",
            "\na",
            "!a",
            "a !b",
            "a \"b!\"",
            "a \\b",
            "a\\",
            "a \"b\\c\"",
            "a 'b",
            "a \"b",
            "a b'",
            "%1",
            "a\rb",
            "a \u{b}b",
            "a é",
            "a \u{a0}b",
            "a 'b'(c)",
        ] {
            assert_eq!(words(line), None, "{line}");
        }
    }

    /// What `shell` makes of each of `lines`, with the words of a line apart from those of the next.
    fn through_shell(shell: &str, lines: &[Vec<u8>]) -> Option<Vec<u8>> {
        let mut script = Vec::new();
        for line in lines {
            // A function stands for the program that the words are handed to.
            script.extend_from_slice(b"show ");
            script.extend_from_slice(line);
            script.extend_from_slice(b"\n");
        }
        let mut child = match Command::new(shell)
            .args([
                "-c",
                r#"show() { printf '%s\0' "$@" "$#"; }; eval "$(cat)""#,
            ])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
        {
            Ok(child) => child,
            Err(error) => {
                let required = std::env::var_os("FANOUT_TEST_REQUIRE");
                assert!(
                    required.is_none_or(|which| which != "all"),
                    "{shell}: {error}"
                );
                eprintln!("skipped: {shell} is not installed");
                return None;
            }
        };
        let mut stdin = child.stdin.take().unwrap();
        let writer = std::thread::spawn(move || stdin.write_all(&script));
        let mut printed = Vec::new();
        child
            .stdout
            .take()
            .unwrap()
            .read_to_end(&mut printed)
            .unwrap();
        writer.join().unwrap().unwrap();
        child.wait().unwrap();
        Some(printed)
    }

    fn as_printed(lines: &[Vec<u8>]) -> Vec<u8> {
        let mut want = Vec::new();
        for words in lines.iter().filter_map(|line| direct_words(line)) {
            for word in words.iter() {
                want.extend_from_slice(word);
                want.push(0);
            }
            want.extend_from_slice(words.len().to_string().as_bytes());
            want.push(0);
        }
        want
    }

    fn line() -> impl Strategy<Value = Vec<u8>> {
        let quoted = vec(1..=255_u8, 0..6).prop_map(|value| {
            let mut out = b" ".to_vec();
            Quoting::Posix.append(&value, &mut out);
            out
        });
        let piece = prop_oneof![
            4 => quoted,
            3 => "[a-z0-9=_./+,:@%^-]{0,5}".prop_map(String::into_bytes),
            2 => "[ \t'\"]{1,2}".prop_map(String::into_bytes),
            2 => "\"[^\"]{0,4}\"".prop_map(|text| text.replace('\0', "").into_bytes()),
            1 => vec(1..=255_u8, 1..3),
        ];
        vec(piece, 1..8).prop_map(|pieces| pieces.concat())
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

        #[test]
        fn words_are_those_of_the_shells(lines in vec(line(), 200)) {
            let lines: Vec<_> =
                lines.into_iter().filter(|line| direct_words(line).is_some()).collect();
            prop_assert!(lines.len() > 20, "too few lines without a shell to be a test");
            let want = as_printed(&lines);
            for shell in ["bash", "dash"] {
                if let Some(got) = through_shell(shell, &lines) {
                    prop_assert!(got == want, "{} differs", shell);
                }
            }
        }
    }
}
