//! Going on where an earlier run was: `--joblog`, `--resume` and its kin.

use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use super::argv::{Argv, SourceWords};
use super::flags::Flags;
use super::outputs;
use crate::ledger::done::Counts;
use crate::plan::{JoblogBegin, JoblogPlan, JsonTarget, ResumePlan};

/// The file of `--joblog`, and whether it is to go on at its end by itself (`+FILE`).
fn joblog_file(flags: &Flags) -> Option<(PathBuf, bool)> {
    let typed = flags.report.joblog.as_ref()?;
    Some(match typed.as_bytes().strip_prefix(b"+") {
        // As GNU parallel: no file at all.
        Some([]) => return None,
        Some(path) => (std::ffi::OsStr::from_bytes(path).into(), true),
        None => (typed.into(), false),
    })
}

/// Where the joblog is written. As GNU parallel: not by a dry run.
pub fn joblog(flags: &Flags) -> Option<JoblogPlan> {
    let (path, plus) = joblog_file(flags).filter(|_| !flags.command.dry_run)?;
    let failure = &flags.failure;
    let begin = if plus {
        JoblogBegin::Append
    } else if failure.resume || failure.resume_failed || failure.retry_failed {
        JoblogBegin::Continue
    } else {
        JoblogBegin::New
    };
    Some(JoblogPlan { path, begin })
}

/// What is not to be done again; `json` is where the JSON stream goes.
///
/// # Errors
///
/// When nothing tells what has been done.
pub fn resume(flags: &Flags, json: Option<&JsonTarget>) -> Result<Option<ResumePlan>, String> {
    let failure = &flags.failure;
    let joblog = joblog_file(flags).map(|(path, _)| path);
    if failure.retry_failed
        && let Some(path) = joblog.as_ref().filter(|path| path.exists())
    {
        return Ok(Some(ResumePlan::FailedCommands(path.clone())));
    }
    let counts = match (failure.resume_failed, failure.resume) {
        (true, _) => Counts::Succeeded,
        (false, true) => Counts::Ended,
        (false, false) => return Ok(None),
    };
    match (joblog, json) {
        (Some(path), _) => Ok(Some(ResumePlan::Joblog(path, counts))),
        (None, Some(JsonTarget::File(path))) => Ok(Some(ResumePlan::Json(path.clone(), counts))),
        // The files tell, when each job's turn has come; or, of those that failed, nobody.
        (None, _) if outputs::keeps_results(flags) => Ok(None),
        (None, _) => Err(
            "--resume and --resume-failed need --joblog FILE, --json=FILE or --results, which tells what has \
             been done"
                .to_owned(),
        ),
    }
}

/// Whether a job whose files of `--results` are complete is not run again: where no other record, `plan`, says what
/// is done. As GNU parallel: that tells nothing about how it ended.
pub fn by_results(flags: &Flags, plan: Option<&ResumePlan>) -> bool {
    let failure = &flags.failure;
    let asked = failure.resume && !failure.resume_failed;
    asked && plan.is_none() && outputs::keeps_results(flags)
}

/// Whether a table of `--results` goes on where an earlier run left it: what that has done is not run again.
pub fn goes_on(flags: &Flags) -> bool {
    let failure = &flags.failure;
    let asked = failure.resume || failure.resume_failed || failure.retry_failed;
    asked && (joblog_file(flags).is_some() || flags.report.json.is_some())
}

/// What to know about resuming before anything runs.
pub fn remarks(flags: &Flags) -> Vec<String> {
    let table = outputs::rows(flags).is_some() && flags.report.joblog.is_none();
    let remark =
        "Warning: --results with a table does not tell --resume what was done: all is run again";
    let asked = flags.failure.resume || flags.failure.resume_failed;
    Vec::from_iter((asked && table).then(|| remark.to_owned()))
}

/// As GNU parallel: the command line's own command and inputs are nothing to `--retry-failed`.
pub fn only_from_joblog(argv: &mut Argv) {
    argv.command.clear();
    argv.sources = vec![SourceWords {
        files: false,
        linked: false,
        words: Vec::new(),
    }];
}
