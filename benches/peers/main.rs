//! Whole processes against their peers, on this machine, in this run: `cargo bench --bench peers`.
//!
//! Programs are run in turn (A B C, A B C, …), so that whatever disturbs the machine disturbs all of
//! them; the table shows medians, and the median of the ratios within each turn. An argument keeps the
//! rows whose name has that text: `cargo bench --bench peers -- start-up`.
//!
//! The limit is part of this file: a bare loop of `posix_spawn` and `waitpid` over the very same
//! command lines. This program re-executes itself for it, so that it is a process like the others.

#![allow(unsafe_code, clippy::unwrap_used, clippy::expect_used)]
#![allow(clippy::format_collect, clippy::format_push_string)]
#![allow(missing_docs)]

mod commands;

use std::ffi::{CString, OsString};
use std::fs::{self, File};
use std::io::{BufWriter, Write as _};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Instant;
use std::{env, io, ptr, thread};

const FANOUT: &str = env!("CARGO_BIN_EXE_fanout");
const PARALLEL: &str = "parallel";
/// Counted turns, after one that warms up.
const TURNS: usize = 7;
const JOBS: usize = 5_000;
/// GNU parallel is so much slower that it is given fewer jobs; its rate is of those.
const JOBS_FOR_GNU: usize = 300;

fn main() {
    let args: Vec<String> = env::args().collect();
    match args.get(1).map(String::as_str) {
        Some("__spawn-loop") => {
            return spawn_loop(args[2].parse().unwrap(), args[3].parse().unwrap());
        }
        Some("__now") => return println!("{}", monotonic_ns()),
        _ => {}
    }
    let filter = args
        .iter()
        .skip(1)
        .find(|arg| !arg.starts_with('-'))
        .cloned()
        .unwrap_or_default();
    let scratch = tempfile::tempdir().unwrap();
    let bench = Bench::new(scratch.path());
    println!("| measured | fanout | peer | the peer's | fanout : peer |");
    println!("|---|---:|---|---:|---:|");
    for (name, measure) in ROWS {
        if filter.is_empty() || name.contains(&*filter) {
            measure(&bench, name);
        }
    }
    println!("\n{}", bench.machine());
}

