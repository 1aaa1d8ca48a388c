//! The engine that stands for a worker in a run: what jobs read, write and are told is as if they ran here.

use std::cell::RefCell;
use std::collections::VecDeque;
use std::ffi::OsString;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::PathBuf;
use std::process::Child;
use std::sync::Arc;
use std::time::SystemTime;

use crossbeam_channel::{Receiver, unbounded};
use fanout::engine::local::{self, JobStdin};
use fanout::engine::remote::{Config, Link, Proxy};
use fanout::engine::{Attempt, Engine, JobSignal, Order, Update, UpdateSender, Which};
use fanout::exec::capture::Capture;
use fanout::exec::launch::Launch;
use fanout::exec::shell::Shell;
use fanout::exec::stdin::StdinTransport;
use fanout::exec::term_seq::TermSeq;
use fanout::flow::block::{Block, BufferPool};
use fanout::flow::feed_queue::FeedQueues;
use fanout::flow::spool::{Limits, SpoolDir};
use fanout::model::{
    ArgList, AttemptEnd, Body, Command, Job, KilledBy, Outcome, RenderJob, SpawnError, Stdin, Work,
};
use fanout::sys::child::Exit;

use super::{GUARD, command, exit_code};

/// The command line is the job's argument, and the slot's number where it says `SLOT`.
struct Verbatim;

impl RenderJob for Verbatim {
    fn prepare(&self, work: &Work, slot: usize) -> Result<Command, SpawnError> {
        let line = work.args().get(0).ok_or("there is no command")?.to_vec();
        let mut command = Command::of_line(line);
        if command.task.line == b"SLOT" {
            command.task.line = format!("echo {slot} $PARALLEL_JOBSLOT").into_bytes();
        }
        if command.task.line == b"IN DIR" {
            command.task.line = b"pwd; cat made; cat".to_vec();
            command.task.workdir = work.args().get(1).map(<[u8]>::to_vec);
            let file = |name: &[u8]| [work.args().get(1).unwrap(), name].concat();
            command.task.files = vec![(file(b"/made"), b"made\n".to_vec())];
            command.task.stdin = Some(file(b"/made"));
        }
        Ok(command)
    }
}

/// What a run of so many slots would tell the local engine.
pub fn config(slots: usize) -> local::Config {
    let here = std::env::current_dir().unwrap();
    let limits = Limits {
        memory: 1 << 20,
        files: 8,
    };
    local::Config {
        slots,
        prepare: Arc::new(Verbatim),
        launch: Launch {
            shell: Shell::new("/bin/sh".into(), "/bin/sh".into()),
            always_shell: false,
            warm: false,
            prelude: Vec::new(),
            epilogue: b"",
            env: std::env::vars_os().collect(),
            cwd: here.clone(),
            pwd: here,
            has_workdirs: true,
            temporary: std::env::temp_dir(),
            named_inputs: false,
            slot_variable: "PARALLEL_JOBSLOT0".to_owned(),
            on_terminal: false,
        },
        capture: Capture::Spool(SpoolDir::new(std::env::temp_dir(), limits)),
        codec: None,
        stdin: JobStdin::Empty,
        tmux: None,
        one_by_one: false,
        timeout: None,
        remove_made_files: false,
        remove_empty_workdirs: false,
        nice: None,
        stdin_transport: StdinTransport::Pipe,
        stdin_dir: PathBuf::new(),
        term_seq: TermSeq::default(),
        watched: None,
        report_starts: false,
        shows_slots: false,
        begins: None,
    }
}

/// A worker, the engine that stands for it, and what that tells.
pub struct Remote {
    pub proxy: Proxy,
    pub worker: Child,
    pub updates: Receiver<Update>,
    /// Ends that were told with others.
    ends: RefCell<VecDeque<Box<AttemptEnd>>>,
}

