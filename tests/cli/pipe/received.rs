//! What each job of a run gets as its input, byte for byte.

use std::fs;

use crate::support::HANG_GUARD;
use crate::{ENVIRONMENT, text};

/// Where the input comes from. For `--pipepart`, it is always files.
#[derive(Clone, Copy, Debug)]
pub enum From {
    /// A pipe.
    Pipe,
    /// A file that is standard input.
    Redirected,
    /// Two files, the first with at most so many bytes.
    Files(usize),
}

/// What each of the jobs got, in the order of their numbers.
pub fn received(options: &[&str], input: &[u8], from: From) -> Vec<Vec<u8>> {
    received_with(options, input, from, &[])
}

/// As [`received`], with more words behind the command.
pub fn received_with(options: &[&str], input: &[u8], from: From, more: &[&str]) -> Vec<Vec<u8>> {
    let dir = tempfile::tempdir().unwrap();
    let file = |name: &str, content: &[u8]| fs::write(dir.path().join(name), content).unwrap();
    let in_parts = options.contains(&"--pipepart");
    let mut command = assert_cmd::Command::new("sh");
    command
        .timeout(HANG_GUARD)
        .envs(ENVIRONMENT.iter().copied())
        .current_dir(dir.path())
        .arg("-c")
        .arg(match from {
            From::Pipe if !in_parts => "cat input | \"$0\" \"$@\"",
            _ => "\"$0\" \"$@\" <input",
        })
        .arg(env!("CARGO_BIN_EXE_fanout"))
        .args(options);
    if !options.contains(&"-j1") {
        command.arg("-j3");
    }
    file("input", if in_parts { b"" } else { input });
    if in_parts {
        let cut = if let From::Files(cut) = from { cut } else { 0 };
        let (first, second) = input.split_at(cut.min(input.len()));
        file("first", first);
        file("second", second);
        if cut > 0 {
            command.args(["-a", "first"]);
        }
        command.args(["-a", "second"]);
    }
    command.arg("cat >got.{#}").args(more);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    (1..)
        .map_while(|number| fs::read(dir.path().join(format!("got.{number}"))).ok())
        .collect()
}
