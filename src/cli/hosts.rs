//! The hosts' options: which of them mean this machine, and what the others are told.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use super::flags::Hosts;
use crate::plan::{Plan, SlotsPlan};
use crate::run::halt::ExitRule;

/// How many CPU threads this machine is to be taken for, where the hosts that were named say so. As in
/// GNU parallel, jobs run here if none is named.
///
/// # Errors
///
/// One line that names the host that is not this machine, or the file that cannot be read.
pub(super) fn threads(flags: &Hosts) -> Result<Option<usize>, String> {
    let mut threads = None;
    let mut hosts = Vec::new();
    for list in &flags.sshlogin {
        hosts.extend(entries(list.as_bytes()));
    }
    if hosts.is_empty() && !flags.sshlogin.is_empty() {
        return Err("--sshlogin names no host: jobs run on this machine as ':'".to_owned());
    }
    for name in &flags.sshloginfile {
        let (file, text) = read(name)?;
        let lines = text.split(|&byte| byte == b'\n');
        let lines = lines.map(|line| line.split(|&byte| byte == b'#').next().unwrap_or(line));
        for host in lines.flat_map(entries) {
            threads = one(&host)
                .map_err(|why| format!("--sshloginfile {}: {why}", file.display()))?
                .or(threads);
        }
    }
    for host in hosts {
        threads = one(&host)
            .map_err(|why| format!("--sshlogin {why}"))?
            .or(threads);
    }
    Ok(threads)
}

/// The hosts of a list: commas and lines separate them.
fn entries(list: &[u8]) -> Vec<Vec<u8>> {
    list.split(|byte| b",\n".contains(byte))
        .map(|host| host.trim_ascii().to_vec())
        .filter(|host| !host.is_empty())
        .collect()
}

/// How many threads an entry gives this machine: `[@GROUPS/][N/]:`.
fn one(entry: &[u8]) -> Result<Option<usize>, String> {
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
                .map_err(|_| format!("{}: too many CPU threads", shown()))?;
            (Some(threads), &rest[end + 1..])
        }
        _ => (None, rest),
    };
    if host != b":" {
        return Err(format!(
            "{}: jobs run on this machine only, which is ':'; other hosts are not supported",
            shown()
        ));
    }
    match threads {
        Some(0) => Err(format!("{}: no CPU thread runs no job", shown())),
        threads => Ok(threads),
    }
}

/// A file of hosts and its text. As GNU parallel: `..` and `.` are the user's and the system's, names
/// without a folder may be in ~/.parallel.
fn read(name: &OsStr) -> Result<(PathBuf, Vec<u8>), String> {
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
        .map_err(|why| format!("Cannot open {}: {why}", path.display()))?;
    Ok((path, text))
}

/// What is ignored, since there is no other host, in GNU parallel's words.
///
/// Where fanout `makes_files` for jobs there is something to clean up.
pub(super) fn remarks(flags: &Hosts, makes_files: bool) -> Vec<String> {
    let given = [
        ("--trc", !flags.trc.is_empty()),
        ("--transferfile", !flags.transferfile.is_empty()),
        ("--transfer", flags.transfer),
        ("--return", !flags.r#return.is_empty()),
        ("--cleanup", flags.cleanup && !makes_files),
        ("--basefile", !flags.basefile.is_empty()),
    ];
    let first = given.iter().find(|(_, given)| *given);
    first
        .map(|(option, _)| format!("Warning: {option} ignored as there are no remote --sshlogin."))
        .into_iter()
        .collect()
}

/// The tag of a host's output, in place of the input.
pub(super) const TAG: &[u8] = b":";

/// Whether lines are tagged with the host and not with the input.
pub(super) fn tags_hosts(flags: &Hosts) -> bool {
    flags.onall || flags.nonall
}

/// Makes of `plan` what `--onall` and `--nonall` run on the one host: all inputs one after the other, or none.
pub(super) fn adapt(flags: &Hosts, plan: &mut Plan) {
    if !tags_hosts(flags) {
        return;
    }
    if flags.nonall && plan.jobs.reads_stdin {
        plan.make_one_without_inputs();
    }
    plan.engine.slots = 1;
    plan.run.slots = SlotsPlan::Fixed(1);
    plan.run.exit_rule = ExitRule::AnyFailed;
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
                one(entry.as_bytes()).unwrap_err().contains(entry),
                "{entry}"
            );
        }
    }

    #[test]
    fn lists_are_separated_by_commas_and_lines() {
        assert_eq!(entries(b":, 2/:\n\n"), [b":".to_vec(), b"2/:".to_vec()]);
    }
}
