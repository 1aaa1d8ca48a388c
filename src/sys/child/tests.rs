use std::ffi::CString;
use std::fs::File;
use std::io::Write as _;
use std::os::fd::AsFd as _;
use std::sync::atomic::Ordering;

use super::*;
use crate::sys::env_block::{ArgBlock, EnvBlock};
use crate::sys::guardian::Guardian;
use crate::sys::spawn::{Program, Spawner};

const GUARD: Duration = Duration::from_secs(20);

/// A place to start processes from, with a guardian of its own.
struct Nursery {
    guardian: Guardian,
    spawner: Spawner,
}

impl Nursery {
    fn new() -> Self {
        let guardian = Guardian::start(1, None).unwrap();
        let spawner = Spawner::new(guardian.ward(0));
        Self { guardian, spawner }
    }

    fn start(&mut self, words: &[&str], stdout: Option<BorrowedFd>) -> io::Result<Child> {
        let mut args = ArgBlock::default();
        args.fill(words.iter().map(|word| word.as_bytes()));
        let env = EnvBlock::new([("PATH".into(), "/usr/bin:/bin".into())], &[]);
        let null = File::open("/dev/null").unwrap();
        self.spawner.spawn(&Program {
            path: &CString::new(words[0]).unwrap(),
            args: &args,
            env: &env,
            stdin: null.as_fd(),
            stdout,
            stderr: None,
            cwd: None,
            keeps_group: false,
            more: &[],
            job: 0,
        })
    }

    fn sh(&mut self, line: &str) -> Child {
        self.start(&["/bin/sh", "-c", line], None).unwrap()
    }

    fn guarded(&self) -> i32 {
        self.guardian.ward(0).cell().load(Ordering::Acquire)
    }
}

fn in_time() -> Instant {
    Instant::now() + GUARD
}

/// Waits until nobody in process group `group` lives; a container's init may leave its dead lie about.
fn await_end_of(group: i32) {
    let lives = |stat: &str| {
        let after_name = stat.rsplit(')').next().unwrap();
        let fields: Vec<_> = after_name.split_whitespace().collect();
        fields[2] == group.to_string() && !matches!(fields[0], "Z" | "X")
    };
    let anybody = || {
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let mut stats =
            processes.flat_map(|process| std::fs::read_to_string(process.path().join("stat")));
        stats.any(|stat| stat.contains(')') && lives(&stat))
    };
    let guard = in_time();
    while anybody() {
        assert!(Instant::now() < guard, "group {group} lives");
        std::thread::sleep(Duration::from_millis(1));
    }
}

fn exit_of(child: Child) -> Exit {
    assert_eq!(
        child.wait(None, &[], Some(in_time())).unwrap(),
        Waited::Ended
    );
    child.reap().unwrap().exit
}

#[test]
fn it_tells_how_a_process_ended() {
    let mut nursery = Nursery::new();
    for (line, exit) in [
        ("exit 0", Exit::Code(0)),
        ("exit 255", Exit::Code(255)),
        ("kill -TERM $$", Exit::Signal(libc::SIGTERM)),
        ("kill -KILL $$", Exit::Signal(libc::SIGKILL)),
    ] {
        let child = nursery.sh(line);
        assert_eq!(exit_of(child), exit, "{line}");
    }
}

#[test]
fn a_program_that_cannot_be_executed_leaves_an_error_and_nothing_else() {
    let mut nursery = Nursery::new();
    for (path, errno) in [
        ("/nonexistent/program", libc::ENOENT),
        ("/etc/passwd", libc::EACCES),
        ("/", libc::EACCES),
    ] {
        let error = nursery.start(&[path], None).unwrap_err();
        assert_eq!(error.raw_os_error(), Some(errno), "{path}");
        assert_eq!(nursery.guarded(), 0);
    }
    let long = "x".repeat(1 << 20);
    let error = nursery.start(&["/bin/true", &long], None).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(libc::E2BIG));
    let child = nursery.sh("exit 3");
    assert_eq!(exit_of(child), Exit::Code(3));
}

