//! What jobs find around them: the directory that they run in, and variables.

use std::fs;

use crate::{fanout, text};

/// The directory of `--workdir` has the name that `cd` would give it, and `$OLDPWD` that which fanout has.
#[test]
fn directories_are_named_as_by_cd() {
    let folder = tempfile::tempdir().unwrap();
    let home = folder.path().canonicalize().unwrap();
    fs::create_dir_all(home.join("far/in")).unwrap();
    fs::create_dir(home.join("sub")).unwrap();
    std::os::unix::fs::symlink(home.join("far/in"), home.join("link")).unwrap();
    let here = home.to_str().unwrap();
    let entered = [here, &format!("{here}/link")];
    for (from, workdir, pwd, physical) in [
        (0, "link", "/link", "/far/in"),
        (0, "link/new", "/link/new", "/far/in/new"),
        (0, "link/..", "", ""),
        (0, "link/../sub", "/sub", "/sub"),
        (0, "sub/../link/", "/link", "/far/in"),
        (1, "..", "", ""),
        (1, "../sub", "/sub", "/sub"),
        (1, "deep/er", "/link/deep/er", "/far/in/deep/er"),
        (1, ".", "/far/in", "/far/in"),
        (1, "", "/link", "/far/in"),
    ] {
        let output = fanout()
            .current_dir(entered[from])
            .env("PWD", entered[from])
            .args([
                "--workdir",
                workdir,
                "pwd; pwd -P; echo $OLDPWD #",
                ":::",
                "a",
            ])
            .output()
            .unwrap();
        let want = format!("{here}{pwd}\n{here}{physical}\n{}\n", entered[from]);
        assert_eq!(text(&output.stdout), want, "{from} {workdir:?}");
    }
}

/// Also in a job of another fanout, whose own variables mean the outer one.
#[test]
fn variables_of_the_job_are_its_own_however_it_is_run() {
    let job = "echo $PARALLEL_SEQ $PARALLEL_JOBSLOT $PARALLEL_JOBSLOT0 ${PARALLEL_TMP##*.} {}";
    for options in [&[][..], &["--shell", "always"], &["--shell", "warm"]] {
        let output = fanout()
            .args(["-k", "-j1"])
            .args(options)
            .args([job, ":::", "a", "b"])
            .envs([
                ("PARALLEL_SEQ", "7"),
                ("PARALLEL_JOBSLOT0", "8"),
                ("PARALLEL_TMP", "outer.9"),
            ])
            .output()
            .unwrap();
        let printed = text(&output.stdout);
        assert_eq!(printed, "1 1 0 1 a\n2 1 0 2 b\n", "{options:?}");
    }
}

/// Where nothing needs it, nobody misses it; where something does, nothing has run.
#[test]
fn a_directory_for_temporary_files_that_is_not_there_is_named_before_the_first_job() {
    let folder = tempfile::tempdir().unwrap();
    let run = |options: &[&str]| {
        let mut command = fanout();
        command.current_dir(folder.path()).env("TMPDIR", "/no/such");
        command.args(options).args(["touch ran; echo", ":::", "a"]);
        let output = command.output().unwrap();
        let has_run = fs::remove_file(folder.path().join("ran")).is_ok();
        (
            output.status.code(),
            has_run,
            text(&output.stderr).to_owned(),
        )
    };
    for options in [&["--ungroup"][..], &["--line-buffer"], &["--results", "r"]] {
        assert_eq!(run(options), (Some(0), true, String::new()), "{options:?}");
    }
    for options in [&["--files"][..], &["--group"], &["--pipe", "--cat"]] {
        let (code, has_run, said) = run(options);
        assert_eq!((code, has_run), (Some(255), false), "{options:?}: {said}");
        assert!(
            said.contains("$TMPDIR") && said.contains("/no/such"),
            "{options:?}: {said}"
        );
    }
}

/// However much is on standard input.
#[test]
fn options_that_only_tell_read_no_jobs() {
    for option in [
        "--version",
        "--help",
        "--citation",
        "--bibtex",
        "--number-of-cpus",
        "--number-of-cores",
        "--number-of-sockets",
        "--number-of-threads",
        "--max-line-length-allowed",
        "--minversion=1",
        "--embed",
    ] {
        let endless = fs::File::open("/dev/zero").unwrap();
        let mut command = crate::fanout_in_background();
        let output = command.arg(option).stdin(endless).output().unwrap();
        assert_eq!(output.status.code(), Some(0), "{option}");
        assert!(
            !output.stdout.is_empty() && output.stderr.is_empty(),
            "{option}"
        );
    }
}
