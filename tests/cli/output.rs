//! Jobs' output: in groups, in order, apart, and whole whatever its size.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::num::NonZero;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use proptest::collection::vec;
use proptest::prelude::*;

use crate::process::{Run, make_fifo, status_number};
use crate::{fanout, fanout_in_background, text};

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Whatever the timing: each job sleeps, writes to both outputs, and exits as its argument says.
    #[test]
    fn keep_order_prints_what_one_job_at_a_time_prints(
        jobs in vec((0..6_u32, 0..3_usize, 0..20_000_usize, 0..3_i32), 1..24)
    ) {
        let job = "IFS=: read -r nap lines bytes code <<< {}
            sleep 0.0$nap
            for line in $(seq $lines); do echo \"{#} line $line\"; echo \"{#} error $line\" >&2; done
            head -c $bytes /dev/zero | tr '\\0' x
            exit $code";
        let args: Vec<String> =
            jobs.iter().map(|(nap, lines, bytes, code)| format!("{nap}:{lines}:{bytes}:{code}")).collect();
        let run = |parallel: &str| {
            fanout().args(["--no-summary", "-k", parallel, job, ":::"]).args(&args).output().unwrap()
        };
        let (serial, parallel) = (run("-j1"), run("-j6"));
        prop_assert_eq!(serial.stdout, parallel.stdout);
        prop_assert_eq!(serial.stderr, parallel.stderr);
        prop_assert_eq!(serial.status.code(), parallel.status.code());
    }
}

#[test]
fn groups_are_never_interleaved() {
    let job = "for line in $(seq 200); do echo {} $line; done; seq 200 | sed 's/^/{} /' >&2";
    let run = fanout()
        .args(["-j8", job, ":::", "a", "b", "c", "d", "e", "f", "g", "h"])
        .assert()
        .code(0);
    for stream in [&run.get_output().stdout, &run.get_output().stderr] {
        let lines: Vec<&str> = text(stream).lines().collect();
        assert_eq!(lines.len(), 8 * 200);
        for group in lines.chunks(200) {
            let name = &group[0][..1];
            let whole = group
                .iter()
                .enumerate()
                .all(|(at, line)| *line == format!("{name} {}", at + 1));
            assert!(whole, "job {name} was interrupted");
        }
    }
}

