//! Interrupted, terminated, killed, or cut off: no job outlives the run.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::{CommandExt as _, ExitStatusExt};
use std::process::{Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::process::{Run, await_that, comes_true, make_fifo};
use crate::support::{HANG_GUARD, skip_without, wait_within};
use crate::{fanout, fanout_in_background, text};

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
    // So that a script that has called it ends as well.
    assert_eq!(run.wait().signal(), Some(Signal::INT.as_raw()));
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

/// What leaves its job's process group, and with the last ones its parent, too.
const RUNAWAYS: [&str; 7] = [
    "timeout 600 sleep 4747; :",
    "set -m; sleep 4747 & sleep 4747; :",
    "setsid sleep 4747; :",
    "setsid sleep 4747 & sleep 4747; :",
    "perl -e 'setpgrp; system q(sleep 4747)'; :",
    "(setsid sleep 4747 &); sleep 4747; :",
    "(set -m; (sleep 4747 & sleep 4747 &); exec setsid sleep 4747) & sleep 4747; :",
];

/// A run of which each job is a runaway, all of them running.
fn runaways(args: &[&str]) -> Run {
    let mut command = fanout_in_background();
    command
        .args(["--no-summary", "-j0"])
        .args(args)
        .args(["eval", "{}", ":::"])
        .args(RUNAWAYS)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let run = Run::start(command);
    run.await_jobs("sleep 4747", 13);
    run
}

#[test]
fn a_job_is_ended_with_everything_that_it_has_started() {
    for signal in [Signal::INT, Signal::TERM, Signal::KILL] {
        let mut run = runaways(&[]);
        run.send(signal);
        run.wait();
        let gone = comes_true(Duration::from_secs(2), || run.jobs().is_empty());
        assert!(gone, "{signal:?} leaves {:?}", run.jobs());
    }
}

#[test]
fn a_time_limit_and_a_halt_end_everything_that_a_job_has_started() {
    let mut run = runaways(&["--timeout", "3"]);
    assert_eq!(run.wait().code(), Some(7));
    assert_eq!(run.jobs(), [""; 0]);

    let folder = tempfile::tempdir().unwrap();
    make_fifo(&folder.path().join("fifo"));
    let mut command = fanout_in_background();
    command
        .current_dir(folder.path())
        .args(["--no-summary", "-j0", "--halt", "now,fail=1", "eval", "{}"])
        .args([":::", "read x <fifo; exit 1"])
        .args(RUNAWAYS)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut run = Run::start(command);
    run.await_jobs("sleep 4747", 13);
    fs::write(folder.path().join("fifo"), "\n").unwrap();
    assert_eq!(run.wait().code(), Some(1));
    assert_eq!(run.jobs(), [""; 0]);
}

/// Process ids of what a job that ended well has left behind, which stays.
#[test]
fn what_outlives_a_job_that_ended_well_stays() {
    for signal in [Signal::INT, Signal::KILL] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = fanout_in_background();
        command
            .current_dir(folder.path())
            .args(["--no-summary", "-j1", ":::"])
            .args(["(setsid sleep 4848 &); echo", "sleep 4747; :"])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut run = Run::start(command);
        run.await_jobs("sleep 4747", 1);
        run.send(signal);
        run.wait();
        assert!(comes_true(Duration::from_secs(2), || run.jobs().len() == 1));
        let left = run.processes();
        assert_eq!(left[0].1, "sleep 4848", "{signal:?}");
        kill_process(Pid::from_raw(left[0].0 as i32).unwrap(), Signal::KILL).unwrap();
    }
}

/// The guardian of `run`, by what it is called.
fn guardian_of(run: &Run) -> Option<u32> {
    let list = format!("/proc/{0}/task/{0}/children", run.pid());
    let children = fs::read_to_string(list).unwrap_or_default();
    let command_line = |pid: u32| fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    let mut children = children.split_whitespace().map(|pid| pid.parse().unwrap());
    children.find(|&pid| command_line(pid).starts_with(b"orphan-guard\0"))
}