impl Remote {
    pub fn start(config: &local::Config) -> Self {
        let mut worker = command().spawn().unwrap();
        let link = Link {
            input: worker.stdout.take().unwrap().into(),
            output: worker.stdin.take().unwrap().into(),
            carrier: None,
            name: "the worker".to_owned(),
            host: None,
            greeted: None,
        };
        let (send, updates) = unbounded();
        let sender = UpdateSender::new(move |update, _| drop(send.send(update)));
        let config = Config::from_local(config).unwrap();
        let proxy = Proxy::start(link, config, sender).unwrap();
        Self {
            proxy,
            worker,
            updates,
            ends: RefCell::default(),
        }
    }

    fn hear(&self) -> Update {
        self.updates.recv_timeout(GUARD).expect("an update")
    }

    /// The next end; passes over everything else.
    pub fn end(&self) -> Box<AttemptEnd> {
        loop {
            if let Some(end) = self.ends.borrow_mut().pop_front() {
                return end;
            }
            if let Update::Ended(ends) = self.hear() {
                self.ends.borrow_mut().extend(ends);
            }
        }
    }

    fn runs(&self, work: Work) -> Box<AttemptEnd> {
        self.proxy.run(vec![attempt(work)]);
        self.end()
    }

    fn finish(mut self) {
        drop(self.proxy);
        assert_eq!(exit_code(&mut self.worker), Some(0));
    }
}

pub fn work(seq: u64, args: &[&[u8]]) -> Work {
    Work::of(Job {
        seq,
        args: args.iter().collect::<ArgList>(),
        after_all: false,
        bound: None,
    })
}

pub fn attempt(work: Work) -> Attempt {
    Attempt {
        work,
        number: 1,
        max: Some(1),
        queued_at: SystemTime::now(),
    }
}

fn output(end: &AttemptEnd) -> [Vec<u8>; 2] {
    [&end.stdout, &end.stderr].map(|it| it.head(u64::MAX).unwrap())
}

fn block(bytes: &[u8]) -> Block {
    let mut buffer = BufferPool::new(1, bytes.len()).take();
    buffer.bytes.extend_from_slice(bytes);
    Block::whole(buffer)
}

fn fed(seq: u64, line: &[u8], header: &[u8], body: Body) -> Work {
    Work {
        stdin: Some(Stdin {
            header: header.into(),
            body,
            counts: true,
        }),
        ..work(seq, &[line])
    }
}

#[test]
fn an_end_says_what_a_local_one_says() {
    let remote = Remote::start(&config(1));
    let end = remote.runs(work(1, &[b"printf '\\377\\0'; echo e\xff >&2; exit 3"]));
    assert_eq!(end.outcome, Outcome::Exited(3));
    assert_eq!(output(&end), [b"\xff\0".to_vec(), b"e\xff\n".to_vec()]);
    assert!(end.ran.is_some() && end.job.pid().is_some() && end.job.slot() == Some(1));
    assert!(end.usage.max_rss_bytes.is_some() || end.usage.counts.is_some());
    let direct = remote.runs(work(2, &[b"/bin/echo a b"]));
    let argv: Vec<_> = direct.job.argv().unwrap().iter().collect();
    assert_eq!(argv, [&b"/bin/echo"[..], b"a", b"b"]);
    let killed = remote.runs(work(3, &[b"kill -9 $$"]));
    assert_eq!(killed.outcome, Outcome::Signaled(9));
    let left = remote.runs(work(4, &[b"sleep 1000 >/dev/null 2>&1 & :"]));
    assert_eq!(left.left_running.len(), 1);
    let pid = left.left_running[0].to_string();
    assert!(
        std::process::Command::new("kill")
            .arg(pid)
            .status()
            .unwrap()
            .success()
    );
    let missing = remote.runs(work(5, &[b"no-such-command-\xfe"]));
    assert_eq!(missing.outcome, Outcome::Exited(127));
    remote.finish();
}

#[test]
fn much_output_is_kept_as_a_whole() {
    let remote = Remote::start(&config(2));
    let end = remote.runs(work(1, &[b"yes | head -c 5000000; echo err >&2"]));
    let [out, err] = output(&end);
    assert!(out.len() == 5_000_000 && out.chunks(2).all(|it| it == b"y\n"));
    assert_eq!(err, b"err\n");
    remote.finish();
}

