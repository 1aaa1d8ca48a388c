//! The one table of intended differences from GNU parallel.

use crate::random::Line;

/// A case that is meant to differ. It must differ: a row whose case has become equal fails the test.
pub struct Difference {
    /// The case's name.
    pub case: &'static str,
    /// Why ours is right, for the user.
    pub reason: &'static str,
}

/// Every intended difference.
pub const INTENDED: &[Difference] = &[
    Difference {
        case: "--sql-and-worker :db/t -k echo ::: a b",
        reason: "In GNU only --sqlandworker works, this spelling of its manual does not; here both do.",
    },
    Difference {
        case: "--sqlmaster sqlite3:///x.db/t --sqlworker sqlite3:///x.db/t -k echo ::: a b",
        reason: "In GNU the worker comes before the master has made the table; here it does what --sqlandworker does.",
    },
    Difference {
        case: "--sqlandworker sqlite3:///x.db/t --dry-run -k echo ::: a b",
        reason: "GNU prints each line twice: as master and as worker. Here a dry run makes no table.",
    },
    Difference {
        case: "standard input closed and read",
        reason: "GNU takes it for an empty input, exit code 0; here what cannot be read is an error.",
    },
    Difference {
        case: "standard output closed and written",
        reason: "In GNU the output is lost without a word, exit code 0; here that is an error, exit code 255.",
    },
    Difference {
        case: "-j1 --pipe --dry-run --results r cat",
        reason: DRY,
    },
    Difference {
        case: "-j1 --dry-run --results r 'echo o{}; echo e{} >&2; exit {#}' ::: a b",
        reason: DRY,
    },
    Difference {
        case: "-j1 --resume --results r --dry-run echo {#} ::: a b c",
        reason: DRY,
    },
    Difference {
        case: "-j1 --tmpl t=o.{#} --dry-run echo ::: 'a b'",
        reason: DRY,
    },
    Difference {
        case: "--resume -k -j1 --joblog log 'echo {}; exit {}' ::: 0 1 2 (no joblog at all)",
        reason: NO_JOBLOG,
    },
    Difference {
        case: "--resume-failed -k -j1 --joblog log 'echo {}; exit {}' ::: 0 1 2 (no joblog at all)",
        reason: NO_JOBLOG,
    },
    Difference {
        case: "--compress --compress-program no-such-program echo ::: a",
        reason: "Nothing is run with a compressor that is not there: exit code 255, not that of the job.",
    },
    Difference {
        case: "-j1 --compress-program cat --decompress-program tac seq ::: 3",
        reason: "Output that fits into memory is never written to a file, so it is not compressed either.",
    },
    Difference {
        case: "-j1 --results \"r\" 'echo o{}; echo e{} >&2; exit {#}' ::: 'a b' 'c/d' '' . .. '*' \"it's\" -x",
        reason: NAMES,
    },
    Difference {
        case: "-j1 --results \"r\" 'echo o{}; echo e{} >&2; exit {#}' --header : ::: 'x y' a ::: z/w c",
        reason: NAMES,
    },
    Difference {
        case: "-j1 --results \"r\" 'echo o{}; echo e{} >&2; exit {#}' --header : ::: '' a",
        reason: NAMES,
    },
    Difference {
        case: "-j1 --results \"r\" 'echo o{}; echo e{} >&2; exit {#}' --header : ::: 'a\tb' '1\t2' '3\t4\t5' 6",
        reason: NAMES,
    },
    Difference {
        case: "-j1 --results r --header : true ::: .. a",
        reason: "A name that leads out of the directory of the results is written as +..",
    },
    Difference {
        case: "-j1 --results r/{} echo ::: ../x y",
        reason: "A value that leads out of the directory of the results is written as +..",
    },
    Difference {
        case: "--results /dev/null/x echo ::: a",
        reason: "A directory that cannot be made is fanout's own error, 255; GNU ends with Perl's error number.",
    },
    Difference {
        case: "--tmpl t=d/o.{#} echo ::: a",
        reason: "GNU dies with a place in its own text and exit code 2; fanout names the file.",
    },
    Difference {
        case: "-j1 --tmpl t=o.{1} --filter 0 cat o.{1} ::: a ::: b c",
        reason: "No file is made for a job that is not run.",
    },
    Difference {
        case: "-j1 --dry-run --filter '{}>1' echo ::: 1 2 3",
        reason: LEFT_OUT,
    },
    Difference {
        case: "-j1 --halt now,fail=1 --filter 0 echo ::: 1 2",
        reason: LEFT_OUT,
    },
    Difference {
        case: "-j1 --halt soon,fail=1 --filter 0 echo ::: 1 2",
        reason: LEFT_OUT,
    },
    Difference {
        case: "-j1 -v --filter {} echo ::: 1 0",
        reason: LEFT_OUT,
    },
    Difference {
        case: "-j1 -t --filter {} echo ::: 1 0",
        reason: LEFT_OUT,
    },
    Difference {
        case: "-k --dry-run echo '{= if($_==2) { skip() } =}' '{#}' ::: 1 2 3",
        reason: LEFT_OUT,
    },
    Difference {
        case: "-k -v echo '{= if($_==2) { skip() } =}' '{#}' ::: 1 2 3",
        reason: LEFT_OUT,
    },
    Difference {
        case: "-j1 -v --lb --tag echo '{= if($_==2) { skip() } =}' '{#}' ::: 1 2 3",
        reason: LEFT_OUT,
    },
    Difference {
        case: "-k -j2 --halt now,fail=1 --joblog log 'sleep {}; exit 7' ::: 60 0.2",
        reason: "A job that has ended is logged, even if a job before it was killed; with -k GNU drops it.",
    },
    Difference {
        case: "-k -j2 --halt soon,fail=1 --joblog log 'sleep {}; exit 7' ::: 0.6 0.2 61",
        reason: IN_ORDER_OF_ENDS,
    },
    Difference {
        case: "-k -j2 --retries 3 --joblog log 'sleep 0.{}; exit {}' ::: 1 0 2 0 0",
        reason: IN_ORDER_OF_ENDS,
    },
    Difference {
        case: "-j1 --resume --results r echo {#} ::: a",
        reason: "Output without the job's number beside it, which is written last, is that of a job that did not end.",
    },
    Difference {
        case: "-j1 --resume --results r --joblog log echo {#} ::: a b c",
        reason: "With a joblog only the joblog tells what is done; GNU takes a job for done that has any output.",
    },
    Difference {
        case: "--semaphore --fg echo :::: nofile",
        reason: NO_FILE,
    },
    Difference {
        case: "--fg --id s -a nofile 'echo x {}; exit 2'",
        reason: NO_FILE,
    },
    Difference {
        case: "--retries x echo ::: a",
        reason: NO_NUMBER,
    },
    Difference {
        case: "--delay x echo ::: a",
        reason: NO_NUMBER,
    },
    Difference {
        case: "--replace= echo a{}b ::: 1",
        reason: "An empty replacement string is refused whatever the option; GNU takes this one as {} and loops on all others.",
    },
    Difference {
        case: "-n x echo ::: a",
        reason: NO_NUMBER,
    },
    Difference {
        case: "-N x echo ::: a",
        reason: NO_NUMBER,
    },
    Difference {
        case: "-s x echo ::: a",
        reason: NO_NUMBER,
    },
    Difference {
        case: "-L x echo ::: a",
        reason: NO_NUMBER,
    },
    Difference {
        case: "-lx echo ::: a",
        reason: NO_NUMBER,
    },
    Difference {
        case: "--pipe --fifo -k 'cat {}; kill -9 $$'",
        reason: "A job that a signal has ended has failed; GNU's script around it loses the signal and says 0.",
    },
    Difference {
        case: "-k --show-limits echo ::: a",
        reason: LIMITS_ALONE,
    },
    Difference {
        case: "-s 100 --show-limits true ::: a",
        reason: LIMITS_ALONE,
    },
    Difference {
        case: "-k -j1 --dry-run echo (fish, backslashes)",
        reason: "fish reads backslashes before quotes and backslashes, so they are doubled; GNU's lines break.",
    },
    Difference {
        case: "echo :::: .",
        reason: "A directory is no list of inputs and is named as an error; GNU reads nothing from it.",
    },
    Difference {
        case: "-k -j1 'echo {} | wc -c' (just short enough)",
        reason: "Command lines may be as long as the kernel takes; GNU stops at about half of that.",
    },
    Difference {
        case: "-k -d '\\x2c' \"printf '<%s>'\" (a,b)",
        reason: "Hexadecimal escapes work, as GNU's manual has them; the program takes them literally.",
    },
    Difference {
        case: "-k -j -100 echo ::: a b c",
        reason: "Fewer than one job at a time means one, as GNU's manual has it; the program refuses.",
    },
    Difference {
        case: "-k -j2 --halt now,success=1 --tag 'echo {}; sleep {}' ::: 60 0.3",
        reason: "Output of a job that has finished is shown, even if a job before it was killed; GNU drops it.",
    },
    Difference {
        case: "-k echo '{= die 7 =}' ::: a b",
        reason: DIED,
    },
    Difference {
        case: "-k echo '{= nosuch() =}' ::: a b",
        reason: DIED,
    },
    Difference {
        case: "-k -j1 'kill -HUP $PPID; echo {}' ::: a b",
        reason: "Jobs that a hang-up keeps from being started are no success: exit code 255 (129 as fanout); GNU says 0.",
    },
    Difference {
        case: "-k --pipe ::: cat",
        reason: "Each piece has a command; GNU wants one for the piece behind the last, too.",
    },
    Difference {
        case: "-k --total-jobs x echo ::: a",
        reason: NO_NUMBER,
    },
    Difference {
        case: "-k -C ( echo ::: a b",
        reason: BAD_REGEXP,
    },
    Difference {
        case: "-k -C [ echo ::: a b",
        reason: BAD_REGEXP,
    },
    Difference {
        case: "-k -C '*' echo ::: a b",
        reason: BAD_REGEXP,
    },
    Difference {
        case: "-k --link echo ::: a b :::",
        reason: EMPTY_LINKED,
    },
    Difference {
        case: "-k --link echo :::: empty ab",
        reason: EMPTY_LINKED,
    },
    Difference {
        case: "echo ::: a (--tagstring 'a)",
        reason: UNBALANCED,
    },
    Difference {
        case: "-J open echo ::: a",
        reason: UNBALANCED,
    },
    Difference {
        case: "-J goes-on echo ::: a",
        reason: "A line of a profile that ends with a backslash goes on in the next one; GNU drops it.",
    },
    Difference {
        case: "-J missing echo ::: a",
        reason: NO_PROFILE,
    },
    Difference {
        case: "-J ./missing echo ::: a",
        reason: NO_PROFILE,
    },
    Difference {
        case: "--tmpdir nosuch echo ::: a",
        reason: "A missing --tmpdir is an error of our own, exit code 255; GNU dies of a Perl error, exit code 2.",
    },
    Difference {
        case: "--minversion 20100101",
        reason: NEWER,
    },
    Difference {
        case: "--minversion 20221122",
        reason: NEWER,
    },
    Difference {
        case: "--minversion 20221123",
        reason: NEWER,
    },
    Difference {
        case: "--minversion 20990101",
        reason: NEWER,
    },
    Difference {
        case: "--min-version 1",
        reason: NEWER,
    },
    Difference {
        case: "--minversion 1 echo ::: a",
        reason: NEWER,
    },
    Difference {
        case: "-k -j 2.5 echo ::: a",
        reason: ROUNDS,
    },
    Difference {
        case: "-j jobs -k echo ::: a b c ()",
        reason: ROUNDS,
    },
    Difference {
        case: "-j jobs -k echo ::: a b c ( 2 \\n)",
        reason: ROUNDS,
    },
    Difference {
        case: "--version",
        reason: "The first line is GNU's, for scripts that look for it; then ours says what it is.",
    },
    Difference {
        case: "'--shebang-wrap -k /bin/bash' ./code 'a b' c",
        reason: "Arguments of a wrapped script stay whole; GNU splits them at blanks.",
    },
    Difference {
        case: "--pipe --rrs -N2 -k 'echo J{#}; cat; echo ,' (empty records)",
        reason: "A job whose records are all empty runs, with an empty input; GNU parallel counts it and \
                 does not run it.",
    },
];

