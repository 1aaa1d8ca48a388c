use super::*;
use crate::flow::spool::Captured;
use crate::model::{KilledBy, Outcome};
use crate::report::testing::{
    ended, finished, identity, listen, never_started, ok, out, run_ended, run_started, spooled,
    started, written,
};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use proptest::prelude::*;
use serde_json::Value;
use std::sync::{Arc, LazyLock};

static VALIDATOR: LazyLock<jsonschema::Validator> =
    LazyLock::new(|| jsonschema::validator_for(&serde_json::from_str(&schema()).unwrap()).unwrap());

fn sink(config: Config) -> (JsonLines, std::fs::File) {
    let (out, file) = out();
    let context = Context {
        version: "1.2.3".into(),
        argv: ["fanout", "echo", "\u{1f600}"].into_iter().collect(),
        template: b"echo {}".to_vec(),
        cwd: b"/work".to_vec(),
        host: "box".into(),
        engine: "local".into(),
        names: ["file"].into_iter().collect(),
        cores: 2,
        stdin: b"/dev/null".to_vec(),
    };
    (JsonLines::new(out, config, context), file)
}

fn text(file: std::fs::File) -> String {
    String::from_utf8(written(file)).unwrap()
}

/// The lines written for `events`, each valid.
fn lines(config: Config, events: Vec<Event>) -> Vec<Value> {
    let (mut sink, file) = sink(config);
    listen(&mut sink, events);
    valid(&text(file))
}

fn valid(text: &str) -> Vec<Value> {
    let lines: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).expect(line))
        .collect();
    for line in &lines {
        VALIDATOR
            .validate(line)
            .unwrap_or_else(|error| panic!("{error} at {line}"));
    }
    lines
}

fn types(lines: &[Value]) -> Vec<&str> {
    lines
        .iter()
        .map(|line| line["type"].as_str().unwrap())
        .collect()
}

fn at(detail: Detail) -> Config {
    Config {
        detail,
        ..Config::default()
    }
}

fn one_of_everything() -> Vec<Event> {
    let job = Arc::new(identity(1, "echo 1"));
    let piece = |bytes: &[u8], stream| OutputPiece {
        job: job.clone(),
        stream,
        content: Content::Bytes(bytes.into()),
        token: None,
    };
    let cancelled = |by, signal| Outcome::Cancelled { by, signal };
    let mut shell_free = ok(1, "out", "err");
    let info = Arc::get_mut(&mut shell_free.job).unwrap();
    info.at.as_mut().unwrap().argv = Some(["echo", "1"].into_iter().collect());
    let mut big = ok(2, "", "");
    big.stdout = spooled(&b"x".repeat(70_000));
    big.stderr = Captured::Memory(b"\xff".to_vec());
    vec![
        run_started(Some(9)),
        started(1, "echo 1"),
        Event::Gate(Some("load 9 > 8".into())),
        Event::Gate(None),
        Event::Output(piece(b"a\n", Stream::Stdout)),
        Event::Output(piece(b"\xfe", Stream::Stderr)),
        Event::AttemptFailed(Box::new(ended(1, "echo 1", Outcome::Exited(2)))),
        finished(shell_free),
        finished(big),
        finished(ended(3, "x", Outcome::Signaled(11))),
        finished(ended(
            4,
            "x",
            Outcome::TimedOut(crate::model::Exit::Signal(9)),
        )),
        finished(never_started(ended(
            5,
            "x",
            Outcome::SpawnFailed(crate::model::SpawnError::passing("no such file")),
        ))),
        finished(ended(6, "x", cancelled(KilledBy::Halt, Some(15)))),
        finished(never_started(ended(
            7,
            "x",
            cancelled(KilledBy::User, None),
        ))),
        finished(ended(8, "x", Outcome::Lost(None))),
        run_ended(),
    ]
}

#[test]
fn each_level_adds_its_types() {
    let count = |detail| types(&lines(at(detail), one_of_everything())).len();
    let results = lines(at(Detail::Results), one_of_everything());
    assert_eq!(types(&results[..2]), ["run.start", "job.end"]);
    assert_eq!(results.len(), 10);
    assert_eq!(count(Detail::Progress), 10);
    assert_eq!(count(Detail::Lifecycle), 14);
    let all = lines(at(Detail::Output), one_of_everything());
    assert_eq!(
        types(&all)[..7],
        [
            "run.start",
            "job.start",
            "gate",
            "gate",
            "job.output",
            "job.output",
            "attempt.end"
        ]
    );
    for (index, line) in all.iter().enumerate() {
        assert_eq!(line["n"], index as u64 + 1);
    }
}