#[test]
fn a_guardian_that_was_stopped_or_killed_is_there_again() {
    for signal in [Signal::STOP, Signal::KILL] {
        let mut run = long_jobs(&[], "a b");
        let first = guardian_of(&run).expect("a guardian");
        kill_process(Pid::from_raw(first as i32).unwrap(), signal).unwrap();
        await_that("a guardian that runs", || {
            let now = guardian_of(&run);
            let replaced = signal == Signal::STOP || now != Some(first);
            let state = now.and_then(|pid| fs::read_to_string(format!("/proc/{pid}/stat")).ok());
            replaced && state.is_some_and(|state| state.contains(") S "))
        });
        run.send(Signal::KILL);
        run.wait();
        leaves_nothing(&run);
    }
}

#[test]
fn a_run_whose_guardian_is_stopped_by_a_job_ends() {
    let script = ": {}; for p in $(cat /proc/$PARALLEL_PID/task/$PARALLEL_PID/children); do kill -STOP $p; done";
    fanout().args([script, ":::", "a", "b"]).assert().code(0);
}

/// As kernels before 5.9 and old filters of containers answer.
#[test]
fn a_run_ends_where_the_guardian_cannot_close_a_range_of_descriptors() {
    for error in ["ENOSYS", "EPERM"] {
        let inject = format!("inject=close_range:error={error}");
        let mut command = Command::new("strace");
        command
            .args([
                "-f",
                "-o/dev/null",
                "-e",
                "trace=close_range",
                "-e",
                &inject,
            ])
            .arg(env!("CARGO_BIN_EXE_fanout"))
            .args(["echo", ":::", "a"])
            .stdout(Stdio::piped())
            .stdin(Stdio::null());
        let Ok(mut child) = command.process_group(0).spawn() else {
            return skip_without("strace");
        };
        let status = wait_within(&mut child, HANG_GUARD).expect("fanout ends");
        let mut out = String::new();
        child.stdout.unwrap().read_to_string(&mut out).unwrap();
        assert_eq!((status.code(), &*out), (Some(0), "a\n"), "{error}");
    }
}

/// Each job leaves processes behind that have nobody but process 1; the last one counts the dead among them.
#[test]
fn as_process_1_it_takes_leave_of_what_it_did_not_start() {
    // The dead may lie about for a moment.
    let jobs = "[ {} != last ] || { for i in $(seq 400); do z=$(ps -eo stat | grep -c Z); \
        ps -eo args | grep -q '^slee[p] 0.7' || [ $z != 0 ] || break; sleep 0.05; done; echo $z; exit; }; \
        (setsid true &); (setsid sleep 0.7 &); true";
    let mut command = Command::new("unshare");
    command
        .args(["-pf", "--mount-proc", env!("CARGO_BIN_EXE_fanout")])
        .args(["-j1", jobs, ":::", "1", "2", "3", "4", "5", "6", "last"])
        .envs(crate::ENVIRONMENT.iter().copied())
        .stdin(Stdio::null());
    let output = command.output().unwrap();
    if text(&output.stderr).starts_with("unshare:") {
        eprintln!("skipped: there can be no process namespaces here");
        return;
    }
    assert_eq!(text(&output.stdout), "0\n", "{}", text(&output.stderr));
}

/// As `pkill -9 -f fanout` does it.
#[test]
fn a_kill_by_name_does_not_find_what_looks_after_the_jobs() {
    let mut run = long_jobs(&[], "a b c d");
    let guardian = guardian_of(&run).expect("a guardian");
    let command_line = fs::read(format!("/proc/{guardian}/cmdline")).unwrap();
    assert!(!String::from_utf8_lossy(&command_line).contains("fanout"));
    run.send(Signal::KILL);
    run.wait();
    leaves_nothing(&run);
}

#[test]
fn a_term_takes_every_job_down() {
    let mut run = long_jobs(&[], "a b c d");
    run.send(Signal::TERM);
    assert_eq!(run.wait().signal(), Some(Signal::TERM.as_raw()));
    leaves_nothing(&run);
}

