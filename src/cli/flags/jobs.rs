//! How many jobs at a time, and when they start.

use std::ffi::OsString;

use clap::Args;

/// Options on concurrency.
#[derive(Args, Debug)]
#[command(next_help_heading = "Jobs")]
pub struct Jobs {
    /// Run up to N jobs at a time: N, N% of the CPU threads, +N or -N relative to them, 0 for as many as
    /// possible, Nauto or N%auto for fewer when jobs fail, or a file with one of these, which may change
    /// [default: one per available CPU thread].
    #[arg(
        short = 'j',
        long,
        short_alias = 'P',
        alias = "max-procs",
        value_name = "N"
    )]
    pub jobs: Option<OsString>,

    /// Wait at least this long between two starts: seconds, or as 1.5m, 2h. With 'auto' behind it, the time
    /// grows when jobs fail and shrinks when they succeed.
    #[arg(long, value_name = "TIME")]
    pub delay: Option<OsString>,

    /// Kill jobs that take longer than this: seconds, or as 1.5m, 2h, 1d, or N% of the median time of the
    /// jobs that succeeded.
    #[arg(long, value_name = "TIME")]
    pub timeout: Option<OsString>,

    /// Start jobs only while fewer than N processes want to run on this machine; N as for --jobs.
    #[arg(long, value_name = "N")]
    pub load: Option<OsString>,

    /// Start jobs only while this much memory is available; below half of it, kill the youngest job and
    /// run it again later. K, M, G, T are understood.
    #[arg(long, value_name = "SIZE")]
    pub memfree: Option<OsString>,

    /// Stop running jobs while less than twice this much memory is available; below it, all but one.
    #[arg(long, value_name = "SIZE")]
    pub memsuspend: Option<OsString>,

    /// Start no jobs while the machine is swapping both in and out.
    #[arg(long)]
    pub noswap: bool,

    /// Run COMMAND before each start: exit code 0 lets it start, 1 makes it wait, 2 kills the youngest job,
    /// too, to be run again later. Built in: 'io N' (disks less than N% busy), 'mem SIZE', 'load N'.
    #[arg(long, value_name = "COMMAND")]
    pub limit: Option<OsString>,

    /// Start jobs only while processes wait less than N% of the time for cpu, memory or io, as the kernel's
    /// pressure-stall information has it: cpu=N%, memory=N%, io=N%. May be given several times.
    #[arg(long, value_name = "RESOURCE=N%")]
    pub psi: Vec<OsString>,

    /// Taken for compatibility: there are no remote hosts.
    #[arg(long, alias = "ssh-delay", value_name = "TIME", hide = true)]
    pub sshdelay: Option<OsString>,
}
