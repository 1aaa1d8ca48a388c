//! About fanout itself.

use clap::Args;

/// Options that print something and end, and those that scripts for GNU parallel give.
#[derive(Args, Debug)]
#[command(next_help_heading = "About")]
pub struct About {
    /// Print this help.
    #[arg(short = 'h', long)]
    pub help: bool,

    /// Print the version.
    #[arg(short = 'V', long)]
    pub version: bool,

    /// Accepted for GNU parallel's sake: there is no notice to silence.
    #[arg(long, hide = true, alias = "bibtex")]
    pub citation: bool,

    /// Accepted for GNU parallel's sake: there is no notice to silence.
    #[arg(long, hide = true, alias = "no-notice")]
    pub will_cite: bool,
}
