//! Quoting for shells of other families, and quoting as the whole purpose.

use std::path::Path;

use crate::case::{Case, case};
use crate::values::{delimited, nasty};

/// Themes with backslashes, which fish treats in its own way: one case is in the table of differences.
const HAVE_BACKSLASHES: [&str; 3] = ["backslashes", "all bytes in one", "long"];

/// Shells that are quoted for as bash is: two themes show it.
const AS_BASH: [&str; 5] = ["zsh", "ksh", "mksh", "yash", "dash"];

pub fn cases() -> Vec<Case> {
    let mut cases = shellquote();
    let others = ["csh", "tcsh", "fish", "rc"];
    for shell in others.into_iter().chain(AS_BASH) {
        let path = format!("/usr/bin/{shell}");
        if !Path::new(&path).exists() {
            continue;
        }
        for (theme, values) in nasty() {
            if shell == "fish" && HAVE_BACKSLASHES.contains(&theme)
                || AS_BASH.contains(&shell) && !["quotes", "all bytes in one"].contains(&theme)
                // A shell for each of them is slow on GNU's side.
                || theme == "every byte"
            {
                continue;
            }
            for command in [
                "--dry-run echo",
                "--dry-run -q echo 'it''s' x{}y",
                "--shellquote",
            ] {
                // There GNU counts lines several times, rc cannot read the byte 255, yash none above 127.
                let with_255 = shell == "rc" && std::str::from_utf8(&values.concat()).is_err();
                if command == "--shellquote" && (theme == "long" || with_255 || shell == "yash") {
                    continue;
                }
                cases.push(
                    case(&format!("-0 -k -j1 {command}"))
                        .named(&format!("{shell}, {theme}"))
                        .env("PARALLEL_SHELL", &path)
                        .stdin(delimited(&values, 0)),
                );
            }
        }
    }
    cases.push(
        case("-k -j1 --dry-run echo")
            .named("fish, backslashes")
            .env("PARALLEL_SHELL", "/usr/bin/fish")
            .stdin("a\\\nb\\\\c\n"),
    );
    cases.retain(|case| case.env.iter().all(|(_, shell)| Path::new(shell).exists()));
    cases
}

fn shellquote() -> Vec<Case> {
    let mut cases = Vec::new();
    for (theme, values) in nasty().into_iter().filter(|(theme, _)| *theme != "long") {
        for times in [
            "--shellquote",
            "--shellquote --shellquote",
            "--shellquote --shell-quote --shellquote",
        ] {
            cases.push(
                case(&format!("-0 -k -j2 {times}"))
                    .named(theme)
                    .stdin(delimited(&values, 0)),
            );
        }
    }
    for options in [
        "--shellquote echo x",
        "--shellquote 'echo $HOME {}'",
        "--shellquote 'echo $HOME {} {1}x'",
        "--shellquote -q 'echo $HOME' {}",
        "--shellquote --dry-run",
        "--shellquote -v",
        "--shellquote -X",
        "--shellquote -n2",
        "--shellquote --tag",
        "--shellquote -u -j1",
        "--shellquote {.}-{#}",
        "--shellquote {}",
        "--shellquote --joblog log",
    ] {
        cases.push(
            case(&format!("-k -j1 {options}"))
                .args([":::", "a b.c", "it's", "d"])
                .joblog("log"),
        );
    }
    cases
}
