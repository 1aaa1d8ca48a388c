//! The parts of a job's life that fanout itself pays for, one at a time: `cargo bench --bench parts`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::format_collect)]
#![allow(missing_docs)]

use std::fs::OpenOptions;
use std::hint::black_box;
use std::sync::Arc;
use std::time::SystemTime;

use criterion::{Criterion, Throughput, criterion_group, criterion_main};
use fanout::input::{Delimiter, InputConfig, Records, SourceKind};
use fanout::ledger::joblog;
use fanout::model::{ArgList, AttemptEnd, Command, Event, JobIdentity, Outcome, Usage};
use fanout::report::json::{Config, Context, JsonLines};
use fanout::report::{Out, Sink};
use fanout::sys::spool::Captured;
use fanout::template::{Quoting, Style, Syntax, Template, Values};

criterion_group!(parts, templates, quoting, records, job_lines);
criterion_main!(parts);

fn templates(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("render");
    group.throughput(Throughput::Elements(1));
    let args = ArgList::single(b"some/folder/a file.tar.gz".to_vec());
    let values = Values {
        args: &args,
        seq: 123_456,
        slot: 7,
        total: 1_000_000,
        slots: 8,
        evaluated: &[],
    };
    for command in ["echo {}", "echo {} {.} {#}", "convert {} {//}/{/.}.png {%}"] {
        let words: Vec<&str> = command.split(' ').collect();
        let template = Template::command(&words, false, &Syntax::default());
        let mut line = Vec::new();
        group.bench_function(command, |bencher| {
            bencher.iter(|| {
                line.clear();
                template.render(black_box(values), Style::default(), &mut line);
                line.len()
            });
        });
    }
}

fn quoting(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("quote");
    let every_byte: Vec<u8> = (1..=255).collect();
    let long = b"a'b ".repeat(4096);
    for (name, value) in [
        ("plain", &b"path/to/file.txt"[..]),
        ("spaces", b"a name with spaces"),
        ("every byte", &every_byte),
        ("long", &long),
    ] {
        group.throughput(Throughput::Bytes(value.len() as u64));
        let mut quoted = Vec::new();
        group.bench_function(name, |bencher| {
            bencher.iter(|| {
                quoted.clear();
                Quoting::default().append(black_box(value), &mut quoted);
                quoted.len()
            });
        });
    }
}

fn records(criterion: &mut Criterion) {
    const LINES: usize = 100_000;
    let mut group = criterion.benchmark_group("split into records");
    group.throughput(Throughput::Elements(LINES as u64));
    let file = tempfile::NamedTempFile::new().unwrap();
    for (name, end, delimiter) in [
        ("lines", '\n', Delimiter::default()),
        ("-0", '\0', Delimiter::nul()),
    ] {
        let input: String = (0..LINES)
            .map(|line| format!("some/folder/file-{line}.txt{end}"))
            .collect();
        std::fs::write(file.path(), input).unwrap();
        let config = InputConfig {
            sources: vec![SourceKind::File(file.path().to_owned()).into()],
            delimiter,
            ..InputConfig::default()
        };
        group.bench_function(name, |bencher| {
            bencher.iter(|| assert_eq!(Records::open(config.clone()).unwrap().count(), LINES));
        });
    }
}

fn job_lines(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("a job's line");
    group.throughput(Throughput::Elements(1));
    let null = OpenOptions::new().write(true).open("/dev/null").unwrap();
    let mut json = JsonLines::new(
        Out::file(null, "null"),
        Config::default(),
        Context::default(),
    );
    let mut event = Event::JobFinished(Box::new(finished_job()));
    group.bench_function("JSON", |bencher| {
        bencher.iter(|| json.event(&mut event).is_ok());
    });
    let now = SystemTime::now();
    let line = joblog::Line {
        seq: 123,
        host: ":",
        start: now,
        runtime: std::time::Duration::from_millis(12),
        sent: 0,
        received: 42,
        exit: 0,
        signal: 0,
        command: b"/bin/true 123",
    };
    let mut out = Vec::new();
    group.bench_function("joblog", |bencher| {
        bencher.iter(|| {
            out.clear();
            black_box(line).render(&mut out);
            out.len()
        });
    });
}

fn finished_job() -> AttemptEnd {
    let now = SystemTime::now();
    AttemptEnd {
        job: Arc::new(JobIdentity {
            seq: 123,
            args: ArgList::single(b"123".to_vec()),
            command: Command {
                line: b"/bin/echo 123".to_vec(),
                ..Command::default()
            },
            argv: Some(["/bin/echo", "123"].into_iter().collect()),
            slot: 1,
            pid: 4_321,
            attempt: 1,
        }),
        attempts_max: Some(1),
        queued_at: now,
        started_at: now,
        ended_at: now,
        outcome: Outcome::Exited(0),
        usage: Usage::default(),
        stdin: None,
        sent: 0,
        streamed: [0; 2],
        recorded: false,
        stdout: Captured::Memory(b"123\n".to_vec()),
        stderr: Captured::default(),
    }
}
