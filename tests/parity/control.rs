//! Job control: `--halt`, `--retries`, `--timeout`, `--term-seq`, going on with a joblog, and what holds
//! starts back.

use crate::case::{Case, case};

pub fn cases() -> Vec<Case> {
    let mut cases = halts();
    cases.extend(retries());
    cases.extend(termination());
    cases.extend(resumed());
    cases.extend(retried());
    cases.extend(joblogs());
    cases.extend(gates());
    cases.extend(numbers_from_files());
    cases
}

fn halts() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        "-k -j1 --halt soon,fail=101 'exit {}' ::: 3 0",
        "-k -j1 --halt 50% 'exit {}' ::: 3 0 1",
        "-k -j1 --halt now,done=2 'exit {}' ::: 0 0 1",
        "-k -j1 --halt soon,done=3 'exit {}' ::: 0 0 0 1",
        "-k -j1 --halt soon,done=3 'exit {}' ::: 0 7 0 1",
        "-k -j1 --halt soon,done=4 'exit {}' ::: 0 0 0",
        "-k -j1 -I RR --tag 'echo {} RR' ::: a b",
        "-k -j1 -I RR --tagstring 'RR {}' 'echo {} RR' ::: a b",
        "-k -j1 --halt 0% 'exit {}' ::: 3 0 1",
        "-k -j1 --halt 100% 'exit {}' ::: 3 0 1",
        "-k -j1 --halt never,fail=1 'exit {}' ::: 3 0 1",
        "-k -j1 --halt never,rubbish 'exit {}' ::: 3 0 1",
        "-k -j1 --halt now,fail,1 'exit {}' ::: 3 1 1",
        "-k -j1 --halt now=fail,1 'exit {}' ::: 3 1 1",
        "-k -j1 --halt now,fail=1,2 'exit {}' ::: 3 1 1",
        "-k -j1 --halt now,done=100% 'exit {}' ::: 0 1 1",
        "-k -j1 --halt now,success=100% 'exit {}' ::: 0 0 0",
        "-k -j1 --halt soon,success=50% 'exit {}' ::: 0 1 0 0",
        "-k -j1 --halt soon,fail=150% 'exit {}' ::: 0 1 0 0",
        "-k -j1 --halt soon,fail=0% 'exit {}' ::: 0 1 2",
        "-k -j1 --halt soon,success=0 'exit {}' ::: 0 1 2",
        "-k -j1 --halt now,success=0 'exit {}' ::: 5 1 2",
        "-k -j1 --halt now,success=0% 'exit {}' ::: 5 1 2",
        "-k -j1 --halt soon,done=0 'exit {}' ::: 5 1 2",
        "-k -j1 --halt now,fail=1 'kill -{} $$' ::: TERM 9",
        "-k -j1 --halt soon,fail=1 'kill -{} $$' ::: 9 15",
        "-k -j1 --halt soon,done=1 'kill -{} $$' ::: HUP 15",
        "-k -j1 --halt soon,done=2 'kill -{} $$' ::: HUP 15 9",
        "-k -j1 --halt now,success=1 'kill -{} $$' ::: HUP 15",
        "-k -j1 --haltonerror 1 'exit {}' ::: 7 2",
        "-k -j1 --halt-on-error 2 'exit {}' ::: 0 7 2",
        "-k -j1 --halt 1 --halt never 'exit {}' ::: 0 7 2",
        "-k -j1 --hal now,fail=1 'exit {}' ::: 0 7 2",
        "-k -j1 --halt=2 'exit {}' ::: 0 7 2",
        "-k -j1 --halt now,fail=2 'exit {}' ::: 255 254 3",
        "-k -j1 --halt now,fail=1 'exit {}' ::: 255",
        "-k -j1 --halt now,fail=1 'exit {}' ::: 101",
        "-k -j1 --halt now,fail=1 -N2 'exit {2}' ::: 0 0 0 9 0 3",
        "-k -j1 --halt soon,fail=1 --tag 'echo {}; exit {}' ::: 0 4 0",
        "-k -j1 --halt soon,fail=1 -v 'echo {}; exit {}' ::: 0 4 0",
        "-k -j1 --halt soon,fail=1 --retries 2 --joblog log 'exit {}' ::: 0 4 0",
        "-k -j1 --halt now,fail=2 --retries 2 --joblog log 'exit {}' ::: 0 4 5 0",
        "-k -j1 --halt soon,fail=20% --retries 2 --joblog log 'exit {}' ::: 0 4 5 0 0",
        "-k -j1 --halt now,done=2 --joblog log 'exit {}' ::: 0 4 5 0",
        "-k -j1 --halt soon,success=2 --joblog log 'exit {}' ::: 3 0 5 0 4",
        "-k -j2 --halt now,fail=1 --joblog log 'sleep {}; exit 7' ::: 60 0.2",
        "-j3 --halt now,done=1 --joblog log 'sleep {}; exit 7' ::: 60 0.2 61",
        "-k -j2 --halt soon,fail=1 --joblog log 'sleep {}; exit 7' ::: 0.6 0.2 61",
        "-j2 --halt now,fail=50% --joblog log 'sleep {}; exit 7' ::: 60 0.2 0.3 61",
        "-j2 --halt now,fail=1 'echo {}; sleep {}; exit 7' ::: 60 0.2",
        // What ends behind the halt is told of, and changes no exit code.
        "-j3 --halt soon,fail=1 'sleep {}; exit 7' ::: 0.1 0.7 1.3 61",
        "-j4 --halt soon,fail=2 'sleep {}; exit 7' ::: 0.1 0.7 1.3 1.9 61",
        "-j3 --halt soon,done=1 'sleep {1}; exit {2}' ::: 0.1 :::+ 0",
        "-j3 --halt soon,done=2 'sleep {1}; exit {2}' ::: 0.1 0.7 1.3 61 :::+ 0 3 4 0",
        "-j3 --halt soon,success=1 'sleep {1}; exit {2}' ::: 0.1 0.7 1.3 61 :::+ 0 0 4 0",
        "-j4 --halt soon,fail=30% 'sleep {1}; exit 9' ::: 0.1 0.7 1.3 1.9",
        "--halt now,fail=1 -j1 --timeout 0.3 'sleep {}' ::: 60 0.2",
        "--halt soon,fail=1 -j1 --timeout 0.3 'sleep {}' ::: 60 0.2",
    ]
    .map(|line| case(line).joblog("log"))
    .into();
    cases.extend(
        [
            "--halt 101 'exit {}' ::: 3 0",
            "--halt 3 'exit {}' ::: 3 0",
            "--halt -50% 'exit {}' ::: 3 0 1",
            "--halt soon 'exit {}' ::: 3 0 1",
            "--halt now,fail=2.5 'exit {}' ::: 3 1 1",
            "--halt now,fail=33.3% 'exit {}' ::: 3 1 1",
            "--halt now,FAIL=1 'exit {}' ::: 3 1 1",
            "--halt '' 'exit {}' ::: 3 1 1",
            "--halt soon,fail=-1 'exit {}' ::: 3 1 1",
            "--halt soon,fail=x 'exit {}' ::: 3 1 1",
            "--halt later,fail=1 'exit {}' ::: 3 1 1",
        ]
        .map(|line| case(line).names(&["--halt"])),
    );
    cases
}

