//! System calls that fail: each on the path of a job, with each error that a kernel gives for it, in fanout's own
//! processes and in a job's before it executes.
//!
//! strace does it to the very binary that users have, so there is nothing in it for this: it makes the call number N of
//! each thread fail, and lets go of jobs when they execute (`--detach-on=execve`). What may come of it is fewer jobs and
//! an error; never a hang, a panic, a job that is lost or said to be done without being so, or an end without a word.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::ExitStatus;

use crate::scene::{Scene, Turn};
use crate::seed;
use crate::support::run::{Run, has_strace};
use crate::support::skip_without;
use crate::ways::{MORE, Record, WAYS, Way};

/// How many jobs a run has.
const JOBS: u64 = 7;
/// How many cases of each way are tried where not all are asked for.
const USUAL: usize = 12;
/// Threads make the same calls again and again; later ones are not tried.
const LATEST: usize = 8;

/// The calls, and how they fail anywhere. Those that only give back what one has (`close`, `munmap`) do not.
const FAILURES: &[(&str, &[&str])] = &[
    ("clone3", &["EAGAIN", "ENOMEM", "ENOSYS", "EPERM"]),
    ("clone", &["EAGAIN", "ENOMEM"]),
    ("vfork", &["EAGAIN", "ENOMEM"]),
    (
        "execve",
        &["EAGAIN", "ENOMEM", "ETXTBSY", "EACCES", "ENFILE", "EIO"],
    ),
    ("pipe2", &["EMFILE", "ENFILE"]),
    ("socketpair", &["EMFILE", "ENFILE", "ENOMEM"]),
    ("eventfd2", &["EMFILE", "ENFILE", "ENOMEM"]),
    ("memfd_create", &["EMFILE", "ENFILE", "ENOMEM", "ENOSYS"]),
    (
        "openat",
        &["EMFILE", "ENFILE", "ENOMEM", "EACCES", "EINTR", "EIO"],
    ),
    ("read", &["EINTR"]),
    ("write", &["EINTR"]),
    ("splice", &["EINVAL", "ENOMEM"]),
    ("sendfile", &["EINVAL", "ENOMEM"]),
    ("poll", &["EINTR", "ENOMEM"]),
    ("ppoll", &["EINTR", "ENOMEM"]),
    ("epoll_wait", &["EINTR"]),
    ("wait4", &["EINTR"]),
    ("waitid", &["EINTR"]),
    ("pidfd_open", &["EMFILE", "ENFILE", "ENOMEM", "ENOSYS"]),
    ("pidfd_send_signal", &["EPERM", "ENOSYS"]),
    ("fcntl", &["EMFILE", "ENOLCK", "EPERM"]),
    ("flock", &["EINTR", "ENOLCK"]),
    ("dup2", &["EMFILE", "EINTR", "EBUSY"]),
    ("dup3", &["EMFILE", "EINTR", "EBUSY"]),
    ("lseek", &["ESPIPE"]),
    ("ftruncate", &["EINTR", "EIO"]),
    ("fallocate", &["ENOSPC", "EOPNOTSUPP"]),
    ("mknodat", &["EACCES", "ENOSPC", "EROFS"]),
    ("mkdir", &["EACCES", "ENOSPC", "EROFS"]),
    ("rename", &["EACCES", "ENOSPC"]),
    ("linkat", &["EACCES", "ENOSPC", "EPERM"]),
    ("unlink", &["EACCES", "EROFS"]),
    ("statx", &["EACCES", "EIO"]),
    ("close_range", &["ENOSYS", "EPERM", "EMFILE"]),
    ("setpgid", &["EPERM"]),
    ("prctl", &["EPERM", "EINVAL"]),
    ("kill", &["EPERM"]),
    ("ioctl", &["ENOTTY", "EIO"]),
    ("getrandom", &["ENOSYS"]),
    ("sched_getaffinity", &["ENOSYS", "EPERM"]),
    ("prlimit64", &["EPERM", "ENOSYS"]),
    ("getcwd", &["ENOENT"]),
    ("recvfrom", &["EINTR"]),
    ("sendto", &["EINTR"]),
    ("newfstatat", &["EACCES", "EIO", "ENOMEM"]),
    ("fstatfs", &["EIO", "ENOSYS"]),
    ("statfs", &["EACCES", "EIO"]),
    ("readlink", &["EACCES", "EIO"]),
    ("access", &["EACCES"]),
    ("chdir", &["EACCES", "EIO"]),
    ("inotify_init1", &["EMFILE", "ENFILE"]),
    ("inotify_add_watch", &["ENOSPC", "ENOENT"]),
    ("getrusage", &["EINVAL"]),
];

