//! Options that do not go together: one table of all rules that span options, a row each.
//!
//! A row holds when both of its sides do. Its words name both, unless GNU parallel has words of its own for it.

use super::error::UsageError;
use super::flags::Flags;
use super::flags::pipe::NO_COMMAND;
use super::source_words::SourceWords;
use crate::plan::JsonTarget;

/// What rules look at.
pub struct Asked<'a> {
    /// The options.
    pub flags: &'a Flags,
    /// The words of the command.
    pub command: &'a [Vec<u8>],
    /// The sources that stood behind it.
    pub behind: &'a [SourceWords],
    /// How many sources of inputs there are, when those that are cut into pieces are taken out.
    pub sources: usize,
    /// Where the JSON stream goes.
    pub json: Option<&'a JsonTarget>,
    /// Whether a template needs to know how many jobs there will be.
    pub uses_total: bool,
    /// Whether the run holds a semaphore.
    pub is_semaphore: bool,
    /// Whether jobs run on other hosts, too.
    pub has_other_hosts: bool,
}

impl Asked<'_> {
    /// Whether there is an argument, with `--pipe`, for a job without a command to be its command.
    fn arguments_are_commands(&self) -> bool {
        let pipe = &self.flags.pipe;
        let files_are_arguments = pipe.tee || !pipe.pipepart;
        let has_file = !self.flags.input.arg_file.is_empty();
        let mut behind = self.behind.iter();
        (files_are_arguments && has_file)
            || behind.any(|source| files_are_arguments || !source.files)
    }
}

/// One side of a rule: the words of a command line that meets it, an option's first, and whether it is met.
struct Side {
    typed: &'static [&'static str],
    holds: fn(&Asked<'_>) -> bool,
}

/// Two things that do not go together.
struct Rule {
    one: Side,
    other: Side,
    /// What is said; `None`: that one cannot be combined with the other.
    words: Option<&'static str>,
}

impl Rule {
    fn is_broken(&self, asked: &Asked<'_>) -> bool {
        (self.one.holds)(asked) && (self.other.holds)(asked)
    }

    fn words(&self) -> String {
        let name = |side: &Side| {
            let typed = side.typed.first().copied().unwrap_or_default();
            match typed.split_once('=') {
                // A value shows where it is what matters.
                Some((name, value)) if value != "-" => name,
                _ => typed,
            }
        };
        match self.words {
            Some(words) => words.to_owned(),
            None => format!(
                "{} cannot be combined with {}",
                name(&self.one),
                name(&self.other)
            ),
        }
    }
}

/// Refuses what breaks a rule.
///
/// # Errors
///
/// The words of the first rule that is broken.
pub fn check(asked: &Asked<'_>) -> Result<(), UsageError> {
    match RULES.iter().find(|rule| rule.is_broken(asked)) {
        Some(rule) => Err(UsageError::Conflict(rule.words())),
        None => Ok(()),
    }
}

/// A row of the table.
macro_rules! rule {
    ($one:expr, $other:expr) => {
        Rule {
            one: $one,
            other: $other,
            words: None,
        }
    };
    ($one:expr, $other:expr, $words:expr) => {
        Rule {
            one: $one,
            other: $other,
            words: Some($words),
        }
    };
}

/// A side: how it is typed, and the condition on the fields of [`Asked`].
macro_rules! side {
    ($($typed:literal)*, |$asked:ident| $holds:expr) => {
        Side {
            typed: &[$($typed),*],
            holds: |$asked| $holds,
        }
    };
}

