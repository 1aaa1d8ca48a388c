//! What bash and dash do to the environment on their way to a program, measured with
//! `env -i … SHELL -c env`.
//!
//! Both set `PWD`. Bash counts `SHLVL` up and, when it executes its only command in its own place,
//! down again; it sets `_`, drops an `OLDPWD` that is no directory, and the prompts. Dash drops what
//! has no name for a shell. Variables that mean something special to a shell, or change how it runs,
//! are rare in an environment: with one of them there, the shell has to see to it itself.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use super::ShellKind;
use crate::sys::{folders, locale};

/// The differences between a shell's environment and that of a program that it executes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnvChanges {
    /// Variables that get these values.
    pub set: Vec<(OsString, OsString)>,
    /// Variables that are dropped.
    pub remove: Vec<OsString>,
    /// Whether `_` is set to the path by which the program is executed.
    pub sets_underscore: bool,
}

/// What a shell changes in `env` when it runs in `cwd`; `None` where that is not certain.
///
/// `stdin_is_socket`: bash takes a socket for its standard input as a sign that a remote shell daemon
/// started it, and may then read ~/.bashrc.
pub fn changes(
    kind: ShellKind,
    env: &[(OsString, OsString)],
    cwd: &Path,
    stdin_is_socket: bool,
) -> Option<EnvChanges> {
    let value = |wanted: &str| {
        env.iter()
            .find(|(name, _)| name == wanted)
            .map(|(_, value)| value.as_os_str())
    };
    value("PATH")?;
    if cwd.as_os_str().is_empty() {
        // It has no name any more: each shell has something else to say to that.
        return None;
    }
    let mut changes = EnvChanges::default();
    let pwd = match value("PWD") {
        Some(pwd) if folders::is_name_of(Path::new(pwd), cwd) => pwd,
        _ => cwd.as_os_str(),
    };
    changes.set.push(("PWD".into(), pwd.to_owned()));
    match kind {
        ShellKind::Dash => add_dash(env, &mut changes)?,
        ShellKind::Bash => {
            let level = shell_level(value("SHLVL"))?;
            let remote = value("SSH_CLIENT").is_some() || value("SSH2_CLIENT").is_some();
            if level == 0 && (remote || stdin_is_socket) {
                return None;
            }
            changes.set.push(("SHLVL".into(), level.to_string().into()));
            changes.sets_underscore = true;
            add_bash(env, &mut changes)?;
        }
        ShellKind::Zsh | ShellKind::Other => return None,
    }
    Some(changes)
}

/// The names of the functions that bash finds in `env`, also in the manner of old versions.
pub fn functions(env: &[(OsString, OsString)]) -> HashSet<Vec<u8>> {
    let name = |(name, value): &(OsString, OsString)| {
        if !value.as_bytes().starts_with(b"() {") {
            return None;
        }
        let name = name.as_bytes();
        let name = name.strip_prefix(b"BASH_FUNC_").unwrap_or(name);
        let end = name
            .strip_suffix(b"%%")
            .or_else(|| name.strip_suffix(b"()"));
        Some(end.unwrap_or(name).to_vec())
    };
    env.iter().filter_map(name).collect()
}

fn add_dash(env: &[(OsString, OsString)], changes: &mut EnvChanges) -> Option<()> {
    for (name, _) in env {
        match name.as_bytes() {
            b"IFS" | b"OPTIND" | b"PPID" => return None,
            name if is_identifier(name) => {}
            _ => changes.remove.push(name.clone()),
        }
    }
    Some(())
}

fn add_bash(env: &[(OsString, OsString)], changes: &mut EnvChanges) -> Option<()> {
    for (name, value) in env {
        match name.as_bytes() {
            b"PS1" | b"PS2" => changes.remove.push(name.clone()),
            b"OLDPWD" if value.is_empty() => changes.remove.push(name.clone()),
            b"OLDPWD" if !Path::new(value).is_absolute() => return None,
            b"OLDPWD" if !Path::new(value).is_dir() => changes.remove.push(name.clone()),
            // Bash complains about a locale that is not installed.
            b"LC_ALL" if !value.is_empty() && !locale::is_installed(value.as_bytes()) => {
                return None;
            }
            special if is_special_to_bash(special) => return None,
            _ => {}
        }
    }
    Some(())
}

