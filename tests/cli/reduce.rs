//! `--reduce`: one output out of many.

use std::fs;
use std::process::Stdio;

use rustix::process::Signal;

use crate::process::{Run, await_that};
use crate::{fanout, fanout_in_background, text};

/// Lines in no order.
fn lines() -> Vec<String> {
    (0..60_000_u64)
        .map(|number| format!("{:05}\n", number * 7919 % 60_013))
        .collect()
}

#[test]
fn sorted_parts_become_a_sorted_whole_and_nothing_is_left_behind() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("lines");
    let mut lines = lines();
    fs::write(&file, lines.concat()).unwrap();
    lines.sort();
    let file = file.to_str().unwrap();
    for options in [
        &["--pipepart", "-a", file, "--block", "-1"][..],
        &["--pipepart", "-a", file, "--block", "1k", "-j4"],
        &["--pipepart", "-a", file, "--block", "3k", "-k"],
    ] {
        let output = fanout()
            .args(options)
            .args(["--reduce", "sort -m {}", "sort"])
            .env("LC_ALL", "C")
            .env("TMPDIR", dir.path())
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        assert!(text(&output.stdout) == lines.concat(), "{options:?}");
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }
}

#[test]
fn counts_add_up_and_the_inputs_go_to_the_end_of_a_command_without_a_place_for_them() {
    let add = "awk '{count[$1] += $2} END {for (word in count) print word, count[word]}'";
    let output = fanout()
        .args(["--pipe", "--block", "2k", "--reduce", add])
        .arg("awk '{print $1 % 3, 1}'")
        .write_stdin(lines().concat())
        .output()
        .unwrap();
    let mut counts: Vec<_> = text(&output.stdout).lines().collect();
    counts.sort_unstable();
    let of = |rest| {
        lines()
            .iter()
            .filter(|line| line.trim().parse::<u64>().unwrap() % 3 == rest)
            .count()
    };
    assert_eq!(counts, [0, 1, 2].map(|rest| format!("{rest} {}", of(rest))));
}

/// Adds up what `sort | uniq -c` has counted for the same word in several parts.
const ADD_UP: &str = "sort -m -k2 {} | awk '$2 != word { if (NR > 1) printf \"%7d %s\\n\", n, word; word = $2; n = 0 }
    { n += $1 } END { if (NR) printf \"%7d %s\\n\", n, word }'";

#[test]
fn words_are_counted_in_parts_as_in_the_whole() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("words");
    let words: Vec<_> = lines()
        .iter()
        .map(|line| format!("w{}", &line[2..]))
        .collect();
    fs::write(&file, words.concat()).unwrap();
    let count = "sort | uniq -c";
    let whole = std::process::Command::new("sh")
        .args(["-c", "sort words | uniq -c"])
        .env("LC_ALL", "C")
        .current_dir(dir.path())
        .output()
        .unwrap();
    let parts = fanout()
        .args([
            "--pipepart",
            "-a",
            "words",
            "--block",
            "20k",
            "--reduce",
            ADD_UP,
            count,
        ])
        .env("LC_ALL", "C")
        .current_dir(dir.path())
        .output()
        .unwrap();
    assert!(!whole.stdout.is_empty());
    assert_eq!(
        text(&parts.stdout),
        text(&whole.stdout),
        "{}",
        text(&parts.stderr)
    );
}

#[test]
fn outputs_keep_the_order_of_the_inputs_and_failed_jobs_count() {
    let output = fanout()
        .args(["-j4", "--no-summary", "--reduce", "cat {}"])
        .arg("sleep 0.0{= $_ = $_ % 3 =}; echo {}; exit {= $_ = $_ == 7 ? 1 : 0 =}")
        .arg(":::")
        .args((1..=30).map(|number| number.to_string()))
        .output()
        .unwrap();
    let wanted: String = (1..=30).map(|number| format!("{number}\n")).collect();
    assert_eq!(text(&output.stdout), wanted);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_merge_that_fails_ends_the_run_and_is_named() {
    for command in ["cat {} >/dev/null; exit 7", "no-such-command"] {
        let output = fanout()
            .args(["--reduce", command, "echo", ":::"])
            .args((1..=40).map(|number| number.to_string()))
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(255), "{output:?}");
        assert!(text(&output.stderr).contains(&format!("--reduce: '{command}' ended with")));
    }
}

#[test]
fn a_run_that_ends_early_has_no_result() {
    let output = fanout()
        .args([
            "-j1",
            "--no-summary",
            "--halt",
            "now,fail=1",
            "--reduce",
            "cat {}",
        ])
        .args(["echo {}; exit {}", ":::", "0", "1", "2"])
        .output()
        .unwrap();
    assert_eq!(text(&output.stdout), "");
    assert!(text(&output.stderr).contains("no result"), "{output:?}");
    assert_ne!(output.status.code(), Some(0));
}

#[test]
fn what_leaves_nothing_to_merge_is_refused() {
    for other in [
        "--ungroup",
        "--line-buffer",
        "--files",
        "--json=-",
        "--results=r",
    ] {
        let output = fanout()
            .args(["--reduce", "cat {}", other, "echo", ":::", "1"])
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(255), "{other}");
        assert!(text(&output.stderr).contains("--reduce"), "{output:?}");
    }
}

#[test]
fn a_run_that_is_killed_while_it_merges_leaves_no_process_and_no_file() {
    for signal in [Signal::KILL, Signal::INT, Signal::TERM] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = fanout_in_background();
        command
            .args(["-j2", "--reduce", "cat {} >/dev/null; exec sleep 987"])
            .args(["echo", ":::", "1", "2", "3", "4"])
            .env("TMPDIR", folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut run = Run::start(command);
        await_that("a merge", || {
            run.jobs().iter().any(|job| job.contains("987"))
        });
        run.send(signal);
        assert!(!run.wait().success(), "{signal:?}");
        await_that("the end of the merges", || run.jobs().is_empty());
        let left = fs::read_dir(folder.path()).unwrap().count();
        assert_eq!(left, 0, "{signal:?}");
    }
}