fn retries() -> Vec<Case> {
    [
        "-k -j1 --retries 3 --joblog log 'echo x >> n; exit {}' ::: 3 0",
        "-k -j1 --retries 3 --joblog log 'echo {} >> n; exit {}' ::: 1 0 2 0 0",
        "-k -j2 --retries 3 --joblog log 'sleep 0.{}; exit {}' ::: 1 0 2 0 0",
        "-k -j1 --retries 2 --timeout 0.3 --joblog log 'echo x >> n; sleep {}' ::: 60 0",
        "-k -j1 --retries 3 --resume --joblog log 'echo x >> n; exit {}' ::: 3 0",
        "-k -j1 --retries 0 'echo x >> n; test $(wc -l < n) -ge {}' ::: 3 5",
        "-k -j1 --retries 2 -X 'echo {} >> n; false' ::: 3 5",
        "-k -j1 --retries 2 -N2 'echo {} >> n; false' ::: 3 5 7",
        "-k -j1 --retries 2 --tag 'echo {} >> n; wc -l < n; test $(wc -l < n) -ge 2; :' ::: 3 5",
        "--retries 4 -j1 'echo $PARALLEL_SEQ.$PARALLEL_JOBSLOT >> n; test $(wc -l < n) -gt 5' ::: a b",
    ]
    .map(|line| case(line).joblog("log").leaves("n"))
    .into()
}

