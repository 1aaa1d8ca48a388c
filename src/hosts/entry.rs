//! One entry of a list of hosts.

use std::fmt;

use super::address::{self, Why, cut};
use super::{Host, Login, Password, SshLogin};
use crate::model::HERE;

/// What an entry stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Entry {
    /// A host, or several that a range stands for.
    Hosts(Vec<Host>),
    /// `@GROUP[+GROUP…]`: of all hosts, those in these groups.
    Only(Vec<Vec<u8>>),
}

/// What is wrong with an entry, which is shown without its password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EntryError {
    entry: String,
    why: String,
}

impl fmt::Display for EntryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.entry, self.why)
    }
}

impl std::error::Error for EntryError {}

impl Entry {
    /// Reads an entry: one of a list, or a line of a file.
    ///
    /// # Errors
    ///
    /// When it names no host, or one that cannot be.
    pub fn read(entry: &[u8]) -> Result<Self, EntryError> {
        read(entry.trim_ascii()).map_err(|why| EntryError {
            entry: without_password(entry.trim_ascii()),
            why: why.into(),
        })
    }
}

fn read(entry: &[u8]) -> Result<Entry, Why> {
    let (groups, rest) = match entry.strip_prefix(b"@") {
        None => (Vec::new(), entry),
        Some(named) => match cut(named, b'/') {
            None => return Ok(Entry::Only(groups(named)?)),
            Some((named, rest)) => (groups(named)?, rest),
        },
    };
    let (threads, rest) = threads(rest)?;
    let rest = rest.trim_ascii();
    let logins = if rest == HERE.as_bytes() {
        vec![Login::Here]
    } else {
        logins(rest)?.into_iter().map(Login::Ssh).collect()
    };
    let hosts = logins.into_iter().map(|login| Host {
        login,
        threads,
        groups: groups.clone(),
    });
    Ok(Entry::Hosts(hosts.collect()))
}

/// The names in `g1+g2`, or `@g1+@g2`.
fn groups(list: &[u8]) -> Result<Vec<Vec<u8>>, Why> {
    let names = list.split(|&byte| byte == b'+');
    let names = names.map(|name| name.strip_prefix(b"@").unwrap_or(name).trim_ascii());
    let names: Vec<_> = names
        .filter(|name| !name.is_empty())
        .map(<[u8]>::to_vec)
        .collect();
    if names.is_empty() {
        return Err("no group is named after '@'".into());
    }
    Ok(names)
}

/// `N/`, and what follows.
fn threads(rest: &[u8]) -> Result<(Option<usize>, &[u8]), Why> {
    let Some((number, after)) = cut(rest, b'/') else {
        return Ok((None, rest));
    };
    if number.is_empty() || !number.iter().all(u8::is_ascii_digit) {
        return Ok((None, rest));
    }
    match String::from_utf8_lossy(number).parse() {
        Ok(0) => Err("no CPU thread runs no job".into()),
        Ok(threads) => Ok((Some(threads), after)),
        Err(_) => Err("too many CPU threads".into()),
    }
}

/// `[SSH COMMAND ][USER[:PASSWORD]@]NAME[:PORT]`, one for each host that a range stands for.
fn logins(text: &[u8]) -> Result<Vec<SshLogin>, Why> {
    let space = text.iter().rposition(u8::is_ascii_whitespace);
    let (command, target) = match space {
        None => (None, text),
        Some(at) => (Some(text[..at].trim_ascii_end().to_vec()), &text[at + 1..]),
    };
    let (who, place) = match target.iter().rposition(|&byte| byte == b'@') {
        None => (None, target),
        Some(at) => (Some(&target[..at]), &target[at + 1..]),
    };
    let (user, password) = match who.map(|who| cut(who, b':').unwrap_or((who, b""))) {
        None => (None, None),
        Some((b"", _)) => return Err("no user is named before '@'".into()),
        Some((user, password)) => (
            Some(user.to_vec()),
            (!password.is_empty()).then(|| Password(password.to_vec())),
        ),
    };
    let logins = address::read(place)?
        .into_iter()
        .map(|(host, port)| SshLogin {
            command: command.clone(),
            user: user.clone(),
            password: password.clone(),
            host,
            port,
        });
    Ok(logins.collect())
}

