//! Completion of command lines: what a shell has evaluated once, and the answers that its functions ask fanout for.
//!
//! The scripts of the shells are short: at each Tab they hand over the words up to the cursor (`--_complete`), and get
//! one of these, a line each:
//!
//! | first line | what is to be completed |
//! |---|---|
//! | `command N` | the command that begins at word N, counted from 0, as if it stood alone |
//! | `files` | a file name |
//! | `values` | one of the lines that follow; what a tab parts from a value says what it is for |

mod values;

use clap::{Arg, ArgAction, Command, CommandFactory as _};

use crate::cli::called_as::CalledAs;
use crate::cli::error::UsageError;
use crate::cli::flags::{CompletionShell, Flags};

/// The completion for `shell` of the command line of the program by the name it was called by.
///
/// # Errors
///
/// When `shell` is to be found out and is none of those that are known.
pub fn script(shell: CompletionShell, called_as: CalledAs) -> Result<String, UsageError> {
    let script = match known(shell)? {
        CompletionShell::Zsh => include_str!("zsh"),
        CompletionShell::Fish => include_str!("fish"),
        _ => include_str!("bash"),
    };
    Ok(script.replace("PROGRAM", called_as.name()))
}

/// `auto` by the name of the process that called, or else `$SHELL`.
fn known(shell: CompletionShell) -> Result<CompletionShell, UsageError> {
    if shell != CompletionShell::Auto {
        return Ok(shell);
    }
    let caller = crate::sys::host::parent_name();
    let login = std::env::var("SHELL").unwrap_or_default();
    for path in [&caller, &login] {
        let name = path.rsplit('/').next().unwrap_or_default();
        match name.trim_start_matches('-') {
            "bash" => return Ok(CompletionShell::Bash),
            "zsh" => return Ok(CompletionShell::Zsh),
            "fish" => return Ok(CompletionShell::Fish),
            _ => {}
        }
    }
    Err("--shell-completion auto: the calling shell is none of bash, zsh and fish".into())
}

/// The answer to a shell that wants the last of `words` completed, of which the first is the program.
pub fn answer(words: &[String]) -> String {
    let table = Flags::command();
    let Some((last, before)) = words.split_last() else {
        return "files\n".to_owned();
    };
    match place(&table, before) {
        Place::Command(at) => format!("command {at}\n"),
        Place::Begin(at) if !last.starts_with('-') => format!("command {at}\n"),
        Place::Begin(_) => match last.split_once('=') {
            Some((name, begun)) => match long(&table, name.trim_start_matches('-')) {
                Some(arg) => values_of(arg, begun, words),
                None => "files\n".to_owned(),
            },
            None => options(&table, last),
        },
        Place::Value(arg) => values_of(arg, last, words),
        Place::Input => "files\n".to_owned(),
    }
}

/// What the word is that comes next.
enum Place<'a> {
    /// One of the command that begins at this word.
    Command(usize),
    /// The first one of the command, or an option before it.
    Begin(usize),
    /// The value of an option.
    Value(&'a Arg),
    /// An input.
    Input,
}

fn place<'a>(table: &'a Command, before: &[String]) -> Place<'a> {
    let (mut at, mut is_over) = (1, false);
    while let Some(word) = before.get(at) {
        if is_separator(word) {
            return Place::Input;
        }
        if word == "--" {
            at += 1;
            is_over = true;
            break;
        }
        if !word.starts_with('-') || word == "-" {
            break;
        }
        at += 1;
        if let Some(arg) = wants_value(table, word) {
            if at == before.len() {
                return Place::Value(arg);
            }
            at += 1;
        }
    }
    if before.iter().skip(at).any(|word| is_separator(word)) {
        return Place::Input;
    }
    if at < before.len() || is_over {
        Place::Command(at)
    } else {
        Place::Begin(at)
    }
}

/// Whether inputs stand behind `word`.
fn is_separator(word: &str) -> bool {
    matches!(word, ":::" | ":::+" | "::::" | "::::+")
}

