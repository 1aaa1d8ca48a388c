//! What goes wrong on hosts and on the way to them: nothing is lost, nothing is done twice unasked, nothing is left.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::support::{HANG_GUARD, wait_within};
use crate::{fanout, hosts, output, run, told};

/// The processes whose command line has `word` in it, but for this one.
fn processes(word: &str) -> Vec<Pid> {
    let entries = fs::read_dir("/proc").unwrap().flatten();
    let pids = entries.filter_map(|it| it.file_name().to_str()?.parse::<i32>().ok());
    let has_word = |pid: &i32| {
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        *pid != std::process::id() as i32 && String::from_utf8_lossy(&line).contains(word)
    };
    pids.filter(has_word).filter_map(Pid::from_raw).collect()
}

/// Waits until no process has `word` in its command line.
fn all_gone(word: &str, limit: Duration) {
    let until = Instant::now() + limit;
    while !processes(word).is_empty() {
        assert!(Instant::now() < until, "{:?} are left", processes(word));
        std::thread::sleep(Duration::from_millis(20));
    }
}

/// Waits until `file` is there.
fn appears(file: &Path) {
    let until = Instant::now() + HANG_GUARD;
    while !file.exists() {
        assert!(Instant::now() < until, "no {}", file.display());
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn kill(pids: &[Pid], signal: Signal) {
    for pid in pids {
        // It may be gone by itself.
        let _ = kill_process(*pid, signal);
    }
}

/// A word that no other test has in its command lines.
fn word(name: &str) -> String {
    format!("{name}-{}", std::process::id())
}

#[test]
fn jobs_of_a_worker_that_is_killed_are_lost_or_tried_again_elsewhere() {
    let Some(hosts) = hosts(&["one", "two"]) else {
        return;
    };
    // The parent of a job's shell is the worker.
    let line = "if [ $TEST_HOST = one ]; then kill -9 $PPID; sleep 60; fi; echo {} $TEST_HOST";
    let args = ["-k", "-S", "one", "-j1", line, ":::", "a"];
    let (stdout, stderr, code) = run(&hosts, &args);
    assert_eq!(stdout, "", "{stderr}");
    assert!(
        stderr.contains("job 1 may have run, and is lost"),
        "{stderr}"
    );
    assert_ne!(code, Some(0));
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
        ("a two\nb two\nc two\n", Some(0)),
        "{stderr}"
    );
}

#[test]
fn jobs_that_were_not_begun_are_run_elsewhere_without_being_asked_for() {
    let Some(hosts) = hosts(&["one", "two"]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    // All but the first are quick, so that many are at the worker that dies.
    let line = "[ {} = 5 ] && [ $TEST_HOST = one ] && kill -9 $PPID; echo {}";
    let mut command = fanout(&hosts);
    command
        .args(["-S", "one,two", "-j2", "--joblog"])
        .arg(&log)
        .arg(line);
    command.arg(":::").args((1..=400).map(|it| it.to_string()));
    let (stdout, stderr, _) = told(&output(command));
    let mut counts = BTreeMap::<&str, usize>::new();
    for line in stdout.lines() {
        *counts.entry(line).or_default() += 1;
    }
    assert!(counts.values().all(|count| *count == 1), "{counts:?}");
    let lost = stderr.matches("may have run, and is lost").count();
    // Slots run one each; warm shells run the next ones, too.
    assert_eq!(counts.len() + lost, 400, "{stderr}");
    assert!(lost < 200, "{stderr}");
    let log = fs::read_to_string(log).unwrap();
    assert_eq!(log.lines().count(), 401);
}

#[test]
fn a_thousand_jobs_outlive_hosts_that_die_again_and_again() {
    let Some(hosts) = hosts(&["one", "two"]) else {
        return;
    };
    let mut command = fanout(&hosts);
    command.args(["-S", "one,two", "-j2", "--json", "--retries", "20"]);
    command.args(["echo {}; sleep 0.01; : outlives", ":::"]);
    command.args((1..=1000).map(|it| it.to_string()));
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let (mut lines, mut done, mut deaths) = (Vec::new(), 0, 0);
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        done += usize::from(line.contains(r#""type":"job.end""#));
        lines.push(line);
        // Each time that some more jobs are done a host dies, at whatever it is.
        if done / 40 > deaths {
            let name = ["one", "two"][deaths % 2];
            kill(&hosts.connections(name), Signal::KILL);
            deaths += 1;
        }
    }
    assert_eq!(child.wait().unwrap().code(), Some(0));
    let lines = lines
        .iter()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let ends: Vec<Value> = lines.filter(|it| it["type"] == "job.end").collect();
    let mut seqs: Vec<u64> = ends.iter().map(|it| it["seq"].as_u64().unwrap()).collect();
    seqs.sort_unstable();
    assert!(seqs.into_iter().eq(1..=1000));
    for end in ends {
        assert_eq!(end["stdout"], format!("{}\n", end["seq"]), "{end}");
    }
    assert_eq!(deaths, 25);
}

#[test]
fn a_host_that_has_frozen_is_left_within_ten_seconds() {
    let Some(hosts) = hosts(&["one", "two"]) else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let there = folder.path().join("there");
    let line = format!(
        "if [ $TEST_HOST = one ]; then touch {0}; sleep 600; fi; \
         while [ ! -e {0} ]; do sleep 0.05; done; echo {{}} $TEST_HOST",
        there.display()
    );
    let mut command = fanout(&hosts);
    command.args([
        "-k",
        "-S",
        "one,two",
        "-j1",
        "--retries",
        "2",
        &line,
        ":::",
        "a",
        "b",
    ]);
    command.stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().unwrap();
    appears(&there);
    let frozen = hosts.connections("one");
    kill(
        &[&frozen[..], &[hosts.server("one")]].concat(),
        Signal::STOP,
    );
    let since = Instant::now();
    let status = wait_within(&mut child, HANG_GUARD);
    let took = since.elapsed();
    kill(
        &[&frozen[..], &[hosts.server("one")]].concat(),
        Signal::CONT,
    );
    let mut stdout = String::new();
    child
        .stdout
        .take()
        .unwrap()
        .read_to_string(&mut stdout)
        .unwrap();
    assert_eq!(stdout, "a two\nb two\n");
    assert_eq!(status.and_then(|it| it.code()), Some(0));
    assert!(took < Duration::from_secs(30), "{took:?}");
}

/// A run of a job on each of two hosts that does not end, and a word in their command lines.
fn endless(hosts: &crate::support::sshd::Hosts, name: &str) -> (Child, String) {
    let word = word(name);
    let folder = tempfile::tempdir().unwrap();
    let started = |host: &str| folder.path().join(host);
    // It does not end for SIGTERM, nor does its child, which leaves its group.
    let line = format!(
        "trap '' TERM; setsid sh -c 'trap \"\" TERM; : {word}; while :; do sleep 0.1; done' & \
         : {word}; touch {}/$TEST_HOST; while :; do sleep 0.1; done; :",
        folder.path().display()
    );
    let mut command = fanout(hosts);
    command.args(["-S", "one,two", "-j1", &line, ":::", "1", "2"]);
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    let child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    appears(&started("one"));
    appears(&started("two"));
    (child, word)
}

#[test]
fn nothing_is_left_on_any_host_whatever_ends_fanout() {
    let Some(hosts) = hosts(&["one", "two"]) else {
        return;
    };
    for (name, signal) in [
        ("interrupted", Signal::INT),
        ("terminated", Signal::TERM),
        ("killed", Signal::KILL),
    ] {
        let (mut child, word) = endless(&hosts, name);
        kill(&[Pid::from_child(&child)], signal);
        assert!(wait_within(&mut child, HANG_GUARD).is_some(), "{name}");
        if signal != Signal::KILL {
            assert_eq!(processes(&word), [], "{name}");
        }
        all_gone(&word, Duration::from_secs(20));
    }
    all_gone(hosts.config().to_str().unwrap(), Duration::from_secs(20));
}

#[test]
fn nothing_is_left_on_a_host_that_was_cut_off() {
    let Some(hosts) = hosts(&["one", "two"]) else {
        return;
    };
    let (mut child, word) = endless(&hosts, "cut");
    for name in ["one", "two"] {
        let connections = hosts.connections(name);
        hosts.kill_server(name);
        kill(&connections, Signal::KILL);
    }
    assert!(wait_within(&mut child, HANG_GUARD).is_some());
    all_gone(&word, Duration::from_secs(20));
}

#[test]
fn a_slow_reader_of_much_output_gets_all_of_it() {
    let Some(hosts) = hosts(&["one"]) else {
        return;
    };
    for mode in ["-u", "--line-buffer", "--group"] {
        let mut command = fanout(&hosts);
        command.args(["-S", "one", mode, "yes {} | head -c 40000000", ":::", "abc"]);
        let mut child = command.stdout(Stdio::piped()).spawn().unwrap();
        let mut out = child.stdout.take().unwrap();
        std::thread::sleep(Duration::from_millis(500));
        let mut bytes = Vec::new();
        out.read_to_end(&mut bytes).unwrap();
        assert!(wait_within(&mut child, HANG_GUARD).unwrap().success());
        assert!(bytes.len() == 40_000_000 && bytes.chunks(4).all(|it| it == b"abc\n"));
    }
}

#[test]
fn a_reader_that_goes_ends_what_runs_on_hosts() {
    let Some(hosts) = hosts(&["one"]) else {
        return;
    };
    let word = word("reader");
    let mut command = fanout(&hosts);
    command.args(["-S", "one", "-u", &format!(": {word}; yes"), ":::", "x"]);
    let mut child = command
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut some = [0; 1000];
    child.stdout.take().unwrap().read_exact(&mut some).unwrap();
    assert!(wait_within(&mut child, HANG_GUARD).is_some());
    all_gone(&word, Duration::from_secs(20));
}

#[test]
fn a_full_disk_there_is_named() {
    let Some(hosts) = crate::support::sshd::start(&[crate::support::sshd::Spec::new("full")])
    else {
        return;
    };
    // The shell that stores the program may write files of no more than 1 MB.
    let limited = hosts.programs("full").join("head");
    fs::write(
        &limited,
        "#!/bin/sh\necho 'head: error writing: No space left on device' >&2; exit 1\n",
    )
    .unwrap();
    std::os::unix::fs::PermissionsExt::set_mode(
        &mut fs::metadata(&limited).unwrap().permissions(),
        0o755,
    );
    fs::set_permissions(
        &limited,
        std::os::unix::fs::PermissionsExt::from_mode(0o755),
    )
    .unwrap();
    let (_, stderr, code) = run(&hosts, &["-S", "full", "echo", ":::", "a"]);
    assert!(
        stderr.contains("full is left out: ") && stderr.contains("No space left"),
        "{stderr}"
    );
    assert_eq!(code, Some(255));
}
