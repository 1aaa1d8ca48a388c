//! What may be behind a command line that does nothing, or whose jobs fail: words for whoever typed it.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use super::called_as::CalledAs;
use crate::report::summary::Hints;
use crate::template::Quoting;

/// What hints are made from.
#[derive(Debug)]
pub struct Typed<'a> {
    /// The words of the command.
    pub command: &'a [Vec<u8>],
    /// Whether inputs come from standard input, since nothing else was said.
    pub from_stdin: bool,
    /// Whether it is meant that there may be no inputs (`-r`).
    pub may_be_empty: bool,
    /// Whether the inputs are those that failed in an earlier run, of which nothing is told.
    pub lacks_joblog: bool,
    /// The file of the joblog, if there is one.
    pub joblog: Option<PathBuf>,
    /// Whether each word of the command is kept whole (`-q`).
    pub quotes: bool,
}

/// What is said at the end of a run of `typed`: if there were no inputs, and if jobs failed.
pub fn hints(typed: &Typed) -> Hints {
    Hints {
        no_inputs: (!typed.may_be_empty).then(|| no_inputs(typed)),
        failed: [quoted_string(typed.command), split_word(typed)]
            .into_iter()
            .flatten()
            .collect(),
        again: typed.joblog.as_ref().and_then(|log| again(log)),
    }
}

/// What runs again the jobs that have failed, as `joblog` tells; `None`: it is no file.
fn again(joblog: &Path) -> Option<String> {
    let typed = joblog.as_os_str().as_bytes();
    let is_file = typed != b"-" && !joblog.starts_with("/dev");
    is_file.then(|| format!("fanout --retry-failed --joblog {}", quoted(typed)))
}

fn no_inputs(typed: &Typed) -> String {
    let nothing = "no inputs, nothing was run";
    if typed.lacks_joblog {
        return format!(
            "{nothing}: --retry-failed needs --joblog FILE, which tells what has failed"
        );
    }
    let files = match typed.command {
        // The first word is a program, whatever else it is.
        [_, words @ ..] if typed.from_stdin => trailing_files(words),
        _ => &[],
    };
    if files.is_empty() {
        return nothing.to_owned();
    }
    let command = typed.command.len() - files.len();
    let mut line: Vec<_> = typed.command[..command]
        .iter()
        .map(|it| quoted(it))
        .collect();
    line.push(":::".to_owned());
    line.extend(files.iter().take(2).map(|it| quoted(it)));
    let more = if files.len() > 2 { " ..." } else { "" };
    let program = CalledAs::Fanout.name();
    format!(
        "{nothing}; did you mean: {program} {}{more}",
        line.join(" ")
    )
}

/// The words at the end that are names of files.
fn trailing_files(words: &[Vec<u8>]) -> &[Vec<u8>] {
    let exists = |word: &&Vec<u8>| Path::new(OsStr::from_bytes(word)).exists();
    let count = words.iter().rev().take_while(exists).count();
    &words[words.len() - count..]
}

/// A replacement string that stands in quotes: what is filled in is quoted already.
fn quoted_string(command: &[Vec<u8>]) -> Option<String> {
    let line = command.join(&b' ');
    let mut open = None;
    let mut bytes = line.iter().enumerate();
    while let Some((place, &byte)) = bytes.next() {
        match (open, byte) {
            (Some(quote), _) if quote == byte => open = None,
            (None, b'\'' | b'"') => open = Some(byte),
            (None | Some(b'"'), b'\\') => {
                bytes.next();
            }
            (Some(quote), b'{') => {
                if let Some(string) = replacement_string(&line[place..]) {
                    let (quote, string) = (quote as char, text(string));
                    return Some(format!(
                        "{string} stands in quotes, but is quoted by fanout: write {string}, not {quote}{string}{quote}"
                    ));
                }
            }
            _ => {}
        }
    }
    None
}

/// The replacement string at the beginning of `line`, if there is one of the usual.
fn replacement_string(line: &[u8]) -> Option<&[u8]> {
    let end = line.iter().position(|&byte| byte == b'}')?;
    let inner = &line[1..end];
    let digits = inner.iter().take_while(|it| it.is_ascii_digit()).count();
    matches!(&inner[digits..], b"" | b"." | b"/" | b"//" | b"/.").then(|| &line[..=end])
}