#[test]
fn the_schema_is_strict() {
    let good = &lines(Config::default(), vec![finished(ok(1, "", ""))])[0];
    let fields: Vec<_> = good.as_object().unwrap().keys().cloned().collect();
    for field in fields {
        let mut missing = good.clone();
        missing.as_object_mut().unwrap().remove(&field);
        assert!(!VALIDATOR.is_valid(&missing), "without {field}");
        let mut other = good.clone();
        other[&field] = serde_json::json!({});
        assert!(!VALIDATOR.is_valid(&other), "with another {field}");
    }
}

#[test]
fn the_order_of_keys_is_fixed() {
    let (mut sink, file) = sink(Config::default());
    listen(&mut sink, vec![finished(ok(1, "o\n", ""))]);
    let mut line = text(file);
    let parsed: Value = serde_json::from_str(&line).unwrap();
    for key in ["run", "ts"] {
        line = line.replace(
            &format!("\"{key}\":{}", parsed[key]),
            &format!("\"{key}\":…"),
        );
    }
    let expected = concat!(
        r#"{"v":2,"type":"job.end","run":…,"n":1,"ts":…,"#,
        r#""seq":1,"names":["file"],"key":"cbf8f4ab71a91b4a7d6f42b5340efb31","args":["echo 1"],"args_b64":null,"command":"echo 1","#,
        r#""command_b64":null,"argv":null,"argv_b64":null,"cwd":"/work","host":"box","slot":1,"#,
        r#""pid":100,"attempt":1,"attempts_max":1,"flaky":false,"#,
        r#""queued_at":"2023-11-14T22:13:20.000000Z","started_at":"2023-11-14T22:13:20.250000Z","#,
        r#""ended_at":"2023-11-14T22:13:21.500000Z","wait_s":0.25,"wall_s":1.25,"#,
        r#""status":"ok","exit":0,"signal":null,"killed_by":null,"error":null,"#,
        r#""user_s":0.0,"sys_s":0.0,"max_rss_bytes":null,"majflt":null,"nvcsw":null,"nivcsw":null,"#,
        r#""in_blocks":null,"out_blocks":null,"#,
        r#""stdout":"o\n","stdout_b64":null,"stderr":"","stderr_b64":null,"#,
        r#""stdout_bytes":2,"stderr_bytes":0,"stdin_bytes":0,"stdout_truncated":false,"stderr_truncated":false,"#,
        r#""stdout_path":null,"stderr_path":null,"leftover_pids":[]}"#,
        "\n"
    );
    assert_eq!(line, expected);
}

#[test]
fn outcomes_are_told_apart() {
    let lines = lines(at(Detail::Results), one_of_everything());
    let told: Vec<_> = lines[1..lines.len() - 1]
        .iter()
        .map(|line| {
            ["status", "exit", "signal", "killed_by", "error"]
                .map(|field| line[field].to_string().replace('"', ""))
                .join(" ")
        })
        .collect();
    let expected = [
        "ok 0 null null null",
        "ok 0 null null null",
        "signal null SIGSEGV null null",
        "timeout null SIGKILL timeout null",
        "spawn_error null null null no such file",
        "cancelled null SIGTERM halt null",
        "cancelled null null user null",
        "lost null null null null",
    ];
    assert_eq!(told, expected);
    assert_eq!(lines[5]["started_at"], Value::Null);
    assert_eq!(lines[5]["user_s"], Value::Null);
}

#[test]
fn the_last_line_adds_up() {
    let lines = lines(at(Detail::Results), one_of_everything());
    let end = &lines[lines.len() - 1];
    let counts = [
        "ok",
        "signal",
        "timeout",
        "spawn_error",
        "cancelled",
        "lost",
        "fail",
    ]
    .map(|field| end["counts"][field].as_u64().unwrap());
    assert_eq!(end["total"], 8);
    assert_eq!(counts, [2, 1, 1, 1, 2, 1, 0]);
    assert_eq!(end["elapsed_s"], 10.0);
    // Seven attempts of 1.25 s in two slots of 10 s.
    assert_eq!(end["slot_utilisation"], 0.4375);
    assert_eq!(end["exit"], 1);
}

#[test]
fn long_output_is_cut_and_its_size_told() {
    let lines = lines(at(Detail::Results), one_of_everything());
    let big = &lines[2];
    assert_eq!(big["stdout"].as_str().unwrap().len() as u64, OUTPUT_LIMIT);
    assert_eq!(big["stdout_bytes"], 70_000);
    assert_eq!(big["stdout_truncated"], true);
    assert_eq!(
        (&big["stderr"], &big["stderr_b64"]),
        (&Value::Null, &"/w==".into())
    );
}

