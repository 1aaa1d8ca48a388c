//! What is in the table.

use super::Place;
use crate::text;

for_each_database! {
    a_master_writes_what_waits_and_a_worker_what_became_of_it
    tags_and_command_lines_are_stored_as_they_are_printed
    the_table_is_made_anew_or_goes_on
    somebody_else_may_have_made_the_table
    any_bytes_come_back
    what_cannot_be_written_waits_again
    a_job_whose_output_found_no_room_has_failed
    a_dry_run_leaves_the_table_as_it_is
}

fn a_master_writes_what_waits_and_a_worker_what_became_of_it(place: &Place) {
    let command = "echo {2} {#}; echo e >&2; exit {1}";
    place.write(&[command, ":::", "0", "5", ":::", "x y"]);
    assert_eq!(
        place.found(
            "SELECT Seq, Host, Starttime, JobRuntime, Send, Receive, Exitval, _Signal, V1, V2, Stdout, Stderr \
             FROM t ORDER BY Seq"
        ),
        [
            "1|-|-|-|0|-|-1000|-|0|x y|-|-",
            "2|-|-|-|0|-|-1000|-|5|x y|-|-"
        ]
    );
    place
        .fanout(&["--sqlworker", place.url(), "-k", "--no-summary"])
        .assert()
        .code(1)
        .stdout("x y 1\nx y 2\n")
        .stderr("e\ne\n");
    assert_eq!(
        place.found(
            "SELECT Seq, Send, Receive, Exitval, _Signal, Command, V1, V2, Stdout, Stderr FROM t \
             WHERE Host <> '' AND Starttime > 1e9 AND JobRuntime >= 0 ORDER BY Seq"
        ),
        [
            "1|0|6|0|0|echo 'x y' 1; echo e >&2; exit 0|0|x y|x y 1\n|e\n",
            "2|0|6|5|0|echo 'x y' 2; echo e >&2; exit 5|5|x y|x y 2\n|e\n",
        ]
    );
    for (command, code) in [("exit {}", 2), ("true {}", 0)] {
        let url = place.url();
        place
            .fanout(&[
                "--sqlandworker",
                url,
                "--no-summary",
                command,
                ":::",
                "0",
                "5",
                "7",
            ])
            .assert()
            .code(code);
    }
    // Nothing is left to be done.
    place
        .fanout(&["--sqlworker", place.url()])
        .assert()
        .code(0)
        .stdout("")
        .stderr("");
}

/// What GNU parallel stores for the same options.
fn tags_and_command_lines_are_stored_as_they_are_printed(place: &Place) {
    for (options, row) in [
        (&["--tag"][..], "3|x\ta\nx\tb|x\tx\n"),
        (
            &["--tagstring", "T{}", "-v"],
            "30|Tx\tprintf 'a\\nb'; echo x  >&2\nTx\ta\nTx\tb|Tx\tx\n",
        ),
        (&["-v"], "30|printf 'a\\nb'; echo x  >&2\na\nb|x\n"),
    ] {
        place
            .fanout(&["--sqlandworker", place.url()])
            .args(options)
            .args(["printf 'a\\nb'; echo {}  >&2", ":::", "x"])
            .assert()
            .code(0);
        assert_eq!(
            place.found("SELECT Receive, Stdout, Stderr FROM t"),
            [row],
            "{options:?}"
        );
    }
}

fn the_table_is_made_anew_or_goes_on(place: &Place) {
    place.write(&["echo old {}", ":::", "1", "2", "3"]);
    place.write(&["echo a {}", ":::", "1", "2"]);
    let append = |args: &[&str]| {
        let run = place.fanout(args).assert().code(0).stderr("");
        text(&run.get_output().stdout).to_owned()
    };
    let wider = ["echo b {1} {3}", ":::", "1", ":::", "2", ":::", "3"];
    append(&[&["--sqlmaster", place.append()], &wider[..]].concat());
    let last = ["--sqlandworker", place.append(), "-k", "echo c", ":::", "4"];
    assert_eq!(append(&last), "a 1\na 2\nb 1 3\nc 4\n");
    assert_eq!(
        place.found("SELECT Seq, Exitval, Command, V1, V2, V3 FROM t ORDER BY Seq"),
        [
            "1|0|echo a 1|1|-|-",
            "2|0|echo a 2|2|-|-",
            "3|0|echo b 1 3|1|2|3",
            "4|0|echo c 4|4|-|-"
        ]
    );
}

