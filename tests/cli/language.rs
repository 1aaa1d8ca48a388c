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
fn a_regexp_of_a_later_source_serves_an_earlier_one() {
    let line = "-k --match +2 --match (.) echo {1.1}-{2.1} ::: ab ::: cd";
    assert_eq!(printed(&line.split(' ').collect::<Vec<_>>()), "a-c\n");
}

#[test]
fn groups_of_match_can_be_changed_and_formatted() {
    let args = [
        "-k",
        "--match",
        "(.)(.)",
        "echo",
        "{=1.2 $_=uc($_) =}",
        "{1.1:%3s}",
    ];
    assert_eq!(printed(&[&args[..], &[":::", "ab"]].concat()), "B   a\n");
}

#[test]
fn an_input_that_does_not_match_has_the_group_1_and_is_warned_about() {
    let line = "-j1 --match (\\d)x echo {1.1} ::: 2x y 3x";
    let output = fanout().args(line.split(' ')).output().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert_eq!(text(&output.stdout), "2\n1\n3\n");
    let words = text(&output.stderr);
    assert!(
        words.starts_with("fanout: Warning: --match: 'y' does not match"),
        "{words}"
    );
}

#[test]
fn a_group_of_a_source_without_regexp_is_an_error_before_anything_runs() {
    let line = "--match (.) echo {1.1} {2.1} ::: ab ::: cd";
    let output = fanout().args(line.split(' ')).output().unwrap();
    assert_eq!(output.status.code(), Some(255));
    assert_eq!(text(&output.stdout), "");
    let words = text(&output.stderr);
    assert!(
        words.contains("{2.1}: --match has no regexp for source 2\n"),
        "{words}"
    );
}

#[test]
fn all_values_take_formats() {
    for (typed, want) in [
        ("{= $_=seq() :%03d=}", "001"),
        ("{=1 $_.=1 :%5s=}", "  ab1"),
        ("{n:%4s}", " 001"),
        ("{.:%-4s}|", "ab  |"),
        ("{seq-1}{seq*2+1}{slot*3}", "033"),
        ("{seq:%02d}", "01"),
        ("{^^a:%4s}", "  Ab"),
    ] {
        let options = ["--plus", "--rpl", "{n} $_=seq() :%03d", "-q", "echo"];
        let line = printed(&[&options[..], &[typed, ":::", "ab"]].concat());
        assert_eq!(line, format!("{want}\n"), "{typed}");
    }
}

#[test]
fn the_number_of_jobs_that_pipe_makes_is_not_known_ahead() {
    let output = fanout()
        .args(["--pipe", "--plus", "echo", "{##}"])
        .write_stdin("1\n2\n")
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(255));
    assert!(text(&output.stderr).contains("{##}"));
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
fn a_job_that_is_left_out_is_no_failure_and_is_not_shown() {
    for options in [
        &["--filter", "{} > 1", "echo"][..],
        &["echo", "{= skip() if $_ == 1 =}"],
    ] {
        let run = |more: &[&str]| {
            let args = [&["-k"], more, options, &[":::", "1", "2"]].concat();
            let output = fanout().args(&args).output().unwrap();
            assert_eq!(output.status.code(), Some(0), "{args:?}");
            text(&output.stdout).to_owned()
        };
        assert_eq!(run(&["--halt", "soon,fail=1"]), "2\n");
        assert_eq!(run(&["--dry-run"]), "echo 2\n");
        assert_eq!(run(&["-v"]), "echo 2\n2\n");
        let told = run(&["--json", "--json-detail=results"]);
        let skipped = told.lines().find(|line| line.contains(r#""seq":1,"#));
        let skipped = skipped.unwrap();
        assert!(skipped.contains(r#""status":"skipped""#), "{skipped}");
    }
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

#[test]
fn a_byte_order_mark_is_no_part_of_a_name() {
    let output = fanout()
        .args(["--header", ":", "--colsep", ",", "echo", "{a}-{b}"])
        .write_stdin("\u{feff}a,b\r\n1,2\r\n")
        .output()
        .unwrap();
    assert_eq!(text(&output.stdout), "1-2\n");
}

/// Perl has a memory, so jobs are evaluated in their order, whichever slot they are for.
#[test]
fn counters_in_expressions_count_jobs_in_their_order() {
    let inputs: Vec<String> = (1..=40).map(|number| number.to_string()).collect();
    let counted: String = inputs.iter().map(|it| format!("{it} {it}\n")).collect();
    for slots in ["-j2", "-j8"] {
        for command in ["echo {} {=$_=++$n=}", "sh -c \"echo {} {=$_=++$n=}\""] {
            fanout()
                .args(["-k", slots, command, ":::"])
                .args(&inputs)
                .assert()
                .success()
                .stdout(counted.clone());
        }
    }
    fanout()
        .args(["-k", "-j4", "--tagstring", "{=$_=++$n=}", "echo", ":::"])
        .args(&inputs[..9])
        .assert()
        .stdout("1\t1\n2\t2\n3\t3\n4\t4\n5\t5\n6\t6\n7\t7\n8\t8\n9\t9\n");
}
