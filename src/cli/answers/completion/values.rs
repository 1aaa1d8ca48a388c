//! Values of options, as far as they can be known.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use clap::Arg;

use crate::cli::called_as::CalledAs;
use crate::cli::profile::ConfigSources;

/// A value, and what it is for.
type Value = (String, String);

/// The values of `arg`, of which the shell has `begun` one; `None`: it is a file name, or nothing that is known.
/// `words` is the whole command line.
pub(super) fn of(arg: &Arg, begun: &str, words: &[String]) -> Option<Vec<Value>> {
    let listed = arg.get_possible_values();
    if !listed.is_empty() {
        let value = |it: &clap::builder::PossibleValue| {
            let help = it.get_help().map(ToString::to_string);
            (it.get_name().to_owned(), help.unwrap_or_default())
        };
        return Some(listed.iter().map(value).collect());
    }
    Some(match arg.get_long()? {
        "halt" => fixed(&[
            ("now,fail=1", "kill the others at the first failure"),
            ("soon,fail=1", "start no more after the first failure"),
            ("now,success=1", "kill the others at the first success"),
            ("soon,success=1", "start no more after the first success"),
            ("now,done=1", "kill the others when one is over"),
            ("soon,done=1", "start no more when one is over"),
            ("now,fail=10%", "kill the others when a tenth has failed"),
            ("soon,fail=10%", "start no more when a tenth has failed"),
            ("never", "run all jobs"),
        ]),
        "retry-on" => in_list(
            begun,
            fixed(&[
                ("fail", "an exit code that is not 0"),
                ("exit:", "these exit codes: exit:75, exit:70-75"),
                ("signal", "any signal"),
                ("signal:", "this signal: signal:KILL"),
                ("timeout", "it took too long"),
                ("spawn", "it could not be started"),
            ]),
        ),
        "profile" => fixed_names(profiles(), "profile"),
        "sshlogin" => in_list(begun, fixed_names(hosts(words), "host")),
        _ => return None,
    })
}

fn fixed(values: &[(&str, &str)]) -> Vec<Value> {
    let owned = |(value, what): &(&str, &str)| ((*value).to_owned(), (*what).to_owned());
    values.iter().map(owned).collect()
}

fn fixed_names(names: BTreeSet<String>, what: &str) -> Vec<Value> {
    names
        .into_iter()
        .map(|name| (name, what.to_owned()))
        .collect()
}

/// The values behind those that stand in `begun` already, parted by commas.
fn in_list(begun: &str, values: Vec<Value>) -> Vec<Value> {
    let before = begun.rfind(',').map_or("", |comma| &begun[..=comma]);
    let behind = |(value, what): Value| (format!("{before}{value}"), what);
    values.into_iter().map(behind).collect()
}

/// The names of the user's profiles.
fn profiles() -> BTreeSet<String> {
    let sources = ConfigSources::of_process(CalledAs::Fanout);
    let folders = &sources.folders[sources.system..];
    let files = folders
        .iter()
        .filter_map(|folder| fs::read_dir(folder).ok());
    let files = files.flatten().flatten();
    let plain = files.filter(|file| file.path().is_file());
    plain
        .filter_map(|file| file.file_name().into_string().ok())
        .collect()
}

/// The hosts that ssh knows, and those of the files of `--sshloginfile` on the command line.
fn hosts(words: &[String]) -> BTreeSet<String> {
    let home = std::env::var_os("HOME")
        .map(PathBuf::from)
        .unwrap_or_default();
    let read = |path: &Path| fs::read_to_string(path).unwrap_or_default();
    let mut hosts = configured(&read(&home.join(".ssh/config")));
    hosts.extend(seen(&read(&home.join(".ssh/known_hosts"))));
    hosts.extend(listed(&read(&home.join(".parallel/sshloginfile"))));
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let file = match word.split_once('=') {
            Some(("--slf" | "--sshloginfile", file)) => Some(file),
            _ if word == "--slf" || word == "--sshloginfile" => words.next().map(String::as_str),
            _ => None,
        };
        if let Some(file) = file {
            hosts.extend(listed(&read(Path::new(file))));
        }
    }
    hosts
}

/// The hosts of a `~/.ssh/config`, without patterns.
fn configured(text: &str) -> BTreeSet<String> {
    let names = text.lines().filter_map(|line| {
        let (key, names) = line.trim().split_once([' ', '\t', '='])?;
        key.eq_ignore_ascii_case("host").then_some(names)
    });
    let names = names.flat_map(str::split_whitespace);
    let plain = names.filter(|name| !name.contains(['*', '?', '!']));
    plain.map(str::to_owned).collect()
}

/// The hosts of a `~/.ssh/known_hosts`, as far as their names are there.
fn seen(text: &str) -> BTreeSet<String> {
    let lines = text
        .lines()
        .filter(|line| !line.starts_with(['#', '@', '|']));
    let names = lines.filter_map(|line| line.split_whitespace().next());
    let names = names.flat_map(|names| names.split(','));
    let plain = names.filter(|name| !name.starts_with('[') && !name.contains(['*', '?', '!']));
    plain.map(str::to_owned).collect()
}

/// The hosts of a file of `--sshloginfile`.
fn listed(text: &str) -> BTreeSet<String> {
    let lines = text.lines().map(str::trim);
    let lines = lines.filter(|line| !line.is_empty() && !line.starts_with('#'));
    lines.map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_hosts_are_found() {
        let names = |hosts: BTreeSet<String>| hosts.into_iter().collect::<Vec<_>>().join(" ");
        let config = "Host one two\n  User x\nHost *.org !bad\nhost=three\nHostName nowhere\n";
        assert_eq!(names(configured(config)), "one three two");
        let known =
            "# c\n|1|hash= ssh-rsa A\nfour,10.0.0.4 ssh-rsa A\n[five]:22 ssh-rsa A\n@x six a\n";
        assert_eq!(names(seen(known)), "10.0.0.4 four");
        assert_eq!(names(listed("# hosts\n4/seven\n\n:\n")), "4/seven :");
    }
}
