//! Command lines that cannot be run as given: the same exit code, nothing run that GNU would not run,
//! and one line in our own words that names the culprit.

use crate::case::{Case, case};

pub fn cases() -> Vec<Case> {
    let mut cases = vec![
        case("echo :::: nofile").own_words(&["nofile"]),
        case("-a nofile echo").own_words(&["nofile"]),
        case("-k echo ::: a :::: nofile").own_words(&["nofile"]),
        case("-k echo :::: there nofile")
            .file("there", "a\n")
            .own_words(&["nofile"]),
        case("-k echo :::: there -").file("there", "a\n"),
        case("echo :::: .").own_words(&["."]),
        case("--nosuchoption echo ::: a").own_words(&["nosuchoption"]),
        case("--nosuchoption=3 echo ::: a").own_words(&["nosuchoption"]),
        case("--j=x echo ::: a")
            .stderr_ignored("GNU: an ambiguous abbreviation; the message is ours"),
        case("--jobs").own_words(&["jobs"]),
        case("-j").own_words(&["-j"]),
        case("-jx echo ::: a").own_words(&["-j", "x"]),
        case("-j 10y echo ::: a").own_words(&["-j", "10y"]),
        case("--halt nonsense echo ::: a").own_words(&["--halt", "nonsense"]),
        case("--halt now,fail=x echo ::: a").own_words(&["--halt", "now,fail=x"]),
        case("--halt now,sometimes=1 echo ::: a").own_words(&["--halt", "now,sometimes=1"]),
        case("--timeout x echo ::: a").own_words(&["--timeout", "x"]),
        case("--retries x echo ::: a").own_words(&["--retries", "x"]),
        case("--delay x echo ::: a").own_words(&["--delay", "x"]),
        case("-n x echo ::: a").own_words(&["-n", "x"]),
        case("-N x echo ::: a").own_words(&["-N", "x"]),
        case("--tag=x echo ::: a").own_words(&["tag"]),
        case("--tagstring").own_words(&["tagstring"]),
        case("-a").own_words(&["-a"]),
        case("--joblog").own_words(&["joblog"]),
        case("-d").own_words(&["-d"]),
        case("-kZ9 echo ::: a")
            .stderr_ignored("an unknown letter in a bundle; the message is ours"),
    ];
    // A value that fits no command line.
    let huge = "x".repeat(131_100);
    cases.push(
        case("-k echo")
            .named("one value too long")
            .stdin(&huge)
            .own_words(&["131"]),
    );
    cases.push(
        case("-k -j1 'echo {} | wc -c'")
            .named("the second value too long")
            .stdin(format!("a\n{huge}\nb\n"))
            .own_words(&["131"]),
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
            .stderr_ignored("GNU prints perl's warning with a line number of its own source"),
    );
    cases
}
