//! Where less is to be had than usual: processes, descriptors, memory, room, a place.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::sync::{Mutex, PoisonError};

use crate::{fanout, text};

/// A program in `folder` that does nothing, and does it well.
fn program(folder: &Path) {
    let path = folder.join("program");
    fs::copy("/bin/true", &path).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).unwrap();
}

#[test]
fn a_program_that_is_being_written_is_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    program(folder.path());
    // The second job begins while the first one has the program open for writing.
    let run = fanout()
        .current_dir(folder.path())
        .args([
            "-j2",
            "--delay",
            "0.3",
            "--joblog",
            "log",
            "--no-summary",
            "{}",
            ":::",
        ])
        .args(["exec 9>>program; sleep 1", "./program"])
        .output()
        .unwrap();
    assert_eq!((text(&run.stderr), run.status.code()), ("", Some(0)));
}

#[test]
fn a_program_that_is_written_for_ever_is_the_shells_to_tell_of() {
    let folder = tempfile::tempdir().unwrap();
    program(folder.path());
    let writer = fs::OpenOptions::new()
        .append(true)
        .open(folder.path().join("program"));
    let _writer = writer.unwrap();
    let run = fanout()
        .current_dir(folder.path())
        .args(["--no-summary", "{}", ":::", "./program"])
        .output()
        .unwrap();
    assert!(text(&run.stderr).contains("Text file busy"), "{run:?}");
    assert_eq!(run.status.code(), Some(1));
}

/// A limit counts whatever a user has, so only one test is the user who has nothing else.
static ALONE: Mutex<()> = Mutex::new(());

/// What came of `args` after `limits`, commands of bash, as somebody who is not root, with `input`.
fn under(limits: &str, args: &[&str], input: &str) -> Option<std::process::Output> {
    let folder = tempfile::tempdir().unwrap();
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o777)).unwrap();
    let input_file = folder.path().join("input");
    fs::write(&input_file, input).unwrap();
    let fanout = env!("CARGO_BIN_EXE_fanout");
    // Root has no limit on processes.
    let root = rustix::process::getuid().is_root();
    let _alone = ALONE.lock().unwrap_or_else(PoisonError::into_inner);
    let user = format!("--reuid={}", 1_000_000 + std::process::id());
    let mut command = if root {
        let mut command = assert_cmd::Command::new("setpriv");
        command.args([&user, "--regid=65534", "--clear-groups", "bash"]);
        command
    } else {
        assert_cmd::Command::new("bash")
    };
    for (name, value) in crate::ENVIRONMENT {
        command.env(name, value);
    }
    let script = format!("{limits}; exec \"$@\" < input");
    let output = command
        .current_dir(folder.path())
        .args(["-c", &script, "limits", fanout, "--no-summary"])
        .args(args)
        .timeout(crate::support::HANG_GUARD)
        .output();
    match output {
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            crate::support::skip_without("setpriv");
            None
        }
        output
            if output
                .as_ref()
                .is_ok_and(|it| it.status.code() == Some(126)) =>
        {
            // The program is where nobody else may go.
            eprintln!("skipped: {fanout} is not for everybody");
            None
        }
        output => Some(output.unwrap()),
    }
}

/// The numbers up to `last`, a line each.
fn numbers(last: usize) -> String {
    (1..=last).map(|number| format!("{number}\n")).collect()
}

#[test]
fn what_is_limited_makes_fewer_slots_and_loses_no_job() {
    let all: String = numbers(60);
    for limits in [
        "ulimit -v 60000",
        "ulimit -v 150000",
        "ulimit -v 400000",
        "ulimit -d 40000",
        "ulimit -n 24",
        "ulimit -n 60",
        "ulimit -u 16",
        "ulimit -u 24",
        "ulimit -u 60",
    ] {
        let args = ["-k", "-j500", "sleep 0.01; echo {}"];
        let Some(output) = under(limits, &args, &all) else {
            return;
        };
        assert_eq!(text(&output.stdout), all, "{limits}: {output:?}");
        assert_eq!(output.status.code(), Some(0), "{limits}: {output:?}");
        let words = text(&output.stderr);
        let told = words.contains("of 500 jobs can run at a time");
        assert!(told, "{limits}: {words}");
    }
}

#[test]
fn jobs_that_are_fed_in_turn_are_as_many_as_there_are_slots() {
    let all = numbers(20_000);
    for (limits, route) in [
        ("ulimit -u 20", "--round-robin"),
        ("ulimit -v 100000", "--round-robin"),
        ("ulimit -n 60", "--round-robin"),
        ("ulimit -u 20", "--shard=1"),
        ("ulimit -v 100000", "--block=-2"),
    ] {
        let args = ["-j100", "--pipe", route, "cat"];
        let Some(output) = under(limits, &args, &all) else {
            return;
        };
        assert_eq!(output.status.code(), Some(0), "{limits}: {output:?}");
        let mut lines: Vec<_> = text(&output.stdout).lines().collect();
        lines.sort_unstable_by_key(|line| line.parse::<u32>().unwrap());
        assert_eq!(lines.join("\n") + "\n", all, "{limits} {route}");
        let words = text(&output.stderr);
        assert!(words.contains("of 100 jobs can run at a time"), "{words}");
    }
}

