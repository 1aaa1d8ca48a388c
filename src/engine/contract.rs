//! What every engine promises, tried on all of them.
//!
//! A job's argument is its command line. Engines that run nothing end those with a `false` in them as a shell would.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crossbeam_channel::{Receiver, unbounded};
use proptest::prelude::*;

use super::dry_run::DryEngine;
use super::local::{self, tests::config};
use super::null::NullEngine;
use super::remote::host::{HostConfig, HostEngine, Launched, Launcher};
use super::remote::server::{Ending, Server};
use super::remote::{self, Link, OnHost, Proxy};
use super::{Attempt, Engine, JobSignal, Order, StopOn, Update, UpdateSender, Which};
use crate::model::{ArgList, Command, Job, KilledBy, Outcome, RenderJob, SpawnError, Work};
use crate::protocol::{self, Decoder, Down, Hello, Up};
use crate::sys::guardian::Guardian;
use crate::sys::wake::Wake;

/// How long anything may take before a test gives it up.
const GUARD: Duration = Duration::from_secs(20);

/// An engine and what it tells.
struct Subject {
    engine: Box<dyn Engine>,
    updates: Receiver<Update>,
    /// What has to outlive the engine.
    _guardian: Option<Guardian>,
}

/// What is under test: its name, and how it is made with so many slots.
type Make = fn(usize) -> Subject;
const ENGINES: [(&str, Make); 7] = [
    ("null", null),
    ("dry run", dry_run),
    ("local", cold),
    ("local, warm shells", warm),
    ("worker", |slots| at_worker(slots, false)),
    ("worker, warm shells", |slots| at_worker(slots, true)),
    ("host", at_host),
];

/// Those that run processes.
const REAL: [(&str, Make); 5] = [ENGINES[2], ENGINES[3], ENGINES[4], ENGINES[5], ENGINES[6]];

fn null(_slots: usize) -> Subject {
    let (sender, updates) = updates();
    let outcome = |job: &Job| {
        let line = job.args.get(0).unwrap();
        let fails = line.windows(5).any(|word| word == b"false");
        Outcome::Exited(i32::from(fails))
    };
    Subject {
        engine: Box::new(NullEngine::new(outcome, sender)),
        updates,
        _guardian: None,
    }
}

/// Nothing fails in a dry run but what cannot be rendered.
struct Unrenderable;

impl RenderJob for Unrenderable {
    fn prepare(&self, job: &Work, _slot: usize) -> Result<Command, SpawnError> {
        let line = job.args().get(0).unwrap().to_vec();
        if line.ends_with(b"fatal") {
            return Err("there is no command".into());
        }
        Ok(Command::of_line(line))
    }
}

fn dry_run(_slots: usize) -> Subject {
    let (sender, updates) = updates();
    let prepare = Arc::new(Unrenderable);
    Subject {
        engine: Box::new(DryEngine::new(prepare, None, true, sender)),
        updates,
        _guardian: None,
    }
}

fn cold(slots: usize) -> Subject {
    real(slots, false)
}

fn warm(slots: usize) -> Subject {
    real(slots, true)
}

fn real(slots: usize, warm: bool) -> Subject {
    let mut config = config();
    config.slots = slots;
    config.prepare = Arc::new(Unrenderable);
    config.launch.warm = warm;
    config.report_starts = true;
    let guardian = Guardian::start(local::PROCESSES_PER_WORKER * slots, None).unwrap();
    let (sender, updates) = updates();
    let pool = local::start(config, &guardian, sender).unwrap();
    pool.start_all();
    Subject {
        engine: Box::new(pool),
        updates,
        _guardian: Some(guardian),
    }
}

/// A worker on a thread of its own, at the other end of a pair of sockets.
fn at_worker(slots: usize, warm: bool) -> Subject {
    let (here, there) = UnixStream::pair().unwrap();
    std::thread::spawn(move || worker(&there, slots, warm));
    let mut config = config();
    config.slots = slots;
    config.prepare = Arc::new(Unrenderable);
    config.launch.warm = warm;
    config.report_starts = true;
    let link = Link {
        input: here.try_clone().unwrap().into(),
        output: here.into(),
        carrier: None,
        name: "the worker".to_owned(),
        host: None,
        greeted: None,
    };
    let (sender, updates) = updates();
    let proxy = Proxy::start(link, remote::Config::from_local(&config).unwrap(), sender);
    Subject {
        engine: Box::new(proxy.unwrap()),
        updates,
        _guardian: None,
    }
}

