//! The hosts that a run is given: who they are, how ssh reaches them, and what users write for them.
//!
//! As in GNU parallel, an entry is `[@GROUP[+GROUP…]/][N/]LOGIN`. A login is `:` for this machine, or
//! `[SSH COMMAND ][USER[:PASSWORD]@]NAME[:PORT]`, where a name may have ranges: `node[01-12,15]`.
//! [`entry`] reads one entry, its [`address`] included, [`list`] cuts lists and files into entries, [`ranges`] writes ranges out, and
//! [`sources`] puts together what `--sshlogin` and `--sshloginfile` name.

pub mod address;
pub mod entry;
pub mod list;
pub mod ranges;
pub mod sources;

use std::ffi::OsString;
use std::fmt;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};

pub use entry::{Entry, EntryError};
pub use sources::{HostSources, SourceError};

use crate::model::HERE;

/// A host on which jobs can run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    /// How it is reached.
    pub login: Login,
    /// How many CPU threads it is taken for (`N/`); `None`: as many as it has.
    pub threads: Option<usize>,
    /// The groups that it was put into (`@GROUP/`), in the order given.
    pub groups: Vec<Vec<u8>>,
}

/// How a host is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// It is this machine: `:`.
    Here,
    /// By ssh, or by a program that takes ssh's place.
    Ssh(SshLogin),
}

/// A host that is reached by ssh.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SshLogin {
    /// The ssh command that was given with the host, a piece of shell text; `None`: the one of the run.
    pub command: Option<Vec<u8>>,
    /// Who logs in there; `None`: ssh's own choice.
    pub user: Option<Vec<u8>>,
    /// Where there is one, sshpass gives it to ssh.
    pub password: Option<Password>,
    /// A name that ssh knows, or an address; without brackets, if it is one of IPv6.
    pub host: Vec<u8>,
    /// `None`: ssh's own choice.
    pub port: Option<u16>,
}

/// A password. It is in no message, no name and no debug output.
#[derive(Clone, PartialEq, Eq)]
pub struct Password(pub Vec<u8>);

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

impl Host {
    /// What joblogs, tags, messages and `$PARALLEL_SSHLOGIN` call it: the login without its password.
    pub fn name(&self) -> Vec<u8> {
        match &self.login {
            Login::Here => HERE.into(),
            Login::Ssh(login) => login.name(),
        }
    }

    /// The host alone, as `$PARALLEL_SSHHOST` has it.
    pub fn short_name(&self) -> &[u8] {
        match &self.login {
            Login::Here => HERE.as_bytes(),
            Login::Ssh(login) => &login.host,
        }
    }

    /// Whether it is in `group`. Each host is in one that is called as it is.
    pub fn is_in(&self, group: &[u8]) -> bool {
        self.groups.iter().any(|own| own == group) || self.name() == group
    }

    /// All groups that it is in, as `$PARALLEL_HOSTGROUPS` has them: joined by `+`, that of its name last.
    pub fn all_groups(&self) -> Vec<u8> {
        let name = self.name();
        let mut groups = self.groups.clone();
        if !groups.contains(&name) {
            groups.push(name);
        }
        groups.join(&b'+')
    }
}

impl SshLogin {
    fn name(&self) -> Vec<u8> {
        let mut name = Vec::new();
        if let Some(command) = &self.command {
            name.extend_from_slice(command);
            name.push(b' ');
        }
        if let Some(user) = &self.user {
            name.extend_from_slice(user);
            name.push(b'@');
        }
        name.extend_from_slice(&self.host);
        if let Some(port) = self.port {
            name.extend_from_slice(format!(":{port}").as_bytes());
        }
        name
    }

    /// The command that logs in, up to the host: what is to be run there comes behind it.
    ///
    /// `ssh` is the run's ssh command, shell text; `options` stand in front of the host. If there is a password, the
    /// command is one of sshpass, which takes it from `$SSHPASS`.
    pub fn command(&self, ssh: &[u8], options: &[OsString]) -> Vec<OsString> {
        let mut words: Vec<OsString> = Vec::new();
        if self.password.is_some() {
            words.extend(["sshpass", "-e"].map(OsString::from));
        }
        words.extend(shell_words(self.command.as_deref().unwrap_or(ssh)));
        if let Some(port) = self.port {
            words.extend(["-p".into(), port.to_string().into()]);
        }
        if let Some(user) = &self.user {
            words.extend(["-l".into(), OsString::from_vec(user.clone())]);
        }
        words.extend_from_slice(options);
        words.push(OsString::from_vec(self.host.clone()));
        words
    }
}

