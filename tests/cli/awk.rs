//! What is handed to a job by a descriptor or a path, with each awk: some open `/dev/fd/N` anew, gawk duplicates
//! descriptor N and reads on where that one stands.

use std::fs;

use crate::support::skip_without;
use crate::{fanout, text};

/// The awks that are here.
fn awks() -> impl Iterator<Item = &'static str> {
    ["gawk", "mawk", "busybox awk"].into_iter().filter(|awk| {
        let mut words = awk.split(' ');
        let program = std::process::Command::new(words.next().unwrap())
            .args(words)
            .arg("BEGIN { exit 0 }")
            .output();
        let there = program.is_ok_and(|output| output.status.success());
        if !there {
            skip_without(awk);
        }
        there
    })
}

fn numbers() -> String {
    (1..=60_000).map(|number| format!("{number}\n")).collect()
}

fn sum() -> u64 {
    (1..=60_000).sum()
}

/// The sum of all numbers that jobs with `command` have written, with [`numbers`] as the input of the run.
fn summed(options: &[&str], command: &str) -> u64 {
    let output = fanout()
        .args(options)
        .arg(command)
        .write_stdin(numbers())
        .output()
        .unwrap();
    assert!(output.status.success(), "{options:?} {command}: {output:?}");
    let sums = text(&output.stdout).lines();
    sums.map(|sum| sum.parse::<u64>().unwrap()).sum()
}

#[test]
fn merges_read_all_that_jobs_have_written() {
    for awk in awks() {
        let add = format!("{awk} '{{ n += $1 }} END {{ print n }}'");
        let halves = format!("{awk} '{{ n += $1 / 2 }} END {{ print n }}'");
        let kept = "/bin/cat";
        let rest = [&sum().to_string(), "\n"].concat();
        for (merge, command) in [
            (add.clone(), &add[..]),
            (format!("{add} {{}}"), &add),
            (format!("{add} {{}} /dev/null"), &add),
            // Each of the places has all of it.
            (format!("{halves} {{}} {{}}"), &add),
            (format!("{add} {{}} > /dev/null; {add} {{}}"), &add),
            // Too much for memory.
            (add.clone(), kept),
        ] {
            let block = if command == kept { "100k" } else { "2k" };
            let output = fanout()
                .args(["--pipe", "--block", block, "--reduce", &merge, command])
                .write_stdin(numbers())
                .output()
                .unwrap();
            assert_eq!(text(&output.stdout), rest, "{merge} {command}: {output:?}");
        }
    }
}

#[test]
fn jobs_read_all_of_their_input_by_whatever_name() {
    for awk in awks() {
        let add = format!("{awk} '{{ n += $1 }} END {{ printf \"%d\\n\", n }}'");
        for (options, name) in [
            (&["--pipe"][..], ""),
            (&["--pipe"], "-"),
            (&["--pipe"], "/dev/stdin"),
            (&["--pipe"], "/dev/fd/0"),
            (&["--pipe", "--cat"], "{}"),
            (&["--pipe", "--fifo"], "{}"),
            (&["--pipe", "--round-robin", "-j3"], "/dev/stdin"),
            (&["--pipe", "--round-robin", "-j3", "--cat"], "{}"),
            (&["--pipe", "--round-robin", "-j3", "--fifo"], "{}"),
        ] {
            let options = [options, &["--block", "20k"]].concat();
            assert_eq!(
                summed(&options, &format!("{add} {name}")),
                sum(),
                "{awk} {options:?} {name}"
            );
        }
        // A file can be read as often as one likes.
        let twice = summed(
            &["--pipe", "--cat", "--block", "20k"],
            &format!("{add} {{}} {{}}"),
        );
        assert_eq!(twice, 2 * sum(), "{awk}");
    }
}

#[test]
fn parts_of_files_are_read_from_their_beginning() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("numbers");
    fs::write(&file, numbers()).unwrap();
    let file = file.to_str().unwrap();
    for awk in awks() {
        let add = format!("{awk} '{{ n += $1 }} END {{ printf \"%d\\n\", n }}'");
        for (option, name) in [
            ("--keep-order", "/dev/stdin"),
            ("--keep-order", "/dev/fd/0"),
            ("--cat", "{}"),
            ("--fifo", "{}"),
        ] {
            let options = ["--pipepart", "-a", file, "--block", "20k", option];
            assert_eq!(
                summed(&options, &format!("{add} {name}")),
                sum(),
                "{awk} {option} {name}"
            );
        }
    }
}

#[test]
fn what_is_written_to_a_duplicate_keeps_its_place() {
    for awk in awks() {
        let job = format!("echo a; {awk} 'BEGIN {{ print \"b\" > \"/dev/stdout\" }}'; echo c");
        for option in ["--group", "--keep-order", "--line-buffer", "--ungroup"] {
            let output = fanout().args([option, &job, ":::", "1"]).output().unwrap();
            assert_eq!(text(&output.stdout), "a\nb\nc 1\n", "{awk} {option}");
        }
    }
}
