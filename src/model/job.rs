//! A job before it runs, and what it becomes when a slot is free.

use super::{ArgList, Stdin};

/// One piece of work: its number and its arguments. The command line is rendered when it starts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Job {
    /// Position in the input, from 1: `{#}`, `$PARALLEL_SEQ`.
    pub seq: u64,
    /// All arguments of the job's records, in order: `{1}`, `{2}`, …
    pub args: ArgList,
    /// What it is fed; `None`: nothing.
    pub stdin: Option<Stdin>,
}

/// A job's command line, rendered for the slot that it runs in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command {
    /// The command line as a shell would read it.
    pub line: Vec<u8>,
    /// What `--tag` or `--tagstring` puts before each line of output.
    pub tag: Option<Vec<u8>>,
    /// Whether the job asked not to be run (`skip()`, `{uniq}`).
    pub skip: bool,
    /// The directory of `--workdir` that it runs in.
    pub workdir: Option<Vec<u8>>,
    /// What the names of its output files begin with; where it ends with a slash, a directory for them.
    pub results: Option<Vec<u8>>,
}

/// Turns a job into its command line; called by the worker that runs it, once per attempt.
pub trait Prepare: Send + Sync {
    /// The command of `job` in slot number `slot` (from 1).
    ///
    /// # Errors
    ///
    /// A sentence that names what cannot be rendered; the attempt then ends as `SpawnFailed`.
    fn prepare(&self, job: &Job, slot: usize) -> Result<Command, String>;
}
