//! What holds starts back, what happens to jobs that run, and what is tried again.

use std::fs;
use std::io::{BufRead, BufReader, Read as _};
use std::os::unix::process::ExitStatusExt as _;
use std::path::Path;
use std::process::Stdio;

use rustix::process::Signal;

use crate::process::{Run, await_that, make_fifo};
use crate::{fanout, fanout_in_background, text};

/// One job of a joblog.
#[derive(Debug)]
struct Logged {
    seq: u64,
    start: f64,
    end: f64,
    exit: i32,
}

fn joblog(path: &Path) -> Vec<Logged> {
    let log = fs::read_to_string(path).unwrap();
    let job = |line: &str| {
        let fields: Vec<&str> = line.split('\t').collect();
        let number = |at: usize| fields[at].trim().parse::<f64>().unwrap();
        Logged {
            seq: number(0) as u64,
            start: number(2),
            end: number(2) + number(3),
            exit: number(6) as i32,
        }
    };
    log.lines().skip(1).map(job).collect()
}

/// The most jobs that ran at the same time. Times have three decimals, so ends are taken a bit early.
fn most_at_once(jobs: &[Logged]) -> usize {
    let running = |at: f64| {
        let runs = |job: &&Logged| job.start <= at && at < job.end - 0.002;
        jobs.iter().filter(runs).count()
    };
    jobs.iter().map(|job| running(job.start)).max().unwrap_or(0)
}

#[test]
fn a_file_with_the_number_of_jobs_is_looked_at_again() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("n"), "1\n").unwrap();
    fanout()
        .current_dir(folder.path())
        .args(["-j", "n", "--joblog", "log"])
        .args(["[ {} != 3 ] || echo 4 > n; sleep 0.1", ":::"])
        .args((1..=12).map(|number| number.to_string()))
        .assert()
        .code(0);
    let jobs = joblog(&folder.path().join("log"));
    let (first, rest): (Vec<_>, Vec<_>) = jobs.into_iter().partition(|job| job.seq <= 3);
    assert_eq!(most_at_once(&first), 1, "{first:?}");
    assert_eq!(most_at_once(&rest), 4, "{rest:?}");
}

#[test]
fn a_number_of_jobs_may_follow_how_they_end() {
    let folder = tempfile::tempdir().unwrap();
    fanout()
        .current_dir(folder.path())
        .args(["-j3auto", "--no-summary", "--joblog", "log"])
        .args(["sleep 0.1; exit 1", ":::"])
        .args((1..=9).map(|number| number.to_string()))
        .assert()
        .code(9);
    let mut jobs = joblog(&folder.path().join("log"));
    jobs.sort_by_key(|job| job.seq);
    assert_eq!(most_at_once(&jobs[..3]), 3, "{jobs:?}");
    assert_eq!(most_at_once(&jobs[5..]), 1, "{jobs:?}");
}

#[test]
fn no_job_starts_while_a_gate_says_no() {
    let folder = tempfile::tempdir().unwrap();
    let ran = |options: &[&str]| {
        let mut command = fanout_in_background();
        command
            .current_dir(folder.path())
            .args(options)
            .args([
                "--json=json",
                "--json-detail=lifecycle",
                "touch ran",
                ":::",
                "a",
            ])
            .stdin(Stdio::null())
            .stderr(Stdio::null());
        let mut run = Run::start(command);
        let json = folder.path().join("json");
        await_that("a gate event", || {
            fs::read_to_string(&json).is_ok_and(|json| json.contains("\"type\":\"gate\""))
        });
        run.send(Signal::TERM);
        assert_eq!(run.wait().signal(), Some(Signal::TERM.as_raw()));
        assert!(!folder.path().join("ran").exists(), "{options:?}");
        let json = fs::read_to_string(&json).unwrap();
        let gate = json.lines().find(|line| line.contains("\"type\":\"gate\""));
        fs::remove_file(folder.path().join("json")).unwrap();
        gate.unwrap().to_owned()
    };
    for (options, reason) in [
        (&["--memfree", "1000000G"][..], "--memfree"),
        (&["--limit", "exit 1"], "--limit 'exit 1'"),
        (&["--limit", "mem 1000000G"], "--limit mem"),
        (&["--limit", "exit 7"], "--limit 'exit 7'"),
    ] {
        let gate = ran(options);
        assert!(gate.contains(reason), "{gate}");
    }
}

