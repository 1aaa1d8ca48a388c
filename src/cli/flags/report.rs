//! What is reported besides the jobs' output.

use std::ffi::OsString;

use clap::{Args, ValueEnum};

/// Options on reports.
#[derive(Args, Debug)]
#[command(next_help_heading = "Reports")]
pub struct Report {
    /// Show running, done and failed jobs on standard error.
    #[arg(long)]
    pub progress: bool,

    /// Show a progress bar on standard error; counts the inputs beforehand.
    #[arg(long)]
    pub bar: bool,

    /// Show the estimated time to the end on standard error; counts the inputs beforehand.
    #[arg(long)]
    pub eta: bool,

    /// Write a line for each job that ends to FILE: times, exit code, signal, command. +FILE goes on at the
    /// end of the file; - is standard output. One run at a time writes to FILE; several may write to one +FILE.
    #[arg(long, alias = "jl", value_name = "FILE")]
    pub joblog: Option<OsString>,

    /// Have the end of each job on the disk (--joblog, --json=FILE, --results) before another starts in its slot, so
    /// that --resume knows it even after a loss of power.
    #[arg(long)]
    pub fsync: bool,

    /// Write JSON lines about the run and its jobs to TARGET: a file, fd:N, or '-' for standard output,
    /// which then has nothing else [default TARGET: -].
    #[arg(long, value_name = "TARGET", num_args = 0..=1, require_equals = true, default_missing_value = "-")]
    pub json: Option<OsString>,

    /// How much goes into the JSON.
    #[arg(long, value_name = "LEVEL", value_enum, default_value_t = Detail::Progress)]
    pub json_detail: Detail,

    /// The most of a job's standard output, and of its standard error, that goes into the JSON, in bytes;
    /// K, M and G are understood.
    #[arg(long, value_name = "SIZE", default_value = "64K")]
    pub json_output_limit: OsString,

    /// Print the JSON Schema of the lines that --json writes.
    #[arg(long)]
    pub json_schema: bool,
}

/// How much goes into the JSON; each level has all of the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Detail {
    /// The run's start and end, and each job's end.
    Results,
    /// And the state of the run, once a second.
    Progress,
    /// And starts, failed tries, and why nothing starts.
    Lifecycle,
    /// And output as it comes.
    Output,
}
