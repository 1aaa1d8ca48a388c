//! `fanout --worker`, the real program, spoken to by others: by hand, by a small client, and by the engine that stands
//! for it in a run.

#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(missing_docs, unreachable_pub)]

mod by_hand;
mod engine;
mod killed;
mod rates;

use std::fs;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// How long anything may take before a test gives it up.
const GUARD: Duration = Duration::from_secs(30);

/// The worker, with pipes.
fn command() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fanout"));
    command
        .arg("--worker")
        .env_remove("PARALLEL")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    command
}

/// Waits until `child` has ended.
fn exit_code(child: &mut Child) -> Option<i32> {
    let began = Instant::now();
    loop {
        if let Some(status) = child.try_wait().unwrap() {
            return status.code();
        }
        if began.elapsed() > GUARD {
            child.kill().unwrap();
            panic!("the worker does not end");
        }
        std::thread::sleep(Duration::from_millis(2));
    }
}

/// The processes that have `mark` in their environment.
fn processes_with(mark: &str) -> Vec<u32> {
    let has = |pid: u32| {
        let environ = fs::read(format!("/proc/{pid}/environ")).unwrap_or_default();
        environ
            .split(|&byte| byte == 0)
            .any(|variable| variable == mark.as_bytes())
    };
    let all = fs::read_dir("/proc").unwrap();
    let pids = all.filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    pids.filter(|&pid| has(pid)).collect()
}

/// Waits until no process has `mark` in its environment any more.
fn nobody_is_left(mark: &str) {
    let began = Instant::now();
    loop {
        let left = processes_with(mark);
        if left.is_empty() {
            return;
        }
        assert!(began.elapsed() < GUARD, "{left:?} are left");
        std::thread::sleep(Duration::from_millis(5));
    }
}
