//! What happens when jobs fail.

use std::ffi::OsString;

use clap::Args;

/// Options on failing jobs.
#[derive(Args, Debug)]
#[command(next_help_heading = "Failing jobs")]
pub struct Failure {
    /// End early: never, or WHEN,WHAT=N with WHEN soon (start no more) or now (kill), WHAT fail, success
    /// or done, N a number of jobs or N%.
    #[arg(long, alias = "halt-on-error", value_name = "POLICY")]
    pub halt: Option<OsString>,

    /// Try failing jobs up to N times in all; 0: until they succeed.
    #[arg(long, value_name = "N")]
    pub retries: Option<OsString>,

    /// Do not list the failed jobs on standard error at the end.
    #[arg(long)]
    pub no_summary: bool,
}