const NAMES: &str = "20260522: '/' in a value is +z, '+' is ++, and a backslash stays. So a tab is +t, and the empty \
     value, '.' and '..' are +e, +. and +.., each with a place of its own below the directory.";

const NO_FILE: &str =
    "A file to read that is not there is an error; GNU runs the command with nothing to read.";

const NO_JOBLOG: &str =
    "A file whose first line is none of a joblog is left as it is; GNU looks only at later lines.";

const DRY: &str = "A dry run writes no file and no table, which a later --resume or worker would take for work that is done; \
     it shows the command lines.";

const LEFT_OUT: &str = "20260522: a job that is left out is neither shown nor counted as failed.";
const DIED: &str = "An expression that dies is an error of the run (255) that names it; GNU's exit code is by chance.";
const LIMITS_ALONE: &str =
    "The limits are equal; the advice to press Ctrl-D that GNU prints after them is left out.";

const BAD_REGEXP: &str = "A bad regexp is an error before anything runs, exit code 255; GNU dies with a code that varies.";

const EMPTY_LINKED: &str =
    "An empty source that is linked to another counts as one empty argument; GNU crashes.";

const UNBALANCED: &str =
    "An unbalanced quote is an error; GNU goes on without the options of that line.";

const NO_PROFILE: &str = "A profile that is not there is an error; GNU goes on without it.";

