//! Other hosts: what GNU parallel has for them, as far as it concerns this one.

use std::ffi::OsString;

use clap::Args;

/// Options on hosts. Jobs run on this machine only; scripts that name it as `:` work.
#[derive(Args, Debug)]
#[command(next_help_heading = "Hosts")]
pub struct Hosts {
    /// Run jobs on HOST: ':' is this machine, and the only one there is so far; N/: with N as the number of
    /// its CPU threads; may be repeated, or a list with commas.
    #[arg(short = 'S', long, value_name = "HOST")]
    pub sshlogin: Vec<OsString>,

    /// Read hosts from FILE, one a line; '..': ~/.parallel/sshloginfile; '-': standard input.
    #[arg(long, visible_alias = "slf", value_name = "FILE")]
    pub sshloginfile: Vec<OsString>,

    /// Run all inputs on each host, one after the other.
    #[arg(long)]
    pub onall: bool,

    /// Run the command once on each host, without inputs.
    #[arg(long)]
    pub nonall: bool,

    /// Copy files to a host before a job: without effect, since this machine has them.
    #[arg(long, hide = true, aliases = ["tf", "transfer-files"], value_name = "FILE")]
    pub transferfile: Vec<OsString>,

    /// As --transferfile {}.
    #[arg(long, hide = true)]
    pub transfer: bool,

    /// Copy files back from a host: without effect.
    #[arg(long, hide = true, value_name = "FILE")]
    pub r#return: Vec<OsString>,

    /// As --transfer --return FILE --cleanup.
    #[arg(long, hide = true, value_name = "FILE")]
    pub trc: Vec<OsString>,

    /// Remove copied files from hosts: without effect.
    #[arg(long, hide = true)]
    pub cleanup: bool,

    /// Copy a file to each host: without effect.
    #[arg(long, hide = true, alias = "bf", value_name = "FILE")]
    pub basefile: Vec<OsString>,

    /// One connection for all jobs on a host: without effect.
    #[arg(short = 'M', long, hide = true)]
    pub controlmaster: bool,

    /// Leave out hosts that are down: this one is up.
    #[arg(long, hide = true, alias = "filter-host")]
    pub filter_hosts: bool,

    /// Inputs may name groups of hosts, as in input@group.
    #[arg(long, hide = true, alias = "hgrp")]
    pub hostgroups: bool,

    /// The program that connects to hosts: none is needed.
    #[arg(long, hide = true, value_name = "COMMAND")]
    pub ssh: Option<OsString>,

    /// Options for copying files: without effect.
    #[arg(long, hide = true, value_name = "OPTIONS")]
    pub rsync_opts: Option<OsString>,
}
