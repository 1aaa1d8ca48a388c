//! Parts of files as `-vv` shows them: lines that a shell can run without fanout.

use std::fs;
use std::process::Command;

use crate::{fanout, text};

#[test]
fn shown_parts_are_read_by_a_shell_as_jobs_read_them() {
    for (name, options) in [
        ("lines", &["--block", "-1"][..]),
        ("lines", &["--block", "100"]),
        ("with 'quotes' & more", &["--block", "100"]),
        ("-dash", &["--block", "1k"]),
        ("lines", &["--block", "70", "--header", ":"]),
        ("lines", &["--block", "70", "--header", ".*\n.*\n"]),
        ("lines", &["--block", "70", "--skip-first-line"]),
        ("lines", &["--block", "70", "--recend", "7\n"]),
        ("empty", &[]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let lines: String = (1..=300).map(|number| format!("{number}\n")).collect();
        let content = if name == "empty" { "" } else { &lines };
        fs::write(folder.path().join(name), content).unwrap();
        let run = |shows: &[&str]| {
            let output = fanout()
                .current_dir(folder.path())
                .args(["-k", "-j2", "--pipepart"])
                .args(options)
                .args(shows)
                .arg(format!("--arg-file={name}"))
                .arg("cat; echo job")
                .output()
                .unwrap();
            assert!(output.status.success(), "{name} {options:?}: {output:?}");
            text(&output.stdout).to_owned()
        };
        let jobs = run(&[]);
        let shown = run(&["-vv", "--dry-run"]);
        assert_eq!(
            shown.lines().count(),
            jobs.matches("job").count(),
            "{name} {options:?}: {shown}"
        );
        let output = Command::new("sh")
            .current_dir(folder.path())
            .args(["-c", &shown])
            .output()
            .unwrap();
        assert_eq!(text(&output.stdout), jobs, "{name} {options:?}: {shown}");
    }
}

#[test]
fn the_joblog_has_what_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("f"), "a\nb\n").unwrap();
    let output = fanout()
        .current_dir(folder.path())
        .args(["-k", "-vv", "--joblog", "log", "--pipepart"])
        .args(["--block", "1", "-a", "f", "cat"])
        .output()
        .unwrap();
    let [first, second] = ["<f head -c 2 |(cat)", "<f tail -c +3 | head -c 2 |(cat)"];
    assert_eq!(
        text(&output.stdout),
        format!("{first}\na\n{second}\nb\n"),
        "{output:?}"
    );
    let log = fs::read_to_string(folder.path().join("log")).unwrap();
    for line in [first, second] {
        assert!(
            log.lines()
                .any(|logged| logged.ends_with(&format!("\t{line}"))),
            "{log}"
        );
    }
}
