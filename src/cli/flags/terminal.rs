//! Jobs and the terminal.

use clap::Args;

use crate::engine::local::JobStdin;
use crate::plan::Windows;

/// Options on jobs that use the terminal.
#[derive(Args, Debug)]
#[command(next_help_heading = "Terminal")]
pub struct Terminal {
    /// Ask before each job; it is run if the answer begins with y or Y.
    #[arg(short = 'p', long)]
    pub interactive: bool,

    /// Let jobs read from the terminal; one at a time and ungrouped, if nothing else is said.
    #[arg(long)]
    pub tty: bool,

    /// Run each job in a window of a tmux session of its own; the output is there and nowhere else.
    #[arg(long)]
    pub tmux: bool,

    /// As --tmux, but the jobs share one window.
    #[arg(long, aliases = ["tmux-pane"])]
    pub tmuxpane: bool,

    /// Let jobs read from the terminal.
    #[arg(short = 'o', long)]
    pub open_tty: bool,
}

impl Terminal {
    /// What jobs read that are given no input.
    pub fn stdin(&self) -> JobStdin {
        if self.tty || self.open_tty {
            JobStdin::Terminal
        } else {
            JobStdin::Empty
        }
    }

    /// What jobs have in tmux.
    pub fn windows(&self) -> Option<Windows> {
        match (self.tmux, self.tmuxpane) {
            (false, false) => None,
            (true, false) => Some(Windows::Each),
            (_, true) => Some(Windows::Panes),
        }
    }
}
