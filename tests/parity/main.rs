//! fanout, called by the name `parallel`, against the real GNU parallel: the same command lines
//! through both, and stdout, stderr, exit code and files compared.
//!
//! Where no GNU parallel is installed the tests say so and pass, unless `FANOUT_TEST_REQUIRE=all`.
//! Each case is a test named `GROUP: COMMAND LINE`: `cargo test --test parity -- 'pipe: '` runs a group,
//! and any part of a command line the cases that have it. Before adding cases, see that they are stable on
//! GNU alone: `cargo test --test parity -- --ignored 'is stable: pipe'`; `'show: pipe'` prints what it does.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::format_push_string)]
#![allow(missing_docs, unreachable_pub)]
#![allow(clippy::too_many_lines)] // tables

mod around;
mod batching;
mod bats;
mod case;
mod companions;
mod compare;
mod control;
mod differences;
mod errors;
mod filters;
mod hosts;
mod inputs;
mod jobs;
mod language;
mod looks_wrong;
mod odd_values;
mod output;
mod pipe;
mod quoting;
mod quoting_more;
mod random;
mod remote;
mod replacement;
mod results;
mod semaphore;
mod sources;
mod sql;
mod sql_postgres;
mod ssh;
#[path = "../support/mod.rs"]
mod support;
mod values;
mod wrappers;
mod wrong_use;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};
use std::sync::{Arc, OnceLock};
use std::thread;

use case::{Case, case};
use libtest_mimic::{Arguments, Failed, Trial};

