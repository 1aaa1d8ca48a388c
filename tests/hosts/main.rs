//! Jobs on other hosts, over ssh, on servers of the tests' own.

#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(missing_docs, unreachable_pub)]

mod faults;
mod reached;
mod runs;
#[path = "../support/mod.rs"]
mod support;

use std::fs;
use std::process::{Command, Output, Stdio};

use support::sshd::{self, Hosts, Spec};
use support::wait_within;

/// Hosts with these names that have this fanout; `None`: there is no ssh here.
fn hosts(names: &[&str]) -> Option<Hosts> {
    let specs: Vec<_> = names.iter().map(|name| Spec::new(name)).collect();
    let hosts = sshd::start(&specs)?;
    for name in names {
        install(&hosts, name);
    }
    Some(hosts)
}

/// The host `name` has this fanout.
fn install(hosts: &Hosts, name: &str) {
    let there = hosts.programs(name).join("fanout");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_fanout"), there).unwrap();
}

/// This fanout, which finds `hosts`.
fn fanout(hosts: &Hosts) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_fanout"));
    command
        .arg("--no-summary")
        .env("PARALLEL_SSH", hosts.ssh())
        .env_remove("PARALLEL")
        .env("PARALLEL_HOME", "/nonexistent")
        .stdin(Stdio::null());
    command
}

/// What it comes to; not to be waited for without an end.
fn output(mut command: Command) -> Output {
    let out = tempfile::NamedTempFile::new().unwrap();
    let err = tempfile::NamedTempFile::new().unwrap();
    command.stdout(out.reopen().unwrap());
    command.stderr(err.reopen().unwrap());
    let mut child = command.spawn().unwrap();
    let status = wait_within(&mut child, support::HANG_GUARD);
    let stderr = fs::read(err.path()).unwrap();
    let words = String::from_utf8_lossy(&stderr).into_owned();
    Output {
        status: status.unwrap_or_else(|| panic!("it does not end: {words}")),
        stdout: fs::read(out.path()).unwrap(),
        stderr,
    }
}

/// Standard output, standard error and exit code of fanout with `args`.
fn run(hosts: &Hosts, args: &[&str]) -> (String, String, Option<i32>) {
    let mut command = fanout(hosts);
    command.args(args);
    told(&output(command))
}

fn told(output: &Output) -> (String, String, Option<i32>) {
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    (
        text(&output.stdout),
        text(&output.stderr),
        output.status.code(),
    )
}
