//! What is written last tells how the run ended, also where the last thing that failed was to write.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::Path;
use std::process::Stdio;

use rustix::process::Signal;

use crate::fanout_in_background;
use crate::process::{Run, await_that};

/// The exit code in the last line of `json`, which is to be a `run.end`.
fn told(json: &str) -> i64 {
    let last = json.lines().last().unwrap_or_default();
    let end: serde_json::Value = serde_json::from_str(last).expect(json);
    assert_eq!(end["type"], "run.end", "{json}");
    end["exit"].as_i64().unwrap()
}

/// fanout with `words` in `folder`, with standard output where there is no room.
fn without_room(folder: &Path, words: &[&str]) -> std::process::Command {
    let full = File::options().append(true).open("/dev/full").unwrap();
    let mut command = fanout_in_background();
    command
        .current_dir(folder)
        .env("TMPDIR", folder)
        .args(words)
        .args(["echo {}", ":::", "1", "2"])
        .stdout(full)
        .stderr(Stdio::null());
    command
}

#[test]
fn the_last_line_of_json_has_the_exit_code_of_fanout() {
    for options in [
        &[][..],
        &["-k"],
        &["--line-buffer"],
        &["--ungroup"],
        &["--tag"],
        &["--reduce", "cat"],
        &["--files"],
        &["--shell", "always"],
    ] {
        let folder = tempfile::tempdir().unwrap();
        let words = [&["--json=log"], options].concat();
        let status = Run::start(without_room(folder.path(), &words)).wait();
        let json = fs::read_to_string(folder.path().join("log")).unwrap();
        let code = status.code().map(i64::from);
        assert_ne!(code, Some(0), "{options:?}");
        assert_eq!(Some(told(&json)), code, "{options:?}: {json}");
    }
}

#[test]
fn whoever_reads_json_or_a_joblog_in_a_pipe_hears_of_lost_output_too() {
    let folder = tempfile::tempdir().unwrap();
    for (options, end, lost) in [
        (
            &["--json=/dev/stderr"][..],
            r#""type":"job.end""#,
            r#""type":"job.lost""#,
        ),
        (
            &["--joblog", "/dev/stderr"],
            "\t0\t0\techo",
            "\t-1\t0\techo",
        ),
    ] {
        let mut command = without_room(folder.path(), options);
        command.stderr(Stdio::piped());
        let mut run = Run::start(command);
        let mut told = String::new();
        let mut stderr = run.child.stderr.take().unwrap();
        stderr.read_to_string(&mut told).unwrap();
        assert_eq!(run.wait().code(), Some(255));
        assert_eq!(told.matches(end).count(), 2, "{told}");
        assert_eq!(told.matches(lost).count(), 2, "{told}");
    }
}

#[test]
fn a_reader_who_leaves_is_in_the_last_line() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = fanout_in_background();
    command
        .current_dir(folder.path())
        .args(["--json=log", "seq {}", ":::", "100000"])
        .stdout(Stdio::piped());
    let mut run = Run::start(command);
    drop(run.stdout());
    let status = run.wait();
    let json = fs::read_to_string(folder.path().join("log")).unwrap();
    assert_eq!(told(&json), 128 + i64::from(libc::SIGPIPE), "{status}");
}

#[test]
fn a_stop_while_the_last_output_waits_for_its_reader_is_in_the_last_line() {
    for signal in [Signal::INT, Signal::TERM] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = fanout_in_background();
        command
            .current_dir(folder.path())
            .args(["--json=log", "seq {}", ":::", "100000"])
            .stdout(Stdio::piped());
        let mut run = Run::start(command);
        let log = folder.path().join("log");
        let json = || fs::read_to_string(&log).unwrap_or_default();
        await_that("the job's end", || json().contains(r#""type":"job.end""#));
        run.send(signal);
        let mut stdout = run.stdout();
        await_that("the end of the output, or a stop", || {
            stdout.read(&mut [0; 4096]).unwrap() == 0
        });
        let status = run.wait();
        assert_ne!(status.code(), Some(0), "{signal:?}");
        // Whether it comes to a last line within the second that fanout goes on to write for is not promised.
        if json().contains(r#""type":"run.end""#) {
            assert_ne!(told(&json()), 0, "{signal:?}: {status}");
        }
    }
}
