//! About fanout itself.

#![allow(clippy::doc_markdown)] // the comments are the help

use std::ffi::OsString;

use clap::{Args, ValueEnum};

/// The options of this section that GNU parallel 20221122 has not.
pub(super) const OWN: &[&str] = &["shell-init", "usage", "worker"];

/// Options that print something and end, and those that scripts for GNU parallel give.
#[derive(Args, Debug)]
#[command(next_help_heading = "About")]
pub struct About {
    /// Print what most people need to know, on one screen.
    #[arg(short = 'h', long)]
    pub usage: bool,

    /// Print all options; as the first word of the command line and with a TOPIC behind it, those of a section ('--help
    /// output'), or one ('--help halt').
    #[arg(long)]
    pub help: bool,

    /// Print the version.
    #[arg(short = 'V', long)]
    pub version: bool,

    /// Print the version of GNU parallel whose command line is understood; exit code 255 if it is below N.
    #[arg(long, alias = "min-version", value_name = "N")]
    pub minversion: Option<OsString>,

    /// Print the man page.
    #[arg(long)]
    pub man: bool,

    /// Print the completion of the command line for SHELL, to be evaluated by it; auto: the calling shell.
    #[arg(long, value_name = "SHELL", value_enum)]
    pub shell_completion: Option<CompletionShell>,

    /// Print shell functions for SHELL, to be evaluated by it: env_parallel and parset.
    #[arg(long, value_name = "SHELL", value_enum)]
    pub shell_init: Option<InitShell>,

    /// Write the program NAME, which calls fanout with the other words of this command line and then its own.
    #[arg(
        long,
        aliases = ["combine-exec", "combine-executable"],
        value_name = "NAME"
    )]
    pub combineexec: Option<OsString>,

    /// Print the beginning of a shell script in which 'parallel' is fanout.
    #[arg(long)]
    pub embed: bool,

    /// Print the number of CPU threads.
    #[arg(long)]
    pub number_of_threads: bool,

    /// Print the number of CPU cores.
    #[arg(long, alias = "number-of-cpus")]
    pub number_of_cores: bool,

    /// Print the number of CPU sockets in use.
    #[arg(long)]
    pub number_of_sockets: bool,

    /// Say what there is to cite, and end.
    #[arg(long, hide = true, alias = "bibtex")]
    pub citation: bool,

    /// Run jobs for another fanout, which speaks on standard input; stands alone.
    #[arg(long = "worker", hide = true)]
    pub is_worker: bool,

    /// Accepted for GNU parallel's sake: there is no notice to silence.
    #[arg(long, hide = true, aliases = ["no-notice", "nonotice", "nn"])]
    pub will_cite: bool,
}

/// The shells whose command lines can be completed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum CompletionShell {
    /// The one that calls.
    Auto,
    /// GNU bash.
    Bash,
    /// Z shell.
    Zsh,
    /// fish.
    Fish,
}

/// The shells that there are functions for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum InitShell {
    /// GNU bash.
    Bash,
    /// Z shell.
    Zsh,
    /// `KornShell` 93, and mksh.
    #[value(alias = "ksh93", alias = "mksh")]
    Ksh,
    /// Any POSIX shell.
    #[value(alias = "dash", alias = "ash")]
    Sh,
    /// fish.
    Fish,
}
