//! The environment's flags: where jobs run, how nice they are, what `-j` counts in.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::flags::Environment;
use super::{bytes, text};
use crate::exec::launch::{CALLING_SHELL, SLOT_FROM_0};
use crate::sys::{cpu, host, topology};

/// What `-j` counts in: CPU threads, cores or sockets.
pub fn cpus(flags: &Environment) -> usize {
    if flags.use_sockets_instead_of_threads {
        topology::sockets()
    } else if flags.use_cores_instead_of_threads {
        topology::cores()
    } else {
        cpu::available_threads()
    }
}

/// Whether jobs run elsewhere than where fanout does, or by another name of that directory.
pub fn has_workdirs(flags: &Environment) -> bool {
    flags.workdir.as_ref().is_some_and(|dir| !dir.is_empty()) && !is_here(flags)
}

/// `--workdir .` is the directory itself, whatever it was entered as.
fn is_here(flags: &Environment) -> bool {
    let is_same = || std::env::var_os("PWD").map(PathBuf::from) == std::env::current_dir().ok();
    flags.workdir.as_ref().is_some_and(|dir| dir == ".") && is_same()
}

/// Whether each job gets a directory of its own: `--workdir ...`.
pub fn is_own_workdir(flags: &Environment) -> bool {
    flags.workdir.as_ref().is_some_and(|dir| dir == "...")
}

/// The template of `--workdir`; `None`: jobs run where fanout does.
pub fn workdir(flags: &Environment) -> Option<Vec<u8>> {
    match flags.workdir.as_ref()?.as_encoded_bytes() {
        b"" => None,
        b"." if is_here(flags) => None,
        b"..." => Some(own_workdir()),
        dir => Some(dir.to_vec()),
    }
}

/// As in GNU parallel, each job's own directory has the host's name, our process id and the job's number.
fn own_workdir() -> Vec<u8> {
    let home = std::env::var_os("HOME").unwrap_or_else(|| "/tmp".into());
    let name = format!("{}-{}-{{#}}", host::name(), std::process::id());
    let path = Path::new(&home).join(".parallel/tmp").join(name);
    path.into_os_string().into_encoded_bytes()
}

/// The shell code that runs before each command, in the same shell: that of `$PARALLEL_ENV`, and behind it
/// that of `--prelude`.
///
/// # Errors
///
/// When the file that `$PARALLEL_ENV` names cannot be read.
pub fn prelude(flags: &Environment) -> Result<Vec<u8>, String> {
    let own = flags.prelude.as_ref().map(bytes).unwrap_or_default();
    let Some(calling) = std::env::var_os(CALLING_SHELL).filter(|value| !value.is_empty()) else {
        return Ok(own);
    };
    let mut code = calling_shell(&calling)?;
    if !own.is_empty() {
        code.push(b'\n');
        code.extend(own);
    }
    Ok(code)
}

/// As GNU parallel: `value` is shell code or the name of a file or FIFO that has it, with bytes of value 1 for
/// newlines.
fn calling_shell(value: &OsStr) -> Result<Vec<u8>, String> {
    let mut code = if Path::new(value).exists() {
        fs::read(value).map_err(|error| {
            let file = value.display();
            format!("${CALLING_SHELL} names {file}, which cannot be read: {error}")
        })?
    } else {
        value.as_bytes().to_vec()
    };
    for byte in &mut code {
        if *byte == 1 {
            *byte = b'\n';
        }
    }
    Ok(code)
}

/// The variable of `--process-slot-var`, or GNU parallel's in its stead.
///
/// # Errors
///
/// When it is no name of a variable.
pub fn slot_variable(flags: &Environment) -> Result<String, String> {
    let Some(name) = &flags.process_slot_var else {
        return Ok(SLOT_FROM_0.to_owned());
    };
    let name = text("--process-slot-var", name)?;
    if name.is_empty() || name.contains(['=', '\0']) {
        return Err(format!("--process-slot-var must be a name, not '{name}'"));
    }
    Ok(name.to_owned())
}

/// The value of `--nice`.
///
/// # Errors
///
/// When it is no whole number.
pub fn nice(flags: &Environment) -> Result<Option<i32>, String> {
    let Some(value) = &flags.nice else {
        return Ok(None);
    };
    let value = text("--nice", value)?;
    match value.parse() {
        Ok(niceness) => Ok(Some(niceness)),
        Err(_) => Err(format!("--nice must be a whole number, not '{value}'")),
    }
}

/// The value of `--tmpdir`.
///
/// # Errors
///
/// When there is no such directory.
pub fn tmpdir(flags: &Environment) -> Result<Option<PathBuf>, String> {
    let Some(dir) = flags.tmpdir.as_ref().map(PathBuf::from) else {
        return Ok(None);
    };
    if dir.is_dir() {
        Ok(Some(dir))
    } else {
        Err(format!("--tmpdir: there is no directory {}", dir.display()))
    }
}
