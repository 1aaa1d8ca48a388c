//! `--semaphore --fg`: one command, whatever the inputs, that exits as its command does.

use crate::case::{Case, case};

/// Commands and what they are given.
const COMMANDS: &[&str] = &[
    "echo a b",
    "'echo hi; exit 3'",
    "'exit 300'",
    "false",
    "true",
    "'kill -9 $$'",
    "'kill -15 $$'",
    "nosuchcommand",
    "echo 'a  b' '\"c\"'",
    "'echo {} {.} {1} {2} {#} {%} x{}y {/}'",
    "echo ::: a b",
    "echo {} ::: a b",
    "echo :::: nofile",
    "'echo e >&2; echo o'",
    "'echo $PARALLEL_SEQ $PARALLEL_JOBSLOT'",
    "''",
    "",
];

/// Options that mean something here.
const OPTIONS: &[&str] = &[
    "-j3",
    "-k",
    "-u",
    "--tag",
    "-v",
    "-t",
    "--dry-run",
    "-q",
    "--shellquote",
    "-n2",
    "-X",
    "-C ,",
    "--header :",
    "-a nofile",
    "-j100%",
    "--trim lr",
];

pub fn cases() -> Vec<Case> {
    let mut cases: Vec<_> = COMMANDS
        .iter()
        .map(|command| at_home(case(&format!("--semaphore --fg {command}"))))
        .collect();
    cases.extend(
        OPTIONS
            .iter()
            .map(|option| at_home(case(&format!("--fg --id s {option} 'echo x {{}}; exit 2'")))),
    );
    cases.extend(
        [
            case("--fg cat").stdin("given\nlines"),
            case("--semaphore --fg --id 'a/b c' cat").stdin(b"\xff\x00bytes"),
            case("--semaphorename n --fg echo x"),
            case("--semaphore-name n --fg echo x"),
            case("--st 3 --fg echo x"),
            case("--semaphoretimeout -3 --fg echo x"),
            case("--fg -a f 'cat; echo x'"),
            case("--fg cat :::: f"),
            case("--fg -a - cat").stdin("given"),
            case("--fg --pipe -a f wc -l"),
            case("--fg -a f -a f cat").names(&["semaphore"]),
            case("--fg cat ::: a :::: f").names(&["semaphore"]),
            case("--fg --colsep b cat {} :::: f"),
            case("--wait"),
            case("--semaphore --wait --id nobody"),
            case("--fg --timeout 0.1 'sleep 30'"),
            case("--fg --joblog log 'exit 4'").joblog("log"),
            case("--fg --halt now,fail=1 'exit 5'"),
        ]
        .map(at_home),
    );
    cases
}

/// Each has semaphores of its own.
fn at_home(case: Case) -> Case {
    case.env("HOME", ".")
        .file(".parallel/will-cite", "")
        .file("f", "a\nb\n")
}