fn termination() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        "--term-seq INT,200,KILL,25 --timeout 0.3 -j1 'trap \"echo INT\" INT; sleep {} & wait; sleep 30' ::: 60",
        "--termseq INT,200,KILL,25 --timeout 0.3 -j1 --joblog log 'sleep {}' ::: 60",
        "--term-seq INT,100 --timeout 0.3 -j1 'trap \"echo INT\" INT; sleep {} & wait; sleep 0.5; echo over' ::: 60",
        "--term-seq TERM --timeout 0.3 -j1 --joblog log 'trap \"exit 9\" TERM; sleep {} & wait' ::: 60",
        "--term-seq SIGINT,200,KILL,20 --timeout 0.3 -j1 --joblog log 'trap \"echo INT; exit 0\" INT; sleep {}& wait' ::: 60",
        "--term-seq 15,200,9,20 --timeout 0.3 -j1 --joblog log 'trap \"\" TERM; sleep {}; sleep 30' ::: 60",
        "--term-seq KILL,25 --timeout 0.3 -j1 --joblog log 'trap \"echo TERM\" TERM; sleep {}' ::: 60",
        "--term-seq TERM,200,KILL,25 --halt now,fail=1 -j2 --joblog log 'sleep {}; exit 3' ::: 60 0.3",
        "--timeout 1h30m -j1 echo ::: a",
        "--timeout 1H -j1 echo ::: a",
        "--timeout 1d2h3m4.5s -j1 echo ::: a",
        "--timeout 0% -j1 echo ::: a",
        "--timeout 300% -j1 --joblog log 'sleep {}' ::: 0.2 0.2 0.2 20 0.2",
        "--timeout 300% -j1 --joblog log 'sleep {}; exit 1' ::: 0.2 0.2 2",
        "--timeout 1000% -j2 --joblog log -k 'sleep {}' ::: 0.2 1 20 20 2",
        "--timeout 300% -j1 --retries 2 --joblog log 'echo {} >> n; sleep {}' ::: 0.2 0.2 20",
        "--delay 0.1auto -j1 --joblog log 'exit {}' ::: 0 1 1 0",
        "--delay auto -j1 echo ::: a b",
        "--delay 0.1s --joblog log -j1 echo ::: a b",
        "--delay 0 -j1 echo ::: a b",
        "--sshdelay 0.5 echo ::: a",
        "--ssh-delay 0.5 echo ::: a",
    ]
    .map(|line| case(line).joblog("log").leaves("n").own_words())
    .into();
    cases.extend(
        ["1e1", "1.5.2", "''", "-5", "x%", "1w"].map(|timeout| {
            case(&format!("--timeout {timeout} -j1 echo ::: a")).names(&["--timeout"])
        }),
    );
    cases
}

