//! Jobs in a table of a database: what is in it, several workers, and what is wrong with it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use rusqlite::Connection;
use rusqlite::types::Value;
use rustix::process::Signal;

use crate::process::{Run, await_that};
use crate::{fanout, fanout_in_background, text};

const URL: &str = "sqlite3:///x.db/t";
const APPEND: &str = "+sqlite3:///x.db/t";

/// What `query` finds in the database, a line for each row.
fn found(folder: &Path, query: &str) -> Vec<String> {
    let db = Connection::open(folder.join("x.db")).unwrap();
    let mut query = db.prepare(query).unwrap();
    let columns = query.column_count();
    let rows = query.query_map([], |row| {
        let values = (0..columns).map(|column| row.get(column));
        let values: Result<Vec<Value>, _> = values.collect();
        let shown = values?.into_iter().map(|value| match value {
            Value::Null => "-".to_owned(),
            Value::Integer(number) => number.to_string(),
            Value::Real(number) => number.to_string(),
            Value::Text(text) => text,
            Value::Blob(bytes) => format!("{bytes:?}"),
        });
        Ok(shown.collect::<Vec<_>>().join("|"))
    });
    rows.unwrap().map(Result::unwrap).collect()
}

/// Has a master write jobs.
fn write(folder: &Path, url: &str, rest: &[&str]) {
    fanout()
        .current_dir(folder)
        .args(["--sqlmaster", url])
        .args(rest)
        .assert()
        .code(0)
        .stdout("")
        .stderr("");
}

#[test]
fn a_master_writes_what_waits_and_a_worker_what_became_of_it() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let command = "echo {2} {#}; echo e >&2; exit {1}";
    write(folder, URL, &[command, ":::", "0", "5", ":::", "x y"]);
    assert_eq!(
        found(
            folder,
            "SELECT Seq, Host, Starttime, JobRuntime, Send, Receive, Exitval, _Signal, V1, V2, Stdout, Stderr FROM t"
        ),
        [
            "1|-|-|-|0|-|-1000|-|0|x y|-|-",
            "2|-|-|-|0|-|-1000|-|5|x y|-|-"
        ]
    );
    fanout()
        .current_dir(folder)
        .args(["--sqlworker", URL, "-k", "--no-summary"])
        .assert()
        .code(1)
        .stdout("x y 1\nx y 2\n")
        .stderr("e\ne\n");
    assert_eq!(
        found(
            folder,
            "SELECT Seq, Host <> '', Starttime > 1e9, JobRuntime >= 0, Send, Receive, Exitval, _Signal, Command, V1, V2, Stdout, Stderr FROM t"
        ),
        [
            "1|1|1|1|0|6|0|0|echo 'x y' 1; echo e >&2; exit 0|0|x y|x y 1\n|e\n",
            "2|1|1|1|0|6|5|0|echo 'x y' 2; echo e >&2; exit 5|5|x y|x y 2\n|e\n",
        ]
    );
    // Nothing is left to be done.
    fanout()
        .current_dir(folder)
        .args(["--sqlworker", URL])
        .assert()
        .code(0)
        .stdout("")
        .stderr("");
}

/// What GNU parallel stores for the same options.
#[test]
fn tags_and_command_lines_are_stored_as_they_are_printed() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    for (options, row) in [
        (&["--tag"][..], "3|x\ta\nx\tb|x\tx\n"),
        (
            &["--tagstring", "T{}", "-v"],
            "30|Tx\tprintf 'a\\nb'; echo x  >&2\nTx\ta\nTx\tb|Tx\tx\n",
        ),
        (&["-v"], "30|printf 'a\\nb'; echo x  >&2\na\nb|x\n"),
    ] {
        fanout()
            .current_dir(folder)
            .args(["--sqlandworker", URL])
            .args(options)
            .args(["printf 'a\\nb'; echo {}  >&2", ":::", "x"])
            .assert()
            .code(0);
        assert_eq!(
            found(folder, "SELECT Receive, Stdout, Stderr FROM t"),
            [row],
            "{options:?}"
        );
    }
}

#[test]
fn the_table_is_made_anew_or_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(folder, URL, &["echo old {}", ":::", "1", "2", "3"]);
    write(folder, URL, &["echo a {}", ":::", "1", "2"]);
    write(
        folder,
        APPEND,
        &["echo b {1} {3}", ":::", "1", ":::", "2", ":::", "3"],
    );
    fanout()
        .current_dir(folder)
        .args(["--sqlandworker", APPEND, "-k", "echo c", ":::", "4"])
        .assert()
        .code(0)
        .stdout("a 1\na 2\nb 1 3\nc 4\n")
        .stderr("");
    assert_eq!(
        found(folder, "SELECT Seq, Exitval, Command, V1, V2, V3 FROM t"),
        [
            "1|0|echo a 1|1|-|-",
            "2|0|echo a 2|2|-|-",
            "3|0|echo b 1 3|1|2|3",
            "4|0|echo c 4|4|-|-"
        ]
    );
}

