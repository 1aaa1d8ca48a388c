//! `sem`: how many run at a time, whoever starts them and whatever becomes of them.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::support::{HANG_GUARD, wait_within};
use crate::{fanout, fanout_in_background, text};

/// `sem` at home in `home`.
fn sem(home: &Path) -> assert_cmd::Command {
    let mut command = fanout();
    command.env("HOME", home).arg("--semaphore").arg("--id=s");
    command
}

fn sem_in_background(home: &Path) -> Command {
    let mut command = fanout_in_background();
    command.env("HOME", home).arg("--semaphore").arg("--id=s");
    command
}

#[test]
fn in_the_foreground_it_exits_as_the_command_does_and_reads_what_it_is_given() {
    let home = tempfile::tempdir().unwrap();
    let mut command = sem(home.path());
    command.args(["--fg", "cat; exit 7"]).write_stdin("given");
    command.assert().code(7).stdout("given");
}

#[test]
fn without_a_home_in_the_environment_it_is_the_one_that_the_system_knows() {
    let told = Command::new("sh")
        .args(["-c", "getent passwd \"$(id -u)\" | cut -d: -f6"])
        .output()
        .unwrap();
    let home = text(&told.stdout).trim_end().to_owned();
    if !Path::new(&home).is_dir() {
        eprintln!("skipped: this user has no home directory");
        return;
    }
    let id = format!("test-{}", std::process::id());
    let file = format!("{home}/.parallel/semaphores/id-{id}.locks");
    let mut command = fanout();
    command.env_remove("HOME").env_remove("PARALLEL_HOME");
    command.args(["--semaphore", "--id", &id, "--fg", "ls"]);
    command
        .arg(&file)
        .assert()
        .success()
        .stdout(format!("{file}\n"));
}

#[test]
fn in_the_background_it_goes_on_and_wait_waits_for_all() {
    let home = tempfile::tempdir().unwrap();
    let go = |n| home.path().join(format!("go{n}"));
    let out = home.path().join("out");
    // Each of the two would wait for ever if it were in the foreground.
    for n in 1..=2 {
        assert!(
            Command::new("mkfifo")
                .arg(go(n))
                .status()
                .unwrap()
                .success()
        );
        let line = format!("cat {} >> {}", go(n).display(), out.display());
        // Its standard output is not read to the end: that would be the command's end.
        let status = sem_in_background(home.path())
            .args(["-j2", &line])
            .stdout(Stdio::null())
            .status()
            .unwrap();
        assert!(status.success());
    }
    let mut waiting = sem_in_background(home.path())
        .arg("--wait")
        .spawn()
        .unwrap();
    for n in [2, 1] {
        fs::write(go(n), format!("{n}\n")).unwrap();
    }
    assert!(wait_within(&mut waiting, HANG_GUARD).unwrap().success());
    let mut lines: Vec<_> = fs::read_to_string(&out)
        .unwrap()
        .lines()
        .map(str::to_owned)
        .collect();
    lines.sort();
    assert_eq!(lines, ["1", "2"]);
    let left: Vec<_> = fs::read_dir(home.path().join(".parallel/semaphores"))
        .unwrap()
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_semaphore_that_cannot_be_made_is_an_error_that_names_it() {
    let home = tempfile::tempdir().unwrap();
    fs::write(home.path().join(".parallel"), "a file").unwrap();
    let output = sem(home.path()).args(["--fg", "true"]).output().unwrap();
    assert_eq!(output.status.code(), Some(255));
    assert!(
        text(&output.stderr).contains("semaphores/id-s"),
        "{}",
        text(&output.stderr)
    );
}

/// Two hundred callers of a semaphore for five; every tenth is killed while it runs or waits. Each command
/// takes one of five locks of its own, which it finds free unless too many run.
#[test]
fn five_at_a_time_hold_though_holders_are_killed() {
    let home = tempfile::tempdir().unwrap();
    let home = home.path();
    let job = "for n in 1 2 3 4 5; do
            exec 9> place-$n
            if flock -n 9; then echo ran >> log; sleep 0.02; exit 0; fi
        done
        echo too many >> log";
    let mut callers: Vec<_> = (0..200)
        .map(|_| {
            sem_in_background(home)
                .args(["-j5", "--fg", job])
                .current_dir(home)
                .stdin(Stdio::null())
                .spawn()
                .unwrap()
        })
        .collect();
    for caller in callers.iter().step_by(10) {
        kill_process(Pid::from_child(caller), Signal::KILL).ok();
    }
    let mut ended_well = 0;
    for caller in &mut callers {
        let status = wait_within(caller, HANG_GUARD).expect("no caller waits for ever");
        ended_well += usize::from(status.success());
    }
    let log = fs::read_to_string(home.join("log")).unwrap();
    assert!(log.lines().all(|line| line == "ran"), "{log}");
    assert!((180..=200).contains(&ended_well), "{ended_well}");
    assert!(log.lines().count() >= ended_well);
}
