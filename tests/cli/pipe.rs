//! `--pipe` and `--pipepart`: whatever the splitter, the jobs get the input, all of it, in its order.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use crate::process::Run;
use crate::support::skip_without;
use crate::{fanout, fanout_in_background, text};

mod named;
mod received;
mod shown;
mod splitters;

#[test]
fn jobs_of_many_small_blocks_do_not_wait_for_each_other() {
    for records in 1..=4 {
        let lines: String = (0..200).map(|number| format!("{number}\n")).collect();
        for block in ["5", "9", "30", "77"] {
            let count = format!("-N{records}");
            let output = fanout()
                .args(["-k", "-j3", "--pipe", &count, "--block", block, "cat"])
                .write_stdin(lines.clone())
                .output()
                .unwrap()
                .stdout;
            assert!(text(&output) == lines, "{count} {block}");
        }
    }
}

#[test]
fn a_header_is_repeated_and_everything_else_is_not() {
    let lines: String = (1..=100).map(|number| format!("line {number}\n")).collect();
    for options in [
        &["--pipe"][..],
        &["--pipe", "-N7"],
        &["--pipe", "--block", "50"],
    ] {
        let output = fanout()
            .args(["-k", "--header", ":"])
            .args(options)
            .arg("read -r header; [ \"$header\" = names ] && cat")
            .write_stdin(format!("names\n{lines}"))
            .output()
            .unwrap();
        assert!(output.status.success(), "{options:?}: {output:?}");
        assert!(text(&output.stdout) == lines, "{options:?}");
    }
}

/// Programs that compress a file and leave the result beside it, and how its name then ends.
const COMPRESSORS: &[(&[&str], &str)] = &[
    (&["gzip"], "gz"),
    (&["bzip2"], "bz2"),
    (&["zstd", "-q", "--rm"], "zst"),
    (&["xz"], "xz"),
    (&["lzma"], "lzma"),
    (&["lz4", "-q", "-m", "--rm"], "lz4"),
    (&["lzop", "-U"], "lzo"),
];

/// Files in `dir`, of which each compressor that is here has compressed one: what is in each, and where it is.
fn compressed_files(dir: &std::path::Path) -> Vec<(String, std::path::PathBuf)> {
    let mut files = Vec::new();
    for (number, (compressor, ending)) in COMPRESSORS.iter().enumerate() {
        let lines: String = (1..=5000)
            .map(|line| format!("{number} {line}\n"))
            .collect();
        let plain = dir.join(format!("lines{number}"));
        std::fs::write(&plain, &lines).unwrap();
        let run = Command::new(compressor[0])
            .args(&compressor[1..])
            .arg(&plain)
            .status();
        let Ok(status) = run else {
            skip_without(compressor[0]);
            continue;
        };
        assert!(status.success(), "{compressor:?}");
        files.push((lines, plain.with_extension(ending)));
    }
    files
}

#[test]
fn a_compressed_file_is_cut_as_what_is_in_it() {
    let dir = tempfile::tempdir().unwrap();
    for (lines, file) in compressed_files(dir.path()) {
        for options in [
            &["--block", "1k"][..],
            &["--block", "-3"],
            &["--block", "10k", "--recend", "7\n"],
        ] {
            let output = fanout()
                .args(["-k", "-j2", "--pipepart"])
                .args(options)
                .arg("-a")
                .arg(&file)
                .arg("echo job >&2; cat")
                .output()
                .unwrap();
            assert!(output.status.success(), "{file:?} {options:?}: {output:?}");
            assert!(text(&output.stdout) == lines, "{file:?} {options:?}");
            assert!(
                text(&output.stderr).lines().count() > 1,
                "{file:?} {options:?}"
            );
        }
    }
}

