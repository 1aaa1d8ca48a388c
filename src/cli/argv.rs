//! GNU parallel's shape of a command line: options, then the command's words, then input sources.
//!
//! Options end at the first word that is none, so a command's own options are never taken for
//! fanout's. What is found is put into the one form that leaves clap nothing to guess,
//! `--long=value`: bundles (`-kj4`), abbreviations (`--keep`), values that begin with a dash
//! (`-j -2`) and values that may be left out are all dealt with here.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use clap::{Arg, Command};

use super::flags::OWN;
use super::source_words::SourceWords;

/// A command line taken apart.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Argv {
    /// The options, each as one `--long` or `--long=value`; unknown ones as they were typed.
    pub options: Vec<OsString>,
    /// The words of the command.
    pub command: Vec<Vec<u8>>,
    /// `:::` and its kin, in order.
    pub sources: Vec<SourceWords>,
}

/// Takes `words` (without the program's name) apart; `known` defines the options.
pub fn split(words: Vec<OsString>, known: &Command) -> Argv {
    let mut words = words.into_iter().peekable();
    let mut argv = Argv::default();
    while let Some(word) = words.next_if(|word| is_option(word.as_bytes())) {
        if word == "--" {
            break;
        }
        let mut value = |taken: Taken| match taken {
            Taken::Any => words.next(),
            Taken::NoOption => words.next_if(|word| !is_option(word.as_bytes())),
        };
        if word.as_bytes().starts_with(b"--") {
            argv.options.push(long_option(word, known, &mut value));
        } else {
            let end = short_options(&word, known, &mut value, &mut argv.options);
            if end == OptionsEnd::Here {
                break;
            }
        }
        // As GNU parallel: `-l 2`, though `-l` may stand alone, too.
        if let Some(option) = argv.options.last_mut().filter(|it| *it == "--max-lines")
            && let Some(number) = words.next_if(|word| is_number(word.as_bytes()))
        {
            option.push("=");
            option.push(number);
        }
    }
    let separators = Separators::of(&argv.options);
    for word in words {
        let word = word.into_vec();
        if let Some(source) = separators.source(&word) {
            argv.sources.push(source);
        } else if let Some(source) = argv.sources.last_mut() {
            source.words.push(word);
        } else {
            argv.command.push(word);
        }
    }
    argv
}