pub(crate) fn is_special_to_bash(name: &[u8]) -> bool {
    let names: [&[u8]; 22] = [
        b"COMP_WORDBREAKS",
        b"DIRSTACK",
        b"EPOCHREALTIME",
        b"EPOCHSECONDS",
        b"EUID",
        b"EXECIGNORE",
        b"FUNCNAME",
        b"GROUPS",
        b"HISTCMD",
        b"IFS",
        b"LINENO",
        b"OPTERR",
        b"OPTIND",
        b"PIPESTATUS",
        b"POSIXLY_CORRECT",
        b"PPID",
        b"PS4",
        b"RANDOM",
        b"SECONDS",
        b"SHELLOPTS",
        b"SRANDOM",
        b"UID",
    ];
    names.contains(&name) || (name.starts_with(b"BASH") && !name.starts_with(b"BASH_FUNC_"))
}

/// `SHLVL` as a program sees it: as it was, in its simplest form; 0 when there was none.
fn shell_level(value: Option<&OsStr>) -> Option<u32> {
    let digits = value.unwrap_or_default().as_bytes();
    if digits.is_empty() {
        return Some(0);
    }
    let level = std::str::from_utf8(digits).ok()?;
    // Bash complains from 999 on, and has rules of its own for what is not simply a number.
    let simple = digits.len() <= 3 && digits.iter().all(u8::is_ascii_digit);
    level.parse().ok().filter(|&level| simple && level < 999)
}

