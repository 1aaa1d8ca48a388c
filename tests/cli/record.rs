//! The record of a run: there as soon as a job has ended, and whole, or not there.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;
use std::process::Stdio;

use rustix::process::Signal;

use crate::process::{Run, await_that};
use crate::{fanout, fanout_in_background, json, text};

/// Runs fanout with `arguments` in `folder`, in a bash that may write files of at most `blocks` KiB, with standard
/// output in the file `out` there; returns the exit code and what is on standard error.
fn limited(folder: &Path, blocks: usize, arguments: &[&str]) -> (Option<i32>, String) {
    let mut command = std::process::Command::new("/bin/bash");
    let quoted = fanout_in_background();
    command
        .envs(
            quoted
                .get_envs()
                .filter_map(|(name, value)| Some((name, value?))),
        )
        .current_dir(folder)
        .arg("-c")
        .arg(format!("ulimit -S -f {blocks}; exec \"$@\" > out 2> err"))
        .arg("bash")
        .arg(quoted.get_program())
        .args(arguments)
        .stdin(Stdio::null());
    let status = Run::start(command).wait();
    (
        status.code(),
        fs::read_to_string(folder.join("err")).unwrap(),
    )
}

/// Which jobs there are.
fn inputs(count: usize) -> Vec<String> {
    (1..=count).map(|number| format!("{number:06}")).collect()
}

fn with_inputs<'a>(words: &[&'a str], inputs: &'a [String]) -> Vec<&'a str> {
    let inputs = inputs.iter().map(String::as_str);
    words.iter().copied().chain([":::"]).chain(inputs).collect()
}

#[test]
fn a_joblog_that_meets_a_limit_ends_with_a_whole_line() {
    let inputs = inputs(400);
    for options in [&["-j2"][..], &["-j2", "-k"], &["-j2", "--shell", "always"]] {
        let folder = tempfile::tempdir().unwrap();
        let words = [options, &["--joblog", "log", "true keep-this/dir/{}"]].concat();
        let (code, said) = limited(folder.path(), 4, &with_inputs(&words, &inputs));
        assert_eq!(code, Some(255), "{said}");
        let error = "fanout: Error: cannot write to --joblog log: File too large";
        assert_eq!(said.matches(error).count(), 1, "{said}");
        let log = fs::read_to_string(folder.path().join("log")).unwrap();
        assert!(log.len() > 3900 && log.ends_with('\n'), "{log}");
        for line in log.lines().skip(1) {
            let command = line.split('\t').nth(8).unwrap();
            assert_eq!(command.len(), "true keep-this/dir/000001".len(), "{line}");
        }
    }
}

#[test]
fn a_json_file_that_meets_a_limit_ends_with_a_whole_line() {
    let inputs = inputs(100);
    let folder = tempfile::tempdir().unwrap();
    let words = ["-j2", "--json=json", "true"];
    let (code, said) = limited(folder.path(), 16, &with_inputs(&words, &inputs));
    assert_eq!(code, Some(255), "{said}");
    let error = "cannot write to --json=json: File too large";
    assert_eq!(said.matches(error).count(), 1, "{said}");
    let json = fs::read_to_string(folder.path().join("json")).unwrap();
    assert!(json.len() > 14_000 && json.ends_with('\n'), "{json}");
    for line in json.lines() {
        serde_json::from_str::<serde_json::Value>(line).unwrap();
    }
}

#[test]
fn a_table_that_meets_a_limit_ends_with_a_whole_row() {
    let inputs = inputs(200);
    let row = "\"echo \"\"{}\"\"; echo; echo {}\",{},\"{}\n\n{}\n\",\n";
    let folder = tempfile::tempdir().unwrap();
    let words = ["-j2", "--results", "t.csv", "echo \"{}\"; echo; echo {}"];
    let (code, said) = limited(folder.path(), 4, &with_inputs(&words, &inputs));
    assert_eq!(code, Some(255), "{said}");
    assert!(
        said.contains("cannot write to --results t.csv: File too large"),
        "{said}"
    );
    let table = fs::read_to_string(folder.path().join("t.csv")).unwrap();
    let (_, last) = table.rsplit_once("\"echo").unwrap();
    let number = last.rsplit(',').nth(2).unwrap();
    assert!(table.ends_with(&row.replace("{}", number)), "{table}");
    assert!(table.len() > 3800, "{table}");
}

