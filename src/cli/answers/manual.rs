//! The man page: the options as the flags define them, and sections on everything else.

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};

use crate::cli::error::UsageError;

/// A paragraph of a section.
enum Part {
    /// Words.
    Text(&'static str),
    /// Words about something with a name.
    Item(&'static str, &'static str),
    /// Words, and the command line that they are about.
    Example(&'static str, &'static str),
}

use Part::{Example, Item, Text};

/// The sections behind the options.
const SECTIONS: [(&str, &[Part]); 8] = [
    (
        "INPUTS IN COMMANDS",
        &[
            Item("{}", "The input."),
            Item("{.}", "The input without its extension."),
            Item(
                "{/} {//} {/.}",
                "Its base name, its directory, its base name without extension.",
            ),
            Item("{#} {%}", "The number of the job, and of its slot."),
            Item(
                "{N} {N.} {N/} ...",
                "The same of source, column or argument number N; from the end if N is negative.",
            ),
            Item(
                "{NAME} {NAME.} ...",
                "The same of the column that --header names.",
            ),
            Item(
                "{= EXPRESSION =}",
                "The input after a Perl expression on $_ has changed it.",
            ),
            Text(
                "Each value is quoted for the shell, so replacement strings stand outside of quotes.",
            ),
        ],
    ),
    (
        "EXAMPLES",
        &[
            Example(
                "Compress all logs, with a progress bar:",
                "fanout --bar gzip -9 ::: *.log",
            ),
            Example(
                "Names with any bytes in them:",
                "find . -name '*.png' -print0 | fanout -0 optipng -quiet {}",
            ),
            Example(
                "Download a list, four at a time, each up to three times:",
                "fanout -j4 --retries 3 --timeout 5m curl -fsSO {} :::: urls.txt",
            ),
            Example(
                "All pairs of two lists, the results in files:",
                "fanout --results out ./simulate --seed {1} --size {2} ::: 1 2 3 ::: 10 100",
            ),
            Example(
                "Columns of a CSV file by name:",
                "fanout --csv --header : echo {name} is {age} :::: people.csv",
            ),
            Example(
                "A run that can be stopped and gone on with:",
                "fanout --joblog jobs.tsv --resume ./work {} :::: list",
            ),
            Example(
                "Only what failed, once more:",
                "fanout --retry-failed --joblog jobs.tsv",
            ),
            Example(
                "One large file in parts, cut at ends of lines:",
                "fanout --pipepart -a big.log --block 64M grep -c ERROR",
            ),
            Example(
                "Stop at the first failure:",
                "fanout --halt now,fail=1 ./test {} ::: tests/*",
            ),
        ],
    ),
    (
        "EXIT STATUS",
        &[
            Item("0", "All jobs succeeded."),
            Item("1-100", "So many jobs failed."),
            Item("101", "More than 100 jobs failed."),
            Item("255", "fanout could not do what the command line says."),
            Item(
                "other",
                "With --halt: that of the job that ended the run, or a percentage.",
            ),
            Text("After SIGINT and SIGTERM fanout dies of that signal, when all is cleaned up."),
        ],
    ),
    (
        "SIGNALS",
        &[
            Item(
                "SIGINT, SIGTERM",
                "End all jobs with everything that they have started, then the run.",
            ),
            Item(
                "SIGHUP",
                "Start no more jobs; those that run go on to their end.",
            ),
            Item("SIGTSTP, SIGCONT", "Stop all jobs and fanout; go on."),
            Item("SIGUSR1", "Print the commands that run."),
            Item("SIGUSR2", "Print how far the run is."),
            Text(
                "Jobs that are ended get SIGTERM, and SIGKILL if they do not end; --term-seq changes that. \
                 A SIGKILL of fanout ends its jobs, too.",
            ),
        ],
    ),
    (
        "ENVIRONMENT VARIABLES",
        &[
            Text("Read by fanout:"),
            Item(
                "PARALLEL",
                "Options, in front of those of the command line.",
            ),
            Item(
                "PARALLEL_SHELL, SHELL",
                "The shell for commands that need one.",
            ),
            Item("PARALLEL_HOME, XDG_CONFIG_HOME, HOME", "Where FILES are."),
            Item("TMPDIR", "Where output goes that does not fit into memory."),
            Item("NO_COLOR, TERM, PAGER", "How help is shown on a terminal."),
            Text("Set for jobs:"),
            Item(
                "PARALLEL_SEQ, PARALLEL_JOBSLOT",
                "The number of the job, and of its slot.",
            ),
            Item("PARALLEL_PID", "The process id of fanout."),
            Item(
                "PARALLEL_TMP",
                "A name for a temporary file or folder that no other job has.",
            ),
            Item("FANOUT_JOB", "What the processes of a job are known by."),
        ],
    ),
    (
        "FILES",
        &[
            Item(
                "~/.config/fanout/config",
                "Options for every run; any other name there is a profile for --profile (-J). $XDG_CONFIG_HOME \
                 is respected.",
            ),
            Item(
                "~/.parallel/config",
                "The same, as GNU parallel has it; read before that.",
            ),
            Item(
                "/etc/fanout/config, /etc/parallel/config",
                "The same for all users; read first.",
            ),
            Text("--plain leaves all of them and $PARALLEL out."),
        ],
    ),
    (
        "JSON",
        &[
            Text(
                "--json writes a line for each event: run.start, job.end for each job, progress at most once a second, \
                 run.end with the numbers of jobs by how they ended; --json-detail says which. A field has one type in all lines, null where there is no value. \
                 --json-schema prints the schema.",
            ),
            Example(
                "The slowest ten jobs:",
                "jq -r 'select(.type == \"job.end\") | [.wall_s, .command] | @tsv' run.jsonl | sort -rn | head",
            ),
        ],
    ),
    (
        "SEE ALSO",
        &[Text("parallel(1), xargs(1), make(1), find(1), jq(1)")],
    ),
];

/// The man page, in roff.
///
/// # Errors
///
/// None in practice: it is written to memory.
pub fn page(table: &Command) -> Result<String, UsageError> {
    let mut page = Vec::new();
    let man = Man::new(table.clone());
    man.render_title(&mut page)
        .and_then(|()| man.render_name_section(&mut page))
        .and_then(|()| man.render_synopsis_section(&mut page))
        .and_then(|()| man.render_description_section(&mut page))
        .and_then(|()| man.render_options_section(&mut page))
        .and_then(|()| sections().to_writer(&mut page))
        .map_err(|error| UsageError::value("--man:", error))?;
    Ok(String::from_utf8_lossy(&page).into_owned())
}

fn sections() -> Roff {
    let mut roff = Roff::new();
    for (heading, parts) in SECTIONS {
        roff.control("SH", [heading]);
        for part in parts {
            match part {
                Text(words) => {
                    roff.control("PP", []).text([roman(*words)]);
                }
                Item(name, words) => {
                    roff.control("TP", [])
                        .text([bold(*name)])
                        .text([roman(*words)]);
                }
                Example(words, line) => {
                    roff.control("TP", []).text([roman(*words)]);
                    roff.control("nf", []).text([bold(*line)]);
                    roff.control("fi", []);
                }
            }
        }
    }
    roff
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::{CalledAs, parse, words};

    #[test]
    fn the_command_lines_of_examples_are_understood() {
        let parts = SECTIONS.iter().flat_map(|(_, parts)| parts.iter());
        for part in parts {
            let Example(_, line) = part else { continue };
            let Some((_, line)) = line.split_once("fanout ") else {
                continue;
            };
            let words = words::split(line.as_bytes()).unwrap();
            let words = words.iter().map(|word| String::from_utf8_lossy(word));
            let words = ["--plain".into()].into_iter().chain(words);
            let words = words.map(|word| word.into_owned().into());
            parse(CalledAs::Fanout, words.collect()).unwrap();
        }
    }
}
