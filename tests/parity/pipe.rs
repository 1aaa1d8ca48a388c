//! `--pipe` and `--pipepart`: which job gets which bytes of the input.

use crate::case::{Case, case};

/// Inputs whose records are of odd shapes.
fn inputs() -> Vec<(&'static str, Vec<u8>)> {
    let long = format!("1\n2\n{}\n{}\nlast", "x".repeat(100), "y".repeat(60));
    vec![
        ("ten lines", b"1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n".to_vec()),
        ("no final newline", b"a\nbb\nccc\ndddd".to_vec()),
        ("empty records", b"\n\na\n\n\n\nb\n\n".to_vec()),
        ("a long record", long.into_bytes()),
        (
            "bytes",
            b"a\0b\n\xff\xfe\n\xc3\xa9\xe2\x82\xac\n\0\n".to_vec(),
        ),
        ("nothing", Vec::new()),
    ]
}

/// Regexps for where records of lines begin and end; a stream each.
const REGEXPS: &[(&str, &[&str])] = &[
    (
        "x1, S\ny\nx2, S\nx3, S\nx4, S\n",
        &[
            "--recstart '.*, S' -N1",
            "--recstart '.*, S' -N2",
            "--recstart '.*, S' --block 3",
            "--recstart '^x' -N1",
            "--recstart '^x' -N2",
            "--recstart '^x' --block 3",
            "--recstart '^' -N1",
            "--recstart 'x*' -N1",
            "--recstart '(?=x)' -N1",
            "--recend 'S$' -N1",
            "--recend 'S$' --block 3",
            "--recend '^y$' --block 5",
            "--recend 'S$\\n' --rrs -N1",
            "--recend 'S$' --rrs --block 100",
            "--recend 'S.y' -N1",
            "--recend 'S.y' --block 6",
            "--recend '\\n' --recstart '^x' -N2",
            "--recend 'x*' -N1",
        ],
    ),
    (
        "y\nx2\nx3\nx4\nx5\n",
        &[
            "--recstart '^(x)' -N2",
            "--recstart x -N2",
            "--recstart '^x' --rrs -N2",
        ],
    ),
    (
        "1234556\n",
        &[
            "--recend '\\d' --recstart '\\d' -N1",
            "--recend 5 --recstart 5 -N1",
            "--recend '\\d' -N2",
            "--recstart '\\d\\d' -N1",
            "--recstart '\\d' -N2",
        ],
    ),
];

/// Regexps for headers, of two lines that begin with `#` and three that do not.
const HEADERS: &[&str] = &[
    "'(#.*\n)*' -N1",
    "'(#.*\n)*' -N2",
    "'(#.*\n)*' --block 2",
    "'(#.*\n)*' --block 4",
    "'(#.*\n)*' --block 8",
    "'(#.*\n)*' --round-robin -j2 --block 4",
    "'(#.*\n)+' --block 4",
    "'(#.*\n)?' -N1",
    "'(#.*\n)*?' -N1",
    "'(x.*\n)*' -N1",
];

/// Ways to cut them.
const CUTS: &[&str] = &[
    "--block 1",
    "--block 5",
    "--block 11",
    "--block 1k",
    "-N1",
    "-N3",
    "-L2",
    "-N2 -L2",
    "-n2",
    "-r --block 4",
    "-r -N1",
    "--header : --block 6",
    "--header 2 -N1",
    "--recend '' --block 4",
    "--rrs -N2",
    "--regexp --recend '[a-c2]\\n' --block 7",
    "--regexp -N1",
    "--regexp --block 3",
    "--csv -N1",
    "--csv -L2",
];

