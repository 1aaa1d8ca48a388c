//! The flags on compressed output.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use crate::cli::error::UsageError;
use crate::flow::spool::Codec;

/// Who compresses if nobody is named, the first that is installed: fast ones first.
const PROGRAMS: [&str; 5] = ["zstd", "lz4", "pigz", "gzip", "bzip2"];

/// How output that is kept is compressed: by the programs that were named.
///
/// # Errors
///
/// One line that names the program that is not installed.
pub(super) fn codec(
    compress: Option<&OsString>,
    decompress: Option<&OsString>,
) -> Result<Codec, UsageError> {
    let compress = match compress {
        Some(program) => program.clone(),
        None => default_program()?,
    };
    let decompress = match decompress {
        Some(program) => program.clone(),
        None => with(&compress, " -dc"),
    };
    for (option, command) in [
        ("--compress-program", &compress),
        ("--decompress-program", &decompress),
    ] {
        if !may_run(command) {
            let why = format!("'{}' is not installed", command.display());
            return Err(UsageError::value(format!("{option}:"), why));
        }
    }
    Ok(Codec {
        shell: "/bin/sh".into(),
        compress,
        decompress,
    })
}

fn with(command: &OsStr, option: &str) -> OsString {
    let mut command = command.to_owned();
    command.push(option);
    command
}

fn default_program() -> Result<OsString, UsageError> {
    let installed = PROGRAMS.iter().find(|name| is_installed(Path::new(name)));
    let found = installed.map(|name| with(OsStr::new(name), " -c"));
    found.ok_or_else(|| {
        let why = format!("needs one of {}", PROGRAMS.join(", "));
        UsageError::value("--compress", why)
    })
}

/// Whether a shell may find the program of `command`; one that is more than a program and its arguments may do
/// anything.
fn may_run(command: &OsStr) -> bool {
    let bytes = command.as_bytes();
    let is_plain = |byte: &u8| byte.is_ascii_alphanumeric() || b" -_./+,:=@%".contains(byte);
    if !bytes.iter().all(is_plain) {
        return true;
    }
    let first = bytes
        .split(|&byte| byte == b' ')
        .find(|word| !word.is_empty());
    first.is_some_and(|word| is_installed(Path::new(OsStr::from_bytes(word))))
}

fn is_installed(program: &Path) -> bool {
    if program.components().count() > 1 {
        return program.is_file();
    }
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(program).is_file())
}

#[cfg(test)]
mod tests {
    use super::may_run;
    use std::ffi::OsStr;

    #[test]
    fn a_program_that_is_not_there_is_found_out() {
        for (command, wanted) in [
            ("cat", true),
            ("  cat -u", true),
            ("/bin/sh -c x", true),
            ("cat | cat", true),
            ("no-such-program -9", false),
            ("/no/such", false),
            ("", false),
        ] {
            assert_eq!(may_run(OsStr::new(command)), wanted, "{command}");
        }
    }
}
