//! The completions of shells, derived from the definitions of the flags.

use clap::Command;
use clap_complete::{Generator, generate, shells};

use crate::cli::called_as::CalledAs;
use crate::cli::error::UsageError;
use crate::cli::flags::CompletionShell;

/// The completion for `shell` of the command line of the program by the name it was called by.
///
/// # Errors
///
/// When `shell` is to be found out and is none of those that are known.
pub fn script(
    shell: CompletionShell,
    table: &Command,
    called_as: CalledAs,
) -> Result<String, UsageError> {
    let name = called_as.name();
    Ok(match known(shell)? {
        CompletionShell::Zsh => for_shell(shells::Zsh, table, name),
        CompletionShell::Fish => for_shell(shells::Fish, table, name),
        _ => for_shell(shells::Bash, table, name),
    })
}

fn for_shell(shell: impl Generator, table: &Command, name: &str) -> String {
    let mut script = Vec::new();
    generate(shell, &mut table.clone(), name, &mut script);
    String::from_utf8_lossy(&script).into_owned()
}

/// `auto` by the name of the process that called, or else `$SHELL`.
fn known(shell: CompletionShell) -> Result<CompletionShell, UsageError> {
    if shell != CompletionShell::Auto {
        return Ok(shell);
    }
    let caller = crate::sys::host::parent_name();
    let login = std::env::var("SHELL").unwrap_or_default();
    for path in [&caller, &login] {
        let name = path.rsplit('/').next().unwrap_or_default();
        match name.trim_start_matches('-') {
            "bash" => return Ok(CompletionShell::Bash),
            "zsh" => return Ok(CompletionShell::Zsh),
            "fish" => return Ok(CompletionShell::Fish),
            _ => {}
        }
    }
    Err("--shell-completion auto: the calling shell is none of bash, zsh and fish".into())
}
