//! Scripts that have fanout do something: `--combineexec`, `--embed`.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

use crate::cli::called_as::CalledAs;
use crate::cli::error::UsageError;
use crate::model::ArgList;
use crate::template::Quoting;

/// How the option is spelt.
const SPELLINGS: [&[u8]; 3] = [b"--combineexec", b"--combine-exec", b"--combine-executable"];

/// Writes the program `name`: it calls fanout with the words of `typed`, but for the option that asked for
/// it, and with its own arguments behind them.
///
/// # Errors
///
/// One line that names the file.
pub fn write(name: &OsString, typed: &ArgList, called_as: CalledAs) -> Result<(), UsageError> {
    let mut script = format!("#!/bin/sh\nexec {}", called_as.command()).into_bytes();
    let mut words = typed.iter();
    while let Some(word) = words.next() {
        if SPELLINGS.contains(&word) {
            words.next();
        } else if !is_with_value(word) {
            script.push(b' ');
            let start = script.len();
            script.extend_from_slice(word);
            Quoting::Posix.quote_tail(&mut script, start);
        }
    }
    script.extend_from_slice(b" \"$@\"\n");
    let path = Path::new(OsStr::from_bytes(name.as_bytes()));
    executable(path, &script).map_err(|why| {
        let why = format!("cannot write '{}': {why}", path.display());
        UsageError::value("--combineexec", why)
    })
}

fn is_with_value(word: &[u8]) -> bool {
    let mut spellings = SPELLINGS.iter();
    spellings.any(|name| {
        word.strip_prefix(*name)
            .is_some_and(|rest| rest.starts_with(b"="))
    })
}

fn executable(path: &Path, script: &[u8]) -> io::Result<()> {
    fs::write(path, script)?;
    let mut permissions = fs::metadata(path)?.permissions();
    permissions.set_mode(permissions.mode() | 0o111);
    fs::set_permissions(path, permissions)
}

/// The beginning of a shell script in which `parallel` is fanout.
pub fn embedded() -> String {
    "#!/bin/sh\n\
     # parallel, by fanout, which must be installed.\n\
     parallel() {\n    command fanout --no-summary \"$@\"\n}\n\
     # The script begins here.\n"
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::{SPELLINGS, is_with_value, write};
    use crate::cli::CalledAs;

    #[test]
    fn the_program_has_all_words_but_the_option() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("it");
        let name = path.clone().into_os_string();
        for option in SPELLINGS {
            let typed = [b"-k", option, b"it", b"echo", b"a  b"]
                .into_iter()
                .collect();
            write(&name, &typed, CalledAs::Parallel).unwrap();
            let script = std::fs::read_to_string(&path).unwrap();
            assert_eq!(script, "#!/bin/sh\nexec parallel -k echo 'a  b' \"$@\"\n");
        }
        assert!(is_with_value(b"--combineexec=x"));
    }
}