#[test]
fn compressed_files_and_others_are_cut_one_after_the_other() {
    let dir = tempfile::tempdir().unwrap();
    let mut files = compressed_files(dir.path());
    for number in [0, 2, files.len()] {
        let lines = format!("plain {number}\n").repeat(300);
        let plain = dir.path().join(format!("plain{number}"));
        std::fs::write(&plain, &lines).unwrap();
        files.insert(number.min(files.len()), (lines, plain));
    }
    for block in ["700", "20k", "1M", "-1"] {
        let mut command = fanout();
        command.args(["-k", "-j3", "--pipepart", "--block", block]);
        for (_, file) in &files {
            command.arg("-a").arg(file);
        }
        let output = command.arg("cat").output().unwrap();
        assert!(output.status.success(), "{block}: {output:?}");
        let expected: String = files.iter().map(|(lines, _)| lines.as_str()).collect();
        assert!(text(&output.stdout) == expected, "{block}");
    }
}

#[test]
fn jobs_that_do_not_read_their_input_are_no_trouble() {
    let lines = "a line of some length\n".repeat(200_000);
    for (command, code) in [
        ("head -1", 0),
        ("exit 0", 0),
        ("exit 1", 5),
        ("kill -9 $$", 5),
    ] {
        for options in [
            &["--pipe", "--block", "1M"][..],
            &["--pipe", "--round-robin", "-j5"],
        ] {
            let output = fanout()
                .args(options)
                .args(["--no-summary", command])
                .write_stdin(lines.clone())
                .output()
                .unwrap();
            assert_eq!(
                output.status.code(),
                Some(code),
                "{options:?} {command}: {output:?}"
            );
            assert_eq!(text(&output.stderr), "", "{options:?} {command}");
        }
    }
}

#[test]
fn a_job_whose_input_is_gone_is_not_tried_again_as_if_it_had_none() {
    let fed_once = [
        &["--pipe", "--shard", "1"][..],
        &["--pipe", "--bin", "1"],
        &["--pipe", "--tee"],
    ];
    for options in fed_once {
        let output = fanout()
            .args(["-k", "-j2", "--retries", "3", "--no-summary"])
            .args(options)
            .args(["echo {#}: $(cat); [ {#} = 1 ]", ":::", "a", "b"])
            .write_stdin("1\n2\n")
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{options:?}: {output:?}");
        // What the failed one has printed is not lost either.
        let jobs: Vec<_> = text(&output.stdout).lines().collect();
        assert!(
            jobs.len() == 2 && jobs.iter().all(|job| job.len() > 3),
            "{options:?}: {jobs:?}"
        );
        let warning = "fanout: Warning: job 2 is not tried again: its input came while it ran";
        assert!(
            text(&output.stderr).starts_with(warning),
            "{options:?}: {output:?}"
        );
    }
}

#[test]
fn a_job_whose_input_is_still_there_is_tried_again() {
    let dir = tempfile::tempdir().unwrap();
    let lines = "1\n2\n3\n";
    std::fs::write(dir.path().join("lines"), lines).unwrap();
    for (number, options) in [
        &["--pipe", "--block", "2"][..],
        &["--pipe", "-N1"],
        &["--pipe", "--cat", "-N1"],
        &["--pipe", "--fifo", "-N1"],
        &["--pipepart", "-a", "lines", "--block", "1"],
        &["--pipepart", "-a", "lines", "--tee"],
    ]
    .into_iter()
    .enumerate()
    {
        let named = options.contains(&"--cat") || options.contains(&"--fifo");
        let tee = options.contains(&"--tee");
        let read = if named { "cat {}" } else { "cat" };
        let mut command = fanout();
        command
            .current_dir(dir.path())
            .args(["-k", "-j2", "--retries", "2", "--no-summary"])
            .args(options)
            .arg(format!(
                "{read}; mkdir tried{number}.{{#}} 2>/dev/null && exit 1; exit 0 #"
            ));
        if tee {
            command.args([":::", "a"]);
        }
        let output = command.write_stdin(lines).output().unwrap();
        assert!(output.status.success(), "{options:?}: {output:?}");
        assert_eq!(text(&output.stdout), lines, "{options:?}");
        assert_eq!(text(&output.stderr), "", "{options:?}");
    }
}