// Sides that several rules have.
const REDUCE: Side = side!("--reduce=cat", |a| a.flags.pipe.reduce.is_some());
const GROUP: Side = side!("--group", |a| a.flags.output.group);
const UNGROUP: Side = side!("--ungroup", |a| a.flags.output.ungroup);
const LINE_BUFFER: Side = side!("--line-buffer", |a| a.flags.output.line_buffer);
const PIPE: Side = side!("--pipe", |a| a.flags.pipe.is_wanted());
const PIPEPART: Side = side!("--pipepart" "-a" "/dev/null", |a| a.flags.pipe.pipepart);
const GROUP_BY: Side = side!("--group-by=1", |a| a.flags.pipe.group_by.is_some());
const STDIN_FROM: Side = side!("--stdin-from={}", |a| a.flags.input.stdin_from.is_some());
const NO_RETRIES: Side = side!(, |a| a.flags.failure.retries.is_none());
const RESUME: Side = side!("--resume" "--joblog=/dev/null", |a| a.flags.resume.resume);
const RESUME_FAILED: Side =
    side!("--resume-failed" "--joblog=/dev/null", |a| a.flags.resume.resume_failed);
const RETRY_FAILED: Side = side!("--retry-failed", |a| a.flags.resume.retry_failed);
const MILESTONE: Side = side!("--milestone=x", |a| a.flags.sources.milestone.is_some());
const SHELLQUOTE: Side = side!("--shellquote", |a| a.flags.command.shellquote > 0);
const SQLANDWORKER: Side = side!("--sqlandworker=sqlite3:///no%2Ffile/t", |a| {
    a.flags.sql.and_worker.is_some()
});
const SQLMASTER: Side = side!("--sqlmaster=sqlite3:///no%2Ffile/t", |a| {
    a.flags.sql.master.is_some()
});
const SQLWORKER: Side = side!("--sqlworker=sqlite3:///no%2Ffile/t", |a| {
    a.flags.sql.worker.is_some()
});

/// Behind one of them, what `--pipe` cannot know ahead.
const NEEDS_ALL: &str = "--pipe is incompatible with --eta/--bar/--shuf; --progress goes.";
const FIRST_OF_PART: &str =
    "--pipepart is incompatible with --max-replace-args, --max-lines, and -L.";
const NO_RECORD: &str = "--resume and --resume-failed need --joblog FILE, --json=FILE or --results, which tells what has \
     been done";

/// The rules, in the order in which they are looked at.
const OTHER_HOSTS: Side = side!("--sshlogin=host", |a| a.has_other_hosts);

/// An option that looks at what this host has to spare.
macro_rules! looks_here {
    ($name:literal, $typed:literal, |$asked:ident| $holds:expr) => {
        rule!(
            side!($typed, |$asked| $holds),
            OTHER_HOSTS,
            concat!(
                $name,
                " looks at this host only: leave it out where jobs run on others"
            )
        )
    };
}

/// An option about files that are to travel.
macro_rules! travels {
    ($name:literal, $typed:literal, |$asked:ident| $holds:expr) => {
        rule!(
            side!($typed, |$asked| $holds),
            OTHER_HOSTS,
            concat!(
                $name,
                ": files do not travel to other hosts yet: give jobs their input by --pipe, or copy files before"
            )
        )
    };
}

