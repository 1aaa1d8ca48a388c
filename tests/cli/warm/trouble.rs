//! Trouble in a shared shell, or in a job beside those that share it, costs nobody else anything.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::os::unix::process::ExitStatusExt as _;
use std::process::Stdio;

use rustix::process::{Pid, Signal, kill_process};

use super::{assert_same, assert_same_with, shells};
use crate::fanout_in_background;
use crate::process::{Run, await_that};

/// Each of `lines` among jobs that share a shell.
fn among_others(lines: &[&str]) -> Vec<Vec<u8>> {
    let others = [
        "echo a",
        "echo \"$PARALLEL_SEQ\" >&2",
        "printf b",
        "[ a = b ]",
        "true && echo 'c  d'",
    ];
    let mut all = Vec::new();
    for line in lines {
        all.extend(others.repeat(3));
        all.push(line);
    }
    all.extend(others.repeat(3));
    all.into_iter()
        .map(|line| line.as_bytes().to_vec())
        .collect()
}

#[test]
fn a_job_that_ruins_its_shell_ruins_that_of_no_other() {
    assert_same(&among_others(&[
        "exec >&-; echo a",
        "exec 2>&-; [ x -gt 1 ]; echo $?",
        "echo a >&-",
        "exec <&-; read x",
        "exec 7<&- 8<&- 9>&-; echo a",
        "read x <&8",
        "echo x >&9",
        ". /proc/self/fd/7",
        "kill -9 $$",
        "kill -9 0",
        "trap '' TERM; kill -TERM 0; echo survived",
        "exit 300",
        "alias echo=false",
        "readonly PARALLEL_SEQ; PARALLEL_SEQ=x",
        "echo() { exit 9; }; echo",
        "umask 0777",
        "ulimit -n 3; echo a | cat",
        "PATH=; IFS=a; cd /",
        "set -e; set -u; false",
        "while read x; do :; done; echo end",
    ]));
}

#[test]
fn what_looks_like_a_mark_is_text_and_output_may_be_odd_or_huge() {
    let long = format!("echo {}", "x".repeat(4000));
    let mark = "0123456789abcdef0123456789abcdef";
    let marks = [
        format!("echo {mark}0"),
        format!("echo '{mark}0\n{mark}1'; echo {mark} >&2"),
    ];
    let mut lines = vec![
        &*marks[0],
        &*marks[1],
        "printf 'a\\000b\\n'",
        "echo 'echo $?'",
        "printf '\\n\\n'",
        "printf '%s' ''",
        "echo 'a\n' >&2",
        "i=0; while [ $i -lt 20000 ]; do echo $i; i=$((i+1)); done",
    ];
    lines.push(&long);
    let mut lines = among_others(&lines);
    lines.extend([(); 100].map(|()| long.clone().into_bytes()));
    assert_same(&lines);
}

#[test]
fn a_job_that_never_ends_meets_its_time_limit_and_no_other_does() {
    let lines = among_others(&["while :; do :; done", "trap '' TERM; while :; do :; done"]);
    assert_same_with(
        &["--timeout", "1", "--termseq", "TERM,50,KILL,1000"],
        &lines,
    );
}

#[test]
fn a_halt_comes_after_the_job_that_asks_for_it() {
    let lines = among_others(&["[ $PARALLEL_SEQ = 0 ]", "exit 3", "false"]);
    for halt in [
        "now,fail=1",
        "now,fail=3",
        "now,done=2",
        "now,done=30",
        "now,success=1",
        "soon,fail=1",
        "soon,done=7",
    ] {
        assert_same_with(&["--halt", halt], &lines);
    }
}

#[test]
fn a_job_that_fails_is_tried_again_in_whatever_shell() {
    assert_same_with(
        &["--retries", "3"],
        &among_others(&["false", "exit 2", "[ x -gt 1 ]", "echo a; false"]),
    );
}

/// A run whose jobs all share one shell.
fn sharing(shell: &str, options: &[&str]) -> Run {
    let mut command = fanout_in_background();
    command
        .args(["-k", "-j1", "--no-summary", "--shell", "warm"])
        .args(options)
        .arg("echo {} {}")
        .env("PARALLEL_SHELL", shell)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    Run::start(command)
}

/// The process ids of the shells that are shared.
fn shared_shells(run: &Run) -> Vec<u32> {
    let shared = run.processes().into_iter();
    shared
        .filter(|(_, line)| line.contains("while read -r x <&8"))
        .map(|(pid, _)| pid)
        .collect()
}

#[test]
fn a_shared_shell_that_somebody_kills_or_stops_takes_no_job_with_it() {
    for shell in shells() {
        for signal in [Signal::KILL, Signal::TERM, Signal::SEGV, Signal::STOP] {
            let mut run = sharing(shell, &["--timeout", "2"]);
            let mut input = run.child.stdin.take().unwrap();
            let mut output = BufReader::new(run.child.stdout.take().unwrap());
            let mut next = 1;
            for _ in 0..2 {
                let lines: Vec<_> = (next..next + 20)
                    .map(|number| format!("{number}\n"))
                    .collect();
                input.write_all(lines.concat().as_bytes()).unwrap();
                for _ in 0..20 {
                    let mut line = String::new();
                    output.read_line(&mut line).unwrap();
                    assert_eq!(line, format!("{next} {next}\n"), "{shell} {signal:?}");
                    next += 1;
                }
                await_that("a shared shell", || !shared_shells(&run).is_empty());
                for pid in shared_shells(&run) {
                    let pid = Pid::from_raw(pid.cast_signed()).unwrap();
                    kill_process(pid, signal).unwrap();
                }
            }
            drop(input);
            assert_eq!(run.wait().code(), Some(0), "{shell} {signal:?}");
        }
    }
}

#[test]
fn an_interrupt_leaves_whole_outputs_in_order_and_no_shell() {
    for shell in shells() {
        let mut run = sharing(shell, &[]);
        let mut input = run.child.stdin.take().unwrap();
        // Goes on until nobody reads any more.
        let feeder = std::thread::spawn(move || {
            let mut numbers = (1..).map(|number: u64| format!("{number}\n"));
            while input.write_all(numbers.next().unwrap().as_bytes()).is_ok() {}
        });
        let mut output = BufReader::new(run.child.stdout.take().unwrap());
        let mut text = String::new();
        for _ in 0..500 {
            output.read_line(&mut text).unwrap();
        }
        run.send(Signal::INT);
        output.read_to_string(&mut text).unwrap();
        assert_eq!(run.wait().signal(), Some(Signal::INT.as_raw()));
        feeder.join().unwrap();
        let lines = text.lines().count();
        let want: Vec<_> = (1..=lines)
            .map(|number| format!("{number} {number}\n"))
            .collect();
        assert_eq!(text, want.concat(), "{shell}");
        await_that("no shell is left", || run.jobs().is_empty());
    }
}