#[test]
fn a_group_is_printed_as_soon_as_its_job_ends() {
    // The first job ends only after the second one's output was seen.
    let folder = tempfile::tempdir().unwrap();
    make_fifo(&folder.path().join("fifo"));
    let mut command = fanout_in_background();
    command
        .args(["-j2", ":::", "cat fifo; echo first", "echo second"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut run = Run::start(command);
    let mut out = BufReader::new(run.child.stdout.take().unwrap()).lines();
    assert_eq!(out.next().unwrap().unwrap(), "second");
    fs::write(folder.path().join("fifo"), "").unwrap();
    assert_eq!(out.next().unwrap().unwrap(), "first");
    assert!(run.wait().success());
}

/// How often a line of `seq 400 | fanout COMMAND` comes before the line that should come before it, in the best of
/// a few runs beside as many threads that want to run as `busy` says for each core.
fn inversions(command: &[&str], busy: usize) -> usize {
    let over = AtomicBool::new(false);
    let cores = thread::available_parallelism().map_or(2, NonZero::get);
    let input: String = (1..=400).map(|number| format!("{number}\n")).collect();
    let runs = thread::scope(|scope| {
        for _ in 0..busy * cores {
            scope.spawn(|| {
                while !over.load(Ordering::Relaxed) {
                    std::hint::spin_loop();
                }
            });
        }
        let runs = [(); 3].map(|()| fanout().args(command).write_stdin(input.as_str()).output());
        over.store(true, Ordering::Relaxed);
        runs
    });
    let counts = runs.map(|run| {
        let stdout = run.unwrap().stdout;
        let lines = text(&stdout).lines().map(|line| line.parse().unwrap());
        let lines: Vec<u32> = lines.collect();
        assert_eq!(lines.len(), 400);
        lines.windows(2).filter(|pair| pair[0] > pair[1]).count()
    });
    counts.into_iter().min().unwrap_or_default()
}

/// Where chance decides, 50 lines and more are out of order.
#[test]
fn quick_jobs_are_printed_in_the_order_of_the_inputs() {
    for command in [&["echo"][..], &["true; echo"], &["/bin/echo"]] {
        for busy in [0, 1] {
            let count = inversions(command, busy);
            assert!(count <= 30, "{command:?}: {count} of 400 are out of order");
        }
    }
}

#[test]
fn ungrouped_output_comes_while_the_job_runs() {
    let folder = tempfile::tempdir().unwrap();
    make_fifo(&folder.path().join("fifo"));
    let mut command = fanout_in_background();
    command
        .args(["-u", "echo early {}; cat fifo; echo late {}", ":::", "job"])
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    let mut run = Run::start(command);
    let mut out = BufReader::new(run.child.stdout.take().unwrap()).lines();
    assert_eq!(out.next().unwrap().unwrap(), "early job");
    fs::write(folder.path().join("fifo"), "").unwrap();
    assert_eq!(out.next().unwrap().unwrap(), "late job");
    assert!(run.wait().success());
}

#[test]
fn two_outputs_stay_apart() {
    fanout()
        .args(["-k", "echo out {}; echo err {} >&2", ":::", "a", "b"])
        .assert()
        .code(0)
        .stdout("out a\nout b\n")
        .stderr("err a\nerr b\n");
}

#[test]
fn jobs_start_before_the_input_ends() {
    let mut command = fanout_in_background();
    command
        .args(["-j2", "echo"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped());
    let mut run = Run::start(command);
    let mut input = run.child.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, b"first\n").unwrap();
    let mut out = BufReader::new(run.child.stdout.take().unwrap()).lines();
    assert_eq!(out.next().unwrap().unwrap(), "first");
    drop(input);
    assert!(run.wait().success());
}

/// A job's output is bounded by the disk, not by fanout's memory, and leaves no file behind.
#[test]
fn huge_output_arrives_whole_without_being_held_in_memory() {
    const SIZE: usize = 96 << 20;
    let folder = tempfile::tempdir().unwrap();
    let mut command = fanout_in_background();
    command
        .args(["-k", "-j2", ":::"])
        // -k holds the second job's output back until the first one ends.
        .arg("cat fifo")
        .arg(format!("head -c {SIZE} /dev/zero; touch written"))
        .env("TMPDIR", folder.path())
        .current_dir(folder.path())
        .stdin(Stdio::null())
        .stdout(Stdio::piped());
    make_fifo(&folder.path().join("fifo"));
    let mut run = Run::start(command);
    let written = folder.path().join("written");
    crate::process::await_that("96 MiB written", || {
        written.exists() && run.jobs().len() <= 2
    });
    fs::write(folder.path().join("fifo"), "").unwrap();
    let mut out = run.child.stdout.take().unwrap();
    let mut buffer = vec![0; 1 << 16];
    let mut received = 0;
    while received < SIZE {
        received += out.read(&mut buffer).unwrap();
        if received > SIZE - buffer.len() {
            break;
        }
    }
    let peak = status_number(run.pid(), "VmHWM");
    received += out.read_to_end(&mut Vec::new()).unwrap();
    assert_eq!(received, SIZE);
    assert!(run.wait().success());
    assert!(peak < 48 << 10, "fanout's memory reached {peak} kB");
    let mut left: Vec<_> = fs::read_dir(folder.path())
        .unwrap()
        .map(|file| file.unwrap().file_name())
        .collect();
    left.sort();
    assert_eq!(left, ["fifo", "written"]);
}

/// What `sh` prints and says, in a mount namespace of its own where `$TMPDIR` has one MiB; `None`: only root may
/// have that.
fn in_small_tmpdir(script: &str) -> Option<std::process::Output> {
    let dir = tempfile::tempdir().unwrap();
    let script = format!("mount -t tmpfs -o size=1m small \"$TMPDIR\" || exit 99; {script}");
    let fanout = env!("CARGO_BIN_EXE_fanout");
    let output = std::process::Command::new("unshare")
        .args(["-m", "sh", "-c", &script, fanout])
        .envs(crate::ENVIRONMENT.iter().copied())
        .env("TMPDIR", dir.path())
        .output()
        .unwrap();
    if output.status.code() == Some(99) || text(&output.stderr).starts_with("unshare:") {
        eprintln!("skipped: no file system can be mounted here");
        return None;
    }
    Some(output)
}

#[test]
fn a_full_tmpdir_is_said_and_nothing_is_lost_unsaid() {
    for options in [
        "",
        "-k",
        "--files",
        "--results $TMPDIR/r",
        "--compress-program cat",
    ] {
        let script = format!("$0 -j1 {options} 'head -c 2000000 /dev/zero #' ::: a");
        let Some(output) = in_small_tmpdir(&script) else {
            return;
        };
        if options == "-k" {
            // The job whose turn it is needs no room.
            assert_eq!(output.stdout.len(), 2_000_000);
            continue;
        }
        // Only the job whose output is lost fails.
        assert_eq!(output.status.code(), Some(1), "{options}: {output:?}");
        let told = text(&output.stderr);
        assert!(
            told.contains("No space left") || told.contains("cat failed"),
            "{told}"
        );
    }
}

#[test]
fn what_found_no_room_for_a_moment_is_lost_though_there_is_room_again() {
    // The first job takes all room, and gives it back when the second has written in vain, and does not care.
    let jobs = "case $n in \
        a) dd if=/dev/zero of=$TMPDIR/filler bs=4k 2>/dev/null; echo >$F/full; read x <$F/wrote; \
           rm $TMPDIR/filler; echo >$F/room;; \
        b) read x <$F/full; head -c 300000 /dev/zero | tr '\\0' x 2>/dev/null; echo >$F/wrote; \
           read x <$F/room; echo end;; esac";
    for options in [
        "",
        "-k",
        "-k --line-buffer",
        "--tag",
        "--files",
        "--results $TMPDIR/r",
        "--results $F/t.csv",
        "--compress-program cat",
        "--compress-program 'gzip -0'",
        "--pipe -N1",
        "--pipe -N1 -k --cat",
    ] {
        let folder = tempfile::tempdir().unwrap();
        let (number, inputs) = match options {
            "--pipe -N1 -k --cat" => ("n=$(cat {})", ""),
            _ if options.starts_with("--pipe") => ("read n", ""),
            _ => ("n={}", "::: a b"),
        };
        std::fs::write(folder.path().join("jobs"), jobs).unwrap();
        let script = format!(
            "export F={}; mkfifo $F/full $F/wrote $F/room; printf 'a\nb\n' | \
             $0 -j2 --joblog $F/log {options} '{number}; . $F/jobs' {inputs} >$F/out; \
             echo $?; cut -f 1,7 $F/log | sort -n",
            folder.path().display()
        );
        let Some(output) = in_small_tmpdir(&script) else {
            return;
        };
        let log = "1\nSeq\tExitval\n1\t0\n2\t-1\n";
        assert_eq!(text(&output.stdout), log, "{options}: {output:?}");
        let said = text(&output.stderr);
        let lost = "the output of job 2 is lost: ";
        assert!(said.contains(lost), "{options}: {said}");
    }
}

#[test]
fn output_that_reaches_a_limit_is_lost() {
    for options in ["", "-k", "--files", "--results r"] {
        let folder = tempfile::tempdir().unwrap();
        let fanout = env!("CARGO_BIN_EXE_fanout");
        let script = format!(
            "ulimit -f 100; $0 {options} --joblog log 'head -c {{}}0000 /dev/zero; true' ::: 1 9 20 \
             >/dev/null; echo $?; cut -f 1,7 log | sort -n"
        );
        let output = std::process::Command::new("bash")
            .args(["-c", &script, fanout])
            .envs(crate::ENVIRONMENT.iter().copied())
            .env("TMPDIR", folder.path())
            .current_dir(folder.path())
            .output()
            .unwrap();
        let logged = text(&output.stdout);
        // A job whose turn it is when it starts writes into no file.
        let good = options == "-k" && logged == "0\nSeq\tExitval\n1\t0\n2\t0\n3\t0\n";
        let lost = logged == "1\nSeq\tExitval\n1\t0\n2\t0\n3\t-1\n";
        assert!(good || lost, "{options}: {output:?}");
    }
}

/// The exit code of fanout and what is on its standard error, with `redirections` of bash's.
fn redirected(
    folder: &std::path::Path,
    options: &str,
    redirections: &str,
) -> (Option<i32>, String) {
    let script = format!("$0 {options} {redirections}");
    let output = std::process::Command::new("bash")
        .args(["-c", &script, env!("CARGO_BIN_EXE_fanout")])
        .envs(crate::ENVIRONMENT.iter().copied())
        .current_dir(folder)
        .stdin(std::process::Stdio::null())
        .output()
        .unwrap();
    (
        output.status.code(),
        text(&output.stderr).to_owned() + text(&output.stdout),
    )
}

#[test]
fn what_cannot_be_written_to_closed_descriptors_is_no_success() {
    let folder = tempfile::tempdir().unwrap();
    let run = |options: &str, redirections| redirected(folder.path(), options, redirections);
    for options in ["", "-k", "--tag", "--line-buffer", "--json", "--dry-run"] {
        let (code, said) = run(&format!("{options} echo ::: 1"), ">&-");
        assert_eq!(code, Some(255), "{options}: {said}");
        let want = "cannot write to standard output: Bad file descriptor";
        assert!(said.contains(want), "{options}: {said}");
    }
    // The job is told itself.
    let (code, said) = run("-u 'echo {} || exit 3' ::: 1", ">&-");
    assert_eq!(code, Some(1), "{said}");
    let (code, said) = run("'exit 3; echo' ::: 1", "2>&-");
    assert_eq!((code, &*said), (Some(1), ""));
    // Who closes standard error wants to hear nothing.
    let (code, _) = run("'echo to nobody >&2' ::: 1", "2>&-");
    assert_eq!(code, Some(0));
    // Where nothing is lost, nothing is wrong, and no file gets the number of one that was closed.
    let keeps = "--joblog log --results res 'echo {}; echo e >&2' ::: 1 2";
    let (code, said) = run(keeps, ">&- 2>&- <&-");
    assert_eq!((code, &*said), (Some(0), ""));
    let read = |name: &str| fs::read_to_string(folder.path().join(name)).unwrap();
    assert_eq!(
        (&*read("res/1/2/stdout"), &*read("res/1/2/stderr")),
        ("2\n", "e\n")
    );
    assert_eq!(read("log").lines().count(), 3);
}

#[test]
fn a_closed_standard_input_is_no_empty_one() {
    let folder = tempfile::tempdir().unwrap();
    for options in ["echo", "--pipe cat", "-k -N2 echo {}"] {
        let (code, said) = redirected(folder.path(), options, "<&-");
        assert_eq!(code, Some(255), "{options}: {said}");
        assert!(said.contains("standard input"), "{options}: {said}");
        assert!(said.contains("Bad file descriptor"), "{options}: {said}");
    }
    let (code, said) = redirected(folder.path(), "'cat; echo {}' ::: 1", "<&-");
    assert_eq!((code, &*said), (Some(0), "1\n"));
}

/// The files in `folder` and below that are called `name` or end with it, by their paths.
fn files(folder: &std::path::Path, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_path_buf()];
    while let Some(next) = folders.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.to_str().unwrap().ends_with(name) {
                let path = path.strip_prefix(folder).unwrap();
                found.push(path.to_str().unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

#[test]
fn every_input_has_a_place_of_its_own_below_that_of_the_results() {
    let inputs = ["", ".", "..", "a/b", "+e", "+.", r"c\d", "a+zb"];
    let names = ["++.", "++e", "+.", "+..", "+e", "a++zb", "a+zb", r"c\d"];
    for results in ["r", "r/"] {
        let end = "/stdout";
        let dir = tempfile::tempdir().unwrap();
        fanout()
            .current_dir(dir.path())
            .args(["--results", results, "echo", ":::"])
            .args(inputs)
            .assert()
            .code(0);
        let mut expected = names.map(|name| format!("r/1/{name}{end}"));
        expected.sort();
        assert_eq!(files(dir.path(), end), expected);
    }
}

#[test]
fn neither_inputs_nor_names_lead_out_of_the_place_of_the_results() {
    for (options, inputs, expected) in [
        (&["--results", "r/{}.out"][..], &["../x"][..], "r/+../x.out"),
        (
            &["--results", "r/{}.out"],
            &["a/../../x"],
            "r/a/+../+../x.out",
        ),
        (&["--results", "r/{}/out"], &[".."], "r/+../out"),
        (&["--results", "r/{}/out"], &["."], "r/+./out"),
        (&["--results", "r/{}/out"], &[""], "r/+e/out"),
        (&["--results", "{}/out"], &[""], "+e/out"),
        (&["--results", "r/.{}/out"], &["."], "r/+../out"),
        (&["--results", "r/{= $_ = '..' =}/out"], &["x"], "r/+../out"),
        (
            &["--results", "r", "--header", ":"],
            &["..", "out"],
            "r/+../out/stdout",
        ),
        (
            &["--results", "r", "--header", ":"],
            &["../../x", "out"],
            "r/+../+../x/out/stdout",
        ),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let inner = dir.path().join("a/b");
        fs::create_dir_all(&inner).unwrap();
        fanout()
            .current_dir(&inner)
            .args(options)
            .args(["echo", "done", ":::"])
            .args(inputs)
            .assert()
            .code(0);
        let end = if expected.ends_with("stdout") {
            "stdout"
        } else {
            "out"
        };
        let written = files(dir.path(), end);
        assert_eq!(written, [format!("a/b/{expected}")], "{options:?}");
    }
}

#[test]
fn a_job_whose_output_is_lost_ran_and_has_failed() {
    let script = "$0 -j1 --joblog $TMPDIR/log --json=$TMPDIR/json \
        'head -c {}000000 /dev/zero 2>/dev/null; echo; exit {= $_ = $_ == 4 ? 7 : 0 =}' ::: 0 3 0 4 >/dev/null; \
        echo $?; cut -f 1,7,8 $TMPDIR/log; \
        grep -o '\"status\":[^,]*,\"exit\":[^,]*\\|\"stdout_truncated\":[^,]*' $TMPDIR/json";
    let Some(output) = in_small_tmpdir(script) else {
        return;
    };
    let log = "Seq\tExitval\tSignal\n1\t0\t0\n2\t-1\t0\n3\t0\t0\n4\t7\t0\n";
    let json: String = [
        ("ok", 0, false),
        ("fail", 0, true),
        ("ok", 0, false),
        ("fail", 7, true),
    ]
    .iter()
    .map(|(status, exit, lost)| {
        format!("\"status\":\"{status}\",\"exit\":{exit}\n\"stdout_truncated\":{lost}\n")
    })
    .collect();
    assert_eq!(
        text(&output.stdout),
        format!("2\n{log}{json}"),
        "{output:?}"
    );
    let told = text(&output.stderr);
    for words in [
        "the output of job 2 is lost: ",
        "the output of job 4 is lost: ",
        "#2  output lost",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    assert!(!told.contains("not started"), "{told}");
}

#[test]
fn a_line_without_an_end_is_printed_in_pieces() {
    let command = "head -c 5000000 /dev/zero #";
    let output = fanout()
        .args(["--line-buffer", "--tag", command, ":::", "a"])
        .output()
        .unwrap();
    assert_eq!(output.stdout.len(), 5_000_002);
    assert!(output.stdout.starts_with(b"a\t\0"));
}

/// More than is moved by the reports: most of it goes past them, from pipe to standard output.
const MUCH: usize = 20_000_000;

#[test]
fn much_output_in_order_arrives_whole_wherever_it_goes() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("out");
    let line = format!("yes {{}} | head -c {MUCH}");
    let expected: Vec<u8> = ["5\n", "7\n"]
        .iter()
        .flat_map(|line| line.repeat(MUCH / 2).into_bytes())
        .collect();
    let args = ["-k", "-j1", &line, ":::", "5", "7"];
    let piped = fanout().args(args).output().unwrap();
    assert!(piped.stdout == expected, "through a pipe");
    let files = [
        fs::File::create(&path).unwrap(),
        fs::File::options().append(true).open(&path).unwrap(),
    ];
    for (file, copies) in files.into_iter().zip([1, 2]) {
        let done = fanout_in_background()
            .args(args)
            .stdout(file)
            .status()
            .unwrap();
        assert!(done.success());
        let written = fs::read(&path).unwrap();
        assert!(written == expected.repeat(copies), "{copies} in a file");
    }
}

#[test]
fn much_output_that_nobody_takes_ends_the_run_with_words() {
    let full = fs::File::options().write(true).open("/dev/full").unwrap();
    let done = fanout_in_background()
        .args([
            "-k",
            "-j1",
            &format!("yes {{}} | head -c {MUCH}"),
            ":::",
            "5",
            "7",
        ])
        .stdout(full)
        .output()
        .unwrap();
    let words = String::from_utf8_lossy(&done.stderr);
    assert!(
        words.contains("cannot write to standard output: No space left"),
        "{words}"
    );
    assert_eq!(done.status.code(), Some(255));
}

#[test]
fn a_job_of_much_output_that_nobody_reads_is_still_ended_at_its_time_limit() {
    let dir = tempfile::tempdir().unwrap();
    let alive = dir.path().join("alive");
    make_fifo(&alive);
    let mut run = fanout_in_background()
        .args(["-k", "--timeout", "0.3", "exec 9>{}; yes", ":::"])
        .arg(&alive)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    // Its end comes when the job has ended, while standard output is full.
    let mut nothing = String::new();
    fs::File::open(&alive)
        .unwrap()
        .read_to_string(&mut nothing)
        .unwrap();
    drop(run.stdout.take());
    run.wait().unwrap();
}
