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

/// Also of inputs that lead to no job, so that nobody waits for what is said about them.
#[test]
fn what_is_odd_about_inputs_is_told_once_when_all_of_them_are_done_already() {
    let folder = tempfile::tempdir().unwrap();
    let inputs = "a\r\nb\r\nc\r\n";
    for round in 0..20 {
        let mut command = fanout();
        command.current_dir(folder.path());
        command.args(["--resume", "--joblog", "log", "true"]);
        let run = command.write_stdin(inputs).assert().code(0);
        assert_eq!(
            crate::text(&run.get_output().stderr),
            "fanout: Warning: The first three values end in CR-NL. Consider using -d \"\\r\\n\"\n",
            "round {round}"
        );
    }
}

#[test]
fn a_cr_behind_the_name_of_a_directory_in_the_environment_is_taken_off() {
    let folder = tempfile::tempdir().unwrap();
    let here = folder.path().to_str().unwrap();
    fs::create_dir_all(folder.path().join("home")).unwrap();
    fs::write(folder.path().join("home/config"), "--tag\n").unwrap();
    let mut command = fanout();
    command.args(["--compress", "--files", "echo \"$TMPDIR\"", ":::", "a"]);
    command.env("TMPDIR", format!("{here}\r"));
    command.env("PARALLEL_HOME", format!("{here}/home\r"));
    let output = command.output().unwrap();
    let file = crate::text(&output.stdout).trim_start_matches("a\t");
    assert!(file.starts_with(here) && !file.contains('\r'), "{file:?}");
    assert_eq!(
        crate::text(&output.stderr),
        "fanout: Warning: $TMPDIR ends in CR, which is taken off.\n\
         fanout: Warning: $PARALLEL_HOME ends in CR, which is taken off.\n"
    );
}