/// A word that was one to the shell in front of fanout, and is several to the shell of the job.
fn split_word(typed: &Typed) -> Option<String> {
    if typed.quotes || typed.command.len() < 2 || script(typed.command).is_some() {
        return None;
    }
    let word = typed.command.iter().find(|word| is_split(word))?;
    Some(taken_apart(word))
}

fn taken_apart(word: &[u8]) -> String {
    format!(
        "the command is read by a shell once more, which takes '{}' apart: -q keeps each word whole",
        text(word)
    )
}

/// The script that an interpreter is given as one word (`sh -c 'exit 3'`), but will not get as one.
fn script(command: &[Vec<u8>]) -> Option<&[u8]> {
    const INTERPRETERS: [&[u8]; 10] = [
        b"sh", b"bash", b"dash", b"zsh", b"ksh", b"python", b"python3", b"perl", b"ruby", b"node",
    ];
    let is_interpreter = |word: &[u8]| {
        let name = word.rsplit(|&byte| byte == b'/').next();
        name.is_some_and(|name| INTERPRETERS.contains(&name))
    };
    let found = command.windows(3).find(|words| {
        is_interpreter(&words[0]) && matches!(&*words[1], b"-c" | b"-e") && is_split(&words[2])
    })?;
    Some(&found[2])
}

/// Whether a shell takes `word` apart: it has white space outside of quotes.
fn is_split(word: &[u8]) -> bool {
    let mut open = None;
    let mut bytes = word.iter();
    while let Some(&byte) = bytes.next() {
        match (open, byte) {
            (Some(quote), _) if quote == byte => open = None,
            (None, b'\'' | b'"') => open = Some(byte),
            (None | Some(b'"'), b'\\') => {
                bytes.next();
            }
            (None, _) if byte.is_ascii_whitespace() => return true,
            _ => {}
        }
    }
    false
}

