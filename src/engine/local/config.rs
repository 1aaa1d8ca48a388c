//! What the local engine is told.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::watched::Watched;
use crate::exec::capture::Capture;
use crate::exec::launch::Launch;
use crate::exec::stdin::StdinTransport;
use crate::exec::term_seq::TermSeq;
use crate::exec::tmux::Tmux;
use crate::flow::credit::Tokens;
use crate::flow::spool::Codec;
use crate::model::{AttemptInfo, RenderJob};

/// What the engine needs to know.
pub struct Config {
    /// How many attempts run at a time.
    pub slots: usize,
    /// Renders commands.
    pub prepare: Arc<dyn RenderJob>,
    /// How commands are started.
    pub launch: Launch,
    /// What becomes of jobs' output.
    pub capture: Capture,
    /// How output that is kept is compressed, if it is.
    pub codec: Option<Arc<Codec>>,
    /// What jobs read.
    pub stdin: JobStdin,
    /// Where jobs have windows.
    pub tmux: Option<Tmux>,
    /// Whether each attempt is to be over before the next is made ready.
    pub one_by_one: bool,
    /// How long an attempt may take, until somebody says otherwise.
    pub timeout: Option<Duration>,
    /// Whether the files that were made for a job are removed when it is over.
    pub remove_made_files: bool,
    /// Whether a directory of `--workdir` in which a job left nothing is removed.
    pub remove_empty_workdirs: bool,
    /// The niceness of jobs.
    pub nice: Option<i32>,
    /// How jobs get their input, and where its files are.
    pub stdin_transport: StdinTransport,
    /// The directory for them.
    pub stdin_dir: PathBuf,
    /// How attempts are ended.
    pub term_seq: TermSeq,
    /// Whether somebody wants to know when an attempt starts.
    pub report_starts: bool,
    /// Whether jobs show which slots they run in.
    pub shows_slots: bool,
    /// Where those look who show what runs, if anybody does.
    pub watched: Option<Arc<Watched>>,
    /// Who is told before attempts are executed, if anybody is.
    pub begins: Option<Arc<dyn Begins>>,
}

/// Told of attempts before anything of them is executed, by the worker that is about to do that.
pub trait Begins: Send + Sync {
    /// These are about to be executed, which may then turn out not to be so; false: they must not be.
    fn begin(&self, jobs: &mut dyn Iterator<Item = &AttemptInfo>) -> bool;
}

/// What jobs read that are given no input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum JobStdin {
    /// Nothing.
    #[default]
    Empty,
    /// Our own standard input.
    Own,
    /// This file.
    File(PathBuf),
    /// The terminal, if there is one.
    Terminal,
}

/// What all workers have in common.
pub(super) struct Shared {
    pub(super) config: Config,
    /// What all of them read.
    pub(super) stdin: File,
    pub(super) pieces: Tokens,
}
