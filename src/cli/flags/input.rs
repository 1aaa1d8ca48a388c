//! Where arguments come from.

use std::ffi::OsString;

use clap::Args;

/// Options on input sources and how they are split.
#[derive(Args, Debug)]
#[command(next_help_heading = "Input")]
pub struct Input {
    /// Read inputs from FILE, one a line ('-': standard input), those that are appended while jobs run, too; may be
    /// repeated, giving all combinations.
    #[arg(short = 'a', long, value_name = "FILE")]
    pub arg_file: Vec<OsString>,

    /// Inputs end with a NUL byte, as from 'find -print0'.
    #[arg(short = '0', long)]
    pub null: bool,

    /// Inputs end with STR instead of a newline; \n, \t, \0, \x1f ... are understood; '': they are paragraphs.
    #[arg(short = 'd', long, value_name = "STR")]
    pub delimiter: Option<OsString>,
}
