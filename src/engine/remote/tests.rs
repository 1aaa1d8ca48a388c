//! A worker that is played: how the proxy answers when the stream ends, breaks or says what cannot be.

use std::fs::File;
use std::io::Write as _;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::time::{Duration, SystemTime};

use crossbeam_channel::{Receiver, unbounded};

use super::{Config, Link, Proxy};
use crate::engine::local::tests::config;
use crate::engine::{Attempt, Engine, Order, Update, UpdateSender, Which};
use crate::flow::feed_queue::FeedQueues;
use crate::model::{ArgList, Body, KilledBy, Outcome, Stdin, Stream};
use crate::protocol::told::Started;
use crate::protocol::{Decoder, Down, Hello, Id, Up, VERSION};

const GUARD: Duration = Duration::from_secs(20);

/// The engine, what it tells, and the worker's end of the streams.
struct Played {
    proxy: Proxy,
    updates: Receiver<Update>,
    says: Option<File>,
    hears: (File, Decoder),
}

fn hello() -> Up {
    Up::Hello(Hello {
        version: VERSION,
        fanout: String::new(),
        pid: 0,
        threads: 1,
        system: (String::new(), String::new()),
        now: SystemTime::UNIX_EPOCH,
        shell: None,
        login_shell: None,
    })
}

impl Played {
    /// A worker that has said nothing.
    fn silent() -> Self {
        let (input, says) = std::io::pipe().unwrap();
        let (hears, output) = std::io::pipe().unwrap();
        let link = Link {
            input: input.into(),
            output: output.into(),
            carrier: None,
            name: "played".to_owned(),
            host: None,
            greeted: None,
        };
        let (send, updates) = unbounded();
        let sender = UpdateSender::new(move |update, _| drop(send.send(update)));
        let config = Config::from_local(&config()).unwrap();
        Self {
            proxy: Proxy::start(link, config, sender).unwrap(),
            updates,
            says: Some(File::from(OwnedFd::from(says))),
            hears: (File::from(OwnedFd::from(hears)), Decoder::new()),
        }
    }

    /// A worker that has two attempts, the first of which it has begun.
    fn with_two_attempts() -> Self {
        let mut played = Self::silent();
        played.say(&hello());
        let attempts = [1, 2].map(|seq| Attempt::only(seq, ArgList::single(b":".to_vec())));
        played.proxy.run(attempts.to_vec());
        let Down::Setup(_) = played.hear() else {
            panic!("no setup");
        };
        played.say(&Up::Ready);
        let mut heard = 0;
        while heard < 2 {
            if let Down::Run(assignments) = played.hear() {
                heard += assignments.len();
            }
        }
        played.say(&Up::Begun(vec![Id(1, 1)]));
        played
    }

    fn say(&mut self, message: &Up) {
        let mut frame = Vec::new();
        message.encode(&mut frame).unwrap();
        self.say_bytes(&frame);
    }

    fn say_bytes(&mut self, bytes: &[u8]) {
        self.says.as_ref().unwrap().write_all(bytes).unwrap();
    }

    fn hear(&mut self) -> Down {
        let (input, decoder) = &mut self.hears;
        loop {
            if let Some(frame) = decoder.next_frame().unwrap() {
                return Down::decode(&frame).unwrap();
            }
            assert_ne!(decoder.fill(input).unwrap(), 0, "the proxy says no more");
        }
    }

    /// How so many attempts are answered: lost and why, or (`None`) given back; in the order of their jobs.
    fn answers(&self, count: usize) -> Vec<(u64, Option<String>)> {
        let mut answers = Vec::new();
        while answers.len() < count {
            match self.updates.recv_timeout(GUARD).unwrap() {
                Update::Ended(ends) => answers.extend(ends.iter().map(|end| {
                    let Outcome::Lost(Some(error)) = &end.outcome else {
                        panic!("{:?}", end.outcome);
                    };
                    assert!(!error.fatal);
                    (end.job.seq, Some(error.why.clone()))
                })),
                Update::Returned(attempts) => {
                    answers.extend(attempts.iter().map(|it| (it.seq(), None)));
                }
                other => panic!("{other:?}"),
            }
        }
        answers.sort();
        answers
    }
}

