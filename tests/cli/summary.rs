//! What is said at the end of a run.

use std::process::Command;

use crate::{ENVIRONMENT, fanout, text};

/// What `fanout` with `args` says on standard error, without how long it took.
fn said(args: &[&str]) -> String {
    let output = fanout().args(args).output().unwrap();
    without_times(text(&output.stderr))
}

fn without_times(said: &str) -> String {
    let timeless = said
        .lines()
        .map(|line| line.split(" in 0:").next().unwrap());
    timeless.map(|line| format!("{line}\n")).collect()
}

#[test]
fn a_time_out_is_told_once() {
    let run =
        |options: &[&str]| said(&[options, &["--timeout", "0.2", "sleep", ":::", "60"]].concat());
    let summary = "fanout: 0 of 1 done, 1 failed\n  #1  timeout  sleep 60\n";
    assert_eq!(run(&[]), summary);
    assert_eq!(
        run(&["--retries", "2"]),
        summary.replace("timeout", "timeout, 2 tries")
    );
    let told =
        "fanout: Warning: This job was killed because it timed out:\nfanout: Warning: sleep 60\n";
    assert_eq!(run(&["--no-summary"]), told);
}

#[test]
fn what_was_never_started_is_counted() {
    let failing = [
        "-j1",
        "--halt",
        "now,fail=1",
        "false #",
        ":::",
        "1",
        "2",
        "3",
    ];
    let summary = "fanout: 0 of 3 done, 1 failed, 2 never started\n  #1  exit 1  false # 1\n";
    let said = said(&failing);
    assert!(said.ends_with(summary), "{said}");
}

#[test]
fn the_summary_has_lines_of_its_own() {
    for options in [
        "",
        "-k",
        "--line-buffer",
        "--tag",
        "-k --line-buffer",
        "--retries 2",
        "-j1 --progress",
    ] {
        for command in ["printf x; false #", "printf x >&2; false #"] {
            let script = format!("\"$FANOUT\" {options} '{command}' ::: 1 2>&1");
            let output = Command::new("sh")
                .args(["-c", &script])
                .env("FANOUT", env!("CARGO_BIN_EXE_fanout"))
                .envs(ENVIRONMENT.iter().copied())
                .output()
                .unwrap();
            let written = text(&output.stdout);
            let summary = written
                .lines()
                .filter(|line| line.starts_with("fanout: 0 of 1 done, 1 failed"));
            assert_eq!(summary.count(), 1, "{script}: {written}");
            assert!(!written.contains("\n\n"), "{script}: {written}");
        }
    }
}

#[test]
fn the_file_that_a_job_reads_is_shown() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("a b"), "x\n").unwrap();
    let output = fanout()
        .args(["--stdin-from", "{}", "grep -q y", ":::", "a b"])
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert_eq!(
        without_times(text(&output.stderr)),
        "fanout: 0 of 1 done, 1 failed\n  #1  exit 1  grep -q y < 'a b'\n"
    );
}
