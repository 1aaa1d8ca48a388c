//! One shell for many commands: nobody can tell it from a shell for each.

mod trouble;

use proptest::prelude::*;

use crate::commands::installed;
use crate::{fanout, text};

/// The shells that are here.
fn shells() -> Vec<&'static str> {
    installed(&["bash", "dash", "zsh"])
}

/// All that a run of `lines` leaves behind: output, exit code, and the joblog without its times.
#[derive(PartialEq)]
struct Left {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    code: Option<i32>,
    joblog: Vec<Vec<u8>>,
}

impl Left {
    /// The lines of this that are not in `other`.
    fn beyond(&self, other: &Self) -> Vec<String> {
        let lines = |of: &Self| {
            let texts = [&of.stdout, &of.stderr, &of.joblog.join(&b'\n')];
            let lines = texts.map(|text| String::from_utf8_lossy(text).into_owned());
            lines
                .join("\n")
                .lines()
                .map(str::to_owned)
                .collect::<Vec<_>>()
        };
        let theirs = lines(other);
        let ours = lines(self).into_iter();
        ours.filter(|line| !theirs.contains(line)).collect()
    }
}

fn run(shell: &str, how: &str, options: &[&str], lines: &[Vec<u8>]) -> Left {
    let folder = tempfile::tempdir().unwrap();
    let joblog = folder.path().join("joblog");
    let output = fanout()
        .args(["-0", "-k", "-j1", "--no-summary", "--shell", how, "--joblog"])
        .arg(&joblog)
        .args(options)
        .env("PARALLEL_SHELL", shell)
        .env("WORD", "a  b*")
        .env("BASH_FUNC_greet%%", "() {  echo \"hi $1\" $#\n}")
        .env(
            "BASH_FUNC_big%%",
            "() {  local n=\"$1\";\n if [ \"$n\" -gt 5 ]; then\n greet \"$n\";\n else\n return 3;\n fi\n}",
        )
        .write_stdin(lines.join(&0))
        .output()
        .unwrap();
    let table = std::fs::read(joblog).unwrap();
    // One job's lines may be several of the file's; the times are columns of digits, blanks and dots.
    let mut rows: Vec<Vec<u8>> = table
        .split(|&byte| byte == b'\n')
        .map(|row| {
            let fields: Vec<_> = row.split(|&byte| byte == b'\t').collect();
            match &fields[..] {
                [seq, host, _, _, rest @ ..] => [&[*seq, *host][..], rest].concat().join(&b'\t'),
                _ => row.to_vec(),
            }
        })
        .collect();
    rows.sort();
    Left {
        stdout: output.stdout,
        stderr: output.stderr,
        code: output.status.code(),
        joblog: rows,
    }
}

fn assert_same(lines: &[Vec<u8>]) {
    assert_same_with(&[], lines);
}

fn assert_same_with(options: &[&str], lines: &[Vec<u8>]) {
    for shell in shells() {
        let always = run(shell, "always", options, lines);
        for how in ["warm", "direct"] {
            let got = run(shell, how, options, lines);
            assert!(
                got == always,
                "{shell} --shell {how} {options:?} ({:?}): {:#?} instead of {:#?} ({:?})",
                got.code,
                got.beyond(&always),
                always.beyond(&got),
                always.code,
            );
        }
    }
}

/// A word of a command.
fn word() -> impl Strategy<Value = Vec<u8>> {
    let literal = "q[a-z0-9=_./,:@%+-]{0,3}".prop_map(String::into_bytes);
    let quoted = proptest::collection::vec(
        (1..=255_u8).prop_filter("a quote", |byte| *byte != b'\''),
        0..5,
    )
    .prop_map(|bytes| [b"'", &bytes[..], b"'"].concat());
    let fixed = prop::sample::select(vec![
        "\"x y\"",
        "$WORD",
        "\"$WORD\"",
        "$?",
        "\"$PARALLEL_SEQ\"",
        "$PARALLEL_JOBSLOT-",
        "''",
        "\"\"",
        "'a\\nb'",
        "'a\\cb'",
        "-n",
        "-e",
        "$nothing",
        "*.none",
        "\\a",
        "~",
        "{1,2}",
        "$(echo x)",
        "$#",
    ]);
    prop_oneof![
        4 => literal,
        2 => quoted,
        4 => fixed.prop_map(|word| word.as_bytes().to_vec()),
    ]
}

