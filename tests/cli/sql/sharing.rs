//! Several masters and workers at one table.

use std::collections::BTreeSet;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::Signal;

use super::{Database, Place};
use crate::process::{Run, await_that};
use crate::support::run::has_strace;
use crate::support::skip_without;

for_each_database! {
    workers_share_a_table_and_run_each_job_once
    masters_at_the_same_time_number_their_jobs_one_after_the_other
    what_a_killed_worker_had_taken_is_done_by_the_next
    a_master_that_is_killed_leaves_a_table_that_is_filled_or_none
    a_worker_that_is_told_to_end_gives_its_rows_back
    a_table_that_is_made_anew_gets_no_results_of_old_jobs
    a_master_that_works_waits_for_other_workers
    a_master_waits_for_all_jobs
    a_master_that_waits_ends_with_the_number_of_failed_jobs
    jobs_run_while_others_are_still_to_be_read
}

/// A command that goes on when the file `go` is there.
const SLOW: &str = "echo {} >> done; until [ -e go ]; do sleep 0.01; done";

fn let_go(place: &Place) {
    fs::write(place.folder().join("go"), "").unwrap();
}

fn workers_share_a_table_and_run_each_job_once(place: &Place) {
    // The first jobs wait for a second worker.
    let command = "echo {} >> done; echo $PPID >> by; until [ $(sort -u by | wc -l) -gt 1 ]; do sleep 0.01; done";
    let numbers: String = (1..=300).map(|number| format!("{number}\n")).collect();
    place
        .fanout(&["--sqlmaster", place.url()])
        .arg(command)
        .write_stdin(numbers)
        .assert()
        .code(0);
    let options = ["-j2", "--shell", "always"];
    let mut workers = [(); 5].map(|()| place.worker(&options));
    for worker in &mut workers {
        assert_eq!(worker.wait().code(), Some(0));
    }
    let done = place.done();
    assert_eq!(done.len(), 300);
    assert_eq!(done.iter().collect::<BTreeSet<_>>().len(), 300);
    assert_eq!(place.found("SELECT DISTINCT Exitval FROM t"), ["0"]);
}

/// A worker takes a table without a job that waits for one whose jobs are done.
fn a_master_that_is_killed_leaves_a_table_that_is_filled_or_none(place: &Place) {
    if !has_strace() {
        return skip_without("strace");
    }
    let call = match place.database {
        Database::File => "pwrite64",
        Database::Schema(..) => "sendto",
    };
    for when in 1.. {
        let master = place.in_background(&["--sqlmaster", place.url(), "echo", ":::", "a", "b"]);
        let mut strace = Command::new("strace");
        strace
            .args(["-f", "-qq", "-o", "/dev/null"])
            .args(["-e", &format!("trace={call}")])
            .args(["-e", &format!("inject={call}:signal=KILL:when={when}")])
            .arg(master.get_program())
            .args(master.get_args())
            .current_dir(place.folder())
            .envs(
                master
                    .get_envs()
                    .filter_map(|(name, value)| Some((name, value?))),
            );
        let status = Run::start(strace).wait();
        let rows = place.look_for("SELECT count(*) FROM t");
        assert!(
            rows.is_none_or(|rows| rows == ["2"]),
            "{call} number {when}"
        );
        if status.success() {
            assert!(when > 2, "nothing was killed");
            break;
        }
    }
    assert_eq!(place.found("SELECT count(*) FROM t"), ["2"]);
}

fn masters_at_the_same_time_number_their_jobs_one_after_the_other(place: &Place) {
    place.write(&["echo", ":::", "a"]);
    let mut masters = [1, 2, 3, 4, 3, 2].map(|width| {
        let sources = [":::", "a", "b"].repeat(width);
        let master = ["--sqlmaster", place.append(), "echo"];
        Run::start(place.in_background(&[&master, &sources[..]].concat()))
    });
    for master in &mut masters {
        assert_eq!(master.wait().code(), Some(0));
    }
    let counts = "SELECT count(*), count(DISTINCT Seq), max(Seq), count(V4) FROM t";
    assert_eq!(place.found(counts), ["43|43|43|16"]);
}

fn what_a_killed_worker_had_taken_is_done_by_the_next(place: &Place) {
    let command = "echo {} >> begun; [ -e go ] || sleep 60; echo {} >> done";
    place.write(&[command, ":::", "1", "2", "3", "4", "5"]);
    let mut first = place.worker(&["-j2"]);
    await_that("two jobs that run", || {
        fs::read_to_string(place.folder().join("begun"))
            .is_ok_and(|begun| begun.lines().count() == 2)
    });
    first.send(Signal::KILL);
    first.wait();
    await_that("the end of its jobs", || first.jobs().is_empty());
    let taken = "SELECT count(*) FROM t WHERE Exitval = -1220";
    assert_ne!(place.found(taken), ["0"]);
    let_go(place);
    assert_eq!(place.worker(&["-j2"]).wait().code(), Some(0));
    let mut done = place.done();
    done.sort();
    assert_eq!(done, ["1", "2", "3", "4", "5"]);
}

