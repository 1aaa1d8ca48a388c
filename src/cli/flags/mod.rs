//! Every option, one clap struct a section of the manual: name, help and value live with the field.

mod about;
mod batching;
mod command;
mod environment;
mod failure;
mod hosts;
mod input;
mod jobs;
mod output;
mod pipe;
mod replacement;
mod report;
mod semaphore;
mod sources;
mod sql;
mod terminal;

pub use about::{About, CompletionShell, InitShell};
pub use batching::Batching;
pub use command::{CommandFlags, ShellUse};
pub use environment::Environment;
pub use failure::Failure;
pub use hosts::Hosts;
pub use input::Input;
pub use jobs::Jobs;
pub use output::Output;
pub use pipe::Pipe;
pub use replacement::Replacement;
pub use report::{Detail, Report};
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
    /// How many at a time, and when.
    #[command(flatten)]
    pub jobs: Jobs,
    /// What happens when jobs fail.
    #[command(flatten)]
    pub failure: Failure,
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

impl Flags {
    /// As GNU parallel: a value that is empty, or what is 0 where it can only mean none, and fewer than no arguments,
    /// are as good as nothing given.
    pub fn forget_empty_values(&mut self) {
        let batching = &mut self.batching;
        for amount in [
            &mut batching.max_args,
            &mut batching.max_replace_args,
            &mut batching.input_lines,
        ] {
            amount.take_if(|typed| typed.as_encoded_bytes().starts_with(b"-"));
        }
        for number in [
            &mut batching.max_args,
            &mut batching.max_replace_args,
            &mut batching.input_lines,
            &mut batching.max_lines,
            &mut batching.max_chars,
            &mut self.failure.retries,
            &mut self.pipe.block,
            &mut self.sources.total_jobs,
            &mut self.jobs.memsuspend,
        ] {
            number.take_if(|typed| typed.as_encoded_bytes().trim_ascii().is_empty());
        }
        for named in [
            &mut self.output.compress_program,
            &mut self.output.decompress_program,
            &mut self.environment.process_slot_var,
        ] {
            named.take_if(|typed| typed.is_empty());
        }
        for some in [
            &mut self.pipe.group_by,
            &mut self.pipe.shard,
            &mut self.pipe.bin,
            &mut self.jobs.load,
            &mut self.jobs.memfree,
            &mut self.jobs.delay,
        ] {
            some.take_if(|typed| typed.is_empty() || typed == "0");
        }
        // It is a path.
        self.report
            .joblog
            .take_if(|path| path.as_os_str().is_empty());
    }
}

#[cfg(test)]
mod tests {
    use super::Flags;
    use clap::CommandFactory;

    #[test]
    fn the_table_of_options_is_sound() {
        Flags::command().debug_assert();
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