#[test]
fn at_the_end_of_the_stream_what_was_not_begun_is_given_back() {
    let mut played = Played::with_two_attempts();
    // Killed while it wrote a frame.
    played.say_bytes(b"{\"t\":\"ended\",\"n\":9,\"ends\":[]}\nfive");
    played.says = None;
    let why = "job 1 may have run, and is lost: played: it has ended before its time".to_owned();
    assert_eq!(played.answers(2), [(1, Some(why)), (2, None)]);
}

#[test]
fn after_what_cannot_be_everything_that_was_sent_is_lost() {
    let unknown = |message: Up| {
        let mut frame = Vec::new();
        message.encode(&mut frame).unwrap();
        frame
    };
    let started = |seq| {
        let at = SystemTime::UNIX_EPOCH;
        Up::Started(Started {
            id: Id(seq, 1),
            slot: 1,
            pid: None,
            at,
            argv: None,
        })
    };
    for (said, why) in [
        (
            b"Segmentation fault\n".to_vec(),
            "this is no message of a fanout: Segmentation fault",
        ),
        (
            b"{\"t\":\"dance\"}\n".to_vec(),
            "there is no message 'dance'",
        ),
        (
            unknown(Up::Begun(vec![Id(3, 1)])),
            "attempt 1 at job 3 is none of its",
        ),
        (
            unknown(Up::Returned(vec![Id(1, 2)])),
            "attempt 2 at job 1 is none of its",
        ),
        (
            unknown(Up::Output(Id(1, 1), Stream::Stdout, vec![b'x'])),
            "job 1 writes before its start",
        ),
        (
            [unknown(started(1)), unknown(started(1))].concat(),
            "job 1 starts again",
        ),
        (
            unknown(Up::Running(Vec::new())),
            "a list that was not asked for",
        ),
    ] {
        let mut played = Played::with_two_attempts();
        played.say_bytes(&said);
        let lost = |seq| {
            (
                seq,
                Some(format!(
                    "job {seq} may have run, and is lost: played: {why}"
                )),
            )
        };
        assert_eq!(played.answers(2), [lost(1), lost(2)]);
    }
}

#[test]
fn a_connection_that_breaks_loses_everything() {
    let (here, there) = UnixStream::pair().unwrap();
    let link = Link {
        input: here.try_clone().unwrap().into(),
        output: here.into(),
        carrier: None,
        name: "played".to_owned(),
        host: None,
        greeted: None,
    };
    let (send, updates) = unbounded();
    let sender = UpdateSender::new(move |update, _| drop(send.send(update)));
    let proxy = Proxy::start(link, Config::from_local(&config()).unwrap(), sender).unwrap();
    let mut frame = Vec::new();
    hello().encode(&mut frame).unwrap();
    (&there).write_all(&frame).unwrap();
    proxy.run(vec![Attempt::only(1, ArgList::single(b":".to_vec()))]);
    let (mut decoder, mut there) = (Decoder::new(), there);
    'heard: loop {
        while let Some(frame) = decoder.next_frame().unwrap() {
            if matches!(Down::decode(&frame).unwrap(), Down::Run(_)) {
                break 'heard;
            }
        }
        decoder.fill(&mut there).unwrap();
    }
    // What it has not read makes its end a reset.
    proxy.order(Order::Recall);
    while !crate::sys::wake::is_readable(std::os::fd::AsFd::as_fd(&there)).unwrap() {
        std::thread::yield_now();
    }
    drop(there);
    let Update::Ended(ends) = updates.recv_timeout(GUARD).unwrap() else {
        panic!("it was given back");
    };
    let error = ends[0].outcome.error().unwrap();
    assert!(error.why.contains("the connection broke"), "{error:?}");
}

