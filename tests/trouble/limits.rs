//! Less than usual: descriptors, processes, memory, room, a stack, a place to write to, `/proc`. Each of these against
//! each way to run jobs and to record them.
//!
//! What may come of it is fewer jobs at a time, or an error that names what is short; never a hang, a panic, a job that
//! is lost or said to be done without being so. A run without the limit then does what is left.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::{Command, Stdio};
use std::sync::{Mutex, PoisonError};

use crate::faults::{ended_as_it_should, goes_on};
use crate::scene::{Scene, Turn};
use crate::support::run::Run;
use crate::support::skip_without;
use crate::ways::{MORE, WAYS, Way};

/// How many jobs a run has.
const JOBS: u64 = 7;

/// Something that there is less of.
struct Limit {
    /// What sets it: commands of bash, after which fanout is executed.
    script: &'static str,
    around: Around,
    /// What words about it say, where fanout cannot do without.
    named: &'static str,
    /// Whether everything is done even so.
    all: bool,
}

/// What a limit takes to be set.
#[derive(Clone, Copy, PartialEq)]
enum Around {
    Nothing,
    /// Somebody who has no other processes.
    User,
    /// Mounts of its own.
    Mounts,
    /// Process numbers of its own.
    Processes,
}

impl Limit {
    const fn new(script: &'static str, named: &'static str) -> Self {
        Self {
            script,
            around: Around::Nothing,
            named,
            all: false,
        }
    }

    /// Where everything is done even so.
    const fn harmless(script: &'static str) -> Self {
        Self {
            all: true,
            ..Self::new(script, "")
        }
    }

    const fn within(self, around: Around) -> Self {
        Self { around, ..self }
    }

    /// The program that `script` is run by, and its arguments.
    fn around(&self, script: &str) -> Vec<String> {
        let user = format!("--reuid={}", 1_000_000 + std::process::id());
        let around: &[&str] = match self.around {
            Around::Nothing => &[],
            Around::User => &["setpriv", &user, "--regid=65534", "--clear-groups"],
            Around::Mounts => &["unshare", "-m"],
            Around::Processes => &["unshare", "-pf", "--kill-child"],
        };
        let bash = ["bash", "-c", script, "limits"];
        around
            .iter()
            .copied()
            .chain(bash)
            .map(str::to_owned)
            .collect()
    }

    /// Whether it can be set here; tells what is missing.
    fn can_be_set(&self) -> bool {
        let words = self.around("exec \"$@\"");
        let mut fanout = Command::new(&words[0]);
        let version = [env!("CARGO_BIN_EXE_fanout"), "--version"];
        fanout.args(&words[1..]).args(version);
        let can = fanout
            .stderr(Stdio::null())
            .output()
            .is_ok_and(|output| output.status.success());
        if !can {
            skip_without(&format!("what may be done by {}", words[0]));
        }
        can
    }
}

/// Tries `limit` with all ways but those that `without` names.
fn is_borne(limit: &Limit, without: &[&str]) {
    /// A limit on processes counts whatever a user has.
    static ALONE: Mutex<()> = Mutex::new(());
    if !limit.can_be_set() {
        return;
    }
    let _alone = (limit.around == Around::User)
        .then(|| ALONE.lock().unwrap_or_else(PoisonError::into_inner));
    let ways = WAYS
        .iter()
        .chain(MORE)
        .filter(|way| !without.contains(&way.name));
    let failed: Vec<&str> = ways
        .filter(|way| catch_unwind(AssertUnwindSafe(|| one_way(way, limit))).is_err())
        .map(|way| way.name)
        .collect();
    assert!(failed.is_empty(), "{}: {failed:?}", limit.script);
}

