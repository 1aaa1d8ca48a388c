//! What users of other tools type, and what it is called here.

use strsim::damerau_levenshtein;

/// Long options that other tools have, or that one would guess, and what is meant by them.
const MEANT: [(&[&str], &str); 24] = [
    (
        &[
            "fail-fast",
            "failfast",
            "bail",
            "exit-first",
            "exitfirst",
            "stop-on-error",
            "exit-on-error",
            "errexit",
        ],
        "--halt now,fail=1",
    ),
    (
        &[
            "parallel",
            "parallelism",
            "workers",
            "max-workers",
            "num-workers",
            "threads",
            "num-threads",
            "concurrency",
            "processes",
            "nproc",
            "cores",
            "cpus",
            "n-jobs",
            "num-jobs",
            "max-jobs",
        ],
        "--jobs N",
    ),
    (
        &[
            "tries",
            "attempts",
            "max-tries",
            "max-retries",
            "max-attempts",
        ],
        "--retries N",
    ),
    (
        &["rerun-failed", "rerun", "only-failed", "failed"],
        "--retry-failed --joblog FILE",
    ),
    (&["continue", "restart"], "--resume --joblog FILE"),
    (&["quiet"], "--no-summary"),
    (&["log", "log-file", "logfile"], "--joblog FILE"),
    (
        &["output", "out", "outdir", "output-dir", "save"],
        "--results DIR",
    ),
    (
        &[
            "ordered",
            "in-order",
            "keep",
            "preserve-order",
            "sort-output",
        ],
        "--keep-order",
    ),
    (&["time-limit", "max-time", "deadline"], "--timeout TIME"),
    (
        &["rate", "rate-limit", "interval", "pause", "sleep"],
        "--delay TIME",
    ),
    (
        &["input", "input-file", "file", "args-file", "from-file"],
        "--arg-file FILE",
    ),
    (&["sep", "separator", "field-separator"], "--colsep REGEXP"),
    (&["batch", "batch-size"], "--max-args N"),
    (
        &["chunk", "chunks", "chunk-size", "chunksize"],
        "--pipe --block SIZE",
    ),
    (&["host", "hosts", "remote"], "--sshlogin HOST"),
    (&["prefix", "label"], "--tag"),
    (&["confirm", "ask", "prompt"], "--interactive"),
    (&["progress-bar", "show-progress"], "--bar"),
    (&["report", "format", "output-format"], "--json"),
    (
        &["print-commands", "show-commands", "echo", "trace"],
        "--verbose",
    ),
    (
        &["just-print", "pretend", "simulate", "preview"],
        "--dry-run",
    ),
    (
        &["cwd", "dir", "directory", "chdir", "working-directory"],
        "--workdir DIR",
    ),
    (&["placeholder", "replace-string"], "-I STR"),
];

/// The option that is meant by `typed`, an unknown one with its dashes: by its meaning, or else the one of the
/// options `known` (without dashes) that is spelt nearly so.
pub fn meant<'a>(typed: &str, known: impl Iterator<Item = &'a str>) -> Option<String> {
    let name = typed.strip_prefix("--")?;
    let name = name.split('=').next().unwrap_or(name).replace('_', "-");
    let by_meaning = MEANT.iter().find(|(names, _)| names.contains(&&*name));
    if let Some((_, option)) = by_meaning {
        return Some((*option).to_owned());
    }
    let distances = known.map(|known| (damerau_levenshtein(&name, known), known));
    let (distance, nearest) = distances.min()?;
    (distance <= 1 + name.len() / 5 && distance < name.len() / 2 + 1)
        .then(|| format!("--{nearest}"))
}

/// What is wrong with the command line `typed` whose command begins with `program`, in a way that no option parser
/// sees: a number that is taken for the program, behind an option that is short for one without a value.
pub fn misread(typed: &[&[u8]], program: &[u8]) -> Option<String> {
    let is_number = !program.is_empty() && program.iter().all(u8::is_ascii_digit);
    let is_here = typed.windows(2).any(|words| words == [b"--retry", program]);
    let count = String::from_utf8_lossy(program);
    (is_number && is_here).then(|| {
        format!(
            "--retry {count}: did you mean '--retries {count}'? (--retry is short for --retry-failed)"
        )
    })
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::*;
    use crate::cli::flags::Flags;

    const KNOWN: [&str; 6] = ["files", "jobs", "retries", "keep-order", "quote", "tag"];

    #[test]
    fn an_option_is_known_by_its_meaning_or_nearly_by_its_spelling() {
        for (typed, meant) in [
            ("--fail-fast", Some("--halt now,fail=1")),
            ("--fail_fast", Some("--halt now,fail=1")),
            ("--workers=4", Some("--jobs N")),
            ("--keep-oder", Some("--keep-order")),
            ("--retrys", Some("--retries")),
            ("--tga", Some("--tag")),
            ("--nonsense", None),
            ("--xy", None),
            ("-z", None),
        ] {
            let found = super::meant(typed, KNOWN.into_iter());
            assert_eq!(found.as_deref(), meant, "{typed}");
        }
    }

    #[test]
    fn what_is_meant_exists_and_what_is_typed_does_not() {
        let table = Flags::command();
        let exists = |name: &str| {
            let mut options = table.get_arguments();
            options.any(|option| {
                let aliases = option.get_all_aliases().unwrap_or_default();
                option.get_long() == Some(name) || aliases.contains(&name)
            })
        };
        for (names, meant) in MEANT {
            for name in names {
                assert!(!exists(name), "--{name}");
            }
            for word in meant.split(' ').filter_map(|word| word.strip_prefix("--")) {
                assert!(exists(word), "--{word}");
            }
        }
    }

    #[test]
    fn a_number_behind_retry_is_not_a_command() {
        let words: [&[u8]; 4] = [b"-k", b"--retry", b"3", b"false"];
        assert!(misread(&words, b"3").unwrap().contains("'--retries 3'"));
        assert_eq!(misread(&[b"--retry", b"echo"], b"echo"), None);
        assert_eq!(misread(&[b"curl", b"--retry", b"3"], b"curl"), None);
    }
}