fn a_worker_that_is_told_to_end_gives_its_rows_back(place: &Place) {
    place.write(&["echo {} >> done; sleep 60", ":::", "1", "2", "3"]);
    let mut run = place.worker(&["-j1"]);
    await_that("a job that runs", || !place.done().is_empty());
    run.send(Signal::TERM);
    run.send(Signal::TERM);
    run.wait();
    assert_eq!(
        place.found("SELECT Exitval, Host, Stdout, V1 FROM t ORDER BY Seq"),
        ["-1000|-|-|1", "-1000|-|-|2", "-1000|-|-|3"]
    );
}

fn a_table_that_is_made_anew_gets_no_results_of_old_jobs(place: &Place) {
    place.write(&[SLOW, ":::", "1", "2"]);
    let mut run = place.worker(&["-j1"]);
    await_that("a job that runs", || !place.done().is_empty());
    place.write(&["echo {} >> done", ":::", "new", "newer"]);
    let_go(place);
    run.wait();
    place.worker(&["-j1"]).wait();
    assert!(
        place
            .done()
            .ends_with(&["new".to_owned(), "newer".to_owned()])
    );
    assert_eq!(
        place.found("SELECT Seq, Exitval, Command FROM t ORDER BY Seq"),
        ["1|0|echo new >> done", "2|0|echo newer >> done"]
    );
}

fn a_master_that_works_waits_for_other_workers(place: &Place) {
    place.write(&[SLOW, ":::", "1"]);
    let mut other = place.worker(&["-j1"]);
    await_that("a job that runs", || place.done().len() == 1);
    let both = ["--sqlandworker", place.append(), "--wait"];
    let both = [&both[..], &["echo {} >> done", ":::", "2"]].concat();
    let mut both = Run::start(place.in_background(&both));
    await_that("the second job", || {
        place.found("SELECT count(*) FROM t WHERE Exitval = 0") == ["1"]
    });
    assert!(both.child.try_wait().unwrap().is_none());
    let_go(place);
    assert_eq!(other.wait().code(), Some(0));
    assert_eq!(both.wait().code(), Some(0));
}

fn a_master_waits_for_all_jobs(place: &Place) {
    let master = [
        "--sqlmaster",
        place.url(),
        "--wait",
        "echo",
        ":::",
        "a",
        "b",
    ];
    let mut master = Run::start(place.in_background(&master));
    await_that("the jobs in the table", || {
        place.look_for("SELECT count(*) FROM t") == Some(vec!["2".to_owned()])
    });
    assert!(master.child.try_wait().unwrap().is_none());
    assert_eq!(place.worker(&[]).wait().code(), Some(0));
    assert_eq!(master.wait().code(), Some(0));
}

fn a_master_that_waits_ends_with_the_number_of_failed_jobs(place: &Place) {
    let jobs = ["exit {}", ":::", "0", "3", "2"];
    let end = |url: &str, failed: i32, program: &Path| {
        let mut master =
            place.in_background(&[&["--sqlmaster", url, "--wait"], &jobs[..]].concat());
        if program.ends_with("parallel") {
            let mut other = std::process::Command::new(program);
            other.args(master.get_args()).current_dir(place.folder());
            for (name, value) in master.get_envs() {
                value.map(|value| other.env(name, value));
            }
            master = other;
        }
        let mut master = Run::start(master);
        let waiting = "SELECT count(*) FROM t WHERE Exitval = -1000";
        await_that("the jobs in the table", || {
            place.look_for(waiting) == Some(vec!["3".to_owned()])
        });
        assert_eq!(place.worker(&[]).wait().code(), Some(2));
        assert_eq!(master.wait().code(), Some(failed), "{url}");
    };
    end(place.url(), 2, Path::new("fanout"));
    // Those that had failed before do not count.
    end(place.append(), 2, Path::new("fanout"));
    let parallel = place.folder().join("parallel");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_fanout"), &parallel).unwrap();
    end(place.url(), 0, &parallel);
}

fn jobs_run_while_others_are_still_to_be_read(place: &Place) {
    let mut command = place.in_background(&["--sqlandworker", place.url(), "echo {} >> done"]);
    command.stdin(Stdio::piped());
    let mut run = Run::start(command);
    let mut stdin = run.child.stdin.take().unwrap();
    stdin.write_all(b"first\n").unwrap();
    await_that("the first job", || place.done() == ["first"]);
    stdin.write_all(b"second\n").unwrap();
    drop(stdin);
    assert_eq!(run.wait().code(), Some(0));
    assert_eq!(place.done(), ["first", "second"]);
}
