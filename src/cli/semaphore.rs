//! The options of semaphore mode, resolved.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::flags::{Flags, Semaphore};
use super::{CalledAs, around, bytes, text, values};
use crate::engine::local::JobStdin;
use crate::input::SourceKind;
use crate::plan::{Plan, SlotsPlan};
use crate::run::halt::ExitRule;
use crate::run::jobs_spec::JobsSpec;
use crate::sem::{Action, Config, Patience};
use crate::sys::{tty, user};

/// Whether the command line is one of `sem`'s.
pub(super) fn is_wanted(flags: &Semaphore, called_as: CalledAs) -> bool {
    called_as == CalledAs::Sem
        || flags.semaphore
        || flags.fg
        || flags.bg
        || flags.wait
        || flags.id.is_some()
        || flags.semaphore_timeout.is_some()
}

/// The semaphore that is meant, and what is to be done with it.
///
/// # Errors
///
/// One line that names the option and what is wrong with it.
pub(super) fn config(flags: &Flags, called_as: CalledAs) -> Result<Config, String> {
    let semaphore = &flags.semaphore;
    if semaphore.bg && flags.terminal.interactive {
        return Err("--interactive asks nobody about a job in the background (--bg)".to_owned());
    }
    let action = if semaphore.wait {
        Action::Wait
    } else if semaphore.fg {
        Action::Foreground
    } else {
        Action::Background
    };
    Ok(Config {
        path: folder()?.join(file_name(semaphore)),
        most: most(flags)?,
        action,
        patience: patience(semaphore)?,
        program: called_as.name(),
    })
}

/// Makes of `plan` what `sem` runs: the command as it is, once, whatever the inputs; it reads the file of inputs
/// or else our own standard input, and the exit code is its own.
///
/// # Errors
///
/// When there is more than one source of inputs.
pub(super) fn make_one_job(plan: &mut Plan) -> Result<(), String> {
    let stdin = match &plan.jobs.input.sources[..] {
        [only] => match &only.kind {
            SourceKind::File(path) => JobStdin::File(path.clone()),
            SourceKind::Stdin | SourceKind::Words(_) => JobStdin::Own,
        },
        // With --pipe.
        [] => JobStdin::Own,
        _ => return Err("A semaphore cannot take input from more files".to_owned()),
    };
    plan.make_one_without_inputs();
    plan.jobs.pipe = None;
    plan.engine.slots = 1;
    plan.run.slots = SlotsPlan::Fixed(1);
    plan.engine.stdin = stdin;
    plan.run.exit_rule = ExitRule::TheJob;
    Ok(())
}

/// One at a time, if nothing else is said.
fn most(flags: &Flags) -> Result<usize, String> {
    let Some(value) = &flags.jobs.jobs else {
        return Ok(1);
    };
    let spec = JobsSpec::parse(&bytes(value)).map_err(|why| format!("--jobs {why}"))?;
    Ok(spec
        .resolve(around::cpus(&flags.environment), usize::MAX)
        .max(1))
}

/// As GNU parallel, `--semaphore-timeout 0` is none.
fn patience(flags: &Semaphore) -> Result<Option<Patience>, String> {
    let Some(value) = &flags.semaphore_timeout else {
        return Ok(None);
    };
    let option = "--semaphore-timeout";
    let value = text(option, value)?;
    let (time, steals) = match value.strip_prefix('-') {
        Some(time) => (time, false),
        None => (value, true),
    };
    let time = values::duration(time).map_err(|why| format!("{option} {why}"))?;
    Ok(Some(Patience { time, steals }).filter(|_| !time.is_zero()))
}

/// The folder that GNU parallel has its semaphores in, too; without `$HOME`, as in services of the system, at the home
/// that the system knows of.
fn folder() -> Result<PathBuf, String> {
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
                .to_owned()
        })
}

/// A file's name for the semaphore's name, which may have any bytes and any length.
fn file_name(flags: &Semaphore) -> String {
    let terminal = || tty::controlling().map_or("no-tty".into(), |number| format!("tty-{number}"));
    let name = match &flags.id {
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