/// Inputs and separators that are not lines.
const SEPARATORS: &[(&str, &str)] = &[
    ("a,b\n\"c\nd\",e\n", "--csv --rrs"),
    ("a,b\n\"c\nd\",e\n", "--csv -N1 --block 4"),
    ("aXbXcXd", "--recend X --block 3"),
    ("aXbXcXd", "--recend X --rrs --block 3"),
    ("aXbXcXd", "--recend X --rrs -N2"),
    ("aXbXcXd", "--recstart X -N1"),
    ("aXbXcXd", "--recstart X --rrs -N1"),
    ("aXbXcXd", "--recstart X --block 2"),
    ("aXXXbXXc", "--recend XX -N2"),
    ("aXXXbXXc", "--recend X --recstart X -N1"),
    ("aXXXbXXc", "--recend X --recstart X -N2"),
    ("<a></a><b></b><c></c>", "--recstart '<' --recend '>' -N1"),
    (
        "<a></a><b></b><c></c>",
        "--recstart '<' --recend '>' --rrs -N2",
    ),
    (
        "<a></a><b></b><c></c>",
        "--regexp --recstart '<[a-z]' --recend '>' -N1",
    ),
    (
        "<a></a><b></b><c></c>",
        "--regexp --recstart '<[a-z]' --recend '>' --rrs -N1",
    ),
    (
        "<a></a><b></b><c></c>",
        "--regexp --recstart '<[a-z]' --block 5",
    ),
    (
        "<a></a><b></b><c></c>",
        "--regexp --recend '[a-z]>' --block 5",
    ),
    ("abcdef", "--recend '' -N2"),
    ("abcdef", "--regexp --recend '' --block 4"),
    ("a\tb\tc\t", "--recend '\\t' -N1"),
    ("a\n\n\nb\n\n", "--recend '\\n\\n' -N1"),
];

const COLUMNS: &str = "chr pos\n1 10\n1 20\n2 5\n2 6\n3 1\n";

/// What decides by a column, and jobs that are fed while they run.
const ROUTES: &[&str] = &[
    "--group-by 1 --colsep ' ' -k",
    "--header : --group-by chr --colsep ' ' -N1 -k",
    "--group-by 1 --colsep ' ' -N2 -k",
    "--group-by 1 --colsep ' ' --block 6 -k",
    "--shard 1 --colsep ' ' -j2 -k",
    "--header : --shard chr --colsep ' ' -j2 -k",
    "--header : --bin chr --colsep ' ' -j3 -k",
    "--bin '1 $_+=1' --colsep ' ' -j3 -k",
    "--round-robin -N1 -j3 -k",
    "--header : --round-robin -N1 -j2 -k",
];

/// Command lines on a file `ten` with ten lines, `gb` with columns, and others.
const FILES: &[&str] = &[
    "--pipepart -a ten --block 5 -k 'echo J{#}; cat'",
    "--pipepart -a ten --block 7 -k 'echo J{#} {}; cat'",
    "--pipepart -a ten --block -1 -j2 -k 'echo J{#}; cat'",
    "--pipepart -a ten --block -2 -j2 -k 'echo J{#}; cat'",
    "--pipepart -a ten -a ten --block 11 -k 'echo J{#}; cat'",
    "--pipepart -a ten -a gb --block -1 -j2 -k 'wc -c'",
    "--pipepart --block 11 -k 'echo J{#}; cat' :::: ten gb",
    "--pipepart -a gb --header : --block 5 -k 'cat; echo ,'",
    "--pipepart -a gb --header : --group-by 1 --colsep ' ' --block 6 -k 'cat; echo ,'",
    "--pipepart -a gb --group-by 1 --colsep ' ' --block 6 -k 'cat; echo ,'",
    "--pipepart --tee -a ten -k 'echo {}; cat' ::: a b",
    "--pipepart --fifo -a ten --block 11 -k 'cat {}'",
    "--pipepart --cat -a ten --block 11 -k 'cat {}'",
    "--pipepart --round-robin -a ten --block 11 -k cat",
    "--pipepart -a ten --recend '' --block 5 -k 'cat; echo ,'",
    "--pipepart -a ten --recstart 1 --block 5 -k 'cat; echo ,'",
    "--pipepart -a ten --regexp --recstart '[34]' --block 5 -k 'cat; echo ,'",
    "--pipepart -a ten --rrs --block 5 -k 'cat; echo ,'",
    "--pipepart -a empty -k 'cat; echo ,'",
    "--pipepart -a ten -j1 -k 'cat; echo ,'",
    "--pipepart -a ten -j3 -k 'cat; echo ,'",
    "--pipepart -a gb -a ten -j2 -k --header : 'cat; echo ,'",
    "--pipepart -a ten --round-robin --block 5 -j1 'cat; echo ,'",
    "--pipepart -a thirty --block -3 -j1 wc -c",
    "--pipepart -a thirty --block -1 -j2 -k wc -c",
    "--pipepart -a thirty -j1 wc -c",
    "--pipepart -a ten --regexp --recend '' --block 5 -k 'cat; echo ,'",
    "--pipepart -a ten --regexp --block 5 -k 'cat; echo ,'",
    "--pipepart -a ten --skip-first-line --block 5 -k 'cat; echo ,'",
    "--pipepart -a ten -a gb --skip-first-line --block 9 -k 'cat; echo ,'",
    "--pipepart -a gb --skip-first-line --header : --block 5 -k 'cat; echo ,'",
    "--pipepart -a ten --skip-first-line -k cat ::: a",
    "--pipe --group-by 1 --recend x cat",
    "--pipe --group-by 1 --recstart x --recend y cat",
    "--pipepart -a gb --group-by 1 --rrs cat",
];