#[test]
fn standard_output_that_meets_a_limit_ends_with_a_whole_line_or_job() {
    let inputs = inputs(200);
    // What one job writes is within the limit.
    for (command, end, limit) in [
        ("echo keep-this/dir/{}", "\n", 2),
        ("seq 1000; echo keep-this/dir/{}", "\n", 8),
        ("printf %s 'keep this {}.'", ".", 2),
    ] {
        for option in ["-k", "--line-buffer", "-j2"] {
            let folder = tempfile::tempdir().unwrap();
            let words = [option, command];
            let (code, said) = limited(folder.path(), limit, &with_inputs(&words, &inputs));
            assert_eq!(code, Some(255), "{command}: {said}");
            assert!(
                said.contains("standard output: File too large"),
                "{command}: {said}"
            );
            let out = fs::read_to_string(folder.path().join("out")).unwrap();
            assert!(
                out.len() > 1000 && out.ends_with(end),
                "{option} {command}: {out:?}"
            );
        }
    }
}

#[test]
fn much_output_of_one_job_that_meets_a_limit_ends_with_a_whole_line() {
    // Nine bytes a line: no page ends with one.
    let line = |number: usize| format!("{}\n", 10_000_000 + number);
    // The job itself writes as much as it likes, should it have a file.
    let much = "ulimit -f unlimited; seq 10000001 11000000";
    for (jobs, before) in [
        (&[much][..], ""),
        (&["printf 'no newline '", much], "no newline "),
        (&["echo line", much], "line\n"),
    ] {
        let folder = tempfile::tempdir().unwrap();
        let words = ["-k", "-j1", "--joblog", "log", ":::"];
        let (code, said) = limited(folder.path(), 6000, &[&words[..], jobs].concat());
        assert_eq!(code, Some(255), "{said}");
        assert!(said.contains("standard output: File too large"), "{said}");
        let out = fs::read_to_string(folder.path().join("out")).unwrap();
        let count = (out.len() - before.len()) / 9;
        let lines: String = (1..=count).map(line).collect();
        assert!(
            out == format!("{before}{lines}"),
            "{:?}",
            out.get(out.len() - 30..)
        );
        assert!(out.len() > 5_990 * 1024, "{} bytes", out.len());
        let others = 1..jobs.len() as u64;
        assert_eq!(good(&folder.path().join("log")), others.collect());
    }
}

#[test]
fn jobs_are_limited_as_fanout_was() {
    for (before, expected) in [("", "153"), ("trap '' XFSZ;", "1")] {
        let folder = tempfile::tempdir().unwrap();
        let script = format!("{before} ulimit -f 1; exec \"$@\"");
        let run = std::process::Command::new("/bin/bash")
            .current_dir(folder.path())
            .args(["-c", &script, "bash", env!("CARGO_BIN_EXE_fanout")])
            .args([
                "--shell",
                "always",
                "yes | head -c 9999 2>/dev/null > {}; echo ${PIPESTATUS[1]}",
            ])
            .args([":::", "a"])
            .env("PARALLEL_SHELL", "/bin/bash")
            .env("PARALLEL", "")
            .output()
            .unwrap();
        assert_eq!(text(&run.stdout).trim_end(), expected, "{before}");
    }
}

/// The numbers in the file `path`, one at the beginning of each line that begins with one.
fn numbers(path: &Path) -> Vec<u64> {
    let text = fs::read_to_string(path).unwrap_or_default();
    let number = |line: &str| line.split('\t').next()?.parse().ok();
    text.lines().filter_map(number).collect()
}