/// The option whose value the word behind `word` is, if it is one.
fn wants_value<'a>(table: &'a Command, word: &str) -> Option<&'a Arg> {
    if let Some(name) = word.strip_prefix("--") {
        return long(table, name).filter(|arg| takes_next(arg));
    }
    let mut letters = word.strip_prefix('-')?.chars();
    while let Some(letter) = letters.next() {
        let arg = table
            .get_arguments()
            .find(|arg| arg.get_short() == Some(letter))?;
        if takes_value(arg) {
            return Some(arg).filter(|arg| letters.as_str().is_empty() && takes_next(arg));
        }
    }
    None
}

fn long<'a>(table: &'a Command, name: &str) -> Option<&'a Arg> {
    table.get_arguments().find(|arg| {
        let aliases = arg.get_all_aliases().unwrap_or_default();
        arg.get_long() == Some(name) || aliases.contains(&name)
    })
}

fn takes_value(arg: &Arg) -> bool {
    matches!(arg.get_action(), ArgAction::Set | ArgAction::Append)
}

/// Whether it has a value that may stand in a word of its own.
fn takes_next(arg: &Arg) -> bool {
    let optional = arg
        .get_num_args()
        .is_some_and(|range| range.min_values() == 0);
    takes_value(arg) && !optional
}

/// The options that begin with `begun`.
fn options(table: &Command, begun: &str) -> String {
    let mut answer = "values\n".to_owned();
    for arg in table.get_arguments().filter(|arg| !arg.is_hide_set()) {
        let help = arg.get_help().map(ToString::to_string).unwrap_or_default();
        let help = in_brief(help.lines().next().unwrap_or_default());
        let short = arg.get_short().map(|letter| format!("-{letter}"));
        let long = arg.get_long().map(|name| format!("--{name}"));
        let names = short.into_iter().filter(|_| begun.len() < 2).chain(long);
        for name in names.filter(|name| name.starts_with(begun)) {
            answer.extend([&name, "\t", help, "\n"]);
        }
    }
    answer
}

/// What `help` says first.
fn in_brief(help: &str) -> &str {
    let ends = ["; ", ": ", ". ", " ('"]
        .iter()
        .filter_map(|end| help.find(end));
    &help[..ends.min().unwrap_or(help.len())]
}

/// The values of `arg` that begin with `begun`.
fn values_of(arg: &Arg, begun: &str, words: &[String]) -> String {
    let Some(values) = values::of(arg, begun, words) else {
        return "files\n".to_owned();
    };
    let mut answer = "values\n".to_owned();
    for (value, what) in values {
        if value.starts_with(begun) {
            answer.extend([value.as_str(), "\t", &what, "\n"]);
        }
    }
    answer
}

#[cfg(test)]
mod tests {
    use super::answer;

    fn of(line: &str) -> String {
        let words: Vec<_> = line.split(' ').map(str::to_owned).collect();
        answer(&words)
    }

    #[test]
    fn the_command_is_what_stands_behind_the_options() {
        for (line, expected) in [
            ("fanout ", "command 1\n"),
            ("fanout -j4 git che", "command 2\n"),
            ("fanout -j 4 git che", "command 3\n"),
            ("fanout -kj4 --timeout 5 git checkout -", "command 4\n"),
            ("fanout --joblog=x --json gzip -", "command 3\n"),
            ("fanout -k -- -", "command 3\n"),
            ("fanout echo ::: ", "files\n"),
            ("fanout ::: a ", "files\n"),
            ("fanout -j4 echo {} :::: f", "files\n"),
            ("fanout --joblog f", "files\n"),
            ("fanout --what=x", "files\n"),
        ] {
            assert_eq!(of(line), expected, "{line}");
        }
    }

    #[test]
    fn options_and_values_are_completed() {
        let options = of("fanout --json-d");
        assert_eq!(
            options,
            "values\n--json-detail\tHow much goes into the JSON\n"
        );
        assert!(of("fanout -k -").contains("\n-j\t"));
        assert!(!of("fanout --_").contains("--_"));
        for line in ["fanout --json-detail=pr", "fanout --json-detail pr"] {
            let values = of(line);
            assert!(values.starts_with("values\nprogress\t"), "{values}");
            assert_eq!(values.lines().count(), 2, "{values}");
        }
        assert!(of("fanout --halt now,f").contains("\nnow,fail=1\t"));
        assert!(of("fanout --retry-on fail,ti").contains("\nfail,timeout\t"));
    }
}