const RULES: &[Rule] = &[
    looks_here!("--load", "--load=9", |a| a.flags.gates.load.is_some()),
    looks_here!("--memfree", "--memfree=1", |a| a
        .flags
        .gates
        .memfree
        .is_some()),
    looks_here!("--memsuspend", "--memsuspend=1", |a| a
        .flags
        .gates
        .memsuspend
        .is_some()),
    looks_here!("--noswap", "--noswap", |a| a.flags.gates.noswap),
    looks_here!("--psi", "--psi=cpu=99%", |a| !a.flags.gates.psi.is_empty()),
    looks_here!("--limit", "--limit=true", |a| a.flags.gates.limit.is_some()),
    travels!("--transferfile", "--transferfile=x", |a| !a
        .flags
        .hosts
        .transferfile
        .is_empty()),
    travels!("--transfer", "--transfer", |a| a.flags.hosts.transfer),
    travels!("--return", "--return=x", |a| !a
        .flags
        .hosts
        .r#return
        .is_empty()),
    travels!("--trc", "--trc=x", |a| !a.flags.hosts.trc.is_empty()),
    travels!("--basefile", "--basefile=x", |a| !a
        .flags
        .hosts
        .basefile
        .is_empty()),
    rule!(REDUCE, UNGROUP),
    rule!(REDUCE, LINE_BUFFER),
    rule!(
        REDUCE,
        side!("--latest-line", |a| a.flags.output.latest_line)
    ),
    rule!(
        REDUCE,
        side!("--files", |a| a.flags.output.files || a.flags.output.files0)
    ),
    rule!(
        REDUCE,
        side!("--results=x", |a| a.flags.output.results.is_some())
    ),
    rule!(REDUCE, side!("--tty", |a| a.flags.terminal.tty)),
    rule!(
        REDUCE,
        side!("--tmux", |a| a.flags.terminal.windows().is_some())
    ),
    rule!(
        REDUCE,
        side!("--json=-", |a| a.json == Some(&JsonTarget::Stdout))
    ),
    rule!(GROUP, UNGROUP, "--group cannot be combined with --ungroup."),
    rule!(
        GROUP,
        LINE_BUFFER,
        "--group cannot be combined with --line-buffer."
    ),
    rule!(
        UNGROUP,
        LINE_BUFFER,
        "--ungroup cannot be combined with --line-buffer."
    ),
    rule!(
        side!("--resume", |a| a.flags.resume.leaves_out()),
        side!(, |a| a.flags.report.joblog_file().is_none()
            && !matches!(a.json, Some(JsonTarget::File(_)))
            && !a.flags.output.keeps_results()),
        NO_RECORD
    ),
    rule!(
        side!("--csv", |a| a.flags.sources.csv),
        side!("--colsep" "", |a| {
            a.flags
                .sources
                .colsep
                .as_ref()
                .is_some_and(|it| it.is_empty())
        }),
        "--csv needs a --colsep that is not empty"
    ),
    // As GNU parallel, which has retired it.
    rule!(
        side!("--tollef", |a| a.flags.environment.tollef),
        side!(, |a| !a.flags.environment.gnu),
        "--tollef has been retired: leave it out, or say --gnu, too"
    ),
    rule!(
        side!("--retry-on=fail", |a| a.flags.failure.retry_on.is_some()),
        NO_RETRIES,
        "--retry-on needs --retries, which says how many tries"
    ),
    rule!(
        side!("--backoff=1", |a| a.flags.failure.backoff.is_some()),
        NO_RETRIES,
        "--backoff needs --retries, which says how many tries"
    ),
    rule!(
        side!("--roundrobin", |a| a.flags.pipe.round_robin),
        side!("--retries=2", |a| a.flags.failure.retries.is_some()),
        "--retries cannot be combined with --roundrobin."
    ),
    // As GNU parallel: without a command the arguments are the commands.
    rule!(
        PIPE,
        side!(, |a| a.command.is_empty() && !a.arguments_are_commands()),
        NO_COMMAND
    ),
    // As GNU parallel: how many pieces there will be is not known ahead.
    rule!(
        side!("--pipe", |a| a.flags.pipe.is_wanted()
            && !a.flags.pipe.pipepart
            && !a.flags.pipe.tee),
        side!("--bar", |a| a.flags.report.eta
            || a.flags.report.bar
            || a.flags.sources.shuf),
        NEEDS_ALL
    ),
    rule!(
        side!("--cat", |a| a.flags.pipe.cat),
        side!("--fifo", |a| a.flags.pipe.fifo),
        "--fifo cannot be combined with --cat."
    ),
    // It says by itself where a record ends.
    rule!(
        GROUP_BY,
        side!("--remove-rec-sep", |a| a.flags.pipe.remove_rec_sep),
        "--remove-rec-sep is not compatible with --groupby"
    ),
    rule!(
        GROUP_BY,
        side!("--recstart=x", |a| a.flags.pipe.recstart.is_some()),
        "--recstart is not compatible with --groupby"
    ),
    rule!(
        GROUP_BY,
        side!("--recend=x", |a| a.flags.pipe.recend.is_some()),
        "--recend is not compatible with --groupby"
    ),
    rule!(
        PIPEPART,
        side!("-N2", |a| a.flags.batching.max_replace_args.is_some()),
        FIRST_OF_PART
    ),
    rule!(
        PIPEPART,
        side!("-L2", |a| a.flags.batching.input_lines.is_some()),
        FIRST_OF_PART
    ),
    rule!(
        PIPEPART,
        side!("-l2", |a| a.flags.batching.max_lines.is_some()),
        FIRST_OF_PART
    ),
    rule!(
        PIPE,
        side!("--tagstring={= total_jobs() =}", |a| a.uses_total),
        "{##} and total_jobs() need the number of jobs, which nobody knows ahead with --pipe"
    ),
    // A job has one standard input.
    rule!(STDIN_FROM, PIPE),
    rule!(STDIN_FROM, side!("--tty", |a| a.flags.terminal.tty)),
    rule!(
        STDIN_FROM,
        side!("--open-tty", |a| a.flags.terminal.open_tty)
    ),
    rule!(
        STDIN_FROM,
        side!("--tmux", |a| a.flags.terminal.windows().is_some())
    ),
    // It is for those who run the jobs to say.
    rule!(STDIN_FROM, SQLMASTER),
    rule!(SQLANDWORKER, PIPE),
    rule!(SQLANDWORKER, MILESTONE),
    rule!(SQLANDWORKER, RESUME),
    rule!(SQLANDWORKER, RESUME_FAILED),
    rule!(SQLANDWORKER, RETRY_FAILED),
    rule!(SQLANDWORKER, SHELLQUOTE),
    rule!(SQLMASTER, PIPE),
    rule!(SQLMASTER, MILESTONE),
    rule!(SQLMASTER, RESUME),
    rule!(SQLMASTER, RESUME_FAILED),
    rule!(SQLMASTER, RETRY_FAILED),
    rule!(SQLMASTER, SHELLQUOTE),
    rule!(SQLWORKER, PIPE),
    rule!(SQLWORKER, MILESTONE),
    rule!(SQLWORKER, RESUME),
    rule!(SQLWORKER, RESUME_FAILED),
    rule!(SQLWORKER, RETRY_FAILED),
    rule!(SQLWORKER, SHELLQUOTE),
    rule!(
        side!("--bg", |a| a.is_semaphore && a.flags.semaphore.bg),
        side!("--interactive", |a| a.flags.terminal.interactive),
        "--interactive asks nobody about a job in the background (--bg)"
    ),
    rule!(
        side!("--semaphore", |a| a.is_semaphore),
        side!("-a" "/dev/null" "-a" "/dev/null", |a| a.sources > 1),
        "A semaphore cannot take input from more files"
    ),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{CalledAs, parse};

    /// Why a command line is refused that has the sides' words, in front of a command unless that is what must be
    /// missing.
    fn refusal(sides: &[&Side], words: &UsageError) -> Option<UsageError> {
        let typed = sides.iter().flat_map(|side| side.typed).copied();
        let no_command = *words == UsageError::Conflict(NO_COMMAND.to_owned());
        let command = Some("cat").filter(|_| !no_command);
        let line = ["--plain"].into_iter().chain(typed).chain(command);
        let line = line.map(Into::into).collect();
        parse(CalledAs::Parallel, line)
            .err()
            .map(|refusal| refusal.why)
    }

    #[test]
    fn every_row_refuses_what_it_is_about_in_its_words() {
        for rule in RULES {
            let words = UsageError::Conflict(rule.words());
            let why = refusal(&[&rule.one, &rule.other], &words);
            assert_eq!(
                why.as_ref(),
                Some(&words),
                "{:?} {:?}",
                rule.one.typed,
                rule.other.typed
            );
        }
    }

    #[test]
    fn one_side_alone_breaks_no_row() {
        for rule in RULES {
            let words = UsageError::Conflict(rule.words());
            for side in [&rule.one, &rule.other] {
                // One that is met by an option that is not there cannot be without it.
                if !rule.other.typed.is_empty() {
                    assert_ne!(
                        refusal(&[side], &words),
                        Some(words.clone()),
                        "{:?}",
                        side.typed
                    );
                }
            }
        }
    }
}
