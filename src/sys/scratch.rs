//! The directory for files that a run hands to its jobs by name.
//!
//! It is gone with the run, however that ends: the guardian removes it, too.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

/// A directory that only its user can look into, removed with all that is in it when dropped.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
}

impl Scratch {
    /// One in `dir`, which is not there before [`make`](Self::make): whoever is to remove it knows of it by then.
    pub fn in_dir(dir: &Path) -> Self {
        let letters = std::iter::repeat_with(fastrand::alphanumeric).take(16);
        let path = dir.join(format!("par{}", letters.collect::<String>()));
        Self { path }
    }

    /// Makes it.
    ///
    /// # Errors
    ///
    /// When that is not possible; names it.
    pub fn make(&self) -> io::Result<()> {
        let made = DirBuilder::new().mode(0o700).create(&self.path);
        made.map_err(|error| {
            io::Error::new(error.kind(), format!("{}: {error}", self.path.display()))
        })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it; it may be gone.
    pub(in crate::sys) fn remove(&self) {
        let _ = fs::remove_dir_all(&self.path);
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        self.remove();
    }
}
