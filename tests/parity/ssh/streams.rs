//! Data through other hosts: `--pipe` and its kin.

use crate::case::{Case, case};

pub fn cases() -> Vec<Case> {
    let mut cases: Vec<_> = [
        "-S 1/h1 --pipe wc -l",
        "-S 1/h1 --pipe -k cat",
        "-S 2/h1 --pipe -k --block 1k wc -c",
        "-S 1/h1 --pipe -N 100 -k wc -l",
        "-S 1/h1 --pipe -L 50 -k wc -l",
        "-S 1/h1 --pipe --block 500 -k --tag wc -c",
        "-S 1/h1 --pipe --block 1k -k 'echo {#}; head -n1'",
        "-S 1/h1 --pipe --block 1k -k 'head -n1'",
        "-S 1/h1 --pipe --recend 9 -k --block 300 'wc -c'",
        "-S 1/h1 --pipe --recstart 1 -N 20 -k 'wc -c'",
        "-S 1/h1 --pipe --rrs --recend 0 -N 20 -k 'tr -d \"\\n\"'",
        "-S 1/h1 --pipe --cat -k --block 1k 'wc -c <{}'",
        "-S 1/h1 --pipe --fifo -k --block 1k 'cat {} | wc -c'",
        "-S 1/h1 --pipe --round-robin -j1 wc -l",
        "-S 1/h1 --pipe --block 1k -k 'exit {#}'",
        "-S 1/h1 --pipe --header : -k --block 1k 'head -n2'",
        "-S 1/h1 --pipe --line-buffer cat",
        "-S 1/h1 --pipe -u cat",
        "-S 1/h1 --pipe --joblog log -k --block 1k wc -c",
        "-S 1/h1,1/h2 --pipe -k --block 1k wc -c",
        "-S 1/h1,1/: --pipe -k --block 1k wc -c",
        "-S 1/h1 --pipe --tee -k ::: 'wc -l' 'wc -c'",
        "-S 1/h1 --pipe --results out -k --block 2k cat",
    ]
    .map(|line| case(line).stdin(numbers()).with_hosts())
    .into();
    cases.extend([
        case("-S 1/h1 --pipepart -a in -k --block 1k wc -c")
            .file("in", numbers())
            .with_hosts(),
        case("-S 1/h1 --pipepart -a in -k --block 1k head -n1")
            .file("in", numbers())
            .with_hosts(),
        case("-S 1/h1 --pipe cat").stdin("").with_hosts(),
        case("-S 1/h1 --pipe -r cat").stdin("").with_hosts(),
        case("-S 1/h1 --pipe -k 'cat; exit 2'")
            .stdin("no line end")
            .with_hosts(),
        case("-S 1/h1 --spreadstdin wc -c")
            .stdin([0, 1, 2, 255, 10, 0])
            .with_hosts(),
    ]);
    cases
}

fn numbers() -> String {
    let lines: Vec<_> = (1..=1000).map(|number| number.to_string()).collect();
    lines.join("\n") + "\n"
}
