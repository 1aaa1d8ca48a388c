//! The JSON stream as other tools read it, without a word on its types: a file with one job of each kind.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::skip_without;
use crate::{fanout, text};

/// Ends in each way that needs no accident: two are well, one of them at its second try.
const JOBS: &str = "case {kind} in
    flaky) [ -e tried ] || { touch tried; exit 1; };;
    fail) exit 3;;
    signal) kill -SEGV $$;;
    slow) sleep 60;;
esac";

/// What a table of these has for each status, in the order of their names.
const ENDS: &str = "fail 1\nok 2\nsignal 1\ntimeout 1\n";

/// The queries that the README shows.
const SLOWEST: &str = r#"select(.type == "job.end") | [.wall_s, .command] | @tsv"#;
const BY_STATUS: &str =
    "SELECT status, count(*), max(wall_s) FROM 'run.jsonl' WHERE type = 'job.end' GROUP BY status";

/// Writes the stream of a run of [`JOBS`], in `folder`.
fn make_stream(folder: &Path) {
    fanout()
        .current_dir(folder)
        .args([
            "--json=run.jsonl",
            "--json-detail=lifecycle",
            "--header",
            ":",
            "--colsep",
            ",",
        ])
        .args(["--retries", "2", "--timeout", "1", JOBS])
        .write_stdin("kind,note\nok,a\nflaky,b\nfail,\u{e9}\nsignal,d\nslow,e\n")
        .assert()
        .code(3);
}

/// What `program` with `arguments` prints in `folder`; `None`: it is not there.
fn said(folder: &Path, program: &str, arguments: &[&str]) -> Option<String> {
    let python = Path::new(env!("CARGO_MANIFEST_DIR")).join("target/python");
    let output = Command::new(program)
        .args(arguments)
        .current_dir(folder)
        .env("PYTHONPATH", python)
        .output()
        .ok()?;
    let words = text(&output.stderr);
    if words.contains("No module named") {
        return None;
    }
    assert!(output.status.success(), "{program}: {words}");
    Some(text(&output.stdout).to_owned())
}

#[test]
fn jq_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    make_stream(folder.path());
    let filter =
        r#"map(select(.type == "job.end")) | group_by(.status)[] | "\(.[0].status) \(length)""#;
    let Some(ends) = said(folder.path(), "jq", &["-rs", filter, "run.jsonl"]) else {
        return skip_without("jq");
    };
    assert_eq!(ends, ENDS);
    let counts = said(
        folder.path(),
        "jq",
        &["-c", r#"select(.type == "run.end").counts"#, "run.jsonl"],
    );
    let counts: Value = serde_json::from_str(&counts.unwrap()).unwrap();
    let slowest = said(folder.path(), "jq", &["-r", SLOWEST, "run.jsonl"]).unwrap();
    assert_eq!(slowest.lines().count(), 5, "{slowest}");
    let expected = serde_json::json!({
        "ok": 2, "fail": 1, "signal": 1, "timeout": 1, "memory": 0, "spawn_error": 0, "cancelled": 0,
        "skipped": 0, "dry": 0, "lost": 0, "not_started": 0, "flaky": 1,
    });
    assert_eq!(counts, expected);
}

#[test]
fn duckdb_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    make_stream(folder.path());
    let script = r#"
import duckdb
for row in duckdb.sql("SELECT status, count(*) FROM 'run.jsonl' WHERE type = 'job.end' GROUP BY status ORDER BY status").fetchall():
    print(*row)
for row in duckdb.sql("SELECT args[1], names[1] FROM 'run.jsonl' WHERE signal = 'SIGSEGV' AND type = 'job.end'").fetchall():
    print(*row)
for row in duckdb.sql("SELECT counts.ok, counts.flaky, counts.not_started FROM 'run.jsonl' WHERE type = 'run.end'").fetchall():
    print(*row)
print(len(duckdb.sql("BY_STATUS").fetchall()))
print(duckdb.sql("SELECT sum(wall_s) > 1 AND max(ts) > min(started_at) FROM 'run.jsonl'").fetchall()[0][0])
"#
    .replace("BY_STATUS", BY_STATUS);
    let Some(found) = said(folder.path(), "python3", &["-c", &script]) else {
        return skip_without("duckdb for Python");
    };
    assert_eq!(found, format!("{ENDS}signal kind\n2 1 0\n4\nTrue\n"));
}

#[test]
fn pandas_reads_it() {
    let folder = tempfile::tempdir().unwrap();
    make_stream(folder.path());
    let script = r#"
import pandas
lines = pandas.read_json("run.jsonl", lines=True)
ends = lines[lines["type"] == "job.end"]
for status, count in ends["status"].value_counts().sort_index().items():
    print(status, count)
print(*ends[ends["signal"] == "SIGSEGV"]["seq"].astype(int))
counts = lines[lines["type"] == "run.end"]["counts"].iloc[0]
print(counts["ok"], counts["flaky"], counts["not_started"])
"#;
    let Some(found) = said(folder.path(), "python3", &["-c", script]) else {
        return skip_without("pandas");
    };
    assert_eq!(found, format!("{ENDS}4\n2 1 0\n"));
}

#[test]
fn the_readme_shows_these_queries() {
    let readme = include_str!("../../README.md");
    for query in [SLOWEST, BY_STATUS] {
        assert!(readme.contains(query), "{query}");
    }
}
