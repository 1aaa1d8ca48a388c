use std::borrow::Cow;
use std::time::{Duration, UNIX_EPOCH};

use proptest::option;
use proptest::prelude::*;
use serde::Serialize;

use super::stamp::{Calendar, Stamp};
use super::text::{Text, Texts, bytes, bytes_list, exact, exact_list};
use super::wire::{Cost, Counts, Killer, Line, Status, VERSION, Who, WorkEnd};
use super::*;
use crate::model::ArgList;

/// A line that tells `body`, without its end.
fn line(kind: &str, body: impl Serialize) -> String {
    let head = Head {
        v: VERSION,
        kind: kind.into(),
        run: "0193-7".into(),
        n: 7,
        ts: stamp(1_700_000_000_123_456),
    };
    serde_json::to_string(&Line { head, body }).unwrap()
}

fn stamp(micros: u64) -> Stamp {
    Calendar::default().stamp(UNIX_EPOCH + Duration::from_micros(micros))
}

/// Arguments and outputs as they come: mostly text, now and then none.
fn some_bytes() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        3 => ".{0,12}".prop_map(String::into_bytes),
        1 => prop::collection::vec(any::<u8>(), 0..12),
    ]
}

fn text() -> impl Strategy<Value = Text<'static>> {
    ".{0,12}".prop_map(Text::from)
}

fn seconds() -> impl Strategy<Value = f64> {
    (0_u64..1_000_000_000_000).prop_map(|micros| micros as f64 / 1e6)
}

fn stamps() -> impl Strategy<Value = Stamp> {
    (0_u64..250_000_000_000_000_000).prop_map(stamp)
}

prop_compose! {
    /// What is known of a job: its arguments and its command line.
    fn work()(
        args in prop::collection::vec(some_bytes(), 0..4),
        command in some_bytes(),
    ) -> (ArgList, Vec<u8>) {
        (args.into_iter().collect(), command)
    }
}

fn who((args, command): &(ArgList, Vec<u8>), ran: bool) -> Who<'_> {
    Who {
        seq: 3,
        names: ran.then_some(Texts::Of(args)),
        key: "00ff".into(),
        args: Texts::Of(args),
        args_b64: exact_list(args),
        command: Text::lossy(command),
        command_b64: exact(command),
        argv: ran.then_some(Texts::Of(args)),
        argv_b64: exact_list(args).filter(|_| ran),
        cwd: "/tmp".into(),
        host: "box".into(),
        slot: ran.then_some(2),
        pid: ran.then_some(100),
        attempt: 1,
    }
}

const STATUSES: [Status; 10] = [
    Status::Ok,
    Status::Fail,
    Status::Signal,
    Status::Timeout,
    Status::Memory,
    Status::SpawnError,
    Status::Cancelled,
    Status::Skipped,
    Status::Dry,
    Status::Lost,
];
const KILLERS: [Killer; 4] = [Killer::User, Killer::Halt, Killer::Timeout, Killer::Memory];

prop_compose! {
    fn cost()(
        seconds in option::of(seconds()),
        counts in option::of((any::<u64>(), any::<u64>())),
    ) -> Cost {
        Cost {
            user_s: seconds,
            sys_s: seconds,
            max_rss_bytes: counts.map(|it| it.0),
            majflt: counts.map(|it| it.1),
            nvcsw: counts.map(|it| it.0),
            nivcsw: counts.map(|it| it.1),
            in_blocks: counts.map(|it| it.0),
            out_blocks: counts.map(|it| it.1),
        }
    }
}

prop_compose! {
    /// The end of a job, but for who it is.
    fn job_end()(
        (status, killed_by) in (
            prop::sample::select(&STATUSES[..]),
            option::of(prop::sample::select(&KILLERS[..])),
        ),
        (queued_at, started_at, ended_at) in (stamps(), option::of(stamps()), stamps()),
        (wait_s, wall_s, cost) in (option::of(seconds()), option::of(seconds()), cost()),
        (exit, signal, error) in (option::of(any::<i32>()), option::of(text()), option::of(text())),
        (stdout, stderr) in (option::of(text()), option::of(text())),
        (stdout_b64, stderr_b64) in (option::of("[a-z]{0,8}"), option::of("[a-z]{0,8}")),
        (flaky, truncated, attempts_max) in (any::<bool>(), any::<bool>(), option::of(any::<u32>())),
        (bytes, path) in (option::of(any::<u64>()), option::of(text())),
        pids in prop::collection::vec(any::<i32>(), 0..3),
    ) -> JobEnd<'static> {
        JobEnd {
            who: Who {
                seq: 0,
                names: None,
                key: "".into(),
                args: Texts::Read(Vec::new()),
                args_b64: None,
                command: "".into(),
                command_b64: None,
                argv: None,
                argv_b64: None,
                cwd: "".into(),
                host: "".into(),
                slot: None,
                pid: None,
                attempt: 1,
            },
            attempts_max,
            flaky,
            queued_at,
            started_at,
            ended_at,
            wait_s,
            wall_s,
            status,
            exit,
            signal,
            killed_by,
            error,
            cost,
            stdout,
            stdout_b64,
            stderr,
            stderr_b64,
            stdout_bytes: bytes,
            stdin_bytes: bytes,
            stderr_bytes: bytes,
            stdout_truncated: truncated,
            stderr_truncated: !truncated,
            stdout_path: path.clone(),
            stderr_path: path,
            leftover_pids: Cow::Owned(pids),
        }
    }
}

