//! What jobs on other hosts are, do and are told.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Read as _;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::{HANG_GUARD, wait_within};
use crate::{fanout, hosts, output, run, told};

#[test]
fn jobs_are_told_where_they_run() {
    let Some(hosts) = hosts(&["one", "two"]) else {
        return;
    };
    let line = "echo {} $TEST_HOST $PARALLEL_SSHHOST $PARALLEL_SSHLOGIN {host} $PARALLEL_SEQ $PWD";
    let args = [
        "-k", "-j2", "-S", "3/one", "--jobs", "1", line, ":::", "a", "b",
    ];
    let home = hosts.home("one").display().to_string();
    let expected = format!("a one one one one 1 {home}\nb one one one one 2 {home}\n");
    let (stdout, stderr, code) = run(&hosts, &args);
    // Debian's release has no {host}, and so it stands as it is in the mode that is named after it.
    assert_eq!(stdout.replace("{host}", "one"), expected, "{stderr}");
    assert_eq!((&*stderr, code), ("", Some(0)));
}

#[test]
fn the_hosts_share_the_jobs_and_no_two_have_a_slot_of_the_same_number() {
    let Some(hosts) = hosts(&["one", "two"]) else {
        return;
    };
    // Each waits for the others: all run at once.
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().to_str().unwrap();
    let line = format!(
        "touch {dir}/{{}}; while [ $(ls {dir} | wc -l) -lt 6 ]; do sleep 0.05; done; \
         echo $TEST_HOST {{%}} $PARALLEL_JOBSLOT"
    );
    let mut command = fanout(&hosts);
    command.args(["-S", "one,two,:", "-j2", &line, ":::"]);
    command.args(["1", "2", "3", "4", "5", "6"]);
    let (stdout, stderr, code) = told(&output(command));
    assert_eq!((&*stderr, code), ("", Some(0)));
    let mut slots = BTreeSet::new();
    let mut jobs = BTreeMap::<String, usize>::new();
    for line in stdout.lines() {
        let words: Vec<_> = line.split(' ').collect();
        let (host, numbers) = words.split_at(words.len() - 2);
        assert_eq!(numbers[0], numbers[1]);
        slots.insert(numbers[0].to_owned());
        *jobs.entry(host.concat()).or_default() += 1;
    }
    assert_eq!(slots.len(), 6, "{stdout}");
    let jobs: Vec<_> = jobs.into_iter().collect();
    let each = ["", "one", "two"].map(|name| (name.to_owned(), 2));
    assert_eq!(jobs, each, "{stdout}");
}

