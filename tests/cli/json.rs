//! The JSON stream: every line valid by the schema, one `job.end` for each job, whatever jobs do.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Write;
use std::os::fd::AsRawFd;
use std::process::Stdio;

use serde_json::Value;

use crate::process::Run;
use crate::{fanout, fanout_in_background, text};

/// The lines of a stream, each checked against the schema, with the counters that every line has.
pub fn checked(stream: &[u8]) -> Vec<Value> {
    let schema = fanout().arg("--json-schema").assert().code(0).stderr("");
    let schema: Value = serde_json::from_slice(&schema.get_output().stdout).unwrap();
    let schema = jsonschema::validator_for(&schema).unwrap();
    let lines: Vec<Value> = text(stream)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|why| panic!("{why}: {line}")))
        .collect();
    for (at, line) in lines.iter().enumerate() {
        if let Err(why) = schema.validate(line) {
            panic!("not as the schema says: {why}\n{line:#}");
        }
        assert_eq!(line["v"], 2, "{line}");
        assert_eq!(line["run"], lines[0]["run"], "{line}");
        assert_eq!(
            line["n"].as_u64().unwrap(),
            lines[0]["n"].as_u64().unwrap() + at as u64,
            "{line}"
        );
        let ts = line["ts"].as_str().unwrap();
        assert!(
            ts.len() == "2026-01-02T03:04:05.678901Z".len() && ts.ends_with('Z'),
            "{ts}"
        );
    }
    lines
}

/// The `job.end` lines by `seq`; each job has exactly one.
fn ends(lines: &[Value]) -> BTreeMap<u64, &Value> {
    let mut ends = BTreeMap::new();
    for line in lines.iter().filter(|line| line["type"] == "job.end") {
        let seq = line["seq"].as_u64().unwrap();
        assert!(ends.insert(seq, line).is_none(), "job {seq} ended twice");
    }
    ends
}

fn types(lines: &[Value]) -> Vec<&str> {
    lines
        .iter()
        .map(|line| line["type"].as_str().unwrap())
        .collect()
}

#[test]
fn the_stream_on_stdout_holds_the_whole_run() {
    let run = fanout()
        .args([
            "--json",
            "--json-detail",
            "results",
            "-j1",
            "echo out {}; echo err {} >&2; exit {}",
        ])
        .args([":::", "0", "3"])
        .assert()
        .code(1);
    let lines = checked(&run.get_output().stdout);
    assert_eq!(
        types(&lines),
        ["run.start", "job.end", "job.end", "run.end"]
    );
    let [start, ok, fail, end] = &lines[..] else {
        unreachable!()
    };
    assert_eq!(start["slots"], 1);
    assert_eq!(
        (&ok["seq"], &ok["status"], &ok["exit"]),
        (&1.into(), &"ok".into(), &0.into())
    );
    assert_eq!(
        (&ok["stdout"], &ok["stderr"]),
        (&"out 0\n".into(), &"err 0\n".into())
    );
    assert_eq!(
        (&ok["stdout_bytes"], &ok["args"]),
        (&6.into(), &serde_json::json!(["0"]))
    );
    assert_eq!(ok["command"], "echo out 0; echo err 0 >&2; exit 0");
    assert_eq!(
        (&fail["seq"], &fail["status"], &fail["exit"]),
        (&2.into(), &"fail".into(), &3.into())
    );
    assert_eq!(
        (&fail["signal"], &fail["killed_by"]),
        (&Value::Null, &Value::Null)
    );
    assert!(ok["pid"].as_u64().unwrap() > 1 && ok["slot"] == 1 && ok["attempt"] == 1);
    assert!(ok["wall_s"].as_f64().unwrap() >= 0.0 && ok["majflt"].is_u64());
    assert_eq!(
        end["exit"].as_i64().or(end["exit_code"].as_i64()),
        Some(1),
        "{end}"
    );
}

#[test]
fn each_way_to_end_has_its_status() {
    let run = fanout()
        .args(["--json", "--timeout", "0.5", "-j2", "--no-summary", ":::"])
        .args([
            "true",
            "exit 7",
            "kill -9 $$",
            "sleep 60",
            "/no/such/program a",
        ])
        .assert();
    let lines = checked(&run.get_output().stdout);
    let ends = ends(&lines);
    assert_eq!(ends.len(), 5);
    let seen = |seq: u64| {
        (
            ends[&seq]["status"].as_str().unwrap(),
            &ends[&seq]["exit"],
            &ends[&seq]["signal"],
        )
    };
    assert_eq!(seen(1), ("ok", &0.into(), &Value::Null));
    assert_eq!(seen(2), ("fail", &7.into(), &Value::Null));
    assert_eq!(seen(3), ("signal", &Value::Null, &"SIGKILL".into()));
    assert_eq!(seen(4).0, "timeout");
    assert_eq!(ends[&4]["killed_by"], "timeout");
    // GNU parallel lets the shell say that there is no such program.
    assert!(matches!(seen(5).0, "fail" | "spawn_error"), "{}", ends[&5]);
}