fn is_identifier(name: &[u8]) -> bool {
    !name.first().is_none_or(u8::is_ascii_digit)
        && name
            .iter()
            .all(|byte| byte.is_ascii_alphanumeric() || *byte == b'_')
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::ffi::OsString;
    use std::path::Path;
    use std::process::Command;

    use super::super::ShellKind;
    use super::{changes, functions};

    type Env = Vec<(OsString, OsString)>;

    fn env(pairs: &[(&str, &str)]) -> Env {
        pairs
            .iter()
            .map(|(name, value)| ((*name).into(), (*value).into()))
            .collect()
    }

    const ENVIRONMENTS: [&[(&str, &str)]; 17] = [
        &[],
        &[
            ("A", "1"),
            ("SHLVL", "5"),
            ("OLDPWD", "/usr"),
            ("_", "/old"),
            ("HOSTNAME", "h"),
        ],
        &[
            ("SHLVL", ""),
            ("PWD", "/usr/bin/../bin"),
            ("OLDPWD", "/nonexistent"),
            ("PS1", "$ "),
        ],
        &[
            ("SHLVL", "07"),
            ("PWD", "/tmp"),
            ("OLDPWD", ""),
            ("PS2", "> "),
            ("PS3", "?"),
        ],
        &[
            ("SHLVL", "998"),
            ("PWD", "bin"),
            ("a-b", "1"),
            ("1x", "2"),
            ("é", "3"),
        ],
        &[
            ("SHLVL", "0"),
            ("BASH_FUNC_f%%", "() {  echo hi\n}"),
            ("COLUMNS", "3"),
            ("TERM", "x"),
        ],
        &[
            ("PWD", "/nonexistent"),
            ("f", "() { :; }"),
            ("ENV", "/dev/null"),
            ("HOME", "/x"),
        ],
        &[
            ("LC_ALL", "C.UTF-8"),
            ("LANG", "xx"),
            ("MAIL", "x"),
            ("SSH_CLIENT", "x"),
            ("SHLVL", "1"),
        ],
        &[
            ("REPLY", "x"),
            ("OPTARG", "x"),
            ("TMOUT", "1"),
            ("PS0", "x"),
            ("CDPATH", "x"),
        ],
        &[("SHLVL", "abc")],
        &[("SHLVL", "999")],
        &[("IFS", "x")],
        &[("BASH_ENV", "/dev/null")],
        &[("OPTIND", "4")],
        &[("PPID", "4")],
        &[("LINENO", "4"), ("RANDOM", "2"), ("PS4", "x")],
        &[
            ("POSIXLY_CORRECT", ""),
            ("PROMPT_COMMAND", "x"),
            ("HISTFILE", "x"),
        ],
    ];

    #[test]
    fn changes_are_those_of_the_real_shells() {
        let cwd = Path::new("/usr/bin").canonicalize().unwrap();
        for (shell, kind) in [("bash", ShellKind::Bash), ("dash", ShellKind::Dash)] {
            let mut certain = 0;
            for extra in ENVIRONMENTS {
                let mut env = env(extra);
                env.push(("PATH".into(), "/usr/bin".into()));
                let Some(changes) = changes(kind, &env, &cwd, false) else {
                    continue;
                };
                certain += 1;
                let mut want: BTreeMap<_, _> = env.iter().cloned().collect();
                want.extend(changes.set);
                want.retain(|name, _| !changes.remove.contains(name));
                if changes.sets_underscore {
                    want.insert("_".into(), "/usr/bin/env".into());
                }
                let shell_run = Command::new(shell)
                    .args(["-c", "env -0"])
                    .env_clear()
                    .envs(env.iter().map(|(name, value)| (name, value)))
                    .current_dir(&cwd)
                    .output();
                let Ok(output) = shell_run else {
                    let required = std::env::var_os("FANOUT_TEST_REQUIRE");
                    assert!(
                        required.is_none_or(|which| which != "all"),
                        "{shell} is missing"
                    );
                    return eprintln!("skipped: {shell} is not installed");
                };
                let mut got: Vec<_> = output
                    .stdout
                    .split(|&byte| byte == 0)
                    .map(String::from_utf8_lossy)
                    .collect();
                got.sort();
                let line = |(name, value): (&OsString, &OsString)| {
                    format!("{}={}", name.display(), value.display())
                };
                let mut want: Vec<_> = want.iter().map(line).collect();
                want.push(String::new());
                want.sort();
                assert_eq!(got, want, "{shell} with {extra:?}");
            }
            assert!(certain >= 9, "{shell}: hardly any environment is certain");
        }
    }

    #[test]
    fn what_changes_how_a_shell_runs_is_left_to_it() {
        let cwd = Path::new("/");
        let path = ("PATH", "/bin");
        let changes = |kind, pairs: &[_]| changes(kind, &env(pairs), cwd, false);
        assert!(changes(ShellKind::Bash, &[path]).is_some());
        assert!(changes(ShellKind::Dash, &[path, ("BASH_ENV", "x")]).is_some());
        assert!(changes(ShellKind::Other, &[path]).is_none());
        assert!(
            changes(ShellKind::Bash, &[]).is_none(),
            "the shell has a PATH of its own"
        );
        for name in [
            "BASH_ENV",
            "SHELLOPTS",
            "BASHOPTS",
            "IFS",
            "POSIXLY_CORRECT",
            "SSH_CLIENT",
        ] {
            assert!(
                changes(ShellKind::Bash, &[path, (name, "x")]).is_none(),
                "{name}"
            );
        }
        assert!(changes(ShellKind::Bash, &[path, ("LC_ALL", "xx_YY")]).is_none());
        assert!(super::changes(ShellKind::Bash, &env(&[path]), cwd, true).is_none());
    }

    #[test]
    fn exported_functions_are_seen() {
        let env = env(&[
            ("BASH_FUNC_new%%", "() {  :\n}"),
            ("BASH_FUNC_mid()", "() {  :\n}"),
            ("old", "() { :; }"),
            ("BASH_FUNC_no%%", "text"),
            ("A", "1"),
        ]);
        let mut names: Vec<_> = functions(&env).into_iter().collect();
        names.sort();
        assert_eq!(names, [&b"mid"[..], b"new", b"old"]);
    }
}