#[test]
fn a_worker_that_says_why_it_cannot_go_on_is_quoted() {
    let mut played = Played::silent();
    played.say(&Up::Down("no room".to_owned()));
    played.says = None;
    let attempt = Attempt::only(1, ArgList::single(b":".to_vec()));
    played.proxy.run(vec![attempt]);
    loop {
        match played.updates.recv_timeout(GUARD).unwrap() {
            Update::Returned(attempts) => played.proxy.run(attempts),
            Update::Ended(ends) => {
                let error = ends[0].outcome.error().unwrap();
                assert_eq!(error.why, "no job can run any more at played: no room");
                assert!(error.fatal);
                break;
            }
            other => panic!("{other:?}"),
        }
    }
}

#[test]
fn what_comes_once_is_not_sent_before_its_attempt_is_begun() {
    let mut played = Played::silent();
    played.say(&hello());
    let queues = FeedQueues::new();
    let mut attempts = [1, 2].map(|seq| Attempt::only(seq, ArgList::single(b"cat".to_vec())));
    for attempt in &mut attempts {
        attempt.work.stdin = Some(Stdin {
            header: b"head"[..].into(),
            body: Body::Stream(queues.open().unwrap()),
            counts: false,
        });
    }
    played.proxy.run(attempts.to_vec());
    drop(queues);
    let mut heard = 0;
    while heard < 2 {
        match played.hear() {
            Down::Setup(_) => {}
            Down::Run(assignments) => heard += assignments.len(),
            other => panic!("{other:?}"),
        }
    }
    played.say(&Up::Begun(vec![Id(2, 1)]));
    assert_eq!(played.hear(), Down::Input(Id(2, 1), b"head".to_vec()));
    assert_eq!(played.hear(), Down::InputEnd(Id(2, 1)));
    played.say(&Up::Returned(vec![Id(1, 1), Id(2, 1)]));
    let answers = played.answers(2);
    assert!(
        answers[0].1.is_none() && answers[1].1.is_some(),
        "{answers:?}"
    );
    played.says = None;
}

#[test]
fn who_never_says_hello_holds_nobody_up() {
    let Played {
        proxy,
        updates,
        says,
        hears: (mut hears, mut decoder),
    } = Played::silent();
    let attempts = [1, 2].map(|seq| Attempt::only(seq, ArgList::single(b":".to_vec())));
    let [first, second] = attempts;
    proxy.run(vec![first]);
    proxy.order(Order::End(Which::All, KilledBy::User));
    let Update::Ended(ends) = updates.recv_timeout(GUARD).unwrap() else {
        panic!("it was not ended");
    };
    let (by, signal) = (KilledBy::User, None);
    assert_eq!(ends[0].outcome, Outcome::Cancelled { by, signal });
    proxy.run(vec![second]);
    proxy.order(Order::List);
    let leaves = std::thread::spawn(move || {
        assert_eq!(decoder.fill(&mut hears).unwrap(), 0);
        drop(says);
    });
    drop(proxy);
    leaves.join().unwrap();
    let told: Vec<_> = updates.try_iter().collect();
    assert_eq!(told.len(), 2, "{told:?}");
}

#[test]
fn who_hears_nothing_though_it_may_yet_speak_holds_nobody_up() {
    let (here, mut there) = std::os::unix::net::UnixStream::pair().unwrap();
    let link = Link {
        input: here.try_clone().unwrap().into(),
        output: here.into(),
        carrier: None,
        name: "a socket".to_owned(),
        host: None,
        greeted: None,
    };
    let (send, updates) = unbounded();
    let sender = UpdateSender::new(move |update, _| drop(send.send(update)));
    let proxy = Proxy::start(link, Config::from_local(&config()).unwrap(), sender).unwrap();
    let attempt = Attempt::only(1, ArgList::single(b":".to_vec()));
    proxy.run(vec![attempt]);
    drop(proxy);
    let told: Vec<_> = updates.try_iter().collect();
    assert!(matches!(&told[..], [Update::Returned(_)]), "{told:?}");
    let mut heard = Vec::new();
    std::io::Read::read_to_end(&mut there, &mut heard).unwrap();
    assert!(heard.is_empty());
}
