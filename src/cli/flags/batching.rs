//! How many inputs a job gets.

use std::ffi::OsString;

use clap::Args;

/// Options on jobs of several inputs.
#[derive(Args, Debug)]
#[command(next_help_heading = "Batching")]
pub struct Batching {
    /// Give each job up to N inputs.
    #[arg(short = 'n', long, value_name = "N")]
    pub max_args: Option<OsString>,

    /// Give each job up to N inputs, as {1} to {N}; 0: one input, which is not inserted.
    #[arg(short = 'N', long, value_name = "N")]
    pub max_replace_args: Option<OsString>,

    /// Give each job up to N lines; one that ends with a blank goes on in the next.
    #[arg(short = 'L', value_name = "N", long = "max-input-lines")]
    pub input_lines: Option<OsString>,

    /// As -L, but all lines go where {} is, side by side [default N: 1].
    #[arg(
        short = 'l',
        long,
        value_name = "N",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "1"
    )]
    pub max_lines: Option<OsString>,

    /// Give each job as many inputs as its command line has room for, the last ones shared among the
    /// slots: x{}y becomes 'xa b cy'.
    #[arg(short = 'm', long = "many")]
    pub many: bool,

    /// As -m, but the word around {} is repeated: x{}y becomes 'xay xby xcy'.
    #[arg(short = 'X', long = "context-replace")]
    pub context_replace: bool,

    /// Give each job as many inputs as its command line has room for.
    #[arg(long)]
    pub xargs: bool,

    /// Keep command lines shorter than N bytes.
    #[arg(short = 's', long, value_name = "N")]
    pub max_chars: Option<OsString>,

    /// End if a single input makes a longer line than --max-chars allows (it always does).
    #[arg(short = 'x', long)]
    pub exit: bool,

    /// Print the longest line that --max-chars can allow, and end.
    #[arg(long)]
    pub max_line_length_allowed: bool,

    /// Print the limits on command lines, then go on.
    #[arg(long)]
    pub show_limits: bool,
}