type Row = (&'static str, fn(&Bench, &str));

const ROWS: &[Row] = &[
    ("jobs per second", jobs_per_second),
    ("one job, whole run", one_job),
    ("start-up to first job", start_up),
    ("1,000,000 dry jobs", dry_run),
    ("memory and number of jobs", memory),
    ("builtins", commands::builtins),
    ("policies", commands::policies),
    ("scale", commands::scale),
    ("slot gap", commands::slot_gap),
    ("output", commands::output),
    ("pipe", commands::pipe),
    ("pipepart", commands::pipepart),
    ("reduce", commands::reduce),
];

/// What the rows share: the machine, and which peers are here.
struct Bench {
    cores: usize,
    scratch: PathBuf,
    missing: Vec<&'static str>,
}

impl Bench {
    fn new(scratch: &Path) -> Self {
        let cores = thread::available_parallelism().unwrap().get();
        let missing = ["xargs", PARALLEL, "rust-parallel", "xe"]
            .into_iter()
            .filter(|peer| find(peer).is_none())
            .collect();
        fs::create_dir_all(scratch.join(".parallel")).unwrap();
        fs::write(scratch.join(".parallel/will-cite"), "").unwrap();
        Self {
            cores,
            scratch: scratch.to_owned(),
            missing,
        }
    }

    fn has(&self, peer: &str) -> bool {
        !self.missing.contains(&peer)
    }

    /// A file with the lines 1 to `count`.
    fn lines(&self, count: usize) -> PathBuf {
        let path = self.scratch.join(format!("lines-{count}"));
        if !path.exists() {
            // Not all at once: the memory of this process counts as that of those it starts.
            let mut file = BufWriter::new(File::create(&path).unwrap());
            for number in 1..=count {
                writeln!(file, "{number}").unwrap();
            }
            file.flush().unwrap();
        }
        path
    }

    /// A peer that is run with `lines` on stdin and all its output thrown away.
    fn peer(&self, name: &str, program: &str, args: &[&str], lines: usize) -> Peer {
        Peer {
            name: name.to_owned(),
            program: program.into(),
            args: args.iter().map(Into::into).collect(),
            stdin: (lines > 0).then(|| self.lines(lines)),
            home: self.scratch.clone(),
            jobs: lines.max(1),
        }
    }

    fn machine(&self) -> String {
        let kernel = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
        let today = jiff::Timestamp::now().strftime("%F");
        let mut line = format!(
            "{} cores, Linux {}, {today}; medians of {TURNS} turns.",
            self.cores,
            kernel.trim()
        );
        if !self.missing.is_empty() {
            line += &format!(" Not installed here: {}.", self.missing.join(", "));
        }
        line
    }
}

/// A command line and its input.
struct Peer {
    name: String,
    program: OsString,
    args: Vec<OsString>,
    stdin: Option<PathBuf>,
    home: PathBuf,
    jobs: usize,
}

/// What one run took.
#[derive(Clone, Copy)]
struct Taken {
    seconds: f64,
    peak_bytes: f64,
}

impl Peer {
    fn run(&self) -> Taken {
        let stdin = self
            .stdin
            .as_ref()
            .map_or(Stdio::null(), |path| File::open(path).unwrap().into());
        let mut command = Command::new(&self.program);
        command
            .args(&self.args)
            .env("HOME", &self.home)
            .env("PARALLEL_SHELL", "/bin/sh");
        command
            .stdin(stdin)
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let begin = Instant::now();
        let (status, peak_bytes) = wait4(&command.spawn().unwrap());
        let seconds = begin.elapsed().as_secs_f64();
        assert!(status.success(), "{} {:?}: {status}", self.name, self.args);
        Taken {
            seconds,
            peak_bytes,
        }
    }
}

/// Runs all `peers` in turn; what each took in each turn.
fn in_turn(peers: &[Peer], turns: usize) -> Vec<Vec<Taken>> {
    let mut taken = vec![Vec::new(); peers.len()];
    for turn in 0..=turns {
        for (peer, taken) in peers.iter().zip(&mut taken) {
            let once = peer.run();
            if turn > 0 {
                taken.push(once);
            }
        }
    }
    taken
}

fn jobs_per_second(bench: &Bench, row: &str) {
    let cores = bench.cores.to_string();
    let this = env::current_exe().unwrap();
    let this = this.to_str().unwrap();
    let count = JOBS.to_string();
    let mut peers = vec![
        bench.peer("fanout", FANOUT, &["-j", &cores, "/bin/true", "{}"], JOBS),
        bench.peer(
            "bare posix_spawn loop, 1 thread",
            this,
            &["__spawn-loop", "1", &count],
            0,
        ),
        bench.peer(
            &format!("bare posix_spawn loop, {cores} threads"),
            this,
            &["__spawn-loop", &cores, &count],
            0,
        ),
    ];
    if bench.has("xargs") {
        peers.push(bench.peer(
            "xargs -P -n 1",
            "xargs",
            &["-P", &cores, "-n", "1", "/bin/true"],
            JOBS,
        ));
    }
    if bench.has("rust-parallel") {
        peers.push(bench.peer(
            "rust-parallel",
            "rust-parallel",
            &["-j", &cores, "/bin/true"],
            JOBS,
        ));
    }
    if bench.has("xe") {
        peers.push(bench.peer("xe", "xe", &["-j", &cores, "/bin/true", "{}"], JOBS));
    }
    if bench.has(PARALLEL) {
        let name = format!("GNU parallel ({JOBS_FOR_GNU} jobs)");
        peers.push(bench.peer(
            &name,
            PARALLEL,
            &["-j", &cores, "/bin/true", "{}"],
            JOBS_FOR_GNU,
        ));
    }
    for loop_peer in &mut peers[1..=2] {
        loop_peer.jobs = JOBS;
    }
    let taken = in_turn(&peers, TURNS);
    let rates: Vec<Vec<f64>> = peers
        .iter()
        .zip(&taken)
        .map(|(peer, taken)| {
            taken
                .iter()
                .map(|once| peer.jobs as f64 / once.seconds)
                .collect()
        })
        .collect();
    let row = format!("{row}: {JOBS} × `/bin/true N`, grouped");
    // Of the two loops, the faster one is the limit.
    let slower = if median(&rates[1]) < median(&rates[2]) {
        1
    } else {
        2
    };
    for (at, (peer, theirs)) in peers.iter().zip(&rates).enumerate().skip(1) {
        if at != slower {
            print_row(&row, &rates[0], &peer.name, theirs, |rate| {
                format!("{rate:.0}")
            });
        }
    }
}

fn one_job(bench: &Bench, row: &str) {
    const MANY: usize = 60;
    let mut peers = vec![
        bench.peer("fanout", FANOUT, &["/bin/true", "{}"], 1),
        bench.peer("`/bin/true 1` alone", "/bin/true", &["1"], 0),
    ];
    if bench.has("xargs") {
        peers.push(bench.peer(
            "xargs -P -n 1",
            "xargs",
            &["-P", "2", "-n", "1", "/bin/true"],
            1,
        ));
    }
    if bench.has(PARALLEL) {
        peers.push(bench.peer("GNU parallel", PARALLEL, &["/bin/true", "{}"], 1));
    }
    let taken = in_turn(&peers, MANY);
    let times: Vec<Vec<f64>> = taken
        .iter()
        .map(|taken| taken.iter().map(|once| once.seconds * 1e3).collect())
        .collect();
    for (peer, theirs) in peers.iter().zip(&times).skip(1) {
        print_row(row, &times[0], &peer.name, theirs, |ms| {
            format!("{ms:.2} ms")
        });
    }
}

/// From just before fanout is started to the first line of its first job's main function.
fn start_up(_: &Bench, row: &str) {
    let this = env::current_exe().unwrap();
    let until_job = |program: &Path, args: &[&str]| {
        let begin = monotonic_ns();
        let output = Command::new(program)
            .args(args)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let job: u64 = String::from_utf8(output.stdout)
            .unwrap()
            .trim()
            .parse()
            .unwrap();
        (job - begin) as f64 / 1e6
    };
    let (mut ours, mut bare) = (Vec::new(), Vec::new());
    for _ in 0..60 {
        ours.push(until_job(
            Path::new(FANOUT),
            &[this.to_str().unwrap(), "{}", ":::", "__now"],
        ));
        bare.push(until_job(&this, &["__now"]));
    }
    print_row(row, &ours, "the job started by hand", &bare, |ms| {
        format!("{ms:.2} ms")
    });
}

fn dry_run(bench: &Bench, row: &str) {
    const COUNT: usize = 1_000_000;
    const COUNT_FOR_GNU: usize = 5_000;
    let args = ["--dry-run", "echo", "{}", "{.}", "{#}"];
    let mut peers = vec![bench.peer("fanout", FANOUT, &args, COUNT)];
    if bench.has(PARALLEL) {
        peers.push(bench.peer("GNU parallel", PARALLEL, &args, COUNT_FOR_GNU));
    }
    let taken = in_turn(&peers, 3);
    let seconds = |taken: &[Taken], scale: f64| {
        taken
            .iter()
            .map(|once| once.seconds * scale)
            .collect::<Vec<_>>()
    };
    let peaks = |taken: &[Taken]| taken.iter().map(|once| once.peak_bytes).collect::<Vec<_>>();
    let ours = seconds(&taken[0], 1.0);
    let scale = COUNT as f64 / COUNT_FOR_GNU as f64;
    let (name, theirs, their_peaks) = match taken.get(1) {
        Some(gnu) => (
            format!("GNU parallel ({COUNT_FOR_GNU} jobs, time × {scale})"),
            seconds(gnu, scale),
            peaks(gnu),
        ),
        None => ("—".to_owned(), Vec::new(), Vec::new()),
    };
    print_row(&format!("{row}, time"), &ours, &name, &theirs, |seconds| {
        format!("{seconds:.2} s")
    });
    print_row(
        &format!("{row}, peak memory"),
        &peaks(&taken[0]),
        &name,
        &their_peaks,
        mebibytes,
    );
}

fn memory(bench: &Bench, row: &str) {
    let cores = bench.cores.to_string();
    let args = ["-j", &cores, "/bin/true", "{}"];
    let runs = [
        bench.peer("many", FANOUT, &args, 20_000),
        bench.peer("few", FANOUT, &args, 1_000),
    ];
    let peaks: Vec<Vec<f64>> = in_turn(&runs, 3)
        .iter()
        .map(|taken| taken.iter().map(|once| once.peak_bytes).collect())
        .collect();
    let row = format!("{row}: peak of 20,000 real jobs");
    print_row(&row, &peaks[0], "fanout, 1,000 jobs", &peaks[1], mebibytes);
}

/// One line of the table; `theirs` may be empty, where there is no peer.
fn print_row(row: &str, ours: &[f64], peer: &str, theirs: &[f64], show: impl Fn(f64) -> String) {
    let ratios: Vec<f64> = ours
        .iter()
        .zip(theirs)
        .map(|(ours, theirs)| ours / theirs)
        .collect();
    let (theirs, ratio) = match median(theirs) {
        Some(theirs) => {
            let ratio = median(&ratios).unwrap();
            (
                show(theirs),
                if ratio < 0.01 {
                    format!("{ratio:.5}")
                } else {
                    format!("{ratio:.3}")
                },
            )
        }
        None => ("—".to_owned(), "—".to_owned()),
    };
    println!(
        "| {row} | {} | {peer} | {theirs} | {ratio} |",
        show(median(ours).unwrap())
    );
}

fn mebibytes(bytes: f64) -> String {
    format!("{:.1} MiB", bytes / f64::from(1 << 20))
}

fn median(values: &[f64]) -> Option<f64> {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    let middle = sorted.len() / 2;
    match sorted.len() {
        0 => None,
        length if length % 2 == 1 => Some(sorted[middle]),
        _ => Some(f64::midpoint(sorted[middle - 1], sorted[middle])),
    }
}

fn find(program: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path)
        .map(|folder| folder.join(program))
        .find(|path| path.is_file())
}

