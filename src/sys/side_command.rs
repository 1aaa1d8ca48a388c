//! A command that runs beside the jobs: it sees fanout's standard output and standard error, is waited
//! for by a thread of its own, and does not outlive fanout.
#![allow(unsafe_code)]

use std::ffi::OsStr;
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Command, Stdio};

/// Runs `command` in `shell` to its end; returns its exit code, or `None` if it has none.
///
/// It is killed when the calling thread ends.
pub fn run(shell: &Path, command: &OsStr) -> Option<i32> {
    let mut process = Command::new(shell);
    process.arg("-c").arg(command).stdin(Stdio::null());
    process.process_group(0);
    // SAFETY: prctl is async-signal-safe and changes nothing but this new process's own state.
    unsafe {
        process.pre_exec(|| {
            libc::prctl(libc::PR_SET_PDEATHSIG, libc::SIGKILL);
            Ok(())
        });
    }
    process.status().ok()?.code()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_says_how_it_exited() {
        let shell = Path::new("/bin/sh");
        assert_eq!(run(shell, OsStr::new("exit 2")), Some(2));
        assert_eq!(run(shell, OsStr::new("kill -9 $$")), None);
        assert_eq!(run(Path::new("/no/such/shell"), OsStr::new("true")), None);
    }
}
