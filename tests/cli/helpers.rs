//! Processes that are no jobs: none outlives the run, and a run that waits for one still hears signals.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::Signal;

use crate::fanout_in_background;
use crate::process::{Run, await_that, comes_true};
use crate::support::skip_without;

/// What waits for a helper that never comes to an end, and a word in that helper's command line.
const WAITING: [(&[&str], &str); 6] = [
    (&["echo {= 1 while 1 =}", ":::", "a"], "perl"),
    (&["--dry-run", "echo {= 1 while 1 =}", ":::", "a"], "perl"),
    (
        &["--filter", "do { 1 while 1 }", "echo", ":::", "a"],
        "perl",
    ),
    (&["--pipe", "--group-by", "1 1 while 1", "cat"], "perl"),
    (
        &[
            "-j1",
            "--compress-program",
            "sleep 4747; :",
            "--decompress-program",
            "cat",
            "seq {}; sleep 4748",
            ":::",
            "200000",
        ],
        "sleep 4747",
    ),
    (
        &["--limit", "sleep 4747; :", "echo", ":::", "a"],
        "sleep 4747",
    ),
];

fn waiting(args: &[&str], helper: &str) -> Run {
    let mut command = fanout_in_background();
    command
        .args(args)
        .stdin(fs::File::open("/etc/passwd").unwrap())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let run = Run::start(command);
    await_that(helper, || run.jobs().iter().any(|job| job.contains(helper)));
    run
}

fn leaves_nothing(run: &Run, what: &str) {
    let gone = comes_true(Duration::from_secs(2), || run.jobs().is_empty());
    assert!(gone, "{what} leaves {:?}", run.jobs());
}

#[test]
fn a_run_that_waits_for_a_helper_hears_signals() {
    for (args, helper) in WAITING {
        for signal in [Signal::INT, Signal::TERM, Signal::KILL] {
            let mut run = waiting(args, helper);
            run.send(signal);
            let status = run.wait();
            assert!(!status.success(), "{signal:?} {args:?}");
            leaves_nothing(&run, &format!("{signal:?} {args:?}"));
        }
    }
}

#[test]
fn a_hang_up_ends_a_run_that_only_waits_for_an_answer() {
    for (args, helper) in &WAITING[..2] {
        let mut run = waiting(args, helper);
        run.send(Signal::HUP);
        assert!(!run.wait().success(), "{args:?}");
        leaves_nothing(&run, &format!("{args:?}"));
    }
}

#[test]
fn a_kill_of_fanout_ends_the_session_of_tmux() {
    if std::process::Command::new("tmux")
        .arg("-V")
        .output()
        .is_err()
    {
        return skip_without("tmux");
    }
    let folder = tempfile::tempdir().unwrap();
    let mut command = fanout_in_background();
    command
        .args(["--tmux", "sleep 4747; : {}", ":::", "a"])
        .env("TMPDIR", folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut run = Run::start(command);
    run.await_jobs("sleep 4747", 1);
    run.send(Signal::KILL);
    run.wait();
    leaves_nothing(&run, "--tmux");
}

/// A tmux that kills its caller with `$SIGNAL` before it opens a window.
const KILLS_ITS_CALLER: &str = "#!/bin/sh
case $* in *new-window*) kill -$SIGNAL $PPID ;; esac
exec tmux \"$@\"
";

#[test]
fn a_window_that_comes_too_late_runs_nothing_and_goes() {
    if Command::new("tmux").arg("-V").output().is_err() {
        return skip_without("tmux");
    }
    for signal in ["KILL", "TERM"] {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("late");
        fs::write(&program, KILLS_ITS_CALLER).unwrap();
        fs::set_permissions(&program, fs::Permissions::from_mode(0o755)).unwrap();
        let temporary = folder.path().join("tmp");
        fs::create_dir(&temporary).unwrap();
        let mut command = fanout_in_background();
        command
            .current_dir(folder.path())
            .args(["--no-summary", "--tmux", "touch ran{}", ":::", "1", "2"])
            .env("TMPDIR", &temporary)
            .env("PARALLEL_TMUX", &program)
            .env("SIGNAL", signal)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut run = Run::start(command);
        assert_eq!(run.wait().code(), Some(2), "{signal}");
        leaves_nothing(&run, signal);
        let ran = ["ran1", "ran2"].map(|it| folder.path().join(it).exists());
        assert_eq!(ran, [false; 2], "{signal}");
        // The socket is tmux's.
        let left = fs::read_dir(&temporary).unwrap().flatten();
        let left: Vec<_> = left.map(|it| it.file_name()).collect();
        let is_socket = |name: &std::ffi::OsString| name.as_encoded_bytes().starts_with(b"tms");
        assert!(left.iter().all(is_socket), "{signal} leaves {left:?}");
    }
}

#[test]
fn a_halt_does_not_wait_for_an_answer() {
    let dir = tempfile::tempdir().unwrap();
    let go = dir.path().join("go");
    let made = Command::new("mkfifo").arg(&go).status().unwrap();
    assert!(made.success());
    let fails = "echo {= 1 while $_ eq q(a) =}; read go <".to_owned() + go.to_str().unwrap();
    let mut run = waiting(
        &["-j2", "--halt", "now,fail=1", &fails, ":::", "b", "a"],
        "perl",
    );
    // A line that is empty, or none: that is a failure.
    drop(fs::File::options().write(true).open(&go).unwrap());
    assert!(!run.wait().success());
    leaves_nothing(&run, "--halt");
}

#[test]
fn a_limit_that_is_no_command_ends_the_run() {
    let run = crate::fanout()
        .args(["--limit", "nosuchcommand", "echo", ":::", "a"])
        .assert()
        .code(255)
        .stdout("");
    let said = crate::text(&run.get_output().stderr);
    assert!(
        said.contains("fanout: Error: --limit 'nosuchcommand' cannot be run"),
        "{said}"
    );
}
