//! How jobs end, and what that does to the run: exit codes, `--halt`, `--retries`, `--timeout`, joblog.

use crate::case::{Case, case};

pub fn cases() -> Vec<Case> {
    let mut cases = exit_codes();
    cases.extend(halts());
    cases.extend(retries());
    cases.extend(timeouts());
    cases.extend(joblogs());
    cases.extend(numbers_of_jobs());
    cases
}

fn exit_codes() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        "-k -j1 exit ::: 0",
        "-k -j1 exit ::: 1",
        "-k -j1 exit ::: 0 3 0 255",
        "-k -j1 exit ::: 256 257 -1",
        "-k -j1 sh -c ::: 'exit 7' 'exit 0'",
        "-k -j1 true ::: a b c",
        "-k -j1 false ::: a b c",
        "-k -j1 'kill -9 $$; echo {}' ::: a",
        "-k -j1 'kill -TERM $$; echo {}' ::: a b",
        "-k -j1 'kill -{} $$' ::: HUP INT QUIT USR1 PIPE SEGV ABRT",
        "-k -j1 nosuchcommand ::: a b",
        "-k -j1 nosuchcommand",
        "-k -j1 ./nosuchfile ::: a",
        "-k -j1 ./not-executable ::: a",
        "-k -j1 ./no-interpreter ::: a",
        "-k -j1 ./text ::: a",
        "-k -j1 /tmp ::: a",
        "-k -j1 /nonexistent/dir/prog ::: 'a b'",
        "-k -j1 'nosuch | cat; echo {}' ::: a",
        "-k -j1 'if' ::: a",
        "-k -j1 'echo \"' ::: a",
    ]
    .map(|line| {
        case(line)
            .file("not-executable", "#!/bin/sh\necho hi\n")
            .file("no-interpreter", "#!/no/such/interpreter\n")
            .file("text", "echo from a text file\n")
    })
    .into();
    for failures in [5, 99, 100, 101, 102, 253, 254, 255, 256, 300] {
        let numbers: Vec<String> = (1..=failures).map(|number| number.to_string()).collect();
        let case = case("-j2 false :::")
            .named(&format!("{failures} fail"))
            .args(&numbers);
        cases.push(case);
    }
    cases.extend(
        [
            "-j1 --process-slot-var=name 'echo $name' ::: 1 2 3",
            "-j1 --process-slot-var=name printenv ::: name PARALLEL_JOBSLOT",
            "--tty echo ::: a b",
            "-o -j1 echo ::: a b",
        ]
        .map(case),
    );
    // Files from this table are not executable; make some so, and run them.
    cases.extend(
        [
            "-k 'chmod +x no-interpreter && ./no-interpreter {}' ::: a",
            "-k 'chmod +x text && ./text {}' ::: a",
        ]
        .map(|line| {
            case(line)
                .file("no-interpreter", "#!/no/such/interpreter\n")
                .file("text", "echo hi\n")
        }),
    );
    cases
}

