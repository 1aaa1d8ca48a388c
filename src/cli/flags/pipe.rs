//! One input for all jobs, cut into pieces.

use std::ffi::OsString;

use clap::Args;

/// Options on jobs that read a piece of the input each.
#[derive(Args, Debug)]
#[command(next_help_heading = "Splitting input")]
pub struct Pipe {
    /// Cut standard input into blocks of records; each is the standard input of a job.
    #[arg(long, alias = "spreadstdin")]
    pub pipe: bool,

    /// As --pipe, but the input is in files (-a, ::::), which the jobs read themselves.
    #[arg(long, alias = "pipe-part")]
    pub pipepart: bool,

    /// About so many bytes a block (K, M, G: powers of 1024; k, m, g: of 1000) [default: 1M]; -N: N blocks
    /// for each slot.
    #[arg(long, alias = "block-size", value_name = "SIZE")]
    pub block: Option<OsString>,

    /// A block is complete when nothing has come for this time.
    #[arg(long, alias = "bt", value_name = "TIME")]
    pub block_timeout: Option<OsString>,

    /// A record begins with STR (\n, \t ... are understood).
    #[arg(long, value_name = "STR")]
    pub recstart: Option<OsString>,

    /// A record ends with STR (\n, \t ... are understood) [default: \n, without --recstart].
    #[arg(long, value_name = "STR")]
    pub recend: Option<OsString>,

    /// --recstart and --recend are Perl regexps.
    #[arg(long, alias = "regex")]
    pub regexp: bool,

    /// Take --recstart and --recend out of what jobs get.
    #[arg(long, alias = "rrs", alias = "removerecsep")]
    pub remove_rec_sep: bool,

    /// Merge what jobs print by CMD, {} being files of it: 'sort -m {}'. It runs again on what it has printed,
    /// in the order of the inputs.
    #[arg(long, value_name = "CMD")]
    pub reduce: Option<OsString>,

    /// One job for each slot; they get the blocks in turn.
    #[arg(long, alias = "round", alias = "roundrobin")]
    pub round_robin: bool,

    /// Keep lines together that have the same key: a column's number or name, a Perl expression that
    /// changes $_, or both.
    #[arg(long, alias = "groupby", value_name = "KEY")]
    pub group_by: Option<OsString>,

    /// One job for each slot; the hash of a line's key (as --group-by has it) decides which one gets it.
    #[arg(long, value_name = "KEY")]
    pub shard: Option<OsString>,

    /// One job for each slot; the number in a line's key decides which one gets it.
    #[arg(long, alias = "binpack", value_name = "KEY")]
    pub bin: Option<OsString>,

    /// Each job, one for each value behind :::, gets the whole input.
    #[arg(long)]
    pub tee: bool,

    /// Each job finds its input in the FIFO {}.
    #[arg(long)]
    pub fifo: bool,

    /// Each job finds its input in the temporary file {}. As with GNU parallel, it has only failed if it says so
    /// with 'exit', or is killed.
    #[arg(long)]
    pub cat: bool,
}