/// `word` as it is typed.
fn quoted(word: &[u8]) -> String {
    let mut quoted = Vec::new();
    Quoting::Posix.append(word, &mut quoted);
    text(&quoted)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What may not be meant as it is `typed`, said before anything runs: of a command whose jobs have one argument of each
/// of so many `sources` (`None`: nobody knows how many), and of where standard output goes.
pub fn doubts(typed: &Typed, sources: Option<usize>) -> Vec<String> {
    let command = typed.command;
    let script = script(command).filter(|_| !typed.quotes);
    let script = script.map(|word| format!("Warning: {}.", taken_apart(word)));
    let stdout = std::fs::read_link("/proc/self/fd/1").ok();
    let missing = sources.and_then(|sources| missing_source(command, sources));
    let taken = stdout.and_then(|stdout| output_of_one_name(&stdout));
    missing.into_iter().chain(script).chain(taken).collect()
}

/// A replacement string of a source that there is none of.
fn missing_source(command: &[Vec<u8>], sources: usize) -> Option<String> {
    let words = command.iter().flat_map(|word| {
        let places = memchr::memchr_iter(b'{', word);
        places.filter_map(|place| replacement_string(&word[place..]))
    });
    let of = |string: &&[u8]| {
        let digits = string[1..].iter().take_while(|it| it.is_ascii_digit());
        let number = digits.fold(0usize, |number, digit| {
            number
                .saturating_mul(10)
                .saturating_add(usize::from(digit - b'0'))
        });
        number > sources
    };
    let string = words.into_iter().find(of)?;
    let there = match sources {
        1 => "there is one input source".to_owned(),
        more => format!("there are {more} input sources"),
    };
    Some(format!("Warning: {} is empty: {there}.", text(string)))
}

/// Standard output is a file that the shell has named after a replacement string, as in `fanout cmd {} > {.}.out`.
fn output_of_one_name(stdout: &Path) -> Option<String> {
    let name = stdout.file_name()?.as_bytes();
    let mut places = memchr::memchr_iter(b'{', name);
    places.find_map(|place| replacement_string(&name[place..]))?;
    Some(format!(
        "Warning: all output goes to one file that is called {name}: the shell in front of fanout has taken the '>'. Quote '> {name}', or use --results, for a file a job.",
        name = text(name),
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(line: &[&str]) -> Vec<Vec<u8>> {
        line.iter().map(|word| word.as_bytes().to_vec()).collect()
    }

    fn of(command: &[&str]) -> Hints {
        hints(&Typed {
            command: &words(command),
            from_stdin: true,
            may_be_empty: false,
            lacks_joblog: false,
            joblog: None,
            quotes: false,
        })
    }

    #[test]
    fn names_of_files_behind_the_command_may_be_meant_as_inputs() {
        let said = |command: &[&str]| of(command).no_inputs.unwrap();
        assert_eq!(
            said(&["gzip", "-9", "Cargo.toml", "Cargo.lock"]),
            "no inputs, nothing was run; did you mean: fanout gzip -9 ::: Cargo.toml Cargo.lock"
        );
        assert!(said(&["ls", "src", "tests", "benches"]).ends_with("::: src tests ..."));
        for command in [&["gzip"][..], &["src"], &["ls", "src", "-l"], &[]] {
            assert_eq!(said(command), "no inputs, nothing was run");
        }
        let meant = Typed {
            command: &words(&["gzip"]),
            from_stdin: true,
            may_be_empty: true,
            lacks_joblog: false,
            joblog: None,
            quotes: false,
        };
        assert_eq!(hints(&meant).no_inputs, None);
    }

    #[test]
    fn a_replacement_string_in_quotes_is_told_of() {
        for (line, string) in [
            ("echo '{}'", "{}"),
            ("echo \"a {2//}\"", "{2//}"),
            ("echo 'it'\"'{.}\"", "{.}"),
        ] {
            let said = of(&[line]).failed;
            let begin = format!("{string} stands in quotes");
            assert!(said[0].starts_with(&begin), "{line}: {said:?}");
        }
        for line in ["echo {}", "echo 'a'{}'b'", "echo \\'{}\\'", "awk '{print}'"] {
            assert!(of(&[line]).failed.is_empty(), "{line}");
        }
    }

    #[test]
    fn a_word_that_is_taken_apart_is_told_of() {
        assert!(of(&["awk", "{print $1}"]).failed[0].contains("'{print $1}'"));
        for command in [
            &["awk '{print $1}'"][..],
            &["gzip", "-9"],
            &["echo", "'a b'\\ c"],
        ] {
            assert!(of(command).failed.is_empty(), "{command:?}");
        }
    }

    #[test]
    fn a_script_that_is_no_longer_one_word_is_told_of_at_once() {
        let found = |command: &[&str]| script(&words(command)).map(<[u8]>::to_vec);
        assert_eq!(
            found(&["/bin/sh", "-c", "exit 3"]),
            Some(b"exit 3".to_vec())
        );
        assert!(found(&["time", "python3", "-c", "import sys"]).is_some());
        for command in [
            &["sh", "-c", "'exit 3'"][..],
            &["sh", "-c", "exit"],
            &["grep", "-e", "a b"],
            &["sh", "script", "a b"],
        ] {
            assert_eq!(found(command), None, "{command:?}");
        }
    }

    #[test]
    fn a_source_that_is_not_there_is_told_of() {
        let said = |line, sources| missing_source(&words(&[line]), sources);
        let of_two = "Warning: {3/.} is empty: there are 2 input sources.";
        assert_eq!(said("echo {1} {3/.}", 2).as_deref(), Some(of_two));
        assert!(said("echo {2}", 1).unwrap().ends_with("one input source."));
        assert!(said("echo {99999999999999999999}", 1).is_some());
        for line in [
            "echo {2} {1}",
            "echo {}",
            "echo {3",
            "echo {-3}",
            "a{3}b {4,5}",
        ] {
            assert_eq!(said(line, 3), None, "{line}");
        }
    }

    #[test]
    fn output_that_the_shell_has_taken_is_told_of() {
        let said = |name: &str| output_of_one_name(Path::new(name));
        assert!(said("/tmp/{.}.out").unwrap().contains("called {.}.out:"));
        for name in ["/tmp/x", "/", "{a}", "{"] {
            assert_eq!(said(name), None, "{name}");
        }
    }
}