proptest! {
    #[test]
    fn the_end_of_a_job_is_read_as_it_was_written(
        work in work(),
        end in job_end(),
        ran: bool,
        again: bool,
    ) {
        let end = JobEnd { who: who(&work, ran), ..end };
        let kind = if again { "attempt.end" } else { "job.end" };
        let text = line(kind, &end);
        let (head, body) = parse(text.as_bytes()).unwrap();
        prop_assert_eq!((&*head.kind, head.n, head.v), (kind, 7, VERSION));
        let (Body::JobEnd(read) | Body::AttemptEnd(read)) = body else {
            panic!("{text}");
        };
        prop_assert_eq!(&*read, &end);
        prop_assert_eq!(&line(kind, &read), &text);
        let work_end: WorkEnd = serde_json::from_str(&text).unwrap();
        prop_assert_eq!(
            (work_end.key, work_end.status, work_end.exit, work_end.was),
            (Some(read.who.key.clone()), Some(end.status), end.exit, None)
        );
        // The bytes are there, too, whether they are text or not.
        let who = read.who;
        prop_assert_eq!(bytes(&who.command, who.command_b64.as_ref()), Some(work.1));
        prop_assert_eq!(bytes_list(&who.args, who.args_b64.as_ref()), Some(work.0));
    }

    #[test]
    fn every_other_line_is_read_as_it_was_written(
        work in work(),
        (texts, optional) in (text(), option::of(text())),
        (stamp, seconds, left) in (stamps(), seconds(), option::of(seconds())),
        (number, total) in (any::<u64>(), option::of(any::<u64>())),
        status in prop::sample::select(&STATUSES[..]),
    ) {
        let command = Text::lossy(&work.1);
        let bodies = [
            Body::RunStart(RunStart {
                version: texts.clone(),
                argv: Texts::Of(&work.0),
                argv_b64: exact_list(&work.0),
                template: command.clone(),
                template_b64: exact(&work.1),
                slots: number,
                engine: texts.clone(),
                cwd: texts.clone(),
                cwd_b64: optional.clone(),
                host: texts.clone(),
                cores: number,
                total,
            }),
            Body::JobStart(JobStart { who: who(&work, true), started_at: stamp }),
            Body::JobOutput(JobOutput {
                seq: number,
                attempt: 1,
                stream: "stdout".into(),
                text: optional.clone(),
                b64: exact(&work.1),
            }),
            Body::JobSlow(JobSlow {
                seq: number,
                command: command.clone(),
                pid: Some(1),
                attempt: 2,
                wall_s: seconds,
                median_s: seconds,
            }),
            Body::JobLost(JobLost {
                seq: number,
                key: "0f".into(),
                command,
                command_b64: exact(&work.1),
                attempt: 1,
                was: status,
                error: texts.clone(),
            }),
            Body::Gate(Gate { reason: optional.clone() }),
            Body::Progress(Progress {
                started: number,
                running: 1,
                ok: number,
                failed: 2,
                total,
                eta_s: left,
                elapsed_s: seconds,
                rate: seconds,
            }),
            Body::RunEnd(RunEnd {
                counts: Counts {
                    ok: 3,
                    memory: 1,
                    not_started: number,
                    flaky: 2,
                    ..Counts::default()
                },
                total,
                elapsed_s: seconds,
                slot_utilisation: 0.5,
                exit: 1,
                input_left: true,
                halted_by: optional.map(|it| it.to_string()),
                ..RunEnd::default()
            }),
        ];
        for body in bodies {
            let text = written(&body);
            let (_, read) = parse(text.as_bytes()).unwrap();
            prop_assert_eq!(&read, &body);
            prop_assert_eq!(written(&read), text);
        }
    }

    #[test]
    fn nothing_makes_the_reader_panic(bytes: Vec<u8>, cut in 0_usize..900) {
        let _ = parse(&bytes);
        let whole = line("job.start", JobStart {
            who: who(&(ArgList::single(bytes), b"x".to_vec()), true),
            started_at: stamp(1),
        });
        if let Some(torn) = whole.as_bytes().get(..cut).filter(|it| it.len() < whole.len()) {
            prop_assert!(parse(torn).is_err());
        }
    }
}

