//! How a run ends: exit codes, the summary, and errors that name their culprit.

use std::fs;
use std::os::unix::fs::symlink;

use assert_cmd::assert::Assert;

use crate::{fanout, text};

/// One line on stderr that holds each of `culprits`, GNU's exit code for errors, and nothing run.
fn is_refused(run: Assert, culprits: &[&str]) {
    let run = run.code(255).stdout("");
    let said = text(&run.get_output().stderr);
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("fanout: "), "{said}");
    for culprit in culprits {
        assert!(said.contains(culprit), "{culprit:?} is not named: {said}");
    }
}

#[test]
fn the_exit_code_counts_failed_jobs_up_to_101() {
    for (failures, code) in [
        (0, 0),
        (1, 1),
        (5, 5),
        (100, 100),
        (101, 101),
        (102, 101),
        (300, 101),
    ] {
        let input = "exit 0\n".to_owned() + &"exit 3\n".repeat(failures);
        fanout()
            .arg("--no-summary")
            .write_stdin(input)
            .assert()
            .code(code)
            .stdout("")
            .stderr("");
    }
}

#[test]
fn no_input_is_no_failure() {
    fanout()
        .arg("false")
        .write_stdin("")
        .assert()
        .code(0)
        .stdout("")
        .stderr("fanout: no inputs, nothing was run\n");
}

#[test]
fn help_and_version_go_to_stdout() {
    let help = fanout().arg("--help").assert().code(0).stderr("");
    assert!(text(&help.get_output().stdout).contains("--keep-order"));
    let screen = fanout().arg("-h").assert().code(0).stderr("");
    assert!(text(&screen.get_output().stdout).lines().count() < 40);
    let section = fanout().args(["--help", "gates"]).assert().code(255);
    let said = text(&section.get_output().stderr);
    assert!(
        said.contains("no section 'gates'; sections: input, "),
        "{said}"
    );
    for (topic, option) in [
        ("jobs", "--jobs <N>"),
        ("--halt", "--halt <POLICY>"),
        ("in", "--csv"),
    ] {
        let part = fanout().args(["--help", topic]).assert().code(0).stderr("");
        let part = text(&part.get_output().stdout).to_owned();
        assert!(
            part.contains(option) && !part.contains("--number-of-cores"),
            "{part}"
        );
    }
    let version = fanout().arg("--version").assert().code(0).stderr("");
    let expected = format!("fanout {}", env!("CARGO_PKG_VERSION"));
    let version = text(&version.get_output().stdout);
    assert!(version.starts_with(&expected), "{version}");
    assert!(version.contains("\nfeatures: "), "{version}");
}

#[test]
fn as_parallel_scripts_find_the_release_that_they_look_for() {
    let folder = tempfile::tempdir().unwrap();
    let parallel = folder.path().join("parallel");
    symlink(env!("CARGO_BIN_EXE_fanout"), &parallel).unwrap();
    let says = |option: &[&str], code| {
        let run = assert_cmd::Command::new(&parallel)
            .args(option)
            .assert()
            .code(code);
        text(&run.get_output().stdout).to_owned()
    };
    assert!(says(&["--help"], 0).contains("GNU Parallel"));
    assert!(says(&["--version"], 0).starts_with("GNU parallel 20260522\n"));
    assert_eq!(says(&["--minversion", "20260522"], 0), "20260522\n");
    assert_eq!(says(&["--minversion", "20260523"], 255), "20260522\n");
}

#[test]
fn an_unknown_option_is_named() {
    is_refused(
        fanout()
            .args(["--no-such-option", "echo", ":::", "a"])
            .assert(),
        &["--no-such-option"],
    );
}

