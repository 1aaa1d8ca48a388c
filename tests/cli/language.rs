//! Replacement strings of newer versions of GNU parallel than the one that is compared with.

use crate::{fanout, text};

/// Standard output of a command line that ends well.
fn printed(args: &[&str]) -> String {
    let output = fanout().args(args).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout).to_owned()
}

#[test]
fn groups_of_match_are_replacement_strings() {
    let groups = ["-k", "--match", "(.*),(.*)", "echo", "{1.2}", "{1.1}"];
    let inputs = [":::", "a,b", "c  d,e'f"];
    assert_eq!(printed(&[&groups[..], &inputs].concat()), "b a\ne'f c  d\n");
}

#[test]
fn a_regexp_serves_more_than_one_source() {
    let line = "-k --match (\\d+) --match +1 echo {1.1}-{2.1} ::: x12 y3 ::: z4";
    let words: Vec<_> = line.split(' ').collect();
    assert_eq!(printed(&words), "12-4\n3-4\n");
}

#[test]
fn an_input_that_does_not_match_is_an_error_that_names_it() {
    let line = "-j1 --no-summary --match (\\d+) echo {1.1} ::: 1 x 3";
    let output = fanout().args(line.split(' ')).output().unwrap();
    assert_eq!(output.status.code(), Some(255));
    assert_eq!(text(&output.stdout), "1\n");
    let words = text(&output.stderr);
    assert!(
        words.contains("'x'") && words.contains("--match '(\\d+)'"),
        "{words}"
    );
}

#[test]
fn a_regexp_of_a_source_that_has_none_is_an_error() {
    let output = fanout()
        .args(["--match", "+2", "echo", ":::", "a"])
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(255));
    assert!(text(&output.stderr).contains("--match +2"));
}