fn somebody_else_may_have_made_the_table(place: &Place) {
    place.write(&["echo", ":::", "1"]);
    place.found("DROP TABLE t");
    place.found(
        "CREATE TABLE t (Stderr TEXT, Stdout TEXT, V2 VARCHAR(9), V1 VARCHAR(9), Command TEXT, _Signal INTEGER, \
         Exitval INTEGER, Receive INTEGER, Send INTEGER, JobRuntime REAL, Starttime REAL, Host TEXT, Seq INTEGER)",
    );
    let both = ["--sqlandworker", place.append(), "-k", "echo {2} {1}"];
    place
        .fanout(&[&both[..], &[":::", "1", "2", ":::", "x"]].concat())
        .assert()
        .code(0)
        .stdout("x 1\nx 2\n")
        .stderr("");
    assert_eq!(
        place.found("SELECT Seq, Exitval, Receive, Command FROM t ORDER BY Seq"),
        ["1|0|4|echo x 1", "2|0|4|echo x 2"]
    );
}

fn any_bytes_come_back(place: &Place) {
    let bytes: Vec<u8> = (1..=255).filter(|byte| *byte != b'\n').collect();
    let all = [&bytes[..], b"\n\n\xc3\xaf\n\\xff\n\\x41\n"].concat();
    let command = "printf '%s\\n' {}; printf 'a\\0b' >&2";
    place
        .fanout(&["--sqlandworker", place.url(), "-k", command])
        .write_stdin(&all[..])
        .assert()
        .code(0)
        .stdout(all)
        .stderr("a\0b".repeat(5));
    let rows = place.found("SELECT V1, Stdout, Stderr FROM t WHERE Seq <= 3 ORDER BY Seq");
    let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(
        rows,
        [
            &format!("\\x{digits}|\\x{digits}0a|\\x610062")[..],
            "|\n|\\x610062",
            "\u{ef}|\u{ef}\n|\\x610062",
        ]
    );
}

/// The database fails in the middle, here for want of a column.
fn what_cannot_be_written_waits_again(place: &Place) {
    place.write(&["echo", ":::", "1", "2", "3"]);
    place.found("ALTER TABLE t DROP COLUMN Stderr");
    let run = place
        .fanout(&["--sqlworker", place.url(), "-j1"])
        .assert()
        .code(255);
    let said = text(&run.get_output().stderr);
    assert!(
        said.starts_with("fanout: Error: cannot write to the database: table 't' in ")
            && said.to_lowercase().contains("stderr"),
        "{said}"
    );
    assert_eq!(
        place.found("SELECT Exitval, Host, Stdout FROM t"),
        ["-1000|-|-"; 3]
    );
    place.found("ALTER TABLE t ADD COLUMN Stderr TEXT");
    let next = ["--sqlworker", place.url(), "-k"];
    let next = place.fanout(&next).assert().code(0);
    next.stdout("1\n2\n3\n");
}

/// What is done is so only if its output was written out, too.
fn a_job_whose_output_found_no_room_has_failed(place: &Place) {
    for options in [&["-j2"][..], &["-k", "-j3"]] {
        place.write(&["test {} = 3 || echo {}", ":::", "1", "2", "3"]);
        let full = std::fs::File::options().append(true).open("/dev/full");
        let run = place
            .in_background(&[&["--sqlworker", place.url()], options].concat())
            .stdout(full.unwrap())
            .output()
            .unwrap();
        assert_eq!(run.status.code(), Some(255), "{options:?}");
        let rows = place.found("SELECT Exitval, Stdout FROM t ORDER BY Seq");
        for (row, want) in rows.iter().zip(["-1|1\n", "-1|2\n", "0|"]) {
            // The run may be over before it has taken all of them.
            assert!(row == want || row == "-1000|-", "{options:?}: {rows:?}");
        }
        assert!(rows[0] == "-1|1\n", "{options:?}: {rows:?}");
    }
}

fn a_dry_run_leaves_the_table_as_it_is(place: &Place) {
    let all = "SELECT * FROM t ORDER BY Seq";
    for option in ["--sqlmaster", "--sqlandworker"] {
        place
            .fanout(&[
                option,
                place.url(),
                "--dry-run",
                "-k",
                "echo",
                ":::",
                "a",
                "b",
            ])
            .assert()
            .code(0)
            .stdout("echo a\necho b\n");
        assert_eq!(place.look_for(all), None, "{option}");
    }
    place.write(&["echo", ":::", "a", "b c"]);
    let before = place.found(all);
    for options in [&["-k"][..], &["-j1"], &["-k", "-j1", "--joblog", "log"]] {
        place
            .fanout(&["--sqlworker", place.url(), "--dry-run"])
            .args(options)
            .assert()
            .code(0)
            .stdout("echo a\necho 'b c'\n");
        assert_eq!(place.found(all), before, "{options:?}");
    }
    place
        .fanout(&["--sqlworker", place.url(), "-k"])
        .assert()
        .code(0)
        .stdout("a\nb c\n");
}