#[test]
fn a_job_is_logged_when_it_ends_whatever_the_order_of_output() {
    for option in ["-k", "--line-buffer", "--group"] {
        let folder = tempfile::tempdir().unwrap();
        let mut command = fanout_in_background();
        command
            .current_dir(folder.path())
            .args(["-j2", option, "--joblog", "log"])
            .args([
                "echo {}; test {} -gt 1 || until test -e go; do sleep 0.01; done",
                ":::",
            ])
            .args((1..=20).map(|number| number.to_string()))
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        let mut run = Run::start(command);
        let log = folder.path().join("log");
        await_that("the ends of all jobs but the first", || {
            numbers(&log).len() == 19
        });
        assert_eq!(numbers(&log), (2..=20).collect::<Vec<_>>(), "{option}");
        fs::write(folder.path().join("go"), "").unwrap();
        assert!(run.wait().success());
        assert_eq!(numbers(&log).last(), Some(&1), "{option}");
    }
}

/// Where a run records which jobs are done.
#[derive(Clone, Copy)]
struct Source {
    option: &'static str,
    /// The jobs that are recorded, by their numbers.
    recorded: fn(&Path) -> Vec<u64>,
}

const JOBLOG: Source = Source {
    option: "--joblog=log",
    recorded: |folder| numbers(&folder.join("log")),
};

const RESULTS: Source = Source {
    option: "--results=res/{#}/",
    recorded: |folder| {
        let jobs = fs::read_dir(folder.join("res")).into_iter().flatten();
        let seq = |job: fs::DirEntry| fs::read_to_string(job.path().join("seq")).ok();
        jobs.filter_map(|job| seq(job.unwrap())?.parse().ok())
            .collect()
    },
};

const JSON: Source = Source {
    option: "--json=log",
    recorded: |folder| {
        let json = fs::read_to_string(folder.join("log")).unwrap_or_default();
        let lines = json
            .lines()
            .filter_map(|line| serde_json::from_str(line).ok());
        let ends = lines.filter(|line: &serde_json::Value| line["type"] == "job.end");
        ends.filter_map(|line| line["seq"].as_u64()).collect()
    },
};

/// Kills a run with these options and this command, which ends with its number being added to the file `done`, when
/// `after` jobs are recorded; checks what is recorded then.
fn kill_and_check(source: Source, options: &[&str], command: &str, after: usize) {
    let folder = tempfile::tempdir().unwrap();
    let input: String = (1..=400).map(|number| format!("{number}\n")).collect();
    fs::write(folder.path().join("input"), input).unwrap();
    let mut fanout = fanout_in_background();
    fanout
        .current_dir(folder.path())
        .args(["-j4", "--no-summary", source.option])
        .args(options)
        .arg(command)
        .stdin(fs::File::open(folder.path().join("input")).unwrap())
        // Nobody reads it.
        .stdout(Stdio::piped());
    let mut run = Run::start(fanout);
    await_that("some jobs on record", || {
        (source.recorded)(folder.path()).len() >= after
    });
    run.send(Signal::KILL);
    run.wait();
    await_that("the end of its jobs", || run.jobs().is_empty());
    let what = format!("{} {options:?} after {after}", source.option);
    let recorded: BTreeSet<_> = (source.recorded)(folder.path()).into_iter().collect();
    let done: BTreeSet<_> = numbers(&folder.path().join("done")).into_iter().collect();
    let unknown = done.difference(&recorded).count();
    assert!(unknown <= 4, "{what}: {unknown} jobs are not on record");
    let undone: Vec<_> = recorded.difference(&done).collect();
    assert!(undone.is_empty(), "{what}: {undone:?} never ended");
}

#[test]
fn after_a_kill_no_more_ended_jobs_than_slots_are_unknown() {
    let large = "head -c 5000 /dev/zero; echo {#} >> done";
    let piped = "cat; head -c 900 /dev/zero; echo {#} >> done";
    for source in [JOBLOG, RESULTS, JSON] {
        for (options, command, after) in [
            (&["-k"][..], "echo {#} >> done", 120),
            (&["-k"], large, 12),
            (&["--group"], "echo {#} >> done", 1),
            (&["--line-buffer"], "echo {#} >> done", 40),
            (&["--retries", "2"], "echo {#} >> done; false", 20),
            (&["--pipe", "-n1", "-k"], piped, 40),
            (&["--pipe", "-n1"], piped, 80),
        ] {
            kill_and_check(source, options, command, after);
        }
    }
}