#[test]
fn a_job_that_passed_after_a_failure_is_flaky() {
    let mut end = ok(1, "", "");
    Arc::get_mut(&mut end.job).unwrap().attempt = 2;
    assert_eq!(
        lines(Config::default(), vec![finished(end)])[0]["flaky"],
        true
    );
}

#[test]
fn output_that_was_not_captured_is_null() {
    let config = Config {
        captures: false,
        ..Config::default()
    };
    let lines = lines(config, vec![finished(ok(1, "", ""))]);
    assert_eq!(
        (&lines[0]["stdout"], &lines[0]["stdout_bytes"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn equal_work_has_an_equal_key() {
    let key = |command| {
        let lines = lines(
            Config::default(),
            vec![finished(ended(1, command, Outcome::Lost(None)))],
        );
        lines[0]["key"].as_str().unwrap().to_owned()
    };
    assert_eq!(key("echo 1"), key("echo 1"));
    assert_ne!(key("echo 1"), key("echo 2"));
    assert_eq!(key("echo 1").len(), 32);
}

#[test]
fn progress_comes_once_a_second_while_something_changes() {
    let (mut sink, file) = sink(Config::default());
    assert!(sink.wants_starts());
    assert_eq!(sink.deadline(), None);
    let began = sink.progress.last;
    let mut state = RunState {
        began,
        ..RunState::default()
    };
    let events = [
        run_started(Some(4)),
        started(1, "a"),
        finished(ok(1, "", "")),
    ];
    for event in events {
        state.event(&event);
        sink.event(&event, &state).unwrap();
    }
    assert_eq!(sink.deadline(), Some(began + SECOND));
    sink.settle(began + SECOND / 2, &state).unwrap();
    sink.settle(began + SECOND, &state).unwrap();
    assert_eq!(sink.deadline(), None);
    sink.settle(began + 5 * SECOND, &state).unwrap();
    let lines = valid(&text(file));
    assert_eq!(types(&lines), ["run.start", "job.end", "progress"]);
    let fields =
        ["started", "running", "ok", "failed", "total"].map(|field| lines[2][field].as_u64());
    assert_eq!(fields, [Some(1), Some(0), Some(1), Some(0), Some(4)]);
    assert_eq!(
        (&lines[2]["eta_s"], &lines[2]["rate"]),
        (&3.0.into(), &1.0.into())
    );
}

#[test]
fn slow_jobs_are_told_of_once() {
    let (mut sink, file) = sink(at(Detail::Lifecycle));
    let state = RunState::default();
    let ends = (1..=5).map(|seq| finished(ok(seq, "", "")));
    for event in std::iter::once(started(9, "sleep 100")).chain(ends) {
        sink.event(&event, &state).unwrap();
    }
    let later = Instant::now() + Duration::from_secs(60);
    sink.settle(later, &state).unwrap();
    sink.settle(later + SECOND, &state).unwrap();
    let lines = valid(&text(file));
    let slow: Vec<_> = lines
        .iter()
        .filter(|line| line["type"] == "job.slow")
        .collect();
    assert_eq!(slow.len(), 1);
    assert_eq!(slow[0]["seq"], 9);
}

/// The bytes that a text and its base64 stand for.
fn decoded(text: &Value, b64: &Value) -> Vec<u8> {
    match b64.as_str() {
        Some(b64) => STANDARD.decode(b64).unwrap(),
        None => text.as_str().unwrap().into(),
    }
}

proptest! {
    #[test]
    fn any_bytes_make_a_valid_line_that_has_them(
        stdout: Vec<u8>,
        stderr: Vec<u8>,
        command: Vec<u8>,
        args in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..9), 0..4),
    ) {
        let mut end = ok(1, "", "");
        let job = Arc::get_mut(&mut end.job).unwrap();
        job.command.task.line.clone_from(&command);
        Arc::get_mut(&mut job.job).unwrap().args = args.iter().collect();
        job.at.as_mut().unwrap().argv = Some(args.iter().collect());
        end.stdout = Captured::Memory(stdout.clone());
        end.stderr = spooled(&stderr);
        let lines = lines(Config::default(), vec![finished(end)]);
        prop_assert_eq!(lines.len(), 1);
        let line = &lines[0];
        prop_assert_eq!(decoded(&line["stdout"], &line["stdout_b64"]), stdout);
        prop_assert_eq!(decoded(&line["stderr"], &line["stderr_b64"]), stderr);
        prop_assert_eq!(decoded(&line["command"], &line["command_b64"]), command);
        for list in ["args", "argv"] {
            let b64 = &line[&format!("{list}_b64")];
            for (index, arg) in args.iter().enumerate() {
                prop_assert_eq!(&decoded(&line[list][index], &b64[index]), arg);
            }
        }
    }
}
