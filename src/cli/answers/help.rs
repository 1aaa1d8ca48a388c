//! Help: a screen of it, the whole, a section, an option.

use std::fmt::Write as _;
use std::io::IsTerminal as _;

use clap::builder::StyledStr;
use clap::{Arg, Command};

use super::GNU_VERSION;
use crate::cli::called_as::CalledAs;
use crate::cli::error::UsageError;
use crate::cli::looks;

const EXAMPLES: [(&str, &str); 6] = [
    ("fanout gzip ::: *.log", "a job for each file"),
    (
        "fanout -j4 convert {} {.}.webp ::: *.jpg",
        "4 at a time; {.}: no extension",
    ),
    (
        "find . -name '*.py' -print0 | fanout -0 ruff",
        "names from a pipe",
    ),
    (
        "fanout --bar --retries 3 curl -fsSO :::: urls",
        "lines of a file; tried again",
    ),
    (
        "fanout --joblog log --resume ./sim :::: seeds",
        "goes on after a stop",
    ),
    (
        "fanout --pipe --block 10M grep -c ERROR < log",
        "one stream in blocks",
    ),
];

/// The options that most people need, and what they are for.
const COMMON: [(&str, &str); 15] = [
    ("jobs", "Run N jobs at a time [default: one a CPU thread]"),
    ("keep-order", "Print output in the order of the inputs"),
    ("dry-run", "Print the commands that would run"),
    ("arg-file", "Read inputs from FILE, one a line"),
    ("null", "Inputs end with a NUL byte (find -print0)"),
    ("colsep", "Cut inputs into columns {1}, {2} ..."),
    ("max-args", "Give each job up to N inputs"),
    ("tag", "Put the input before each line of output"),
    ("line-buffer", "Print lines at once, as jobs print them"),
    ("bar", "Show a progress bar"),
    ("retries", "Try a job that fails up to N times"),
    ("timeout", "End jobs that take longer than this"),
    ("halt", "When to stop: now,fail=1 at the first failure"),
    ("joblog", "Write down each job; --resume goes on"),
    ("json", "Report each job as a line of JSON"),
];

/// The columns of a terminal that the screen is made for.
const WIDTH: usize = 80;

/// What most people need, on one screen.
pub fn screen(table: &Command) -> String {
    let mut text = "Run one command for many inputs, on all cores.\n\n".to_owned();
    let width = |lines: &[(String, &str)]| lines.iter().map(|(line, _)| line.len()).max();
    let mut block = |lines: Vec<(String, &str)>| {
        let width = width(&lines).unwrap_or_default();
        for (line, what) in lines {
            // Writing to a String does not fail.
            let _ = writeln!(text, "  {line:width$}  {what}");
        }
        text.push('\n');
    };
    block(EXAMPLES.map(|(line, what)| (line.to_owned(), what)).into());
    let spelled = COMMON.iter().filter_map(|(name, what)| {
        let mut options = table.get_arguments();
        let option = options.find(|option| option.get_long() == Some(name))?;
        Some((spelling(option), *what))
    });
    block(spelled.collect());
    let sections = sections(table).join(", ").to_lowercase();
    text + "Replacement strings: {} input  {.} without extension  {/} base name\n\
            \x20 {//} directory  {/.} both  {#} job number  {%} slot  {1} of source or column 1\n\
            Exit code: the number of failed jobs (101: more than 100), 255 for other errors.\n\n\
            fanout --help: all options; --help OPTION: one; --help SECTION: some, of\n"
        + &filled(&sections)
        + "fanout --man | man -l -: the manual\n"
}

/// `-j, --jobs <N>`.
fn spelling(option: &Arg) -> String {
    let short = option
        .get_short()
        .map_or("    ".to_owned(), |short| format!("-{short}, "));
    let long = option.get_long().unwrap_or_default();
    let values = option.get_value_names().filter(|_| takes_value(option));
    match values.and_then(<[_]>::first) {
        Some(value) if option.is_require_equals_set() => format!("{short}--{long}[=<{value}>]"),
        Some(value) => format!("{short}--{long} <{value}>"),
        None => format!("{short}--{long}"),
    }
}

fn takes_value(option: &Arg) -> bool {
    option.get_action().takes_values()
}

