//! `--_parset`: the variables that a shell wants assignments to, as GNU's `parset` asks for them.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;

use crate::cli::error::UsageError;
use crate::report::text::assign::{Config, Variables};
use crate::template::Quoting;

/// What `value` asks for, of a shell that has this `quoting`: `var,NAME` an array, `var,NAME,NAME` variables,
/// `assoc,NAME` an array with keys. Names may also have blanks between them.
pub(super) fn config(value: &OsString, quoting: Quoting) -> Result<Config, UsageError> {
    let value = value.as_bytes();
    let comma = memchr::memchr(b',', value).unwrap_or(value.len());
    let (kind, names) = value.split_at(comma);
    let mut names: Vec<&[u8]> = names
        .get(1..)
        .unwrap_or_default()
        .split(|byte| matches!(byte, b',' | b' '))
        .collect();
    while names.len() > 1 && names.last().is_some_and(|name| name.is_empty()) {
        names.pop();
    }
    let variables = match (kind, &names[..]) {
        (b"assoc", [name, ..]) => Variables::Keyed(checked(name)?),
        (b"var", [name]) => Variables::Array(checked(name)?),
        (b"var", names) => {
            let names = names.iter().map(|name| checked(name));
            Variables::Each(names.collect::<Result<_, _>>()?)
        }
        _ => {
            let kind = String::from_utf8_lossy(kind);
            let why = format!("must be var,NAMES or assoc,NAME, not '{kind}'");
            return Err(UsageError::value("--_parset", why));
        }
    };
    Ok(Config { variables, quoting })
}

/// `name`, if it is one of a variable or of an array's element.
fn checked(name: &[u8]) -> Result<Vec<u8>, UsageError> {
    let is_word = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b'_';
    let begins = |name: &[u8]| name.first().is_some_and(|first| !first.is_ascii_digit());
    let variable = match memchr::memchr(b'[', name) {
        Some(open) => {
            let index = name[open..]
                .strip_prefix(b"[")
                .and_then(|it| it.strip_suffix(b"]"));
            index
                .filter(|index| !index.is_empty() && index.iter().all(u8::is_ascii_digit))
                .map(|_| &name[..open])
        }
        None => Some(name),
    };
    match variable {
        Some(variable) if begins(variable) && variable.iter().all(is_word) => Ok(name.to_vec()),
        _ => Err(UsageError::Unusable(format!(
            "'{}' is no name of a variable, which has letters, digits and _, and no digit first",
            String::from_utf8_lossy(name)
        ))),
    }
}

#[cfg(test)]
mod tests {
    use super::{Config, Variables, config};
    use crate::template::Quoting;

    #[test]
    fn names_are_one_array_or_several_variables() {
        let each = |names: &[&str]| {
            Variables::Each(names.iter().map(|name| name.as_bytes().to_vec()).collect())
        };
        for (value, want) in [
            ("var,a", Variables::Array(b"a".to_vec())),
            ("var,a,", Variables::Array(b"a".to_vec())),
            ("var,a[2]", Variables::Array(b"a[2]".to_vec())),
            ("var,a,b", each(&["a", "b"])),
            ("var,a b,_c9", each(&["a", "b", "_c9"])),
            ("var,a[1],b[02]", each(&["a[1]", "b[02]"])),
            ("assoc,a", Variables::Keyed(b"a".to_vec())),
            ("assoc,a,b", Variables::Keyed(b"a".to_vec())),
        ] {
            let got = config(&value.into(), Quoting::Posix).unwrap();
            let quoting = Quoting::Posix;
            assert_eq!(
                got,
                Config {
                    variables: want,
                    quoting
                },
                "{value}"
            );
        }
    }

    #[test]
    fn what_is_no_name_is_refused() {
        for (value, culprit) in [
            ("list,a", "'list'"),
            ("var,1a", "'1a'"),
            ("var,a-b", "'a-b'"),
            ("var,a,,b", "''"),
            ("var,a[1", "'a[1'"),
            ("var,a[i]", "'a[i]'"),
            ("var,a;b", "'a;b'"),
            ("assoc,a[b]", "'a[b]'"),
        ] {
            let error = config(&value.into(), Quoting::Posix).unwrap_err();
            assert!(error.to_string().contains(culprit), "{value}: {error}");
        }
    }
}
