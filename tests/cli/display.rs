//! What a terminal shows of a run, without being asked.

use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::process::Stdio;

use crate::support::pane::Pane;
use crate::{fanout, fanout_in_background, text};

/// Jobs that say something and wait for a line from a fifo of their own.
const WAITING: &str =
    "mkfifo 1 2 3; fanout -j3 'echo begin {}; read line <{}; echo end {} $line #' ::: 1 2 3";

/// The rows of jobs that run, in `lines`.
fn rows(lines: &[String]) -> Vec<String> {
    let spins = |line: &&String| ('\u{2800}'..='\u{28ff}').any(|spinner| line.starts_with(spinner));
    lines.iter().filter(spins).cloned().collect()
}

/// Whether nothing of a display is in `lines`.
fn is_plain(lines: &[String]) -> bool {
    rows(lines).is_empty()
        && !lines
            .iter()
            .any(|line| line.contains('━') || line.contains('─'))
}

/// What a row says behind its clock.
fn behind_clock(row: &str) -> &str {
    let (_, rest) = row.split_once("0:0").unwrap();
    &rest[1..]
}

#[test]
fn a_run_that_takes_longer_shows_what_runs() {
    for (columns, height) in [(80, 24), (200, 50)] {
        let Some(pane) = Pane::open(columns, height, &format!("seq 3; {WAITING}")) else {
            return;
        };
        let lines = pane.await_lines(|lines| lines.join("\n").matches("begin").count() == 6);
        assert_eq!(lines[..3], ["1", "2", "3"]);
        let rows = rows(&lines);
        assert_eq!(rows.len(), 3, "{lines:#?}");
        for (row, seq) in rows.iter().zip(1..) {
            assert!(row.contains(&format!(" #{seq}  0:0")), "{row}");
            let rest = behind_clock(row);
            let expected = format!(
                "  echo begin {seq}; read line <{seq}; echo end {seq} $line #  begin {seq}"
            );
            assert_eq!(rest, expected);
        }
        let last = lines.last().unwrap();
        assert!(last.starts_with("────"), "{last}");
        assert!(last.contains("──  0/3 · 3 running · 0:0"), "{last}");
        assert_eq!(lines.len(), 7);
        fs::write(pane.path().join("2"), "well\n").unwrap();
        let lines = pane.await_cue("1/3 · 2 running");
        assert_eq!(lines[3..5], ["begin 2", "end 2 well"], "{lines:#?}");
        assert_eq!(self::rows(&lines).len(), 2);
        assert!(lines.last().unwrap().starts_with("━━━━"), "{lines:#?}");
        for seq in ["1", "3"] {
            fs::write(pane.path().join(seq), "too\n").unwrap();
        }
        let mut lines = pane.await_end();
        lines[5..].sort();
        let all = [
            "1",
            "2",
            "3",
            "begin 2",
            "end 2 well",
            "begin 1",
            "begin 3",
            "end 1 too",
            "end 3 too",
        ];
        assert_eq!(lines, all, "nothing of the display stays");
    }
}

#[test]
fn failures_are_told_of_when_they_happen() {
    let script = "mkfifo 1 2 3 4\n\
        fanout -j4 -k 'read line <{}; echo no {} >&2; exit $line #' ::: 1 2 3 4";
    let Some(pane) = Pane::open(80, 24, script) else {
        return;
    };
    pane.await_cue("4 running");
    fs::write(pane.path().join("3"), "7\n").unwrap();
    let lines = pane.await_cue("1 failed");
    // Its output waits for those before it, so its last words are there.
    assert!(lines[0].starts_with("✗ #3    exit 7     "), "{lines:#?}");
    assert!(
        lines[0].ends_with("s  read line <3; echo no 3 >&2; exit $line #"),
        "{lines:#?}"
    );
    assert_eq!(lines[1], "  ├ no 3");
    let held = lines.last().unwrap();
    assert!(held.contains("1 output held, #1 still runs (0:0"), "{held}");
    fs::write(pane.path().join("1"), "8\n").unwrap();
    let lines = pane.await_cue("2 failed");
    // The output comes next.
    assert!(lines[2].starts_with("✗ #1    exit 8     "), "{lines:#?}");
    assert_eq!(lines[3], "no 1");
    for seq in ["2", "4"] {
        fs::write(pane.path().join(seq), "0\n").unwrap();
    }
    let lines = pane.await_end();
    assert!(is_plain(&lines), "{lines:#?}");
    assert_eq!(lines[4..7], ["no 2", "no 3", "no 4"], "{lines:#?}");
}