#[test]
fn as_parallel_a_signal_is_an_exit_code() {
    let folder = tempfile::tempdir().unwrap();
    let parallel = folder.path().join("parallel");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_fanout"), &parallel).unwrap();
    for signal in [Signal::INT, Signal::TERM, Signal::HUP] {
        let mut command = Command::new(&parallel);
        command
            .args(["-j1", "echo x >>log; cat fifo; : {}", ":::", "a", "b"])
            .envs(crate::ENVIRONMENT.iter().copied())
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped());
        fs::remove_file(folder.path().join("fifo")).ok();
        make_fifo(&folder.path().join("fifo"));
        let mut run = Run::start(command);
        run.await_jobs("cat fifo", 1);
        run.send(signal);
        if signal == Signal::HUP {
            let mut said = BufReader::new(run.child.stderr.take().unwrap());
            said.read_line(&mut String::new()).unwrap();
            fs::write(folder.path().join("fifo"), "").unwrap();
        }
        assert_eq!(run.wait().code(), Some(255), "{signal:?}");
    }
    let log = fs::read_to_string(folder.path().join("log")).unwrap();
    assert_eq!(log, "x\nx\nx\n", "one job each");
}

#[test]
fn an_interrupted_run_says_how_far_it_got() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = fanout_in_background();
    command
        .args(["-j2", "--json=run.jsonl"])
        .args(["[ {} -le 3 ] || { sleep 1000; : ; }", ":::"])
        .args((1..=9).map(|number| number.to_string()))
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut run = Run::start(command);
    run.await_jobs("sleep 1000", 2);
    run.send(Signal::INT);
    run.wait();
    let mut said = String::new();
    let mut stderr = run.child.stderr.take().unwrap();
    stderr.read_to_string(&mut said).unwrap();
    assert_eq!(
        said,
        "fanout: interrupted: 3 done, 2 stopped, 4 not started\n"
    );
    let json = fs::read_to_string(folder.path().join("run.jsonl")).unwrap();
    let end = json.lines().last().unwrap();
    assert!(end.contains(r#""halted_by":"SIGINT""#), "{end}");
}

/// A shell has what a script puts into the background ignore interrupts.
#[test]
fn an_interrupt_counts_though_it_was_ignored_and_a_hang_up_does_not() {
    for (trap, signal, ends) in [("INT", Signal::INT, true), ("HUP", Signal::HUP, false)] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = Command::new("bash");
        let fanout = env!("CARGO_BIN_EXE_fanout");
        let script = format!("trap '' {trap}; exec {fanout} -j1 'cat fifo; : {{}}' ::: a b");
        command
            .args(["-c", &script])
            .envs(crate::ENVIRONMENT.iter().copied())
            .current_dir(folder.path())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        make_fifo(&folder.path().join("fifo"));
        let mut run = Run::start(command);
        run.await_jobs("cat fifo", 1);
        run.send(signal);
        if ends {
            assert_eq!(run.wait().signal(), Some(signal.as_raw()));
            continue;
        }
        for job in ["a", "b"] {
            run.await_jobs(&format!("/bin/bash -c cat fifo; : {job}"), 1);
            run.await_jobs("cat fifo", 1);
            fs::write(folder.path().join("fifo"), "").unwrap();
        }
        assert_eq!(run.wait().code(), Some(0));
    }
}

#[test]
fn jobs_ignore_what_fanout_was_started_with_as_ignored() {
    let ignored = |run: &mut Command| {
        let output = run
            .args(["grep", "SigIgn", ":::", "/proc/self/status"])
            .stdin(Stdio::null())
            .envs(crate::ENVIRONMENT.iter().copied())
            .output()
            .unwrap();
        let bits = text(&output.stdout).split_whitespace().last();
        u64::from_str_radix(bits.unwrap(), 16).unwrap()
    };
    let bit = |signal: Signal| 1_u64 << (signal.as_raw() - 1);
    let signals = [Signal::PIPE, Signal::CHILD, Signal::INT, Signal::HUP];
    let all = signals.into_iter().fold(0, |all, signal| all | bit(signal));
    assert_eq!(ignored(&mut fanout_in_background()) & all, 0);
    let mut perl = Command::new("perl");
    perl.args([
        "-e",
        "$SIG{$_} = 'IGNORE' for qw(PIPE CHLD INT HUP); exec @ARGV",
    ]);
    assert_eq!(ignored(perl.arg(env!("CARGO_BIN_EXE_fanout"))) & all, all);
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
    // What was started has succeeded, but that is not all.
    assert_eq!(run.wait().signal(), Some(Signal::HUP.as_raw()));
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
