//! Jobs in a table of `PostgreSQL`: what is in it, several workers, and what is wrong with it.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use rustix::process::Signal;

use crate::process::{Run, await_that};
use crate::support::postgres::{Server, USER_WITH_PASSWORD, server};
use crate::{fanout, fanout_in_background, text};

fn ours(server: &Server, folder: &Path) -> assert_cmd::Command {
    let mut command = fanout();
    command.current_dir(folder).envs(server.environment());
    command
}

fn worker(server: &Server, folder: &Path, url: &str, options: &[&str]) -> Run {
    let mut command = fanout_in_background();
    command
        .current_dir(folder)
        .envs(server.environment())
        .args(["--sqlworker", url, "--no-summary"])
        .args(options)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    Run::start(command)
}

/// The lines of the file `done`, into which each job writes one.
fn done(folder: &Path) -> Vec<String> {
    let done = fs::read_to_string(folder.join("done")).unwrap_or_default();
    done.lines().map(str::to_owned).collect()
}

#[test]
fn a_master_writes_what_waits_and_a_worker_what_became_of_it() {
    let Some(server) = server() else { return };
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| ours(server, folder.path()).args(args).assert();
    let command = "echo {2} {#}; echo e >&2; exit {1}";
    let url = "pg:////Rows";
    run(&["--sqlmaster", url, command, ":::", "0", "5", ":::", "x y"])
        .code(0)
        .stdout("")
        .stderr("");
    assert_eq!(
        server.found(
            "SELECT Seq, Host, Starttime, JobRuntime, Send, Receive, Exitval, _Signal, V1, V2, Stdout, Stderr \
             FROM rows ORDER BY Seq"
        ),
        [
            "1|-|-|-|0|-|-1000|-|0|x y|-|-",
            "2|-|-|-|0|-|-1000|-|5|x y|-|-"
        ]
    );
    run(&["--sqlworker", url, "-k", "--no-summary"])
        .code(1)
        .stdout("x y 1\nx y 2\n")
        .stderr("e\ne\n");
    assert_eq!(
        server.found(
            "SELECT Seq, Host <> '', Starttime > 1e9, JobRuntime >= 0, Send, Receive, Exitval, _Signal, Command, \
             V1, V2, Stdout, Stderr FROM rows ORDER BY Seq"
        ),
        [
            "1|t|t|t|0|6|0|0|echo 'x y' 1; echo e >&2; exit 0|0|x y|x y 1\n|e\n",
            "2|t|t|t|0|6|5|0|echo 'x y' 2; echo e >&2; exit 5|5|x y|x y 2\n|e\n",
        ]
    );
    // Nothing is left to be done.
    run(&["--sqlworker", url]).code(0).stdout("").stderr("");
}

