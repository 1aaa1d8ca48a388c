//! Commands that wait for each other, whoever starts them.

use std::ffi::OsString;

use clap::Args;

/// Options on semaphores.
#[derive(Args, Debug)]
#[command(next_help_heading = "Semaphores")]
pub struct Semaphore {
    /// Be 'sem': run one command, but no more than --jobs [default: 1] at a time with the same --id,
    /// whoever starts them. Any other option of this section implies it.
    #[arg(long)]
    pub semaphore: bool,

    /// The semaphore's name [default: that of the terminal].
    #[arg(
        long = "id",
        visible_alias = "semaphore-name",
        alias = "semaphorename",
        value_name = "NAME"
    )]
    pub id: Option<OsString>,

    /// Wait for the semaphore no longer than this, then run the command all the same; with a minus in
    /// front: then give up.
    #[arg(
        long = "semaphore-timeout",
        visible_alias = "st",
        alias = "semaphoretimeout",
        value_name = "TIME"
    )]
    pub semaphore_timeout: Option<OsString>,

    /// Wait until the command has ended, and exit as it does.
    #[arg(long)]
    pub fg: bool,

    /// Go on as soon as the command has been started (the default).
    #[arg(long)]
    pub bg: bool,

    /// Wait until no command with the same --id runs.
    #[arg(long)]
    pub wait: bool,
}