/// Whether `word` is a whole number, maybe a negative one.
fn is_number(word: &[u8]) -> bool {
    let digits = word.strip_prefix(b"-").unwrap_or(word);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

fn is_option(word: &[u8]) -> bool {
    word.len() > 1 && word[0] == b'-'
}

/// What begins a source: `:::`, `::::`, or what `--arg-sep` and `--arg-file-sep` say.
struct Separators {
    words: Vec<u8>,
    files: Vec<u8>,
}

impl Separators {
    fn of(options: &[OsString]) -> Self {
        let last = |name: &str, default: &str| {
            let mut values = options.iter().rev();
            let typed = values.find_map(|option| option.as_bytes().strip_prefix(name.as_bytes()));
            typed.unwrap_or(default.as_bytes()).to_vec()
        };
        Self {
            words: last("--arg-sep=", ":::"),
            files: last("--arg-file-sep=", "::::"),
        }
    }

    fn source(&self, word: &[u8]) -> Option<SourceWords> {
        let is = |separator: &[u8], word: &[u8]| !separator.is_empty() && separator == word;
        let begins = |word: &[u8], linked| {
            let files = is(&self.files, word);
            (files || is(&self.words, word)).then(|| SourceWords {
                files,
                linked,
                words: Vec::new(),
            })
        };
        begins(word, false).or_else(|| begins(word.strip_suffix(b"+")?, true))
    }
}

/// Which word may be taken as the value of the option before it.
#[derive(Clone, Copy)]
enum Taken {
    /// Whatever it is.
    Any,
    /// One that does not look like an option.
    NoOption,
}

/// As GNU parallel: the value of `-e` or `-i` may be left out, but not before a word that could be it.
fn taken(arg: &Arg) -> Option<Taken> {
    if needs_value(arg) {
        Some(Taken::Any)
    } else {
        let by_itself = takes_value(arg) && !arg.is_require_equals_set();
        let may_follow = by_itself || arg.get_long() == Some("eof");
        may_follow.then_some(Taken::NoOption)
    }
}

/// `--name`, `--name=value` or, where a value must follow, `--name value`, under its full name.
fn long_option(
    word: OsString,
    known: &Command,
    next: &mut impl FnMut(Taken) -> Option<OsString>,
) -> OsString {
    let body = &word.as_bytes()[2..];
    let (typed, value) = match body.iter().position(|&byte| byte == b'=') {
        Some(equals) => (&body[..equals], Some(body[equals + 1..].to_vec())),
        None => (body, None),
    };
    let Some((arg, name)) = std::str::from_utf8(typed)
        .ok()
        .and_then(|typed| find_long(known, typed))
    else {
        return word;
    };
    // As GNU parallel: `--delay=` lacks its value, unlike `--delay ''`.
    if value.as_ref().is_some_and(Vec::is_empty) && needs_value(arg) {
        return canonical(&name, None);
    }
    let value = value.or_else(|| taken(arg).and_then(next).map(OsString::into_vec));
    canonical(&name, value)
}

/// Whether options end with a word.
#[derive(Clone, Copy, PartialEq, Eq)]
enum OptionsEnd {
    Here,
    Later,
}

/// `-k`, `-kj4`, `-j4`, `-j 4`: each letter's option under its long name. As GNU parallel: a dash among them begins a
/// long name (`-k-tag`), or ends all options (`-k-`).
fn short_options(
    word: &OsString,
    known: &Command,
    next: &mut impl FnMut(Taken) -> Option<OsString>,
    options: &mut Vec<OsString>,
) -> OptionsEnd {
    let letters = &word.as_bytes()[1..];
    for (place, &letter) in letters.iter().enumerate() {
        if letter == b'-' {
            let name = &letters[place + 1..];
            if name.is_empty() {
                return OptionsEnd::Here;
            }
            let long = OsString::from_vec([b"--", name].concat());
            options.push(long_option(long, known, next));
            break;
        }
        let Some((arg, name)) = find_short(known, letter) else {
            options.push(OsString::from_vec(vec![b'-', letter]));
            break;
        };
        if !takes_value(arg) {
            options.push(canonical(&name, None));
            continue;
        }
        let rest = &letters[place + 1..];
        let value = match rest {
            [] => taken(arg).and_then(&mut *next).map(OsString::into_vec),
            rest => Some(rest.to_vec()),
        };
        options.push(canonical(&name, value));
        break;
    }
    OptionsEnd::Later
}

fn canonical(name: &str, value: Option<Vec<u8>>) -> OsString {
    let mut option = format!("--{name}").into_bytes();
    if let Some(value) = value {
        option.push(b'=');
        option.extend(value);
    }
    OsString::from_vec(option)
}

fn takes_value(arg: &Arg) -> bool {
    arg.get_action().takes_values()
}

fn needs_value(arg: &Arg) -> bool {
    takes_value(arg)
        && arg
            .get_num_args()
            .is_none_or(|range| range.min_values() > 0)
}

/// All long names of an option, the main one first.
fn long_names(arg: &Arg) -> impl Iterator<Item = &str> {
    arg.get_long()
        .into_iter()
        .chain(arg.get_all_aliases().unwrap_or_default())
}

/// The option called `typed` in full, or the only one whose name begins so.
fn find_long<'a>(known: &'a Command, typed: &str) -> Option<(&'a Arg, String)> {
    // As GNU parallel: `--j=4` is `-j4`.
    if let &[letter] = typed.as_bytes() {
        return find_short(known, letter);
    }
    let typed = typed.to_ascii_lowercase();
    // What companions of GNU parallel use among themselves, as `--_parset`, is never meant by another word.
    let may_be = |name: &str| !name.starts_with('_') || name == typed;
    let called = |is: &dyn Fn(&str) -> bool| {
        known
            .get_arguments()
            .filter(|arg| long_names(arg).any(|name| may_be(name) && is(name)))
            .collect::<Vec<_>>()
    };
    let only = |mut found: Vec<&'a Arg>| found.pop().filter(|_| found.is_empty());
    let bare = without_hyphens(&typed);
    let found = only(called(&|name| name == typed))
        // As GNU parallel: a hyphen at the end is the beginning of more.
        .or_else(|| {
            only(called(&|name| {
                typed.ends_with('-') && name.starts_with(&typed)
            }))
        })
        .or_else(|| only(called(&|name| without_hyphens(name) == bare)))
        .or_else(|| {
            let mut begun = called(&|name| name.starts_with(&typed));
            if begun.is_empty() {
                begun = called(&|name| without_hyphens(name).starts_with(&bare));
            }
            // What only fanout has makes no abbreviation ambiguous that GNU parallel takes.
            if begun.len() > 1 {
                begun.retain(|arg| {
                    arg.get_long()
                        .is_some_and(|name| !OWN.iter().any(|own| own.contains(&name)))
                });
            }
            only(begun)
        })?;
    found.get_long().map(|name| (found, name.to_owned()))
}

/// As GNU parallel knows most of its options both ways: `--maxargs`, `--shell_quote`.
fn without_hyphens(name: &str) -> String {
    name.replace(['-', '_'], "")
}

