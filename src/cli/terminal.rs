//! The flags on jobs that use the terminal.

use super::flags::Flags;
use crate::engine::local::JobStdin;
use crate::plan::Windows;

/// What jobs read that are given no input.
pub(super) fn stdin(flags: &Flags) -> JobStdin {
    if flags.terminal.tty || flags.terminal.open_tty {
        JobStdin::Terminal
    } else {
        JobStdin::Empty
    }
}

/// What jobs have in tmux.
pub(super) fn windows(flags: &Flags) -> Option<Windows> {
    match (flags.terminal.tmux, flags.terminal.tmuxpane) {
        (false, false) => None,
        (true, false) => Some(Windows::Each),
        (_, true) => Some(Windows::Panes),
    }
}

/// Whether `--tty` has output go where fanout's own goes.
pub(super) fn ungroups(flags: &Flags) -> bool {
    flags.terminal.tty && !flags.output.group && !flags.output.line_buffer
}
