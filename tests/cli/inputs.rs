//! Inputs that come while jobs run.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write as _};
use std::process::Stdio;

use crate::process::{Run, make_fifo};
use crate::{fanout, fanout_in_background};

/// Whichever job appends a line and however many run: it is run.
#[test]
fn lines_that_jobs_append_to_the_file_of_inputs_are_run() {
    for slots in ["-j1", "-j2", "-j8"] {
        for inputs in [1, 2, 5, 100] {
            let folder = tempfile::tempdir().unwrap();
            let lines: String = (1..=inputs).map(|number| format!("{number}\n")).collect();
            fs::write(folder.path().join("list"), lines).unwrap();
            let job = "case {} in n*) echo {};; *) echo n{} >> list;; esac";
            let run = fanout()
                .current_dir(folder.path())
                .args(["-k", slots, "-a", "list", job])
                .assert()
                .code(0);
            let lines = crate::text(&run.get_output().stdout).lines().count();
            assert_eq!(lines, inputs, "{slots}, {inputs} inputs");
        }
    }
}

/// What is read before the first job, or by nobody who runs jobs, is not waited for.
#[test]
fn files_that_are_shorter_than_what_is_read_at_first_end() {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in [("empty", ""), ("one", "a\n")] {
        fs::write(folder.path().join(name), text).unwrap();
        for options in [
            &["--skip-first-line"][..],
            &["--header", ":"],
            &["--skip-first-line", "--header", ":"],
            &["--header", ":", "--shuf"],
            &["--header", ":", "-X"],
            &["--csv", "--header", ":"],
            &["--sqlmaster", "sqlite3:///%2ft.db/t"],
            &["--dry-run"],
            &["--milestone", "a"],
        ] {
            let mut command = fanout();
            command.current_dir(folder.path()).args(options);
            let run = command.args(["-a", name, "echo"]).output().unwrap();
            assert!(run.status.code().is_some(), "{options:?} {name}");
        }
    }
}

#[test]
fn what_somebody_appends_while_a_job_runs_is_run_when_it_ends_and_nothing_later() {
    let folder = tempfile::tempdir().unwrap();
    let list = folder.path().join("list");
    make_fifo(&folder.path().join("fifo"));
    fs::write(&list, "first").unwrap();
    let mut command = fanout_in_background();
    command
        .args(["-j4", "echo {}; test {} != first || cat fifo"])
        .current_dir(folder.path())
        .stdin(File::open(&list).unwrap())
        .stdout(Stdio::piped());
    let mut run = Run::start(command);
    run.await_jobs("cat fifo", 1);
    let mut list = File::options().append(true).open(&list).unwrap();
    list.write_all(b"\nsecond\n").unwrap();
    fs::write(folder.path().join("fifo"), "").unwrap();
    let out = BufReader::new(run.child.stdout.take().unwrap()).lines();
    let lines: Vec<_> = out.map(|line| line.unwrap()).collect();
    assert_eq!(lines, ["first", "", "second"]);
    assert!(run.wait().success());
}