/// The limit: `count` command lines `/bin/true N` on `threads` threads, and nothing else done.
fn spawn_loop(threads: usize, count: usize) {
    let next = AtomicUsize::new(1);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number > count {
                        break;
                    }
                    spawn_and_wait(number);
                }
            });
        }
    });
}

unsafe extern "C" {
    static environ: *const *mut libc::c_char;
}

fn spawn_and_wait(number: usize) {
    let program = c"/bin/true";
    let argument = CString::new(number.to_string()).unwrap();
    let argv = [
        program.as_ptr().cast_mut(),
        argument.as_ptr().cast_mut(),
        ptr::null_mut(),
    ];
    let mut pid = 0;
    // SAFETY: all strings are NUL-terminated and outlive the call, `argv` ends with a null pointer, and
    // nothing in this process changes the environment.
    let error = unsafe {
        libc::posix_spawn(
            &raw mut pid,
            program.as_ptr(),
            ptr::null(),
            ptr::null(),
            argv.as_ptr(),
            environ,
        )
    };
    assert_eq!(
        error,
        0,
        "posix_spawn: {}",
        io::Error::from_raw_os_error(error)
    );
    let mut status = 0;
    // SAFETY: `pid` is a child of this process that nobody else waits for; `status` is writable.
    let waited = unsafe { libc::waitpid(pid, &raw mut status, 0) };
    assert_eq!((waited, status), (pid, 0));
}

/// Waits for `child`; how it ended, and its largest resident set in bytes.
fn wait4(child: &Child) -> (ExitStatus, f64) {
    let pid = libc::pid_t::try_from(child.id()).unwrap();
    let mut status = 0;
    // SAFETY: `rusage` is plain old data, for which all zeroes are a value.
    let mut usage: libc::rusage = unsafe { std::mem::zeroed() };
    // SAFETY: `pid` is our child and not waited for yet; both places are writable.
    let waited = unsafe { libc::wait4(pid, &raw mut status, 0, &raw mut usage) };
    assert_eq!(waited, pid, "wait4: {}", io::Error::last_os_error());
    (
        ExitStatus::from_raw(status),
        usage.ru_maxrss as f64 * 1024.0,
    )
}

fn monotonic_ns() -> u64 {
    let mut now = libc::timespec {
        tv_sec: 0,
        tv_nsec: 0,
    };
    // SAFETY: `now` is writable.
    unsafe { libc::clock_gettime(libc::CLOCK_MONOTONIC, &raw mut now) };
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