/// A joblog with two successes, two failures (one by a signal), and one job that was tried twice.
const LOG: &str = "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n\
    1\t:\t1700000000.250\t     0.001\t0\t0\t0\t0\texit 0\n\
    3\t:\t1700000000.250\t     0.001\t0\t0\t1\t0\techo three; exit 1\n\
    2\t:\t1700000000.250\t     0.001\t0\t0\t0\t9\techo two; exit 2\n\
    5\t:\t1700000000.250\t     0.001\t0\t0\t4\t0\texit 4\n\
    5\t:\t1700000000.250\t     0.001\t0\t0\t0\t0\texit 0\n";

const HEADER: &str = "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n";

fn resumed() -> Vec<Case> {
    let mut cases = Vec::new();
    for resume in ["--resume", "--resume-failed"] {
        for line in [
            "-k -j1 --joblog log 'echo {}; exit {}' ::: 0 1 2 0 3 4",
            "-k -j1 --joblog log 'echo {}' ::: 0 1",
            "-k -j1 --joblog log --tag 'echo {#} {%}; exit {}' ::: 0 1 2 0 3",
            "-k -j1 --joblog log --dry-run 'echo {}; exit {}' ::: 0 1 2 0 3",
            "-k -j1 --joblog log -v 'echo {}; exit {}' ::: 0 1 2 0 3",
            "-k -j1 --joblog log -N2 echo {#} {} ::: a b c d e f g h i j k l m",
            "-k -j1 --joblog log -X echo ::: a b c",
            "-k -j1 --joblog log echo ::: a b c ::: d e f",
            "-k -j1 --joblog +log 'echo {}; exit {}' ::: 0 1 2 0 3 4",
            "-k -j1 --joblog log --halt soon,fail=1 'echo {}; exit {}' ::: 0 1 2 0 3 4",
            "-k -j1 --joblog log --halt now,fail=50% false ::: a b c d e f g h",
            "-k -j1 --joblog log --halt soon,success=2 echo ::: a b c d e f g h",
            "-k -j1 --joblog log --halt soon,success=6 echo ::: a b c d e f g h",
            "-k -j1 --joblog log --total-jobs 5 echo {#} ::: a b c d e",
            "-k -j1 --joblog log --retries 2 'echo {}; exit {}' ::: 0 1 2 0 3 4",
            "-k -j1 --joblog log ::: 'echo 1' 'echo 2' 'echo 3' 'echo 4' 'echo 5' 'echo 6'",
            "-j1 --joblog log 'echo {}; exit {}' ::: 0 1 2 0 3 4",
        ] {
            let line = format!("{resume} {line}");
            cases.push(case(&line).file("log", LOG).joblog("log"));
        }
        let line = format!("{resume} -k -j1 --joblog log echo");
        cases.push(
            case(&line)
                .file("log", LOG)
                .joblog("log")
                .stdin("a\nb\nc\nd\ne\nf\n"),
        );
        for (what, log) in [
            ("a joblog without jobs", HEADER),
            ("an empty joblog", ""),
            ("no joblog at all", "garbage\n"),
            (
                "times without a point",
                "Seq\n1\t:\t1\t2\t0\t0\t0\t0\techo\n",
            ),
        ] {
            let line = format!("{resume} -k -j1 --joblog log 'echo {{}}; exit {{}}' ::: 0 1 2");
            cases.push(case(&line).named(what).file("log", log).joblog("log"));
        }
        let line = format!("{resume} -k -j1 --joblog log 'echo {{}}; exit {{}}' ::: 0 1 2");
        cases.push(case(&line).named("the first time").joblog("log"));
        cases.push(case(&format!("{resume} -k echo ::: a b")).names(&["--joblog"]));
    }
    cases.push(
        case("--resume --resume-failed -k -j1 --joblog log echo ::: a b c d e f")
            .file("log", LOG)
            .joblog("log"),
    );
    cases
}