#[test]
fn any_bytes_come_back() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let bytes: Vec<u8> = (1..=255).filter(|byte| *byte != b'\n').collect();
    fanout()
        .current_dir(folder)
        .args([
            "--sqlandworker",
            URL,
            "-k",
            "printf '%s\\n' {}; printf 'a\\0b' >&2",
        ])
        .write_stdin([&bytes[..], b"\n\n\xc3\xaf\n"].concat())
        .assert()
        .code(0)
        .stdout([&bytes[..], b"\n\n\xc3\xaf\n"].concat())
        .stderr("a\0ba\0ba\0b");
    assert_eq!(
        found(folder, "SELECT typeof(V1), typeof(Stdout), Stderr FROM t"),
        [
            "blob|blob|[97, 0, 98]",
            "text|text|[97, 0, 98]",
            "text|text|[97, 0, 98]"
        ]
    );
}

/// Each job notes itself in `done`; how often which one did.
fn done(folder: &Path) -> Vec<String> {
    let done = fs::read_to_string(folder.join("done")).unwrap_or_default();
    done.lines().map(str::to_owned).collect()
}

fn worker(folder: &Path, options: &[&str]) -> Run {
    let mut command = fanout_in_background();
    command
        .current_dir(folder)
        .args(["--sqlworker", URL, "--no-summary"])
        .args(options)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    Run::start(command)
}

#[test]
fn workers_share_a_table_and_run_each_job_once() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let numbers: Vec<String> = (1..=200).map(|number| number.to_string()).collect();
    let mut args = vec!["echo {} >> done; echo $PPID >> by; sleep 0.005", ":::"];
    args.extend(numbers.iter().map(String::as_str));
    write(folder, URL, &args);
    let mut workers: Vec<_> = (0..3)
        .map(|_| worker(folder, &["-j2", "--shell", "always"]))
        .collect();
    for worker in &mut workers {
        assert_eq!(worker.wait().code(), Some(0));
    }
    let done = done(folder);
    assert_eq!(done.len(), 200);
    assert_eq!(done.iter().collect::<BTreeSet<_>>().len(), 200);
    assert_eq!(found(folder, "SELECT DISTINCT Exitval FROM t"), ["0"]);
    let by = fs::read_to_string(folder.join("by")).unwrap();
    assert!(by.lines().collect::<BTreeSet<_>>().len() > 1, "{by}");
}

#[test]
fn what_a_killed_worker_had_taken_is_done_by_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let command = "echo {} >> begun; [ -e go ] || sleep 60; echo {} >> done";
    write(folder, URL, &[command, ":::", "1", "2", "3", "4", "5"]);
    let mut first = worker(folder, &["-j2"]);
    await_that("two jobs that run", || {
        fs::read_to_string(folder.join("begun")).is_ok_and(|begun| begun.lines().count() == 2)
    });
    first.send(Signal::KILL);
    first.wait();
    await_that("the end of its jobs", || first.jobs().is_empty());
    assert_ne!(
        found(folder, "SELECT count(*) FROM t WHERE Exitval = -1220"),
        ["0"]
    );
    fs::write(folder.join("go"), "").unwrap();
    assert_eq!(worker(folder, &["-j2"]).wait().code(), Some(0));
    let mut done = done(folder);
    done.sort();
    assert_eq!(done, ["1", "2", "3", "4", "5"]);
}

#[test]
fn a_worker_that_is_told_to_end_gives_its_rows_back() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    write(
        folder,
        URL,
        &["echo {} >> done; sleep 60", ":::", "1", "2", "3"],
    );
    let mut run = worker(folder, &["-j1"]);
    await_that("a job that runs", || !done(folder).is_empty());
    run.send(Signal::TERM);
    run.send(Signal::TERM);
    run.wait();
    assert_eq!(
        found(folder, "SELECT Exitval, Host, Stdout, V1 FROM t"),
        ["-1000|-|-|1", "-1000|-|-|2", "-1000|-|-|3"]
    );
}