#[test]
fn memory_does_not_grow_with_the_stream() {
    let peak = |bytes: &str| {
        let script = format!(
            "head -c {bytes} /dev/zero | $0 --pipe --recend '' --block 1M 'cat >/dev/null; grep VmHWM /proc/$PARALLEL_PID/status' | tail -1"
        );
        let output = Command::new("sh")
            .args(["-c", &script, env!("CARGO_BIN_EXE_fanout")])
            .envs(crate::ENVIRONMENT.iter().copied())
            .stdin(Stdio::null())
            .output()
            .unwrap();
        let words = text(&output.stdout)
            .split_whitespace()
            .nth(1)
            .map(str::to_owned);
        words
            .unwrap_or_else(|| panic!("{output:?}"))
            .parse::<u64>()
            .unwrap()
    };
    let (little, much) = (peak("30M"), peak("600M"));
    assert!(much < little + little / 4 + 4096, "{little} kB, {much} kB");
}

#[test]
fn what_has_come_is_a_block_when_nothing_follows_for_a_while() {
    let mut command = fanout_in_background();
    command
        .args(["--pipe", "--block-timeout", "0.1", "cat; echo over"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut run = Run::start(command);
    let mut input = run.child.stdin.take().unwrap();
    let mut output = BufReader::new(run.child.stdout.take().unwrap()).lines();
    for line in ["one", "two"] {
        // The input stays open, and is far from a whole block.
        writeln!(input, "{line}").unwrap();
        assert_eq!(output.next().unwrap().unwrap(), line);
        assert_eq!(output.next().unwrap().unwrap(), "over");
    }
    drop(input);
    assert!(output.next().is_none());
    assert!(run.wait().success());
}

/// What is printed of a command line that reads `input`.
fn printed(args: &[&str], input: &str) -> String {
    let output = fanout().args(args).write_stdin(input).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout).to_owned()
}

#[test]
fn groups_by_a_column_between_blanks_do_not_count_the_blanks() {
    for column in ["1", "1 $_ + 0"] {
        let options = ["-k", "--pipe", "--group-by", column, "--colsep", " ", "-N1"];
        let told = printed(
            &[&options[..], &["cat; echo ,"]].concat(),
            "1  a\n 1 b\n2\tc\n",
        );
        assert_eq!(told, "1  a\n 1 b\n,\n2\tc\n,\n", "{column}");
    }
}

#[test]
fn tee_has_a_thread_for_each_job_and_not_for_each_that_there_might_be() {
    let run = fanout()
        .args(["--pipe", "--tee", ":::", "ls /proc/$PPID/task | wc -l"])
        .write_stdin("a\n")
        .assert()
        .code(0);
    let threads: u32 = text(&run.get_output().stdout).trim().parse().unwrap();
    assert!(threads < 20, "{threads} threads for one job");
}

#[test]
fn a_file_that_shrinks_while_it_is_read_is_told_of_and_its_jobs_fail() {
    for options in [
        "--pipepart -a f",
        "--pipepart -a f --fifo",
        "--pipepart -a f --cat",
        "--pipe -k",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let line = [&b"x".repeat(99)[..], b"\n"].concat();
        std::fs::write(folder.path().join("f"), line.repeat(5000)).unwrap();
        let input = if options.ends_with("fo") || options.ends_with("at") {
            "cat {}"
        } else {
            "cat"
        };
        let script = format!(
            "$0 -j1 --joblog log {options} --block 100k '{input} | wc -c; test {{#}} != 1 || truncate -s 0 f' <f"
        );
        let mut command = Command::new("bash");
        command
            .args(["-c", &script, env!("CARGO_BIN_EXE_fanout")])
            .envs(crate::ENVIRONMENT.iter().copied())
            .current_dir(folder.path());
        let output = command.output().unwrap();
        let said = text(&output.stderr);
        assert_eq!(output.status.code(), Some(4), "{options}: {output:?}");
        let words = "the input file has become shorter meanwhile";
        assert!(said.contains(words), "{options}: {said}");
        let log = std::fs::read_to_string(folder.path().join("log")).unwrap();
        let exit = |line: &&str| line.split('\t').nth(6) == Some("0");
        let good = log.lines().filter(exit);
        assert_eq!(good.count(), 1, "{options}: {log}");
    }
}
