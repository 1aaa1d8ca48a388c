//! The engine with real processes.

use std::ffi::OsStr;
use std::fs;
use std::panic::resume_unwind;
use std::path::{Path, PathBuf};
use std::time::{Instant, SystemTime};

use crossbeam_channel::{Receiver, unbounded};

use super::*;
use crate::engine::{Attempt, Engine, Order, Update, Which};
use crate::exec::launch::Launch;
use crate::exec::shell::{Shell, Wishes};
use crate::exec::term_seq::TermSeq;
use crate::flow::spool::{Captured, Limits, SpoolDir};
use crate::model::{
    ArgList, AttemptEnd, Command, KilledBy, Outcome, RenderJob, SpawnError, Stream, Work,
};
use crate::sys::child::Exit;

/// How long anything may take before a test gives it up.
const GUARD: Duration = Duration::from_secs(20);

/// The command line is the job's argument.
struct Verbatim;

impl RenderJob for Verbatim {
    fn prepare(&self, job: &Work, _slot: usize) -> Result<Command, SpawnError> {
        let line = job.args().get(0).ok_or("there is no command")?.to_vec();
        Ok(Command::of_line(line))
    }
}

/// An engine of one slot, which runs jobs as a plain run does.
pub(in crate::engine) fn config() -> Config {
    let limits = Limits {
        memory: 1 << 20,
        files: 4,
    };
    Config {
        slots: 1,
        prepare: Arc::new(Verbatim),
        stdin_transport: crate::exec::stdin::StdinTransport::Pipe,
        stdin_dir: crate::sys::temp::dir(),
        launch: Launch {
            named_inputs: false,
            slot_variable: "PARALLEL_JOBSLOT0".to_owned(),
            on_terminal: false,
            shell: shell("/bin/sh"),
            always_shell: false,
            warm: false,
            prelude: Vec::new(),
            epilogue: b"",
            env: environment(),
            cwd: std::env::current_dir().unwrap(),
            pwd: std::env::current_dir().unwrap(),
            has_workdirs: false,
            temporary: std::env::temp_dir(),
        },
        capture: Capture::Spool(SpoolDir::new(crate::sys::temp::dir(), limits)),
        remove_made_files: false,
        remove_empty_workdirs: false,
        nice: None,
        timeout: None,
        stdin: JobStdin::Empty,
        codec: None,
        tmux: None,
        one_by_one: false,
        term_seq: TermSeq::default(),
        watched: None,
        report_starts: false,
        shows_slots: false,
        begins: None,
    }
}

/// An engine of one worker, and what it says.
struct Local {
    // Before the guardian, which counts on an orderly end.
    pool: Pool,
    updates: Receiver<Update>,
    dir: tempfile::TempDir,
    _guardian: Guardian,
}

impl Drop for Local {
    fn drop(&mut self) {
        // A test that failed does not wait for what it left running.
        self.pool.order(Order::End(Which::All, KilledBy::User));
    }
}

/// What became of a command line.
#[derive(Debug, PartialEq, Eq)]
struct Ran {
    outcome: Outcome,
    stdout: String,
    stderr: String,
}

impl Local {
    fn new() -> Self {
        Self::with(|_| {})
    }

    fn with(change: impl FnOnce(&mut Config)) -> Self {
        Self::start(change, || ())
    }