/// The calls on files that fail as only files do: disks are full, or break.
const FAILURES_ON_FILES: &[(&str, &[&str])] = &[
    ("read", &["EIO"]),
    ("pread64", &["EIO"]),
    ("write", &["ENOSPC", "EDQUOT", "EFBIG", "EIO"]),
    ("pwrite64", &["ENOSPC", "EIO"]),
    ("writev", &["ENOSPC", "EIO"]),
    ("copy_file_range", &["ENOSPC", "EIO"]),
    ("splice", &["ENOSPC", "EIO"]),
    ("sendfile", &["ENOSPC", "EIO"]),
    ("openat", &["ENOSPC", "EROFS"]),
    ("ftruncate", &["EIO", "EFBIG"]),
    ("fsync", &["EIO", "ENOSPC"]),
    ("fdatasync", &["EIO", "ENOSPC"]),
    ("flock", &["ENOLCK"]),
];

/// The files that are read and written.
const FILES: [&str; 7] = [
    "inputs",
    "log",
    "stdout",
    "rows.csv",
    "res/1/3/stdout",
    "db.sqlite",
    "db.sqlite-journal",
];

/// One failure at one place.
#[derive(Clone, Debug)]
struct Fault {
    call: &'static str,
    error: &'static str,
    /// Only on this file.
    on: Option<&'static str>,
    /// Which call of each thread fails; with `forever` all later ones, too.
    when: usize,
    forever: bool,
}

impl Fault {
    /// The words that run fanout, and not what its jobs execute, with this failure.
    fn strace(&self, scene: &Scene) -> Vec<String> {
        let Self {
            call,
            error,
            on,
            when,
            forever,
        } = self;
        let plus = if *forever { "+" } else { "" };
        let mut words = strace(call, "/dev/null");
        words.extend([
            "-e".to_owned(),
            format!("inject={call}:error={error}:when={when}{plus}"),
        ]);
        words.extend(
            on.iter()
                .flat_map(|file| ["-P".to_owned(), shown(&scene.path(file))]),
        );
        words
    }
}

/// The words that have strace look at `calls` of fanout, and not of what its jobs execute.
fn strace(calls: &str, log: &str) -> Vec<String> {
    let trace = format!("trace={calls}");
    let words = [
        "strace",
        "-f",
        "--detach-on=execve",
        "-qq",
        "-y",
        "-o",
        log,
        "-e",
        &trace,
    ];
    words.map(str::to_owned).into()
}

fn shown(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// Tries failures of the calls that `way` makes: all of them, or a few drawn at random.
fn bears_failures(name: &str) {
    if !has_strace() {
        return skip_without("strace");
    }
    let way = way(name);
    let faults = asked_for(faults(&calls_of(way)));
    let tried = faults.len();
    eprintln!("{name}: {tried} failures");
    let failed: Vec<Fault> = faults
        .into_iter()
        .filter(|fault| !is_borne(way, fault))
        .collect();
    assert!(
        failed.is_empty(),
        "{name}: {} of {tried} failures are not borne: {failed:#?}",
        failed.len()
    );
}

/// Those of `faults` that the environment asks for: `all`, or a share, `2/5` being each fifth from the second on.
fn asked_for(mut faults: Vec<Fault>) -> Vec<Fault> {
    let Ok(asked) = std::env::var("FANOUT_TEST_FAULTS") else {
        fastrand::Rng::with_seed(seed()).shuffle(&mut faults);
        faults.truncate(USUAL);
        return faults;
    };
    if asked == "all" {
        return faults;
    }
    let (which, shares) = asked.split_once('/').expect("all, or a share such as 2/5");
    let (which, shares): (usize, usize) = (which.parse().unwrap(), shares.parse().unwrap());
    let share = faults.into_iter().skip(which - 1).step_by(shares);
    share.collect()
}

fn way(name: &str) -> &'static Way {
    let mut ways = WAYS.iter().chain(MORE);
    ways.find(|way| way.name == name).expect(name)
}

