//! Where output goes: files of results, files with names, whole lines, colours, compression.

use crate::case::{Case, case};

/// A command whose two outputs and exit code differ from job to job.
const JOB: &str = "'echo o{}; echo e{} >&2; exit {#}'";

/// What `--results` may be, and inputs for it.
const TREES: &[(&str, &str)] = &[
    ("r", "::: a b"),
    ("r", "::: a b ::: c d"),
    ("r/", "::: a"),
    ("./r/s", "::: a"),
    ("r", "::: 'a b' 'c/d' '' . .. '*' \"it's\" -x"),
    ("r", "--header : ::: x a b"),
    ("r", "--header : ::: x a b ::: y c"),
    ("r", "--header : ::: 'x y' a ::: z/w c"),
    ("r", "-n2 ::: a b c"),
    ("r", "-N2 ::: a b c"),
    ("r", "-X ::: a b c"),
    ("r", "-C , ::: a,b c,d"),
    ("r", "--link ::: a b ::: c d"),
    ("r", "--header : -N2 ::: x a b c"),
    ("r", "--header : -N2 ::: x a b c ::: y d"),
    ("r", "--header : -N2 -C , ::: a,b 1,2 3,4"),
    ("r", "--header : ::: 'a\tb' '1\t2' '3\t4\t5' 6"),
    ("r", "--header : -C , ::: a,b 1,2,3"),
    ("r", "--header 0 -N2 ::: x a b c"),
    ("r", "--header : ::: '' a"),
    ("r", "-N0 ::: a b"),
    ("r", "-n0 ::: a b ::: c"),
    ("{}.out", "::: a b"),
    ("{}/", "::: a b"),
    ("r/{1}-{2}", "::: a b ::: c"),
    ("r/{#}/", "::: a b"),
    ("r-{%}-{#}", "::: a"),
    ("r/{.}.txt", "::: a.b c.d"),
    ("r/{= $_ .= 'x' =}", "::: a b"),
    ("r/{x}", "--header : ::: x a b"),
    ("r.csv", "::: a b"),
    ("r.tsv", "::: a b"),
    ("r.csv", "::: 'a,b' 'c\"d' 'e f'"),
    ("r.csv", "--header : ::: x a b ::: y c"),
    ("r.csv", "::: a b ::: c d"),
    ("r.tsv", "-C , ::: a,b c,d"),
    ("r.json", "::: a b"),
    ("r.CSV", "::: a"),
    (".csv", "::: a"),
];

/// Options that go with files.
const WITH: &[&str] = &[
    "--tag",
    "-v",
    "-u",
    "--lb",
    "--files",
    "--output-as-files",
    "--outputasfiles",
    "--dry-run",
    "--retries 2",
    "--compress",
    "--color",
];

const LINES: &[&str] = &[
    "--lb -j1",
    "--lb -k",
    "--lb --tag -k",
    "--lb --tagstring 'T{#}' -k",
    "--line-buffer -k -v",
    "--linebuffer -k --color",
    "--linebuffered -k",
    "--line-buffered -k",
    "--color -k",
    "--colour -k --tag",
    "--ctag -k",
    "--ctagstring '<{}>' -k",
    "--color-failed -k",
    "--cf -k --tag",
    "--colour-failed -k -v",
    "--color -j1 -v",
    "--color -k --tagstring '\t{}'",
];

const COMPRESSED: &[&str] = &[
    "--compress",
    "--compress --tag",
    "--compress --lb",
    "--compress -v",
    "--compress-program gzip",
    "--use-compress-program gzip --use-decompress-program 'gzip -dc'",
    "--usecompressprogram gzip",
    "--compress-program 'gzip -9' --decompress-program 'gzip -dc'",
    "--decompress-program cat --compress-program cat",
];

/// Runs that go on where others were; the job of input b was run before.
const RESUMED: &[&str] = &[
    "--resume --results r echo {#} ::: a b c",
    "--resume --results r/ echo {#} ::: a b c",
    "--resume --results r/1/{}/ echo {#} ::: a b c",
    "--resume --results r/1/{}/stdout echo {#} ::: a b c",
    "--resume --results r --dry-run echo {#} ::: a b c",
    "--resume --results r --joblog log echo {#} ::: a b c",
    "--resume-failed --results r echo {#} ::: a b c",
    "--resume-failed --results r --joblog log echo {#} ::: a b c",
    "--resume --results r --halt now,fail=1 false ::: b a c",
    "--resume --results r --header : echo {#} ::: 1 a b c",
];