#[test]
fn jobs_start_where_gates_let_them() {
    for options in [
        &["--memfree", "1"][..],
        &["--memsuspend", "1"],
        &["--limit", "true"],
        &["--limit", "mem 1"],
        &["--limit", "load 100000"],
        &["--limit", "io 100"],
        &["--load", "100000"],
        &["--noswap"],
    ] {
        fanout()
            .args(options)
            .args(["-k", "echo", ":::", "a", "b", "c"])
            .assert()
            .code(0)
            .stdout("a\nb\nc\n");
    }
}

#[test]
fn pressure_is_measured_or_the_kernel_is_named() {
    let run = fanout()
        .args([
            "--psi",
            "cpu=100000%",
            "--psi",
            "io=100000%",
            "echo",
            ":::",
            "a",
        ])
        .assert();
    if Path::new("/proc/pressure/cpu").exists() && fs::read("/proc/pressure/cpu").is_ok() {
        run.code(0).stdout("a\n");
    } else {
        let run = run.code(255).stdout("");
        assert!(text(&run.get_output().stderr).contains("pressure-stall"));
    }
}

/// `--limit` is asked before each start, and what it kills is run again and counts as no try.
#[test]
fn a_limit_far_exceeded_kills_the_youngest_which_is_run_again() {
    let folder = tempfile::tempdir().unwrap();
    // The first two may start; when it is known that they have, it is far too much, once; then all may go on.
    let limit = "echo >> asked; case $(wc -l < asked) in 1|2) exit 0;; \
                 3) until [ $(grep -c job.start json) -ge 2 ]; do sleep 0.01; done; exit 2;; esac";
    fanout()
        .current_dir(folder.path())
        .args([
            "-j3",
            "--retries",
            "1",
            "--limit",
            limit,
            "--json=json",
            "--json-detail",
            "lifecycle",
        ])
        .args([
            "echo {} >> begun; until [ $(wc -l < begun) -ge 4 ]; do sleep 0.01; done",
            ":::",
            "1",
            "2",
            "3",
        ])
        .assert()
        .code(0);
    let json = fs::read_to_string(folder.path().join("json")).unwrap();
    let killed: Vec<&str> = json
        .lines()
        .filter(|line| line.contains("\"killed_by\":\"memory\""))
        .collect();
    assert_eq!(killed.len(), 1, "{json}");
    assert!(killed[0].contains("\"type\":\"attempt.end\"") && killed[0].contains("\"seq\":2"));
    let ends = json
        .lines()
        .filter(|line| line.contains("\"type\":\"job.end\""));
    assert_eq!(
        ends.filter(|line| line.contains("\"attempt\":1,")).count(),
        3,
        "{json}"
    );
}

