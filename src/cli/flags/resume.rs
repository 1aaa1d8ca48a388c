//! Going on where an earlier run was: `--resume` and its kin.

use clap::Args;

use super::report::{JoblogFile, RecordFiles};
use crate::ledger::done::Counts;
use crate::plan::{JoblogBegin, JoblogPlan, JsonTarget, ResumePlan};

/// Options on what an earlier run has done.
#[derive(Args, Debug)]
#[command(next_help_heading = "Failing jobs")]
pub struct Resume {
    /// Do not run jobs that the --joblog has already, known by their number; or that --json=FILE has, known
    /// by their command, so that inputs may come in another order; or, without both, that have come to their end
    /// below --results.
    #[arg(long)]
    pub resume: bool,

    /// As --resume, but run those that failed again.
    #[arg(long, alias = "resumefailed")]
    pub resume_failed: bool,

    /// Run the commands in the --joblog that failed, and nothing else.
    #[arg(long, alias = "retryfailed")]
    pub retry_failed: bool,
}

impl Resume {
    /// Whether jobs that an earlier run has done are left out.
    pub fn leaves_out(&self) -> bool {
        self.resume || self.resume_failed
    }

    /// Whether this run has to do with an earlier one.
    pub fn goes_on(&self) -> bool {
        self.leaves_out() || self.retry_failed
    }

    /// Which jobs of an earlier run are not run again, as one of the `files` tells. Without such a file it may be the
    /// files of `--results`, when each job's turn has come.
    pub fn resolve(&self, files: &RecordFiles) -> Option<ResumePlan> {
        let joblog = files.joblog.as_ref().map(|file| &file.path);
        if self.retry_failed
            && let Some(path) = joblog.filter(|path| path.exists())
        {
            return Some(ResumePlan::FailedCommands(path.clone()));
        }
        let counts = match (self.resume_failed, self.resume) {
            (true, _) => Counts::Succeeded,
            (false, true) => Counts::Ended,
            (false, false) => return None,
        };
        match (joblog, &files.json) {
            (Some(path), _) => Some(ResumePlan::Joblog(path.clone(), counts)),
            (None, Some(JsonTarget::File(path))) => Some(ResumePlan::Json(path.clone(), counts)),
            (None, _) => None,
        }
    }

    /// Whether a job whose files of `--results` are complete is not run again, as far as no other record tells what is
    /// done. As GNU parallel: that tells nothing about how it ended.
    pub fn by_results(&self) -> bool {
        self.resume && !self.resume_failed
    }

    /// How the joblog `file` is written. As GNU parallel: not by a dry run.
    pub fn joblog(&self, file: Option<JoblogFile>, dry_run: bool) -> Option<JoblogPlan> {
        let file = file.filter(|_| !dry_run)?;
        let begin = if file.appends {
            JoblogBegin::Append
        } else if self.goes_on() {
            JoblogBegin::Continue
        } else {
            JoblogBegin::New
        };
        Some(JoblogPlan {
            path: file.path,
            begin,
        })
    }

    /// What to know before anything runs, where results go into a table and there is no joblog.
    pub fn remarks(&self, only_a_table: bool) -> Vec<String> {
        let remark = "Warning: --results with a table does not tell --resume what was done: all is run again";
        Vec::from_iter((self.leaves_out() && only_a_table).then(|| remark.to_owned()))
    }
}
