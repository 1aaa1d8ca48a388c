//! How input sources are combined, cut into columns, and named.

use std::ffi::OsString;

use clap::Args;

/// Options on what becomes of the inputs before they are arguments.
#[derive(Args, Debug)]
#[command(next_help_heading = "Input")]
pub struct Sources {
    /// Cut each input into columns {1}, {2} ... where this Perl regexp matches; trims them, too.
    #[arg(short = 'C', long, value_name = "REGEXP")]
    pub colsep: Option<OsString>,

    /// Cut each input into columns as CSV: fields may be quoted and hold separators and newlines; --colsep
    /// is the separator [default: a comma].
    #[arg(long)]
    pub csv: bool,

    /// ':': the first input of each source names its columns, for {name}, {name.}, {name/} ...; '0': the
    /// names of the files do.
    #[arg(long, value_name = "HOW")]
    pub header: Option<OsString>,

    /// Combine the first inputs of all sources, then the second ones ...; short sources start over.
    #[arg(long, alias = "xapply")]
    pub link: bool,

    /// Cut white space off inputs: n (no), l (left), r (right), lr or rl (both) [default: n; rl with --colsep].
    #[arg(long, value_name = "WHERE")]
    pub trim: Option<OsString>,

    /// Leave out blank inputs.
    #[arg(short = 'r', long)]
    pub no_run_if_empty: bool,

    /// Skip the first input of the first source.
    #[arg(long)]
    pub skip_first_line: bool,

    /// What matches the groups of this Perl regexp in the first source's inputs becomes {1.1}, {1.2} ...; given
    /// again: for the second source; +N: the regexp of source N. An input that does not match is warned about; its
    /// groups are 1.
    #[arg(long = "match", value_name = "REGEXP")]
    pub matches: Vec<OsString>,

    /// Run only the jobs for which this is true: its replacement strings are filled in, unquoted, and the
    /// result is evaluated as Perl; given again: all of them must be. The others are left out, and do not count as failed.
    #[arg(long = "filter", value_name = "EXPRESSION")]
    pub filters: Vec<OsString>,

    /// An input that is exactly STR is none: the jobs after it start when all before it are over.
    #[arg(long, value_name = "STR")]
    pub milestone: Option<OsString>,

    /// Run the jobs in random order; needs all inputs in memory.
    #[arg(long)]
    pub shuf: bool,

    /// An input that is exactly STR ends its source.
    #[arg(
        short = 'E',
        value_name = "STR",
        overrides_with = "eof",
        long = "eof-str",
        hide = true
    )]
    pub eof_str: Option<OsString>,

    /// An input that is exactly STR ends its source (-E STR, too).
    #[arg(short = 'e', long, value_name = "STR", num_args = 0..=1, require_equals = true, default_missing_value = "", overrides_with = "eof_str")]
    pub eof: Option<OsString>,

    /// What stands before inputs on the command line, instead of ':::'.
    #[arg(long, value_name = "STR")]
    pub arg_sep: Option<OsString>,

    /// What stands before names of files of inputs on the command line, instead of '::::'.
    #[arg(long, value_name = "STR")]
    pub arg_file_sep: Option<OsString>,

    /// There will be N jobs in all, for progress and percentages: saves counting them beforehand.
    #[arg(long, alias = "total", value_name = "N")]
    pub total_jobs: Option<OsString>,
}
