//! Shell functions that take the calling shell's variables, functions and aliases to the jobs, and the
//! jobs' output into variables.
//!
//! `common.sh` is what POSIX shells have in common. What a shell can tell about its own state, and how, is
//! not the same in any two of them, so each has a part of its own; fish has a language of its own.

use crate::cli::flags::InitShell;

const COMMON: &str = include_str!("common.sh");

/// The functions for `shell`, to be evaluated by it.
pub fn functions(shell: InitShell) -> String {
    let own = match shell {
        InitShell::Bash => include_str!("bash.sh"),
        InitShell::Zsh => include_str!("zsh.zsh"),
        InitShell::Ksh => include_str!("ksh.ksh"),
        InitShell::Sh => include_str!("posix.sh"),
        InitShell::Fish => return include_str!("fish.fish").to_owned(),
    };
    COMMON.to_owned() + own
}
