//! What happens when jobs fail.

use std::ffi::OsString;

use clap::Args;

/// Options on failing jobs.
#[derive(Args, Debug)]
#[command(next_help_heading = "Failing jobs")]
pub struct Failure {
    /// End early: never, or WHEN,WHAT=N with WHEN soon (start no more) or now (kill), WHAT fail, success
    /// or done, N a number of jobs or N%.
    #[arg(long, aliases = ["halt-on-error", "haltonerror"], value_name = "POLICY")]
    pub halt: Option<OsString>,

    /// Try failing jobs up to N times in all; 0: until they succeed. A job that gets its input while it runs
    /// (--shard, --bin, --tee) is tried once, as that cannot be fed to it again.
    #[arg(long, value_name = "N")]
    pub retries: Option<OsString>,

    /// With --retries: which failures are worth another try, separated by commas: fail (an exit code),
    /// exit:75 or exit:70-75, signal or signal:KILL, timeout, spawn (it could not be started) [default: all].
    #[arg(long, value_name = "KINDS")]
    pub retry_on: Option<OsString>,

    /// With --retries: wait before another try, twice as long each time: FIRST..MOST, as in 1s..60s. A
    /// part of it is left to chance.
    #[arg(long, value_name = "TIMES")]
    pub backoff: Option<OsString>,

    /// How jobs are killed: signals, each with a pause after it in milliseconds
    /// [default: TERM,200,TERM,100,TERM,50,KILL,25].
    #[arg(long, alias = "termseq", value_name = "SEQUENCE")]
    pub term_seq: Option<OsString>,

    /// Do not run jobs that the --joblog has already, known by their number; or that --json=FILE has, known
    /// by their command, so that inputs may come in another order; or, without both, that have come to their end
    /// below --results.
    #[arg(long)]
    pub resume: bool,

    /// As --resume, but run those that failed again.
    #[arg(long, alias = "resumefailed")]
    pub resume_failed: bool,

    /// Run the commands in the --joblog that failed, and nothing else.
    #[arg(long, alias = "retryfailed")]
    pub retry_failed: bool,

    /// Do not list the failed jobs on standard error at the end.
    #[arg(long)]
    pub no_summary: bool,
}