#[test]
fn a_job_that_cannot_be_started_is_a_spawn_error() {
    // The shell is there when the run begins, and gone when the second job needs it.
    let folder = tempfile::tempdir().unwrap();
    let shell = folder.path().join("shell");
    std::os::unix::fs::symlink("/bin/bash", &shell).unwrap();
    let run = fanout()
        .env("PARALLEL_SHELL", &shell)
        .args([
            "--json",
            "--no-summary",
            "-j1",
            "rm -f $PARALLEL_SHELL; : {}",
            ":::",
            "a",
            "b",
        ])
        .assert()
        .code(1);
    let lines = checked(&run.get_output().stdout);
    let end = ends(&lines)[&2];
    assert_eq!(end["status"], "spawn_error");
    assert!(
        end["error"]
            .as_str()
            .unwrap()
            .contains(shell.to_str().unwrap()),
        "{end}"
    );
    assert_eq!((&end["exit"], &end["signal"]), (&Value::Null, &Value::Null));
}

#[test]
fn what_a_halt_stops_is_cancelled_or_skipped_and_still_ends_once() {
    let run = fanout()
        .args([
            "--json",
            "--no-summary",
            "-j2",
            "--halt",
            "now,fail=1",
            ":::",
        ])
        .args(["sleep 0.2; exit 3", "sleep 60", "echo never"])
        .assert()
        .code(3);
    let lines = checked(&run.get_output().stdout);
    let ends = ends(&lines);
    assert_eq!(ends[&1]["status"], "fail");
    assert_eq!(
        (&ends[&2]["status"], &ends[&2]["killed_by"]),
        (&"cancelled".into(), &"halt".into())
    );
    assert!(
        ends.get(&3).is_none_or(|end| end["status"] == "skipped"),
        "{:?}",
        ends.get(&3)
    );
    assert!(!lines.last().unwrap()["halted_by"].is_null());
}

#[test]
fn every_job_of_a_large_run_ends_once() {
    let input: String = (1..=2_000).map(|number| format!("{number}\n")).collect();
    let run = fanout()
        .args(["--json", "/bin/echo"])
        .write_stdin(input)
        .assert()
        .code(0);
    let lines = checked(&run.get_output().stdout);
    let ends = ends(&lines);
    assert_eq!(ends.len(), 2_000);
    for (seq, end) in ends {
        assert_eq!(end["stdout"].as_str().unwrap(), format!("{seq}\n"));
    }
}

#[test]
fn a_job_tried_again_ends_once_and_is_flaky() {
    let folder = tempfile::tempdir().unwrap();
    let run = fanout()
        .current_dir(folder.path())
        .args(["--json", "--json-detail", "lifecycle", "--retries", "5"])
        .args(["echo x >> tries; test $(wc -l < tries) -ge 3 #", ":::", "a"])
        .assert()
        .code(0);
    let lines = checked(&run.get_output().stdout);
    let attempts = lines
        .iter()
        .filter(|line| line["type"] == "attempt.end")
        .count();
    assert!(
        (2..=3).contains(&attempts),
        "{attempts} failed attempts were told"
    );
    assert_eq!(
        types(&lines)
            .iter()
            .filter(|kind| **kind == "job.start")
            .count(),
        3
    );
    let end = ends(&lines)[&1];
    assert_eq!(
        (
            &end["attempt"],
            &end["attempts_max"],
            &end["flaky"],
            &end["status"]
        ),
        (&3.into(), &5.into(), &true.into(), &"ok".into())
    );
}

#[test]
fn bytes_that_are_no_utf8_travel_as_base64() {
    let run = fanout()
        .args(["--json", "printf", "'\\377\\376\\0{}'", ":::", "a"])
        .assert()
        .code(0);
    let lines = checked(&run.get_output().stdout);
    let end = ends(&lines)[&1];
    assert_eq!(
        (&end["stdout"], &end["stdout_b64"]),
        (&Value::Null, &"//4AYQ==".into())
    );
    assert_eq!(end["stdout_bytes"], 4);
    assert_eq!(
        (
            &end["stderr"],
            end.get("stderr_b64").unwrap_or(&Value::Null)
        ),
        (&"".into(), &Value::Null)
    );
}

