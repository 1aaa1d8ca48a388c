//! Inputs that jobs are handed by name: `--cat`, `--fifo`.

use std::fs;
use std::path::Path;
use std::process::Stdio;

use rustix::process::Signal;

use crate::process::{Run, await_that};
use crate::{fanout, fanout_in_background, text};

fn is_empty(folder: &Path) -> bool {
    fs::read_dir(folder).unwrap().next().is_none()
}

#[test]
fn nobody_else_can_read_them() {
    for (option, kind) in [("--cat", "regular file"), ("--fifo", "fifo")] {
        let folder = tempfile::tempdir().unwrap();
        let job = "dir=$(dirname {}); stat -c '%a %F' $dir {}; cat {}";
        let output = fanout()
            .env("TMPDIR", folder.path())
            .args(["--pipe", option, job])
            .write_stdin("secret\n")
            .output()
            .unwrap();
        let expected = format!("700 directory\n600 {kind}\nsecret\n");
        assert_eq!(text(&output.stdout), expected, "{output:?}");
        assert!(is_empty(folder.path()), "{option}");
    }
}

#[test]
fn they_are_gone_however_the_run_ends() {
    for option in ["--cat", "--fifo"] {
        for signal in [Signal::KILL, Signal::TERM, Signal::INT, Signal::HUP] {
            let folder = tempfile::tempdir().unwrap();
            let started = tempfile::tempdir().unwrap();
            let mut command = fanout_in_background();
            command
                .env("TMPDIR", folder.path())
                .current_dir(started.path())
                .args(["--pipe", "-N1", "-j2", "-a", "/dev/stdin", option])
                .arg("cat {} > got.{#}; touch {#}; sleep 987; true {}")
                .stdin(Stdio::piped())
                .stdout(Stdio::null())
                .stderr(Stdio::null());
            let mut run = Run::start(command);
            std::io::Write::write_all(run.child.stdin.as_mut().unwrap(), b"1\n2\n3\n").unwrap();
            drop(run.child.stdin.take());
            await_that("two jobs", || {
                ["1", "2"]
                    .iter()
                    .all(|job| started.path().join(job).exists())
            });
            assert!(!is_empty(folder.path()), "{option}");
            run.send(signal);
            if signal == Signal::HUP {
                // What runs goes on after this one.
                run.send(Signal::TERM);
            }
            run.wait();
            await_that("the end of the files", || is_empty(folder.path()));
            await_that("the end of the jobs", || run.jobs().is_empty());
        }
    }
}

#[test]
fn a_place_where_they_cannot_be_is_named_before_any_job() {
    let output = fanout()
        .env("TMPDIR", "/nonexistent")
        .args(["--pipe", "--cat", "cat {}"])
        .write_stdin("1\n")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(255), "{output:?}");
    let told = text(&output.stderr);
    assert!(
        told.contains("--cat") && told.contains("/nonexistent/"),
        "{told}"
    );
}
