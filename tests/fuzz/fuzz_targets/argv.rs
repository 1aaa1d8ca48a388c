//! The argument parser: any words are a plan or one line of error, always the same, and the form that options are
//! put into says the same again.

#![no_main]

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;
use std::sync::Once;

use clap::{Command, CommandFactory as _};
use fanout::cli::argv::{self, Argv};
use fanout::cli::flags::Flags;
use fanout::cli::{self, CalledAs, Refusal};
use libfuzzer_sys::fuzz_target;

static SURROUNDINGS: Once = Once::new();

thread_local! {
    static TABLE: Command = Flags::command().no_binary_name(true);
}

fuzz_target!(|data: &[u8]| {
    SURROUNDINGS.call_once(leave_the_machine_alone);
    let mut words: Vec<OsString> = data
        .split(|&byte| byte == b'\n')
        .filter(|word| !word.contains(&0))
        .map(|word| OsString::from_vec(word.to_vec()))
        .collect();
    let called_as = match words.first().and_then(|word| word.to_str()) {
        Some("parallel") => CalledAs::Parallel,
        Some("sem") => CalledAs::Sem,
        _ => CalledAs::Fanout,
    };
    if called_as != CalledAs::Fanout {
        words.remove(0);
    }
    if words
        .iter()
        .any(|word| is_kept_out(word.as_encoded_bytes()))
    {
        return;
    }
    the_canonical_form_means_the_same(&words);
    let first = outcome(called_as, &words);
    // A plan does not depend on what was parsed before it.
    if data.len().is_multiple_of(8) {
        assert_eq!(first, outcome(called_as, &words));
    }
});

/// No configuration, and a folder without anything in it.
#[allow(unsafe_code)]
fn leave_the_machine_alone() {
    // SAFETY: libFuzzer calls this on its one thread.
    unsafe {
        for name in [
            "PARALLEL",
            "PARALLEL_HOME",
            "XDG_CONFIG_HOME",
            "XDG_CONFIG_DIRS",
        ] {
            std::env::remove_var(name);
        }
        std::env::set_var("HOME", "/dev/null");
    }
}

/// Words that have fanout write or read files, or go on with another standard input.
fn is_kept_out(word: &[u8]) -> bool {
    let begins = |with: &[u8]| word.starts_with(with);
    begins(b"--comb")
        || begins(b"--rec")
        || begins(b"--shebang")
        || begins(b"--hashbang")
        || word
            .windows(4)
            .any(|part| part == b"/dev" || part == b"/pro" || part == b"/sys")
}

/// A plan, or what is wrong, as text.
fn outcome(called_as: CalledAs, words: &[OsString]) -> Result<usize, String> {
    match cli::parse(called_as, words.to_vec()) {
        // How much of it is text is a rough likeness; addresses in it differ from time to time.
        Ok(request) => Ok(format!("{request:?}").len() / 64),
        Err(Refusal { why, .. }) => {
            let why = why.to_string();
            assert!(!why.trim().is_empty(), "an error without a word");
            assert!(!why.contains('\n'), "an error of several lines: {why}");
            Err(why)
        }
    }
}

/// Taken apart once more, the options that were understood are the same options.
fn the_canonical_form_means_the_same(words: &[OsString]) {
    let mut table = TABLE.with(Command::clone);
    let once = argv::split(words.to_vec(), &table);
    // An empty value is written behind `=`, where a user may not write it.
    let is_no_input = |option: &OsString| {
        let option = option.as_encoded_bytes();
        option.starts_with(b"--arg-") || option.ends_with(b"=")
    };
    if table.try_get_matches_from_mut(&once.options).is_err()
        || once.options.iter().any(is_no_input)
    {
        return;
    }
    let again = argv::split(typed(&once), &table);
    assert_eq!(once, again);
    let kept: usize = once.command.iter().map(Vec::len).sum();
    assert!(kept <= words.iter().map(|word| word.len()).sum());
}

/// The words that `argv` stands for.
fn typed(argv: &Argv) -> Vec<OsString> {
    let mut words = argv.options.clone();
    words.push("--".into());
    words.extend(argv.command.iter().cloned().map(OsString::from_vec));
    for source in &argv.sources {
        let mut separator = OsString::from(if source.files { "::::" } else { ":::" });
        if source.linked {
            separator.push("+");
        }
        words.push(separator);
        words.extend(source.words.iter().cloned().map(OsString::from_vec));
    }
    words
}
