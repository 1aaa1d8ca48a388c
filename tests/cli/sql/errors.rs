//! What is wrong with a DBURL, a database or the way to it.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::process::Stdio;

use super::{Database, Place};
use crate::process::{Run, await_that};
use crate::support::postgres::USER_WITH_PASSWORD;
use crate::text;

/// fanout with `args` says in one line what all of `culprits` are in, and exits with `code`.
fn fails(place: &Place, args: &[&str], code: i32, culprits: &[&str]) {
    let run = place.fanout(args).assert().code(code).stdout("");
    let said = text(&run.get_output().stderr);
    assert!(
        said.starts_with("fanout: Error: ") && culprits.iter().all(|it| said.contains(it)),
        "{args:?}: {said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn what_is_wrong_with_options_and_files_is_named() {
    let place = Place::in_a_file();
    let text = "no database, whatever its name says\n".repeat(50);
    fs::write(place.folder().join("text"), text).unwrap();
    fs::write(place.folder().join("empty"), "").unwrap();
    for (args, code, culprit) in [
        (
            &["--sqlworker", "mysql://me:secret@host/db/t"][..],
            255,
            "--sqlworker: 'mysql://me:…@host/db/t': databases of the kind 'mysql'",
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
            &["--sqlmaster", place.url(), "--pipe", "cat"],
            255,
            "--sqlmaster cannot be combined with --pipe",
        ),
    ] {
        fails(&place, args, code, &[culprit]);
    }
    assert!(!place.folder().join("none.db").exists());
}

#[test]
fn what_is_wrong_with_a_server_is_named() {
    let Some(place) = Place::on_a_server() else {
        return;
    };
    let wrong = format!("pg://{USER_WITH_PASSWORD}:wr%2Fong@/postgres/t");
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
        ("pg://u:p@[::1]:1/d/t", 2, ["'d' at [::1]:1", "as 'u'"]),
        ("pg:///t", 255, ["'pg:///t'", "must end with a table"]),
    ] {
        fails(&place, &["--sqlworker", url], code, &culprits);
    }
}

#[test]
fn a_password_is_in_the_dburl_or_in_a_file_that_nobody_else_may_read() {
    let Some(place) = Place::on_a_server() else {
        return;
    };
    let there = ["there is no table 't' in"];
    let with = format!("pg://{USER_WITH_PASSWORD}:open%20sesame@/postgres/t");
    fails(&place, &["--sqlworker", &with], 2, &there);
    let file = place.folder().join("passwords");
    let line = format!("*:*:*:{USER_WITH_PASSWORD}:open sesame\n");
    fs::write(&file, line).unwrap();
    let without = format!("pg://{USER_WITH_PASSWORD}@/postgres/t");
    for (mode, code) in [(0o644, 255), (0o600, 2)] {
        fs::set_permissions(&file, fs::Permissions::from_mode(mode)).unwrap();
        place
            .fanout(&["--sqlworker", &without])
            .env("PGPASSFILE", &file)
            .assert()
            .code(code);
    }
}

#[test]
fn a_lost_connection_ends_the_worker_and_the_next_one_goes_on() {
    let Some(place) = Place::on_a_server() else {
        return;
    };
    let Database::Schema(server, schema) = &place.database else {
        return;
    };
    let command = "echo {} >> done; until [ -e go ]; do sleep 0.01; done";
    place.write(&[command, ":::", "1", "2", "3"]);
    let mut command = place.in_background(&["--sqlworker", place.url(), "-j1"]);
    command.stderr(Stdio::piped());
    let mut run = Run::start(command);
    await_that("a job that runs", || !place.done().is_empty());
    let cut = format!(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '{schema}'"
    );
    assert_eq!(server.found(&cut), ["t"]);
    fs::write(place.folder().join("go"), "").unwrap();
    assert_eq!(run.wait().code(), Some(255));
    let mut said = String::new();
    let mut stderr = run.child.stderr.take().unwrap();
    std::io::Read::read_to_string(&mut stderr, &mut said).unwrap();
    assert!(
        said.starts_with("fanout: Error: cannot write to the database: table 't' in 'postgres' at"),
        "{said}"
    );
    assert_eq!(place.worker(&[]).wait().code(), Some(0));
    assert_eq!(place.found("SELECT DISTINCT Exitval FROM t"), ["0"]);
    let done = place.done();
    let done: BTreeSet<_> = done.iter().map(String::as_str).collect();
    assert_eq!(done, BTreeSet::from(["1", "2", "3"]));
}
