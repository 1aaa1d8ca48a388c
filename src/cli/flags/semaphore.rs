//! Commands that wait for each other, whoever starts them.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use clap::Args;

use crate::cli::called_as::CalledAs;
use crate::cli::error::UsageError;
use crate::cli::values::{self, Wrong, read_if};
use crate::engine::local::JobStdin;
use crate::input::SourceKind;
use crate::plan::{Plan, SlotsPlan};
use crate::run::halt::ExitRule;
use crate::sem::{Action, Config, Patience};
use crate::sys::{tty, user};

/// Options on semaphores.
#[derive(Args, Debug)]
#[command(next_help_heading = "Semaphores")]
pub struct Semaphore {
    /// Be 'sem': run one command, but no more than --jobs [default: 1] at a time with the same --id,
    /// whoever starts them. Any other option of this section implies it.
    #[arg(long)]
    pub semaphore: bool,

    /// The semaphore's name [default: that of the terminal].
    #[arg(
        long = "id",
        visible_alias = "semaphore-name",
        alias = "semaphorename",
        value_name = "NAME"
    )]
    pub id: Option<OsString>,

    /// Wait for the semaphore no longer than this, then run the command all the same; with a minus in
    /// front: then give up.
    #[arg(
        long = "semaphore-timeout",
        visible_alias = "st",
        alias = "semaphoretimeout",
        value_name = "TIME"
    )]
    pub semaphore_timeout: Option<OsString>,

    /// Wait until the command has ended, and exit as it does.
    #[arg(long)]
    pub fg: bool,

    /// Go on as soon as the command has been started (the default).
    #[arg(long)]
    pub bg: bool,

    /// Wait until no command with the same --id runs.
    #[arg(long)]
    pub wait: bool,
}

impl Semaphore {
    /// Whether the command line is one of `sem`'s.
    pub fn is_wanted(&self, called_as: CalledAs) -> bool {
        called_as == CalledAs::Sem
            || self.semaphore
            || self.fg
            || self.bg
            || self.wait
            || self.id.is_some()
            || self.semaphore_timeout.is_some()
    }

    /// The semaphore that is meant, which so many may hold at a time, and what is to be done with it.
    ///
    /// # Errors
    ///
    /// When `--semaphore-timeout` is no time, or there is no place for semaphores.
    pub fn resolve(&self, most: usize, called_as: CalledAs) -> Result<Config, UsageError> {
        let action = if self.wait {
            Action::Wait
        } else if self.fg {
            Action::Foreground
        } else {
            Action::Background
        };
        let timeout = self.semaphore_timeout.as_ref();
        Ok(Config {
            path: folder()?.join(file_name(self.id.as_deref())),
            most,
            action,
            patience: read_if("--semaphore-timeout", timeout, patience)?.flatten(),
            program: called_as.name(),
        })
    }
}

/// Makes of `plan` what `sem` runs: the command as it is, once, whatever the inputs; it reads the file of inputs
/// or else our own standard input, and the exit code is its own.
pub fn make_one_job(plan: &mut Plan) {
    let stdin = match plan.jobs.input.sources.first().map(|source| &source.kind) {
        Some(SourceKind::File(path)) => JobStdin::File(path.clone()),
        // With --pipe there is none.
        Some(SourceKind::Stdin | SourceKind::Words(_)) | None => JobStdin::Own,
    };
    plan.make_one_without_inputs();
    plan.jobs.pipe = None;
    plan.engine.slots = 1;
    plan.run.slots = SlotsPlan::Fixed(1);
    plan.engine.stdin = stdin;
    plan.run.exit_rule = ExitRule::TheJob;
}

/// As GNU parallel, `--semaphore-timeout 0` is none.
fn patience(value: &str) -> Result<Option<Patience>, Wrong> {
    let (time, steals) = match value.strip_prefix('-') {
        Some(time) => (time, false),
        None => (value, true),
    };
    let time = values::duration(time)?;
    Ok(Some(Patience { time, steals }).filter(|_| !time.is_zero()))
}

/// The folder that GNU parallel has its semaphores in, too; without `$HOME`, as in services of the system, at the home
/// that the system knows of.
fn folder() -> Result<PathBuf, UsageError> {
    let variable = |name| std::env::var_os(name).filter(|value| !value.is_empty());
    variable("PARALLEL_HOME")
        .map(PathBuf::from)
        .or_else(|| {
            let home = variable("HOME").map(PathBuf::from).or_else(user::home);
            home.map(|home| home.join(".parallel"))
        })
        .map(|home| home.join("semaphores"))
        .ok_or_else(|| {
            "a semaphore needs $HOME or $PARALLEL_HOME to be set: this user has no home directory"
                .into()
        })
}

/// A file's name for the semaphore's name, which may have any bytes and any length.
fn file_name(id: Option<&OsStr>) -> String {
    let terminal = || tty::controlling().map_or("no-tty".into(), |number| format!("tty-{number}"));
    let name = match id {
        Some(id) => escaped(id),
        None => terminal(),
    };
    format!("{name}.locks")
}

fn escaped(id: &OsStr) -> String {
    const LONGEST: usize = 100;
    let plain = |byte: &u8| byte.is_ascii_alphanumeric() || b"._-".contains(byte);
    let id = id.as_bytes();
    if id.len() <= LONGEST && !id.is_empty() && id.iter().all(plain) {
        return format!("id-{}", String::from_utf8_lossy(id));
    }
    format!("hash-{:032x}", xxhash_rust::xxh3::xxh3_128(id))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn different_names_are_different_files_whatever_is_in_them() {
        let long = "x".repeat(5000);
        let names = ["a", "A", "a/b", "a b", "..", "", "a\nb", &long];
        let files: std::collections::BTreeSet<_> =
            names.iter().map(|name| escaped(OsStr::new(name))).collect();
        assert_eq!(files.len(), names.len());
        assert!(
            files
                .iter()
                .all(|file| file.len() < 120 && !file.contains('/'))
        );
    }
}
