//! A job before it runs, and what it becomes when a slot is free.

use std::sync::Arc;

use super::{ArgList, Outcome, PlaceId, SpawnError, Stdin};
use crate::sys::tty::Until;

/// One piece of work: its number and its arguments. Shared from the queue to the reports, and never changed; the
/// command line is rendered when it starts.
#[derive(Debug, PartialEq, Eq)]
pub struct Job {
    /// Position in the input, from 1: `{#}`, `$PARALLEL_SEQ`.
    pub seq: u64,
    /// All arguments of the job's records, in order: `{1}`, `{2}`, …
    pub args: ArgList,
    /// Whether it starts only when all jobs before it are over (`--milestone`).
    pub after_all: bool,
    /// Where it has to run; `None`: wherever there is a slot.
    pub bound: Option<Box<Bound>>,
}

/// Where a job has to run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bound {
    /// One of these places.
    pub places: Arc<[PlaceId]>,
    /// Its number among the jobs that are the same at other places, from 1.
    pub number: u64,
}

impl Job {
    /// What `{#}` stands for.
    pub fn number(&self) -> u64 {
        self.bound.as_ref().map_or(self.seq, |bound| bound.number)
    }
}

/// A job and what its next attempt is fed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Work {
    /// The job.
    pub job: Arc<Job>,
    /// What goes to its standard input; `None`: nothing of its own. Apart from the job, for it may hold a block of the
    /// input that others wait for: it goes when the attempt has ended well.
    pub stdin: Option<Stdin>,
}

impl Work {
    /// `job`, with nothing to read of its own.
    pub fn of(job: Job) -> Self {
        Self {
            job: Arc::new(job),
            stdin: None,
        }
    }

    /// The number of the job.
    pub fn seq(&self) -> u64 {
        self.job.seq
    }

    /// Its arguments.
    pub fn args(&self) -> &ArgList {
        &self.job.args
    }
}

/// What the place where an attempt runs needs of it: plain bytes, which can be sent to another host.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Task {
    /// The command line as a shell would read it.
    pub line: Vec<u8>,
    /// The slot that it was rendered for and has to show; `None`: the one that it runs in.
    pub slot: Option<usize>,
    /// The directory of `--workdir` that it runs in.
    pub workdir: Option<Vec<u8>>,
    /// The file that is its standard input; `None`: what all jobs have.
    pub stdin: Option<Vec<u8>>,
    /// Files that are made for it before it starts: the path and the content of each.
    pub files: Vec<(Vec<u8>, Vec<u8>)>,
}

impl Task {
    /// A command line, and nothing to be done for it but to have a shell run it.
    pub fn of_line(line: Vec<u8>) -> Self {
        Self {
            line,
            ..Self::default()
        }
    }

    /// Whether there is more to do for it than to have a shell run its line.
    pub fn needs_its_own_process(&self) -> bool {
        self.workdir.is_some() || self.stdin.is_some() || !self.files.is_empty()
    }
}

/// A job's command, rendered for the slot that it runs in: what is run, and what only reports need.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Command {
    /// What is run.
    pub task: Task,
    /// What is shown in place of the command line; `None`: the command line itself.
    pub shown: Option<Vec<u8>>,
    /// What `--tag` or `--tagstring` puts before each line of output.
    pub tag: Option<Vec<u8>>,
    /// How the job ends without having been run, if that is what it or a filter wants.
    pub skip_as: Option<Outcome>,
    /// What the names of its output files begin with; where it ends with a slash, a directory for them.
    pub results: Option<Vec<u8>>,
}

impl Command {
    /// A command line that is shown as it is.
    pub fn of_line(line: Vec<u8>) -> Self {
        Self {
            task: Task::of_line(line),
            ..Self::default()
        }
    }

    /// What is shown of it: in front of output, in the joblog, for a dry run.
    pub fn shown(&self) -> &[u8] {
        self.shown.as_ref().unwrap_or(&self.task.line)
    }
}

/// Takes what was prepared, and says whether it wants more.
pub type RenderedSink<'a> = dyn FnMut(Result<&mut Command, SpawnError>) -> bool + 'a;

/// Makes a job ready: renders its command, and says by [`Command::skip_as`] whether it is run at all. Called by the
/// worker that runs it, once per attempt.
pub trait RenderJob: Send + Sync {
    /// The command of `work` in slot number `slot` (from 1).
    ///
    /// # Errors
    ///
    /// With what the attempt ends as `SpawnFailed`: a sentence that names what cannot be rendered.
    fn prepare(&self, work: &Work, slot: usize) -> Result<Command, SpawnError>;

    /// As [`prepare`](Self::prepare); the user, if asked about the job, is waited for no longer than `until` says.
    ///
    /// # Errors
    ///
    /// As there.
    fn prepare_until(
        &self,
        work: &Work,
        slot: usize,
        until: Until<'_>,
    ) -> Result<Command, SpawnError> {
        let _ = until;
        self.prepare(work, slot)
    }

    /// Whether a job that is prepared once more gets the same command. Else none is that may not run after all.
    fn is_repeatable(&self) -> bool {
        true
    }

    /// The commands of `works`, in their order and all for one slot, each handed to `take` until that
    /// says no to more. Whatever `take` leaves of a command is room for the next one.
    fn prepare_all(&self, works: &[&Work], slot: usize, take: &mut RenderedSink<'_>) {
        for work in works {
            let go_on = match self.prepare(work, slot) {
                Ok(mut command) => take(Ok(&mut command)),
                Err(error) => take(Err(error)),
            };
            if !go_on {
                return;
            }
        }
    }
}
