//! A million jobs of all kinds in one run: what it holds is at the end what it was at the start.

use std::fs;
use std::io::{self, BufRead as _, BufReader, Read, Write as _};
use std::process::{ChildStdout, Command, Stdio};
use std::thread;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::support::HANG_GUARD;
use crate::support::run::Run;

const JOBS: u64 = 1_000_000;
/// Bytes of the largest outputs: more than is kept in memory of one job.
const BIG: usize = 300_000;

/// The command line of job number `number`, and what it prints.
fn job(number: u64) -> (String, String) {
    match number % 20_000 {
        7 => (
            format!("head -c {BIG} /dev/zero | tr '\\0' x; echo"),
            "x".repeat(BIG) + "\n",
        ),
        n if n % 1_000 == 1 => (format!("/bin/echo {number}"), format!("{number}\n")),
        n if n % 1_000 == 2 => (
            format!("sh -c 'echo {number}; exit 3'"),
            format!("{number}\n"),
        ),
        n if n % 50 == 3 => (format!("echo {number}; false"), format!("{number}\n")),
        n if n % 50 == 4 => (
            format!("echo {number}; echo {number} >&2"),
            format!("{number}\n"),
        ),
        n if n % 10 == 5 => ("true".to_owned(), String::new()),
        n if n % 10 == 6 => (
            format!("[ {number} -gt 0 ] && echo {number}"),
            format!("{number}\n"),
        ),
        _ => (format!("echo {number}"), format!("{number}\n")),
    }
}

/// The output of a fanout that is to go on printing.
struct Guarded(ChildStdout);

impl Read for Guarded {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let limit = Timespec::try_from(HANG_GUARD).unwrap();
        let ready = poll(&mut [PollFd::new(&self.0, PollFlags::IN)], Some(&limit))?;
        assert_ne!(ready, 0, "nothing was printed for {HANG_GUARD:?}");
        self.0.read(into)
    }
}

/// What a process holds.
#[derive(Debug)]
struct Held {
    /// In kB.
    memory: u64,
    descriptors: usize,
    threads: usize,
}

impl Held {
    fn by(pid: u32) -> Self {
        let count = |folder: &str| {
            fs::read_dir(format!("/proc/{pid}/{folder}"))
                .unwrap()
                .count()
        };
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        Self {
            memory: line
                .unwrap()
                .trim()
                .trim_end_matches(" kB")
                .parse()
                .unwrap(),
            descriptors: count("fd"),
            threads: count("task"),
        }
    }
}

#[test]
fn a_million_jobs_leave_memory_descriptors_and_threads_as_they_were() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_fanout"));
    command
        .args([
            "-k",
            "-j2",
            "--retries",
            "2",
            "--no-summary",
            "--joblog",
            "log",
        ])
        .current_dir(folder.path())
        .env_remove("PARALLEL")
        .envs([
            ("LC_ALL", "C"),
            ("SHELL", "/bin/bash"),
            ("PARALLEL_SHELL", "/bin/bash"),
        ])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut run = Run::start(command);
    let mut inputs = run.stdin();
    let written = thread::spawn(move || {
        for number in 1..=JOBS {
            writeln!(inputs, "{}", job(number).0).unwrap();
        }
    });
    let began = Instant::now();
    let mut printed = BufReader::with_capacity(1 << 20, Guarded(run.stdout()));
    let (mut line, mut at_first, mut failed) = (String::new(), None, 0_u64);
    for number in 1..=JOBS {
        let (typed, want) = job(number);
        failed += u64::from(typed.contains("false") || typed.contains("exit 3"));
        if !want.is_empty() {
            line.clear();
            printed.read_line(&mut line).unwrap();
            assert!(line == want, "job {number}: {typed} printed {line:.80}");
        }
        match (number, &at_first) {
            (50_000, _) => at_first = Some(Held::by(run.pid())),
            (990_000, Some(first)) => is_no_more(first, &Held::by(run.pid())),
            _ => {}
        }
    }
    written.join().unwrap();
    assert_eq!(
        run.wait().code(),
        Some(101),
        "the number of jobs that fail, or 101"
    );
    let log = BufReader::new(fs::File::open(folder.path().join("log")).unwrap());
    let ends = log.split(b'\n').skip(1).map(|line| {
        let line = line.unwrap();
        line.split(|&byte| byte == b'\t').nth(6).unwrap() == b"0"
    });
    let (mut all, mut well) = (0, 0);
    ends.for_each(|end| {
        all += 1;
        well += u64::from(end);
    });
    assert_eq!((all, well), (JOBS, JOBS - failed), "jobs in the joblog");
    eprintln!("{JOBS} jobs took {:.1?}", began.elapsed());
}

fn is_no_more(first: &Held, last: &Held) {
    eprintln!("at the start {first:?}, at the end {last:?}");
    assert!(
        last.memory < first.memory + 16_000,
        "memory grows: {first:?}, {last:?}"
    );
    assert_eq!(last.threads, first.threads, "threads");
    // A job more or less that is being started or ends.
    assert!(
        last.descriptors <= first.descriptors + 8,
        "descriptors: {first:?}, {last:?}"
    );
}
