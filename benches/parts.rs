//! The parts of a job's life that fanout itself pays for, one at a time: `cargo bench --bench parts`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::format_collect)]
#![allow(missing_docs)]

use std::fs::OpenOptions;
use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use fanout::engine::UpdateSender;
use fanout::engine::null::NullEngine;
use fanout::flow::mailbox::Mailbox;
use fanout::flow::spool::Captured;
use fanout::input::{InputConfig, Records, SourceKind};
use fanout::ledger::done::SeqSet;
use fanout::ledger::joblog;
use fanout::model::{
    ArgList, AttemptEnd, AttemptInfo, Command, Event, Job, Outcome, PlaceId, Ran, Usage, Where,
    Work,
};
use fanout::record::delimiter::Delimiter;
use fanout::report::json::{Config, Context, JsonLines};
use fanout::report::{Listener, Out, RunState};
use fanout::run::gate::Gates;
use fanout::run::halt::ExitRule;
use fanout::run::place::PlaceConfig;
use fanout::run::queue::{Queue, filled};
use fanout::run::retry::Retry;
use fanout::run::slot_count::SlotCount;
use fanout::run::{Message, Observer, controller};
use fanout::template::{Quoting, Style, Syntax, Template, Values};

criterion_group!(parts, templates, quoting, records, job_lines, controller);
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
    let event = Event::JobFinished(Box::new(finished_job()));
    let state = RunState::default();
    group.bench_function("JSON", |bencher| {
        bencher.iter(|| json.event(&event, &state).is_ok());
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

/// Takes events and reports nothing.
struct Nobody;

impl Observer for Nobody {
    fn observe(&mut self, events: Vec<Event>) {
        black_box(events);
    }

    fn is_behind(&self) -> bool {
        false
    }
}

/// Queue, controller and mailbox above an engine that runs nothing.
fn controller(criterion: &mut Criterion) {
    const JOBS: u64 = 100_000;
    let mut group = criterion.benchmark_group("control jobs");
    group.throughput(Throughput::Elements(JOBS));
    let thrice = Retry {
        tries: Some(3),
        ..Retry::default()
    };
    for (name, retry) in [("plain", Retry::default()), ("--retries 3", thrice)] {
        group.bench_function(name, |bencher| {
            bencher.iter_batched(
                queue_of::<JOBS>,
                |queue| control(queue, &retry),
                BatchSize::LargeInput,
            );
        });
    }
}

fn queue_of<const JOBS: u64>() -> Queue {
    let job = |seq| {
        Work::of(Job {
            seq,
            args: ArgList::single(b"some/folder/file.txt".to_vec()),
            after_all: false,
            bound: None,
        })
    };
    filled((1..=JOBS).map(|seq| Ok::<_, String>(job(seq))))
}

fn control(queue: Queue, retry: &Retry) {
    let mailbox = Arc::new(Mailbox::<Message>::new(Duration::ZERO));
    let letters = Arc::clone(&mailbox);
    let post = UpdateSender::new(move |update, urgency| {
        letters.post([Message::Engine(PlaceId::default(), update)], urgency);
    });
    let engine = NullEngine::new(|_: &Job| Outcome::Exited(0), post);
    let place = PlaceConfig {
        name: "here".to_owned(),
        engine: &engine,
        slots: SlotCount::Fixed(2),
        most_slots: 2,
        gates: Gates::default(),
        round_trip: Duration::ZERO,
        is_up: true,
    };
    let config = controller::Config {
        total: None,
        retry: retry.clone(),
        halt: None,
        halt_text: String::new(),
        exit_rule: ExitRule::default(),
        dies_of_signals: false,
        tells_timeouts: false,
        gates: Gates::default(),
        time_limit: None,
        done: SeqSet::default(),
        done_before: 0,
        one_at_a_time: false,
        most_out: None,
        is_bound: false,
        repeatable: true,
    };
    let parties = controller::Parties {
        places: vec![place],
        queue,
        mailbox: &mailbox,
        record: None,
        observer: &mut Nobody,
    };
    assert_eq!(controller::run(config, parties).code(), 0);
}

fn finished_job() -> AttemptEnd {
    let now = SystemTime::now();
    AttemptEnd {
        job: Arc::new(AttemptInfo {
            seq: 123,
            job: Arc::new(Job {
                seq: 123,
                args: ArgList::single(b"123".to_vec()),
                after_all: false,
                bound: None,
            }),
            command: Command::of_line(b"/bin/echo 123".to_vec()),
            host: None,
            at: Some(Where {
                slot: 1,
                pid: Some(4_321),
                argv: Some(["/bin/echo", "123"].into_iter().collect()),
            }),
            attempt: 1,
        }),
        attempts_max: Some(1),
        queued_at: now,
        ran: Some(Ran {
            started_at: now,
            took: Duration::ZERO,
        }),
        ended_at: now,
        outcome: Outcome::Exited(0),
        usage: Usage::default(),
        stdin: None,
        sent: 0,
        streamed: [0; 2],
        left_running: Vec::new(),
        recorded: false,
        stdout: Captured::Memory(b"123\n".to_vec()),
        stderr: Captured::default(),
    }
}
