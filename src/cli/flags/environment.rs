//! What surrounds the command line and the jobs.

#![allow(clippy::doc_markdown)] // the comments are the help

use std::ffi::OsString;

use clap::Args;

/// Options on configuration and on what jobs run in.
#[derive(Args, Debug)]
#[command(next_help_heading = "Environment")]
pub struct Environment {
    /// Take options from the file NAME in ~/.config/fanout or ~/.parallel, instead of from config there; a
    /// path begins with / or ./; may be repeated.
    #[arg(short = 'J', long, value_name = "NAME")]
    pub profile: Vec<OsString>,

    /// Take no options from profiles, config files or $PARALLEL.
    #[arg(long)]
    pub plain: bool,

    /// Run jobs in DIR, a template, made if missing; '...': a new directory for each job, removed
    /// afterwards.
    #[arg(long, visible_alias = "wd", alias = "work-dir", value_name = "DIR")]
    pub workdir: Option<OsString>,

    /// Set the environment variable NAME of each job to the number of its slot, counted from 0.
    #[arg(long, value_name = "NAME")]
    pub process_slot_var: Option<OsString>,

    /// Run shell code CODE before each command, in the same shell; it is not part of the command that is
    /// shown.
    #[arg(long, value_name = "CODE")]
    pub prelude: Option<OsString>,

    /// Run jobs at this niceness.
    #[arg(long, value_name = "N")]
    pub nice: Option<OsString>,

    /// Keep temporary files in DIR instead of $TMPDIR.
    #[arg(long, alias = "tempdir", value_name = "DIR")]
    pub tmpdir: Option<OsString>,

    /// Copy the exported variable VAR to jobs on other hosts (those on this host have all of them); '_': all
    /// but those of --record-env.
    #[arg(long, value_name = "VAR")]
    pub env: Vec<OsString>,

    /// Note the names of all exported variables in ~/.parallel/ignored_vars, for --env _, and end.
    #[arg(long)]
    pub record_env: bool,

    /// In the #! line of a script, as the first option: the script's other lines are the inputs.
    #[arg(long, alias = "hashbang")]
    pub shebang: bool,

    /// In the #! line of a script, as the first option, with the script's interpreter as the command: run the
    /// script once for each of its arguments, or each line of standard input.
    #[arg(long)]
    pub shebang_wrap: bool,

    /// What -j counts in: CPU cores instead of threads.
    #[arg(long)]
    pub use_cores_instead_of_threads: bool,

    /// What -j counts in: CPU sockets instead of threads.
    #[arg(long, alias = "use-cpus-instead-of-cores")]
    pub use_sockets_instead_of_threads: bool,

    /// Accepted for GNU parallel's sake: the default.
    #[arg(long, hide = true)]
    pub gnu: bool,

    /// Accepted for GNU parallel's sake, which has retired it, beside --gnu.
    #[arg(long, hide = true)]
    pub tollef: bool,

    /// Accepted for GNU parallel's sake: env_parallel's business.
    #[arg(long, hide = true)]
    pub session: bool,

    /// Accepted for GNU parallel's sake: the default.
    #[arg(long, hide = true)]
    pub silent: bool,

    /// Accepted for GNU parallel's sake: fanout always is.
    #[arg(long, hide = true)]
    pub fast: bool,

    /// Accepted for GNU parallel's sake: any byte may stand in the environment as it is.
    #[arg(long = "unsafe", hide = true)]
    pub any_bytes: bool,

    /// What GNU parallel would say about itself: without effect.
    #[arg(short = 'D', long, hide = true, value_name = "WHAT")]
    pub debug: Option<OsString>,
}