#[test]
fn nothing_stays_when_the_window_becomes_smaller() {
    let Some(pane) = Pane::open(100, 24, &format!("seq 3; {WAITING}")) else {
        return;
    };
    pane.await_cue("3 running");
    for (columns, height) in [(50, 24), (30, 20), (120, 24), (60, 12)] {
        pane.resize(columns, height);
        let width = usize::from(columns);
        let is_drawn = |lines: &[String]| {
            let rows = rows(lines);
            let all = rows.len() == 3 && lines.len() <= 7;
            let fits = |line: &String| line.chars().count() <= width;
            all && lines.iter().all(fits) && lines.last().is_some_and(|it| it.contains("0/3"))
        };
        let lines = pane.await_lines(is_drawn);
        assert_eq!(lines.iter().filter(|line| line.contains("/3 ")).count(), 1);
    }
    for seq in ["1", "2", "3"] {
        fs::write(pane.path().join(seq), "\n").unwrap();
    }
    assert!(is_plain(&pane.await_end()));
}

#[test]
fn a_reason_stands_where_nothing_starts() {
    let script = "fanout --limit 'test -e go; #' echo ::: 1 2";
    let Some(pane) = Pane::open(80, 24, script) else {
        return;
    };
    let lines = pane.await_cue("waiting: ");
    let line = lines.last().unwrap();
    assert!(
        line.contains("0/2 · waiting: --limit 'test -e go; #' says no · 0:0"),
        "{line}"
    );
    fs::write(pane.path().join("go"), "").unwrap();
    assert_eq!(pane.await_end(), ["1", "2"]);
}

/// Pieces of lines come while the display is there: it shows the beginning of a line, and all bytes are there in the end.
#[test]
fn output_is_not_torn_and_not_changed() {
    let script = "mkfifo a1 a2 b1 b2\n\
        fanout -k -j2 'read line <a{}; printf \"$line \"; read line <b{}; printf \"$line-\" #' ::: 1 2; echo";
    let Some(pane) = Pane::open(80, 24, script) else {
        return;
    };
    let write = |job: &str, line: &str| fs::write(pane.path().join(job), line).unwrap();
    pane.await_cue("2 running");
    write("a1", "a\n");
    pane.await_lines(|lines| lines[0] == "a" && rows(lines).len() == 2);
    write("a2", "b\n");
    write("b1", "c\n");
    pane.await_lines(|lines| lines[0] == "a c-b" && rows(lines).len() == 1);
    write("b2", "d\n");
    assert_eq!(pane.await_end(), ["a c-b d-"]);
}

#[test]
fn a_stopped_run_leaves_the_terminal_to_the_shell() {
    let script = format!("set -m; {WAITING}; echo stopped; fg; echo done");
    let Some(pane) = Pane::open(80, 24, &script) else {
        return;
    };
    pane.await_cue("3 running");
    pane.keys(&["C-z"]);
    pane.await_lines(|lines| {
        let goes_on = lines.iter().any(|line| line.contains("3 running"));
        goes_on && lines.iter().any(|line| line == "stopped")
    });
    for seq in ["1", "2", "3"] {
        fs::write(pane.path().join(seq), "\n").unwrap();
    }
    let lines = pane.await_end();
    assert!(is_plain(&lines), "{lines:#?}");
    assert_eq!(lines.last().unwrap(), "done");
}

