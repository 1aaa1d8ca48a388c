//! What is run.

use clap::{ArgAction, Args, ValueEnum};

/// The options of this section that GNU parallel 20221122 has not.
pub(super) const OWN: &[&str] = &["shell"];

/// Options on the command.
#[derive(Args, Debug)]
#[command(next_help_heading = "Command")]
pub struct CommandFlags {
    /// Quote the command's words, so that the shell takes them as they are.
    #[arg(short = 'q', long)]
    pub quote: bool,

    /// Print the commands instead of running them. No file and no table is written; --json on standard output says
    /// that each job is "dry".
    #[arg(long, aliases = ["dryrun", "dr"])]
    pub dry_run: bool,

    /// Print each command line quoted for the shell instead of running it; once more for each time the
    /// option is given.
    #[arg(long, alias = "shell-quote", action = ArgAction::Count)]
    pub shellquote: u8,

    /// Run every command in a shell of its own (always); or execute without a shell what needs none
    /// (direct), and also let one shell run many commands that only print and compare (warm; auto, the
    /// default). The results are the same.
    #[arg(long, value_name = "WHEN", value_enum, default_value_t = ShellUse::Auto)]
    pub shell: ShellUse,
}

/// When commands run in a shell.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ShellUse {
    /// As warm.
    Auto,
    /// A shell for each command that needs one.
    Direct,
    /// One shell for many commands, where that makes no difference.
    Warm,
    /// Always.
    Always,
}

impl CommandFlags {
    /// Whether nothing is run: commands are only printed.
    pub fn only_prints(&self) -> bool {
        self.dry_run || self.shellquote > 0
    }

    /// Whether one shell may run several commands.
    pub fn warm_shells(&self) -> bool {
        matches!(self.shell, ShellUse::Auto | ShellUse::Warm)
    }
}
