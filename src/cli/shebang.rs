//! `--shebang` and `--shebang-wrap`: scripts whose first line names fanout as their interpreter.
//!
//! The kernel hands all that stands behind the interpreter's name on as one word, then the script's path,
//! then the script's arguments. So both options have to come first, and the word is taken apart here.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::Read as _;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use super::error::UsageError;
use super::words;
use crate::sys::stdin;
use crate::template::Quoting;

/// The command line that `args` stand for.
///
/// For `--shebang` the script, from its second line on, becomes standard input, and that the first input
/// source. For `--shebang-wrap` the script is run by its real interpreter with each of its arguments, or of
/// the lines of standard input if it has none.
///
/// # Errors
///
/// One line that names the script that cannot be read.
pub fn expand(args: Vec<OsString>) -> Result<Vec<OsString>, UsageError> {
    let Some(first) = args.first().map(|first| first.as_bytes()) else {
        return Ok(args);
    };
    let after = |name: &[u8]| {
        let rest = first.strip_prefix(name)?;
        (rest.is_empty() || rest[0].is_ascii_whitespace()).then_some(rest)
    };
    if let Some(rest) = after(b"--shebang").or_else(|| after(b"--hashbang")) {
        script_as_input(options(rest)?, &args[1..])
    } else if let Some(rest) = after(b"--shebang-wrap") {
        wrapped(options(rest)?, &args[1..])
    } else {
        Ok(args)
    }
}

fn options(text: &[u8]) -> Result<Vec<OsString>, UsageError> {
    let words = words::split(text).ok_or("the #! line has an unbalanced quote")?;
    Ok(words.into_iter().map(OsString::from_vec).collect())
}

/// As in GNU parallel the last word is the script.
fn script_as_input(
    mut words: Vec<OsString>,
    rest: &[OsString],
) -> Result<Vec<OsString>, UsageError> {
    let Some((script, more)) = rest.split_last() else {
        return Err("--shebang must be in the first line of a script".into());
    };
    let cannot = |error| {
        let why = format!("cannot read {}: {error}", script.display());
        UsageError::value("--shebang", why)
    };
    let mut file = File::open(script).map_err(cannot)?;
    skip_shebang(&mut file).map_err(cannot)?;
    stdin::become_file(&file).map_err(cannot)?;
    words.splice(0..0, ["-a", "-"].map(OsString::from));
    words.extend_from_slice(more);
    Ok(words)
}

/// Leaves `file` at the start of its second line.
fn skip_shebang(file: &mut File) -> std::io::Result<()> {
    // Byte by byte: what is read is not there for the one who reads on.
    let mut byte = [0];
    while byte != *b"\n" && file.read(&mut byte)? > 0 {}
    Ok(())
}

/// As in GNU parallel, the script's arguments are values of an input source, and may hold `:::` themselves.
fn wrapped(mut words: Vec<OsString>, rest: &[OsString]) -> Result<Vec<OsString>, UsageError> {
    // By `env -S` the options come as words of their own: then the script is the first that looks like one.
    let place = if words.is_empty() {
        rest.iter().position(|word| is_wrapped(word))
    } else {
        Some(0)
    };
    let Some(script) = place.and_then(|place| rest.get(place)) else {
        return Err("--shebang-wrap must be in the first line of a script".into());
    };
    let place = place.unwrap_or_default();
    words.extend_from_slice(&rest[..place]);
    let mut quoted = Vec::new();
    Quoting::Posix.append(script.as_bytes(), &mut quoted);
    words.push(OsString::from_vec(quoted));
    let values = &rest[place + 1..];
    if !values.is_empty() {
        words.push(":::".into());
        words.extend_from_slice(values);
    }
    Ok(words)
}

fn is_wrapped(file: &OsStr) -> bool {
    let mut head = Vec::new();
    let read = File::open(file).and_then(|file| file.take(256).read_to_end(&mut head));
    let line = head.split(|&byte| byte == b'\n').next().unwrap_or_default();
    read.is_ok()
        && line.starts_with(b"#!")
        && memchr::memmem::find(line, b"--shebang-wrap").is_some()
}

#[cfg(test)]
mod tests {
    use super::{UsageError, expand};

    fn expanded(args: &[&str]) -> Result<String, UsageError> {
        let words = expand(args.iter().map(Into::into).collect())?;
        let words: Vec<_> = words.iter().map(|word| word.to_str().unwrap()).collect();
        Ok(words.join("|"))
    }

    #[test]
    fn a_wrapped_script_gets_its_arguments_one_by_one() {
        let wrap = "--shebang-wrap -k /bin/sh -e";
        assert_eq!(
            expanded(&[wrap, "./s", "a b", ":::", "c"]).unwrap(),
            "-k|/bin/sh|-e|./s|:::|a b|:::|c"
        );
        assert_eq!(
            expanded(&[wrap, "./my s"]).unwrap(),
            "-k|/bin/sh|-e|'./my s'"
        );
        assert!(expanded(&["--shebang-wrap"]).is_err());
    }

    #[test]
    fn other_command_lines_are_left_alone() {
        for args in [&["-k", "--shebang"][..], &["--shebangs"], &[]] {
            assert_eq!(expanded(args).unwrap(), args.join("|"));
        }
        let error = expanded(&["--shebang -k echo", "/nofile"]).unwrap_err();
        assert!(error.to_string().contains("/nofile"), "{error}");
    }
}