#[test]
fn each_job_of_tee_gets_everything_with_few_slots() {
    let args = ["-k", "-j100", "--pipe", "--tee", "wc -l; : {}", ":::"];
    let values: Vec<String> = (1..=20).map(|value| value.to_string()).collect();
    let args: Vec<&str> = args
        .into_iter()
        .chain(values.iter().map(|it| &**it))
        .collect();
    for limits in ["ulimit -u 24", "ulimit -v 80000"] {
        let Some(output) = under(limits, &args, &numbers(1000)) else {
            return;
        };
        assert_eq!(
            text(&output.stdout),
            "1000\n".repeat(20),
            "{limits}: {output:?}"
        );
        assert_eq!(output.status.code(), Some(0), "{limits}: {output:?}");
    }
}

#[test]
fn as_many_as_there_is_room_for_are_no_surprise() {
    for (args, written) in [
        (&["-j0", "echo"][..], "1\n"),
        // Without arguments it has no jobs.
        (&["--pipe", "--tee", "-k", "cat"], ""),
    ] {
        let Some(output) = under("ulimit -u 60", args, "1\n") else {
            return;
        };
        assert_eq!(text(&output.stdout), written, "{args:?}: {output:?}");
        assert_eq!(text(&output.stderr), "", "{args:?}");
    }
}

#[test]
fn an_input_that_no_command_line_can_hold_is_refused_by_its_number() {
    let endless = "x".repeat(30_000_000);
    let output = fanout()
        .args(["-j1", "--no-summary", "echo", "{}"])
        .write_stdin(format!("a\nb\n{endless}"))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(255), "{:?}", output.status);
    assert_eq!(text(&output.stdout), "a\nb\n");
    let words = text(&output.stderr);
    let told = words.contains("record 3") && words.contains("is the delimiter right?");
    assert!(told, "{words}");
    // Where memory is limited it is no matter how long it would be.
    if let Some(output) = under("ulimit -v 100000", &["-j1", "echo"], &endless.repeat(5)) {
        assert_eq!(output.status.code(), Some(255), "{output:?}");
        let words = text(&output.stderr);
        assert!(words.contains("is the delimiter right?"), "{words}");
    }
}

#[test]
fn a_record_for_a_pipe_takes_no_more_than_there_may_be() {
    let endless = "x".repeat(150_000_000);
    // What is cut record by record is read into memory even from a file.
    let args = ["-j2", "--pipe", "-N1", "wc -c"];
    if let Some(output) = under("ulimit -v 150000", &args, &endless) {
        assert_eq!(output.status.code(), Some(255), "{output:?}");
        let words = text(&output.stderr);
        assert!(words.contains("does not fit into memory"), "{words}");
    }
}

#[test]
fn blocks_are_as_large_as_memory_has_room_for() {
    let numbers = numbers(4_000_000);
    // What is cut record by record is read into memory even from a file.
    let args = [
        "-k",
        "-j8",
        "--pipe",
        "-N500000",
        "--block",
        "1g",
        "sleep 0.1; cat",
    ];
    if let Some(output) = under("ulimit -v 150000", &args, &numbers) {
        assert_eq!(output.status.code(), Some(0), "{:?}", text(&output.stderr));
        assert!(text(&output.stdout) == numbers, "not what went in");
        let words = text(&output.stderr);
        assert!(words.contains("--block 1000000000 does not fit"), "{words}");
    }
}

#[test]
fn a_quote_that_is_not_closed_is_an_error_soon() {
    // What is read of a record is not looked at again and again.
    for line in ["y\n", "\",\"\n", "\"\"\n"] {
        let endless = format!("a,b\n\"{}", line.repeat(5_000_000));
        let output = fanout()
            .args(["--csv", "-j1", "--no-summary", "echo", "{1}"])
            .write_stdin(endless)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(255), "{:?}", output.status);
        assert_eq!(text(&output.stdout), "a\n");
        let words = text(&output.stderr);
        assert!(words.contains("is a quote missing?"), "{words}");
    }
}

#[test]
fn an_empty_name_of_the_temporary_directory_is_none() {
    let output = fanout()
        .env("TMPDIR", "")
        .args(["-k", "echo", ":::", "a", "b"])
        .output()
        .unwrap();
    assert_eq!((text(&output.stdout), text(&output.stderr)), ("a\nb\n", ""));
}