fn halts() -> Vec<Case> {
    let mut cases = Vec::new();
    for when in ["soon", "now"] {
        for what in [
            "fail=1",
            "fail=2",
            "fail=9",
            "fail=20%",
            "fail=50%",
            "fail=100%",
            "success=1",
            "success=2",
            "success=50%",
            "done=1",
            "done=3",
            "done=50%",
            "done=100%",
        ] {
            let line =
                format!("-k -j1 --halt {when},{what} 'echo {{}}; exit {{}}' ::: 0 3 0 7 9 0");
            cases.push(case(&line));
        }
    }
    cases.extend(
        [
            "-k -j1 --halt never 'echo {}; exit {}' ::: 1 0 2",
            "-k -j1 --halt 0 'echo {}; exit {}' ::: 1 0 2",
            "-k -j1 --halt 1 'echo {}; exit {}' ::: 0 3 0",
            "-k -j1 --halt 2 'echo {}; exit {}' ::: 0 3 0",
            "-k -j1 --halt -1 'echo {}; exit {}' ::: 3 0 5",
            "-k -j1 --halt -2 'echo {}; exit {}' ::: 3 0 5",
            "-k -j1 --halt now,fail 'echo {}; exit {}' ::: 0 3 0",
            "-k -j1 --halt soon,success 'echo {}; exit {}' ::: 3 0 5",
            "-k -j1 --halt now,done 'echo {}; exit {}' ::: 3 0 5",
            "-k -j1 --halt-on-error now,fail=1 'echo {}; exit {}' ::: 0 3 0",
            "-k -j1 --halt-on-error=1 'echo {}; exit {}' ::: 0 3 0",
            "-k -j1 --halt now,fail=1 'kill -9 $$; echo {}' ::: a b",
            "-k -j1 --halt now,fail=1 --tag 'echo {}; exit {}' ::: 0 3 0",
            "-k -j1 --halt now,fail=1 nosuchcommand ::: a b",
            "-k -j1 --halt now,fail=1 --joblog log 'exit {}' ::: 0 3 0",
            "-k -j1 --halt soon,fail=1 --joblog log 'exit {}' ::: 0 3 0",
            "-k -j1 --halt now,success=1 'exit {}' ::: 3 5",
            "-k -j1 --halt now,success=2 'exit {}' ::: 0 3",
            "-k -j1 --halt soon,fail=30% 'exit {}' ::: 0 1 0 1 0 1 0 1 0 1",
            "-k -j2 --halt now,fail=1 'sleep {}; exit 3' ::: 0.2 60",
            "-k -j2 --halt now,success=1 'sleep {}; exit 0' ::: 0.2 60",
            "-k -j2 --halt now,done=1 'sleep {}; exit 4' ::: 0.2 60",
            "-k -j2 --halt now,fail=1 --joblog log 'echo {}; sleep {}; exit 3' ::: 0.3 60 61",
            "-k -j2 --halt soon,fail=1 --joblog log 'echo {}; sleep {}; exit 3' ::: 0.3 0.8 61",
            "-k -j2 --halt now,success=1 --tag 'echo {}; sleep {}' ::: 60 0.3",
            "-u -j2 --halt now,fail=1 'echo {}; sleep {}; exit 3' ::: 0.3",
            "-k -j1 --halt now,fail=1 --timeout 0.5 --joblog log 'sleep {}' ::: 60 61",
            "-k -j1 --halt soon,done=2 --retries 2 'exit {}' ::: 1 1 1",
            "-k -j1 --halt now,fail=0 'exit {}' ::: 1 0",
            "-k -j1 --halt now,fail=1% 'exit {}' ::: 1 0",
            "-k -j1 --halt soon,fail=1 --dry-run echo ::: 1 0",
        ]
        .map(|line| {
            if line.contains("fail '") || line.contains("success '") || line.contains("done '") {
                case(line).names(&["--halt"])
            } else if line.contains("joblog") {
                case(line).joblog("log")
            } else {
                case(line)
            }
        }),
    );
    cases
}

fn retries() -> Vec<Case> {
    let mut cases = Vec::new();
    for tries in ["1", "2", "3", "5"] {
        // A job succeeds when it has been tried as often as its argument says.
        cases.push(
            case(&format!(
                "-k -j1 --retries {tries} --joblog log \
                 'echo x >> n{{}}; echo {{}} $(wc -l < n{{}}); test $(wc -l < n{{}}) -ge {{}}' ::: 1 2 3 4"
            ))
            .joblog("log")
            .leaves("n1")
            .leaves("n4"),
        );
    }
    cases.extend(
        [
            "-k -j1 --retries 3 'echo x >> n; echo out; echo err >&2; false' ::: a",
            "-k -j1 --retries 3 'echo x >> n; kill -9 $$' ::: a",
            "-k -j1 --retries 3 --tag 'echo x >> n; wc -l < n; false' ::: a",
            "-k -j1 --retries 0 'echo x >> n; : {}; test $(wc -l < n) -ge 4' ::: a",
            "-k -j1 --retries 3 --halt now,fail=1 'echo x >> n; wc -l < n; false' ::: a b",
            "-k -j1 --retries 2 nosuchcommand ::: a",
            "-k -j1 --retries 3 'echo $PARALLEL_SEQ >> n; exit {}' ::: 1 0 2",
            "-u -j1 --retries 3 'echo x >> n; wc -l < n; false' ::: a",
            "-k -j1 -v --retries 2 'echo x >> n; false' ::: a",
        ]
        .map(|line| case(line).leaves("n")),
    );
    cases
}

