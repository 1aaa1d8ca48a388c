//! `--stdin-from`: a file is each job's standard input.

use std::fs;
use std::process::{Command, Stdio};

use rustix::process::Signal;
use tempfile::TempDir;

use crate::process::{Run, make_fifo};
use crate::{fanout, text};

/// A folder with two files, of one line and of two.
fn folder() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("a b"), "1\n").unwrap();
    fs::write(folder.path().join("c"), "1\n2\n").unwrap();
    folder
}

#[test]
fn each_job_reads_its_own_file() {
    let folder = folder();
    for (template, command, inputs) in [
        ("{}", "wc -l", ["a b", "c"]),
        ("{.}", "cat | wc -l", ["a b.x", "c.y"]),
        ("{2}{1}", "sh -c 'wc -l'", ["", ""]),
    ] {
        let mut run = fanout();
        run.current_dir(folder.path())
            .args(["-k", "--stdin-from", template, command, ":::"]);
        if template == "{2}{1}" {
            run.args([" b", "", ":::+", "a", "c"]);
        } else {
            run.args(inputs);
        }
        run.assert().code(0).stdout("1\n2\n").stderr("");
    }
}

/// As many jobs as it takes for warm shells, and without their help.
#[test]
fn no_job_reads_the_file_of_another() {
    let folder = tempfile::tempdir().unwrap();
    let names: Vec<String> = (0..200).map(|number| number.to_string()).collect();
    for name in &names {
        fs::write(folder.path().join(name), format!("{name}\n")).unwrap();
    }
    let run = fanout()
        .current_dir(folder.path())
        .args(["-k", "-j4", "--stdin-from", "{}", "read x; echo $x", ":::"])
        .args(&names)
        .assert()
        .code(0);
    assert_eq!(text(&run.get_output().stdout), names.join("\n") + "\n");
}

#[test]
fn a_file_that_cannot_be_read_fails_its_job_alone() {
    let folder = folder();
    for name in ["nofile", "."] {
        let run = fanout()
            .current_dir(folder.path())
            .args([
                "-k",
                "--joblog",
                "log",
                "--stdin-from",
                "{}",
                "wc -l",
                ":::",
                name,
                "c",
            ])
            .assert()
            .code(1)
            .stdout("2\n");
        let stderr = text(&run.get_output().stderr).to_owned();
        let words = format!("cannot read '{name}', the standard input of job 1 (--stdin-from)");
        assert!(stderr.contains(&words), "{stderr}");
        let log = fs::read_to_string(folder.path().join("log")).unwrap();
        assert_eq!(log.lines().count(), 3, "{log}");
        assert!(log.ends_with("wc -l < c\n"), "{log}");
    }
}

/// What a dry run prints is what a shell runs.
#[test]
fn a_dry_run_shows_the_file() {
    let folder = folder();
    let run = fanout()
        .current_dir(folder.path())
        .args([
            "--dry-run",
            "-k",
            "--stdin-from",
            "{}",
            "cat | wc -l",
            ":::",
            "a b",
            "c",
        ])
        .assert()
        .code(0)
        .stdout("(cat | wc -l) < 'a b'\n(cat | wc -l) < c\n");
    let shell = std::process::Command::new("sh")
        .current_dir(folder.path())
        .args(["-c", text(&run.get_output().stdout)])
        .output()
        .unwrap();
    assert_eq!(text(&shell.stdout), "1\n2\n");
}

/// Jobs with the same command are told apart by what they read.
#[test]
fn a_run_goes_on_with_the_files_that_are_left() {
    let folder = folder();
    let run = |inputs: &[&str]| {
        fanout()
            .current_dir(folder.path())
            .args([
                "-k",
                "--json=run.json",
                "--resume",
                "--stdin-from",
                "{}",
                "wc -l",
                ":::",
            ])
            .args(inputs)
            .assert()
            .code(0)
    };
    run(&["a b"]).stdout("1\n");
    run(&["c", "a b"]).stdout("2\n");
}

/// A FIFO is waited for, and nobody who has to write into it keeps the run from ending.
#[test]
fn a_fifo_is_read_and_a_signal_ends_the_wait_for_it() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    make_fifo(&fifo);
    let start = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_fanout"));
        command
            .args(["-j2", "--no-summary", "--stdin-from", "{}", "cat", ":::"])
            .args(["fifo", "a"])
            .current_dir(folder.path())
            .stdout(Stdio::piped());
        Run::start(command)
    };
    fs::write(folder.path().join("a"), "started\n").unwrap();
    let mut first = [0; 8];
    for signal in [None, Some(Signal::TERM)] {
        let mut run = start();
        let mut out = run.child.stdout.take().unwrap();
        std::io::Read::read_exact(&mut out, &mut first).unwrap();
        match signal {
            None => fs::write(&fifo, "by fifo\n").unwrap(),
            Some(signal) => run.send(signal),
        }
        assert_eq!(run.wait().success(), signal.is_none());
        let rest = std::io::read_to_string(out).unwrap();
        assert_eq!(rest, if signal.is_none() { "by fifo\n" } else { "" });
    }
}
