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

    /// Print output in the order of the inputs. Without it, only jobs that end within a few milliseconds are put in order.
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

    /// Print output as it comes, by whole lines (of up to 1 MiB); with --keep-order, one job's at a time.
    #[arg(long, aliases = ["line-buffered", "linebuffer", "linebuffered", "lb"])]
    pub line_buffer: bool,

    /// On a terminal, show one line for each job: the latest of its output; elsewhere as --line-buffer.
    #[arg(long, aliases = ["latestline", "ll"])]
    pub latest_line: bool,

    /// Put the input and a tab in front of each line of output.
    #[arg(long)]
    pub tag: bool,

    /// Put STR, a template, and a tab in front of each line of output.
    #[arg(long, alias = "tag-string", value_name = "STR")]
    pub tagstring: Option<OsString>,

    /// Give each job's output a background colour of its own.
    #[arg(long, alias = "colour")]
    pub color: bool,

    /// Print the output of failed jobs on red.
    #[arg(long, aliases = ["colorfailed", "colour-failed", "colourfailed", "cf"])]
    pub color_failed: bool,

    /// As --color --tag.
    #[arg(long)]
    pub ctag: bool,

    /// As --color --tagstring STR.
    #[arg(long, alias = "ctag-string", value_name = "STR")]
    pub ctagstring: Option<OsString>,

    /// Keep each job's standard output in a file in $TMPDIR, and print the file's name.
    #[arg(long, aliases = ["output-as-files", "outputasfiles"])]
    pub files: bool,

    /// As --files, with a NUL byte instead of a newline.
    #[arg(long)]
    pub files0: bool,

    /// Keep what each job writes in files, and print nothing: below directory NAME, by the inputs; or in the file
    /// that NAME, a template, becomes; or as rows in NAME, if that ends in .csv, .tsv or .json ('-.csv':
    /// on standard output). Below a directory, '/' in an input is +z and '+' is ++; an empty input is +e, '.' and '..'
    /// are +. and +.. there and in templates.
    #[arg(long, alias = "res", value_name = "NAME")]
    pub results: Option<OsString>,

    /// Compress output while it is kept: temporary files become smaller, and so do those of --files and --results.
    #[arg(long)]
    pub compress: bool,

    /// Compress with the command PROG [default: zstd, lz4, pigz or gzip]; implies --compress.
    #[arg(
        long,
        aliases = ["use-compress-program", "usecompressprogram", "compress-prg", "compressprogram"],
        value_name = "PROG"
    )]
    pub compress_program: Option<OsString>,

    /// Decompress with the command PROG [default: that of --compress-program with -dc].
    #[arg(
        long,
        aliases = ["use-decompress-program", "usedecompressprogram", "decompress-prg", "decompressprogram"],
        value_name = "PROG"
    )]
    pub decompress_program: Option<OsString>,

    /// Print each command on standard output before its output.
    #[arg(short = 'v', long, action = ArgAction::Count)]
    pub print_command: u8,

    /// Print each command on standard error when it starts.
    #[arg(short = 't', long)]
    pub verbose: bool,

    /// What GNU's parset has its shell evaluate: assignments of what jobs wrote.
    #[arg(long = "_parset", hide = true, value_name = "KIND,NAMES")]
    pub assign: Option<OsString>,
}
