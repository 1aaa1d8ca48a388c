//! Going on after a crash: from a joblog by number, from JSON by what the work is.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use rustix::process::Signal;

use crate::process::{Run, await_that};
use crate::{fanout, fanout_in_background, text};

/// How often each job wrote its number into `done`.
fn times(folder: &Path) -> BTreeMap<String, usize> {
    let mut times = BTreeMap::new();
    for number in fs::read_to_string(folder.join("done")).unwrap().lines() {
        *times.entry(number.to_owned()).or_default() += 1;
    }
    times
}

fn lines(path: &Path) -> usize {
    fs::read(path).map_or(0, |log| memchr::memchr_iter(b'\n', &log).count())
}

/// Starts many jobs that take a moment each, kills fanout when `after` of them are in `log`, and goes on
/// with the same options; returns what is in the log.
fn killed_and_resumed(options: &[&str], log: &str, resume: &str, after: usize) -> (String, usize) {
    const JOBS: usize = 40;
    let folder = tempfile::tempdir().unwrap();
    let inputs: Vec<String> = (1..=JOBS).map(|number| number.to_string()).collect();
    let command = "sleep 0.01; echo {} >> done";
    let mut first = fanout_in_background();
    first
        .current_dir(folder.path())
        .args(["-j3", "--no-summary"])
        .args(options)
        .args([command, ":::"])
        .args(&inputs)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    let mut run = Run::start(first);
    let path = folder.path().join(log);
    await_that("some jobs in the log", || lines(&path) > after);
    run.send(Signal::KILL);
    run.wait();
    await_that("the end of its jobs", || run.jobs().is_empty());
    fanout()
        .current_dir(folder.path())
        .args(["-j3", "--no-summary", resume])
        .args(options)
        .args([command, ":::"])
        .args(&inputs)
        .assert()
        .code(0);
    let times = times(folder.path());
    // Each job was done; those that ran when fanout died may have been done twice.
    assert_eq!(times.len(), JOBS, "{times:?}");
    let twice = times.values().filter(|&&times| times > 1).count();
    (fs::read_to_string(path).unwrap(), twice)
}

#[test]
fn a_killed_run_goes_on_by_its_joblog_and_logs_each_job_once() {
    for after in [0, 3, 17] {
        for resume in ["--resume", "--resume-failed"] {
            let (log, _) = killed_and_resumed(&["--joblog", "log"], "log", resume, after);
            let mut seqs: Vec<u64> = log
                .lines()
                .skip(1)
                .map(|line| line.split('\t').next().unwrap().parse().unwrap())
                .collect();
            seqs.sort_unstable();
            assert!(seqs.into_iter().eq(1..=40), "{resume} after {after}: {log}");
        }
    }
}

#[test]
fn a_killed_run_goes_on_by_its_json() {
    for after in [2, 17] {
        let (json, _) = killed_and_resumed(
            &["--json=log", "--json-detail", "results"],
            "log",
            "--resume",
            after,
        );
        let mut keys: Vec<&str> = json
            .lines()
            .filter(|line| {
                line.contains("\"type\":\"job.end\"") && line.contains("\"status\":\"ok\"")
            })
            .map(|line| {
                line.split("\"key\":\"")
                    .nth(1)
                    .unwrap()
                    .split('"')
                    .next()
                    .unwrap()
            })
            .collect();
        assert_eq!(keys.len(), 40, "after {after}");
        keys.sort_unstable();
        keys.dedup();
        assert_eq!(keys.len(), 40, "after {after}");
    }
}

