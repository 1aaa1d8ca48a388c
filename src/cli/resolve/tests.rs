use crate::cli::{CalledAs, Request, parse};
use crate::plan::Plan;

fn plan(line: &str) -> Plan {
    let words = ["--plain"].into_iter().chain(line.split(' '));
    match parse(CalledAs::Fanout, words.map(Into::into).collect()) {
        Ok(Request::Run(plan)) => *plan,
        other => panic!("{line}: {other:?}"),
    }
}

#[test]
fn the_same_command_line_makes_the_same_plan() {
    let lines = [
        "echo",
        "-k -j2 --tag --retries 3 --halt soon,fail=1 echo {.} ::: a b",
        "--header : --colsep , --plus --rpl {x(.)}:s/$$1// echo {x1} {a}",
        "--pipe --regexp --recend x+ -N3 cat",
        "--pipe --shard 1 --colsep , cat",
        "-X -s 100 --match (.) --filter {}>1 echo {1.1}",
        "--results out/{#} --workdir ... --delay 1auto --memfree 1M --psi cpu=5% echo",
        "--joblog +log --json=- --csv --link --shuf --bar echo ::: a :::+ b",
        "--sqlandworker sqlite3:///no%2Ffile/t --dry-run echo",
    ];
    for line in lines {
        let (one, other) = (plan(line), plan(line));
        assert_eq!(one, other, "{line}");
        assert!(format!("{one:?}").starts_with("Plan { jobs: "), "{line}");
    }
    for (index, line) in lines.iter().enumerate() {
        for other in &lines[index + 1..] {
            assert_ne!(plan(line), plan(other), "{line} and {other}");
        }
    }
}

#[test]
fn another_value_makes_another_plan() {
    for (line, other) in [
        ("echo ::: a", "echo ::: b"),
        ("echo {}", "echo {.}"),
        ("-j3 echo", "-j4 echo"),
        (
            "--rpl {x(.)}:y --header : echo",
            "--rpl {x(..)}:y --header : echo",
        ),
        ("--colsep a echo", "--colsep b echo"),
        (
            "--pipe --recend a --regexp cat",
            "--pipe --recend b --regexp cat",
        ),
        ("--pipe --group-by 1 cat", "--pipe --group-by 2 cat"),
        ("--filter 1 echo", "--filter 2 echo"),
        ("--header : echo", "echo"),
        ("--timeout 5 echo", "--timeout 50% echo"),
    ] {
        assert_ne!(plan(line), plan(other), "{line}");
    }
}
