//! A run replayed from its JSON: the same summary and the same joblog as the run itself has written.

use std::fs::{self, File};
use std::io::{BufReader, Read as _, Seek as _};
use std::path::Path;
use std::process::Command;

use fanout::app::replay::replay;
use fanout::report::joblog::Joblog;
use fanout::report::summary::Failures;
use fanout::report::{Listener, Out};

use crate::fanout;

/// The summary and the joblog of the run whose JSON is in the file `stream`.
fn replayed(stream: &Path) -> (String, String) {
    let [summary, joblog] = [(); 2].map(|()| tempfile::tempfile().unwrap());
    let out = |file: &File| Out::file(file.try_clone().unwrap(), "a test");
    let log = Joblog::new(out(&joblog), false);
    log.write_header().unwrap();
    let listeners: Vec<Box<dyn Listener>> =
        vec![Box::new(log), Box::new(Failures::new(out(&summary)))];
    let stream = BufReader::new(File::open(stream).unwrap());
    replay(stream, None, listeners, |failure| panic!("{failure}")).unwrap();
    let read = |mut file: File| {
        let mut text = String::new();
        file.rewind().unwrap();
        file.read_to_string(&mut text).unwrap();
        text
    };
    (read(summary), read(joblog))
}

/// Runs fanout with `args`, to the exit code `code`, and compares. Returns the summary.
fn same(args: &[&str], code: i32) -> String {
    same_of_input(args, "", code)
}

/// The same with `input` as standard input.
fn same_of_input(args: &[&str], input: &'static str, code: i32) -> String {
    let folder = tempfile::tempdir().unwrap();
    let [json, log] = ["json", "log"].map(|name| folder.path().join(name));
    let run = fanout()
        .arg(format!("--json={}", json.display()))
        .arg("--joblog")
        .arg(&log)
        .args(args)
        .write_stdin(input)
        .assert()
        .code(code);
    let (summary, joblog) = replayed(&json);
    assert_eq!(joblog, fs::read_to_string(&log).unwrap(), "{args:?}");
    let stderr = String::from_utf8_lossy(&run.get_output().stderr);
    // How to go on is said of the command line, which a replay does not know.
    let again = stderr.find("fanout: again, only these: fanout --retry-failed --joblog ");
    let stderr = again.map_or(&*stderr, |place| &stderr[..place]);
    let jobs = stderr.strip_suffix(&*summary);
    let jobs = jobs.unwrap_or_else(|| panic!("{args:?}: {stderr} does not end with {summary}"));
    assert!(!jobs.contains(" done, "), "{args:?}: {stderr}");
    summary
}

#[test]
fn jobs_that_fail_or_do_well_or_die_of_signals() {
    let jobs = [
        "true",
        "echo out; echo err >&2; exit 7",
        "kill -SEGV $$",
        "kill -40 $$",
    ];
    let summary = same(&[&["-j1", ":::"], &jobs[..]].concat(), 3);
    for part in [
        "1 of 4 done, 3 failed",
        "exit 7",
        "| err",
        "SIGSEGV",
        "SIG40",
    ] {
        assert!(summary.contains(part), "{summary}");
    }
}

#[test]
fn jobs_that_are_tried_again() {
    let folder = tempfile::tempdir().unwrap();
    let flag = folder.path().join("flag").display().to_string();
    let flaky = format!("test -e {flag} || {{ touch {flag}; exit 1; }}");
    let summary = same(&["-j1", "--retries", "3", ":::", &flaky, "exit 2"], 1);
    assert!(summary.contains("1 of 2 done, 1 failed"), "{summary}");
    let detail = ["--json-detail", "output", "-j1", "--retries", "2", ":::"];
    same(&[&detail[..], &["exit 4"]].concat(), 1);
}

#[test]
fn jobs_that_run_into_their_time_limit() {
    let jobs = ["sleep 60", "trap 'exit 5' TERM; sleep 60 & wait"];
    let summary = same(&[&["-j1", "--timeout", "1", ":::"], &jobs[..]].concat(), 2);
    assert_eq!(summary.matches("timeout").count(), 2, "{summary}");
}

#[test]
fn jobs_that_a_halt_ends_or_keeps_from_starting() {
    let folder = tempfile::tempdir().unwrap();
    let fifo = folder.path().join("fifo");
    let made = Command::new("mkfifo").arg(&fifo).status().unwrap();
    assert!(made.success());
    // The first fails when the second runs.
    let fails = format!("read line <{}; exit 3", fifo.display());
    let runs = format!("echo >{}; exec sleep 60", fifo.display());
    let halt = ["-j2", "--halt", "now,fail=1", ":::", &fails, &runs, "true"];
    let summary = same(&halt, 3);
    assert!(summary.contains("killed by --halt"), "{summary}");
    same(
        &["-j1", "--halt", "soon,fail=1", ":::", "exit 3", "true"],
        3,
    );
}

#[test]
fn jobs_that_are_not_run_and_such_as_cannot_be() {
    same(
        &["-j1", "--filter", "{1} != 2", "exit", ":::", "0", "2", "0"],
        0,
    );
    same(
        &["-j1", "echo {= $_ == 2 and skip() =}", ":::", "1", "2", "3"],
        0,
    );
    let summary = same(&["-j1", ":::", "/nonexistent/program", "true"], 1);
    assert!(summary.contains("1 of 2 done, 1 failed"), "{summary}");
}

#[test]
fn what_jobs_were_fed_and_shares_that_never_came() {
    let input = "1\n2\n3\n";
    let each = ["-j1", "--pipe", "-N1", "cat; exit 1"];
    let summary = same_of_input(&each, input, 3);
    assert!(summary.contains("0 of 3 done, 3 failed"), "{summary}");
    let shares = ["-j4", "--pipe", "--round-robin", "--block", "1k", "cat"];
    same_of_input(&shares, input, 0);
}

#[test]
fn commands_and_output_that_are_no_text() {
    let summary = same(
        &[
            "-j1",
            "printf '\\377\\n' >&2; : 'a\nb'; exit {}",
            ":::",
            "1",
        ],
        1,
    );
    assert!(summary.contains("\\xff"), "{summary}");
}

#[test]
fn a_damaged_line_is_named() {
    let stream = "{\"v\":1}\n";
    let failure = replay(stream.as_bytes(), None, Vec::new(), |_| ()).unwrap_err();
    let failure = failure.to_string();
    assert!(failure.starts_with("line 1 is damaged"), "{failure}");
}