#[test]
fn records_name_the_host() {
    let Some(hosts) = hosts(&["one"]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let mut command = fanout(&hosts);
    command
        .args(["-S", "2/one", "--json", "--joblog"])
        .arg(&log);
    command.args(["exit {}", ":::", "0", "3"]);
    let output = output(command);
    let (stdout, stderr, code) = told(&output);
    assert_eq!((&*stderr, code), ("", Some(1)));
    let ends = stdout
        .lines()
        .map(|line| serde_json::from_str(line).unwrap());
    let ends: Vec<Value> = ends.filter(|it: &Value| it["type"] == "job.end").collect();
    assert_eq!(ends.len(), 2, "{stdout}");
    assert!(ends.iter().all(|end| end["host"] == "one"), "{stdout}");
    let log = fs::read_to_string(log).unwrap();
    let hosts = log.lines().skip(1).map(|line| line.split('\t').nth(1));
    assert!(hosts.eq([Some("one"); 2]), "{log}");
}

#[test]
fn a_percentage_is_of_the_threads_of_the_host() {
    let Some(hosts) = hosts(&["one"]) else {
        return;
    };
    let args = ["--json", "-S", "4/one", "-j50%", "true", ":::", "a"];
    let (stdout, stderr, _) = run(&hosts, &args);
    let start: Value = serde_json::from_str(stdout.lines().next().unwrap()).unwrap();
    assert_eq!(start["slots"], 2, "{stdout} {stderr}");
}

#[test]
fn what_jobs_read_and_write_travels() {
    let Some(hosts) = hosts(&["one", "two"]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let input = folder.path().join("input");
    let numbers = (1..=200_000).map(|it| it.to_string());
    let lines = numbers.collect::<Vec<_>>().join("\n") + "\n";
    fs::write(&input, &lines).unwrap();
    for way in [&["--pipe"][..], &["--pipe", "--cat"], &["--pipepart", "-a"]] {
        let mut command = fanout(&hosts);
        command
            .args(["-k", "-S", "one,two", "--block", "100k"])
            .args(way);
        if way.contains(&"--pipepart") {
            command.arg(&input).arg("cat");
        } else {
            command.stdin(Stdio::from(fs::File::open(&input).unwrap()));
            command.arg(if way.contains(&"--cat") {
                "cat {}"
            } else {
                "cat"
            });
        }
        let (stdout, stderr, code) = told(&output(command));
        assert_eq!((&*stderr, code), ("", Some(0)), "{way:?}");
        assert!(stdout == lines, "{way:?}");
    }
}

#[test]
fn options_on_output_do_what_they_do_here() {
    let Some(hosts) = hosts(&["one", "two"]) else {
        return;
    };
    let line = "echo {}; echo e{} >&2; exit {}";
    for options in [
        &["-k"][..],
        &["-k", "--tag"],
        &["-k", "--line-buffer"],
        &["-j1", "--line-buffer", "--tag"],
        &["-j1", "-u"],
        &["-k", "--tagstring", "{#}:"],
        &["-k", "-v"],
    ] {
        let with = |places: &'static str| {
            let args = [options, &["-S", places, line, ":::", "0", "1", "2"]].concat();
            run(&hosts, &args)
        };
        // One after the other, on one host.
        let places = if options.contains(&"-j1") {
            "one"
        } else {
            "one,two"
        };
        assert_eq!(with(places), with(":"), "{options:?}");
    }
}

#[test]
fn results_are_files_here() {
    let Some(hosts) = hosts(&["one"]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let results = folder.path().join("out");
    let mut command = fanout(&hosts);
    command.args(["-S", "one", "--results"]).arg(&results);
    command.args(["echo $TEST_HOST {}", ":::", "a"]);
    let (_, stderr, code) = told(&output(command));
    assert_eq!((&*stderr, code), ("", Some(0)));
    let stdout = fs::read_to_string(results.join("1/a/stdout")).unwrap();
    assert_eq!(stdout, "one a\n");
}

#[test]
fn jobs_are_ended_as_they_are_here() {
    let Some(hosts) = hosts(&["one"]) else {
        return;
    };
    let (_, stderr, code) = run(
        &hosts,
        &["-S", "one", "--timeout", "0.3", "sleep", ":::", "60"],
    );
    assert!(
        stderr.contains("timed out") && stderr.contains("sleep 60") && code == Some(1),
        "{stderr}"
    );
    let args = [
        "-S",
        "one",
        "-j2",
        "--halt",
        "now,fail=1",
        "sleep {}; exit 7",
        ":::",
        "60",
        "0",
    ];
    let (_, stderr, code) = run(&hosts, &args);
    assert_eq!(code, Some(7), "{stderr}");
    let line = "trap 'echo caught; exit' USR1; echo ready; while :; do sleep 0.1; done; :";
    let signals = "USR1,5000,KILL,25";
    for place in ["one", ":"] {
        let args = [
            "-S",
            place,
            "--timeout",
            "0.5",
            "--term-seq",
            signals,
            line,
            ":::",
            "x",
        ];
        let (stdout, ..) = run(&hosts, &args);
        assert_eq!(stdout, "ready\ncaught\n");
    }
}

#[test]
fn a_job_that_has_failed_is_tried_again_elsewhere() {
    let Some(hosts) = hosts(&["one", "two"]) else {
        return;
    };
    let line = "[ $TEST_HOST = two ] && echo two {}";
    let args = [
        "-k",
        "-S",
        "one,two",
        "-j1",
        "--retries",
        "2",
        line,
        ":::",
        "a",
        "b",
        "c",
    ];
    let (stdout, stderr, code) = run(&hosts, &args);
    assert_eq!(
        (&*stdout, code),
        ("two a\ntwo b\ntwo c\n", Some(0)),
        "{stderr}"
    );
}

#[test]
fn jobs_run_in_the_directory_that_is_asked_for() {
    let Some(hosts) = hosts(&["one"]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().join("made/here");
    let there = hosts.home("one").join("made/there");
    for (dir, expected) in [
        (here.to_str().unwrap(), here.display().to_string()),
        ("made/there", there.display().to_string()),
        (".", std::env::current_dir().unwrap().display().to_string()),
    ] {
        let args = ["-S", "one", "--workdir", dir, "pwd; :", ":::", "x"];
        let (stdout, stderr, _) = run(&hosts, &args);
        assert_eq!(stdout, format!("{expected}\n"), "{stderr}");
    }
}

#[test]
fn what_does_not_work_on_other_hosts_is_refused() {
    let Some(hosts) = hosts(&["one"]) else {
        return;
    };
    for (option, why) in [
        ("--memfree=1", "--memfree looks at this host only"),
        ("--trc=x", "files do not travel"),
        ("--tmux", "leave out --tmux"),
        ("--tty", "leave out --tty"),
    ] {
        let (_, stderr, code) = run(&hosts, &["-S", "one", option, "echo", ":::", "x"]);
        assert!(stderr.contains(why), "{option}: {stderr}");
        assert_eq!(code, Some(255), "{option}");
    }
}

#[test]
fn jobs_stop_and_go_on_with_fanout() {
    let Some(hosts) = hosts(&["one"]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let pid_file = folder.path().join("pid");
    let line = format!(
        "echo $$ > {0}.new; mv {0}.new {0}; sleep 1; echo done; :",
        pid_file.display()
    );
    let mut command = fanout(&hosts);
    command.args(["-S", "one", &line, ":::", "x"]);
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
    let until = std::time::Instant::now() + HANG_GUARD;
    let pid = loop {
        if let Ok(pid) = fs::read_to_string(&pid_file) {
            break pid.trim().to_owned();
        }
        assert!(std::time::Instant::now() < until, "no job");
        std::thread::sleep(std::time::Duration::from_millis(10));
    };
    let is_stopped = || {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
        stat.contains(") T ")
    };
    let fanout = Pid::from_child(&child);
    kill_process(fanout, Signal::TSTP).unwrap();
    while !is_stopped() {
        assert!(std::time::Instant::now() < until, "it does not stop");
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    kill_process(fanout, Signal::CONT).unwrap();
    let mut stdout = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut stdout)
        .unwrap();
    assert_eq!(stdout, "done\n");
    assert!(wait_within(&mut child, HANG_GUARD).unwrap().success());
}
