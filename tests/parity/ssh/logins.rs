//! Who the hosts are: every form of an entry, lists, files, groups.

use super::pretended;
use crate::case::{Case, Stderr, case};

/// What a host is told of itself.
const WHO: &str = "'echo $TEST_HOST,$TEST_USER,$TEST_PORT,$PARALLEL_SSHHOST,$PARALLEL_SSHLOGIN {}'";

/// Command lines without a host where jobs could run.
const NO_HOST: [&str; 7] = [
    "-S 0/h1 echo ::: a",
    "-S '' echo ::: a",
    "-S , echo ::: a",
    "-S 4/ echo ::: a",
    "-S @g/ echo ::: a",
    "-S @nogroup echo ::: a",
    "-S 1/h1,@nogroup echo ::: a",
];

pub fn cases() -> Vec<Case> {
    let mut cases = forms();
    cases.extend(lists());
    cases.extend(files());
    cases.extend(groups());
    cases
}

fn forms() -> Vec<Case> {
    let entries = [
        "1/h1",
        "2/h1",
        "1/h1.example-x_y",
        "1/me@h1",
        "1/h1:2222",
        "1/h1#2222",
        "1/h1:",
        "1/me@h1:2222",
        "1/me:secret@h1",
        "1/me:secret@h1:22",
        "1/me:p:w/x@h1",
        "1/me:@h1",
        "1/127.0.0.1:22",
        "1/127.1",
        "1/::1",
        "1/dead::beef",
        "1/[::1]",
        "1/[::1]:22",
        "1/[::1]p22",
        "1/[::1]#22",
        "1/me@[::1]:22",
        "1/::1p22",
        "1/::1#22",
        "1/::1.22",
        "1/me@::1p22",
        "1/1:2:3:4:5:6:7:8",
        "'1/ h1'",
        "@g/1/h1",
        "@g+h/1/me@h1:4",
        "@g+/1/h1",
        "@+g/1/h1",
        "1/:",
        "@g/1/:",
        "1/h1,",
        "h1",
    ];
    let lines: Vec<_> = entries
        .iter()
        .map(|entry| format!("-S {entry} {WHO} ::: a"))
        .collect();
    let lines: Vec<_> = lines.iter().map(String::as_str).collect();
    pretended(&lines)
}

fn lists() -> Vec<Case> {
    let mut cases = pretended(&[
        "-S 1/h1,1/h2 -k echo ::: a b c d",
        "-S 1/h1 -S 1/h2 -k echo ::: a b c",
        "--sshlogin 1/h1 --sshlogin 1/: -k echo ::: a b c",
        "-S 1/h1,1/h1,1/h1 -k 'echo $TEST_HOST {%}' ::: a b",
        "-S 1/h1 --dry-run echo ::: a b",
        "-S 1/h1 -v echo ::: a b",
    ]);
    cases.extend(pretended(&NO_HOST));
    for case in cases
        .iter_mut()
        .filter(|case| NO_HOST.contains(&&*case.name))
    {
        case.stderr = Stderr::OwnWords;
    }
    cases.push(
        case("-S '1/h1\n1/h2' -k echo ::: a b")
            .named("a line end")
            .with_hosts(),
    );
    cases
}

