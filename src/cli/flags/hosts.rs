//! Other hosts: what GNU parallel has for them, as far as it concerns this one.

#![allow(clippy::doc_markdown)] // the comments are the help

use std::ffi::OsString;

use clap::Args;

use crate::cli::error::UsageError;
use crate::hosts::{Host, HostSources, Login, SourceError};
use crate::plan::{Plan, SlotsOfHost, SlotsPlan};
use crate::run::halt::ExitRule;
use crate::run::jobs_spec::JobsSpec;

/// Options on hosts. Without any, jobs run on this machine.
#[derive(Args, Debug, Default)]
#[command(next_help_heading = "Hosts")]
pub struct Hosts {
    /// Run jobs on HOST, over ssh: ':' is this machine; [@GROUP+GROUP/][N/][SSH COMMAND ][USER[:PASSWORD]@]NAME[:PORT]
    /// with N as the number of its CPU threads, NAME also as node[01-12,15]; @GROUP: only hosts in that group;
    /// may be repeated, or a list with commas.
    #[arg(short = 'S', long, value_name = "HOST")]
    pub sshlogin: Vec<OsString>,

    /// Read hosts from FILE, one a line; '..': ~/.parallel/sshloginfile; '-': standard input.
    #[arg(long, visible_alias = "slf", value_name = "FILE")]
    pub sshloginfile: Vec<OsString>,

    /// Run each input on each host: one after the other there, -j hosts at a time [default: all]. All inputs
    /// are read first; the exit code is the number of hosts where a job failed.
    #[arg(long)]
    pub onall: bool,

    /// Run the command once on each host, without inputs, on -j hosts at a time [default: all].
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

    /// One connection for all jobs on a host: as it is anyway.
    #[arg(short = 'M', long, hide = true)]
    pub controlmaster: bool,

    /// Leave out hosts that cannot be reached: as is done anyway, with ssh's own words.
    #[arg(long, hide = true, alias = "filter-host")]
    pub filter_hosts: bool,

    /// Inputs may name the groups of hosts (@GROUP/HOST) on which their jobs run, as in input@group1+group2; a
    /// host is a group, too.
    #[arg(long, alias = "hgrp")]
    pub hostgroups: bool,

    /// The command that connects to hosts [default: $PARALLEL_SSH, or ssh].
    #[arg(long, value_name = "COMMAND")]
    pub ssh: Option<OsString>,

    /// Options for copying files: without effect.
    #[arg(long, hide = true, value_name = "OPTIONS")]
    pub rsync_opts: Option<OsString>,
}

/// The tag of a host's output, in place of the input.
pub const TAG: &[u8] = b":";

impl Hosts {
    /// What names hosts.
    pub fn sources(&self) -> HostSources {
        HostSources {
            lists: self.sshlogin.clone(),
            files: self.sshloginfile.clone(),
        }
    }

    /// The hosts where jobs run; as in GNU parallel, on this machine if none is named.
    ///
    /// # Errors
    ///
    /// One line that names the entry that is none, or the file that cannot be read.
    pub fn hosts(&self) -> Result<Vec<Host>, UsageError> {
        let hosts = self.sources().read().map_err(|why| refused(&why))?;
        if hosts.is_empty() && !self.sshlogin.is_empty() {
            let why = "names no host: jobs run on this machine as ':'";
            return Err(UsageError::value("--sshlogin", why));
        }
        Ok(hosts)
    }

    /// The command that connects to hosts, shell text.
    pub fn ssh(&self) -> Vec<u8> {
        let inherited = || std::env::var_os("PARALLEL_SSH").filter(|it| !it.is_empty());
        let ssh = self.ssh.clone().or_else(inherited);
        ssh.unwrap_or_else(|| "ssh".into()).into_encoded_bytes()
    }