#[test]
fn signals_tell_what_runs_and_how_far_it_is() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["go-a", "go-b"] {
        make_fifo(&folder.path().join(name));
    }
    let mut command = fanout_in_background();
    command
        .current_dir(folder.path())
        .args(["-j1", "cat go-{}; :", ":::", "a", "b"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    let mut run = Run::start(command);
    run.await_jobs("cat go-a", 1);
    let mut said = BufReader::new(run.child.stderr.take().unwrap()).lines();
    run.send(Signal::USR1);
    assert_eq!(said.next().unwrap().unwrap(), "fanout: cat go-a; :");
    run.send(Signal::USR2);
    let progress = said.next().unwrap().unwrap();
    assert_eq!(progress, "fanout: 0 of 2 jobs done, 0 failed, 1 running");
    for name in ["go-a", "go-b"] {
        fs::write(folder.path().join(name), "").unwrap();
    }
    assert_eq!(run.wait().code(), Some(0));
}

/// The state of a process, as in `ps`.
fn state(pid: u32) -> char {
    let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    stat.rsplit(") ")
        .next()
        .and_then(|it| it.chars().next())
        .unwrap_or('-')
}

#[test]
fn stopped_and_continued_with_its_jobs() {
    let folder = tempfile::tempdir().unwrap();
    let mut command = fanout_in_background();
    command
        .current_dir(folder.path())
        .args(["-j1", "echo $$ > pid; exec sleep 1000;", ":::", "a"])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let mut run = Run::start(command);
    run.await_jobs("sleep 1000", 1);
    let job = fs::read_to_string(folder.path().join("pid")).unwrap();
    let job: u32 = job.trim().parse().unwrap();
    run.send(Signal::TSTP);
    await_that("both are stopped", || {
        state(run.pid()) == 'T' && state(job) == 'T'
    });
    run.send(Signal::CONT);
    await_that("both go on", || {
        state(run.pid()) == 'S' && state(job) == 'S'
    });
    run.send(Signal::TERM);
    assert_eq!(run.wait().signal(), Some(Signal::TERM.as_raw()));
    assert!(run.jobs().is_empty());
}

#[test]
fn a_halt_ends_500_jobs_and_all_that_they_have_started() {
    let folder = tempfile::tempdir().unwrap();
    let [alive, go] = ["alive", "go"].map(|name| folder.path().join(name));
    make_fifo(&alive);
    make_fifo(&go);
    // All jobs but the last, their children and grandchildren hold the FIFO open; one of them ignores SIGTERM.
    let job = "[ {} = 500 ] && { read line < go; exit 3; }
        [ {} = 250 ] && trap '' TERM
        exec 9> alive; sleep 1000 & (sleep 1000 & wait) & printf x >&9; wait; sleep 1000";
    let mut run = fanout_in_background()
        .current_dir(folder.path())
        .args(["-j500", "--no-summary", "--halt", "now,fail=1", job, ":::"])
        .args((1..=500).map(|number| number.to_string()))
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut alive = fs::File::open(&alive).unwrap();
    alive.read_exact(&mut [0; 499]).unwrap();
    fs::write(&go, "go\n").unwrap();
    // The end of the FIFO is that of the last process.
    assert_eq!(alive.read_to_end(&mut Vec::new()).unwrap(), 0);
    assert_eq!(run.wait().unwrap().code(), Some(3));
}

#[test]
fn only_failures_that_are_worth_it_are_tried_again() {
    for (on, tries) in [
        ("exit:75", 1),
        ("exit:70-80,signal", 1),
        ("fail", 3),
        ("exit:3", 3),
        ("timeout", 1),
    ] {
        let folder = tempfile::tempdir().unwrap();
        fanout()
            .current_dir(folder.path())
            .args(["--retries", "3", "--retry-on", on, "--no-summary"])
            .args(["echo >> tries; exit {}", ":::", "3"])
            .assert()
            .code(1);
        let tried = fs::read_to_string(folder.path().join("tries")).unwrap();
        assert_eq!(tried.lines().count(), tries, "{on}");
    }
    fanout()
        .args(["--retry-on", "fail", "true", ":::", "a"])
        .assert()
        .code(255);
    fanout()
        .args(["--backoff", "1s", "true", ":::", "a"])
        .assert()
        .code(255);
}

#[test]
fn a_job_that_waits_for_its_next_try_holds_up_no_other() {
    let folder = tempfile::tempdir().unwrap();
    let run = fanout()
        .current_dir(folder.path())
        .args(["-j1", "--retries", "2", "--backoff", "4..4"])
        .args(["--json", "--json-detail", "results"])
        .args([
            "[ {} != 1 ] || [ -e x ] || { touch x; exit 1; }",
            ":::",
            "1",
            "2",
            "3",
        ])
        .assert()
        .code(0);
    let json = text(&run.get_output().stdout).to_owned();
    let ends: Vec<&str> = json
        .lines()
        .filter(|line| line.contains("\"type\":\"job.end\""))
        .collect();
    let first = ends.last().unwrap();
    assert!(
        first.contains("\"seq\":1,") && first.contains("\"flaky\":true"),
        "{json}"
    );
    assert_eq!(
        ends.iter()
            .filter(|line| line.contains("\"flaky\":true"))
            .count(),
        1
    );
}

#[test]
fn a_timeout_may_follow_the_median() {
    let folder = tempfile::tempdir().unwrap();
    fanout()
        .current_dir(folder.path())
        .args([
            "-j2",
            "--timeout",
            "300%",
            "--no-summary",
            "--joblog",
            "log",
        ])
        .args(["sleep", ":::", "0.1", "0.1", "1000", "0.1"])
        .assert()
        .code(1);
    let jobs = joblog(&folder.path().join("log"));
    let killed: Vec<u64> = jobs
        .iter()
        .filter(|job| job.exit == -1)
        .map(|job| job.seq)
        .collect();
    assert_eq!(killed, [3]);
}

#[test]
fn whoever_survives_the_termination_sequence_goes_on() {
    fanout()
        .args(["--term-seq", "INT,10", "--timeout", "2", "--no-summary"])
        .args([
            "trap 'echo interrupted' INT; sleep {} & wait; sleep 0.1; echo over",
            ":::",
            "60",
        ])
        .assert()
        .code(1)
        .stdout("interrupted\nover\n");
}

#[test]
fn job_ends_tell_what_they_cost() {
    let run = fanout()
        .args(["--json", "--json-detail=results", ":::"])
        .arg("i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done")
        .assert()
        .code(0);
    let json = text(&run.get_output().stdout).to_owned();
    let end = json
        .lines()
        .find(|line| line.contains("\"type\":\"job.end\""))
        .unwrap();
    assert!(number(end, "user_s").unwrap() > 0.0, "{end}");
}

/// A number in a line of JSON; `None`: it is null.
fn number(line: &str, field: &str) -> Option<f64> {
    let rest = line.split(&format!("\"{field}\":")).nth(1).unwrap();
    rest.split([',', '}']).next().unwrap().parse().ok()
}

/// The `job.end` lines of a run of `commands`, in their order.
fn job_ends(args: &[&str], commands: &[&str]) -> Vec<String> {
    let mut line = vec!["--json", "--json-detail=results", "-k", "--no-summary"];
    line.extend(args);
    let run = fanout()
        .args(line)
        .arg(":::")
        .args(commands)
        .output()
        .unwrap();
    let ends = text(&run.stdout).lines();
    let ends = ends.filter(|line| line.contains("\"type\":\"job.end\""));
    ends.map(str::to_owned).collect()
}

#[test]
fn no_job_has_the_memory_of_fanout() {
    // dd has a buffer of that size, and touches all of it.
    let large = "dd if=/dev/zero of=/dev/null bs=64M count=1";
    let ends = job_ends(&["-j1"], &["/bin/true", large, "/bin/true"]);
    let peak = |at: usize| number(&ends[at], "max_rss_bytes");
    assert_eq!((peak(0), peak(2)), (None, None), "{ends:?}");
    let large = peak(1).unwrap();
    assert!((67e6..90e6).contains(&large), "{ends:?}");
}

/// The kernel counts the memory of whoever executes a program as the program's own.
#[test]
fn a_large_caller_hides_no_jobs_memory() {
    let caller = "x=$(head -c 100000000 /dev/zero | tr '\\0' x); exec \"$@\"";
    let run = std::process::Command::new("bash")
        .args(["-c", caller, "bash", env!("CARGO_BIN_EXE_fanout")])
        .args([
            "--json",
            "dd if=/dev/zero of=/dev/null bs=64M count={}",
            ":::",
            "1",
        ])
        .output()
        .unwrap();
    let lines = text(&run.stdout);
    let end = lines
        .lines()
        .find(|line| line.contains("\"job.end\""))
        .unwrap();
    let peak = number(end, "max_rss_bytes").expect(end);
    assert!((67e6..90e6).contains(&peak), "{end}");
}

#[test]
fn no_job_is_told_to_be_shorter_than_it_was() {
    let many = vec!["/bin/true"; 200];
    let mut ends = job_ends(&["-j8"], &many);
    assert_eq!(ends.len(), many.len());
    ends.extend(job_ends(&["-j8"], &["echo x"; 200]));
    for end in &ends {
        let spent = number(end, "user_s").unwrap() + number(end, "sys_s").unwrap();
        // Each of the three is rounded to microseconds by itself.
        assert!(number(end, "wall_s").unwrap() >= spent - 2e-6, "{end}");
    }
    // Some starts are slow, those of many jobs at once above all.
    for end in job_ends(&["-j8"], &["sleep 0.2"; 16]) {
        assert!(number(&end, "wall_s").unwrap() >= 0.2, "{end}");
    }
}

/// Tiny jobs are handed over ahead and run many at a time in one shell. All the same nothing comes after the end that
/// ends the run.
#[test]
fn no_tiny_job_begins_after_the_one_that_halts_the_run() {
    for when in ["soon", "now"] {
        let run = fanout()
            .args(["-j1", "--halt"])
            .arg(format!("{when},fail=2"))
            .arg("test {} -ne 700 && test {} -ne 900 && echo {}")
            .write_stdin(lines(1..=5000))
            .assert()
            .code(2);
        let expected = (1..900).filter(|&number| number != 700);
        assert_eq!(text(&run.get_output().stdout), lines(expected));
    }
}

#[test]
fn a_tiny_job_is_tried_again_before_the_next_begins() {
    let dir = tempfile::tempdir().unwrap();
    let log = dir.path().join("log");
    // Its first try leaves no trace, so that nobody can tell them apart but by what is on record.
    fanout()
        .args(["-j1", "--retries", "3", "--json-detail", "lifecycle"])
        .arg(format!("--json={}", log.display()))
        .arg("test {} -ne 300 && test {} -ne 1200 && echo {}")
        .write_stdin(lines(1..=2000))
        .assert()
        .code(2)
        .stdout(lines(
            (1..=2000).filter(|&number| number != 300 && number != 1200),
        ));
    let log = std::fs::read_to_string(&log).unwrap();
    let ends: Vec<serde_json::Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    let ends: Vec<(u64, u64)> = ends
        .iter()
        .filter(|line| matches!(line["type"].as_str(), Some("attempt.end" | "job.end")))
        .map(|line| {
            (
                line["seq"].as_u64().unwrap(),
                line["attempt"].as_u64().unwrap(),
            )
        })
        .collect();
    let tries = |seq| if seq == 300 || seq == 1200 { 3 } else { 1 };
    let expected: Vec<_> = (1..=2000)
        .flat_map(|seq| (1..=tries(seq)).map(move |attempt| (seq, attempt)))
        .collect();
    assert_eq!(ends, expected);
}

/// A batch of tiny jobs is cut where one fails, and Perl has a memory: no command is made twice.
#[test]
fn an_expression_is_evaluated_once_for_each_try() {
    fanout()
        .args(["-j1", "-k", "--halt", "soon,fail=3"])
        .arg("test {} -ne 50 && test {} -ne 60 && echo {= $_ = ++$n =}")
        .write_stdin(lines(1..=100))
        .assert()
        .code(2)
        .stdout(lines(
            (1..=100).filter(|&number| number != 50 && number != 60),
        ));
}

fn lines(numbers: impl IntoIterator<Item = u64>) -> String {
    numbers
        .into_iter()
        .map(|number| format!("{number}\n"))
        .collect()
}

/// Failures in several slots at once: each of them stops what was handed over ahead.
#[test]
fn many_failures_among_tiny_jobs_lose_none_and_come_to_an_end() {
    for options in [
        &["--retries", "2"][..],
        &["--halt", "soon,fail=100%"],
        &["-j2auto"],
    ] {
        let run = fanout()
            .args(["-j4", "--no-summary"])
            .args(options)
            .arg("test $(({} % 50)) -ne 0 && echo {}")
            .write_stdin(lines(1..=5000))
            .assert()
            .failure();
        let mut numbers: Vec<u64> = text(&run.get_output().stdout)
            .lines()
            .map(|line| line.parse().unwrap())
            .collect();
        numbers.sort_unstable();
        let expected = (1..=5000).filter(|number| number % 50 != 0);
        assert!(numbers.into_iter().eq(expected), "{options:?}");
    }
}
