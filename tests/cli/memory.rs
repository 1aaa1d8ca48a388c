//! Nothing grows with the number of jobs.

use std::io::{BufRead, BufReader, Write};
use std::process::{ChildStdin, Stdio};

use crate::fanout_in_background;
use crate::process::{Run, await_that, status_number};

/// Feeds `jobs` lines, sees that many results, and tells fanout's largest resident set in kB: taken
/// while it waits for more input, so that it is still there to be asked.
fn peak_after(args: &[&str], jobs: usize) -> u64 {
    let mut command = fanout_in_background();
    command
        .args(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null());
    let mut run = Run::start(command);
    let mut input = run.child.stdin.take().unwrap();
    let results = BufReader::new(run.child.stdout.take().unwrap()).lines();
    let peak = std::thread::scope(|scope| {
        let feeding = scope.spawn(move || {
            feed(&mut input, jobs);
            input
        });
        assert_eq!(results.take(jobs).count(), jobs);
        let input = feeding.join().unwrap();
        let peak = status_number(run.pid(), "VmHWM");
        drop(input);
        peak
    });
    await_that("the end of the run", || {
        matches!(run.child.try_wait(), Ok(Some(_)))
    });
    peak
}

fn feed(input: &mut ChildStdin, jobs: usize) {
    let lines: String = (0..jobs).map(|number| format!("{number}\n")).collect();
    input.write_all(lines.as_bytes()).unwrap();
}

fn is_flat(args: &[&str], few: usize, many: usize) {
    let (few_peak, many_peak) = (peak_after(args, few), peak_after(args, many));
    // Allocators and stacks fill up at first; what must not be there is a cost for each job.
    assert!(
        many_peak < few_peak + few_peak / 4 + 1024,
        "{few} jobs: {few_peak} kB, {many}: {many_peak} kB"
    );
}

#[test]
fn real_jobs_cost_no_memory_each() {
    is_flat(&["-j2", "/bin/echo", "{}"], 500, 6_000);
}

#[test]
fn ordered_jobs_cost_no_memory_each() {
    is_flat(&["-k", "-j4", "/bin/echo", "{}"], 500, 4_000);
}

#[test]
fn dry_jobs_cost_no_memory_each() {
    is_flat(&["--dry-run", "echo", "{}", "{.}", "{#}"], 100_000, 400_000);
}
