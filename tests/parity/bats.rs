//! bats runs files of tests, and the tests of a file, through `parallel`: the same suites with either program.
//!
//! What bats itself checks of `--jobs` is here in our own words: the order of what is told, how many tests run at a
//! time and how many do not, environments, files that are named twice, hooks around files.

use std::fmt::Write as _;
use std::path::Path;

use crate::case::{Case, Stderr, case};
use crate::companions::{folder_with, program_named};
use crate::compare;

/// A suite: files of tests, and how bats is called for them.
struct Suite {
    options: &'static str,
    files: Vec<(&'static str, String)>,
}

/// Every suite that does otherwise with `ours` as `parallel` than with `gnu`.
pub fn equal_gnu(gnu: &Path, ours: &Path) {
    let Some(bats) = program_named("bats") else {
        return;
    };
    let mut told = String::new();
    for suite in suites() {
        let [theirs, ours] = [gnu, ours].map(|parallel| {
            let folder = folder_with(parallel);
            let path = std::env::var("PATH").unwrap();
            let path = format!("{}:{path}", folder.path().display());
            compare::observe(&bats, &suite.case().env("PATH", &path))
        });
        assert!(
            theirs.to_string().contains("stdout: 1.."),
            "bats {} tells nothing with GNU's:\n{theirs}",
            suite.options
        );
        let differs = compare::differences(&suite.case(), &theirs, &ours);
        if !differs.is_empty() {
            let _ = write!(told, "bats {}\n{differs}", suite.options);
        }
    }
    assert!(told.is_empty(), "{told}");
}

impl Suite {
    fn case(&self) -> Case {
        let mut case = case(self.options);
        for (name, text) in &self.files {
            case = case.file(name, text);
        }
        case.stderr = Stderr::Same;
        case.env("KEPT", "a  b'c")
    }
}

fn suites() -> Vec<Suite> {
    let many = || vec![("a.bats", many_tests(34)), ("b.bats", OTHERS.to_owned())];
    let suite = |options, files| Suite { options, files };
    vec![
        suite("--tap --jobs 4 a.bats b.bats", many()),
        suite("--tap --jobs 1 a.bats b.bats", many()),
        suite("--tap -j 4 a.bats a.bats", many()),
        suite("--tap --jobs 4 --recursive .", many()),
        suite("--tap --jobs 4 --filter 'is [13]' a.bats b.bats", many()),
        suite(
            "--tap --jobs 4 --no-parallelize-across-files a.bats b.bats",
            many(),
        ),
        suite(
            "--tap --jobs 4 --no-parallelize-within-files a.bats b.bats",
            many(),
        ),
        // All of them meet, or none ends well.
        suite(
            "--tap --jobs 4 a.bats b.bats",
            vec![("a.bats", meet(2)), ("b.bats", meet(2))],
        ),
        suite("--tap --jobs 4 a.bats", vec![("a.bats", meet(4))]),
        suite(
            "--tap --jobs 4 a.bats b.bats c.bats d.bats",
            ["a.bats", "b.bats", "c.bats", "d.bats"]
                .map(|name| (name, meet(1)))
                .into(),
        ),
        suite("--tap --jobs 3 a.bats", vec![("a.bats", at_most(3))]),
        suite("--tap --jobs 2 a.bats", vec![("a.bats", at_most(2))]),
    ]
}

/// So many tests, of which some fail or are skipped.
fn many_tests(count: usize) -> String {
    let mut text =
        String::from("setup_file() { export FROM_FILE=\"x y\"; }\nsetup() { here=1; }\n");
    for number in 1..=count {
        let body = match number % 6 {
            0 => "false",
            1 => "[ \"$KEPT\" = \"a  b'c\" ]; [ \"$FROM_FILE\" = 'x y' ]",
            2 => "skip 'not now'",
            3 => {
                "run echo hello; [ \"$status\" -eq 0 ]; [ \"$output\" = hello ]; echo seen; [ \"$here\" = 2 ]"
            }
            4 => "echo \"# told $BATS_TEST_NUMBER\" >&3",
            _ => "run bash -c 'exit 7'; [ \"$status\" -eq 7 ]",
        };
        let _ = writeln!(text, "@test \"this is {number}\" {{\n  {body}\n}}");
    }
    text
}

const OTHERS: &str = r##"
setup_file() { echo "# before all" >&3; }
teardown_file() { echo "# after all" >&3; }
@test "is 'quoted' \"twice\" and 100%" { true; }
@test "is 3 {} {#} ::: *" { true; }
@test "is \$HOME" { [ -d "$HOME" ]; }
@test "reads nothing" { run cat; [ -z "$output" ]; }
@test "writes much" { for i in {1..300}; do echo "line $i"; done; false; }
@test "ends by a signal" { kill -9 $BASHPID; }
@test "two" { [ 2 -eq 2 ]; }
@test "has a folder of its own" { echo x >"$BATS_TEST_TMPDIR/x"; [ "$(ls "$BATS_TEST_TMPDIR")" = x ]; }
"##;

/// So many tests that wait until four are there.
fn meet(count: usize) -> String {
    let mut text = String::new();
    for number in 1..=count {
        let _ = writeln!(
            text,
            "@test \"meets {number}\" {{\n  \
             mkdir -p \"$BATS_RUN_TMPDIR/met\"; mktemp -d \"$BATS_RUN_TMPDIR/met/XXXXXX\"\n  \
             for ((i = 0; i < 600; i++)); do\n    \
             met=(\"$BATS_RUN_TMPDIR\"/met/*); ((${{#met[@]}} >= 4)) && return 0\n    sleep 0.05\n  done\n  false\n}}"
        );
    }
    text
}

/// Twelve tests that fail where more than `most` run at a time.
fn at_most(most: usize) -> String {
    let mut text = String::new();
    for number in 1..=12 {
        let _ = writeln!(
            text,
            "@test \"counts {number}\" {{\n  \
             mkdir -p \"$BATS_RUN_TMPDIR/at\"; mine=$(mktemp -d \"$BATS_RUN_TMPDIR/at/XXXXXX\")\n  \
             at=(\"$BATS_RUN_TMPDIR\"/at/*); sleep 0.02; rmdir \"$mine\"; ((${{#at[@]}} <= {most}))\n}}"
        );
    }
    text
}