fn find_short(known: &Command, letter: u8) -> Option<(&Arg, String)> {
    let letter = char::from(letter);
    let found = known.get_arguments().find(|arg| {
        arg.get_short() == Some(letter)
            || arg
                .get_all_short_aliases()
                .is_some_and(|aliases| aliases.contains(&letter))
    })?;
    found.get_long().map(|name| (found, name.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::{Arg, ArgAction, Command};

    fn known() -> Command {
        let flag = |short, long| {
            Arg::new(long)
                .short(short)
                .long(long)
                .action(ArgAction::SetTrue)
        };
        Command::new("fanout")
            .arg(flag('k', "keep-order"))
            .arg(flag('u', "ungroup"))
            .arg(
                Arg::new("jobs")
                    .short('j')
                    .long("jobs")
                    .short_alias('P')
                    .alias("max-procs")
                    .num_args(1),
            )
            .arg(
                Arg::new("json")
                    .long("json")
                    .num_args(0..=1)
                    .require_equals(true),
            )
            .arg(
                Arg::new("eof")
                    .short('e')
                    .long("eof")
                    .num_args(0..=1)
                    .require_equals(true),
            )
    }

    fn parts(words: &[&str]) -> (Vec<String>, Vec<String>, usize) {
        let argv = split(words.iter().map(OsString::from).collect(), &known());
        let options = argv
            .options
            .into_iter()
            .map(|word| word.into_string().unwrap())
            .collect();
        let command = argv
            .command
            .into_iter()
            .map(|word| String::from_utf8(word).unwrap())
            .collect();
        (options, command, argv.sources.len())
    }

    #[test]
    fn options_end_at_the_first_word_of_the_command() {
        let (options, command, sources) =
            parts(&["-k", "-j", "-2", "gzip", "-k9", "{}", ":::", "-a", "b"]);
        assert_eq!(options, ["--keep-order", "--jobs=-2"]);
        assert_eq!(command, ["gzip", "-k9", "{}"]);
        assert_eq!(sources, 1);
    }

    #[test]
    fn a_dash_among_letters_begins_a_long_name_or_ends_all_options() {
        let (options, command, _) = parts(&["-k-jobs", "4", "-u-max=3", "x"]);
        assert_eq!(
            options,
            ["--keep-order", "--jobs=4", "--ungroup", "--jobs=3"]
        );
        assert_eq!(command, ["x"]);
        let (options, command, _) = parts(&["-k-", "-u", "x"]);
        assert_eq!(
            (options, command),
            (
                vec!["--keep-order".to_owned()],
                vec!["-u".to_owned(), "x".to_owned()]
            )
        );
        assert_eq!(parts(&["-k-nosuch", "x"]).0, ["--keep-order", "--nosuch"]);
    }

    #[test]
    fn every_spelling_becomes_one() {
        for words in [
            &["-kuj4"][..],
            &["-ku", "-P4"],
            &["--keep", "--ungroup", "--max-procs", "4"],
        ] {
            assert_eq!(
                parts(words).0,
                ["--keep-order", "--ungroup", "--jobs=4"],
                "{words:?}"
            );
        }
    }

    #[test]
    fn names_may_be_in_capitals_and_without_hyphens() {
        for word in ["--KEEP-ORDER", "--keeporder", "--keep_order", "--KeepO"] {
            assert_eq!(parts(&[word]).0, ["--keep-order"], "{word}");
        }
        for word in ["--MaxProcs=2", "--j=2"] {
            assert_eq!(parts(&[word]).0, ["--jobs=2"], "{word}");
        }
    }

    #[test]
    fn a_value_that_may_be_left_out_never_takes_the_next_word() {
        assert_eq!(
            parts(&["--json", "echo"]),
            (vec!["--json".to_owned()], vec!["echo".to_owned()], 0)
        );
        assert_eq!(parts(&["-e", "-k", "echo"]).0, ["--eof", "--keep-order"]);
        assert_eq!(parts(&["-e", "END", "echo"]).0, ["--eof=END"]);
        assert_eq!(parts(&["-eEND", "echo"]).0, ["--eof=END"]);
    }

    #[test]
    fn unknown_options_are_left_to_be_refused() {
        assert_eq!(
            parts(&["--foo=1", "-kx"]).0,
            ["--foo=1", "--keep-order", "-x"]
        );
    }

    #[test]
    fn a_double_dash_ends_the_options_and_is_gone() {
        assert_eq!(parts(&["-k", "--", "-weird", ":::", "1"]).1, ["-weird"]);
    }

    #[test]
    fn sources_keep_their_kind() {
        let words = ["echo", ":::", "a", "b", "::::+", "f"]
            .map(OsString::from)
            .to_vec();
        let argv = split(words, &known());
        let source = |files, linked, words: &[&str]| SourceWords {
            files,
            linked,
            words: words.iter().map(|word| word.as_bytes().to_vec()).collect(),
        };
        assert_eq!(
            argv.sources,
            [
                source(false, false, &["a", "b"]),
                source(true, true, &["f"])
            ]
        );
    }
}
