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
