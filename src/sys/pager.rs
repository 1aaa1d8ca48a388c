//! Long texts on a terminal, a window at a time.

use std::io::{IsTerminal as _, Write as _};
use std::process::{Command, Stdio};

/// Shows `text` by `$PAGER`, or by less where that is not set, if standard output is a terminal; `false`: it is none,
/// or there is no pager, and nothing was shown.
pub fn show(text: &str) -> bool {
    let pager = std::env::var("PAGER").unwrap_or_else(|_| "less".to_owned());
    let mut words = pager.split_ascii_whitespace();
    let Some(program) = words.next().filter(|_| std::io::stdout().is_terminal()) else {
        return false;
    };
    let mut command = Command::new(program);
    if std::env::var_os("LESS").is_none() {
        // A text that fits is printed, colours are, and what was shown stays.
        command.env("LESS", "FRX");
    }
    let Ok(mut child) = command.args(words).stdin(Stdio::piped()).spawn() else {
        return false;
    };
    if let Some(mut pipe) = child.stdin.take() {
        // Whoever has seen enough leaves.
        let _ = pipe.write_all(text.as_bytes());
    }
    child.wait().is_ok_and(|status| status.code() != Some(127))
}