/// The line that tells `body`.
fn written(body: &Body) -> String {
    match body {
        Body::RunStart(body) => line("run.start", body),
        Body::JobStart(body) => line("job.start", body),
        Body::JobOutput(body) => line("job.output", body),
        Body::JobSlow(body) => line("job.slow", body),
        Body::AttemptEnd(body) => line("attempt.end", body),
        Body::JobEnd(body) => line("job.end", body),
        Body::JobLost(body) => line("job.lost", body),
        Body::Gate(body) => line("gate", body),
        Body::Progress(body) => line("progress", body),
        Body::RunEnd(body) => line("run.end", body),
        Body::Unknown => line("news", Gate { reason: None }),
    }
}

#[test]
fn what_a_later_version_adds_is_no_harm() {
    let gate = line("gate", Gate { reason: None });
    let with = |field: &str| gate.replacen('{', &format!("{{{field},"), 1);
    let more = with(r#""place":{"host":"a","tags":[1,2]}"#);
    assert_eq!(
        parse(more.as_bytes()).unwrap().1,
        Body::Gate(Gate { reason: None })
    );
    let news = gate.replace(r#""type":"gate""#, r#""type":"job.moved""#);
    assert_eq!(parse(news.as_bytes()).unwrap().1, Body::Unknown);
    let lost = JobLost {
        seq: 1,
        key: "0f".into(),
        command: "x".into(),
        command_b64: None,
        attempt: 1,
        was: Status::Ok,
        error: "full".into(),
    };
    let text = line("job.lost", lost).replace(r#""was":"ok""#, r#""was":"evicted""#);
    let Body::JobLost(lost) = parse(text.as_bytes()).unwrap().1 else {
        panic!("{text}");
    };
    assert_eq!(lost.was, Status::Unknown);
}

#[test]
fn a_damaged_line_is_named_and_the_next_one_read() {
    let gate = line("gate", Gate { reason: None });
    let stream = format!("{gate}\nnonsense\n{gate}\n{{\"v\":1}}\n{}", &gate[..20]);
    let mut reader = Reader::new(stream.as_bytes());
    let mut seen = Vec::new();
    while let Some(line) = reader.next_line() {
        seen.push(line.map_or_else(|error| error.to_string(), |_| String::new()));
    }
    assert_eq!((&*seen[0], &*seen[2], seen.len()), ("", "", 4));
    assert!(seen[1].starts_with("line 2 is damaged: "), "{}", seen[1]);
    assert!(
        seen[3].starts_with("line 4 is damaged: missing field"),
        "{}",
        seen[3]
    );
    assert!(reader.is_torn());
}

/// A name means one thing, so that what reads all lines as one table finds one type a column.
#[test]
fn a_field_has_one_type_in_all_lines() {
    let schema: serde_json::Value = serde_json::from_str(&schema()).unwrap();
    let mut types = std::collections::BTreeMap::new();
    for line in schema["oneOf"].as_array().unwrap() {
        for (name, field) in line["properties"].as_object().unwrap() {
            let mut kinds: Vec<_> = match &field["type"] {
                serde_json::Value::Array(kinds) => kinds.clone(),
                kind => vec![kind.clone()],
            };
            kinds.retain(|kind| kind != "null");
            let known = types.entry(name.clone()).or_insert_with(|| kinds.clone());
            assert_eq!(*known, kinds, "{name} of {}", line["title"]);
        }
    }
}

#[test]
fn streams_of_version_1_are_read() {
    let head = r#""run":"r","n":1,"ts":"2023-11-14T22:13:20.000000Z""#;
    let start = format!(
        r#"{{"v":1,"type":"run.start",{head},"version":"0","argv":["fanout"],"argv_b64":null,"template":"echo","template_b64":null,"jobs":4,"cwd":"/","cwd_b64":null,"host":"box","cores":2,"total":null}}"#
    );
    let Body::RunStart(start) = parse(start.as_bytes()).unwrap().1 else {
        panic!();
    };
    assert_eq!((start.slots, &*start.engine), (4, "local"));
    let end = format!(
        r#"{{"v":1,"type":"run.end",{head},"jobs":3,"ok":1,"fail":1,"signal":1,"not_started":2,"input_left":false,"elapsed_s":1.5,"slot_utilisation":1.0,"user_s":0.0,"sys_s":0.0,"exit":2,"halted_by":"SIGINT"}}"#
    );
    let Body::RunEnd(end) = parse(end.as_bytes()).unwrap().1 else {
        panic!();
    };
    let counts = Counts {
        ok: 1,
        fail: 1,
        signal: 1,
        not_started: 2,
        ..Counts::default()
    };
    assert_eq!((end.counts, end.total, end.exit), (counts, Some(5), 2));
    assert_eq!((end.elapsed_s, &*end.halted_by.unwrap()), (1.5, "SIGINT"));
}