    /// What is ignored, since there is no other host, in GNU parallel's words.
    ///
    /// Where fanout `makes_files` for jobs there is something to clean up.
    pub fn remarks(&self, makes_files: bool) -> Vec<String> {
        let given = [
            ("--trc", !self.trc.is_empty()),
            ("--transferfile", !self.transferfile.is_empty()),
            ("--transfer", self.transfer),
            ("--return", !self.r#return.is_empty()),
            ("--cleanup", self.cleanup && !makes_files),
            ("--basefile", !self.basefile.is_empty()),
        ];
        let first = given.iter().find(|(_, given)| *given);
        first
            .map(|(option, _)| {
                format!("Warning: {option} ignored as there are no remote --sshlogin.")
            })
            .into_iter()
            .collect()
    }

    /// Whether any hosts are named.
    pub fn are_named(&self) -> bool {
        !self.sshlogin.is_empty() || !self.sshloginfile.is_empty()
    }

    /// Whether lines are tagged with the host and not with the input.
    pub fn tags_hosts(&self) -> bool {
        self.onall || self.nonall
    }

    /// Makes of `plan` what `--hostgroups` wants, and what `--onall` and `--nonall` run on each host: all inputs one after the other, or none.
    /// `has_limit`: `-j` was given, and says on how many hosts at a time.
    ///
    /// # Errors
    ///
    /// Where jobs get pieces of the input, of which each is for one job.
    pub fn adapt(&self, plan: &mut Plan, has_limit: bool) -> Result<(), UsageError> {
        if !self.tags_hosts() {
            if let Some(groups_of) = &mut plan.jobs.groups_of
                && !plan.engine.dry_run
                && !plan.engine.hosts.is_empty()
            {
                groups_of.clone_from(&plan.engine.hosts);
                plan.run.is_bound = true;
            }
            return Ok(());
        }
        if self.nonall && plan.jobs.reads_stdin {
            plan.make_one_without_inputs();
        }
        let hosts = plan.engine.hosts.len();
        if hosts > 0 && plan.jobs.pipe.is_some() {
            let words =
                "--pipe gives each piece to one job: it does not go with --onall or --nonall";
            return Err(UsageError::Conflict(words.to_owned()));
        }
        // What is only shown is shown once.
        if hosts > 0 && !plan.engine.dry_run {
            plan.jobs.at_each = Some(hosts);
            plan.run.is_bound = true;
            plan.run.most_out = has_limit.then(|| plan.run.slots.now());
            plan.engine.slots_of_hosts = SlotsOfHost {
                spec: JobsSpec::Exactly(1),
                most: 1,
                auto: false,
                file: None,
            };
        }
        plan.engine.slots = 1;
        plan.run.slots = SlotsPlan::Fixed(1);
        plan.run.exit_rule = if hosts > 0 {
            ExitRule::FailedPlaces
        } else {
            ExitRule::AnyFailed
        };
        Ok(())
    }
}

/// This machine, if it is one of `hosts`.
pub fn here(hosts: &[Host]) -> Option<&Host> {
    hosts.iter().find(|host| host.login == Login::Here)
}

fn refused(error: &SourceError) -> UsageError {
    UsageError::Unusable(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hosts(list: &str) -> Result<Vec<Host>, String> {
        let hosts = Hosts {
            sshlogin: vec![list.into()],
            ..Hosts::default()
        };
        hosts.hosts().map_err(|why| why.to_string())
    }

    #[test]
    fn this_machine_has_many_spellings() {
        for (list, expected) in [
            (":", None),
            ("4/:", Some(4)),
            ("@group/:", None),
            ("@a+b/2/:", Some(2)),
            ("@a/2/:,@a", Some(2)),
        ] {
            let hosts = hosts(list).unwrap();
            assert_eq!(hosts.len(), 1, "{list}");
            assert_eq!(here(&hosts).unwrap().threads, expected, "{list}");
        }
    }

    #[test]
    fn an_entry_that_is_none_is_an_error_that_names_it() {
        for list in ["0/:", "/:", "2/"] {
            let why = hosts(list).unwrap_err();
            assert!(why.starts_with(&format!("--sshlogin {list}: ")), "{why}");
        }
    }
}