#[test]
fn a_wait_ends_for_every_reason_and_the_end_is_not_hidden_by_data() {
    let mut nursery = Nursery::new();
    let (reader, mut writer) = io::pipe().unwrap();
    let wake = Wake::new().unwrap();
    let child = nursery.sh("exec sleep 1000");
    let wait = |deadline| child.wait(Some(&wake), &[PollFor::Read(reader.as_fd())], deadline);
    assert_eq!(wait(Some(Instant::now())).unwrap(), Waited::TimedOut);
    writer.write_all(b"x").unwrap();
    assert_eq!(wait(None).unwrap(), Waited::Readable);
    assert_eq!(wait(Some(in_time())).unwrap(), Waited::Readable);
    assert_eq!(wait(Some(Instant::now())).unwrap(), Waited::TimedOut);
    wake.ring();
    assert_eq!(wait(None).unwrap(), Waited::Rung);
    wake.reset();
    child.signal(libc::SIGTERM);
    let guard = in_time();
    while wait(Some(in_time())).unwrap() != Waited::Ended {
        assert!(Instant::now() < guard);
    }
    assert_eq!(wait(Some(Instant::now())).unwrap(), Waited::Ended);
    assert_eq!(child.reap().unwrap().exit, Exit::Signal(libc::SIGTERM));
}

#[test]
fn a_process_leads_a_group_that_is_guarded_while_it_runs() {
    let mut nursery = Nursery::new();
    let child = nursery.sh("exec sleep 1000");
    let pid = child.pid();
    assert_eq!(nursery.guarded(), pid);
    // SAFETY: only asks.
    assert_eq!(unsafe { libc::getpgid(pid) }, pid);
    child.signal(libc::SIGKILL);
    let reaped = child.reap().unwrap();
    assert_eq!(reaped.exit, Exit::Signal(libc::SIGKILL));
    assert_eq!(nursery.guarded(), 0);
    assert!(!reaped.group.has_members());
    assert!(reaped.group.gone_before(Instant::now()));
}

#[test]
fn a_group_outlives_its_leader() {
    let mut nursery = Nursery::new();
    let child = nursery.sh("sleep 1000 & exit 5");
    let pid = child.pid();
    child.wait(None, &[], Some(in_time())).unwrap();
    let reaped = child.reap().unwrap();
    assert_eq!(reaped.exit, Exit::Code(5));
    assert!(reaped.group.has_members());
    assert!(!reaped.group.gone_before(Instant::now()));
    reaped.group.signal(libc::SIGKILL);
    await_end_of(pid);
}

#[test]
fn the_guardian_kills_what_runs_when_fanout_is_gone() {
    let mut nursery = Nursery::new();
    let child = nursery.sh("exec sleep 1000");
    drop(nursery.guardian);
    assert_eq!(exit_of(child), Exit::Signal(libc::SIGKILL));
}

#[test]
fn a_child_that_nobody_waits_for_is_taken_down() {
    let mut nursery = Nursery::new();
    let child = nursery.sh("sleep 1000 & sleep 1000");
    let pid = child.pid();
    drop(child);
    await_end_of(pid);
    assert_eq!(nursery.guarded(), 0);
}

#[test]
fn output_goes_where_it_is_sent_and_costs_are_counted() {
    let mut nursery = Nursery::new();
    let mut file = tempfile::tempfile().unwrap();
    let line = [
        "/bin/sh",
        "-c",
        "echo $0 $PATH; i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done",
    ];
    let child = nursery.start(&line, Some(file.as_fd())).unwrap();
    child.wait(None, &[], Some(in_time())).unwrap();
    let usage = child.reap().unwrap().usage;
    assert!(usage.user + usage.sys > Duration::ZERO && usage.counts.is_some());
    let mut text = String::new();
    io::Seek::rewind(&mut file).unwrap();
    io::Read::read_to_string(&mut file, &mut text).unwrap();
    assert_eq!(text, "/bin/sh /usr/bin:/bin\n");
}

#[test]
fn a_peak_that_may_be_our_own_is_not_known() {
    let own = own_peak();
    assert!(own > 100_000);
    assert_eq!([0, own / 2, own].map(not_inherited), [None; 3]);
    assert_eq!(not_inherited(u64::MAX), Some(u64::MAX));
}

#[test]
fn waiting_times_are_rounded_up() {
    assert_eq!(timeout_ms(None), -1);
    assert_eq!(timeout_ms(Some(Instant::now())), 0);
    let soon = timeout_ms(Some(Instant::now() + Duration::from_micros(900)));
    assert!((0..=1).contains(&soon));
    let late = Instant::now() + Duration::from_secs(1 << 40);
    assert_eq!(timeout_ms(Some(late)), c_int::MAX);
}