/// Starts workers as those of [`at_worker`] are.
struct Sockets(usize);

impl Launcher for Sockets {
    fn launch(&mut self, _bell: &Wake) -> Result<Launched, String> {
        let (here, there) = UnixStream::pair().unwrap();
        let slots = self.0;
        std::thread::spawn(move || worker(&there, slots, false));
        let mut decoder = Decoder::new();
        let hello = loop {
            if let Some(frame) = decoder.next_frame().unwrap() {
                match Up::decode(&frame).unwrap() {
                    Up::Hello(hello) => break hello,
                    other => panic!("{other:?}"),
                }
            }
            decoder.fill(&mut &here).unwrap();
        };
        Ok(Launched {
            input: here.try_clone().unwrap().into(),
            output: here.into(),
            decoder,
            hello,
            carrier: remote::Carrier::none(),
        })
    }
}

/// An engine for a host, which has said that it is up.
fn at_host(slots: usize) -> Subject {
    let mut config = config();
    config.slots = slots;
    config.prepare = Arc::new(Unrenderable);
    config.launch.warm = false;
    config.report_starts = true;
    let config = remote::Config::from_local(&config).unwrap();
    let host = HostConfig {
        name: "a host".into(),
        configure: Box::new(move |_| {
            config.clone().on_host(OnHost {
                slots,
                slots_before: 0,
                shell: Some(b"/bin/sh".to_vec()),
                env: Vec::new(),
                patience: GUARD,
            })
        }),
    };
    let (sender, updates) = updates();
    let engine = HostEngine::start(host, Sockets(slots), sender).unwrap();
    assert!(matches!(updates.recv_timeout(GUARD), Ok(Update::Up(_))));
    Subject {
        engine: Box::new(engine),
        updates,
        _guardian: None,
    }
}

fn worker(stream: &UnixStream, slots: usize, warm: bool) {
    let file = || File::from(OwnedFd::from(stream.try_clone().unwrap()));
    let mut hello = Vec::new();
    Up::Hello(Hello {
        version: protocol::VERSION,
        fanout: String::new(),
        pid: 0,
        threads: slots,
        system: (String::new(), String::new()),
        now: SystemTime::UNIX_EPOCH,
        shell: None,
        login_shell: None,
    })
    .encode(&mut hello)
    .unwrap();
    file().write_all(&hello).unwrap();
    let mut decoder = Decoder::new();
    let setup = loop {
        if let Some(frame) = decoder.next_frame().unwrap() {
            break Down::decode(&frame).unwrap();
        }
        if decoder.fill(&mut file()).unwrap() == 0 {
            // The proxy was gone before it had heard anything.
            return;
        }
    };
    let Down::Setup(setup) = setup else {
        panic!("{setup:?}");
    };
    assert!(setup.slots == slots && setup.warm == warm);
    let server = Server::new(file(), &setup).unwrap();
    let mut config = config();
    config.slots = slots;
    config.prepare = server.renderer();
    config.launch.warm = warm;
    config.report_starts = true;
    config.begins = Some(server.begins());
    let guardian = Guardian::start(local::PROCESSES_PER_WORKER * slots, None).unwrap();
    let pool = local::start(config, &guardian, server.updates()).unwrap();
    let ending = server.serve(file(), decoder, Box::new(pool), || ());
    assert_eq!(ending.unwrap(), Ending::Finished);
    // The last frame has arrived; the other side sees the end of the stream.
    stream.shutdown(std::net::Shutdown::Both).unwrap();
}

fn updates() -> (UpdateSender, Receiver<Update>) {
    let (send, updates) = unbounded();
    (
        UpdateSender::new(move |update, _| drop(send.send(update))),
        updates,
    )
}

fn attempt(seq: u64, line: &str) -> Attempt {
    Attempt::only(seq, ArgList::single(line.as_bytes().to_vec()))
}

