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

#[test]
fn jobs_after_a_milestone_wait_for_those_before_it() {
    let dir = tempfile::tempdir().unwrap();
    let dir = dir.path().to_str().unwrap();
    // Each job tells how many others are over. Those of one stretch may run at once.
    let command = format!("ls {dir} | wc -l; sleep 0.0{{}}; touch {dir}/{{}}");
    let inputs = ["3", "1", "--", "2", "--", "--", "4"];
    let args = ["-k", "-j4", "--milestone", "--", &command, ":::"];
    let told = printed(&[&args[..], &inputs].concat());
    let over: Vec<usize> = told.lines().map(|line| line.parse().unwrap()).collect();
    assert_eq!(over[2..], [2, 3], "{told}");
}

#[test]
fn a_milestone_ends_a_batch() {
    let args = ["--dry-run", "-k", "-N2", "--milestone", "--", "echo {#} {}"];
    let inputs = [":::", "1", "--", "2", "3", "4", "--"];
    let told = printed(&[&args[..], &inputs].concat());
    assert_eq!(told, "echo 1 1\necho 2 2 3\necho 3 4\n");
}

#[test]
fn a_filtered_job_is_skipped_and_counts_as_failed() {
    let args = [
        "--json",
        "--json-detail=results",
        "--filter",
        "{} > 1",
        "echo",
        ":::",
        "1",
        "2",
    ];
    let output = fanout().args(args).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let told = text(&output.stdout);
    let skipped = told
        .lines()
        .find(|line| line.contains(r#""seq":1,"#))
        .unwrap();
    assert!(skipped.contains(r#""status":"skipped""#), "{skipped}");
    assert!(told.contains(r#""status":"ok""#), "{told}");
}

/// Options that say what is written instead of a replacement string.
const SPELLINGS: [&str; 8] = [
    "-I",
    "--replace",
    "--extensionreplace",
    "--basenamereplace",
    "--dirnamereplace",
    "--basenameextensionreplace",
    "--seqreplace",
    "--slotreplace",
];

/// Standard error of a command line that is refused before anything runs.
fn refused(mut command: assert_cmd::Command) -> String {
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(255));
    assert_eq!(text(&output.stdout), "");
    text(&output.stderr).to_owned()
}

#[test]
fn an_empty_replacement_string_is_refused_wherever_it_is_given() {
    for option in SPELLINGS {
        let mut typed = fanout();
        typed.args([option, "", "echo", "a{}b", ":::", "1"]);
        let mut in_variable = fanout();
        in_variable.env("PARALLEL", format!("{option} ''"));
        in_variable.args(["echo", "a{}b", ":::", "1"]);
        let home = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(home.path().join(".parallel")).unwrap();
        std::fs::write(home.path().join(".parallel/mine"), format!("{option} ''\n")).unwrap();
        let mut in_profile = fanout();
        in_profile
            .env("HOME", home.path())
            .env_remove("XDG_CONFIG_HOME");
        in_profile.args(["-J", "mine", "echo", "a{}b", ":::", "1"]);
        for command in [typed, in_variable, in_profile] {
            let words = refused(command);
            let wanted = format!("{option} needs a replacement string");
            assert!(words.contains(&wanted), "{words}");
        }
    }
}

#[test]
fn a_replacement_string_that_matches_nothing_is_refused() {
    for tag in ["", "()", "(x?)", "(x*)"] {
        let mut command = fanout();
        command.args([
            "--rpl",
            &format!("{tag} s/1/2/"),
            "echo",
            "a{}b",
            ":::",
            "1",
        ]);
        let words = refused(command);
        assert!(words.contains("--rpl "), "{words}");
    }
}