    /// `on_start` is called by the worker when it has said that an attempt has started.
    fn start(
        change: impl FnOnce(&mut Config),
        on_start: impl Fn() + Send + Sync + 'static,
    ) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut config = config();
        change(&mut config);
        let guardian = Guardian::start(super::PROCESSES_PER_WORKER * config.slots, None).unwrap();
        let (send, updates) = unbounded();
        let tell = move |update: Update, _| {
            let started = matches!(update, Update::Started(_));
            drop(send.send(update));
            if started {
                on_start();
            }
        };
        Self {
            pool: super::start(config, &guardian, UpdateSender::new(tell)).unwrap(),
            updates,
            dir,
            _guardian: guardian,
        }
    }

    fn submit(&self, line: impl AsRef<[u8]>) {
        self.pool.run(vec![Attempt {
            number: 2,
            max: Some(3),
            ..Attempt::only(7, ArgList::single(line.as_ref().to_vec()))
        }]);
    }

    fn update(&self) -> Update {
        self.updates.recv_timeout(GUARD).expect("a update in time")
    }

    /// The end of the attempt, and its streamed output.
    fn end(&self) -> (Box<AttemptEnd>, Vec<(Stream, Vec<u8>)>) {
        let mut pieces = Vec::new();
        loop {
            match self.update() {
                Update::Ended(mut ends) => {
                    let end = ends.pop().expect("an end");
                    assert!(ends.is_empty(), "one was handed over");
                    return (end, pieces);
                }
                Update::Output(piece) => pieces.push((piece.stream, piece.bytes().to_vec())),
                Update::Started(_) | Update::DryRun(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    fn run(&self, line: impl AsRef<[u8]>) -> Ran {
        self.submit(line);
        ran(&self.end().0)
    }

    /// A FIFO of this name in the test's own folder.
    fn fifo(&self, name: &str) -> PathBuf {
        let path = self.dir.path().join(name);
        let mode = rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR;
        rustix::fs::mkfifoat(rustix::fs::CWD, &path, mode).unwrap();
        path
    }
}

fn ran(end: &AttemptEnd) -> Ran {
    let text = |captured: &Captured| String::from_utf8(captured.tail(u64::MAX).unwrap()).unwrap();
    Ran {
        outcome: end.outcome.clone(),
        stdout: text(&end.stdout),
        stderr: text(&end.stderr),
    }
}

fn exited(code: i32, stdout: &str) -> Ran {
    Ran {
        outcome: Outcome::Exited(code),
        stdout: stdout.to_owned(),
        stderr: String::new(),
    }
}

fn shell(path: &str) -> Shell {
    let wishes = Wishes {
        parallel_shell: Some(OsStr::new(path)),
        ..Wishes::default()
    };
    Shell::choose(wishes, []).unwrap()
}

fn environment() -> Vec<(std::ffi::OsString, std::ffi::OsString)> {
    [
        ("PATH", "/usr/bin:/bin"),
        ("PARALLEL_PID", "42"),
        ("PARALLEL_SEQ", "of an outer run"),
        ("ODD", "a 'b' $c"),
    ]
    .map(|(name, value)| (name.into(), value.into()))
    .to_vec()
}

/// What the shell itself says about `line`.
fn the_shell_alone(line: &str) -> Ran {
    let output = std::process::Command::new("/bin/sh")
        .args(["-c", line])
        .env_clear()
        .envs(environment())
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    Ran {
        outcome: Outcome::Exited(output.status.code().unwrap()),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// Waits until process `pid` is no more, or only waits to be reaped by its new parent.
fn await_death(pid: &str) {
    let lives = || {
        let stat = fs::read_to_string(format!("/proc/{}/stat", pid.trim()));
        stat.is_ok_and(|stat| !stat.contains(") Z ") && !stat.contains(") X "))
    };
    let guard = Instant::now() + GUARD;
    while lives() {
        assert!(Instant::now() < guard, "{pid} lives");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn collect(pieces: &[(Stream, Vec<u8>)], stream: Stream) -> Vec<u8> {
    let of_stream = pieces.iter().filter(|piece| piece.0 == stream);
    of_stream.flat_map(|piece| piece.1.clone()).collect()
}

#[test]
fn a_job_ends_as_its_process_does() {
    let local = Local::new();
    assert_eq!(local.run("echo a; exit 3"), exited(3, "a\n"));
    assert_eq!(local.run("true"), exited(0, ""));
    assert_eq!(local.run("/bin/false"), exited(1, ""));
    assert_eq!(local.run(""), exited(0, ""));
    for (line, signal) in [
        ("kill -9 $$", libc::SIGKILL),
        ("kill -TERM $$", libc::SIGTERM),
    ] {
        assert_eq!(local.run(line).outcome, Outcome::Signaled(signal));
    }
    let both = local.run("echo out; echo err >&2; printf '\\0'");
    assert_eq!((&both.stdout[..], &both.stderr[..]), ("out\n\0", "err\n"));
}

#[test]
fn the_end_tells_who_it_was_and_what_it_cost() {
    let local = Local::with(|config| config.report_starts = true);
    let before = SystemTime::now();
    local.submit("/bin/echo x");
    let Update::Started(start) = local.update() else {
        panic!("it has not started");
    };
    let (end, _) = local.end();
    assert_eq!(
        (end.job.seq, end.job.attempt, end.job.slot()),
        (7, 2, Some(1))
    );
    assert_eq!(end.attempts_max, Some(3));
    assert!(end.job.pid() > Some(1) && start.job.pid() == end.job.pid());
    assert_eq!(end.job.command.task.line, b"/bin/echo x");
    let argv = end.job.argv().unwrap();
    assert_eq!(argv.iter().collect::<Vec<_>>(), [&b"/bin/echo"[..], b"x"]);
    assert!(before <= end.queued_at && end.queued_at <= end.started_at());
    assert!(end.started_at() <= end.ended_at && end.started_at() == start.started_at);
    assert!(end.usage.counts.is_some());
}

#[test]
fn a_command_that_cannot_be_rendered_is_a_fatal_failure() {
    let local = Local::new();
    let mut attempts = vec![Attempt::only(1, ArgList::new())];
    local.pool.run(std::mem::take(&mut attempts));
    let why = SpawnError::fatal("there is no command");
    assert_eq!(local.end().0.outcome, Outcome::SpawnFailed(why));
}

#[test]
fn a_job_runs_into_its_time_limit() {
    let local = Local::with(|config| config.timeout = Some(Duration::from_millis(50)));
    let outcome = local.run("sleep 1000").outcome;
    assert_eq!(outcome, Outcome::TimedOut(Exit::Signal(libc::SIGTERM)));
    assert_eq!(local.run("echo next"), exited(0, "next\n"));
}

#[test]
fn whoever_ignores_term_is_killed() {
    let local = Local::with(|config| config.timeout = Some(Duration::from_millis(400)));
    let ran = local.run("trap '' TERM; echo deaf; while :; do sleep 1000; done");
    assert_eq!(ran.outcome, Outcome::TimedOut(Exit::Signal(libc::SIGKILL)));
    assert_eq!(ran.stdout, "deaf\n");
}

#[test]
fn a_kill_takes_children_down_that_hear_term_and_that_do_not() {
    for trap in ["", "trap '' TERM;"] {
        let local = Local::new();
        let fifo = local.fifo("pid");
        let child = format!("sh -c \"{trap} echo \\$\\$; exec sleep 1000\"");
        local.submit(format!("{child} > '{}' & wait", fifo.display()));
        // The child has the FIFO open until it dies: one line is enough to know that it is ready.
        let mut lines = io::BufReader::new(File::open(&fifo).unwrap());
        let mut child = String::new();
        io::BufRead::read_line(&mut lines, &mut child).unwrap();
        local.pool.order(Order::End(Which::All, KilledBy::Halt));
        let (end, _) = local.end();
        let by = KilledBy::Halt;
        let signal = Some(libc::SIGTERM);
        assert_eq!(end.outcome, Outcome::Cancelled { by, signal });
        await_death(&child);
        // Nothing is begun any more.
        let none = Outcome::Cancelled { by, signal: None };
        assert_eq!(local.run("echo x").outcome, none);
    }
}

#[test]
fn who_is_left_behind_delays_nobody_and_writes_into_no_other_job() {
    let local = Local::new();
    let (go, gone) = (local.fifo("go"), local.fifo("gone"));
    let line = format!(
        "(read x < '{}'; echo late; echo > '{}') & echo first",
        go.display(),
        gone.display()
    );
    // It does not end before it is told to, by the next job.
    assert_eq!(local.run(line), exited(0, "first\n"));
    let line = format!(
        "echo > '{}'; read x < '{}'; echo second",
        go.display(),
        gone.display()
    );
    assert_eq!(local.run(line), exited(0, "second\n"));
    assert_eq!(local.run("echo third"), exited(0, "third\n"));
}

#[test]
fn short_work_in_the_background_is_waited_for() {
    for capture in [None, Some(Capture::Stream)] {
        let local = Local::with(|config| {
            config.capture = capture.unwrap_or(config.capture.clone());
        });
        // A busy machine may be too slow for it now and then.
        let complete = (0..50).any(|_| {
            local.submit("(sleep 0.004; echo background) & :");
            let (end, pieces) = local.end();
            let streamed = String::from_utf8(collect(&pieces, Stream::Stdout)).unwrap();
            ran(&end).stdout + &streamed == "background\n"
        });
        assert!(complete);
    }
}

#[test]
fn much_output_arrives_whole() {
    for capture in [None, Some(Capture::Stream)] {
        let local = Local::with(|config| {
            config.capture = capture.unwrap_or(config.capture.clone());
        });
        local.submit("head -c 1000000 /dev/zero; head -c 200000 /dev/zero >&2");
        let (end, pieces) = local.end();
        for (stream, captured, len) in [
            (Stream::Stdout, &end.stdout, 1_000_000),
            (Stream::Stderr, &end.stderr, 200_000),
        ] {
            let mut bytes = captured.tail(u64::MAX).unwrap();
            bytes.extend(collect(&pieces, stream));
            assert_eq!(bytes.len(), len);
            assert!(bytes.iter().all(|&byte| byte == 0));
        }
    }
}

#[test]
fn streamed_output_comes_while_the_job_runs() {
    let local = Local::with(|config| config.capture = Capture::Stream);
    let fifo = local.fifo("go");
    local.submit(format!(
        "echo one; read x < '{}'; echo two >&2",
        fifo.display()
    ));
    let Update::Output(piece) = local.update() else {
        panic!("no output yet");
    };
    assert_eq!(
        (piece.stream, piece.bytes()),
        (Stream::Stdout, &b"one\n"[..])
    );
    assert_eq!(piece.job.seq, 7);
    fs::write(&fifo, "\n").unwrap();
    let (end, pieces) = local.end();
    assert_eq!(pieces, [(Stream::Stderr, b"two\n".to_vec())]);
    assert_eq!(end.outcome, Outcome::Exited(0));
}

#[test]
fn a_flood_of_streamed_output_hides_no_end() {
    let flood = |timeout| {
        Local::with(|config| {
            config.capture = Capture::Stream;
            config.timeout = timeout;
        })
    };
    let local = flood(Some(Duration::from_millis(100)));
    local.submit("yes");
    assert_eq!(
        local.end().0.outcome,
        Outcome::TimedOut(Exit::Signal(libc::SIGTERM)),
        "of a job that writes all the time"
    );
    let local = flood(None);
    local.submit("yes & exit 3");
    let left_behind = local.end().0.outcome;
    assert_eq!(
        left_behind,
        Outcome::Exited(3),
        "of a job that left a writer"
    );
    local.submit("setsid yes & exit 4");
    let escaped = local.end().0.outcome;
    assert_eq!(escaped, Outcome::Exited(4), "of a job whose writer escaped");
    local.submit("yes");
    assert!(matches!(local.update(), Update::Output(_)));
    local.pool.order(Order::End(Which::All, KilledBy::User));
    let (by, signal) = (KilledBy::User, Some(libc::SIGTERM));
    let killed = local.end().0.outcome;
    assert_eq!(killed, Outcome::Cancelled { by, signal });
}

#[test]
fn a_job_is_told_its_number_and_its_slot() {
    for line in [
        "/usr/bin/printenv PARALLEL_SEQ PARALLEL_JOBSLOT PARALLEL_PID ODD",
        "echo $PARALLEL_SEQ; echo $PARALLEL_JOBSLOT; echo $PARALLEL_PID; echo \"$ODD\"",
    ] {
        assert_eq!(Local::new().run(line), exited(0, "7\n1\n42\na 'b' $c\n"));
    }
}

#[test]
fn standard_input_is_empty() {
    let local = Local::new();
    assert_eq!(local.run("/bin/cat"), exited(0, ""));
    assert_eq!(
        local.run("/usr/bin/readlink /proc/self/fd/0"),
        exited(0, "/dev/null\n")
    );
}

#[test]
fn signals_are_as_a_new_program_expects_them() {
    let local = Local::new();
    for line in ["grep ^Sig /proc/self/status", "exec cat /proc/$$/status"] {
        let ran = local.run(line);
        let mask = |name: &str| {
            let line = ran.stdout.lines().find(|line| line.starts_with(name));
            u64::from_str_radix(line.unwrap().split_whitespace().nth(1).unwrap(), 16).unwrap()
        };
        assert_eq!(mask("SigBlk"), 0);
        assert_eq!(mask("SigIgn") & (1 << (libc::SIGPIPE - 1)), 0);
    }
    assert_eq!(local.run("yes | head -n1"), exited(0, "y\n"));
}

#[test]
fn a_job_has_no_descriptor_of_fanouts() {
    let inherited = inherited_descriptors();
    for capture in [None, Some(Capture::Stream)] {
        let local = Local::with(|config| {
            config.capture = capture.unwrap_or(config.capture.clone());
        });
        // The pattern's own descriptor is gone when the loop begins.
        local.submit("for f in /proc/$$/fd/*; do [ -L $f ] && echo ${f##*/}; done");
        let (end, pieces) = local.end();
        let mut text = ran(&end).stdout;
        text += &String::from_utf8(collect(&pieces, Stream::Stdout)).unwrap();
        let mut descriptors: Vec<u32> = text.lines().map(|line| line.parse().unwrap()).collect();
        descriptors.sort_unstable();
        let expected = |fd: &u32| *fd <= 2 || inherited.contains(fd);
        assert!(descriptors.iter().all(expected), "{descriptors:?}");
        assert!(descriptors.starts_with(&[0, 1, 2]), "{descriptors:?}");
    }
}

/// What the tests themselves were started with and every program inherits.
fn inherited_descriptors() -> Vec<u32> {
    let entries = fs::read_dir("/proc/self/fdinfo").unwrap().flatten();
    let survives = |entry: &fs::DirEntry| {
        let info = fs::read_to_string(entry.path()).unwrap_or_default();
        let flags = info.lines().find_map(|line| line.strip_prefix("flags:"));
        flags.is_some_and(|flags| {
            let flags = i32::from_str_radix(flags.trim(), 8).unwrap();
            flags & libc::O_CLOEXEC == 0
        })
    };
    entries
        .filter(survives)
        .map(|entry| entry.file_name().to_str().unwrap().parse().unwrap())
        .collect()
}

#[test]
fn without_a_shell_it_is_the_same() {
    let folder = tempfile::tempdir().unwrap();
    let script = folder.path().join("script");
    let executable = |path: &Path, text: &str| {
        fs::write(path, text).unwrap();
        let mode = std::os::unix::fs::PermissionsExt::from_mode(0o755);
        fs::set_permissions(path, mode).unwrap();
    };
    executable(&script, "#!/bin/sh\necho \"$0:$#:$1\"\nexit 9\n");
    let no_interpreter = folder.path().join("no-interpreter");
    executable(&no_interpreter, "#!/nonexistent/interpreter\n");
    let (script, no_interpreter) = (script.display(), no_interpreter.display());
    let lines = [
        ("/usr/bin/printf %s- a 'b c' ''".to_owned(), true),
        ("ls /nonexistent".to_owned(), true),
        ("cat /dev/null".to_owned(), true),
        ("env".to_owned(), true),
        ("readlink /proc/self/cwd".to_owned(), true),
        ("head -c 3 /dev/zero".to_owned(), true),
        (format!("'{script}' 'x  y'"), true),
        (no_interpreter.to_string(), false),
        ("no-such-program x".to_owned(), false),
        ("/nonexistent/program".to_owned(), false),
        ("/etc/passwd".to_owned(), false),
        ("echo a b".to_owned(), false),
        ("cat < /dev/null; echo $?".to_owned(), false),
    ];
    for path in ["/bin/sh", "/bin/bash"] {
        let [short, long] = [false, true].map(|always_shell| {
            Local::with(|config| {
                config.launch.shell = shell(path);
                config.launch.always_shell = always_shell;
            })
        });
        for (line, direct) in &lines {
            short.submit(line);
            long.submit(line);
            let ([mine, shells], argv) = {
                let ((mine, _), (shells, _)) = (short.end(), long.end());
                assert_eq!(shells.job.argv(), None);
                (
                    [ran(&mine), ran(&shells)].map(sorted),
                    mine.job.argv().cloned(),
                )
            };
            assert_eq!(mine, shells, "{path}: {line}");
            // A program that was found but cannot be executed has been in the shell after all.
            assert_eq!(argv.is_some(), *direct, "{path}: {line}");
        }
    }
}

/// With its lines in order: an environment has none.
fn sorted(mut ran: Ran) -> Ran {
    let mut lines: Vec<_> = ran.stdout.split_inclusive('\n').collect();
    lines.sort_unstable();
    ran.stdout = lines.concat();
    ran
}

#[test]
fn the_shell_says_what_is_wrong_with_a_program() {
    let local = Local::new();
    for line in ["no-such-program x", "/nonexistent/y", "/etc/passwd"] {
        let ran = local.run(line);
        assert_eq!(ran, the_shell_alone(line));
        assert!(matches!(ran.outcome, Outcome::Exited(126 | 127)));
        assert!(ran.stderr.contains(line.split(' ').next().unwrap()));
    }
}

#[test]
fn a_command_line_that_is_too_long_is_a_fatal_failure() {
    for (line, capture) in [("/bin/echo ", Capture::Inherit), (": ", Capture::Stream)] {
        let local = Local::with(|config| config.capture = capture);
        local.submit(line.to_owned() + &"x".repeat(200_000));
        let (end, _) = local.end();
        let Outcome::SpawnFailed(error) = &end.outcome else {
            panic!("{:?}", end.outcome);
        };
        assert!(error.fatal);
        let bytes = format!("({} bytes) at job 7: {line}xxx", line.len() + 200_000);
        assert!(error.why.contains(&bytes), "{}", error.why);
        assert!(error.why.len() < 200);
        assert_eq!(end.job.pid(), None);
    }
}

#[test]
fn output_that_cannot_be_kept_is_a_fatal_failure() {
    let limits = Limits {
        memory: 0,
        files: 0,
    };
    let local = Local::with(|config| {
        config.capture = Capture::Spool(SpoolDir::new("/nonexistent/folder".into(), limits));
    });
    let outcome = local.run("echo x").outcome;
    let Outcome::SpawnFailed(SpawnError {
        why, fatal: true, ..
    }) = outcome
    else {
        panic!("{outcome:?}");
    };
    assert!(why.contains("/nonexistent"), "{why}");
}

#[test]
fn a_panic_while_a_job_runs_leaves_no_process_and_no_output() {
    let (wrote, has_written) = unbounded();
    let on_start = move || {
        if has_written.recv_timeout(GUARD).unwrap() {
            resume_unwind(Box::new("a panic that prints nothing"));
        }
    };
    let local = Local::start(|config| config.report_starts = true, on_start);
    let fifo = local.fifo("wrote");
    local.submit(format!("echo stale; : > '{}'; sleep 1000", fifo.display()));
    fs::read(&fifo).unwrap();
    wrote.send(true).unwrap();
    let Update::Started(start) = local.update() else {
        panic!("it has not started");
    };
    assert_eq!(local.end().0.outcome, Outcome::Lost(None));
    await_death(&start.job.pid().unwrap().to_string());
    wrote.send(false).unwrap();
    assert_eq!(local.run("echo fresh"), exited(0, "fresh\n"));
}
