//! What the environment says of how things are to look on a terminal.

use std::env::var_os;

/// Whether nothing is to be in colours: `$NO_COLOR` says so, or the terminal has none.
pub(super) fn refuses_colors() -> bool {
    forbids_colors() || is_dumb()
}

/// Whether nothing is to be in colours, not even what was asked to be: `$NO_COLOR` says so.
pub(super) fn forbids_colors() -> bool {
    var_os("NO_COLOR").is_some_and(|it| !it.is_empty())
}

/// Whether nothing is to be drawn unasked: nobody looks on while a build service runs (`$CI`), or the terminal can do
/// no more than write lines.
pub(super) fn refuses_display() -> bool {
    let in_ci = var_os("CI").is_some_and(|it| !it.is_empty() && it != "false" && it != "0");
    in_ci || is_dumb()
}

/// Whether the terminal is one that can only write lines, or nothing is known of it.
fn is_dumb() -> bool {
    var_os("TERM").is_none_or(|term| term.is_empty() || term == "dumb")
}
