//! What is the same for all jobs of a run.

use crate::model::ArgList;

/// What `run.start` tells of the run, and every job of its surroundings.
#[derive(Clone, Debug, Default)]
pub struct Context {
    /// fanout's version.
    pub version: String,
    /// The command line as typed.
    pub argv: ArgList,
    /// The command template.
    pub template: Vec<u8>,
    /// The working directory.
    pub cwd: Vec<u8>,
    /// The name of this machine.
    pub host: String,
    /// CPU threads that fanout may use.
    pub cores: usize,
    /// What runs the jobs.
    pub engine: String,
    /// The names of the columns, where a header gives any.
    pub names: ArgList,
    /// Where the jobs' standard input comes from, such as `/dev/null`: part of a job's `key`.
    pub stdin: Vec<u8>,
}