#[test]
fn by_json_inputs_may_be_reordered_added_and_left_out() {
    let folder = tempfile::tempdir().unwrap();
    let run = |options: &[&str], inputs: &[&str]| {
        let run = fanout()
            .current_dir(folder.path())
            .args(["-k", "-j1", "--no-summary", "--json=log"])
            .args(options)
            .args(["echo {}; test {} != bad", ":::"])
            .args(inputs)
            .assert();
        text(&run.get_output().stdout).to_owned()
    };
    assert_eq!(run(&[], &["a", "bad", "b"]), "a\nbad\nb\n");
    assert_eq!(
        run(&["--resume"], &["new", "b", "bad", "b", "a"]),
        "new\nb\n"
    );
    assert_eq!(
        run(&["--resume", "--dry-run"], &["later"]),
        "echo later; test later != bad\n"
    );
    assert_eq!(run(&["--resume"], &["later", "new"]), "later\n");
    assert_eq!(run(&["--resume-failed"], &["later", "bad", "b"]), "bad\n");
}

#[test]
fn a_dry_run_writes_no_file_and_is_no_work_that_is_done() {
    for options in [
        &["--joblog", "log"][..],
        &["--joblog=+log"],
        &["--json=log"],
        &["--json=log", "--resume"],
        &["--json=log", "--resume-failed", "--joblog", "jobs"],
        &["--results", "log"],
        &["--results", "log/{}/x"],
        &["--results", "log.csv"],
        &["--results", "log.json"],
        &["--results", "log", "--resume"],
        &["--template", "job=log.{}"],
        &["--files"],
        &["--sqlandworker", "sqlite3:///log.db/t"],
        &["--workdir", "log"],
    ] {
        let folder = tempfile::tempdir().unwrap();
        let template = folder.path().join("job");
        fs::write(&template, "{}").unwrap();
        let run = |more: &[&str]| {
            fanout()
                .current_dir(folder.path())
                .env("TMPDIR", folder.path())
                .args(["-k", "--no-summary"])
                .args(options)
                .args(more)
                .args(["echo", ":::", "a", "b"])
                .assert()
                .code(0)
        };
        let dry = run(&["--dry-run"]).get_output().stdout.clone();
        assert_eq!(text(&dry), "echo a\necho b\n", "{options:?}");
        fs::remove_file(template).unwrap();
        assert_eq!(
            fs::read_dir(folder.path()).unwrap().count(),
            0,
            "{options:?}"
        );
        if options.contains(&"--joblog") || options[0].starts_with("--json") {
            run(&["--resume"]).stdout("a\nb\n");
        }
    }
}

#[test]
fn the_json_of_a_dry_run_says_so_and_is_none_that_a_run_could_go_on_by() {
    let folder = tempfile::tempdir().unwrap();
    for options in [
        &["--json"][..],
        &["--json=-", "--resume", "--joblog", "none"],
    ] {
        let dry = fanout()
            .current_dir(folder.path())
            .args(["--dry-run", "--json-detail=results"])
            .args(options)
            .args(["echo", ":::", "a"])
            .output()
            .unwrap();
        let lines: Vec<serde_json::Value> = text(&dry.stdout)
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let [_, end, over] = &lines[..] else {
            panic!("{options:?} {dry:?}")
        };
        assert_eq!(
            (&end["status"], end["exit"].is_null()),
            (&"dry".into(), true)
        );
        assert_eq!(
            (&over["counts"]["dry"], &over["counts"]["ok"]),
            (&1.into(), &0.into())
        );
        fs::write(folder.path().join("log"), &dry.stdout).unwrap();
        fanout()
            .current_dir(folder.path())
            .args(["--json=log", "--resume", "echo", ":::", "a"])
            .assert()
            .stdout("a\n");
    }
}

/// A joblog whose last line looks whole, but has no end.
fn torn_log(path: &Path) {
    let header = "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n";
    let torn = format!(
        "{header}1\t:\t1.500\t     0.001\t0\t0\t1\t0\ttouch one\n2\t:\t1.500\t     0.001\t0\t0\t1\t0\ttouch tw"
    );
    fs::write(path, torn).unwrap();
}