/// Where nobody wants a display there is none, however long the run takes; the jobs take longer than it needs to come.
#[test]
fn there_are_good_reasons_for_no_display() {
    let runs = [
        "CI=true fanout",
        "TERM=dumb fanout",
        "fanout --no-progress",
        "fanout -u",
        "(exec -a parallel fanout",
        "fanout --dry-run --delay 1.2",
        "fanout --tty",
    ];
    let panes = runs.map(|run| {
        let close = if run.starts_with('(') { ")" } else { "" };
        Pane::open(
            80,
            24,
            &format!("{run} -j2 'sleep 1.3; echo #' ::: 1 2{close}"),
        )
    });
    for (pane, run) in panes.iter().zip(runs) {
        let Some(pane) = pane else {
            return;
        };
        pane.tmux(&["set", "-g", "history-limit", "100"]);
        let lines = pane.await_end();
        assert!(is_plain(&lines), "{run}: {lines:#?}");
        assert!(
            !lines.iter().any(|line| line.contains("running")),
            "{run}: {lines:#?}"
        );
    }
}

/// Whoever writes the inputs waits for the jobs of those that are there.
#[test]
fn a_bar_waits_for_no_inputs() {
    for options in [&["--bar"] as &[&str], &["--eta", "-k"], &["--bar", "-0"]] {
        let mut command = fanout_in_background();
        command.args(options).args(["-j1", "echo"]);
        command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let (mut inputs, mut outputs) = (
            child.stdin.take().unwrap(),
            BufReader::new(child.stdout.take().unwrap()),
        );
        let end = if options.contains(&"-0") { '\0' } else { '\n' };
        for input in ["a", "b", "c"] {
            write!(inputs, "{input}{end}").unwrap();
            let mut line = String::new();
            outputs.read_line(&mut line).unwrap();
            assert_eq!(line.trim_end(), input);
        }
        drop(inputs);
        let output = child.wait_with_output().unwrap();
        let said = text(&output.stderr);
        assert!(
            said.lines().last().unwrap().starts_with("fanout: 3/3 · "),
            "{said}"
        );
        assert!(!said.contains('\r'), "{said}");
    }
}

#[test]
fn what_was_done_before_is_counted_too() {
    let dir = tempfile::tempdir().unwrap();
    let run = |inputs: &[&str]| {
        let output = fanout()
            .args(["--bar", "--joblog", "log", "--resume", "true", ":::"])
            .args(inputs)
            .current_dir(dir.path())
            .output()
            .unwrap();
        text(&output.stderr).lines().last().unwrap().to_owned()
    };
    let first = run(&["1", "2"]);
    assert!(first.starts_with("fanout: 2/2 · "), "{first}");
    assert!(!first.contains("before"), "{first}");
    let second = run(&["1", "2", "3"]);
    assert!(
        second.starts_with("fanout: 3/3 · 2 from before · "),
        "{second}"
    );
}

#[test]
fn of_inputs_that_still_come_the_display_knows_how_many_there_are_at_least() {
    let script = "mkfifo x y; { printf '%s\\n' x x x x; read line <y; } | fanout -j1 'test {#} != 1 || read line <x #'";
    let Some(pane) = Pane::open(80, 24, script) else {
        return;
    };
    let lines = pane.await_cue("0 done of 4+ · 1 running");
    assert_eq!(rows(&lines).len(), 1);
    for fifo in ["y", "x"] {
        fs::write(pane.path().join(fifo), "\n").unwrap();
    }
    assert!(is_plain(&pane.await_end()));
}

#[test]
fn no_color_means_no_colors() {
    let printed = |options: &[&str], no_color: &str| {
        let output = fanout()
            .args(options)
            .args(["echo", ":::", "a"])
            .env("NO_COLOR", no_color)
            .output()
            .unwrap();
        text(&output.stdout).to_owned()
    };
    for options in [["--color"], ["--ctag"], ["--ctagstring=x"]] {
        assert!(printed(&options, "").contains('\x1b'), "{options:?}");
        assert!(!printed(&options, "1").contains('\x1b'), "{options:?}");
    }
    assert_eq!(printed(&["--ctag"], "1"), printed(&["--tag"], ""));
}