#[test]
fn a_bad_value_is_named_with_its_option() {
    // A short option may be called by its long name.
    for (option, value, called) in [
        ("-j", "many", "--jobs"),
        ("--jobs", "3x", "--jobs"),
        ("--halt", "sometimes", "--halt"),
        ("--timeout", "soon", "--timeout"),
        ("--retries", "x", "--retries"),
        ("--delay", "x", "--delay"),
        ("-n", "x", "--max-args"),
        ("-N", "x", "--max-replace-args"),
    ] {
        is_refused(
            fanout().args([option, value, "echo", ":::", "a"]).assert(),
            &[called, value],
        );
    }
}

#[test]
fn a_missing_value_is_named_by_its_option() {
    for option in ["--joblog", "--tagstring", "--timeout"] {
        is_refused(fanout().arg(option).assert(), &[option]);
    }
}

#[test]
fn an_input_file_that_cannot_be_read_is_named() {
    for file in ["no/such/file", "/"] {
        is_refused(fanout().args(["echo", "::::", file]).assert(), &[file]);
        is_refused(fanout().args(["-a", file, "echo"]).assert(), &[file]);
    }
}

#[test]
fn a_full_standard_output_is_an_error_and_not_silence() {
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let mut run = crate::fanout_in_background();
    let run = run
        .args(["echo", ":::", "1", "2"])
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(run.status.code(), Some(255));
    let said = text(&run.stderr);
    assert!(
        said.contains("standard output: No space left on device"),
        "{said}"
    );
}

#[test]
fn a_spool_directory_that_does_not_exist_is_named() {
    let run = fanout()
        .env("TMPDIR", "/no/such/dir")
        .args(["echo", ":::", "1"])
        .assert()
        .code(255);
    let said = text(&run.get_output().stderr);
    assert!(
        said.contains("/no/such/dir") && said.contains("$TMPDIR"),
        "{said}"
    );
}

#[test]
fn a_joblog_that_cannot_be_written_is_named() {
    is_refused(
        fanout()
            .args(["--joblog", "/no/such/folder/log", "echo", ":::", "a"])
            .assert(),
        &["/no/such/folder/log"],
    );
}

#[test]
fn an_input_too_long_for_any_command_line_is_named_and_costs_no_earlier_job() {
    let input = format!("first\n{}\nthird\n", "x".repeat(3_000_000));
    let run = fanout()
        .args(["-k", "-j1", "echo"])
        .write_stdin(input)
        .assert();
    let output = run.get_output();
    let said = text(&output.stderr);
    assert!(!output.status.success());
    assert!(text(&output.stdout).starts_with("first\n"), "{said}");
    assert!(
        said.lines()
            .any(|line| line.contains("record 2: it is longer than") && line.contains("delimiter")),
        "{said}"
    );
}

#[test]
fn a_job_that_cannot_be_started_is_a_failed_job_and_costs_no_other() {
    let run = fanout()
        .args(["-k", "{} x", ":::", "/bin/echo", "/no/such/program", "echo"])
        .assert()
        .code(1)
        .stdout("x\nx\n");
    assert!(text(&run.get_output().stderr).contains("/no/such/program"));
}

#[test]
fn a_shell_that_does_not_exist_is_named() {
    let run = fanout()
        .env("PARALLEL_SHELL", "/no/such/shell")
        .args(["echo {};", ":::", "a"])
        .assert();
    is_refused(run, &["/no/such/shell"]);
}

/// The shell is there when the run begins, and gone when the second job needs it.
#[test]
fn a_shell_that_goes_away_fails_the_jobs_that_need_it() {
    let folder = tempfile::tempdir().unwrap();
    let shell = folder.path().join("shell");
    symlink("/bin/bash", &shell).unwrap();
    let run = fanout()
        .env("PARALLEL_SHELL", &shell)
        .args([
            "-k",
            "-j1",
            "echo {}; rm -f $PARALLEL_SHELL",
            ":::",
            "a",
            "b",
            "c",
        ])
        .assert()
        .code(2)
        .stdout("a\n");
    let said = text(&run.get_output().stderr);
    assert!(said.contains(shell.to_str().unwrap()), "{said}");
}

