//! Warnings about inputs that look wrong: the line ends of Windows, NUL bytes, limits beyond what there is.

use crate::case::{Case, case};

pub fn cases() -> Vec<Case> {
    let mut cases = line_ends();
    cases.extend([
        case("-k echo").named("a NUL").stdin("a\0b\n"),
        case("-k echo {1}").named("a NUL").stdin("a\nb\0b\nc\n"),
        case("-k -X echo").named("a NUL").stdin("a\0b\n"),
        case("-k --colsep , echo {2} {1}")
            .named("a NUL")
            .stdin("a\0b,c\n"),
        case("-k -a f echo").named("a NUL").file("f", "a\0b\n"),
        case("-k -s 100000000 echo ::: a"),
        case("-k -s 63663 echo ::: a"),
    ]);
    cases
}

/// The first three values, and only they, tell whether a hint is due.
fn line_ends() -> Vec<Case> {
    let from_stdin = [
        ("-k echo", "a\r\nb\r\nc\r\n"),
        ("-k echo", "a\r\nb\r\nc\r\nd\r\ne"),
        ("-k echo", "a\r\nb\r\n"),
        ("-k echo", "a\r\nb\r\nc"),
        ("-k echo", "a\r\nb\r\nc\r"),
        ("-k echo", "x\na\r\nb\r\nc\r\nd\r\n"),
        ("-k echo", "a\r\n\nc\r\nd\r\n"),
        ("-k -r echo", "a\r\n\r\nc\r\nd\r\n"),
        ("-k -r echo", "a\r\n\nc\r\nd\r\n"),
        ("-k -r echo", "\r\n\r\n\r\nd\n"),
        ("-k -0 echo", "a\r\0b\r\0c\r\0"),
        ("-k -d '\\r\\n' echo", "a\r\nb\r\nc\r\n"),
        ("-k -d '\\n' echo", "a\r\nb\r\nc\r\n"),
        ("-k -d , echo", "a\r,b\r,c\r"),
        ("-k --pipe -N1 cat", "a\r\nb\r\nc\r\n"),
        ("-k -j1 -X echo", "a\r\nb\r\nc\r\n"),
        ("-k -j1 -m echo", "a\r\nb\r\nc\r\n"),
        ("-k -N2 echo", "a\r\nb\r\nc\r\n"),
        ("-k -L2 echo", "a\r\nb\r\nc\r\n"),
        ("-k -j1 -I % echo %", "a\r\nb\r\nc\r\n"),
        ("-k --tag echo", "a\r\nb\r\nc\r\n"),
        ("-k --trim r echo", "a\r\nb\r\nc\r\n"),
        ("-k --trim l echo", "a\r\nb\r\nc\r\n"),
        ("-k --colsep ' ' echo {2} {1}", "a b\r\nc d\r\ne f\r\n"),
        ("-k --colsep '\\r' echo {1}-{2}", "a\r\nb\r\nc\r\n"),
        ("-k --header : echo {h}", "h\r\na\r\nb\r\n"),
        ("-k --header : echo {h}", "h\r\na\r\nb\r\nc\r\n"),
        ("-k -E E echo", "a\r\nb\r\nE\r\nc\r\n"),
        ("-k --dry-run echo", "a\r\nb\r\nc\r\n"),
        ("-k --shellquote", "a\r\nb\r\nc\r\n"),
        ("-k", "echo a\r\necho b\r\necho c\r\n"),
        ("-k echo '{##}' {}", "a\r\nb\r\nc\r\n"),
        ("-k -N2 echo '{##}' {}", "a\r\nb\r\nc\r\n"),
    ];
    let mut cases: Vec<Case> = from_stdin
        .into_iter()
        .map(|(line, stdin)| {
            let what = format!("{stdin:?}");
            case(line).named(&what).stdin(stdin)
        })
        .collect();
    let files = [
        "-k -a f echo",
        "-k echo :::: f",
        "-k echo :::: f f",
        "-k --link echo :::: f f",
        "-k echo :::: f three",
        "-k echo :::: three f",
        "-k echo :::: one one one",
    ];
    cases.extend(files.map(|line| {
        case(line)
            .named("CR")
            .file("f", "a\r\nb\r\nc\r\n")
            .file("one", "a\r\n")
            .file("three", "1\n2\n3\n")
    }));
    let words: [(&str, &[&str]); 6] = [
        ("-k echo", &[":::", "a\r", "b\r", "c\r"]),
        ("-k echo", &[":::", "a\r\nb\r\nc\r"]),
        ("-k echo", &[":::", "a\r", "b", ":::", "c\r", ":::", "d\r"]),
        ("-k echo", &[":::", "a\r", "b\r", ":::", "c\r", "d"]),
        ("-k --link echo", &[":::", "a\r", "b", ":::", "c\r", "d\r"]),
        ("-k -d '\\n' echo", &[":::", "a\r", "b\r", "c\r"]),
    ];
    cases.extend(words.map(|(line, words)| case(line).named(&format!("{words:?}")).args(words)));
    cases
}
