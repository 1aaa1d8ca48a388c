//! Values that few type, and scripts pass on: empty ones, fractions, nothing at all, units where there are none.

use crate::case::{Case, case};

/// Options whose value may be empty, as that of a variable that is not set.
const EMPTY: &[&str] = &[
    "--load",
    "--memfree",
    "--memsuspend",
    "--delay",
    "--joblog",
    "--results",
    "--compress-program",
    "--process-slot-var",
    "--total-jobs",
    "--group-by",
    "--header",
    "--retries",
    "--block",
    "--tagstring",
    "--colsep",
    "--limit",
    "-n",
    "-N",
    "-L",
    "-s",
];

/// Options for which 0 is nothing at all.
const ZERO: &[&str] = &[
    "--load 0",
    "--memfree 0",
    "--delay 0",
    "--group-by 0",
    "--joblog ''",
];

/// How a stream of six lines is cut.
const CUTS: &[&str] = &[
    "-N 1.5",
    "-N 1.1",
    "-N 2.1",
    "-N 2.9",
    "-n 2.5",
    "-L 1.5",
    "-L 2.5",
    "-n0",
    "-N0",
    "-n0 -L2",
    "-L-1",
    "--shard 0 -j2",
    "--bin 0 -j2",
    "--shard '' -j2",
    "--cat",
];

/// How parts of a file of thirty lines are cut; a regexp ends them where it matches last in what is looked at.
const PARTS: &[&str] = &[
    "--block 10 --regexp",
    "--block 10 --regexp --recend ''",
    "--block 10 --regexp --recstart ''",
    "--block 10 --regexp --recend x",
    "--block 10 --regexp --recstart 1",
    "--block 10 --regexp --recstart 1 --recend '\\n'",
    "--block 10 --regexp --recend '[35]\\n'",
    "--block -2 --regexp --recend '\\n'",
    "--block 10 --recend ''",
    "--block 10 --recend '1\\n2'",
];

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for option in EMPTY {
        cases.push(case(&format!("{option} '' -k echo")).stdin("1\n2\n"));
    }
    for options in ZERO {
        cases.push(case(&format!("{options} -k 'echo {{}}'")).stdin("1\n2\n"));
    }
    for options in CUTS {
        let line = format!("--pipe {options} -k 'wc -l; echo {{#}}'");
        cases.push(case(&line).stdin("1\n2\n3\n4\n5\n6\n"));
    }
    let thirty = (1..=30).map(|number| number.to_string());
    let thirty = thirty.collect::<Vec<_>>().join("\n") + "\n";
    for options in PARTS {
        let line = format!("--pipepart {options} -a thirty -k 'cat; echo J{{#}}'");
        cases.push(case(&line).file("thirty", &thirty));
    }
    for line in [
        "-k --fifo 'cat {}'",
        "-k --pipe --bt 2 cat",
        "-k --cat -N1 'cat {}'",
        "-k --pipe -N2 ::: 'wc -l' 'sort -r' cat",
        "-j1 --pipe -N1 --results out.tsv cat",
        "-j1 --pipe -N1 --results out.tsv cat ::: a b ::: c",
        "-j1 --pipe --results out.csv wc",
        "-j1 --pipe -N2 --results out.json cat",
        "-j1 --pipe --round -N2 --results out.csv cat",
    ] {
        cases.push(case(line).stdin("1\n2\n3\n").tree());
    }
    for line in [
        "--pipepart -a three -k echo '{= $_=seq() =}'",
        "--pipepart -a three -k 'echo {= s/x/y/ =}; cat'",
        "-k --max-lines -1 echo ::: 1 2 3",
        "-k -l -1 echo ::: 1 2 3",
        "-k -L -1 echo x ::: 1 2",
        "-k -L-1 echo x ::: 1 2",
    ] {
        cases.push(case(line).file("three", "1\n2\n3\n"));
    }
    for line in [
        "--pipe --bar cat",
        "--pipe --eta cat",
        "--pipe --shuf cat",
        "--pipe --round-robin --bar cat",
        "--group-by 1 --eta cat",
        "--pipe --block-timeout 0 cat",
        "--load 1k echo",
        "--load 1.5k echo",
    ] {
        cases.push(case(line).stdin("1\n").own_words());
    }
    cases.push(
        case("-k -j1 'kill -HUP $PPID; echo {}' ::: a b")
            .stderr_ignored("a job that ends now is waited for by one of them only"),
    );
    cases
}
