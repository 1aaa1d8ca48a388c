//! Interrupted, terminated, killed, or cut off: no job outlives the run.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::Signal;

use crate::fanout_in_background;
use crate::process::{Run, comes_true, make_fifo};

/// Four jobs in two slots, each with a child of its own in the background.
fn long_jobs(prefix: &[&str], jobs: &str) -> Run {
    let mut command = fanout_in_background();
    command
        .args(["-j2", "--no-summary"])
        .args(prefix)
        .args(["sleep 1000 & sleep 2000; : {}", ":::"])
        .args(jobs.split(' '))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let run = Run::start(command);
    run.await_jobs("sleep 1000", 2);
    run.await_jobs("sleep 2000", 2);
    run
}

fn leaves_nothing(run: &Run) {
    let gone = comes_true(Duration::from_secs(1), || run.jobs().is_empty());
    assert!(gone, "still running a second later: {:?}", run.jobs());
}

#[test]
fn an_interrupt_takes_every_job_and_its_children_down() {
    let mut run = long_jobs(&[], "a b c d");
    run.send(Signal::INT);
    // As GNU parallel.
    assert_eq!(run.wait().code(), Some(255));
    leaves_nothing(&run);
}

#[test]
fn a_kill_of_fanout_itself_leaves_no_job() {
    for mode in [&[] as &[&str], &["-u"], &["-k"], &["--timeout", "500"]] {
        let mut run = long_jobs(mode, "a b c d");
        run.send(Signal::KILL);
        run.wait();
        leaves_nothing(&run);
    }
}

/// As `pkill -9 -f fanout` does it.
#[test]
fn a_kill_by_name_does_not_find_what_looks_after_the_jobs() {
    let mut run = long_jobs(&[], "a b c d");
    let command_line = |pid: u32| fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let children = fs::read_to_string(format!("/proc/{0}/task/{0}/children", run.pid())).unwrap();
    let guardian = children
        .split_whitespace()
        .map(|pid| pid.parse().unwrap())
        .find(|&pid| command_line(pid).starts_with(b"orphan-guard\0"))
        .expect("a guardian");
    assert!(!String::from_utf8_lossy(&command_line(guardian)).contains("fanout"));
    run.send(Signal::KILL);
    run.wait();
    leaves_nothing(&run);
}

#[test]
fn a_term_takes_every_job_down() {
    let mut run = long_jobs(&[], "a b c d");
    run.send(Signal::TERM);
    // As GNU parallel.
    assert_eq!(run.wait().code(), Some(255));
    leaves_nothing(&run);
}

#[test]
fn a_hang_up_lets_running_jobs_end_and_starts_no_more() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    make_fifo(&fifo);
    let mut command = fanout_in_background();
    command
        .args([
            "-j1",
            "--no-summary",
            "cat fifo; echo ended {}",
            ":::",
            "a",
            "b",
        ])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut run = Run::start(command);
    run.await_jobs("cat fifo", 1);
    run.send(Signal::HUP);
    // fanout says that it heard, before the job is allowed to end.
    let mut said = BufReader::new(run.child.stderr.take().unwrap());
    let mut line = String::new();
    said.read_line(&mut line).unwrap();
    assert!(
        line.starts_with("fanout: ") && line.contains("HUP"),
        "{line}"
    );
    assert_eq!(
        run.jobs(),
        ["/bin/bash -c cat fifo; echo ended a", "cat fifo"]
    );
    std::fs::write(&fifo, "").unwrap();
    // As GNU parallel: what was started has succeeded.
    assert_eq!(run.wait().code(), Some(0));
    let mut out = String::new();
    run.child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut out)
        .unwrap();
    assert_eq!(out, "ended a\n");
}

#[test]
fn a_closed_stdout_ends_the_run_quietly_and_kills_what_runs() {
    for mode in ["--group", "-k", "--tag"] {
        let mut command = fanout_in_background();
        command
            .args([
                "-j2",
                mode,
                ":::",
                "seq 100000",
                "sleep 1000",
                "sleep 1000",
                "sleep 1000",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut run = Run::start(command);
        // More is to come than fits into the pipe, so fanout is still writing when it closes.
        let mut out = BufReader::new(run.child.stdout.take().unwrap());
        out.read_line(&mut String::new()).unwrap();
        drop(out);
        let status = run.wait();
        let by_pipe = status.code().or(status.signal().map(|signal| 128 + signal));
        assert_eq!(
            by_pipe,
            Some(128 + Signal::PIPE.as_raw()),
            "{mode}: {status}"
        );
        let mut said = String::new();
        run.child
            .stderr
            .take()
            .unwrap()
            .read_to_string(&mut said)
            .unwrap();
        assert_eq!(said, "", "{mode}");
        leaves_nothing(&run);
    }
}

#[test]
fn jobs_are_waited_for_though_the_caller_ignores_the_end_of_children() {
    let fanout = fanout_in_background();
    let output = std::process::Command::new("perl")
        .args(["-e", "$SIG{CHLD} = 'IGNORE'; exec @ARGV"])
        .arg(fanout.get_program())
        .args(["--no-summary", "exit {}", ":::", "0", "1", "1"])
        .stdin(Stdio::null())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!((output.status.code(), &*said), (Some(2), ""));
}