#[test]
fn jobs_that_ran_when_fanout_died_have_files_and_run_again() {
    for option in ["--joblog=log", "--group"] {
        let folder = tempfile::tempdir().unwrap();
        let start = |mut command: std::process::Command, resume: &[&str]| {
            command
                .current_dir(folder.path())
                .args(["-j2", "--results", "res", option])
                .args(resume)
                .args(["until test -e go; do sleep 0.01; done; echo done{}", ":::"])
                .args(["1", "2", "3", "4"])
                .stdin(Stdio::null());
            Run::start(command)
        };
        let mut run = start(fanout_in_background(), &[]);
        let output = |number| folder.path().join(format!("res/1/{number}/stdout"));
        await_that("two jobs", || output(1).exists() && output(2).exists());
        run.send(Signal::KILL);
        run.wait();
        await_that("the end of its jobs", || run.jobs().is_empty());
        fs::write(folder.path().join("go"), "").unwrap();
        assert!(
            start(fanout_in_background(), &["--resume"])
                .wait()
                .success()
        );
        for number in 1..=4 {
            let written = fs::read_to_string(output(number)).unwrap();
            assert_eq!(written, format!("done{number}\n"), "{option}");
            let files = fs::read_dir(output(number).parent().unwrap()).unwrap();
            assert_eq!(files.count(), 3, "{option}");
        }
        // All is done: nothing runs.
        fs::write(output(3), "kept").unwrap();
        assert!(
            start(fanout_in_background(), &["--resume"])
                .wait()
                .success()
        );
        assert_eq!(fs::read(output(3)).unwrap(), b"kept", "{option}");
    }
}

#[test]
fn with_a_joblog_only_the_joblog_tells_what_is_done() {
    let folder = tempfile::tempdir().unwrap();
    let run = |options: &[&str]| {
        let mut command = fanout_in_background();
        command
            .current_dir(folder.path())
            .args(["-k", "-j1", "--results", "res", "-v"])
            .args(options)
            .args(["echo", ":::", "a", "b"]);
        assert!(command.status().unwrap().success());
    };
    run(&[]);
    let output = folder.path().join("res/1/a/stdout");
    for (options, kept) in [
        (&["--resume"][..], true),
        (&["--resume", "--joblog", "log"], false),
        (&["--resume", "--joblog", "log"], true),
        (&["--resume", "--json=json"], false),
        (&["--resume", "--json=json"], true),
        (&["--resume-failed", "--joblog", "log"], true),
    ] {
        fs::write(&output, "old").unwrap();
        run(options);
        assert_eq!(fs::read(&output).unwrap() == b"old", kept, "{options:?}");
    }
}

#[test]
fn a_joblog_on_standard_output_has_each_job_after_its_output() {
    let args = ["-k", "--joblog", "-", "echo {}; exit {}", ":::", "1", "0"];
    let output = fanout().args(args).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told: Vec<String> = text(&output.stdout)
        .lines()
        .map(|line| match line.split('\t').collect::<Vec<_>>()[..] {
            [seq, _, _, _, _, received, exit, ..] => format!("{seq} {received} {exit}"),
            _ => line.to_owned(),
        })
        .collect();
    assert_eq!(told, ["Seq Receive Exitval", "1", "1 2 1", "0", "2 2 0"]);
}

/// Counts system calls of fanout, for which `strace` has to be there.
#[test]
fn with_fsync_each_end_is_on_the_disk() {
    let strace = std::process::Command::new("strace").arg("-V").output();
    if strace.is_err() {
        return crate::support::skip_without("strace");
    }
    let folder = tempfile::tempdir().unwrap();
    let run = std::process::Command::new("strace")
        .current_dir(folder.path())
        .args(["-f", "-o", "calls", "-e", "trace=fsync,fdatasync"])
        .arg(env!("CARGO_BIN_EXE_fanout"))
        .args([
            "-j1",
            "--fsync",
            "--joblog",
            "log",
            "--json=json",
            "--results",
            "res",
        ])
        .args(["--shell", "always", "true", ":::", "1", "2", "3"])
        .env("PARALLEL", "")
        .status()
        .unwrap();
    assert!(run.success());
    let calls = fs::read_to_string(folder.path().join("calls")).unwrap();
    let count = |name: &str| calls.lines().filter(|line| line.contains(name)).count();
    assert_eq!((count("fdatasync("), count(" fsync(")), (6, 12), "{calls}");
}