const IN_ORDER_OF_ENDS: &str = "A job is logged when it ends; with -k GNU waits for those before it, and forgets it if the run dies before.";

const ROUNDS: &str =
    "20260522 rounds the number of -j, and takes blanks around it and an empty one.";
const NEWER: &str = "The release that is understood is 20260522; Debian has 20221122.";
/// Random lines are waited for only so long.
pub const NEVER_ENDS: &str = "GNU has not ended in time.";

const NO_NUMBER: &str = "A value that is no number is an error that names it; GNU reads it as 0.";

/// The reason why the case called `name` differs, if it is meant to.
pub fn intended(name: &str) -> Option<&'static str> {
    INTENDED
        .iter()
        .find(|difference| difference.case == name)
        .map(|difference| difference.reason)
}

/// Random lines that differ as they should: which, and why.
struct OfLines {
    applies: fn(&Line, &str) -> bool,
    reason: &'static str,
}

const OF_LINES: &[OfLines] = &[
    OfLines {
        applies: |line, told| {
            told.contains("ours exit 255")
                && line.gives(&["--load"], |load| {
                    !is_number(load) || load.ends_with(['k', 'K'])
                })
        },
        reason: "A load is a number or a share; GNU looks at it when there is a job.",
    },
    OfLines {
        applies: |_, told| told.contains("invalid for option"),
        reason: "Numbers may have a unit wherever one is taken; and what GNU says of an option's value may be of several lines.",
    },
    OfLines {
        applies: |_, told| told.contains("ours said: parallel: Error: Cannot use "),
        reason: DIED,
    },
    OfLines {
        applies: |_, told| told.contains("Cannot use s() "),
        reason: "A column may have any name; GNU makes a pattern of it.",
    },
    OfLines {
        applies: |_, told| told.contains(" is no regexp"),
        reason: BAD_REGEXP,
    },
    OfLines {
        applies: |line, told| {
            line.has(&["--results"]) && line.has(&["--files"]) && told.contains("//stdout")
        },
        reason: "GNU writes the name of a piece's file with an empty directory in it.",
    },
    OfLines {
        applies: |line, told| {
            line.has(&["-q", "--quote"])
                && line.command.is_empty()
                && told.contains("must have a command")
        },
        reason: "Pieces need a command; with -q GNU runs an empty one.",
    },
    OfLines {
        applies: |line, told| {
            line.has(&["--rrs", "--remove-rec-sep", "--removerecsep"])
                && line
                    .stdin
                    .as_deref()
                    .is_some_and(|text| text.trim().is_empty())
                && (told.contains("GNU 0 lines") || told.contains("end:"))
        },
        reason: "A job whose records are all empty runs, with an empty input; GNU counts it and does not run it.",
    },
    OfLines {
        applies: |line, told| {
            line.has(&["-t", "-v", "--verbose"])
                && !line.has(&["-j1"])
                && only(told, &["jobs' stderr"])
        },
        reason: "Where jobs run side by side, their starts and what earlier ones complain of come in any order.",
    },
    OfLines {
        applies: |_, told| told.contains("Unknown option: -U"),
        reason: "20260522 has no -U.",
    },
    OfLines {
        applies: |line, told| {
            line.sources.concat().contains(&"old".to_owned())
                && line.gives(&["--joblog"], |log| log.contains("old"))
                && told.contains("ours 0")
        },
        reason: "A run does not write a file that it reads its inputs from.",
    },
    OfLines {
        applies: |line, _| {
            line.has(&["--semaphore", "--sem"]) && line.has(&["--wait", "--wd", "--workdir"])
        },
        reason: "What GNU runs of its own beside a semaphore's command is not shown, since it is not there.",
    },
    OfLines {
        applies: |line, told| {
            line.has(&["--pipepart"])
                && line.has(&["--round-robin", "--roundrobin"])
                && only(told, &["stdout"])
        },
        reason: "Which job gets the next block of a file is a matter of time.",
    },
    OfLines {
        applies: |_, told| told.contains("Warning: Value for option -s should be <"),
        reason: "Command lines may be as long as the kernel takes.",
    },
    OfLines {
        applies: |_, told| told.contains("GNU said: Unknown option: no"),
        reason: "--no-keep-order is known without its hyphens, as most options are.",
    },
    OfLines {
        applies: |_, told| told.contains("GNU said: Option block is ambiguous"),
        reason: "--block is the name of an option, with a hyphen behind it, too.",
    },
    OfLines {
        applies: |line, told| line.command.concat().contains("skip()") && only(told, &["end"]),
        reason: LEFT_OUT,
    },
    OfLines {
        applies: |line, told| {
            told.contains("ours exit 255")
                && (line.gives(NUMBERS, |value| !is_number(value))
                    || line.gives(&["--trim"], no_trim))
        },
        reason: NO_NUMBER,
    },
    OfLines {
        applies: |line, told| line.has(&["--files"]) && only(told, &["jobs' stderr"]),
        reason: "What jobs write to standard error is shown; GNU drops it with --files.",
    },
    OfLines {
        applies: |line, told| {
            told.contains("number expected)")
                && line
                    .options
                    .concat()
                    .iter()
                    .any(|word| word.ends_with("1k"))
        },
        reason: "20260522: a size with a suffix goes wherever a number is taken.",
    },
    OfLines {
        applies: |line, told| {
            let tells = line.has(&[
                "--number-of-cpus",
                "--number-of-cores",
                "--number-of-threads",
            ]) || line.has(&["--max-line-length-allowed"]);
            tells && told.contains("number expected)")
        },
        reason: "Options that only tell something do not look at the values of others.",
    },
    OfLines {
        applies: |_, told| told.contains(" is ambiguous ("),
        reason: "A name that GNU has two options for may be the beginning of one here.",
    },
    OfLines {
        applies: |_, told| told.contains("Unknown option: --fil"),
        reason: "20260522: --file is the beginning of --files and of --files0.",
    },
    OfLines {
        applies: |_, told| told.contains("Unknown option: nokeep-o"),
        reason: "--no-keep-order is known without its hyphens, as most options are.",
    },
    OfLines {
        applies: |line, told| {
            line.has(&["--pipepart"])
                && line.has(&["-m", "-X", "-n", "--xargs"])
                && !told.contains("jobs' stderr")
        },
        reason: "With -m GNU gives the first parts to jobs and forgets the others.",
    },
    OfLines {
        applies: |_, told| told.contains("--pipepart is incompatible with --max-replace-args"),
        reason: "20260522: --pipepart goes with -N and -L.",
    },
    OfLines {
        applies: |_, told| told.contains("sysseek("),
        reason: "What GNU wraps around a command is not shown, since it is not there.",
    },
    OfLines {
        applies: |line, told| {
            line.has(&["--pipepart"])
                && line.has(&["--shard", "--bin"])
                && told.contains("GNU exit 255, ours exit 0")
        },
        reason: "Values of --shard and --bin that have no job waiting go to one that has.",
    },
    OfLines {
        applies: |line, told| {
            line.has(&["--shellquote", "--shell-quote"])
                && (line.has(&["--results", "--files", "-s", "--max-chars", "--joblog"])
                    || told.contains("\t0\t13\t"))
        },
        reason: "With --shellquote lines are printed: they are no jobs, have no output and no length.",
    },
    OfLines {
        applies: |line, _| line.has(&["--semaphore", "--sem"]) && line.has(&["--colsep", "-C"]),
        reason: "A semaphore's command has no input; GNU cuts what it puts in its place.",
    },
    OfLines {
        applies: |line, told| {
            line.has(&["--id", "--semaphorename", "--semaphore"])
                && !line.has(&["--fg"])
                && !told.contains("end:")
        },
        reason: "A semaphore's command runs in the background, whatever has been printed when fanout ends.",
    },
    OfLines {
        applies: |line, _| {
            line.gives(&["-N", "-n", "-L", "-l"], |value| {
                value.starts_with(['-', '0']) && value != "0"
            })
        },
        reason: "What GNU does with fewer than one argument, but for none, is by chance.",
    },
    OfLines {
        applies: |_, told| told.contains(",V9,W0"),
        reason: "Behind column V9 comes V10; GNU calls it W0.",
    },
    OfLines {
        applies: |_, told| told.contains("--env _ needs"),
        reason: "A list of names that is not there is an error, even if there is no job.",
    },
    OfLines {
        applies: |line, told| {
            let names = sections(told);
            line.has(&["--pipe", "--spreadstdin"])
                && !names.is_empty()
                && names.iter().all(|name| name.ends_with("/seq"))
        },
        reason: "GNU writes the number of a job that it has prepared but not run.",
    },
    OfLines {
        applies: |_, told| told.contains("Unknown option: -W") && told.contains("GNU exit 0"),
        reason: "An option that is not known is an error, whatever else is asked for.",
    },
    OfLines {
        applies: |line, told| {
            let sections = sections(told);
            let log = ["log", "old", "jl", "sub/log"];
            line.has(&["--compress"]) && sections.iter().all(|name| log.contains(name))
        },
        reason: "How much a job has written is said as it is; with a compressor GNU's number is by chance.",
    },
    OfLines {
        applies: |line, _| line.gives(&["--arg-sep", "--arg-file-sep", "-d"], str::is_empty),
        reason: "An empty separator stands nowhere; what GNU does with one is by chance.",
    },
    OfLines {
        applies: |_, told| told.contains("there is no column "),
        reason: "A column that is not there is an error, even where there are no lines.",
    },
    OfLines {
        applies: |line, told| {
            line.has(&["--files"])
                && line.has(&["--dry-run", "--dryrun", "--shellquote"])
                && told.contains("<file>")
        },
        reason: DRY,
    },
    OfLines {
        applies: |line, told| {
            line.has(&["-N", "--max-replace-args"]) && told.contains("unexpected EOF")
        },
        reason: "A job without arguments has none; GNU shows what it puts in their place.",
    },
    OfLines {
        applies: |_, told| told.contains("input file is output file"),
        reason: "A run does not write a file that it reads its inputs from.",
    },
    OfLines {
        applies: |_, told| told.contains("does not tell --resume what was done"),
        reason: "A table is not looked at for what was done, and the user is told.",
    },
    OfLines {
        applies: |line, told| {
            line.has(&["--pipe", "--spreadstdin"])
                && line.has(&["-s", "--max-chars"])
                && told.contains("Command line too long")
        },
        reason: "How long command lines may be is about those that are made of inputs.",
    },
    OfLines {
        applies: |_, told| told.contains("cannot open the jobs\\' standard input"),
        reason: NO_FILE,
    },
    OfLines {
        applies: |line, _| line.has(&["--semaphore"]) && line.has(&["--pipe", "--spreadstdin"]),
        reason: "A semaphore runs its command with --pipe, too; GNU runs nothing.",
    },
    OfLines {
        applies: |line, told| {
            line.has(&["--total-jobs", "--total"]) && told.contains("GNU exit 0, ours exit 255")
        },
        reason: NO_NUMBER,
    },
    OfLines {
        applies: |line, told| {
            let alone = !line.has(&[
                "--pipe",
                "--spreadstdin",
                "--pipepart",
                "--group-by",
                "--cat",
                "--fifo",
            ]);
            alone && line.has(&["--round", "--tee", "--shard", "--bin"]) && !told.contains("never")
        },
        reason: "What is about pieces of one input asks for --pipe by itself, as GNU's manual has it of --round-robin.",
    },
    OfLines {
        applies: |_, told| told.contains("--tee requires --jobs to be higher"),
        reason: "20260522: the jobs of --tee run all at once, however many may run.",
    },
    OfLines {
        applies: |_, told| told.contains("requires --jobs to be higher than the number of"),
        reason: "Values of --shard and --bin that have no job waiting go to one that has.",
    },
    OfLines {
        applies: |line, told| {
            line.has(&["--pipe", "--spreadstdin"]) && told.contains("Negative length")
        },
        reason: "20260522: --block -N goes with --pipe, too.",
    },
    OfLines {
        applies: |line, told| {
            line.has(&["--bar", "--eta", "--progress"])
                && !told.contains("stdout")
                && !told.contains("end:")
        },
        reason: "Progress is shown in our own words.",
    },
    OfLines {
        applies: |line, told| {
            line.has(&["-v", "-t", "--verbose", "-vv"])
                && (told.contains("perl -e") || told.contains("nice "))
        },
        reason: "What GNU wraps around a command is not shown, since it is not there.",
    },
    OfLines {
        applies: |line, told| {
            line.has(&["--compress"])
                && line.has(&["--results", "--files"])
                && sections(told)
                    .iter()
                    .all(|name| name.contains('/') || name.contains('.'))
        },
        reason: "Another compressor, or one that is called in another way, writes other bytes.",
    },
    OfLines {
        applies: |line, _| line.has(&["-J", "--profile"]),
        reason: NO_PROFILE,
    },
    OfLines {
        applies: |_, told| told.contains("there is no directory "),
        reason: "A missing --tmpdir is an error of our own, exit code 255; GNU dies of a Perl error, exit code 2.",
    },
    OfLines {
        applies: |_, told| {
            told.contains("operator expected at") || told.contains("at /usr/bin/parallel line")
        },
        reason: "GNU's program stumbles over the value, in Perl's words.",
    },
    OfLines {
        applies: |_, told| told.contains("\\x00noarg") || told.contains("\\u0000noarg"),
        reason: "A job without arguments has none; GNU shows what it puts in their place.",
    },
    OfLines {
        applies: |line, told| line.command.is_empty() && told.trim() == "log: written by GNU only",
        reason: "A command line that is refused writes no joblog.",
    },
    OfLines {
        applies: |_, told| told.contains("Parsing of --jobs/-j/--max-procs/-P failed"),
        reason: "20260522 calculates what -j says.",
    },
    OfLines {
        applies: |_, told| told.contains(" is no number of jobs; use N"),
        reason: NO_NUMBER,
    },
    OfLines {
        applies: |line, told| line.has(&["--csv"]) && told.contains("CSV has unexpected format"),
        reason: "Lines of CSV may end in CR and NL; GNU's module refuses them.",
    },
    OfLines {
        applies: |line, told| {
            line.has(&["--results"])
                && line.has(&["--dry-run", "--dryrun"])
                && told.contains("written by GNU only")
        },
        reason: DRY,
    },
    OfLines {
        applies: |line, told| line.has(&["--filter"]) && told.contains("ours exit 0"),
        reason: LEFT_OUT,
    },
    OfLines {
        applies: |line, told| {
            line.has(&["--filter"])
                && line.has(&["-v", "-t", "--dry-run", "--dryrun", "-vv"])
                && told.contains("ours 0;")
        },
        reason: LEFT_OUT,
    },
    OfLines {
        applies: |_, told| told.contains("end: GNU never, ours exit"),
        reason: NEVER_ENDS,
    },
    OfLines {
        applies: |_, told| told.contains(" must be a ") && told.contains("ours exit 255"),
        reason: NO_NUMBER,
    },
    OfLines {
        applies: |_, told| {
            told.contains(" needs a replacement string, not an empty one")
                && told.contains("ours exit 255")
        },
        reason: "Nothing can be an empty string's place: an error; GNU may never end.",
    },
    OfLines {
        applies: |line, _| {
            line.has(&["--pipe", "--spreadstdin", "--pipepart"])
                && line.has(&["--halt", "--halt-on-error"])
                && line.shown().contains('%')
        },
        reason: "GNU cannot count jobs ahead that get pieces of an input; here a share is one of the jobs so far.",
    },
    OfLines {
        applies: |line, _| line.has(&["--cat", "--fifo"]) && !line.command.concat().contains("{}"),
        reason: "A job that does not read the file that it is given gets nothing on its standard input.",
    },
    OfLines {
        applies: |line, _| {
            line.has(&["-v", "-t", "--verbose", "--dry-run", "--dryrun"])
                && line.has(&[
                    "--cat",
                    "--fifo",
                    "--pipepart",
                    "--retries",
                    "--nice",
                    "--tmpdir",
                ])
        },
        reason: "What GNU wraps around a command is not shown, since it is not there.",
    },
    OfLines {
        applies: |line, told| {
            let seen = told.contains("  stdout: ") || told.contains("stderr: ");
            line.has(&["--filter"]) && !seen
        },
        reason: "20260522: jobs that are left out are not logged and do not count as failed.",
    },
    OfLines {
        applies: |line, _| line.has(&["--pipepart"]) && line.has(&["--retries"]),
        reason: "A part is fed again when its job is tried again; in GNU the input is lost.",
    },
    OfLines {
        applies: |_, told| told.contains("GNU signal 13"),
        reason: "Jobs need not read all of their input; GNU dies when the last one has not.",
    },
    OfLines {
        applies: |line, told| {
            line.has(&["--results"]) && told.lines().all(|line| line.contains(": written by "))
        },
        reason: "20260522: names of results are written in another way.",
    },
    OfLines {
        applies: |_, told| told.contains("The perl module Text::CSV is not installed"),
        reason: "GNU needs a module of Perl's that may not be there; here --csv is built in.",
    },
];

