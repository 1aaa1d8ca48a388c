//! What fanout's standard input is.

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::FileTypeExt;

/// Whether it is a socket, as under `ssh` without a terminal on some systems.
pub fn is_socket() -> bool {
    let stdin = std::io::stdin()
        .as_fd()
        .try_clone_to_owned()
        .map(File::from);
    stdin
        .and_then(|file| file.metadata())
        .is_ok_and(|meta| meta.file_type().is_socket())
}

/// Makes `file`, from where it stands, this process's standard input.
///
/// # Errors
///
/// What `dup2(2)` says.
pub fn become_file(file: &File) -> std::io::Result<()> {
    Ok(rustix::stdio::dup2_stdin(file)?)
}

/// Leaves this process's standard input and output to whoever has duplicates of them: what is started from now on reads
/// nothing, and what it writes goes to standard error.
///
/// # Errors
///
/// What `dup2(2)` says.
pub fn leave_streams() -> std::io::Result<()> {
    become_file(&File::open("/dev/null")?)?;
    Ok(rustix::stdio::dup2_stdout(std::io::stderr())?)
}
