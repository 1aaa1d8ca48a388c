//! Every option, a file a section of the manual: the clap struct, where name and help live with the field; what its
//! values come to; the tests of that. A section knows no other section's options, only what they come to.

pub mod about;
pub mod batching;
pub mod command;
pub mod environment;
pub mod failure;
pub mod gates;
pub mod hosts;
pub mod input;
pub mod jobs;
pub mod output;
pub mod pipe;
pub mod replacement;
pub mod report;
pub mod resume;
pub mod semaphore;
pub mod sources;
pub mod sql;
pub mod terminal;

pub use about::{About, CompletionShell, InitShell};
pub use batching::Batching;
pub use command::{CommandFlags, ShellUse};
pub use environment::Environment;
pub use failure::Failure;
pub use gates::Gates;
pub use hosts::Hosts;
pub use input::Input;
pub use jobs::Jobs;
pub use output::Output;
pub use pipe::Pipe;
pub use replacement::Replacement;
pub use report::Report;
pub use resume::Resume;
pub use semaphore::Semaphore;
pub use sources::Sources;
pub use sql::Sql;
pub use terminal::Terminal;

use clap::Parser;

/// Run one command for many inputs, on all cores.
#[derive(Debug, Parser)]
#[command(
    name = "fanout",
    disable_help_flag = true,
    disable_version_flag = true,
    args_override_self = true,
    override_usage = "fanout [OPTIONS] [COMMAND [ARGUMENTS]] ::: VALUES...\n       \
                      fanout [OPTIONS] [COMMAND [ARGUMENTS]] :::: FILES...\n       \
                      ... | fanout [OPTIONS] [COMMAND [ARGUMENTS]]",
    after_help = "COMMAND is run once for each input, with {} replaced by the input (appended where COMMAND\n\
                  has no replacement string). Without COMMAND each input is a command of its own.\n\n\
                  Replacement strings: {} input   {.} without extension   {/} base name   {//} directory\n\
                  {/.} base name without extension   {#} job number   {%} slot number   {N} {N.} {N/} ... of\n\
                  input source N\n\n\
                  Exit code: the number of failed jobs (101: more than 100), 255 for other errors."
)]
pub struct Flags {
    /// Where arguments come from.
    #[command(flatten)]
    pub input: Input,
    /// How many a job gets.
    #[command(flatten)]
    pub batching: Batching,
    /// What becomes of inputs before they are arguments.
    #[command(flatten)]
    pub sources: Sources,
    /// How one input is cut into pieces.
    #[command(flatten)]
    pub pipe: Pipe,
    /// What is run.
    #[command(flatten)]
    pub command: CommandFlags,
    /// What is replaced in it.
    #[command(flatten)]
    pub replacement: Replacement,
    /// How many at a time.
    #[command(flatten)]
    pub jobs: Jobs,
    /// What may hold back starts.
    #[command(flatten)]
    pub gates: Gates,
    /// What happens when jobs fail.
    #[command(flatten)]
    pub failure: Failure,
    /// What an earlier run has done.
    #[command(flatten)]
    pub resume: Resume,
    /// Where output goes.
    #[command(flatten)]
    pub output: Output,
    /// Jobs that use the terminal.
    #[command(flatten)]
    pub terminal: Terminal,
    /// What is reported.
    #[command(flatten)]
    pub report: Report,
    /// Jobs in a table of a database.
    #[command(flatten)]
    pub sql: Sql,
    /// Commands that wait for each other.
    #[command(flatten)]
    pub semaphore: Semaphore,
    /// What surrounds the command line and the jobs.
    #[command(flatten)]
    pub environment: Environment,
    /// Other hosts.
    #[command(flatten)]
    pub hosts: Hosts,
    /// About fanout itself.
    #[command(flatten)]
    pub about: About,
}

/// The options that GNU parallel 20221122 has not, as each section names its own.
pub const OWN: [&[&str]; 9] = [
    about::OWN,
    batching::OWN,
    command::OWN,
    environment::OWN,
    failure::OWN,
    gates::OWN,
    input::OWN,
    pipe::OWN,
    report::OWN,
];

impl Flags {
    /// As GNU parallel: what jobs of `--onall` write on one host is together, unless it is to be written at once.
    pub fn keep_hosts_together(&mut self) {
        let output = &mut self.output;
        let at_once = output.ungroup || output.line_buffer || output.no_keep_order;
        output.keep_order |= self.hosts.onall && self.hosts.are_named() && !at_once;
    }

    /// As GNU parallel: a value that is empty, or what is 0 where it can only mean none, and fewer than no arguments,
    /// are as good as nothing given.
    pub fn forget_empty_values(&mut self) {
        self.batching.forget_empty_values();
        self.environment.forget_empty_values();
        self.failure.forget_empty_values();
        self.gates.forget_empty_values();
        self.output.forget_empty_values();
        self.pipe.forget_empty_values();
        self.report.forget_empty_values();
        self.sources.forget_empty_values();
    }
}

#[cfg(test)]
mod tests {
    use super::{Flags, OWN};
    use clap::CommandFactory;

    #[test]
    fn the_table_of_options_is_sound() {
        Flags::command().debug_assert();
    }

    #[test]
    fn what_only_fanout_has_is_there() {
        let table = Flags::command();
        for own in OWN.iter().copied().flatten() {
            let mut args = table.get_arguments();
            assert!(args.any(|arg| arg.get_long() == Some(own)), "--{own}");
        }
    }

    #[test]
    fn every_option_has_a_long_name_a_section_and_help() {
        for arg in Flags::command().get_arguments() {
            let name = arg.get_id();
            assert!(arg.get_long().is_some(), "{name} has no long name");
            assert!(arg.get_help_heading().is_some(), "{name} is in no section");
            assert!(
                arg.get_help().is_some() || arg.is_hide_set(),
                "{name} has no help"
            );
        }
    }
}
