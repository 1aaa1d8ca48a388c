//! Output files with names: `--results`, `--files`.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::Captured;
use super::file::{check_room, is_scarce};
use crate::sys::passing;

/// A file with a name, for a job to write one of its outputs into.
#[derive(Debug)]
pub struct Named {
    file: Arc<File>,
    path: PathBuf,
}

/// The names of a job's three files: standard output, standard error, and its number.
///
/// They are `stdout`, `stderr` and `seq` in `prefix` if that ends with a slash, or else `prefix`, and with
/// `.err` and `.seq` behind.
fn names(prefix: &[u8]) -> [PathBuf; 3] {
    let ends = if prefix.ends_with(b"/") {
        ["stdout", "stderr", "seq"]
    } else {
        ["", ".err", ".seq"]
    };
    ends.map(|end| OsString::from_vec([prefix, end.as_bytes()].concat()).into())
}

/// Makes the files below `prefix` for the output of a job, and the directories that they are in. What says that an
/// earlier run has done the job is taken away before its output is.
///
/// # Errors
///
/// When one of them cannot be made; names it.
pub fn result_files(prefix: &[u8]) -> io::Result<[Named; 2]> {
    let [stdout, stderr, number] = names(prefix);
    if let Some(parent) = stdout.parent() {
        fs::create_dir_all(parent).map_err(|error| cannot_make(parent, &error))?;
    }
    match fs::remove_file(&number) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => {
            return Err(cannot_make(&number, &error));
        }
        _ => {}
    }
    Ok([Named::create(stdout)?, Named::create(stderr)?])
}

/// Writes the file with the number of job `seq` below `prefix`, whose output is complete. It gets its name when it is
/// whole: it tells [`has_result`] that the job is done. With `fsync` all three are on the disk by then.
///
/// # Errors
///
/// When it cannot be written; without its name.
pub fn finish_result(prefix: &[u8], seq: u64, fsync: bool) -> io::Result<()> {
    let [stdout, stderr, number] = names(prefix);
    let sync = |path: &Path| File::open(path)?.sync_all();
    // Jobs may share their place.
    let mut unfinished = number.clone().into_os_string();
    unfinished.push(format!(".{seq}.new"));
    fs::write(&unfinished, seq.to_string())?;
    if fsync {
        [&stdout, &stderr, Path::new(&unfinished)]
            .into_iter()
            .try_for_each(sync)?;
    }
    fs::rename(&unfinished, &number)?;
    match number.parent() {
        Some(parent) if fsync && parent.as_os_str().is_empty() => sync(Path::new(".")),
        Some(parent) if fsync => sync(parent),
        _ => Ok(()),
    }
}

/// Whether the job whose files are below `prefix` has come to its end.
pub fn has_result(prefix: &[u8]) -> bool {
    let [.., number] = names(prefix);
    fs::metadata(number).is_ok_and(|it| it.is_file() && it.len() > 0)
}

fn cannot_make(path: &Path, error: &io::Error) -> io::Error {
    let words = format!("cannot write to --results {}: {error}", path.display());
    passing::in_words(words, error)
}

/// `error`, which happened to the file `path` while it was written.
pub(super) fn no_room(path: &Path, error: &io::Error) -> io::Error {
    let words = format!("cannot write to {}: {error}", path.display());
    passing::in_words(words, error)
}

impl Named {
    fn create(path: PathBuf) -> io::Result<Self> {
        // A job's processes share the file, so they append.
        let file = OpenOptions::new()
            .read(true)
            .append(true)
            .create(true)
            .open(&path)
            .and_then(|file| file.set_len(0).map(|()| file))
            .map_err(|error| cannot_make(&path, &error))?;
        Ok(Self {
            file: Arc::new(file),
            path,
        })
    }

    /// A new file in `dir`, with a name that nothing else has.
    ///
    /// # Errors
    ///
    /// When no file can be made there.
    pub fn unique(dir: &Path) -> io::Result<Self> {
        loop {
            let letters: String = std::iter::repeat_with(fastrand::alphanumeric)
                .take(5)
                .collect();
            let path = dir.join(format!("par{letters}.par"));
            let made = OpenOptions::new()
                .read(true)
                .append(true)
                .create_new(true)
                .mode(0o600)
                .open(&path);
            match made {
                Ok(file) => {
                    return Ok(Self {
                        file: Arc::new(file),
                        path,
                    });
                }
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => {
                    let folder = dir.display();
                    let words = format!(
                        "cannot make a file for --files in {folder} (see $TMPDIR): {error}"
                    );
                    return Err(passing::in_words(words, &error));
                }
            }
        }
    }

    /// The file, for a job to write to. It appends.
    pub fn file(&self) -> &Arc<File> {
        &self.file
    }

    /// Whether there is so little room that a job is not to write into it by itself.
    pub fn is_scarce(&self) -> bool {
        is_scarce(&self.file)
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What was written.
    ///
    /// # Errors
    ///
    /// When its size cannot be told.
    pub fn take(self) -> io::Result<Captured> {
        let len = self.file.metadata()?.len();
        let Self { file, path } = self;
        check_room(&file, len, true).map_err(|error| no_room(&path, &error))?;
        Ok(Captured::Named { file, len, path })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write as _;
    use std::os::unix::ffi::OsStrExt as _;

    use super::*;

    #[test]
    fn files_are_in_a_directory_or_beside_each_other() {
        let folder = tempfile::tempdir().unwrap();
        let listed = |prefix: &str| {
            let prefix = [folder.path().as_os_str().as_bytes(), prefix.as_bytes()].concat();
            for _ in 0..2 {
                let [stdout, _stderr] = result_files(&prefix).unwrap();
                (&**stdout.file()).write_all(b"out").unwrap();
                assert_eq!(stdout.take().unwrap().head(9).unwrap(), b"out");
                assert!(!has_result(&prefix));
                finish_result(&prefix, 7, true).unwrap();
                assert!(has_result(&prefix));
            }
            let dir = folder.path().join("a");
            let mut names: Vec<_> = fs::read_dir(&dir)
                .unwrap()
                .map(|file| file.unwrap().file_name().into_string().unwrap())
                .collect();
            names.sort();
            fs::remove_dir_all(dir).unwrap();
            names
        };
        assert_eq!(listed("/a/"), ["seq", "stderr", "stdout"]);
        assert_eq!(listed("/a/b"), ["b", "b.err", "b.seq"]);
    }

    #[test]
    fn an_error_names_the_file() {
        let error = result_files(b"/dev/null/x").unwrap_err().to_string();
        assert!(error.contains("--results /dev/null"), "{error}");
    }
}
