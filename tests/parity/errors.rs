//! Command lines that cannot be run as given: the same exit code, nothing run that GNU would not run,
//! and one line in our own words that names the culprit.

use crate::case::{Case, case};

pub fn cases() -> Vec<Case> {
    let mut cases = vec![
        case("echo :::: nofile").names(&["nofile"]),
        case("-a nofile echo").names(&["nofile"]),
        case("-k echo ::: a :::: nofile").names(&["nofile"]),
        case("-k echo :::: there nofile")
            .file("there", "a\n")
            .names(&["nofile"]),
        case("-k echo :::: there -").file("there", "a\n"),
        case("echo :::: .").names(&["."]),
        case("--nosuchoption echo ::: a").names(&["nosuchoption"]),
        case("--nosuchoption=3 echo ::: a").names(&["nosuchoption"]),
        case("--j=x echo ::: a")
            .stderr_ignored("GNU: an ambiguous abbreviation; the message is ours"),
        case("--jobs").names(&["jobs"]),
        case("-j").names(&["-j"]),
        case("-jx echo ::: a").names(&["-j", "x"]),
        case("-j 10y echo ::: a").names(&["-j", "10y"]),
        case("--halt nonsense echo ::: a").names(&["--halt", "nonsense"]),
        case("--halt now,fail=x echo ::: a").names(&["--halt", "x"]),
        case("--halt now,sometimes=1 echo ::: a").names(&["--halt", "sometimes"]),
        case("--timeout x echo ::: a").names(&["--timeout", "x"]),
        case("--retries x echo ::: a").names(&["--retries", "x"]),
        case("--delay x echo ::: a").names(&["--delay", "x"]),
        case("-n x echo ::: a").names(&["-n", "x"]),
        case("-N x echo ::: a").names(&["-N", "x"]),
        case("--tag=x echo ::: a").names(&["tag"]),
        case("--tagstring").names(&["tagstring"]),
        case("--tmux echo ::: a")
            .env("PARALLEL_TMUX", "nosuchtmux")
            .names(&["nosuchtmux"]),
        case("echo ::: a").env("PARALLEL_TMUX", "nosuchtmux"),
        case("--semaphore --bg -p echo a").names(&["background"]),
        case("-a").names(&["-a"]),
        case("--joblog").names(&["joblog"]),
        case("-d").names(&["-d"]),
        case("--replace= echo a{}b ::: 1").names(&["--replace"]),
        case("-kZ9 echo ::: a")
            .stderr_ignored("an unknown letter in a bundle; the message is ours"),
    ];
    // A value that fits no command line.
    let huge = "x".repeat(131_100);
    cases.push(
        case("-k echo")
            .named("one value too long")
            .stdin(&huge)
            .names(&["131"]),
    );
    cases.push(
        case("-k -j1 'echo {} | wc -c'")
            .named("just short enough")
            .stdin("x".repeat(131_000)),
    );
    cases.push(
        case("-k echo")
            .named("NUL in a line")
            .stdin("a\0b\nc\n")
            .own_words(),
    );
    cases
}