#[test]
fn a_last_line_without_an_end_is_no_record() {
    for (options, words, made) in [
        (
            &["--resume"][..],
            &["touch {}", ":::", "one", "two"][..],
            &["two"][..],
        ),
        (&["--retry-failed"], &[], &["one"]),
        (&["--dry-run", "--retry-failed"], &[], &[]),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("log");
        torn_log(&log);
        let run = fanout()
            .current_dir(folder.path())
            .args(["--joblog", "log"])
            .args(options)
            .args(words)
            .assert()
            .code(0);
        let said = text(&run.get_output().stderr);
        let cut = if made.is_empty() {
            "it is left out"
        } else {
            "it is cut off"
        };
        let note = format!("fanout: Warning: the last line of --joblog log has no end: {cut}\n");
        assert!(said.contains(&note), "{options:?}: {said}");
        let mut files: Vec<_> = fs::read_dir(folder.path())
            .unwrap()
            .map(|file| file.unwrap().file_name().into_string().unwrap())
            .filter(|name| name != "log")
            .collect();
        files.sort();
        assert_eq!(files, made, "{options:?}");
        let log = fs::read_to_string(log).unwrap();
        let torn = log.contains("touch tw\n") || log.ends_with("touch tw");
        assert_eq!(torn, made.is_empty(), "{options:?}: {log}");
    }
}

#[test]
fn a_json_line_without_an_end_is_cut_off() {
    let folder = tempfile::tempdir().unwrap();
    let json = folder.path().join("json");
    let run = |options: &[&str]| {
        let run = fanout()
            .current_dir(folder.path())
            .args(["-j1", "--json=json", "--json-detail", "results"])
            .args(options)
            .args(["echo", ":::", "1", "2"])
            .assert()
            .code(0);
        let output = run.get_output();
        (
            text(&output.stdout).to_owned(),
            text(&output.stderr).to_owned(),
        )
    };
    run(&[]);
    let whole = fs::read_to_string(&json).unwrap();
    let second = whole
        .match_indices("\"type\":\"job.end\"")
        .nth(1)
        .unwrap()
        .0;
    let torn = &whole[..whole[second..].find('\n').unwrap() + second];
    fs::write(&json, torn).unwrap();
    let (stdout, stderr) = run(&["--resume"]);
    assert_eq!(stdout, "2\n");
    assert!(
        stderr.contains("the last line of --json=json has no end: it is cut off"),
        "{stderr}"
    );
    for line in fs::read_to_string(&json).unwrap().lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
}

#[test]
fn resuming_needs_something_to_go_by() {
    for option in ["--resume", "--resume-failed"] {
        let run = fanout()
            .args([option, "echo", ":::", "a"])
            .assert()
            .code(255)
            .stdout("");
        assert!(text(&run.get_output().stderr).contains("--joblog"));
    }
}

#[test]
fn rows_of_results_go_on_with_the_joblog_and_a_torn_one_is_cut_off() {
    // Torn where a newline is part of a field.
    let field = "3,:,\"\n\"\"x\n";
    for (table, torn) in [
        ("t.csv", field),
        ("t.tsv", field),
        ("t.json", "{\"Seq\": 3"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let run = |more: &[&str], inputs: &[&str]| {
            fanout()
                .current_dir(folder.path())
                .args(["-j1", "--no-summary", "--joblog", "log", "--results", table])
                .args(more)
                .args(["echo \\\"; true", ":::"])
                .args(inputs)
                .assert()
                .code(0)
        };
        run(&[], &["ab", "cd"]);
        let path = folder.path().join(table);
        let whole = fs::read_to_string(&path).unwrap();
        fs::write(&path, format!("{whole}{torn}")).unwrap();
        let resumed = run(&["--resume"], &["ab", "cd", "ef", "gh"]);
        let said = text(&resumed.get_output().stderr);
        assert!(said.contains(table) && said.contains("cut off"), "{said}");
        let all = fs::read_to_string(&path).unwrap();
        assert!(all.starts_with(&whole) && !all.contains(torn), "{all}");
        assert!(
            all.matches("Exitval").count() == if table == "t.json" { 4 } else { 1 },
            "{all}"
        );
        for input in ["ab", "cd", "ef", "gh"] {
            assert_eq!(all.matches(&format!("true {input}")).count(), 1, "{all}");
        }
    }
}