/// `words` in lines that are indented and not too long.
fn filled(words: &str) -> String {
    let mut text = String::new();
    let mut column = WIDTH;
    for word in words.split(' ') {
        if column + 1 + word.len() > WIDTH {
            text += if text.is_empty() { "  " } else { "\n  " };
            column = 2;
        } else {
            text.push(' ');
            column += 1;
        }
        text += word;
        column += word.len();
    }
    text + "\n"
}

/// The headings of the sections, in order.
fn sections(table: &Command) -> Vec<&str> {
    let mut found = Vec::new();
    let visible = table.get_arguments().filter(|option| !option.is_hide_set());
    for heading in visible.filter_map(Arg::get_help_heading) {
        if !found.contains(&heading) {
            found.push(heading);
        }
    }
    found
}

/// All options. By the name `parallel` the page has the words that scripts look for to tell this program from another
/// one of that name.
pub fn whole(table: &mut Command, called_as: CalledAs) -> String {
    let page = shown(&table.render_help());
    match called_as {
        CalledAs::Fanout => page,
        CalledAs::Parallel | CalledAs::Sem => {
            format!("{page}\nThis is fanout, which stands in for GNU Parallel {GNU_VERSION}.\n")
        }
    }
}

/// The options of the section that is called `topic`, or begins so; or the option of that name, with or without dashes.
///
/// # Errors
///
/// When there is neither: names the sections.
pub fn about(table: &Command, topic: &str) -> Result<String, UsageError> {
    let name = topic.trim_start_matches('-');
    let letter = name.chars().next().filter(|_| name.chars().count() == 1);
    let is_named = |option: &Arg| {
        let aliases = option.get_all_aliases().unwrap_or_default();
        let letters = option.get_all_short_aliases().unwrap_or_default();
        let mut letters = option.get_short().into_iter().chain(letters);
        option.get_long() == Some(name)
            || aliases.contains(&name)
            || letter.is_some_and(|letter| letters.any(|it| it == letter))
    };
    if let Some(option) = table.get_arguments().find(|option| is_named(option)) {
        let id = option.get_id().clone();
        return Ok(only(table, |option| *option.get_id() == id));
    }
    let wanted = name.to_lowercase();
    let sections = sections(table);
    let section = sections
        .iter()
        .find(|section| !wanted.is_empty() && section.to_lowercase().starts_with(&wanted));
    if let Some(section) = section {
        return Ok(only(table, |option| {
            option.get_help_heading() == Some(section)
        }));
    }
    let all = sections.join(", ").to_lowercase();
    let why = format!("there is no option and no section '{topic}'; sections: {all}");
    Err(UsageError::value("--help:", why))
}

/// The help of those options that `wanted` is true of.
fn only(table: &Command, wanted: impl Fn(&Arg) -> bool) -> String {
    let mut part = Command::new("fanout")
        .disable_help_flag(true)
        .disable_version_flag(true)
        .help_template("{all-args}")
        .args(
            table
                .get_arguments()
                .filter(|option| wanted(option))
                .cloned(),
        );
    shown(&part.render_help())
}

/// In colours where somebody looks who wants some.
fn shown(text: &StyledStr) -> String {
    if std::io::stdout().is_terminal() && !looks::refuses_colors() {
        text.ansi().to_string()
    } else {
        text.to_string()
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::flags::Flags;

    #[test]
    fn the_screen_is_one() {
        let text = screen(&Flags::command());
        for line in text.lines() {
            assert!(line.chars().count() <= WIDTH, "{line}");
        }
        assert!(text.lines().count() <= 36, "{text}");
        for (name, _) in COMMON {
            assert!(text.contains(&format!("--{name}")), "--{name}");
        }
    }

    #[test]
    fn options_are_found_by_any_name_and_sections_by_their_beginning() {
        let table = Flags::command();
        for (topic, first) in [
            ("halt", "--halt"),
            ("--halt", "--halt"),
            ("-j", "--jobs"),
            ("P", "--jobs"),
            ("max-procs", "--jobs"),
            ("batch", "--max-args"),
            ("Input", "--arg-file"),
        ] {
            let text = about(&table, topic).unwrap();
            assert!(text.contains(first), "{topic}: {text}");
            assert!(text.lines().count() < 80, "{topic}: {text}");
        }
        for topic in ["nonsense", "", "--"] {
            assert!(about(&table, topic).is_err(), "{topic}");
        }
    }
}
