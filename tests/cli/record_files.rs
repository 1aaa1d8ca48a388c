//! The files of a run's record: what they must not be, who else writes them, and FIFOs that nobody reads.

use std::fs;
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;

use rustix::process::Signal;

use crate::process::{Run, await_that, make_fifo};
use crate::{fanout, fanout_in_background, text};

const PASSWD: &str = "root:x:0:0:root:/root:/bin/bash\ndaemon:x:1:1:daemon:/:/bin/sh\n";

#[test]
fn a_file_that_is_no_record_is_left_as_it_is() {
    let torn = "no newline";
    let json = "{\"v\":1,\"type\":\"run.start\"}\n";
    let joblog = "1\t:\t1.500\t     0.001\t0\t0\t0\t0\techo 1\n";
    for (options, content) in [
        (&["--joblog", "log", "--resume"][..], PASSWD),
        (&["--joblog", "log", "--resume-failed"], PASSWD),
        (&["--joblog", "log", "--retry-failed"], PASSWD),
        (&["--joblog", "+log"], PASSWD),
        (&["--joblog", "log", "--resume"], torn),
        (&["--joblog", "log", "--resume"], json),
        (&["--json=log", "--resume"], PASSWD),
        (&["--json=log", "--resume-failed"], torn),
        (&["--json=log", "--resume"], joblog),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        fs::write(&log, content).unwrap();
        let run = fanout()
            .current_dir(folder.path())
            .args(options)
            .args(["echo", ":::", "1"])
            .assert()
            .code(255)
            .stdout("");
        let told = text(&run.get_output().stderr);
        assert!(told.contains("log is no "), "{options:?}: {told}");
        assert_eq!(fs::read_to_string(log).unwrap(), content, "{options:?}");
    }
}

#[test]
fn an_input_is_no_output_whatever_it_is_called() {
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("in");
    fs::write(&input, "a\nb\n").unwrap();
    symlink("in", folder.path().join("in.csv")).unwrap();
    fs::hard_link(&input, folder.path().join("hard")).unwrap();
    for output in [
        &["--joblog", "in"][..],
        &["--joblog", "+hard"],
        &["--joblog", "./in", "--resume"],
        &["--json=in"],
        &["--json=hard", "--resume"],
        &["--results", "in.csv"],
    ] {
        for inputs in [
            &["cat"][..],
            &["-a", "in", "cat"],
            &["-a", "-", "cat"],
            &["cat", "::::", "hard"],
            &["cat", ":::", "x", "::::", "in"],
            &["--pipe", "cat"],
            &["--pipe", "-a", "in", "cat"],
            &["--pipepart", "-a", "in", "cat"],
            &["--stdin-from", "hard", "cat", ":::", "x"],
        ] {
            let run = fanout_in_background()
                .current_dir(folder.path())
                .args(output)
                .args(inputs)
                .stdin(fs::File::open(&input).unwrap())
                .output()
                .unwrap();
            assert_eq!(run.status.code(), Some(255), "{output:?} {inputs:?}");
            let told = text(&run.stderr);
            assert!(told.contains(": input file is output file"), "{told}");
            assert_eq!(text(&run.stdout), "");
            assert_eq!(fs::read_to_string(&input).unwrap(), "a\nb\n");
        }
    }
    // It is none of this run's.
    let run = fanout_in_background()
        .current_dir(folder.path())
        .args(["--joblog", "in", "echo", ":::", "x"])
        .stdin(fs::File::open(&input).unwrap())
        .output()
        .unwrap();
    assert!(run.status.success(), "{run:?}");
}

#[test]
fn two_records_are_two_files() {
    let folder = tempfile::tempdir().unwrap();
    for there in [false, true] {
        let run = fanout()
            .current_dir(folder.path())
            .args(["--joblog", "log", "--json=./log", "echo", ":::", "1"])
            .assert()
            .code(255)
            .stdout("");
        let told = text(&run.get_output().stderr);
        assert!(told.contains("are the same file"), "{there}: {told}");
    }
}

#[test]
fn one_run_at_a_time_writes_a_record_and_its_death_gives_it_back() {
    for (first, others) in [
        (
            &["--joblog", "log"][..],
            &[
                &["--joblog", "log", "--resume"][..],
                &["--joblog", "log"],
                &["--joblog", "+log"],
                &["--results", "log"],
            ][..],
        ),
        (
            &["--json=log"],
            &[&["--json=log", "--resume"], &["--json=log"]],
        ),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = fanout_in_background();
        command
            .current_dir(folder.path())
            .args(first)
            .args([
                "--no-summary",
                "echo {} > begun; sleep 987; true",
                ":::",
                "a",
                "b",
            ])
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut run = Run::start(command);
        await_that("a job", || folder.path().join("begun").exists());
        let before = fs::read(folder.path().join("log")).unwrap();
        let other = |options: &[&str]| {
            fanout()
                .current_dir(folder.path())
                .args(options)
                .args(["echo", ":::", "a", "b"])
                .output()
                .unwrap()
        };
        for options in others.iter().filter(|options| options[0] != "--results") {
            let refused = other(options);
            assert_eq!(refused.status.code(), Some(255), "{refused:?}");
            let told = text(&refused.stderr);
            assert!(told.contains("another run is writing to"), "{told}");
            assert!(told.contains(first[0]), "{told}");
        }
        let now = fs::read(folder.path().join("log")).unwrap();
        assert!(now.starts_with(&before));
        run.send(Signal::KILL);
        run.wait();
        let resumed = other(others[0]);
        assert_eq!(text(&resumed.stdout), "a\nb\n", "{resumed:?}");
        await_that("the end of the jobs", || run.jobs().is_empty());
    }
}

