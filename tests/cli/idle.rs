//! An idle fanout sleeps.

use std::process::Stdio;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::fanout_in_background;
use crate::process::{Run, context_switches, cpu_ticks};

/// While one job sleeps, nothing in fanout wakes up. This second is what is measured, not a wait.
#[test]
fn a_sleeping_job_costs_no_processor_time() {
    for args in [
        &["-j2"] as &[&str],
        &["-k", "--timeout", "900"],
        &["--halt", "now,fail=1", "--retries", "3"],
    ] {
        let mut command = fanout_in_background();
        command.args(args).args(["sleep", ":::", "1000"]);
        command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null());
        let mut run = Run::start(command);
        run.await_jobs("sleep 1000", 1);
        let before = (cpu_ticks(run.pid()), context_switches(run.pid()));
        thread::sleep(Duration::from_secs(1));
        let after = (cpu_ticks(run.pid()), context_switches(run.pid()));
        assert!(
            after.0 - before.0 <= 1,
            "{args:?}: ticks {} to {}",
            before.0,
            after.0
        );
        // The threads that start the job may still be on their way to sleep at first.
        assert!(
            after.1 - before.1 <= 8,
            "{args:?}: context switches {} to {}",
            before.1,
            after.1
        );
        run.send(Signal::INT);
        run.wait();
    }
}
