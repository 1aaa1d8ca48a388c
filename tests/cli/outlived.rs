//! What a job leaves running when it ends.

use std::fs::{self, File};
use std::io::{Read as _, Write as _};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

use crate::process::make_fifo;
use crate::support::HANG_GUARD;
use crate::{fanout, fanout_in_background, text};

/// Leaves somebody who writes into both outputs when the run is over, more than a pipe holds, and tells how that
/// has ended.
const JOB: &str = "(read go < go; seq 100000 && /bin/echo x >&2; echo $? > end) & echo started";

#[test]
fn whoever_outlives_a_job_may_write_on_into_its_output() {
    for options in [
        &["-k"][..],
        &["-k", "--tag"],
        &["-k", "--line-buffer"],
        &["--group"],
        &["--ungroup"],
        &["--tag"],
        &["--compress"],
        &["-k", "--compress", "--compress-program", "gzip"],
        &["--line-buffer", "--compress"],
        &["--files"],
        &["--results", "results"],
        &["--results", "results.csv"],
        &["-k", "--joblog", "log"],
    ] {
        let folder = tempfile::tempdir().unwrap();
        let file = |name| folder.path().join(name);
        // Open for both, a FIFO keeps nobody waiting who opens it.
        let [go, end] = ["go", "end"].map(|name| {
            make_fifo(&file(name));
            File::options()
                .read(true)
                .write(true)
                .open(file(name))
                .unwrap()
        });
        // Files: nobody is to wait for the end of a pipe that somebody has left open.
        let status = fanout_in_background()
            .current_dir(folder.path())
            .env("TMPDIR", folder.path())
            .args(options)
            .args([JOB, ":::", "1"])
            .stdout(File::create(file("stdout")).unwrap())
            .stderr(File::create(file("stderr")).unwrap())
            .status()
            .unwrap();
        assert!(status.success(), "{options:?}");
        let printed = fs::read(file("stdout")).unwrap();
        let elsewhere = options == ["--files"] || options[0] == "--results";
        assert_eq!(
            text(&printed).contains("started"),
            !elsewhere,
            "{options:?}"
        );
        (&go).write_all(b"\n").unwrap();
        let limit = Timespec::try_from(HANG_GUARD).unwrap();
        let told = poll(&mut [PollFd::new(&end, PollFlags::IN)], Some(&limit)).unwrap();
        assert_eq!(told, 1, "{options:?}");
        let mut ended = [0; 2];
        (&end).read_exact(&mut ended).unwrap();
        assert_eq!(&ended, b"0\n", "{options:?}");
    }
}

/// Wherever it has gone: nothing of its job's process group is left, and perhaps nothing of its environment.
#[test]
fn whoever_outlives_a_job_writes_into_no_other_jobs_output() {
    for options in [
        &["--group"][..],
        &["-k"],
        &["--tag"],
        &["-k", "--line-buffer"],
        &["--json"],
    ] {
        for away in [
            "setsid",
            "setsid -f",
            "env -i setsid",
            "set -m; nohup",
            "(setsid",
        ] {
            let folder = tempfile::tempdir().unwrap();
            for name in ["go", "done"] {
                make_fifo(&folder.path().join(name));
            }
            let close = if away.starts_with('(') { " )" } else { "" };
            let command = format!(
                "if [ {{}} = 1 ]; then {away} sh -c 'read x <go; echo LATE; echo >done' & {close} \
                 else echo >go; read x <done; echo later; fi"
            );
            let run = fanout()
                .current_dir(folder.path())
                .args(options)
                .args(["-j1", "--no-summary", &command, ":::", "1", "2"])
                .assert()
                .success();
            let printed = text(&run.get_output().stdout);
            let of_second = printed.split("later").next().unwrap();
            assert!(printed.contains("later"), "{options:?} {away}: {printed}");
            assert!(
                !of_second.contains("LATE\n"),
                "{options:?} {away}: {printed}"
            );
            assert!(
                !of_second.contains("LATE\\n"),
                "{options:?} {away}: {printed}"
            );
        }
    }
}

