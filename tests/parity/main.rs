//! fanout, called by the name `parallel`, against the real GNU parallel: the same command lines
//! through both, and stdout, stderr, exit code and files compared.
//!
//! Where no GNU parallel is installed the tests say so and pass, unless `FANOUT_TEST_REQUIRE=all`.
//! `FANOUT_PARITY_ONLY=text` runs the cases whose name has that text. Before adding cases, see that
//! they are stable on GNU alone: `cargo test --test parity -- --ignored`.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::format_push_string)]
#![allow(missing_docs, unreachable_pub)]
#![allow(clippy::too_many_lines)] // tables

mod around;
mod batching;
mod case;
mod compare;
mod control;
mod differences;
mod errors;
mod filters;
mod hosts;
mod inputs;
mod jobs;
mod language;
mod output;
mod pipe;
mod quoting;
mod quoting_more;
mod replacement;
mod results;
mod semaphore;
mod sources;
mod sql;
mod sql_postgres;
#[path = "../support/mod.rs"]
mod support;
mod values;

use std::collections::HashSet;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, OnceLock};
use std::thread;

use case::{Case, case};

#[test]
fn input_sources() {
    equal_gnu(&inputs::cases());
}

#[test]
fn columns_headers_and_links() {
    equal_gnu(&sources::cases());
}

#[test]
fn replacement_strings() {
    equal_gnu(&replacement::cases());
}

#[test]
fn replacement_language() {
    equal_gnu(&language::cases());
}

#[test]
fn filters_and_made_files() {
    equal_gnu(&filters::cases());
}

#[test]
fn quoting() {
    equal_gnu(&quoting::cases());
}

#[test]
fn batching() {
    equal_gnu(&batching::cases());
}

#[test]
fn quoting_for_other_shells() {
    equal_gnu(&quoting_more::cases());
}

#[test]
fn jobs_and_how_they_end() {
    equal_gnu(&jobs::cases());
}

#[test]
fn job_control() {
    equal_gnu(&control::cases());
}

#[test]
fn output() {
    equal_gnu(&output::cases());
}

#[test]
fn files_of_results_and_lines() {
    equal_gnu(&results::cases());
}

#[test]
fn semaphores() {
    equal_gnu(&semaphore::cases());
}

#[test]
fn jobs_in_a_database() {
    equal_gnu(&sql::cases());
}

#[test]
fn jobs_in_a_database_of_postgresql() {
    let Some(gnu) = gnu_parallel() else { return };
    sql_postgres::equal_gnu(gnu, &ours().path);
}

#[test]
fn gnu_and_ours_share_a_table_of_postgresql() {
    let Some(gnu) = gnu_parallel() else { return };
    sql_postgres::share_a_table(gnu, &ours().path);
}

#[test]
fn hosts() {
    equal_gnu(&hosts::cases());
}

#[test]
fn pieces_of_one_input() {
    equal_gnu(&pipe::cases());
}

#[test]
fn errors() {
    equal_gnu(&errors::cases());
}

#[test]
fn what_surrounds_the_command_line() {
    equal_gnu(&around::cases());
}

#[test]
fn cases_have_names_of_their_own_and_differences_name_cases() {
    let mut names = HashSet::new();
    for case in all() {
        assert!(
            names.insert(case.name.clone()),
            "two cases are called {:?}",
            case.name
        );
    }
    assert!(names.len() >= 150, "only {} cases", names.len());
    for difference in differences::INTENDED {
        assert!(
            names.contains(difference.case),
            "no case is called {:?}",
            difference.case
        );
        assert!(!difference.reason.is_empty());
    }
}

/// A case that is not stable on GNU parallel itself is no test.
#[test]
#[ignore = "a check of the table, not of fanout: run it after adding cases"]
fn gnu_is_deterministic() {
    let Some(gnu) = gnu_parallel() else { return };
    report(&all(), |case| {
        compare::instabilities(&compare::observe(gnu, case), &compare::observe(gnu, case))
    });
}

/// Prints what GNU parallel does with each case, to be read by whoever adds one.
#[test]
#[ignore = "prints the table"]
fn show_gnu() {
    let Some(gnu) = gnu_parallel() else { return };
    for case in all().iter().filter(|case| is_wanted(case)) {
        println!("{}\n{}", case.name, compare::observe(gnu, case));
    }
}

fn all() -> Vec<Case> {
    [
        inputs::cases(),
        sources::cases(),
        replacement::cases(),
        language::cases(),
        filters::cases(),
        quoting::cases(),
        batching::cases(),
        quoting_more::cases(),
        jobs::cases(),
        control::cases(),
        output::cases(),
        results::cases(),
        pipe::cases(),
        errors::cases(),
        semaphore::cases(),
        sql::cases(),
        hosts::cases(),
        around::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

fn equal_gnu(cases: &[Case]) {
    let Some(gnu) = gnu_parallel() else { return };
    let ours = ours();
    report(cases, |case| {
        let gnu = compare::observe_reference(gnu, case);
        let found = compare::differences(case, &gnu, &compare::observe(&ours.path, case));
        match differences::intended(&case.name) {
            None => found,
            Some(_) if !found.is_empty() => String::new(),
            Some(reason) => format!("  no longer differs, though it should: {reason}\n"),
        }
    });
}

/// Checks all cases on a few threads, and fails with everything that was found.
fn report(cases: &[Case], check: impl Fn(&Case) -> String + Sync) {
    let cases: Vec<&Case> = cases.iter().filter(|case| is_wanted(case)).collect();
    let next = AtomicUsize::new(0);
    let failures = Mutex::new(Vec::new());
    let threads = thread::available_parallelism().map_or(2, |cores| cores.get() * 2);
    thread::scope(|scope| {
        for _ in 0..threads {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let found = check(case);
                    if !found.is_empty() {
                        failures
                            .lock()
                            .unwrap()
                            .push(format!("{}\n{found}", case.name));
                    }
                }
            });
        }
    });
    let mut failures = failures.into_inner().unwrap();
    failures.sort();
    let total = cases.len();
    assert!(
        failures.is_empty(),
        "{} of {total} differ:\n\n{}",
        failures.len(),
        failures.join("\n")
    );
}

fn is_wanted(case: &Case) -> bool {
    static ONLY: OnceLock<Option<String>> = OnceLock::new();
    let only = ONLY.get_or_init(|| std::env::var("FANOUT_PARITY_ONLY").ok());
    only.as_ref().is_none_or(|text| case.name.contains(text))
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