#[test]
fn no_byte_of_a_job_breaks_a_line() {
    let every_byte: Vec<u8> = (1..=255).filter(|&byte| byte != b'\n').collect();
    let mut input = Vec::new();
    for value in [
        &every_byte[..],
        b"\"}\n{\"",
        b"\\u0000",
        b"\xff",
        "\u{2028}\u{85}".as_bytes(),
    ] {
        input.extend_from_slice(value);
        input.push(0);
    }
    let run = fanout()
        .args(["--json", "-0", "printf", "%s", "{}"])
        .write_stdin(input)
        .assert()
        .code(0);
    let lines = checked(&run.get_output().stdout);
    assert_eq!(ends(&lines).len(), 5);
}

#[test]
fn long_output_is_cut_at_the_limit_and_says_so() {
    let run = fanout()
        .args([
            "--json",
            "--json-output-limit",
            "1000",
            "head -c 5000 /dev/zero | tr '\\0' x #",
            ":::",
            "a",
        ])
        .assert()
        .code(0);
    let lines = checked(&run.get_output().stdout);
    let end = ends(&lines)[&1];
    assert_eq!(end["stdout_bytes"], 5_000);
    assert_eq!(
        (
            &end["stdout_truncated"],
            end["stdout"].as_str().unwrap().len()
        ),
        (&true.into(), 1_000)
    );
}

#[test]
fn a_file_takes_the_stream_and_stdout_stays_the_jobs() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("run.jsonl");
    fanout()
        .arg(format!("--json={}", file.display()))
        .args(["-k", "echo", ":::", "a", "b"])
        .assert()
        .code(0)
        .stdout("a\nb\n");
    let lines = checked(&fs::read(file).unwrap());
    assert_eq!(ends(&lines).len(), 2);
}

#[test]
fn a_file_that_cannot_be_written_is_named() {
    let run = fanout()
        .args(["--json=/no/such/folder/x", "echo", ":::", "a"])
        .assert()
        .code(255)
        .stdout("");
    assert!(text(&run.get_output().stderr).contains("/no/such/folder/x"));
}

#[test]
fn an_open_descriptor_takes_the_stream() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("stream");
    let file = File::create(&path).unwrap();
    rustix::io::fcntl_setfd(&file, rustix::io::FdFlags::empty()).unwrap();
    fanout()
        .arg(format!("--json=fd:{}", file.as_raw_fd()))
        .args(["-k", "echo", ":::", "a", "b"])
        .assert()
        .code(0)
        .stdout("a\nb\n");
    let lines = checked(&fs::read(path).unwrap());
    assert_eq!(ends(&lines).len(), 2);
}

#[test]
fn lines_come_while_the_run_goes_on() {
    use std::io::{BufRead, BufReader};
    let mut command = fanout_in_background();
    command
        .args(["--json", "--json-detail", "results", "/bin/echo"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut run = Run::start(command);
    let mut input = run.child.stdin.take().unwrap();
    input.write_all(b"a\n").unwrap();
    let mut lines = BufReader::new(run.child.stdout.take().unwrap()).lines();
    assert!(lines.next().unwrap().unwrap().contains("run.start"));
    assert!(lines.next().unwrap().unwrap().contains("job.end"));
    drop(input);
    assert!(run.wait().success());
}

#[test]
fn detail_grows_by_level() {
    let kinds = |detail: &str| {
        let run = fanout()
            .args(["--json", "--json-detail", detail, "-j1", "echo", ":::", "a"])
            .assert()
            .code(0);
        let lines = checked(&run.get_output().stdout);
        types(&lines)
            .into_iter()
            .map(str::to_owned)
            .collect::<Vec<_>>()
    };
    assert_eq!(kinds("results"), ["run.start", "job.end", "run.end"]);
    assert!(kinds("lifecycle").contains(&"job.start".to_owned()));
    assert!(kinds("output").contains(&"job.output".to_owned()));
}

#[test]
fn a_bad_level_is_named() {
    let run = fanout()
        .args(["--json", "--json-detail", "loud", "echo", ":::", "a"])
        .assert()
        .code(255);
    assert!(text(&run.get_output().stderr).contains("loud"));
}
