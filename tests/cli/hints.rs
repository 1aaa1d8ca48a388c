//! What is said when something may not be meant as it was typed.

use std::fs::{self, File};

use assert_cmd::assert::Assert;

use crate::{fanout, text};

fn stderr_of(run: &Assert) -> String {
    text(&run.get_output().stderr).to_owned()
}

#[test]
fn no_inputs_are_told_of_and_files_behind_the_command_may_be_meant() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["a.txt", "b.txt"] {
        fs::write(folder.path().join(name), "").unwrap();
    }
    let said = |args: &[&str]| {
        let run = fanout().current_dir(folder.path()).args(args).assert();
        stderr_of(&run.code(0))
    };
    assert_eq!(
        said(&["gzip", "a.txt", "b.txt"]),
        "fanout: no inputs, nothing was run; did you mean: fanout gzip ::: a.txt b.txt\n"
    );
    assert_eq!(
        said(&["echo", ":::"]),
        "fanout: no inputs, nothing was run\n"
    );
    assert_eq!(
        said(&["--retry-failed"]),
        "fanout: no inputs, nothing was run: --retry-failed needs --joblog FILE, which tells what has failed\n"
    );
    for meant in [
        &["-r", "gzip"][..],
        &["--no-summary", "gzip"],
        &["--plain", "--filter", "0", "echo", ":::", "a"],
        &["true", ":::", "a"],
    ] {
        assert_eq!(said(meant), "", "{meant:?}");
    }
}

#[test]
fn jobs_that_an_earlier_run_has_done_are_inputs() {
    let folder = tempfile::tempdir().unwrap();
    let again = || {
        let args = ["--resume", "--joblog", "log", "true", ":::", "a", "b"];
        let run = fanout().current_dir(folder.path()).args(args).assert();
        stderr_of(&run.code(0))
    };
    assert_eq!([again(), again()], ["", ""]);
}

#[test]
fn what_may_be_behind_a_failure_is_told_at_the_end() {
    for (args, hint) in [
        (
            &["false '{}'", ":::", "a"][..],
            "fanout: {} stands in quotes, but is quoted by fanout: write {}, not '{}'\n",
        ),
        (
            &["awk", "{print $1}", ":::", "a"],
            "fanout: the command is read by a shell once more, which takes '{print $1}' apart: -q keeps each word whole\n",
        ),
    ] {
        let failed = stderr_of(&fanout().args(args).assert().failure());
        assert!(failed.ends_with(hint), "{args:?}: {failed}");
    }
    let fine = fanout().args(["true '{}'", ":::", "a"]).assert().code(0);
    assert_eq!(stderr_of(&fine), "");
}

#[test]
fn how_to_run_again_what_has_failed_is_told_and_works() {
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| fanout().current_dir(folder.path()).args(args).assert();
    let first = ["--joblog", "my log", "test -e x || false", ":::", "a", "b"];
    let said = stderr_of(&run(&first).code(2));
    let again = "fanout: again, only these: fanout --retry-failed --joblog 'my log'\n";
    assert!(said.ends_with(again), "{said}");
    fs::write(folder.path().join("x"), "").unwrap();
    run(&["--retry-failed", "--joblog", "my log"]).code(0);
    for no_file in ["-", "/dev/null"] {
        let said = stderr_of(&run(&["--joblog", no_file, "false", ":::", "a"]).code(1));
        assert!(!said.contains("again"), "{said}");
    }
}

#[test]
fn what_is_empty_or_no_column_is_told_before_it_runs() {
    for (args, input, words) in [
        (
            &["echo", "{3}", ":::", "a", ":::", "b"][..],
            "",
            "Warning: {3} is empty: there are 2 input sources.",
        ),
        (
            &["sh", "-c", "exit 3", ":::", "a"],
            "",
            "Warning: the command is read by a shell once more, which takes 'exit 3' apart: -q keeps each word whole.",
        ),
        (
            &["--header", ":", "--colsep", ",", "echo", "{name} {nmae/}"],
            "name,alpha\n1,2\n",
            "Warning: {nmae/} is no column: there are name, alpha.",
        ),
    ] {
        let run = fanout().args(args).write_stdin(input).assert().code(0);
        assert_eq!(stderr_of(&run), format!("fanout: {words}\n"), "{args:?}");
    }
    let args = [
        "--header",
        ":",
        "--colsep",
        ",",
        "echo",
        "${name} {name.} '{x}'",
    ];
    let run = fanout()
        .args(args)
        .write_stdin("name\n1\n")
        .assert()
        .code(0);
    assert_eq!(stderr_of(&run), "");
}

#[test]
fn output_that_the_shell_has_named_is_told_of() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("{.}.out");
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_fanout"));
    let run = command
        .args(["--plain", "echo", "{}", ":::", "a"])
        .stdout(File::create(&path).unwrap())
        .output()
        .unwrap();
    let said = String::from_utf8(run.stderr).unwrap();
    assert!(said.contains("one file that is called {.}.out:"), "{said}");
    assert_eq!(fs::read_to_string(&path).unwrap(), "a\n");
}

#[test]
fn what_other_tools_call_an_option_is_answered_with_ours() {
    for (args, words) in [
        (
            &["--fail-fast", "echo", ":::", "a"][..],
            "Unknown option: --fail-fast; did you mean '--halt now,fail=1'?",
        ),
        (
            &["--workers", "4", "echo", ":::", "a"],
            "Unknown option: --workers; did you mean '--jobs N'?",
        ),
        (
            &["--keep-odrer", "echo", ":::", "a"],
            "Unknown option: --keep-odrer; did you mean '--keep-order'?",
        ),
        (
            &["--nonsense"],
            "Unknown option: --nonsense; see 'fanout --help'",
        ),
        (
            &["--retry", "3", "false", ":::", "a"],
            "--retry 3: did you mean '--retries 3'? (--retry is short for --retry-failed)",
        ),
    ] {
        let run = fanout().args(args).assert().code(255);
        assert_eq!(stderr_of(&run), format!("fanout: Error: {words}\n"));
    }
    // What belongs to the command is not fanout's.
    let echo = ["echo", "--retry", "3", ":::", "a"];
    fanout().args(echo).assert().stdout("--retry 3 a\n");
}
