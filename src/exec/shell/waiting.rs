//! What a shell makes of a signal that ends its last program.
//!
//! Bash executes the only program of a command line in its own place: the signal is the end of the
//! process that fanout has started. A dash of Debian's stays, waits for the program, says what has become of it and
//! exits with 128 and the number of the signal. Which of the two a dash does depends on its version, so it
//! is asked, the first time that it matters.
//!
//! A program that signals its whole process group would have ended the shell along with itself. How a process
//! ended does not tell that, so such a one is taken for one that was signalled alone.

use std::os::unix::ffi::OsStrExt as _;

use super::{Shell, ShellKind};
use crate::sys::child::Exit;
use crate::sys::signals;
use crate::template::Quoting;

/// A command line whose end tells whether `shell` waits for its last program; `None`: it is known not to.
pub fn question(shell: &Shell) -> Option<Vec<u8>> {
    if shell.kind != ShellKind::Dash {
        return None;
    }
    let mut line = Vec::new();
    Quoting::Posix.append(shell.path.as_os_str().as_bytes(), &mut line);
    line.extend_from_slice(b" -c 'kill -9 $$'");
    Some(line)
}

/// Whether a shell waits that has ended like this.
pub fn is_yes(answer: Exit) -> bool {
    answer == Exit::Code(code(libc::SIGKILL))
}

/// The exit code of a shell that has waited for a program which this signal has ended.
pub fn code(signal: i32) -> i32 {
    128 + signal
}

/// What it says about that on standard error.
pub fn words(signal: i32, dumped_core: bool) -> Vec<u8> {
    // These are how users and pipelines end programs.
    if [libc::SIGINT, libc::SIGPIPE].contains(&signal) {
        return Vec::new();
    }
    let mut words = signals::description(signal);
    if dumped_core {
        words.extend_from_slice(b" (core dumped)");
    }
    words.push(b'\n');
    words
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::process::Command;

    use super::super::Wishes;
    use super::*;

    #[test]
    fn the_words_are_those_of_the_real_shell() {
        let said = |signal: i32| {
            let line = format!("sh -c 'ulimit -c 0; kill -{signal} $$'; exit $?");
            Command::new("dash").args(["-c", &line]).output()
        };
        for signal in [
            libc::SIGKILL,
            libc::SIGTERM,
            libc::SIGSEGV,
            libc::SIGABRT,
            libc::SIGBUS,
            libc::SIGFPE,
            libc::SIGILL,
            libc::SIGUSR1,
            libc::SIGALRM,
            libc::SIGPIPE,
            libc::SIGXCPU,
            libc::SIGRTMIN() + 3,
        ] {
            let Ok(output) = said(signal) else {
                return eprintln!("skipped: dash is not installed");
            };
            assert_eq!(output.status.code(), Some(code(signal)), "{signal}");
            let want = words(signal, false);
            assert_eq!(output.stderr, want, "{signal}");
        }
        assert_eq!(
            words(libc::SIGSEGV, true),
            b"Segmentation fault (core dumped)\n"
        );
    }

    #[test]
    fn only_a_dash_is_asked() {
        let question = |shell: &str| {
            let wishes = Wishes {
                parallel_shell: Some(OsStr::new(shell)),
                shell: None,
                path: Some(OsStr::new("/usr/bin:/bin")),
            };
            question(&Shell::choose(wishes, []).ok()?)
        };
        assert_eq!(question("bash"), None);
        if let Some(line) = question("dash") {
            assert!(line.ends_with(b"/dash -c 'kill -9 $$'"));
        }
        assert!(is_yes(Exit::Code(137)) && !is_yes(Exit::Signal(9)));
    }
}