/// An entry as messages show it.
fn without_password(entry: &[u8]) -> String {
    let shown = |text: &[u8]| String::from_utf8_lossy(text).into_owned();
    let from = entry.iter().rposition(u8::is_ascii_whitespace);
    let login = &entry[from.map_or(0, |at| at + 1)..];
    let colon = login.iter().position(|&byte| byte == b':');
    let at = login.iter().rposition(|&byte| byte == b'@');
    match (colon, at) {
        (Some(colon), Some(at)) if colon < at => {
            let front = entry.len() - login.len() + colon;
            format!("{}:…{}", shown(&entry[..front]), shown(&login[at..]))
        }
        _ => shown(entry),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Command, user, password, host and port, as words.
    fn parts(entry: &str) -> Vec<String> {
        let Ok(Entry::Hosts(hosts)) = Entry::read(entry.as_bytes()) else {
            panic!("{entry}: {:?}", Entry::read(entry.as_bytes()));
        };
        let [host] = &hosts[..] else {
            panic!("{hosts:?}")
        };
        let Login::Ssh(login) = &host.login else {
            return vec![HERE.to_owned()];
        };
        let text = |bytes: &Option<Vec<u8>>| {
            let text = bytes
                .as_ref()
                .map(|it| String::from_utf8_lossy(it).into_owned());
            text.unwrap_or_default()
        };
        vec![
            text(&login.command),
            text(&login.user),
            text(&login.password.as_ref().map(|it| it.0.clone())),
            text(&Some(login.host.clone())),
            login.port.map(|port| port.to_string()).unwrap_or_default(),
        ]
    }

    #[test]
    fn logins_are_taken_apart() {
        for (entry, expected) in [
            ("h", ["", "", "", "h", ""]),
            ("host_x-y.z", ["", "", "", "host_x-y.z", ""]),
            ("me@h:33", ["", "me", "", "h", "33"]),
            ("h:", ["", "", "", "h", ""]),
            ("h#33", ["", "", "", "h", "33"]),
            ("127.0.0.1:22", ["", "", "", "127.0.0.1", "22"]),
            ("me:pw@h", ["", "me", "pw", "h", ""]),
            ("me:p:w/@x@h:1", ["", "me", "p:w/@x", "h", "1"]),
            ("me:@h", ["", "me", "", "h", ""]),
            ("D\\me@h", ["", "D\\me", "", "h", ""]),
            ("::1", ["", "", "", "::1", ""]),
            ("dead::beef", ["", "", "", "dead::beef", ""]),
            ("::1p22", ["", "", "", "::1", "22"]),
            ("::1#22", ["", "", "", "::1", "22"]),
            ("::1.22", ["", "", "", "::1", "22"]),
            ("::ffff:10.0.0.1", ["", "", "", "::ffff:10.0.0.1", ""]),
            ("fe80::1%eth0", ["", "", "", "fe80::1%eth0", ""]),
            ("[fe80::1%eth0]:22", ["", "", "", "fe80::1%eth0", "22"]),
            ("1:2:3:4:5:6:7:8", ["", "", "", "1:2:3:4:5:6:7:8", ""]),
            ("me@[::1]:22", ["", "me", "", "::1", "22"]),
            ("[::1]", ["", "", "", "::1", ""]),
            ("[::1]p22", ["", "", "", "::1", "22"]),
            ("ssh h", ["ssh", "", "", "h", ""]),
            ("ssh  -p 22   me@h:4", ["ssh  -p 22", "me", "", "h", "4"]),
            ("/usr/bin/ssh h", ["/usr/bin/ssh", "", "", "h", ""]),
            ("//usr/bin/ssh h", ["//usr/bin/ssh", "", "", "h", ""]),
            ("6//usr/bin/ssh h", ["/usr/bin/ssh", "", "", "h", ""]),
            ("ssh -o 'A b' h", ["ssh -o 'A b'", "", "", "h", ""]),
            ("hé", ["", "", "", "hé", ""]),
        ] {
            assert_eq!(parts(entry), expected, "{entry}");
        }
    }

    #[test]
    fn threads_and_groups_stand_in_front() {
        for (entry, threads, groups) in [
            ("h", None, ""),
            (":", None, ""),
            ("4/:", Some(4), ""),
            (" 4/ h ", Some(4), ""),
            ("@g/h", None, "g"),
            ("@a+b/2/me@h", Some(2), "a b"),
            ("@a+@b/2/h", Some(2), "a b"),
            ("@+a+/:", None, "a"),
            ("@g/4/ssh -p 2 h", Some(4), "g"),
        ] {
            let Ok(Entry::Hosts(hosts)) = Entry::read(entry.as_bytes()) else {
                panic!("{entry}");
            };
            assert_eq!(hosts[0].threads, threads, "{entry}");
            let groups: Vec<_> = groups
                .split_whitespace()
                .map(|it| it.as_bytes().to_vec())
                .collect();
            assert_eq!(hosts[0].groups, groups, "{entry}");
        }
    }

    #[test]
    fn groups_alone_choose_among_hosts() {
        for (entry, groups) in [
            ("@a", &["a"][..]),
            ("@a+b", &["a", "b"]),
            ("@a+@b", &["a", "b"]),
        ] {
            let groups = groups.iter().map(|it| it.as_bytes().to_vec()).collect();
            assert_eq!(Entry::read(entry.as_bytes()), Ok(Entry::Only(groups)));
        }
    }

    #[test]
    fn a_range_stands_for_several_hosts() {
        let names = |entry: &str| match Entry::read(entry.as_bytes()) {
            Ok(Entry::Hosts(hosts)) => {
                let names = hosts.iter().map(Host::name);
                let names = names.map(|name| String::from_utf8(name).unwrap());
                names.collect::<Vec<_>>().join(" ")
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(
            names("2/me@n[08-10,15]:22"),
            "me@n08:22 me@n09:22 me@n10:22 me@n15:22"
        );
        assert_eq!(
            names("10.0.[1-2].[3-4]"),
            "10.0.1.3 10.0.1.4 10.0.2.3 10.0.2.4"
        );
        assert_eq!(names("ssh -p 2 n[1,3]"), "ssh -p 2 n1 ssh -p 2 n3");
    }

    #[test]
    fn what_is_wrong_is_told_with_the_entry() {
        for (entry, why) in [
            ("", "no host"),
            ("4/", "no host"),
            ("@g/", "no host"),
            ("user@", "no host"),
            (":22", "no host"),
            ("@/h", "no group"),
            ("@", "no group"),
            ("@+/h", "no group"),
            ("0/:", "no CPU thread"),
            ("99999999999999999999999/h", "too many CPU threads"),
            ("/h1", "'/'"),
            ("/:", "'/'"),
            ("foo/h1", "'/'"),
            ("1.5/h", "'/'"),
            ("2/@g/h", "user"),
            ("ssh @h", "no user"),
            ("-oProxyCommand=x", "'-'"),
            ("h:x", "x is no port"),
            ("h:0", "0 is no port"),
            ("h:+1", "+1 is no port"),
            ("h:65536", "65536 is no port"),
            ("h:22:23", "IPv6"),
            ("[::1]x", "[::1]:22"),
            ("[host]", "a range"),
            ("[host", "'['"),
            ("n[3-1]", "3-1"),
            ("n[]", "range"),
            ("ssh 'h 1'", "'\\''"),
            ("h*", "'*'"),
            ("h$1", "'$'"),
            ("h;1", "';'"),
        ] {
            match Entry::read(entry.as_bytes()) {
                Err(error) => {
                    let error = error.to_string();
                    assert!(
                        error.starts_with(entry) && error.contains(why),
                        "{entry}: {error}"
                    );
                }
                Ok(read) => panic!("{entry}: {read:?}"),
            }
        }
    }

    #[test]
    fn an_error_does_not_tell_the_password() {
        let error = Entry::read(b"4/me:sec@ret@h*").unwrap_err().to_string();
        assert!(error.starts_with("4/me:…@h*: "), "{error}");
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_or_refused(entry in proptest::collection::vec(any::<u8>(), 0..40)) {
            Entry::read(&entry).ok();
        }

        #[test]
        fn what_looks_like_an_entry_is_read_or_refused(entry in "[@+/:\\[\\]0-9a-z., #%-]{0,24}") {
            Entry::read(entry.as_bytes()).ok();
        }

        #[test]
        fn an_entry_has_the_parts_that_it_was_made_of(
            threads in proptest::option::of(1_usize..1000),
            groups in proptest::collection::vec("[a-z][a-z0-9]{0,3}", 0..3),
            command in proptest::option::of("ssh( -[a-z] [0-9]{1,3}){0,2}"),
            user in proptest::option::of("[a-z.\\\\]{1,8}"),
            password in "[!-~]{1,8}",
            has_password: bool,
            host in "[a-z0-9][a-z0-9_.-]{0,8}",
            port in proptest::option::of(1_u16..),
        ) {
            let password = (has_password && user.is_some()).then_some(password);
            let in_groups = format!("@{}/", groups.join("+"));
            let mut entry = if groups.is_empty() { String::new() } else { in_groups };
            entry += &threads.map(|it| format!("{it}/")).unwrap_or_default();
            entry += &command.as_ref().map(|it| format!("{it} ")).unwrap_or_default();
            entry += user.as_deref().unwrap_or_default();
            entry += &password.as_ref().map(|it| format!(":{it}")).unwrap_or_default();
            entry += if user.is_some() { "@" } else { "" };
            entry += &host;
            entry += &port.map(|it| format!(":{it}")).unwrap_or_default();
            let bytes = |text: String| text.into_bytes();
            let expected = Host {
                login: Login::Ssh(SshLogin {
                    command: command.map(bytes),
                    user: user.map(bytes),
                    password: password.map(|it| Password(it.into_bytes())),
                    host: host.into_bytes(),
                    port,
                }),
                threads,
                groups: groups.into_iter().map(bytes).collect(),
            };
            prop_assert_eq!(Entry::read(entry.as_bytes()), Ok(Entry::Hosts(vec![expected])));
        }
    }
}