/// Where it is on record what is done, and the option by which a run goes on with what is not.
const RECORDS: [(&[&str], &str); 2] = [
    (&["--joblog", "log"], "--resume-failed"),
    (&["--json=log"], "--resume"),
];

/// The jobs in the record `path` of which the last that is said is that they did what they should.
fn good(path: &Path) -> BTreeSet<u64> {
    if fs::read(path).unwrap().starts_with(b"{") {
        good_in_json(path)
    } else {
        good_in_joblog(path)
    }
}

fn good_in_json(path: &Path) -> BTreeSet<u64> {
    let (mut good, mut lost, mut counted) = (BTreeSet::new(), 0, (0, 0));
    for line in json::checked(&fs::read(path).unwrap()) {
        match line["type"].as_str().unwrap() {
            "job.end" => {
                assert!(line["status"] == "ok" || line["status"] == "cancelled");
                if line["status"] == "ok" {
                    good.insert(line["seq"].as_u64().unwrap());
                }
            }
            "job.lost" => {
                assert!(line["error"].as_str().unwrap().contains("standard output"));
                assert_eq!(line["was"], "ok");
                assert!(good.remove(&line["seq"].as_u64().unwrap()), "{line}");
                lost += 1;
            }
            "run.end" => {
                let count = |name: &str| line["counts"][name].as_u64().unwrap();
                counted = (count("ok"), count("lost"));
            }
            _ => {}
        }
    }
    assert_eq!(counted, (good.len() as u64, lost));
    good
}

fn good_in_joblog(path: &Path) -> BTreeSet<u64> {
    let mut good = BTreeSet::new();
    for line in fs::read_to_string(path).unwrap().lines().skip(1) {
        let fields: Vec<_> = line.split('\t').collect();
        let seq = fields[0].parse().unwrap();
        if fields[6] == "0" && fields[7] == "0" {
            good.insert(seq);
        } else {
            assert_eq!(fields[6], "-1", "{line}");
            good.remove(&seq);
        }
    }
    good
}

/// Checks that of `count` jobs, each of which writes its input as a line, those are good in the joblog of `folder` of
/// which that line is in `out`, and that the others write theirs when the run with these `words` goes on as `resume`
/// says.
fn check_resumed(
    folder: &Path,
    out: &str,
    (resume, words): (&str, &[&str]),
    count: usize,
    what: &str,
) {
    let lines = |text: &str| -> BTreeSet<u64> {
        let lines = text.lines().filter(|line| line.len() == 6);
        lines.filter_map(|line| line.parse().ok()).collect()
    };
    assert_eq!(good(&folder.join("log")), lines(out), "{what}");
    let resumed = fanout_in_background()
        .current_dir(folder)
        .arg(resume)
        .args(words)
        .output()
        .unwrap();
    assert!(resumed.status.success(), "{what}: {resumed:?}");
    let missing: BTreeSet<_> = (1..=count as u64).collect();
    let missing: BTreeSet<_> = missing.difference(&lines(out)).copied().collect();
    assert_eq!(lines(text(&resumed.stdout)), missing, "{what}");
}

#[test]
fn a_job_whose_output_found_no_room_is_not_on_record_as_good() {
    let inputs = inputs(80);
    for options in [
        &["-j2"][..],
        &["-j4", "-k"],
        &["-j2", "--line-buffer"],
        &["-j2", "--shell", "always"],
        &["-j2", "-k", "--shell", "always"],
    ] {
        for (number, command) in ["echo {}", "seq 20; echo {}", "sleep 0.01; echo {}"]
            .iter()
            .cycle()
            .take(6)
            .enumerate()
        {
            let (record, resume) = RECORDS[number / 3];
            let what = format!("{options:?} {record:?} {command}");
            let folder = tempfile::tempdir().unwrap();
            let words = [options, record, &[command]].concat();
            let words = with_inputs(&words, &inputs);
            let full = fs::File::options().append(true).open("/dev/full").unwrap();
            let run = fanout_in_background()
                .current_dir(folder.path())
                .args(&words)
                .stdout(full)
                .stderr(Stdio::null())
                .status()
                .unwrap();
            assert_eq!(run.code(), Some(255), "{what}");
            let log = fs::read_to_string(folder.path().join("log")).unwrap();
            assert!(log.lines().count() > 2, "{what}: {log}");
            check_resumed(folder.path(), "", (resume, &words), inputs.len(), &what);
        }
    }
}