fn files() -> Vec<Case> {
    let texts: [(&str, &str, &str); 12] = [
        ("a host", "1/h1\n", "a b"),
        ("no line end", "1/h1", "a b"),
        (
            "comments and empty lines",
            "# all of them\n\n1/h1\n#1/h2\n  # x\n",
            "a b",
        ),
        ("a list", "1/h1,1/h1\n", "a b"),
        ("line ends of Windows", "1/h1\r\n", "a"),
        ("a group", "@g/1/h1\n", "a"),
        ("a user and a port", "1/me@h1:22\n", "a"),
        ("a hash before the port", "1/h1#22\n", "a"),
        ("this machine", "1/:\n", "a"),
        ("empty", "", "a b"),
        ("groups alone", "@g/1/h1\n1/h2\n@g\n", "a b"),
        ("an address", "1/[::1]:22\n", "a"),
    ];
    let mut cases: Vec<_> = texts
        .iter()
        .map(|(what, text, inputs)| {
            case(&format!("-k --slf slf {WHO} ::: {inputs}"))
                .named(what)
                .file("slf", text)
                .with_hosts()
        })
        .collect();
    cases.extend([
        case(&format!("-k -S - {WHO} ::: a"))
            .stdin("1/me@h1\n")
            .with_hosts(),
        case(&format!("-k --slf - {WHO} ::: a"))
            .stdin("1/me@h1\n")
            .with_hosts(),
        case(&format!("-k --slf one --slf two -j1 {WHO} ::: a"))
            .file("one", "1/h1\n")
            .file("two", "1/h1\n")
            .with_hosts(),
        case(&format!("-k --sshloginfile one -S @g {WHO} ::: a b"))
            .file("one", "@g/1/h1\n1/h2\n")
            .with_hosts(),
        case("--slf none echo ::: a").names(&["none"]).with_hosts(),
        case("--slf slf/x echo ::: a")
            .file("slf", "")
            .names(&["slf/x"])
            .with_hosts(),
        case("--slf one,two echo ::: a")
            .file("one", ":\n")
            .file("two", ":\n")
            .names(&["one,two"])
            .with_hosts(),
        case(&format!("--slf .. {WHO} ::: a"))
            .file(".parallel/sshloginfile", "1/dotdot\n")
            .env("HOME", ".")
            .with_hosts(),
        case(&format!("-S .. {WHO} ::: a"))
            .file(".parallel/sshloginfile", "1/dotdot\n")
            .env("HOME", ".")
            .with_hosts(),
        case(&format!("--slf mine {WHO} ::: a"))
            .file(".parallel/mine", "1/kept\n")
            .env("HOME", ".")
            .with_hosts(),
        case(&format!("--slf mine {WHO} ::: a"))
            .named("both")
            .file(".parallel/mine", "1/kept\n")
            .file("mine", "1/here\n")
            .env("HOME", ".")
            .with_hosts(),
        case(&format!("--slf mine {WHO} ::: a"))
            .named("PARALLEL_HOME")
            .file("ph/mine", "1/kept\n")
            .env("PARALLEL_HOME", "ph")
            .with_hosts(),
        case(&format!("--slf a/b {WHO} ::: a"))
            .file("a/b", "1/deep\n")
            .with_hosts(),
    ]);
    cases
}

fn groups() -> Vec<Case> {
    pretended(&[
        "-k -S @g1/1/h1,@g2/1/h2 -S @g1 'echo $TEST_HOST {}' ::: a b",
        "-k -S @g1/1/h1,@g2/1/h2 -S @g2 'echo $TEST_HOST {}' ::: a b",
        "-k -S @g1/1/h1,1/h2 -S @h2 'echo $TEST_HOST {}' ::: a b",
        "-k -S @g1/1/h1,@g2/1/h2,1/h3 -S @g1,@g2 echo ::: a b",
        "-k -S @g1/1/h1 'echo $TEST_HOST {}' ::: a@g1",
        "-k -S @g1/1/h1,@g2/1/h2 --hostgroups 'echo $TEST_HOST {}' ::: a@g1 b@g2 c@g1 d@h2",
        "-k -S @g1/1/h1,@g2/1/h2 --hgrp 'echo $TEST_HOST {}' ::: a@g1 b@g2 c@g1 d@h2",
        "-k -S @g1+g2/1/h1,@g2/1/h2 --hgrp echo ::: a@g1+g2 b@g2 c",
        "-k -S @g1/1/h1,@g2/1/h2 --hgrp 'echo $TEST_HOST {} {1} {2}' ::: a@g1 b@g2 ::: x y",
        "-k -S @g1/1/h1 --hgrp --joblog log 'echo {.} {/}' ::: d/a.b@g1",
        "-k -S @g1/1/h1,@g2/1/h2 --hgrp --dry-run echo ::: a@g1 b@g2",
        "-k -S @g1/1/h1,@g2/1/h2 --hgrp --tag echo ::: a@g1 b@g2",
        "-k --hgrp -S : echo ::: a b",
        "-k --plus -S @g1/1/h1 'echo {host} {sshlogin} {}' ::: a b",
        "-k --plus -S 1/me@h1:22 'echo {host} {sshlogin} {}' ::: a",
        "-k --plus -S 1/me@h1:22 --dry-run 'echo {host} {sshlogin} {}' ::: a",
        "-k --plus -S 1/me@h1 -v 'echo {host} {sshlogin} {}' ::: a",
        "-k --plus --dry-run 'echo {host} {sshlogin} {hgrp}' ::: a",
        "-k --plus 'echo {host} {sshlogin} {hgrp}' ::: a",
        "-k --plus -S 1/: 'echo {host} {sshlogin} {hgrp}' ::: a",
        "-k --plus -S 1/h1 --tagstring {host} echo ::: a",
    ])
}
