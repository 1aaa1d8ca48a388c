//! Every `console` block of README.md is run, and must print what it shows.
//!
//! Lines that begin with `$ ` are commands, run by bash one after the other in a copy of `examples/`
//! with fanout in PATH; what follows is their output, stdout and stderr as they come. A line `...`
//! stands for any lines.

#![allow(clippy::unwrap_used, clippy::expect_used)]
#![allow(missing_docs)]

use std::fs;
use std::path::Path;
use std::process::Command;

/// A command and the lines that the README shows below it.
#[derive(Debug, PartialEq)]
struct Example {
    /// The line number in the README.
    line: usize,
    command: String,
    output: Vec<String>,
}

#[test]
fn examples_print_what_the_readme_shows() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let examples = examples(&fs::read_to_string(root.join("README.md")).unwrap());
    assert!(examples.len() >= 5, "only {} examples", examples.len());
    let scratch = tempfile::tempdir().unwrap();
    copy(&root.join("examples"), scratch.path());
    let mut wrong = Vec::new();
    for example in &examples {
        let printed = run(&example.command, scratch.path());
        let lines: Vec<&str> = printed.lines().collect();
        if !matches(&example.output, &lines) {
            wrong.push(format!(
                "README.md:{}: $ {}\n--- shown\n{}\n+++ printed\n{printed}",
                example.line,
                example.command,
                example.output.join("\n"),
            ));
        }
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

#[test]
fn the_two_commands_are_there() {
    let readme = include_str!("../README.md");
    assert!(
        readme.contains("cargo run --release --locked -- "),
        "the main job from a fresh checkout"
    );
    assert!(readme.contains("cargo test --locked"), "the tests");
}

#[test]
fn a_block_is_read_as_commands_and_their_output() {
    let readme =
        "text\n```console\n$ one \\\n  more\nout 1\n\nout 2\n$ two\n```\n```sh\n$ no\n```\n";
    let example = |line, command: &str, output: &[&str]| Example {
        line,
        command: command.to_owned(),
        output: output.iter().map(|&line| line.to_owned()).collect(),
    };
    let expected = [
        example(3, "one \\\n  more", &["out 1", "", "out 2"]),
        example(8, "two", &[]),
    ];
    assert_eq!(examples(readme), expected);
}

#[test]
fn three_dots_stand_for_any_lines() {
    let shown = |lines: &[&str]| {
        lines
            .iter()
            .map(|&line| line.to_owned())
            .collect::<Vec<_>>()
    };
    assert!(matches(&shown(&["a", "...", "d"]), &["a", "b", "c", "d"]));
    assert!(matches(&shown(&["a", "..."]), &["a"]));
    assert!(!matches(&shown(&["a", "...", "d"]), &["a", "b"]));
    assert!(!matches(&shown(&["a"]), &["a", "b"]));
}

fn examples(readme: &str) -> Vec<Example> {
    let mut examples: Vec<Example> = Vec::new();
    let mut inside = false;
    for (at, line) in readme.lines().enumerate() {
        if line.starts_with("```") {
            inside = line == "```console";
        } else if !inside {
        } else if let Some(command) = line.strip_prefix("$ ") {
            examples.push(Example {
                line: at + 1,
                command: command.to_owned(),
                output: Vec::new(),
            });
        } else {
            let example = examples.last_mut().expect("a block begins with a command");
            if example.output.is_empty() && example.command.ends_with('\\') {
                example.command += "\n";
                example.command += line;
            } else {
                example.output.push(line.to_owned());
            }
        }
    }
    examples
}

fn run(command: &str, folder: &Path) -> String {
    let bin = Path::new(env!("CARGO_BIN_EXE_fanout")).parent().unwrap();
    let path = format!("{}:{}", bin.display(), std::env::var("PATH").unwrap());
    let output = Command::new("bash")
        .args(["-c", &format!("exec 2>&1\n{command}")])
        .current_dir(folder)
        .env("PATH", path)
        .env("HOME", folder)
        .env("SHELL", "/bin/bash")
        .env("LC_ALL", "C")
        .env_remove("PARALLEL")
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    String::from_utf8(output.stdout).unwrap()
}

fn matches(shown: &[String], printed: &[&str]) -> bool {
    match shown.split_first() {
        None => printed.is_empty(),
        Some((any, rest)) if any == "..." => {
            (0..=printed.len()).any(|at| matches(rest, &printed[at..]))
        }
        Some((line, rest)) => {
            printed.first() == Some(&line.as_str()) && matches(rest, &printed[1..])
        }
    }
}

fn copy(from: &Path, to: &Path) {
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            fs::create_dir(&target).unwrap();
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}