/// Command lines that read ten lines.
const TEN: &[&str] = &[
    "--pipe -N3 -k 'echo J{#} {} x; cat'",
    "--pipe -N6 -k 'echo {1}; cat' ::: a b c",
    "--pipe -N3 -k 'echo {1} {2}; cat' ::: a b ::: c d",
    "--pipe -k cat ::: a b",
    "--tee --pipe -k 'echo {}; cat' ::: a b",
    "--pipe --dry-run -N5 -k 'cat {#}'",
    "--pipe --fifo --block 11 -k 'echo J{#}; cat {}'",
    "--pipe --cat --block 11 -k 'echo J{#}; cat {}'",
    "--pipe --cat --block 11 -k --dry-run 'cat {}'",
    "--pipe --cat --tag --block 11 -k 'wc -c <{}'",
    "--pipe --cat -v -k 'cat {}'",
    "--pipe --cat -k 'cat {}; exit 3'",
    "--pipe --fifo -k 'cat {}; exit 3'",
    "--pipe --tagstring {#} --block 11 -k 'wc -c'",
    "--pipe --retries 3 --block 11 -k 'wc -c; false'",
    "--pipe -v --block 11 -k 'wc -c'",
    "--spreadstdin -N5 -k 'wc -c'",
    "--pipe -j1 -N5 -u 'wc -c'",
    "--pipe --round-robin -N1 -j2 -k 'echo {1}; cat' ::: a b",
    "--pipe --bin 1 -j5 -k 'echo J{#} {1}; cat' ::: a b",
    "--pipe --skip-first-line -N3 -k 'cat; echo ,'",
    "--pipe --skip-first-line --header : -N3 -k 'cat; echo ,'",
    "--pipe --skip-first-line --recend 4 -k -N1 'cat; echo ,'",
    "--pipe --skip-first-line --round-robin -N1 -j2 -k 'cat; echo ,'",
    "--pipe --skip-first-line --group-by 1 -N2 -k 'cat; echo ,'",
    "--pipe --skip-first-line --csv -k cat",
    "--pipe --skip-first-line --shard 1 -j2 -k 'cat; echo ,'",
    "--pipe --skip-first-line --tee -j2 -k 'cat; echo {}' ::: a b",
    "--pipe --skip-first-line -N4 -k 'cat; echo {}' ::: a b",
    "--pipe --rrs --shard 1 -j2 -k 'cat; echo ,'",
    "--pipe --rrs --bin 1 -j2 -k 'cat; echo ,'",
    "--pipe --rrs --tee -j2 -k 'cat; echo ,' ::: a b",
    "--pipe --rrs --round-robin -N1 -j2 -k 'cat; echo ,'",
    "--pipe --header : --bin 1 -j3 -k 'cat; echo ,'",
    "--pipe --header 2 --shard 1 -j1 cat",
    "--pipe --header '.*\n' --shard 1 -j1 cat",
    "--pipe --cat --fifo cat",
    "--pipe --round-robin --retries 3 cat",
    "--pipe --round-robin --retries 1",
];

