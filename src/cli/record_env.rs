//! `--record-env` and what `--env _` needs of it.

use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

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
pub fn record() -> Result<(), String> {
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
    written.map_err(|error| format!("--record-env cannot write {}: {error}", file.display()))
}

/// As GNU parallel: `--env _` needs a record.
///
/// # Errors
///
/// When there is none.
pub fn require() -> Result<(), String> {
    if file().exists() {
        return Ok(());
    }
    Err(format!(
        "--env _ needs {}: run 'parallel --record-env' in a clean environment first",
        file().display()
    ))
}