fn retried() -> Vec<Case> {
    // With a job missing, GNU parallel runs an empty command in its place.
    let whole = format!("{LOG}4\t:\t1.500\t     0.001\t0\t0\t0\t0\techo four\n");
    let mut cases: Vec<Case> = [
        "-k -j1 --joblog log --retry-failed",
        "-k -j1 --joblog log --retryfailed",
        "-k -j1 --joblog log --retry-failed echo ignored ::: a b c",
        "-k -j1 --joblog log --retry-failed --tag",
        "-k -j1 --joblog log --retry-failed -v",
        "-k -j1 --joblog log --retry-failed --dry-run",
        "-k -j1 --joblog log --retry-failed --tagstring {#}:{%}",
        "-k -j1 --joblog log --retry-failed --retries 2",
        "-k -j1 --joblog log --retry-failed --halt soon,fail=1",
        "-k -j1 --joblog log --retry-failed --resume",
        "-k -j1 --joblog +log --retry-failed",
        "-j1 --joblog log --retry-failed",
        "-u -j1 --joblog log --retry-failed",
    ]
    .map(|line| case(line).file("log", &whole).joblog("log"))
    .into();
    let two_lines = format!("{HEADER}1\t:\t1.500\t     0.001\t0\t0\t1\t0\techo a\0echo 'b  c'\n");
    cases.push(
        case("-k -j1 --joblog log --retry-failed")
            .named("a command of two lines")
            .stderr_ignored("GNU warns of the newline")
            .file("log", two_lines)
            .joblog("log"),
    );
    cases.push(case("-k -j1 --retry-failed 'echo {}; exit {}' ::: 0 1").joblog("log"));
    cases.push(case("-k -j1 --joblog log --retry-failed 'echo {}; exit {}' ::: 0 1").joblog("log"));
    cases
}

fn joblogs() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        "-k -j1 --joblog +log 'exit {}' ::: 0 1",
        "-k -j1 --jl log 'exit {}' ::: 0 1",
        "-k -j1 --jobl log 'exit {}' ::: 0 1",
        "-k -j1 --joblog log --joblog log2 'exit {}' ::: 0 1",
    ]
    .map(|line| case(line).joblog("log").joblog("log2"))
    .into();
    cases.push(
        case("-k -j1 --joblog +log 'exit {}' ::: 0 1")
            .named("goes on")
            .file("log", LOG)
            .joblog("log"),
    );
    cases
}

fn gates() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        "-k --load 100000 echo ::: a b",
        "-k --load +100000 echo ::: a b",
        "-k --load 10000000% echo ::: a b",
        "-k --memfree 1k echo ::: a b",
        "-k --memfree 1.5K echo ::: a b",
        "-k --memsuspend 1k echo ::: a b",
        "-k --noswap echo ::: a b",
        "-k --limit true echo ::: a b",
        "-k --limit 'exit 0' echo ::: a b",
        "-k --limit 'mem 1k' echo ::: a b",
        "-k --limit 'load 100000' echo ::: a b",
        "-k --nice 5 nice '#' ::: a",
        "-k --nice 1 --memfree 1 --noswap --load 100000 echo ::: a",
    ]
    .map(|line| case(line).leaves("n"))
    .into();
    cases.extend(["x", "5x", "%"].map(|load| {
        case(&format!("--load {load} echo ::: a")).stderr_ignored("GNU prints its usage")
    }));
    cases
}

fn numbers_from_files() -> Vec<Case> {
    [
        ("2\n", true),
        ("100%\n", true),
        ("+1\n", true),
        ("0\n", true),
        ("3", true),
        ("x\n", false),
        ("", false),
        (" 2 \n", false),
        ("2\n3\n", false),
    ]
    .map(|(content, sound)| {
        let case = case("-j jobs -k echo ::: a b c")
            .named(&content.escape_debug().to_string())
            .file("jobs", content);
        if sound {
            case
        } else {
            case.stderr_ignored("see errors: the message names -j")
        }
    })
    .into()
}