fn one_way(way: &'static Way, limit: &Limit) {
    let scene = Scene::new(way, JOBS);
    if limit.around == Around::User {
        for folder in [scene.path(""), scene.path("tmp")] {
            fs::set_permissions(folder, fs::Permissions::from_mode(0o777)).unwrap();
        }
    }
    let around = limit.around(&format!("{}\nexec \"$@\"", limit.script));
    let mut run = Run::start(scene.command(&around, Turn::First));
    let status = run.wait();
    run.await_silence();
    let said = scene.said();
    let told = catch_unwind(AssertUnwindSafe(|| {
        ended_as_it_should(&scene, status);
        assert!(!limit.all || status.success(), "{status}");
        assert!(
            status.success() || said.contains(limit.named),
            "the limit is not named"
        );
        goes_on(&scene, 2);
    }));
    told.unwrap_or_else(|_| {
        panic!(
            "{}: {}: {status}; fanout said: {said}",
            limit.script, way.name
        )
    });
}

#[test]
fn few_descriptors() {
    for script in ["ulimit -n 9", "ulimit -n 13"] {
        is_borne(&Limit::new(script, "ulimit -n"), &[]);
    }
    // Each job waits for others to give something back.
    let limit = Limit::new("ulimit -n 16", "ulimit -n");
    let own = MORE
        .iter()
        .filter(|way| ["limit", "compress"].contains(&way.name));
    own.for_each(|way| one_way(way, &limit));
    is_borne(&Limit::harmless("ulimit -n 24"), &[]);
    is_borne(&Limit::harmless("ulimit -n 60"), &[]);
}

#[test]
fn few_processes() {
    for script in ["ulimit -u 14", "ulimit -u 20"] {
        is_borne(&Limit::new(script, "ulimit -u").within(Around::User), &[]);
    }
}

#[test]
fn little_memory() {
    is_borne(&Limit::new("ulimit -v 60000", "ulimit -v"), &[]);
    is_borne(&Limit::harmless("ulimit -v 150000"), &[]);
}

#[test]
fn small_files() {
    // Standard error is a file here, too, and has room.
    is_borne(&Limit::new("ulimit -f 1", ""), &[]);
    is_borne(&Limit::harmless("ulimit -f 1000"), &[]);
}

#[test]
fn small_and_endless_stacks() {
    for script in ["ulimit -s 128", "ulimit -s 1000", "ulimit -s unlimited"] {
        is_borne(&Limit::harmless(script), &[]);
    }
}

#[test]
fn closed_descriptors() {
    let piped: Vec<&str> = WAYS
        .iter()
        .filter(|way| way.piped)
        .map(|way| way.name)
        .collect();
    is_borne(&Limit::harmless("exec <&-"), &piped);
    is_borne(&Limit::harmless("exec 2>&-"), &[]);
    is_borne(&Limit::harmless("exec <&- 2>&-"), &piped);
}

#[test]
fn standard_output_without_room() {
    is_borne(
        &Limit::new("exec >/dev/full", "standard output"),
        &["ungrouped", "reduce"],
    );
}

#[test]
fn temporary_files_without_room_or_place() {
    let full = "mount -t tmpfs -o size=64k none tmp && ! cat /dev/zero >tmp/fill 2>/dev/null";
    is_borne(&Limit::new(full, "tmp").within(Around::Mounts), &[]);
    let read_only = "mount -t tmpfs -o ro none tmp";
    is_borne(&Limit::new(read_only, "tmp").within(Around::Mounts), &[]);
    is_borne(&Limit::new("export TMPDIR=/nowhere", "/nowhere"), &[]);
}

#[test]
fn a_place_that_is_read_only() {
    let read_only = "mount --bind . . && mount -o remount,bind,ro . && cd \"$PWD\"";
    is_borne(
        &Limit::new(read_only, "Error: cannot ").within(Around::Mounts),
        &[],
    );
}

#[test]
fn process_number_one() {
    is_borne(&Limit::harmless("").within(Around::Processes), &[]);
}

#[test]
fn no_proc() {
    let nothing = "mount -t tmpfs none /proc";
    is_borne(
        &Limit::harmless(nothing).within(Around::Mounts),
        &["reduce"],
    );
    let reduced = MORE.iter().find(|way| way.name == "reduce").unwrap();
    let limit = Limit::new(nothing, "/proc").within(Around::Mounts);
    if limit.can_be_set() {
        one_way(reduced, &limit);
    }
}

#[test]
fn an_environment_of_a_megabyte() {
    let large = "for name in {a..j}; do export $name=$(printf %0100000d 0); done";
    is_borne(&Limit::harmless(large), &[]);
}
