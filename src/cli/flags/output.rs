//! Where jobs' output goes.

use std::ffi::OsString;

use clap::{ArgAction, Args};

/// Options on output.
#[derive(Args, Debug)]
#[command(next_help_heading = "Output")]
pub struct Output {
    /// Print each job's output when it is over, undivided (the default).
    #[arg(long)]
    pub group: bool,

    /// Print output in the order of the inputs.
    #[arg(short = 'k', long, alias = "keeporder")]
    pub keep_order: bool,

    /// Print output as jobs end, whatever --keep-order said before.
    #[arg(
        long,
        alias = "nokeep-order",
        alias = "nokeeporder",
        overrides_with = "keep_order"
    )]
    pub no_keep_order: bool,

    /// Let jobs write to the terminal as they run, all at the same time.
    #[arg(short = 'u', long)]
    pub ungroup: bool,

    /// Put the input and a tab in front of each line of output.
    #[arg(long)]
    pub tag: bool,

    /// Put STR, a template, and a tab in front of each line of output.
    #[arg(long, alias = "tag-string", value_name = "STR")]
    pub tagstring: Option<OsString>,

    /// Print each command on standard output before its output.
    #[arg(short = 'v', long, action = ArgAction::Count)]
    pub print_command: u8,

    /// Print each command on standard error when it starts.
    #[arg(short = 't', long)]
    pub verbose: bool,
}