#[test]
fn where_the_room_ends_the_record_tells_what_was_written() {
    // The JSON is within the limit, too.
    let sizes = [(300, 500, 80), (100, 6000, 300)];
    let records = [0, 1].map(|kind| (RECORDS[kind], sizes[kind]));
    for options in [
        &["-j2"][..],
        &["-j4", "-k"],
        &["-j2", "--line-buffer"],
        &["-j2", "--shell", "always"],
        &["-j4", "-k", "--shell", "always"],
    ]
    .into_iter()
    .flat_map(|options| records.map(|record| (options, record)))
    {
        let (options, ((record, resume), (count, size, limit))) = options;
        let inputs = inputs(count);
        let command = format!("head -c {size} /dev/zero | tr '\\0' x; echo; echo {{}}");
        let folder = tempfile::tempdir().unwrap();
        let words = [options, record, &["--json-output-limit=0"][..], &[&command]].concat();
        let words = with_inputs(&words, &inputs);
        let (code, said) = limited(folder.path(), limit, &words);
        let what = format!("{options:?} {record:?}: {said}");
        assert_eq!(code, Some(255), "{what}");
        let out = fs::read_to_string(folder.path().join("out")).unwrap();
        let written = out.lines().filter(|line| line.len() == 6);
        let good = good(&folder.path().join("log"));
        if options.contains(&"--line-buffer") {
            // A job that has not ended may yet write something, and is not told from one that has.
            let written: BTreeSet<u64> = written.map(|line| line.parse().unwrap()).collect();
            assert!(good.is_subset(&written) && !good.is_empty(), "{what}");
        } else {
            assert!(written.count() > 10, "{what}");
            check_resumed(folder.path(), &out, (resume, &words), inputs.len(), &what);
        }
    }
}

#[test]
fn a_job_is_good_only_if_its_row_is_whole() {
    let inputs = inputs(300);
    for options in [&["-j2"][..], &["-j4", "--shell", "always"], &["-j3", "-k"]] {
        let folder = tempfile::tempdir().unwrap();
        let command = "head -c 500 /dev/zero | tr '\\0' x; echo; echo {}";
        let tables = ["--joblog", "log", "--results", "rows.csv", command];
        let words = [options, &tables].concat();
        let (code, said) = limited(folder.path(), 60, &with_inputs(&words, &inputs));
        assert_eq!(code, Some(255), "{options:?}: {said}");
        let rows = fs::read_to_string(folder.path().join("rows.csv")).unwrap();
        let row = |number: &u64| rows.contains(&format!("x\n{number:06}\n\",\n"));
        let written: BTreeSet<u64> = (1..=300).filter(row).collect();
        assert!(written.len() > 50, "{options:?}: {rows}");
        let good = good(&folder.path().join("log"));
        assert_eq!(good, written, "{options:?}: {said}");
    }
}

#[test]
fn a_job_that_loses_nothing_stays_good_where_there_is_no_room() {
    let folder = tempfile::tempdir().unwrap();
    let full = fs::File::options().append(true).open("/dev/full").unwrap();
    let words = [
        "-j1",
        "-k",
        "--joblog",
        "log",
        "test {} = 2 && echo {} || true",
    ];
    let run = fanout_in_background()
        .current_dir(folder.path())
        .args(words)
        .args([":::", "1", "2"])
        .stdout(full)
        .status()
        .unwrap();
    assert_eq!(run.code(), Some(255));
    assert_eq!(good(&folder.path().join("log")), BTreeSet::from([1]));
}