/// The same input for jobs that all run at once.
const TEES: &[&str] = &[
    "-k --pipe --tee ::: 'wc -l' 'head -n1'",
    "-k --pipe --tee ::: 'wc' 'head' ::: ' -c' ' -n1' ::: '' ' -'",
    "-k --pipe --tee 'cat; echo {} {%}' ::: a b c d e",
    "-k --pipe --tee --tag ::: cat 'echo {}'",
    "-k --pipe --tee -v ::: cat 'wc -l'",
    "-k --pipe ::: cat",
    "-k --pipepart --tee -a ten ::: cat 'wc -l'",
];

/// What becomes of jobs that find their input in a file or FIFO, and fail, do not read it, or are killed.
/// A job that never opens its FIFO is not here: GNU parallel waits for it for ever.
const ENDS: &[&str] = &[
    "--cat -k cat {}",
    "--fifo -k cat {}",
    "--pipe --cat -k true",
    "--pipe --cat -k false",
    "--pipe --cat --block 11 -k 'cat {}; false'",
    "--pipe --cat --block 11 -k 'cat {}; (exit 4)'",
    "--pipe --cat --block 11 -k 'head -1 {}; exit 7'",
    "--pipe --cat -k 'echo x; exit 7 #'",
    "--pipe --cat -k 'no_such_command {}'",
    "--pipe --cat -k 'exec false {}'",
    "--pipe --cat -k 'cat {}; set -e; false; true'",
    "--pipe --cat -k 'trap \"exit 4\" EXIT; cat {}'",
    "--pipe --cat --block 11 -k 'kill -9 $$ #'",
    "--pipe --cat --block 11 -k 'cat {}; kill -15 $$ #'",
    "--pipe --cat -j1 --block 11 --halt now,fail=1 'cat {}; false'",
    "--pipe --cat -j1 --block 11 --halt now,fail=1 'cat {}; exit 3 #'",
    "--pipepart --cat -a ten --block 11 -k false",
    "--pipepart --cat -a ten --block 11 -k 'cat {}; exit 3'",
    "--pipe --fifo --block 11 -k 'cat {}; false'",
    "--pipe --fifo --block 11 -k 'head -1 {}; exit 7'",
    "--pipe --fifo --block 11 -k 'head -1 {}; true'",
    "--pipe --fifo -k 'cat {}; set -e; false; true'",
    "--pipe --fifo -k 'cat {}; kill -9 $$'",
    "--pipepart --fifo -a ten --block 11 -k 'cat {}; exit 3'",
    "--pipepart --fifo -a ten --block 11 -k 'cat {}; false'",
];

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (name, input) in inputs() {
        for cut in CUTS {
            let line = format!("--pipe {cut} -k 'echo J{{#}}; cat; echo ,'");
            cases.push(case(&line).named(name).stdin(&input).own_words());
        }
    }
    for (input, options) in SEPARATORS {
        let line = format!("--pipe {options} -k 'cat; echo ,'");
        cases.push(case(&line).named(input).stdin(input).own_words());
    }
    for options in ROUTES {
        let line = format!("--pipe {options} 'cat; echo ,'");
        cases.push(case(&line).named("columns").stdin(COLUMNS).own_words());
    }
    for (stream, regexps) in REGEXPS {
        let lines = regexps.iter();
        let lines = lines.map(|words| format!("--pipe --regexp {words} -k 'cat; echo ,'"));
        cases.extend(lines.map(|line| case(&line).named("regexps").stdin(*stream)));
    }
    for words in HEADERS {
        let line = format!("--pipe --header {words} -k 'cat; echo ,'");
        cases.push(case(&line).named("headers").stdin("#1\n#2\na\nb\nc\n"));
    }
    let ten = "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n";
    for line in FILES {
        cases.push(
            case(line)
                .file("ten", ten)
                .file("thirty", "\n".repeat(30))
                .file("gb", COLUMNS)
                .file("empty", ""),
        );
    }
    cases.extend(
        TEES.iter()
            .map(|line| case(line).stdin(ten).file("ten", ten)),
    );
    cases.extend(TEN.iter().map(|line| case(line).stdin(ten)));
    let ends = ENDS.iter().map(|line| case(line).stdin(ten));
    cases.extend(ends.map(|case| case.file("ten", ten)));
    // Columns by a name that is in the first line, sources without a value, commands from a file.
    for line in [
        "-k -j2 --pipe --bin z tee {#}",
        "-k -j1 --pipe --shard v cat",
        "-k -j2 --pipe --group-by n cat",
        "-k --pipe 'cat; echo {}' :::",
        "-k --pipe --tee 'cat; echo {}' :::",
        "-k --pipe -N1 'cat; echo {}' ::: :::",
        "-k --pipe :::",
        "-k --pipe -a words",
        "-k --pipe :::: words",
        "-k --pipe --tee -a words",
        "-k --pipe -N1 'cat; echo {= $_=$i++ =} {= $_=$i++ =}'",
        "-k --pipepart -j1 --roundrobin -a table cat",
        "-k --pipepart -j1 --roundrobin --block 1 -a table cat",
        // What arguments are made of, beside a stream.
        "-k -j1 --pipe -N1 -r -C, 'echo [{}] [{2}]; cat' ::: a ' b ,c' '' d",
        "-k -j1 --pipe -N1 --csv 'echo [{}] [{2}]; cat' ::: a ' b ,c' '' d",
        "-k -j1 --pipe -N1 --trim rl 'echo [{}]; cat' ::: ' a ' '' d",
        "-k -j1 --pipe -N1 -E b 'echo [{}]; cat' ::: a b c",
        "-k -j1 --pipe -N1 -L 1 'echo [{}]; cat' ::: 'a ' b c",
        "-k -j1 --pipe -N1 -C t -a table 'echo [{}] [{2}]; cat'",
        // Keys, and the ends of lines in them.
        "-k -j2 --pipe --shard 1 cat",
        "-k -j2 --pipe --bin 2 cat",
        "-k -j1 --pipe --bin '2 print STDERR qq(<$_>)' cat",
        "-k -j1 --pipe --shard '1 print STDERR qq(<$_>)' cat",
        "-k -j1 --pipe --group-by '2 print STDERR qq(<$_>)' cat",
        "-k -j1 --pipe -C, --bin '2 print STDERR qq(<$_>)' cat",
        "-k -j1 --pipe -C ' ' --bin '2 print STDERR qq(<$_>)' cat",
        "-k -j1 --pipe -C ' ' --shard '2 print STDERR qq(<$_>)' cat",
    ] {
        let table = "n\tv\nx\t1\ny\t2\nx\t3\n";
        let case = case(line).own_words().stdin(table).file("table", table);
        cases.push(case.file("words", "cat\nwc\n").leaves("1"));
    }
    for line in [
        "-k -j2 --pipe --shard 1 'cat; echo -'",
        "-k -j2 --pipe --shard 2 'cat; echo -'",
        "-k -j1 --pipe --shard '2 print STDERR qq(<$_>)' cat",
        "-k -j1 --pipe --bin '1 print STDERR qq(<$_>)' cat",
        "-k -j1 --pipe -C, --group-by '2 print STDERR qq(<$_>)' cat",
        "-k -j1 --pipe --group-by '1 print STDERR qq(<$_>)' cat",
    ] {
        let case = case(line).stdin("a,1 x\nb,2\nc  3,1");
        cases.push(case.named("commas"));
    }
    for line in [
        "--pipe --block 11 -k --joblog log 'wc -c'",
        "--pipe --round-robin -N1 -j3 -k --joblog log 'wc -c; false'",
        "--pipe --bin 1 -j2 -k --joblog log 'wc -c'",
        "--pipe --cat --block 11 -k --joblog log 'cat {}; false'",
        "--pipe --fifo --block 11 -k --joblog log 'cat {}; false'",
    ] {
        cases.push(case(line).stdin(ten).joblog("log").ends_in_any_order());
    }
    cases
}