fn timeouts() -> Vec<Case> {
    [
        "-k -j1 --timeout 1 'echo {}; sleep {}; echo after' ::: 0 30",
        "-k -j2 --timeout 0.5 'sleep {}' ::: 0 30",
        "-k -j1 --timeout 1 --joblog log 'sleep {}' ::: 0 30",
        "-k -j1 --timeout 1 --retries 2 'echo x >> n; sleep {}' ::: 30",
        "-k -j1 --timeout 1 --halt now,fail=1 'sleep {}' ::: 30 31",
        "-k -j1 --timeout 1s 'sleep {}' ::: 30",
        "-k -j1 --timeout 0.01m 'sleep {}' ::: 30",
        "-k -j1 --timeout 1 'trap \"\" TERM; sleep {}; sleep {}' ::: 30",
        "-k -j1 --timeout 100 echo ::: a",
        "-k -j1 --timeout 1h echo ::: a",
        "-k -j1 --timeout 0 echo ::: a",
        "-k -j1 --timeout 1 --tag 'echo {}; sleep {}' ::: 30",
        "-k -j1 --timeout 1 --joblog log --retries 2 'echo {}; sleep {}' ::: 30 0",
        "-k -j1 --timeout 1 --joblog log 'trap \"exit 5\" TERM; sleep {} & wait' ::: 30",
        "-k -j1 --timeout x echo ::: a",
        "-k -j1 --timeout -1 echo ::: a",
    ]
    .map(|line| case(line).joblog("log").leaves("n").own_words())
    .into()
}

fn joblogs() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        "-k -j1 --joblog log echo ::: a 'b c' ''",
        "-k -j1 --joblog=log 'echo {}; exit {}' ::: 0 1 7 255",
        "-k -j1 --joblog log 'kill -{} $$' ::: 9 15",
        "-k -j1 --joblog log nosuchcommand ::: a",
        "-k -j1 --joblog log --tag 'echo out {}; echo error {} >&2' ::: a b",
        "-k -j1 --joblog log -q echo 'a  b' {} ::: 'c d'",
        "-k -j1 --joblog log -N2 echo ::: a b c",
        "-k -j1 --joblog log --dry-run echo ::: a b",
        "-k -j1 --joblog log -u echo ::: a b",
        "-k -j1 --joblog log ::: 'echo a' 'exit 3'",
        "-k -j1 --joblog log true",
        "-k -j1 --joblog log --tagstring {#} -v echo ::: a",
        "-k -j1 --joblog log 'printf x; exec 1>&-; sleep 0.1' ::: a",
        "-k -j1 --joblog log -n2 'exit {1} #' ::: 1 2 3",
        "-k -j1 --joblog 'a log' echo ::: a",
        "-k -j1 --joblog log head -c {} /dev/zero '|' tr '\\\\0' x ::: 0 1 1000 100000",
        "-k -j1 --joblog no/such/dir/log echo ::: a",
    ]
    .map(|line| {
        let case = case(line).joblog("log");
        if line.contains("no/such") {
            case.names(&["no/such/dir/log"])
        } else {
            case
        }
    })
    .into();
    cases.push(
        case("-k -j1 --joblog log echo")
            .named("nasty")
            .joblog("log")
            .args([":::", "a\tb", "a\nb", "\\", "é", "'"]),
    );
    cases.push(
        case("-k -j1 --joblog log echo ::: new")
            .joblog("log")
            .file("log", "old contents\n"),
    );
    cases
}

fn numbers_of_jobs() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        "1", "2", "9", "0", "100%", "50%", "1%", "200%", "+0", "+1", "-1", "-0", "-100", "1000",
    ]
    .map(|jobs| {
        case(&format!("-k -j {jobs} echo ::: a b c"))
            .stderr_ignored("GNU warns about what it cannot run")
    })
    .into();
    cases.extend(["2.5", "x", "10x", "%", "+x", "1,2"].map(|jobs| {
        case(&format!("-k -j {jobs} echo ::: a")).stderr_ignored("see errors: the message names -j")
    }));
    cases.push(case("-k --delay 0.05 echo ::: a b c"));
    cases.push(case("-k --delay=0.05 -j2 echo ::: a b c"));
    cases.push(case("-k --delay 0.001m echo ::: a b c"));
    cases
}