/// How often a thread of a run makes each of the calls, at most: on any file, and on each of [`FILES`].
type Calls = BTreeMap<(&'static str, Option<&'static str>), usize>;

fn calls_of(way: &'static Way) -> Calls {
    let scene = Scene::new(way, JOBS);
    let names: BTreeSet<&str> = FAILURES
        .iter()
        .chain(FAILURES_ON_FILES)
        .map(|(call, _)| *call)
        .collect();
    let log = scene.path("tmp/trace");
    let calls: Vec<&str> = names.iter().copied().collect();
    let around = strace(&calls.join(","), &shown(&log));
    let mut run = Run::start(scene.command(&around, Turn::First));
    assert_eq!(run.wait().code(), Some(0), "{}", scene.said());
    let trace = fs::read(log).unwrap();
    let mut of_threads: BTreeMap<(&str, &str, Option<&str>), usize> = BTreeMap::new();
    let trace = String::from_utf8_lossy(&trace);
    let paths = FILES.map(|file| (file, shown(&scene.path(file))));
    for line in trace.lines() {
        let Some((thread, rest)) = line.split_once(' ') else {
            continue;
        };
        let Some((call, _)) = rest.trim_start().split_once('(') else {
            continue;
        };
        let Some(call) = names.get(call) else {
            continue;
        };
        *of_threads.entry((thread, call, None)).or_default() += 1;
        let ends =
            |path: &str| line.contains(&format!("{path}>")) || line.contains(&format!("{path}\""));
        for (file, _) in paths.iter().filter(|(_, path)| ends(path)) {
            *of_threads.entry((thread, call, Some(file))).or_default() += 1;
        }
    }
    let mut most = Calls::new();
    for ((_, call, file), count) in of_threads {
        let call = *names.get(call).unwrap();
        let file = FILES.into_iter().find(|name| Some(*name) == file);
        let entry = most.entry((call, file)).or_default();
        *entry = count.max(*entry);
    }
    most
}

fn faults(calls: &Calls) -> Vec<Fault> {
    let mut faults = Vec::new();
    for ((name, on), most) in calls {
        let table = if on.is_some() {
            FAILURES_ON_FILES
        } else {
            FAILURES
        };
        for (call, errors) in table.iter().filter(|(call, _)| call == name) {
            for error in *errors {
                for when in 1..=(*most).min(LATEST) {
                    let fault = Fault {
                        call,
                        error,
                        on: *on,
                        when,
                        forever: false,
                    };
                    faults.push(fault.clone());
                    // No kernel interrupts a call for ever.
                    if *error != "EINTR" {
                        faults.push(Fault {
                            forever: true,
                            ..fault
                        });
                    }
                }
            }
        }
    }
    faults
}

/// Whether all is as promised when `way` meets `fault`; tells what is not.
fn is_borne(way: &'static Way, fault: &Fault) -> bool {
    let scene = Scene::new(way, JOBS);
    let told = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let around = fault.strace(&scene);
        let mut run = Run::start(scene.command(&around, Turn::First));
        let status = run.wait();
        if is_before_main(&scene) {
            return;
        }
        run.await_silence();
        ended_as_it_should(&scene, status);
        // A further line says that a job's output found no room; what a job is called in JSON depends on its directory.
        let corrected = scene.said().contains("cannot write to standard") || fault.call == "getcwd";
        goes_on(&scene, if corrected { 2 } else { 1 });
    }));
    if told.is_err() {
        eprintln!("{}: {fault:?}; fanout said: {}", way.name, scene.said());
    }
    told.is_ok()
}

/// Whether the program could not be loaded, which is not its fault.
fn is_before_main(scene: &Scene) -> bool {
    let said = scene.said();
    // The loader, and Rust before main.
    [
        "error while loading shared libraries",
        "relocation error",
        "cannot be loaded",
    ]
    .iter()
    .any(|why| said.contains(why))
}