/// The words of a command in shell text to which more words are appended. Text that only a shell understands
/// becomes a command of `sh`.
fn shell_words(text: &[u8]) -> Vec<OsString> {
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b" \t_-./:,+@%=".contains(byte);
    let words: Vec<OsString> = text
        .split(u8::is_ascii_whitespace)
        .filter(|word| !word.is_empty())
        .map(|word| OsString::from_vec(word.to_vec()))
        .collect();
    let sets_variables = words
        .first()
        .is_none_or(|first| first.as_bytes().contains(&b'='));
    if text.iter().all(is_plain) && !sets_variables {
        return words;
    }
    let script = [text, b" \"$@\""].concat();
    vec![
        "sh".into(),
        "-c".into(),
        OsString::from_vec(script),
        "sh".into(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(entry: &str) -> Host {
        match Entry::read(entry.as_bytes()).unwrap() {
            Entry::Hosts(mut hosts) if hosts.len() == 1 => hosts.remove(0),
            other => panic!("{entry}: {other:?}"),
        }
    }

    fn command(entry: &str, ssh: &str, options: &[&str]) -> String {
        let options: Vec<_> = options.iter().map(OsString::from).collect();
        match host(entry).login {
            Login::Ssh(login) => {
                let words = login.command(ssh.as_bytes(), &options);
                let words = words.iter().map(|word| word.to_string_lossy());
                words.collect::<Vec<_>>().join("|")
            }
            Login::Here => HERE.to_owned(),
        }
    }

    #[test]
    fn a_host_is_called_by_its_login_without_the_password() {
        for (entry, name, short) in [
            (":", ":", ":"),
            ("4/:", ":", ":"),
            ("@g/8/me@big", "me@big", "big"),
            ("me:secret@h:22", "me@h:22", "h"),
            ("[::1]:22", "::1:22", "::1"),
            ("ssh -p 22 me@h", "ssh -p 22 me@h", "h"),
        ] {
            let host = host(entry);
            assert_eq!(host.name(), name.as_bytes(), "{entry}");
            assert_eq!(host.short_name(), short.as_bytes(), "{entry}");
        }
    }

    #[test]
    fn a_host_is_in_its_groups_and_in_the_one_of_its_name() {
        let host = host("@a+b/2/me@h");
        for (group, is_in) in [("a", true), ("b", true), ("me@h", true), ("h", false)] {
            assert_eq!(host.is_in(group.as_bytes()), is_in, "{group}");
        }
        assert_eq!(host.all_groups(), b"a+b+me@h");
    }

    #[test]
    fn ssh_gets_port_user_and_options_in_front_of_the_host() {
        for (entry, ssh, options, words) in [
            ("h", "ssh", &[][..], "ssh|h"),
            (
                "me@h:33",
                "ssh -F c",
                &["-T"][..],
                "ssh|-F|c|-p|33|-l|me|-T|h",
            ),
            ("myssh -x h", "ssh", &[], "myssh|-x|h"),
            ("me:pw@h", "ssh", &[], "sshpass|-e|ssh|-l|me|h"),
            ("[::1]:4", "ssh", &[], "ssh|-p|4|::1"),
            (
                "ssh -o 'A b' h",
                "ssh",
                &[],
                "sh|-c|ssh -o 'A b' \"$@\"|sh|h",
            ),
            ("A=1 ssh h", "ssh", &[], "sh|-c|A=1 ssh \"$@\"|sh|h"),
            ("~/ssh h", "ssh", &[], "sh|-c|~/ssh \"$@\"|sh|h"),
        ] {
            assert_eq!(command(entry, ssh, options), words, "{entry}");
        }
    }

    #[test]
    fn a_password_is_not_shown() {
        assert!(!format!("{:?}", host("me:secret@h")).contains("secret"));
    }
}