#[test]
fn several_runs_may_append_to_one_joblog() {
    let folder = tempfile::tempdir().unwrap();
    let inner = format!(
        "{} --joblog +log echo ::: {{}}",
        env!("CARGO_BIN_EXE_fanout")
    );
    fanout()
        .current_dir(folder.path())
        .args(["-j2", "--joblog", "+log", &inner, ":::", "1", "2", "3"])
        .assert()
        .code(0);
    let log = fs::read_to_string(folder.path().join("log")).unwrap();
    assert_eq!(log.lines().count(), 6, "{log}");
}

#[test]
fn a_job_number_that_no_job_has_is_an_error_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    for number in ["4000000000", "18446744073709551615", "0"] {
        let line = |number| format!("{number}\t:\t1.500\t     0.001\t0\t0\t1\t0\techo 1\n");
        let content = line("1") + &line(number);
        fs::write(&log, &content).unwrap();
        for option in ["--resume", "--resume-failed", "--retry-failed"] {
            let run = fanout()
                .current_dir(folder.path())
                .args(["--joblog", "log", option, "echo", ":::", "1", "2"])
                .assert()
                .code(255)
                .stdout("");
            let told = text(&run.get_output().stderr);
            let wanted = format!("--joblog log: line 2: no job has the number {number}");
            assert!(told.contains(&wanted), "{told}");
            assert_eq!(fs::read_to_string(&log).unwrap(), content);
        }
    }
}

#[test]
fn waiting_for_a_reader_of_a_fifo_ends_with_a_signal() {
    for options in [
        &["--joblog", "f"][..],
        &["--json=f"],
        &["--results", "f.csv"],
    ] {
        for signal in [Signal::TERM, Signal::INT, Signal::HUP] {
            let folder = tempfile::tempdir().unwrap();
            make_fifo(&folder.path().join("f"));
            symlink("f", folder.path().join("f.csv")).unwrap();
            let mut command = std::process::Command::new("perl");
            // Whoever runs the tests may have these ignored.
            command
                .args([
                    "-e",
                    "$SIG{$_} = 'DEFAULT' for qw(INT HUP TERM); exec @ARGV",
                ])
                .arg(env!("CARGO_BIN_EXE_fanout"))
                .envs(crate::ENVIRONMENT.iter().copied())
                .current_dir(folder.path())
                .args(options)
                .args(["echo", ":::", "a"])
                .stdin(Stdio::null())
                .stdout(Stdio::null());
            let mut run = Run::start(command);
            let tasks = format!("/proc/{}/task", run.pid());
            await_that("waiting for a reader", || {
                let tasks = fs::read_dir(&tasks).unwrap().flatten();
                let stats = tasks.map(|task| fs::read_to_string(task.path().join("stat")));
                stats.flatten().any(|stat| stat.contains("(run) S"))
            });
            run.send(signal);
            assert_eq!(run.wait().signal(), Some(signal.as_raw()), "{options:?}");
        }
    }
}

#[test]
fn a_fifo_that_is_read_has_the_record() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("f");
    make_fifo(&fifo);
    let reader = std::thread::spawn(move || fs::read_to_string(fifo).unwrap());
    fanout()
        .current_dir(folder.path())
        .args(["--joblog", "f", "echo", ":::", "a"])
        .assert()
        .code(0)
        .stdout("a\n");
    assert_eq!(reader.join().unwrap().lines().count(), 2);
}

/// Chance decides which of two jobs of a millisecond ends first; a joblog has them in order, as GNU parallel's.
#[test]
fn a_joblog_has_quick_jobs_in_the_order_of_the_inputs() {
    let inverted = (0..30).filter(|_| {
        let folder = tempfile::tempdir().unwrap();
        fanout()
            .current_dir(folder.path())
            .args([
                "-j2",
                "--no-summary",
                "--joblog",
                "log",
                "exit {}",
                ":::",
                "0",
                "1",
                "2",
            ])
            .assert()
            .code(2);
        let log = fs::read_to_string(folder.path().join("log")).unwrap();
        let numbers = log
            .lines()
            .skip(1)
            .map(|line| line.split('\t').next().unwrap());
        !numbers.eq(["1", "2", "3"])
    });
    // A busy machine may have a job lie still for long; without their order it is half of the runs.
    let inverted = inverted.count();
    assert!(inverted <= 6, "{inverted} of 30");
}
