//! Jobs and the terminal: each run has one of its own, from `script`.

use std::io::{Read as _, Write as _};
use std::process::{Command, Stdio};

use crate::support::{HANG_GUARD, skip_without};
use crate::{ENVIRONMENT, text};

/// What a terminal shows of `command`; once it shows `cue`, `typed` is typed. `None`: there is no `script`.
fn shown(command: &str, cue: &str, typed: &str) -> Option<String> {
    shown_in_steps(command, &[(cue, typed)])
}

/// As [`shown`], of several cues and what is typed at each, one after the other.
fn shown_in_steps(command: &str, steps: &[(&str, &str)]) -> Option<String> {
    if Command::new("script").arg("--version").output().is_err() {
        skip_without("script");
        return None;
    }
    let fanout = env!("CARGO_BIN_EXE_fanout");
    let mut script = Command::new("timeout")
        .arg(HANG_GUARD.as_secs().to_string())
        .args([
            "script",
            "-qec",
            &format!("{fanout} {command}"),
            "/dev/null",
        ])
        .envs(ENVIRONMENT.iter().copied())
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // Its end would be Ctrl-D.
    let mut keys = script.stdin.take().unwrap();
    let mut screen = script.stdout.take().unwrap();
    let (mut shown, mut piece, mut steps) = (Vec::new(), [0; 4096], steps.iter().peekable());
    loop {
        if let Some((_, typed)) = steps.next_if(|(cue, _)| text(&shown).contains(cue)) {
            keys.write_all(typed.as_bytes()).unwrap();
        }
        match screen.read(&mut piece).unwrap() {
            0 => break,
            count => shown.extend_from_slice(&piece[..count]),
        }
    }
    script.wait().unwrap();
    Some(text(&shown).replace('\r', ""))
}

#[test]
fn each_job_is_asked_about() {
    let Some(shown) = shown(
        "-j1 -p --joblog /dev/stdout echo ::: ab cd ef",
        " ?...",
        "y\nno\nYes\n",
    ) else {
        return;
    };
    assert!(shown.contains("echo ab ?..."), "{shown}");
    assert!(shown.contains("\nab\n"), "{shown}");
    assert!(!shown.contains("\ncd\n"), "{shown}");
    assert!(shown.contains("\t-2\t0\techo cd"), "{shown}");
    assert!(shown.contains("\nef\n"), "{shown}");
    assert!(!shown.contains("failed"), "{shown}");
}

#[test]
fn ctrl_c_while_being_asked_ends_the_run() {
    let Some(shown) = shown("-j2 -p echo ::: ab cd ef", " ?...", "\x03") else {
        return;
    };
    assert_eq!(shown.matches(" ?...").count(), 1, "{shown}");
}

#[test]
fn a_new_time_limit_is_no_answer_to_a_question() {
    // The limit is known when the second job has ended, while the user is asked about the third.
    let command = "-j2 -p --timeout 10000% --joblog /dev/tty -d, 'sleep 0.{}; echo {}' ::: 1,5,7";
    let steps = [("0.1; echo 1 ?...", "y\ny\n"), ("\tsleep 0.5", "y\n")];
    let Some(shown) = shown_in_steps(command, &steps) else {
        return;
    };
    assert!(shown.contains("\n7\n"), "{shown}");
}

#[test]
fn jobs_read_from_the_terminal() {
    for options in ["--tty", "--open-tty -j1", "-o -j1 --shell always"] {
        let command = format!("{options} 'read line; echo got $line; tty #' ::: 1");
        let Some(shown) = shown(&command, "", "hello\n") else {
            return;
        };
        assert!(shown.contains("got hello\n"), "{options}: {shown}");
        assert!(shown.contains("/dev/"), "{options}: {shown}");
    }
}

#[test]
fn of_each_job_the_latest_line_stays() {
    let command = "--ll -j2 --tag 'echo one; echo two; echo three #' ::: ab cd";
    let Some(shown) = shown(command, "", "") else {
        return;
    };
    for job in ["ab", "cd"] {
        assert!(shown.contains(&format!("{job}  three\n")), "{shown}");
        assert!(!shown.contains(&format!("{job}  one\n")), "{shown}");
    }
}

#[test]
fn a_job_in_a_window_keeps_its_exit_code_and_its_output_for_itself() {
    if Command::new("tmux").arg("-V").output().is_err() {
        return skip_without("tmux");
    }
    for option in ["--tmux", "--tmuxpane"] {
        let dir = tempfile::tempdir().unwrap();
        let log = dir.path().join("log");
        let output = Command::new(env!("CARGO_BIN_EXE_fanout"))
            .envs(ENVIRONMENT.iter().copied())
            .env("TMPDIR", dir.path())
            .args(["-k", "-j2", option, "--no-summary", "--joblog"])
            .arg(&log)
            .args(["echo \"it's $PARALLEL_SEQ\" > {}; exit {}", ":::", "0", "3"])
            .current_dir(dir.path())
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(1), "{output:?}");
        assert_eq!(text(&output.stdout), "");
        let told = text(&output.stderr);
        assert!(told.starts_with("See output with: tmux -S "), "{told}");
        let log = std::fs::read_to_string(log).unwrap();
        assert!(log.contains("\t3\t0\techo"), "{log}");
        let wrote = std::fs::read_to_string(dir.path().join("3")).unwrap();
        assert_eq!(wrote, "it's 2\n");
        let socket = told.split(' ').nth(5).unwrap();
        // The windows of jobs that are over would stay for a while.
        let ended = Command::new("tmux")
            .args(["-S", socket, "kill-server"])
            .status();
        assert!(ended.unwrap().success());
    }
}

#[test]
fn without_a_terminal_nobody_can_be_asked() {
    let output = Command::new("setsid")
        .args(["-w", env!("CARGO_BIN_EXE_fanout"), "-p", "echo", ":::", "1"])
        .envs(ENVIRONMENT.iter().copied())
        .stdin(Stdio::null())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(255));
    assert!(text(&output.stderr).contains("--interactive"), "{output:?}");
    assert_eq!(text(&output.stdout), "");
}