/// Options whose value is a number, or one with a unit.
const NUMBERS: &[&str] = &[
    "-n",
    "-N",
    "-L",
    "-s",
    "--max-args",
    "--max-replace-args",
    "--max-lines",
    "--max-chars",
    "--retries",
    "--delay",
    "--timeout",
    "--nice",
    "--load",
    "--memfree",
    "--total-jobs",
    "--semaphoretimeout",
    "--st",
    "--block-timeout",
    "--bt",
];

/// Whether `value` is a number that means something: digits in front of whatever unit.
fn is_number(value: &str) -> bool {
    let unit = value.trim_start_matches(|c: char| c.is_ascii_digit() || c == '.');
    unit.len() < value.len() && unit.chars().all(|c| "kKmMgGsmhd%0123456789".contains(c))
}

fn no_trim(value: &str) -> bool {
    !["n", "l", "r", "lr", "rl"].contains(&value)
}

/// What differs, as `told`: `end`, `stdout`, the names of files.
fn sections(told: &str) -> Vec<&str> {
    let heads = told.lines().filter_map(|line| line.strip_prefix("  "));
    let heads = heads.filter(|head| !head.starts_with(' '));
    heads.filter_map(|head| head.split(':').next()).collect()
}

/// Whether nothing differs, as `told`, but these.
fn only(told: &str, names: &[&str]) -> bool {
    sections(told).iter().all(|name| names.contains(name))
}

/// The reason why a random line differs as `told`, if it is meant to.
pub fn of_line(line: &Line, told: &str) -> Option<&'static str> {
    OF_LINES
        .iter()
        .find(|difference| (difference.applies)(line, told))
        .map(|difference| difference.reason)
}
