//! The binary from outside, by capability. What GNU parallel defines is compared in `tests/parity`;
//! here is what is fanout's own: errors, signals, no orphans, JSON, memory, idling.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::format_collect)]
#![allow(missing_docs, unreachable_pub)]

mod awk;
mod commands;
mod completion;
mod control;
mod display;
mod ends;
mod helpers;
mod hints;
mod hosts;
mod idle;
mod inputs;
mod json;
mod json_tools;
mod language;
mod last_line;
mod limits;
mod memory;
mod outlived;
mod output;
mod pipe;
mod process;
mod record;
mod record_files;
mod reduce;
mod replay;
mod resume;
mod semaphore;
mod shells;
mod signals;
mod sql;
mod stdin_from;
mod summary;
#[path = "../support/mod.rs"]
mod support;
mod surroundings;
mod terminal;
mod warm;

/// fanout, in an environment that does not depend on who runs the tests.
fn fanout() -> assert_cmd::Command {
    let mut command = assert_cmd::Command::new(env!("CARGO_BIN_EXE_fanout"));
    command.timeout(support::HANG_GUARD);
    for (name, value) in ENVIRONMENT {
        command.env(name, value);
    }
    command
}

/// As [`fanout`], to be started and watched.
fn fanout_in_background() -> std::process::Command {
    let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_fanout"));
    command.envs(ENVIRONMENT.iter().copied());
    command
}

const ENVIRONMENT: &[(&str, &str)] = &[
    ("LC_ALL", "C"),
    ("SHELL", "/bin/bash"),
    ("PARALLEL_SHELL", "/bin/bash"),
    ("PARALLEL", ""),
];

/// What was written, as text.
fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}