#[test]
fn the_table_is_made_anew_or_goes_on() {
    let Some(server) = server() else { return };
    let folder = tempfile::tempdir().unwrap();
    let run = |args: &[&str]| ours(server, folder.path()).args(args).assert().code(0);
    let (url, append) = ("postgres:////again", "+postgresql:////again");
    run(&["--sqlmaster", url, "echo old {}", ":::", "1", "2", "3"]);
    run(&["--sqlmaster", url, "echo a {}", ":::", "1", "2"]);
    let wider = ["echo b {1} {3}", ":::", "1", ":::", "2", ":::", "3"];
    run(&[&["--sqlmaster", append], &wider[..]].concat());
    run(&["--sqlandworker", append, "-k", "echo c", ":::", "4"])
        .stdout("a 1\na 2\nb 1 3\nc 4\n")
        .stderr("");
    assert_eq!(
        server.found("SELECT Seq, Exitval, Command, V1, V2, V3 FROM again ORDER BY Seq"),
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
    let Some(server) = server() else { return };
    let folder = tempfile::tempdir().unwrap();
    let bytes: Vec<u8> = (1..=255).filter(|byte| *byte != b'\n').collect();
    let all = [&bytes[..], b"\n\n\xc3\xaf\n\\xff\n\\x41\n"].concat();
    let command = "printf '%s\\n' {}; printf 'a\\0b' >&2";
    ours(server, folder.path())
        .args(["--sqlandworker", "pg:////bytes", "-k", command])
        .write_stdin(&all[..])
        .assert()
        .code(0)
        .stdout(all)
        .stderr("a\0b".repeat(5));
    let rows = server.found("SELECT V1, Stdout, Stderr FROM bytes ORDER BY Seq");
    assert_eq!(
        rows[1..],
        [
            "|\n|\\x610062",
            "\u{ef}|\u{ef}\n|\\x610062",
            "\\x5c786666|\\xff\n|\\x610062",
            "\\x41|\\x41\n|\\x610062",
        ]
    );
    assert!(rows[0].starts_with("\\x01020304"), "{}", rows[0]);
}

#[test]
fn workers_share_a_table_and_run_each_job_once() {
    let Some(server) = server() else { return };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let numbers: String = (1..=600).map(|number| format!("{number}\n")).collect();
    ours(server, folder)
        .args(["--sqlmaster", "pg:////shared"])
        .arg("echo {} >> done; echo $PPID >> by")
        .write_stdin(numbers)
        .assert()
        .code(0);
    let mut workers: Vec<_> = (0..8)
        .map(|_| {
            worker(
                server,
                folder,
                "pg:////shared",
                &["-j2", "--shell", "always"],
            )
        })
        .collect();
    for worker in &mut workers {
        assert_eq!(worker.wait().code(), Some(0));
    }
    let done = done(folder);
    assert_eq!(done.len(), 600);
    assert_eq!(done.iter().collect::<BTreeSet<_>>().len(), 600);
    assert_eq!(server.found("SELECT DISTINCT Exitval FROM shared"), ["0"]);
    let by = fs::read_to_string(folder.join("by")).unwrap();
    assert!(by.lines().collect::<BTreeSet<_>>().len() > 1, "{by}");
}

#[test]
fn masters_at_the_same_time_number_their_jobs_one_after_the_other() {
    let Some(server) = server() else { return };
    let folder = tempfile::tempdir().unwrap();
    let append = |width: usize| {
        let sources = vec!["::: a b"; width].join(" ");
        let mut command = fanout_in_background();
        command
            .current_dir(folder.path())
            .envs(server.environment())
            .args(["--sqlmaster", "+pg:////masters", "echo"])
            .args(sources.split(' '))
            .stdin(Stdio::null());
        Run::start(command)
    };
    ours(server, folder.path())
        .args(["--sqlmaster", "pg:////masters", "echo", ":::", "a"])
        .assert()
        .code(0);
    let mut masters: Vec<_> = [1, 2, 3, 4, 3, 2].map(append).into();
    for master in &mut masters {
        assert_eq!(master.wait().code(), Some(0));
    }
    let counts = "SELECT count(*), count(DISTINCT Seq), max(Seq), count(V4) FROM masters";
    assert_eq!(server.found(counts), ["43|43|43|16"]);
}

#[test]
fn what_a_killed_worker_had_taken_is_done_by_the_next() {
    let Some(server) = server() else { return };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let command = "echo {} >> begun; [ -e go ] || sleep 60; echo {} >> done";
    ours(server, folder)
        .args(["--sqlmaster", "pg:////killed", command])
        .args([":::", "1", "2", "3", "4", "5"])
        .assert()
        .code(0);
    let mut first = worker(server, folder, "pg:////killed", &["-j2"]);
    await_that("two jobs that run", || {
        fs::read_to_string(folder.join("begun")).is_ok_and(|begun| begun.lines().count() == 2)
    });
    first.send(Signal::KILL);
    first.wait();
    await_that("the end of its jobs", || first.jobs().is_empty());
    let taken = "SELECT count(*) FROM killed WHERE Exitval = -1220";
    assert_ne!(server.found(taken), ["0"]);
    fs::write(folder.join("go"), "").unwrap();
    let mut next = worker(server, folder, "pg:////killed", &["-j2"]);
    assert_eq!(next.wait().code(), Some(0));
    let mut done = done(folder);
    done.sort();
    assert_eq!(done, ["1", "2", "3", "4", "5"]);
}

#[test]
fn a_worker_that_is_told_to_end_gives_its_rows_back() {
    let Some(server) = server() else { return };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    ours(server, folder)
        .args(["--sqlmaster", "pg:////ended", "echo {} >> done; sleep 60"])
        .args([":::", "1", "2", "3"])
        .assert()
        .code(0);
    let mut run = worker(server, folder, "pg:////ended", &["-j1"]);
    await_that("a job that runs", || !done(folder).is_empty());
    run.send(Signal::TERM);
    run.send(Signal::TERM);
    run.wait();
    assert_eq!(
        server.found("SELECT Exitval, Host, Stdout, V1 FROM ended ORDER BY Seq"),
        ["-1000|-|-|1", "-1000|-|-|2", "-1000|-|-|3"]
    );
}

#[test]
fn a_table_that_is_made_anew_gets_no_results_of_old_jobs() {
    let Some(server) = server() else { return };
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let write = |command: &str, args: &[&str]| {
        ours(server, folder)
            .args(["--sqlmaster", "pg:////anew", command, ":::"])
            .args(args)
            .assert()
            .code(0);
    };
    write(
        "echo {} >> done; until [ -e go ]; do sleep 0.01; done",
        &["1", "2"],
    );
    let mut run = worker(server, folder, "pg:////anew", &["-j1"]);
    await_that("a job that runs", || !done(folder).is_empty());
    write("echo {} >> done", &["new", "newer"]);
    fs::write(folder.join("go"), "").unwrap();
    run.wait();
    worker(server, folder, "pg:////anew", &["-j1"]).wait();
    assert!(done(folder).ends_with(&["new".to_owned(), "newer".to_owned()]));
    assert_eq!(
        server.found("SELECT Seq, Exitval, Command FROM anew ORDER BY Seq"),
        ["1|0|echo new >> done", "2|0|echo newer >> done"]
    );
}

#[test]
fn errors_name_what_is_wrong() {
    let Some(server) = server() else { return };
    let folder = tempfile::tempdir().unwrap();
    let socket = server.folder.to_str().unwrap().replace('/', "%2F");
    let wrong = format!("pg://{USER_WITH_PASSWORD}:wrong@{socket}/postgres/t");
    let none = format!("pg://{USER_WITH_PASSWORD}@/postgres/t");
    for (url, code, culprits) in [
        (
            "pg:///nodb/t",
            255,
            ["'nodb'", "database \"nodb\" does not exist"],
        ),
        (
            "pg://nobody@/postgres/t",
            255,
            ["'nobody'", "role \"nobody\" does not exist"],
        ),
        (
            &wrong,
            255,
            ["password authentication failed", USER_WITH_PASSWORD],
        ),
        (&none, 255, ["password missing", USER_WITH_PASSWORD]),
        (
            "pg:////nosuch",
            2,
            ["there is no table 'nosuch' in", "'postgres'"],
        ),
        (
            "pg://%2Fno%2Fsuch/d/t",
            2,
            ["'d' at /no/such:5432", "No such file"],
        ),
        ("pg://127.0.0.1:1/d/t", 2, ["127.0.0.1:1", "refused"]),
        ("pg:///t", 255, ["'pg:///t'", "must end with a table"]),
    ] {
        let run = ours(server, folder.path())
            .args(["--sqlworker", url])
            .assert()
            .code(code)
            .stdout("");
        let said = text(&run.get_output().stderr);
        assert!(
            said.starts_with("fanout: Error: ") && culprits.iter().all(|it| said.contains(it)),
            "{url}: {said}"
        );
        assert_eq!(said.lines().count(), 1, "{said}");
    }
    // In the file of passwords, which nobody else may read.
    let passwords = folder.path().join("passwords");
    fs::write(
        &passwords,
        format!("*:*:*:{USER_WITH_PASSWORD}:open sesame\n"),
    )
    .unwrap();
    for (mode, code) in [(0o644, 255), (0o600, 2)] {
        let mode = std::os::unix::fs::PermissionsExt::from_mode(mode);
        fs::set_permissions(&passwords, mode).unwrap();
        ours(server, folder.path())
            .env("PGPASSFILE", &passwords)
            .args(["--sqlworker", &none])
            .assert()
            .code(code);
    }
}
