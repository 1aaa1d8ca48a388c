//! `--record-env` and what `--env _` needs of it.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use crate::cli::error::UsageError;

/// The file in which the names of ignored variables are, as GNU parallel has it.
fn file() -> PathBuf {
    let home = std::env::var_os("HOME").unwrap_or_default();
    PathBuf::from(home).join(".parallel/ignored_vars")
}

/// Writes the names of all variables that are set now.
///
/// # Errors
///
/// When the file cannot be written.
pub fn record() -> Result<(), UsageError> {
    let file = file();
    let mut names = Vec::new();
    for (name, _) in std::env::vars_os() {
        names.extend_from_slice(name.as_bytes());
        names.push(b'\n');
    }
    let written = match file.parent() {
        Some(folder) => fs::create_dir_all(folder).and_then(|()| fs::write(&file, names)),
        None => fs::write(&file, names),
    };
    written.map_err(|error| {
        let why = format!("cannot write {}: {error}", file.display());
        UsageError::value("--record-env", why)
    })
}

/// As GNU parallel: `--env _` needs a record.
///
/// # Errors
///
/// When there is none.
pub fn require() -> Result<(), UsageError> {
    if file().exists() {
        return Ok(());
    }
    let file = file();
    let advice = "run 'parallel --record-env' in a clean environment first";
    let why = format!("needs {}: {advice}", file.display());
    Err(UsageError::value("--env _", why))
}