/// Under its own name: what is called `parallel` has GNU parallel's faults.
#[test]
fn what_is_put_around_a_command_keeps_its_exit_status() {
    let folder = tempfile::tempdir().unwrap();
    for options in [
        &["--cat"][..],
        &["--fifo"],
        &["--pipe", "--workdir", "new"],
        &["--pipe", "--nice", "1"],
        &["--pipe", "--compress"],
        &["--pipe", "--prelude", "true"],
        &["--pipe", "--results", "results"],
    ] {
        for (end, code) in [("exit 42", 42), ("kill -9 $$", 137), ("nosuchcommand", 127)] {
            let job = format!("cat ${{PARALLEL_TMP+{{}}}} >/dev/null; {end}");
            let job = if options.len() == 1 {
                job
            } else {
                end.to_owned()
            };
            crate::fanout()
                .current_dir(folder.path())
                .args(["--halt", "now,fail=1"])
                .args(options)
                .arg(job)
                .write_stdin("in\n")
                .assert()
                .code(code);
        }
    }
}

/// It is named, too, where nothing of its process group is left.
#[test]
fn what_has_left_its_job_altogether_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let command = "setsid -f sleep 4713 >&- 2>&-; until pgrep -x -f 'sleep 4713' >pids; do sleep 0.01; done; test {}";
    let run = fanout()
        .current_dir(dir.path())
        .args(["-j1", "--json=log", command, ":::", "1"])
        .assert()
        .success();
    let pid = std::fs::read_to_string(dir.path().join("pids")).unwrap();
    let pid = pid.trim();
    let log = std::fs::read_to_string(dir.path().join("log")).unwrap();
    let said = text(&run.get_output().stderr).to_owned();
    let id = rustix::process::Pid::from_raw(pid.parse().expect(pid)).unwrap();
    rustix::process::kill_process(id, rustix::process::Signal::KILL).unwrap();
    assert!(
        log.contains(&format!(r#""leftover_pids":[{pid}]"#)),
        "{log}"
    );
    assert_eq!(
        said,
        format!("fanout: processes of a job still run: #1 ({pid})\n")
    );
}

/// It stays, and is named: in JSON and once at the end.
#[test]
fn what_a_job_leaves_running_is_named() {
    let dir = tempfile::tempdir().unwrap();
    let command =
        "sleep 4711 >&- 2>&- & echo $! >pid{}; (setsid sleep 4712 >&- 2>&- &); echo started";
    let run = fanout()
        .current_dir(dir.path())
        .args(["-j1", "--json=log", command, ":::", "1", "2"])
        .assert()
        .success();
    let pids = [1, 2].map(|seq| {
        let pid = std::fs::read_to_string(dir.path().join(format!("pid{seq}"))).unwrap();
        pid.trim().parse::<i32>().unwrap()
    });
    let log = std::fs::read_to_string(dir.path().join("log")).unwrap();
    let ends = log.lines().filter(|line| line.contains("\"job.end\""));
    let left: Vec<Vec<i32>> = ends
        .map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap())
        .map(|end| serde_json::from_value(end["leftover_pids"].clone()).unwrap())
        .collect();
    let said = text(&run.get_output().stderr).to_owned();
    for pid in left.iter().flatten() {
        let pid = rustix::process::Pid::from_raw(*pid).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    }
    assert_eq!(left.len(), 2);
    for (left, pid) in left.iter().zip(pids) {
        assert!(left.contains(&pid) && left.len() == 2, "{left:?} {pid}");
    }
    let words = format!(
        "fanout: processes of jobs still run: #1 ({} {}), #2 ({} {})\n",
        left[0][0], left[0][1], left[1][0], left[1][1]
    );
    assert_eq!(said, words);
}
