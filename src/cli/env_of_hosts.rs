//! Which variables of this environment jobs on other hosts get, too (`--env`).

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;

use super::error::UsageError;

/// Variables by their names.
pub type Variables = Vec<(OsString, OsString)>;

/// What `--env` stands for when it is given as one of these.
const ALL: [&[u8]; 2] = [b"_", b"*"];

/// Belongs to each process and each shell of its own.
const NEVER_OF_ALL: [&str; 4] = ["_", "SHLVL", "PWD", "OLDPWD"];

/// The variables and shell functions that `values` of `--env` name: names, lists of names with commas, or `_` for all
/// but those that `--record-env` has noted.
///
/// # Errors
///
/// When there is no such note.
pub fn named(values: &[OsString]) -> Result<Variables, UsageError> {
    let ignored = values.iter().any(|value| value == "_");
    let ignored = ignored.then(ignored_names).transpose()?;
    Ok(chosen(values, ignored.as_deref(), env::vars_os()))
}

fn chosen(
    values: &[OsString],
    ignored: Option<&[OsString]>,
    all: impl Iterator<Item = (OsString, OsString)>,
) -> Variables {
    let (all_of_them, names): (Vec<&[u8]>, Vec<&[u8]>) = values
        .iter()
        .flat_map(|value| value.as_bytes().split(|&byte| byte == b','))
        .partition(|name| ALL.contains(name));
    let takes_all = !all_of_them.is_empty();
    let is_left_out = |name: &OsStr| {
        let called = function(name).unwrap_or(name);
        NEVER_OF_ALL.iter().any(|never| name == *never)
            || ignored.is_some_and(|ignored| ignored.iter().any(|it| it == name || it == called))
    };
    all.filter(|(name, _)| {
        let called = function(name).unwrap_or(name);
        names.contains(&name.as_bytes())
            || names.contains(&called.as_bytes())
            || takes_all && !is_left_out(name)
    })
    .collect()
}

/// The name of the function that bash keeps in the variable `name`, if it does.
fn function(name: &OsStr) -> Option<&OsStr> {
    let name = name.as_bytes().strip_prefix(b"BASH_FUNC_")?;
    let name = name.strip_suffix(b"%%").or(name.strip_suffix(b"()"))?;
    Some(OsStr::from_bytes(name))
}

fn ignored_names() -> Result<Vec<OsString>, UsageError> {
    let folder = |name: &str| env::var_os(name).filter(|it| !it.is_empty());
    let home = || folder("HOME").map(|home| PathBuf::from(home).join(".parallel"));
    let folder = folder("PARALLEL_HOME").map(PathBuf::from).or_else(home);
    let file = folder.unwrap_or_default().join("ignored_vars");
    let text = fs::read(&file).map_err(|why| {
        let file = file.display();
        UsageError::value(
            "--env",
            format!("_ needs {file}: {why}; --record-env in a new shell writes it"),
        )
    })?;
    let lines = text.split(|&byte| byte == b'\n');
    Ok(lines
        .map(|line| OsString::from_vec(line.to_vec()))
        .collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen_names(values: &[&str], ignored: Option<&[&str]>) -> String {
        let all = ["A", "B", "BASH_FUNC_f%%", "BASH_FUNC_g()", "PWD", "_"];
        let all = all.map(|name| (OsString::from(name), OsString::new()));
        let owned = |names: &[&str]| names.iter().map(OsString::from).collect::<Vec<_>>();
        let ignored = ignored.map(owned);
        let chosen = chosen(&owned(values), ignored.as_deref(), all.into_iter());
        let names = chosen.iter().map(|(name, _)| name.to_string_lossy());
        names.collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn names_lists_functions_and_all_are_understood() {
        for (values, ignored, expected) in [
            (&[][..], None, ""),
            (&["A"], None, "A"),
            (&["B", "A"], None, "A B"),
            (&["A,B"], None, "A B"),
            (&["C"], None, ""),
            (&["f"], None, "BASH_FUNC_f%%"),
            (&["g,A"], None, "A BASH_FUNC_g()"),
            (&["PWD"], None, "PWD"),
            (&["*"], None, "A B BASH_FUNC_f%% BASH_FUNC_g()"),
            (&["_"], Some(&["A", "f"][..]), "B BASH_FUNC_g()"),
            (&["_", "A"], Some(&["A", "B", "BASH_FUNC_f%%", "g"]), "A"),
        ] {
            assert_eq!(chosen_names(values, ignored), expected, "{values:?}");
        }
    }
}