/// A command that is pure, or nearly.
fn command() -> impl Strategy<Value = Vec<u8>> {
    let words = proptest::collection::vec(word(), 0..4)
        .prop_map(|words| [b" ", &words.join(&b' ')[..]].concat());
    let name = prop::sample::select(vec![
        "echo",
        "echo",
        "echo",
        "printf '%s\\n'",
        "printf %d:",
        "printf",
        ":",
        "true",
        "false",
        "greet",
        "big 7;",
        "big 3 ||",
        "big x;",
        "no-such-command",
        "exit 4;",
        "/bin/echo",
        "kill -9 $$;",
        "x=1 echo",
        "export WORD=changed;",
        "cd /;",
        "echo >&2",
        "echo >/dev/null",
        "set -e; false;",
        "umask 077;",
        "printf x;",
        "exec echo",
        "trap 'echo bye' EXIT;",
        "return 2;",
        "unset WORD;",
        "echo | cat -A;",
    ]);
    let plain = (name, words).prop_map(|(name, words)| [name.as_bytes(), &words].concat());
    let test = (
        "[!]?",
        word(),
        prop::sample::select(vec!["=", "!=", "-gt", "-eq"]),
        word(),
    )
        .prop_map(|(not, one, operator, other)| {
            [
                b"[ ",
                not.as_bytes(),
                b" ",
                &one,
                b" ",
                operator.as_bytes(),
                b" ",
                &other,
                b" ]",
            ]
            .concat()
        });
    prop_oneof![4 => plain, 1 => test]
}

fn line() -> impl Strategy<Value = Vec<u8>> {
    let joint = prop::sample::select(vec!["; ", " && ", " || "]);
    (
        command(),
        proptest::collection::vec((joint, command()), 0..2),
    )
        .prop_map(|(first, more)| {
            more.into_iter().fold(first, |line, (joint, command)| {
                [&line, joint.as_bytes(), &command].concat()
            })
        })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4, max_shrink_iters: 60, ..ProptestConfig::default() })]

    #[test]
    fn a_warm_shell_is_as_good_as_a_new_one(lines in proptest::collection::vec(line(), 40)) {
        assert_same(&lines);
    }
}

#[test]
fn no_job_sees_what_another_did() {
    let lines = [
        "echo a; echo b >&2; false",
        "export WORD=changed; cd /; set -e; exit 5",
        "echo \"$WORD\"; echo $?",
        "kill -9 $$",
        "printf no-newline",
        "printf %d x",
        "[ x -gt 1 ]",
        "echo $PARALLEL_SEQ",
        "kill -TERM 0",
        "big x",
    ];
    let lines: Vec<_> = lines
        .into_iter()
        .cycle()
        .take(100)
        .map(|line| line.as_bytes().to_vec())
        .collect();
    // How a shell calls itself in a message is no business of ours: the messages are compared as well.
    assert_same(&lines);
}

#[test]
fn many_jobs_share_a_shell_and_each_has_its_own_result() {
    for shell in shells() {
        let input: Vec<_> = (0..3000).map(|number| format!("{number}\n")).collect();
        let output = fanout()
            .args(["-k", "-j2", "--json", "echo {}; [ {} -lt 2999 ]"])
            .env("PARALLEL_SHELL", shell)
            .write_stdin(input.concat())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{shell}");
        let mut pids = std::collections::BTreeSet::new();
        let mut ends = 0;
        for line in output.stdout.split(|&byte| byte == b'\n') {
            let Ok(event) = serde_json::from_slice::<serde_json::Value>(line) else {
                continue;
            };
            if event["type"] != "job.end" {
                continue;
            }
            let number = event["seq"].as_u64().unwrap() - 1;
            assert_eq!(event["stdout"], format!("{number}\n"));
            assert_eq!(event["exit"], u64::from(number == 2999));
            pids.insert(event["pid"].as_u64());
            ends += 1;
        }
        assert_eq!(ends, 3000);
        assert!(
            pids.len() < 1000,
            "{shell}: {} shells for 3000 jobs",
            pids.len()
        );
    }
}

#[test]
fn two_slots_that_stop_at_the_same_time_go_on() {
    let job = |number: usize| match number % 50 {
        3 => format!("echo {number}; false\n"),
        _ => format!("echo {number}\n"),
    };
    let inputs: String = (1..=8000).map(job).collect();
    let want: String = (1..=8000).map(|number| format!("{number}\n")).collect();
    for _ in 0..3 {
        let run = fanout()
            .args(["-k", "-j2", "--retries", "2", "--no-summary"])
            .write_stdin(inputs.clone())
            .timeout(crate::support::HANG_GUARD)
            .output()
            .unwrap();
        assert_eq!(run.status.code(), Some(101), "it hangs, or loses jobs");
        assert!(text(&run.stdout) == want, "not what was printed");
    }
}