/// Pieces of one input, of which all have the same place for their output unless they have arguments.
const PIECES: &[&str] = &[
    "--pipe -N2 --results r cat",
    "--pipe -N2 --results r/ cat",
    "--pipe -N2 --results r/{#} cat",
    "--pipe -N2 --results r cat ::: a b",
    "--pipe -N2 --results r cat ::: a b c d ::: e",
    "--pipe --dry-run --results r cat",
    "--pipepart -a IN --block 4 --results r cat",
];

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for line in PIECES {
        let case = case(&format!("-j1 {line}")).stdin("1\n2\n3\n4\n");
        cases.push(case.file("IN", "1\n2\n3\n4\n").tree());
    }
    for (results, inputs) in TREES {
        cases.push(case(&format!("-j1 --results \"{results}\" {JOB} {inputs}")).tree());
    }
    for option in WITH {
        let line = format!("-j1 {option} --results r {JOB} ::: a b");
        // Compressors write what they like.
        let case = case(&line);
        cases.push(if option.contains("compress") {
            case
        } else {
            case.tree()
        });
    }
    let torn = "-j1 --resume --results r echo {#} ::: a";
    cases.push(case(torn).file("r/1/a/stdout", "ol").tree());
    for line in RESUMED {
        // GNU parallel looks for the output of a job, fanout for its number, which is written last.
        let case = case(&format!("-j1 {line}"))
            .file("r/1/b/stdout", "old\n")
            .file("r/1/b/seq", "2")
            .file("r/1/b/stdout.seq", "2")
            .tree();
        cases.push(if line.contains("joblog") {
            case.joblog("log")
        } else {
            case
        });
    }
    for line in [
        "--lb --results r.csv",
        "--lb --tag --results r.tsv",
        "-u --results r.csv",
        "-u --tag --results r.csv",
        "--files --results r.csv",
        "--lb --files --results r.csv",
        "--lb -v --results r.csv",
        "--lb -k --results r.csv",
        "-k -v --results r.csv",
    ] {
        // What is shown beside the table.
        let mut case = case(&format!("-j1 {line} {JOB} ::: a b"));
        case.plain_names = true;
        cases.push(case);
    }
    for option in LINES {
        cases.push(case(&format!("{option} {JOB} ::: a b c")));
        let command = "'printf \"1\\n2\\n\"; printf \"no end {}\"'";
        cases.push(case(&format!("{option} {command} ::: a b")));
    }
    for option in COMPRESSED {
        cases.push(case(&format!("-j1 {option} {JOB} ::: a b")));
        cases.push(case(&format!("-k -j2 {option} seq ::: 100000 3 40000")));
        cases.push(case(&format!("-j1 {option} --joblog log seq ::: 50000 3")).joblog("log"));
    }
    cases.extend([
        case("-k --compress --pipe --block 100k md5sum").stdin("line\n".repeat(100_000)),
        case("-j1 --compress-program gzip --results r seq ::: 10 && true").named("gzip"),
        case("--compress --compress-program no-such-program echo ::: a")
            .names(&["no-such-program"]),
        case("-j1 --compress-program cat --decompress-program tac seq ::: 3"),
        case("--compress-program false seq ::: 100000").own_words(),
        case("-j1 --results r --header : true ::: .. a").tree(),
        case("-j1 --results r/{} echo ::: ../x y").tree(),
        case("-j1 --results r/{} echo ::: ./x a/b").tree(),
        case("-j1 --results r/{//}/{/.} echo ::: x.gz d/y.gz").tree(),
        case("-j1 --results {.}.log echo ::: x.gz ../y.gz").tree(),
        case("--results '' echo ::: a").own_words(),
        case("--results /dev/null/x echo ::: a").own_words(),
    ]);
    // Names of columns decide the order of the directories.
    cases.extend([
        case("-k --results o --header : echo {a} {b} ::: b 1 2 ::: a 3 4").tree(),
        case("-k --results o --header : echo ::: B 1 ::: a 3 ::: A 5").tree(),
        case("-k --results o --header : echo ::: b 1 ::: a 3 ::: 10 5 ::: 9 7").tree(),
        case("-k --results o --header : --colsep , echo ::: b,a 1,2,3 4,5").tree(),
        case("-k --results o --header : --colsep , -N2 echo ::: b,a 1,2 3,4").tree(),
    ]);
    cases
}
