//! Other hosts: what GNU parallel has for them, as far as it concerns this one.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use clap::Args;

use crate::cli::error::UsageError;
use crate::cli::values::Wrong;
use crate::plan::{Plan, SlotsPlan};
use crate::run::halt::ExitRule;

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

/// The tag of a host's output, in place of the input.
pub const TAG: &[u8] = b":";

impl Hosts {
    /// How many CPU threads this machine is to be taken for, where the hosts that were named say so. As in
    /// GNU parallel, jobs run here if none is named.
    ///
    /// # Errors
    ///
    /// One line that names the host that is not this machine, or the file that cannot be read.
    pub fn threads(&self) -> Result<Option<usize>, UsageError> {
        let mut threads = None;
        let mut hosts = Vec::new();
        for list in &self.sshlogin {
            hosts.extend(entries(list.as_bytes()));
        }
        if hosts.is_empty() && !self.sshlogin.is_empty() {
            let why = "names no host: jobs run on this machine as ':'";
            return Err(UsageError::value("--sshlogin", why));
        }
        for name in &self.sshloginfile {
            let (file, text) = read(name)?;
            let lines = text.split(|&byte| byte == b'\n');
            let lines = lines.map(|line| line.split(|&byte| byte == b'#').next().unwrap_or(line));
            for host in lines.flat_map(entries) {
                threads = one(&host)
                    .map_err(|why| {
                        let option = format!("--sshloginfile {}:", file.display());
                        UsageError::value(option, why)
                    })?
                    .or(threads);
            }
        }
        for host in hosts {
            threads = one(&host)
                .map_err(|why| UsageError::value("--sshlogin", why))?
                .or(threads);
        }
        Ok(threads)
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

    /// Whether lines are tagged with the host and not with the input.
    pub fn tags_hosts(&self) -> bool {
        self.onall || self.nonall
    }

    /// Makes of `plan` what `--onall` and `--nonall` run on the one host: all inputs one after the other, or none.
    pub fn adapt(&self, plan: &mut Plan) {
        if !self.tags_hosts() {
            return;
        }
        if self.nonall && plan.jobs.reads_stdin {
            plan.make_one_without_inputs();
        }
        plan.engine.slots = 1;
        plan.run.slots = SlotsPlan::Fixed(1);
        plan.run.exit_rule = ExitRule::AnyFailed;
    }
}

/// The hosts of a list: commas and lines separate them.
fn entries(list: &[u8]) -> Vec<Vec<u8>> {
    list.split(|byte| b",\n".contains(byte))
        .map(|host| host.trim_ascii().to_vec())
        .filter(|host| !host.is_empty())
        .collect()
}

/// How many threads an entry gives this machine: `[@GROUPS/][N/]:`.
fn one(entry: &[u8]) -> Result<Option<usize>, Wrong> {
    let mut rest = entry;
    if entry.first() == Some(&b'@') {
        match entry.iter().position(|&byte| byte == b'/') {
            // Groups alone limit what inputs may name; here there is one host for all.
            None => return Ok(None),
            Some(end) => rest = &entry[end + 1..],
        }
    }
    let shown = || String::from_utf8_lossy(entry).into_owned();
    let (threads, host) = match rest.iter().position(|&byte| byte == b'/') {
        Some(end) if end > 0 && rest[..end].iter().all(u8::is_ascii_digit) => {
            let number = String::from_utf8_lossy(&rest[..end]);
            let threads = number
                .parse()
                .map_err(|_| Wrong(format!("{}: too many CPU threads", shown())))?;
            (Some(threads), &rest[end + 1..])
        }
        _ => (None, rest),
    };
    if host != b":" {
        return Err(Wrong(format!(
            "{}: jobs run on this machine only, which is ':'; other hosts are not supported",
            shown()
        )));
    }
    match threads {
        Some(0) => Err(Wrong(format!("{}: no CPU thread runs no job", shown()))),
        threads => Ok(threads),
    }
}

/// A file of hosts and its text. As GNU parallel: `..` and `.` are the user's and the system's, names
/// without a folder may be in ~/.parallel.
fn read(name: &OsStr) -> Result<(PathBuf, Vec<u8>), UsageError> {
    let home = || std::env::var_os("HOME").map(|home| PathBuf::from(home).join(".parallel"));
    let path = match name.as_bytes() {
        b"-" => PathBuf::from("/dev/stdin"),
        b"." => "/etc/parallel/sshloginfile".into(),
        b".." => home().unwrap_or_default().join("sshloginfile"),
        _ => {
            let here = PathBuf::from(name);
            let theirs = home().map(|home| home.join(name));
            match theirs {
                Some(file) if !here.exists() && file.is_file() => file,
                _ => here,
            }
        }
    };
    let mut text = Vec::new();
    File::open(&path)
        .and_then(|mut file| file.read_to_end(&mut text))
        .map_err(|why| UsageError::Unusable(format!("Cannot open {}: {why}", path.display())))?;
    Ok((path, text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_has_many_spellings() {
        for (entry, threads) in [
            (":", None),
            ("4/:", Some(4)),
            ("@group/:", None),
            ("@a+b/2/:", Some(2)),
            ("@group", None),
        ] {
            assert_eq!(one(entry.as_bytes()), Ok(threads), "{entry}");
        }
    }

    #[test]
    fn another_host_is_an_error_that_names_it() {
        for entry in [
            "server",
            "user@server",
            "2/server",
            "ssh -l x server",
            "0/:",
            "/:",
        ] {
            assert!(
                one(entry.as_bytes()).unwrap_err().0.contains(entry),
                "{entry}"
            );
        }
    }

    #[test]
    fn lists_are_separated_by_commas_and_lines() {
        assert_eq!(entries(b":, 2/:\n\n"), [b":".to_vec(), b"2/:".to_vec()]);
    }
}