/// How an attempt was answered.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Answer {
    Ended(Outcome),
    Returned,
}

/// What was told of attempts, by their jobs' numbers.
#[derive(Default)]
struct Told {
    started: BTreeSet<u64>,
    answers: BTreeMap<u64, Answer>,
    lists: usize,
}

impl Told {
    /// Takes note of `update`, and checks that it may come now.
    fn hear(&mut self, update: Update) {
        match update {
            Update::Started(start) => {
                let seq = start.job.seq;
                assert!(
                    !self.answers.contains_key(&seq),
                    "{seq} starts after its end"
                );
                assert!(self.started.insert(seq), "{seq} has started twice");
            }
            Update::Output(piece) => {
                let seq = piece.job.seq;
                assert!(self.started.contains(&seq), "{seq} writes before its start");
                assert!(
                    !self.answers.contains_key(&seq),
                    "{seq} writes after its end"
                );
            }
            Update::Ended(ends) => {
                for end in ends {
                    self.answer(end.job.seq, Answer::Ended(end.outcome));
                }
            }
            Update::Returned(attempts) => {
                for attempt in attempts {
                    let seq = attempt.seq();
                    assert!(
                        !self.started.contains(&seq),
                        "{seq} was begun and is returned"
                    );
                    self.answer(seq, Answer::Returned);
                }
            }
            Update::Running(_) => self.lists += 1,
            Update::DryRun(_)
            | Update::Up(_)
            | Update::Away(_)
            | Update::Down(_)
            | Update::Notice(_) => {}
        }
    }

    fn answer(&mut self, seq: u64, answer: Answer) {
        let before = self.answers.insert(seq, answer);
        assert_eq!(before, None, "{seq} is answered again");
    }
}

impl Subject {
    /// Hears updates until so many attempts are answered.
    fn hear_until(&self, told: &mut Told, answers: usize) {
        while told.answers.len() < answers {
            let update = self.updates.recv_timeout(GUARD);
            told.hear(update.expect("an answer to each attempt"));
        }
    }

    /// Drops the engine, and hears the rest.
    fn finish(self, told: &mut Told) {
        drop(self.engine);
        self.updates.try_iter().for_each(|update| told.hear(update));
    }
}

/// Something that is done to an engine.
#[derive(Clone, Debug)]
enum Deed {
    Run(Vec<&'static str>),
    Order(Order),
    /// Waits for the end of so many of the attempts.
    Wait(usize),
}

fn deed() -> impl Strategy<Value = Deed> {
    let line = prop_oneof![
        6 => Just("true"),
        3 => Just("echo x"),
        2 => Just("false"),
        1 => Just("sleep 0.01"),
        1 => Just("fatal"),
    ];
    let order = prop_oneof![
        3 => Just(Order::Recall),
        3 => Just(Order::StopOn(StopOn::Failure)),
        2 => Just(Order::StopOn(StopOn::Fatal)),
        2 => (0_u64..3).prop_map(Order::GoOn),
        1 => Just(Order::Staff),
        1 => Just(Order::List),
        1 => (1_usize..3).prop_map(Order::Slots),
        1 => Just(Order::TimeLimit(None)),
        1 => Just(Order::End(Which::Youngest, KilledBy::Memory)),
        1 => Just(Order::Signal(Which::All, JobSignal::Continue)),
    ];
    prop_oneof![
        4 => proptest::collection::vec(line, 1..12).prop_map(Deed::Run),
        3 => order.prop_map(Deed::Order),
        1 => (1_usize..4).prop_map(Deed::Wait),
    ]
}

/// Each attempt is answered once, whatever is ordered and also when the engine is dropped; each list is told.
fn answers_each_once(make: Make, slots: usize, deeds: &[Deed]) {
    let subject = make(slots);
    let mut told = Told::default();
    let (mut handed_over, mut lists) = (0, 0);
    for deed in deeds {
        match deed {
            Deed::Run(lines) => {
                let attempts = (handed_over + 1..).zip(lines);
                let attempts = attempts.map(|(seq, line)| attempt(seq, line));
                subject.engine.run(attempts.collect());
                handed_over += lines.len() as u64;
            }
            Deed::Order(order) => {
                lists += usize::from(*order == Order::List);
                subject.engine.order(*order);
            }
            Deed::Wait(count) => {
                let answers = (told.answers.len() + count).min(handed_over as usize);
                subject.hear_until(&mut told, answers);
            }
        }
    }
    subject.finish(&mut told);
    assert!(told.answers.keys().copied().eq(1..=handed_over));
    assert_eq!(told.lists, lists);
}

proptest! {
    #![proptest_config(ProptestConfig {
        cases: 60,
        failure_persistence: None,
        ..ProptestConfig::default()
    })]

    #[test]
    fn every_attempt_is_answered_once(
        slots in 1_usize..4,
        deeds in proptest::collection::vec(deed(), 1..12),
    ) {
        for (name, make) in ENGINES {
            let caught = std::panic::catch_unwind(|| answers_each_once(make, slots, &deeds));
            prop_assert!(caught.is_ok(), "{name}");
        }
    }
}