#[test]
fn failures_are_summed_up_at_the_end() {
    let run = fanout()
        .args([
            "-k",
            "-j1",
            "echo trouble {} >&2; exit {}",
            ":::",
            "0",
            "3",
            "7",
        ])
        .assert()
        .code(2)
        .stdout("");
    let said = text(&run.get_output().stderr);
    let summary = &said[said.find("fanout: ").expect("a summary")..];
    for part in ["exit 3", "exit 7", "trouble 3", "trouble 7"] {
        assert!(summary.contains(part), "no {part:?} in:\n{said}");
    }
    assert!(!summary.contains("trouble 0"), "{said}");
}

#[test]
fn the_summary_says_how_each_job_failed() {
    let run = fanout()
        .args([
            "-k",
            "-j1",
            "--timeout",
            "0.3",
            "{}",
            ":::",
            "kill -9 $$",
            "sleep 60",
        ])
        .assert()
        .code(2);
    let said = text(&run.get_output().stderr).to_lowercase();
    assert!(
        said.contains("kill") && (said.contains("timed out") || said.contains("timeout")),
        "{said}"
    );
}

#[test]
fn there_is_no_summary_without_failures_nor_when_unwanted_nor_as_parallel() {
    fanout()
        .args(["true", ":::", "a"])
        .assert()
        .code(0)
        .stderr("");
    fanout()
        .args(["--no-summary", "false", ":::", "a"])
        .assert()
        .code(1)
        .stderr("");

    let folder = tempfile::tempdir().unwrap();
    let parallel = folder.path().join("parallel");
    symlink(env!("CARGO_BIN_EXE_fanout"), &parallel).unwrap();
    assert_cmd::Command::new(parallel)
        .env("PARALLEL_SHELL", "/bin/bash")
        .args(["false", ":::", "a"])
        .assert()
        .code(1)
        .stderr("");
}

#[test]
fn a_joblog_has_a_line_for_each_job() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    fanout()
        .args(["--no-summary", "--joblog"])
        .arg(&log)
        .args(["exit", ":::", "0", "1", "2"])
        .assert()
        .code(2);
    let log = fs::read_to_string(log).unwrap();
    let mut lines = log.lines();
    let header = "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand";
    assert_eq!(lines.next(), Some(header));
    let mut exits: Vec<&str> = lines.map(|line| line.split('\t').nth(6).unwrap()).collect();
    exits.sort_unstable();
    assert_eq!(exits, ["0", "1", "2"]);
}

#[test]
fn a_deleted_working_directory_fails_only_what_needs_it() {
    let folder = tempfile::tempdir().unwrap();
    let fanout = env!("CARGO_BIN_EXE_fanout");
    let script =
        format!("mkdir gone && cd gone && rmdir ../gone && {fanout} -k echo ::: a b 2>/dev/null");
    let output = std::process::Command::new("bash")
        .args(["-c", &script])
        .current_dir(folder.path())
        .envs(crate::ENVIRONMENT.iter().copied())
        .output()
        .unwrap();
    assert_eq!(text(&output.stdout), "a\nb\n");
    assert_eq!(output.status.code(), Some(0));
}

/// What compresses the output is gone before the job is.
#[test]
fn a_job_that_ran_and_whose_output_is_gone_has_failed() {
    let folder = tempfile::tempdir().unwrap();
    let run = fanout()
        .current_dir(folder.path())
        .args([
            "--json=run.jsonl",
            "--joblog",
            "log",
            "--compress-program",
            "false",
            "--decompress-program",
            "cat",
        ])
        .args(["seq {}", ":::", "200000"])
        .assert();
    let said = text(&run.get_output().stderr);
    assert!(
        said.contains("lost") && !said.contains("not started"),
        "{said}"
    );
    let json = fs::read_to_string(folder.path().join("run.jsonl")).unwrap();
    assert!(json.contains(r#""status":"fail","exit":0"#), "{json}");
    let log = fs::read_to_string(folder.path().join("log")).unwrap();
    assert_eq!(log.lines().nth(1).unwrap().split('\t').nth(6), Some("-1"));
}