/// A table of cases, and the name that stands before each of its tests.
type Group = (&'static str, fn() -> Vec<Case>);

/// A test of GNU parallel's program and ours that is more than one case.
type Comparison = (&'static str, fn(&Path, &Path));

const GROUPS: &[Group] = &[
    ("inputs", inputs::cases),
    ("sources", sources::cases),
    ("replacement", replacement::cases),
    ("language", language::cases),
    ("looks_wrong", looks_wrong::cases),
    ("filters", filters::cases),
    ("quoting", quoting::cases),
    ("batching", batching::cases),
    ("quoting_more", quoting_more::cases),
    ("jobs", jobs::cases),
    ("control", control::cases),
    ("output", output::cases),
    ("results", results::cases),
    ("pipe", pipe::cases),
    ("errors", errors::cases),
    ("wrong_use", wrong_use::cases),
    ("odd_values", odd_values::cases),
    ("semaphore", semaphore::cases),
    ("sql", sql::cases),
    ("hosts", hosts::cases),
    ("ssh", ssh::cases),
    ("around", around::cases),
    ("companions", companions::cases),
];

/// The cases mostly wait for processes, so several for each core run at a time.
const THREADS_PER_CORE: usize = 4;

fn main() -> ExitCode {
    let mut arguments = Arguments::from_args();
    if arguments.test_threads.is_none() {
        let cores = thread::available_parallelism().map_or(2, usize::from);
        arguments.test_threads = Some(cores * THREADS_PER_CORE);
    }
    let mut trials = vec![Trial::test("the_tables_are_consistent", || {
        the_tables_are_consistent();
        Ok(())
    })];
    // Listing the tests runs nothing.
    let gnu = if arguments.list { None } else { gnu_parallel() };
    let is_missing = gnu.is_none() && !arguments.list;
    let ours = Arc::new(ours());
    let against_gnu = comparisons(gnu.unwrap_or(Path::new("parallel")), &ours);
    trials.extend(
        against_gnu
            .into_iter()
            .map(|trial| trial.with_ignored_flag(is_missing)),
    );
    if let Some(gnu) = gnu.filter(|_| arguments.ignored || arguments.include_ignored) {
        trials.extend(checks_of_the_tables(gnu));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

/// A test for each case and each script, and those that are many cases or need a server of their own.
fn comparisons(gnu: &Path, ours: &Arc<Ours>) -> Vec<Trial> {
    let mut trials = Vec::new();
    for (group, cases) in GROUPS {
        trials.extend(cases().into_iter().map(|case| {
            let (gnu, ours) = (gnu.to_owned(), Arc::clone(ours));
            Trial::test(test_name(group, &case), move || {
                equals_gnu(&case, &gnu, &ours.path)
            })
        }));
    }
    for (group, scripts) in scripts() {
        trials.extend(scripts.into_iter().map(|script| {
            let (gnu, ours) = (gnu.to_owned(), Arc::clone(ours));
            Trial::test(format!("{group}: {}", script.name), move || {
                passes_if_as_intended(&script.name, script.difference(&gnu, &ours.path))
            })
        }));
    }
    let in_one_go: [Comparison; 4] = [
        ("bats: suites", bats::equal_gnu),
        ("random: lines", random::equal_gnu),
        ("sql_postgres: cases", sql_postgres::equal_gnu),
        (
            "sql_postgres: both share a table",
            sql_postgres::share_a_table,
        ),
    ];
    trials.extend(in_one_go.map(|(name, test)| {
        let (gnu, ours) = (gnu.to_owned(), Arc::clone(ours));
        Trial::test(name, move || {
            test(&gnu, &ours.path);
            Ok(())
        })
    }));
    trials
}

/// The scripts, by group.
fn scripts() -> [(&'static str, Vec<companions::Script>); 2] {
    [
        ("companions", companions::scripts()),
        ("wrappers", wrappers::scripts()),
    ]
}

/// Checks of the tables against GNU parallel alone, for whoever adds cases: `-- --ignored`.
fn checks_of_the_tables(gnu: &'static Path) -> Vec<Trial> {
    let each = |what: &str, check: fn(&Path, &Case) -> Result<(), Failed>| -> Vec<Trial> {
        let cases = GROUPS
            .iter()
            .flat_map(|(group, cases)| cases().into_iter().map(move |case| (group, case)));
        cases
            .map(|(group, case)| {
                let name = format!("{what} {}", test_name(group, &case));
                Trial::test(name, move || check(gnu, &case)).with_ignored_flag(true)
            })
            .collect()
    };
    let mut trials = each("is stable:", |gnu, case| {
        let found =
            compare::instabilities(&compare::observe(gnu, case), &compare::observe(gnu, case));
        passes_if_empty(found)
    });
    trials.extend(each("show:", |gnu, case| {
        println!("{}\n{}", case.name, compare::observe(gnu, case));
        Ok(())
    }));
    trials
}

/// The name of the test for `case`, in one line.
fn test_name(group: &str, case: &Case) -> String {
    format!("{group}: {}", case.name.escape_default())
        .replace("\\'", "'")
        .replace("\\\"", "\"")
}

/// Runs `case` through both programs; in a case that is meant to differ it must.
fn equals_gnu(case: &Case, gnu: &Path, ours: &Path) -> Result<(), Failed> {
    if !remote::are_there(case.ssh) {
        return Ok(());
    }
    let gnu = compare::as_newer(case, compare::observe_reference(gnu, case));
    let found = compare::differences(case, &gnu, &compare::observe(ours, case));
    passes_if_as_intended(&case.name, found)
}

fn passes_if_as_intended(name: &str, found: String) -> Result<(), Failed> {
    passes_if_empty(match differences::intended(name) {
        None => found,
        Some(_) if !found.is_empty() => String::new(),
        Some(reason) => format!("  no longer differs, though it should: {reason}\n"),
    })
}

fn passes_if_empty(found: String) -> Result<(), Failed> {
    if found.is_empty() {
        Ok(())
    } else {
        Err(found.into())
    }
}

/// Cases have names of their own, and each difference names one.
fn the_tables_are_consistent() {
    let mut names = HashSet::new();
    for case in GROUPS.iter().flat_map(|(_, cases)| cases()) {
        assert!(
            names.insert(case.name.clone()),
            "two cases are called {:?}",
            case.name
        );
    }
    assert!(names.len() >= 150, "only {} cases", names.len());
    let scripts = scripts().into_iter().flat_map(|(_, scripts)| scripts);
    names.extend(scripts.map(|script| script.name));
    for difference in differences::INTENDED {
        assert!(
            names.contains(difference.case),
            "no case is called {:?}",
            difference.case
        );
        assert!(!difference.reason.is_empty());
    }
}

/// The real program, if it is here; then it has been run once, so that it knows this machine.
fn gnu_parallel() -> Option<&'static Path> {
    static GNU: OnceLock<Option<PathBuf>> = OnceLock::new();
    let gnu = GNU.get_or_init(|| {
        let path = std::env::split_paths(&std::env::var_os("PATH")?)
            .map(|folder| folder.join("parallel"))
            .find(|path| is_gnu(path))?;
        compare::observe(&path, &case("true ::: a"));
        Some(path)
    });
    if gnu.is_none() {
        support::skip_without("GNU parallel (apt-get install parallel)");
    }
    gnu.as_deref()
}

/// moreutils has another program of the same name.
fn is_gnu(path: &Path) -> bool {
    let version = Command::new(path)
        .arg("--version")
        .env("HOME", compare::home())
        .output();
    version.is_ok_and(|output| is_theirs(&output.stdout))
}

/// Ours, installed by that name, says so in its second line.
fn is_theirs(version: &[u8]) -> bool {
    let version = String::from_utf8_lossy(version);
    version.starts_with("GNU parallel") && !version.contains("fanout")
}

/// Our program under the name `parallel`.
struct Ours {
    path: PathBuf,
    _folder: tempfile::TempDir,
}

fn ours() -> Ours {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("parallel");
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_fanout"), &path).unwrap();
    Ours {
        path,
        _folder: folder,
    }
}