#[test]
fn after_an_end_on_which_to_stop_nothing_begins_until_it_is_told_to_go_on() {
    for (name, make) in ENGINES.into_iter().filter(|(name, _)| *name != "dry run") {
        let subject = make(1);
        let mut told = Told::default();
        subject.engine.order(Order::StopOn(StopOn::Failure));
        let lines = ["true", "false", "true", "echo x"];
        let attempts = (1..).zip(lines).map(|(seq, line)| attempt(seq, line));
        subject.engine.run(attempts.collect());
        subject.hear_until(&mut told, 4);
        subject.engine.run(vec![attempt(5, "true")]);
        subject.hear_until(&mut told, 5);
        subject.engine.order(Order::StopOn(StopOn::Fatal));
        subject.engine.order(Order::GoOn(1));
        subject
            .engine
            .run(vec![attempt(6, "false"), attempt(7, "true")]);
        subject.hear_until(&mut told, 7);
        let [ok, failed] = [0, 1].map(|code| Answer::Ended(Outcome::Exited(code)));
        let back = Answer::Returned;
        let expected = [&ok, &failed, &back, &back, &back, &failed, &ok];
        assert!(
            told.answers.values().eq(expected),
            "{name}: {:?}",
            told.answers
        );
    }
}

#[test]
fn a_failure_that_ends_the_run_stops_it_without_an_order() {
    for (name, make) in ENGINES.into_iter().filter(|(name, _)| *name != "null") {
        let subject = make(1);
        let mut told = Told::default();
        subject
            .engine
            .run(vec![attempt(1, "fatal"), attempt(2, "true")]);
        subject.hear_until(&mut told, 2);
        let fatal = SpawnError::fatal("there is no command");
        let expected = [
            &Answer::Ended(Outcome::SpawnFailed(fatal)),
            &Answer::Returned,
        ];
        assert!(
            told.answers.values().eq(expected),
            "{name}: {:?}",
            told.answers
        );
    }
}

#[test]
fn what_is_recalled_comes_back_and_what_runs_goes_on() {
    for (name, make) in REAL {
        let dir = tempfile::tempdir().unwrap();
        let go = dir.path().join("go");
        assert!(
            std::process::Command::new("mkfifo")
                .arg(&go)
                .status()
                .unwrap()
                .success()
        );
        let subject = make(1);
        let mut told = Told::default();
        let waits = format!("read line < '{}'; exit 3", go.display());
        let lines = [&waits, "true", "echo x"];
        let attempts = (1..).zip(lines).map(|(seq, line)| attempt(seq, line));
        subject.engine.run(attempts.collect());
        while !told.started.contains(&1) {
            told.hear(subject.updates.recv_timeout(GUARD).unwrap());
        }
        subject.engine.order(Order::Recall);
        subject.hear_until(&mut told, 2);
        std::fs::write(&go, "\n").unwrap();
        subject.engine.run(vec![attempt(4, "true")]);
        subject.hear_until(&mut told, 4);
        let [ran, ok] = [3, 0].map(|code| Answer::Ended(Outcome::Exited(code)));
        let expected = [&ran, &Answer::Returned, &Answer::Returned, &ok];
        assert!(
            told.answers.values().eq(expected),
            "{name}: {:?}",
            told.answers
        );
    }
}