#[test]
fn output_is_handed_on_while_a_job_runs_as_far_as_somebody_takes_it() {
    let mut config = config(1);
    config.capture = Capture::Stream;
    let remote = Remote::start(&config);
    // Far more than may be on its way.
    remote.proxy.run(vec![attempt(work(
        1,
        &[b"yes | head -c 20000000; cat >&2 < made-nowhere"],
    ))]);
    let mut streamed = 0;
    let end = loop {
        match remote.hear() {
            Update::Output(piece) => streamed += piece.bytes().len() as u64,
            Update::Ended(mut ends) => break ends.remove(0),
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(end.streamed.iter().sum::<u64>(), streamed);
    assert!(end.streamed[0] == 20_000_000 && end.streamed[1] > 0);
    remote.finish();
}

#[test]
fn pieces_that_nobody_deals_with_hold_up_their_job_alone() {
    let mut config = config(2);
    config.capture = Capture::Stream;
    config.report_starts = true;
    let remote = Remote::start(&config);
    remote.proxy.run(vec![attempt(work(1, &[b"yes"]))]);
    let mut pieces = Vec::new();
    while pieces.len() < fanout::protocol::OUTPUT_CREDIT {
        if let Update::Output(piece) = remote.hear() {
            pieces.push(piece);
        }
    }
    // It is told to end all the same, and no piece comes while these are held.
    remote.proxy.order(Order::End(Which::All, KilledBy::User));
    let end = remote.end();
    assert!(matches!(
        end.outcome,
        Outcome::Cancelled {
            by: KilledBy::User,
            ..
        }
    ));
    drop(pieces);
    remote.finish();
}

#[test]
fn what_jobs_read_travels_whatever_it_is() {
    let remote = Remote::start(&config(2));
    let large: Vec<u8> = (0..3_000_000_u32).map(|it| (it % 251) as u8).collect();
    let end = remote.runs(fed(1, b"cat", b"head\n", Body::Block(block(&large))));
    assert!(output(&end)[0] == [b"head\n", &large[..]].concat());
    assert_eq!(end.sent, large.len() as u64 + 5);
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&large).unwrap();
    let part = |range| Body::Part {
        file: Arc::new(file.try_clone().unwrap()),
        name: None,
        range,
    };
    let end = remote.runs(fed(2, b"cat", b"", part(10..2_000_000)));
    assert!(output(&end)[0] == large[10..2_000_000]);
    let queues = FeedQueues::new();
    let stream = queues.open().unwrap();
    remote
        .proxy
        .run(vec![attempt(fed(3, b"cat", b"h", Body::Stream(stream)))]);
    for piece in large.chunks(100_000) {
        queues.put_when_below(0, 1 << 20, block(piece));
    }
    drop(queues);
    let end = remote.end();
    assert!(output(&end)[0] == [b"h", &large[..]].concat());
    // A job that does not read.
    let end = remote.runs(fed(4, b"exec <&-; exit 4", b"", Body::Block(block(&large))));
    assert_eq!(end.outcome, Outcome::Exited(4));
    let short = remote.runs(fed(5, b"cat >/dev/null", b"", part(0..9_000_000)));
    assert!(matches!(&short.outcome, Outcome::Lost(Some(error)) if error.why.contains("shorter")));
    remote.finish();
}

#[test]
fn directories_files_and_slots_travel() {
    let dir = tempfile::tempdir().unwrap();
    let name = dir.path().as_os_str().as_encoded_bytes();
    let mut config = config(2);
    config.shows_slots = true;
    config.remove_made_files = true;
    config
        .launch
        .env
        .push((OsString::from("WITH_NEWLINE"), OsString::from("a\nb")));
    let remote = Remote::start(&config);
    let end = remote.runs(work(1, &[b"IN DIR", name]));
    assert_eq!(output(&end)[0], [name, b"\nmade\nmade\n"].concat());
    assert!(!dir.path().join("made").exists());
    let end = remote.runs(work(2, &[b"printf %s \"$WITH_NEWLINE$PARALLEL_SEQ\""]));
    assert_eq!(output(&end)[0], b"a\nb2");
    let slots = (3..43).map(|seq| attempt(work(seq, &[b"SLOT"])));
    remote.proxy.run(slots.collect());
    for _ in 3..43 {
        let end = remote.end();
        let [out, _] = output(&end);
        let slot = end.job.slot().unwrap();
        assert!(slot <= 2 && out == format!("{slot} {slot}\n").into_bytes());
    }
    remote.finish();
}

#[test]
fn a_job_is_timed_out_stopped_continued_and_listed() {
    let mut config = config(1);
    config.report_starts = true;
    let remote = Remote::start(&config);
    remote
        .proxy
        .run(vec![attempt(work(1, &[b"kill -STOP $$; exit 7"]))]);
    let started = loop {
        if let Update::Started(start) = remote.hear() {
            break start;
        }
    };
    let pid = started.job.pid().unwrap();
    while !std::fs::read_to_string(format!("/proc/{pid}/stat"))
        .unwrap()
        .contains(") T ")
    {
        std::thread::yield_now();
    }
    remote.proxy.order(Order::List);
    let Update::Running(running) = remote.hear() else {
        panic!("a list was asked for");
    };
    assert!(running.len() == 1 && Arc::ptr_eq(&running[0].job, &started.job));
    remote
        .proxy
        .order(Order::Signal(Which::One(1), JobSignal::Continue));
    assert_eq!(remote.end().outcome, Outcome::Exited(7));
    remote
        .proxy
        .order(Order::TimeLimit(Some(std::time::Duration::from_millis(50))));
    let end = remote.runs(work(2, &[b"sleep 1000"]));
    assert_eq!(end.outcome, Outcome::TimedOut(Exit::Signal(15)));
    remote.finish();
}

#[test]
fn files_with_names_are_made_here() {
    let dir = tempfile::tempdir().unwrap();
    let mut config = config(1);
    let limits = Limits {
        memory: 0,
        files: 0,
    };
    config.capture = Capture::Files {
        dir: SpoolDir::new(std::env::temp_dir(), limits),
        folder: dir.path().to_owned(),
        echo: true,
    };
    let remote = Remote::start(&config);
    let end = remote.runs(work(1, &[b"echo out; echo err >&2"]));
    let path = end.stdout.path().unwrap().to_owned();
    assert!(path.starts_with(dir.path()));
    let mut text = String::new();
    File::open(path).unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "echo out; echo err >&2\nout\n");
    assert_eq!(output(&end)[1], b"err\n");
    remote.finish();
}

#[test]
fn what_a_worker_cannot_do_is_refused_in_words() {
    let refused = |change: fn(&mut local::Config)| {
        let mut config = config(1);
        change(&mut config);
        Config::from_local(&config).err().unwrap().to_string()
    };
    let own = refused(|config| config.stdin = JobStdin::Own);
    assert!(own.contains("cannot read fanout's standard input"), "{own}");
    let terminal = refused(|config| config.stdin = JobStdin::Terminal);
    assert!(terminal.contains("--tty"), "{terminal}");
}

#[test]
fn what_comes_when_the_worker_is_gone_ends_the_run() {
    let mut remote = Remote::start(&config(1));
    assert!(remote.runs(work(1, &[b":"])).outcome.is_success());
    remote.worker.kill().unwrap();
    remote.worker.wait().unwrap();
    remote.proxy.run(vec![attempt(work(2, &[b":"]))]);
    loop {
        match remote.hear() {
            // It was on its way.
            Update::Returned(attempts) => remote.proxy.run(attempts),
            Update::Ended(ends) => {
                let error = ends[0].outcome.error().unwrap();
                assert!(error.fatal && error.why.contains("the worker"), "{error:?}");
                break;
            }
            other => panic!("{other:?}"),
        }
    }
}
