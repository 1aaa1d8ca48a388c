//! The directory of `--workdir` that a job runs in.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::launch::Launch;
use crate::model::SpawnError;
use crate::sys::folders;

/// A directory that is there for a job.
#[derive(Debug)]
pub struct Workdir {
    path: PathBuf,
    remove_if_empty: bool,
}

impl Workdir {
    /// The directory `dir`, seen from where jobs run otherwise, as `cd` of a shell would see it; made if it is
    /// missing. With `remove_if_empty` it is removed again where the job leaves nothing in it.
    ///
    /// # Errors
    ///
    /// When there can be no such directory: then no job can run.
    pub fn enter(dir: &[u8], launch: &Launch, remove_if_empty: bool) -> Result<Self, SpawnError> {
        let path = match dir {
            // As GNU parallel: by no name that it was entered by.
            b"." => launch.cwd.clone(),
            _ => launch.pwd.join(OsStr::from_bytes(dir)),
        };
        let mut named = folders::by_names(&path);
        if !named.is_dir() {
            fs::create_dir_all(&path).map_err(|error| {
                SpawnError::fatal(format!(
                    "cannot change into --workdir {}: {error}",
                    path.display()
                ))
            })?;
        }
        if !named.is_dir() {
            // Behind a symbolic link, `..` leads elsewhere than its name says.
            named = path.canonicalize().unwrap_or(path);
        }
        Ok(Self {
            path: named,
            remove_if_empty,
        })
    }

    /// Its name.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Drop for Workdir {
    fn drop(&mut self) {
        if self.remove_if_empty {
            // It stays where the job left something in it.
            let _ = fs::remove_dir(&self.path);
        }
    }
}