#[test]
fn a_table_that_is_made_anew_gets_no_results_of_old_jobs() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let old = "echo {} >> done; until [ -e go ]; do sleep 0.01; done";
    write(folder, URL, &[old, ":::", "1", "2"]);
    let mut run = worker(folder, &["-j1"]);
    await_that("a job that runs", || !done(folder).is_empty());
    write(folder, URL, &["echo {} >> done", ":::", "new", "newer"]);
    fs::write(folder.join("go"), "").unwrap();
    run.wait();
    worker(folder, &["-j1"]).wait();
    assert!(done(folder).ends_with(&["new".to_owned(), "newer".to_owned()]));
    assert_eq!(
        found(folder, "SELECT Seq, Exitval, Command FROM t"),
        ["1|0|echo new >> done", "2|0|echo newer >> done"]
    );
}

#[test]
fn a_master_that_works_waits_for_other_workers() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let slow = "echo {} >> done; until [ -e go ]; do sleep 0.01; done";
    write(folder, URL, &[slow, ":::", "1"]);
    let mut other = worker(folder, &["-j1"]);
    await_that("a job that runs", || done(folder).len() == 1);
    let mut command = fanout_in_background();
    command
        .current_dir(folder)
        .args([
            "--sqlandworker",
            APPEND,
            "--wait",
            "echo {} >> done",
            ":::",
            "2",
        ])
        .stdin(Stdio::null());
    let mut both = Run::start(command);
    await_that("the second job", || {
        found(folder, "SELECT count(*) FROM t WHERE Exitval = 0") == ["1"]
    });
    assert!(both.child.try_wait().unwrap().is_none());
    fs::write(folder.join("go"), "").unwrap();
    assert_eq!(other.wait().code(), Some(0));
    assert_eq!(both.wait().code(), Some(0));
}

#[test]
fn a_master_waits_for_all_jobs() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut command = fanout_in_background();
    command
        .current_dir(folder)
        .args(["--sqlmaster", URL, "--wait", "echo", ":::", "a", "b"])
        .stdin(Stdio::null());
    let mut master = Run::start(command);
    await_that("the jobs in the table", || {
        folder.join("x.db").exists()
            && Connection::open(folder.join("x.db"))
                .and_then(|db| db.query_row("SELECT count(*) FROM t", [], |row| row.get(0)))
                == Ok(2)
    });
    assert!(master.child.try_wait().unwrap().is_none());
    assert_eq!(worker(folder, &[]).wait().code(), Some(0));
    assert_eq!(master.wait().code(), Some(0));
}

#[test]
fn jobs_run_while_others_are_still_to_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let mut command = fanout_in_background();
    command
        .current_dir(folder)
        .args(["--sqlandworker", URL, "echo {} >> done"])
        .stdin(Stdio::piped());
    let mut run = Run::start(command);
    let mut stdin = run.child.stdin.take().unwrap();
    std::io::Write::write_all(&mut stdin, b"first\n").unwrap();
    await_that("the first job", || done(folder) == ["first"]);
    std::io::Write::write_all(&mut stdin, b"second\n").unwrap();
    drop(stdin);
    assert_eq!(run.wait().code(), Some(0));
    assert_eq!(done(folder), ["first", "second"]);
}

#[test]
fn errors_name_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("text"),
        "no database, whatever its name says\n".repeat(50),
    )
    .unwrap();
    fs::write(folder.path().join("empty"), "").unwrap();
    for (args, code, culprit) in [
        (
            &["--sqlworker", "mysql://host/db/t"][..],
            255,
            "--sqlworker: 'mysql://host/db/t': databases of the kind 'mysql'",
        ),
        (
            &["--sqlmaster", "sqlite3:///x.db", "echo"],
            255,
            "must end with a table",
        ),
        (
            &["--sqlandworker", "x.db", "echo"],
            255,
            "'x.db' is no DBURL",
        ),
        (&["--sqlworker", ":none"], 255, "':none'"),
        (&["--sqlworker", "sqlite3:///none.db/t"], 2, "none.db"),
        (
            &["--sqlworker", "sqlite3:///empty/t"],
            2,
            "there is no table 't' in empty",
        ),
        (
            &["--sqlworker", "sqlite3:///text/t"],
            2,
            "text: file is not a database",
        ),
        (
            &["--sqlmaster", URL, "--pipe", "cat"],
            255,
            "--sqlmaster cannot be combined with --pipe",
        ),
    ] {
        let run = fanout()
            .current_dir(folder.path())
            .args(args)
            .assert()
            .code(code)
            .stdout("");
        let said = text(&run.get_output().stderr);
        assert!(
            said.starts_with("fanout: Error: ") && said.contains(culprit),
            "{args:?}: {said}"
        );
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    assert!(!folder.path().join("none.db").exists());
}
