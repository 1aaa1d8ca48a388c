//! What jobs inherit: fanout's own environment, and what it tells them about the run.

use std::env;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStringExt as _;
use std::path::Path;

use crate::exec::launch::{OF_CALLER, SLOT_FROM_0, TEMPORARY};
use crate::model::HERE;
use crate::plan::EnginePlan;
use crate::sys::mark;

/// The environment of every job of `plan`, but for the variables that differ from job to job. `cwd` is the
/// directory that `--workdir` starts from.
pub(super) fn of_jobs(plan: &EnginePlan, cwd: &Path) -> Vec<(OsString, OsString)> {
    // As GNU parallel: the directory that a job's own was entered from, even if it is the same.
    let left = if plan.has_workdirs {
        cwd.into()
    } else {
        env::var_os("PWD").unwrap_or_default()
    };
    let pid = std::process::id().to_string();
    let mut told = vec![
        ("OLDPWD", left),
        ("PARALLEL_PID", OsString::from(pid)),
        ("PARALLEL_SSHLOGIN", HERE.into()),
        ("PARALLEL_SSHHOST", HERE.into()),
        (
            mark::VARIABLE,
            OsString::from_vec(mark::value(mark::NO_JOB)),
        ),
    ];
    told.extend(plan.tmpdir.as_ref().map(|dir| ("TMPDIR", dir.into())));
    told.extend([
        (RSYNC_OPTIONS, rsync_options(plan.rsync_options.as_deref())),
        (REMOTE_FOLDER, inherited(REMOTE_FOLDER, "/tmp")),
    ]);
    let kept = env::vars_os().filter(|(name, _)| {
        !OF_CALLER.iter().any(|of_caller| name == of_caller)
            && name != SLOT_FROM_0
            && name != TEMPORARY
            && told.iter().all(|(told, _)| name != told)
    });
    let told = told
        .iter()
        .map(|(name, value)| (name.into(), value.clone()));
    kept.chain(told).collect()
}

/// What jobs on other hosts would be told, for those that pass it on.
const RSYNC_OPTIONS: &str = "PARALLEL_RSYNC_OPTS";
const REMOTE_FOLDER: &str = "PARALLEL_REMOTE_TMPDIR";

/// As GNU parallel: `--rsync-opts`, else what the variable had, else what it calls rsync with.
fn rsync_options(option: Option<&OsStr>) -> OsString {
    option.map_or_else(|| inherited(RSYNC_OPTIONS, "-rlDzR"), OsStr::to_owned)
}

/// What fanout was told itself, or else `default`.
fn inherited(name: &str, default: &str) -> OsString {
    env::var_os(name)
        .filter(|value| !value.is_empty())
        .unwrap_or_else(|| default.into())
}
