//! The files that are made for a job (`--template`).

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use crate::model::{SpawnError, Task};
use crate::sys::passing;

/// Writes the files of `task`, over those that are there.
///
/// # Errors
///
/// When one cannot be written: names it. As in GNU parallel, it ends the run.
pub fn make(task: &Task) -> Result<(), SpawnError> {
    for (path, content) in &task.files {
        let path = Path::new(OsStr::from_bytes(path));
        passing::retrying(|| fs::write(path, content)).map_err(|error| {
            SpawnError::fatal(format!("Cannot write '{}': {error}", path.display()))
        })?;
    }
    Ok(())
}

/// Removes those files; one that is gone already is no error.
pub fn remove(task: &Task) {
    for (path, _) in &task.files {
        let _ = fs::remove_file(OsStr::from_bytes(path));
    }
}
