//! `--pipe` and `--pipepart`: whatever the splitter, the jobs get the input, all of it, in its order.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Command, Stdio};

use proptest::prelude::*;

use crate::process::Run;
use crate::{fanout, fanout_in_background, text};

/// What jobs that copy their input print, in the order of the jobs.
fn round_trip(options: &[&str], input: &[u8]) -> Vec<u8> {
    let mut command = fanout();
    command.args(["-k", "-j3"]).args(options);
    if options.contains(&"--pipepart") {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(input).unwrap();
        let output = command
            .arg("-a")
            .arg(file.path())
            .arg("cat")
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", text(&output.stderr));
        return output.stdout;
    }
    let output = command.arg("cat").write_stdin(input).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    output.stdout
}

/// Every way to cut, as far as nothing is added or taken out.
const SPLITTERS: &[&[&str]] = &[
    &["--pipe"],
    &["--pipe", "--block", "7"],
    &["--pipe", "--block", "1"],
    &["--pipe", "--block", "-2"],
    &["--pipe", "-N1"],
    &["--pipe", "-N3"],
    &["--pipe", "-L2"],
    &["--pipe", "-N2", "--block", "5"],
    &["--pipe", "--recend", "x", "--block", "3"],
    &["--pipe", "--recend", "", "--block", "4"],
    &["--pipe", "--recend", r"\0", "--block", "6"],
    &["--pipe", "--recstart", "a", "--block", "6"],
    &["--pipe", "--recstart", "a", "-N2"],
    &[
        "--pipe",
        "--recend",
        r"\n",
        "--recstart",
        "a",
        "--block",
        "9",
    ],
    &["--pipe", "--recend", r"\n", "--recstart", "é", "-N1"],
    &["--pipe", "--regexp", "--recend", "[x\\n]+", "--block", "5"],
    &["--pipe", "--regexp", "--recstart", "a|,", "-N2"],
    &["--pipe", "--csv", "--block", "5"],
    &["--pipe", "--csv", "-N2"],
    &["--pipe", "--group-by", "1", "--colsep", ",", "--block", "5"],
    &["--pipepart", "--block", "5"],
    &["--pipepart", "--block", "1"],
    &["--pipepart", "--block", "-1"],
    &["--pipepart", "--block", "-3"],
    &["--pipepart", "--recend", "x", "--block", "4"],
    &["--pipepart", "--recstart", "a", "--block", "4"],
    &[
        "--pipepart",
        "--regexp",
        "--recend",
        "x|\\n",
        "--block",
        "4",
    ],
];

/// Bytes in which separators of all kinds stand in all kinds of places.
fn odd_bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        5 => Just(&b"\n"[..]),
        3 => Just(&b"a"[..]),
        3 => Just(&b"x"[..]),
        2 => Just(&b","[..]),
        1 => Just(&b"\0"[..]),
        1 => Just("é".as_bytes()),
        1 => Just(&b"\xff"[..]),
        1 => Just(&b"\r\n"[..]),
        1 => Just(&b"a longer line of words\n"[..]),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// CSV with newlines and quotes in fields.
fn csv() -> impl Strategy<Value = Vec<u8>> {
    let field = prop_oneof![
        Just("a".to_owned()),
        Just(String::new()),
        Just("\"b\nc\"".to_owned()),
        Just("\"d,\"\"e\"\"\n\n\"".to_owned()),
    ];
    let row = prop::collection::vec(field, 1..4).prop_map(|fields| fields.join(",") + "\n");
    prop::collection::vec(row, 0..12).prop_map(|rows| rows.concat().into_bytes())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn the_jobs_together_get_the_input(
        splitter in prop::sample::select(SPLITTERS),
        input in odd_bytes(),
    ) {
        let output = round_trip(splitter, &input);
        prop_assert!(
            output == input,
            "{splitter:?}\n{}\n{}", input.escape_ascii(), output.escape_ascii()
        );
    }

    #[test]
    fn records_of_csv_are_never_torn(input in csv(), block in 1..20_usize) {
        let block = block.to_string();
        let output = round_trip(&["--pipe", "--csv", "--block", &block], &input);
        prop_assert_eq!(output.escape_ascii().to_string(), input.escape_ascii().to_string());
        // Each job has an even number of quotes.
        let counts = fanout()
            .args(["--pipe", "--csv", "--block", &block, "tr -cd '\"' | wc -c"])
            .write_stdin(input)
            .output()
            .unwrap();
        for count in text(&counts.stdout).lines() {
            prop_assert_eq!(count.trim().parse::<u64>().unwrap() % 2, 0);
        }
    }
}

#[test]
fn jobs_of_many_small_blocks_do_not_wait_for_each_other() {
    for records in 1..=4 {
        let lines: String = (0..200).map(|number| format!("{number}\n")).collect();
        for block in ["5", "9", "30", "77"] {
            let count = format!("-N{records}");
            let output = round_trip(&["--pipe", &count, "--block", block], lines.as_bytes());
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

#[test]
fn a_compressed_file_is_cut_as_what_is_in_it() {
    let dir = tempfile::tempdir().unwrap();
    let lines: String = (1..=5000).map(|number| format!("{number}\n")).collect();
    let file = dir.path().join("lines");
    std::fs::write(&file, &lines).unwrap();
    assert!(Command::new("gzip").arg(&file).status().unwrap().success());
    let packed = dir.path().join("lines.gz");
    let output = fanout()
        .args(["-k", "--pipepart", "--block", "1k", "-a"])
        .arg(&packed)
        .arg("cat")
        .output()
        .unwrap();
    assert!(text(&output.stdout) == lines, "{}", text(&output.stderr));
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
