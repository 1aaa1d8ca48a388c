//! How many jobs at a time, and when they start.

use std::ffi::OsString;

use clap::Args;

/// Options on concurrency.
#[derive(Args, Debug)]
#[command(next_help_heading = "Jobs")]
pub struct Jobs {
    /// Run up to N jobs at a time: N, N% of the CPU threads, +N or -N relative to them, 0 for as many as
    /// possible [default: one per available CPU thread].
    #[arg(
        short = 'j',
        long,
        short_alias = 'P',
        alias = "max-procs",
        value_name = "N"
    )]
    pub jobs: Option<OsString>,

    /// Wait at least this long between two starts: seconds, or as 1.5m, 2h.
    #[arg(long, value_name = "TIME")]
    pub delay: Option<OsString>,

    /// Kill jobs that take longer than this: seconds, or as 1.5m, 2h, 1d.
    #[arg(long, value_name = "TIME")]
    pub timeout: Option<OsString>,
}