pub fn ended_as_it_should(scene: &Scene, status: ExitStatus) {
    let said = scene.said();
    assert_eq!(status.signal(), None, "fanout dies of a signal");
    assert!(!said.contains("panicked"), "a panic");
    let (ran, recorded) = (scene.ran(), scene.recorded());
    for number in recorded.keys().filter(|_| scene.way.is_seen()) {
        assert!(
            ran.ended.contains_key(number),
            "job {number} is recorded, and has not ended"
        );
    }
    assert!(
        recorded.values().all(|times| *times == 1),
        "recorded more than once: {recorded:?}"
    );
    scene.check_outputs(&recorded);
    if status.code() == Some(0) {
        let missing: Vec<u64> = (1..=scene.jobs)
            .filter(|number| !recorded.contains_key(number))
            .collect();
        assert_eq!(missing, [0; 0], "not recorded, and exit code 0");
        scene.check_stdout();
        return;
    }
    let words: Vec<&str> = said
        .lines()
        .filter(|line| line.starts_with("fanout: "))
        .collect();
    assert!(
        !words.is_empty(),
        "exit code {:?} without a word",
        status.code()
    );
    for line in words {
        let why = line
            .trim_start_matches("fanout: ")
            .trim_start_matches("Error: ");
        let is_bare = why.contains("(os error") && why.find("(os error") < why.find(": ");
        assert!(!is_bare, "words without a culprit: {line}");
    }
}

/// A run without failures does what is left, once the first has left it in order.
pub fn goes_on(scene: &Scene, most_lines: usize) {
    let (before, ran_before) = (scene.recorded(), scene.ran());
    let turn = match scene.turn(1) {
        // Without a joblog nobody knows what has failed: --resume-failed does all again.
        Turn::GoesOn if scene.way.record != Record::Results => Turn::TriesAgain,
        turn => turn,
    };
    let mut run = Run::start(scene.command(&[], turn));
    assert_eq!(run.wait().code(), Some(0), "the run that goes on fails");
    run.await_silence();
    assert_eq!(scene.left_behind(), [""; 0], "files are left");
    let done = scene.recorded();
    for number in 1..=scene.jobs {
        // Workers leave rows of failed jobs to those who look at them.
        if scene.way.record != Record::Table || before.contains_key(&number) {
            let lines = done.get(&number).copied().unwrap_or_default();
            assert!(
                (1..=most_lines).contains(&lines),
                "job {number} is {lines} times in the record"
            );
        }
    }
    // A job whose output found no room has to run again.
    if scene.way.is_seen() && most_lines == 1 {
        let ran = scene.ran();
        for number in before.keys() {
            assert_eq!(
                ran.ended.get(number),
                ran_before.ended.get(number),
                "job {number} was recorded, and ran again"
            );
        }
    }
}

/// Tries one failure that goes on for ever.
fn bears(name: &str, call: &'static str, error: &'static str, on: Option<&'static str>) {
    if !has_strace() {
        return skip_without("strace");
    }
    let way = way(name);
    let fault = Fault {
        call,
        error,
        on,
        when: 1,
        forever: true,
    };
    assert!(is_borne(way, &fault), "{name}: {fault:?}");
}

#[test]
fn warm_shells_that_cannot_be_killed_end() {
    bears("warm", "kill", "EPERM", None);
}

#[test]
fn helpers_that_cannot_be_killed_end() {
    bears("perl", "kill", "EPERM", None);
}

#[test]
fn a_database_without_locks_is_waited_for_once() {
    bears("table", "fcntl", "ENOLCK", Some("db.sqlite"));
}

/// A test for each of these ways.
macro_rules! bear_failures {
    ($($test:ident: $way:literal,)*) => {
        $(#[test]
        fn $test() {
            bears_failures($way);
        })*
    };
}

bear_failures! {
    system_calls_fail_beside_a_joblog: "joblog",
    system_calls_fail_beside_json: "json",
    system_calls_fail_in_order: "in order",
    system_calls_fail_beside_results: "results and joblog",
    system_calls_fail_in_pipes: "pipe",
    system_calls_fail_around_files_of_pieces: "cat",
    system_calls_fail_around_fifos: "fifo",
    system_calls_fail_around_warm_shells: "warm",
    system_calls_fail_in_a_table: "table",
    system_calls_fail_around_results_alone: "results",
    system_calls_fail_beside_rows: "rows and joblog",
    system_calls_fail_in_lines: "by lines",
    system_calls_fail_around_perl: "perl",
    system_calls_fail_around_compressors: "compress",
    system_calls_fail_around_a_limit: "limit",
    system_calls_fail_around_merges: "reduce",
    system_calls_fail_around_time_limits: "time limit",
    system_calls_fail_beside_jobs_that_print: "ungrouped",
}
