//! How many inputs each job gets, what that does to the command line, and how long it may become.

use crate::case::{Case, case};

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    cases.extend(sharing());
    cases.extend(context());
    cases.extend(counts());
    cases.extend(lines());
    cases.extend(lengths());
    cases.extend(limits());
    cases.extend(quoted_lengths());
    cases
}

/// Lines of `-q`, whose bytes count three times.
fn quoted_lengths() -> Vec<Case> {
    [
        "-X -s 60 echo {}",
        "-X -s 60 echo a{}b",
        "-m -s 60 echo {}",
        "-X -s 90 echo {} {}",
        "--xargs -s 60 echo",
        "-X -s 90 echo x y{}z",
        "-m -s 100 echo {} {.}",
        "-X -s 100 echo",
    ]
    .map(|line| {
        case(&format!(
            "-j1 -k --dry-run -q {line} ::: 1 22 'a b' \"it's\" 5 '$x' 77 888 9"
        ))
    })
    .into_iter()
    .chain([case("-k -q -X -j1 'echo {} | wc'").stdin(numbers(20000))])
    .collect()
}

fn numbers(count: usize) -> String {
    let numbers = (1..=count).map(|n| n.to_string() + "\n");
    numbers.collect()
}

/// The last records are shared among the slots, or not.
fn sharing() -> Vec<Case> {
    let mut cases = Vec::new();
    for option in ["-m", "-X", "--xargs", "-m --xargs", "-X --xargs", "-m -X"] {
        for (count, slots) in [
            (0, 2),
            (1, 4),
            (4, 3),
            (6, 5),
            (8, 7),
            (10, 3),
            (11, 7),
            (23, 4),
        ] {
            let line = format!("-k -j{slots} {option} echo x{{}}");
            cases.push(case(&line).named(&count.to_string()).stdin(numbers(count)));
        }
    }
    for options in [
        "-m -n5",
        "-X -N5",
        "-m -L5",
        "-X -l5",
        "--xargs -n5",
        "--xargs -N5",
        "-m -n3",
    ] {
        for count in [5, 7, 9, 10] {
            let line = format!("-k -j2 --dry-run {options} echo x{{}}");
            cases.push(case(&line).named(&count.to_string()).stdin(numbers(count)));
        }
    }
    cases.push(case("-k -j3 -X echo").stdin(numbers(30_000)));
    cases.push(case("-k -j3 -m echo").stdin(numbers(30_000)));
    cases.push(case("-k -j3 --xargs echo").stdin(numbers(30_000)));
    cases.push(case("-k -j2 --dry-run -X 'echo a{}b {}'").stdin(numbers(20_000)));
    cases.push(case("-k -j2 --dry-run --xargs 'echo {}'").stdin("a b\n".repeat(30_000)));
    cases.push(
        case("-k -j1 -n 100000 echo")
            .named("many")
            .stdin(numbers(30_000)),
    );
    cases.push(case("-k -j0 --dry-run -m echo ::: 1 2 3 4 5"));
    cases
}

/// What several arguments do to the words of the command.
fn context() -> Vec<Case> {
    let mut cases = Vec::new();
    for option in ["-m", "-X", "--xargs", "-n9", "-N9", "-L9", "-l9"] {
        for command in [
            "echo",
            "'echo pre{}post'",
            "'echo pre{}post {}x {#} {%}'",
            "'echo {1} {2} {-1} x{1}'",
            "'echo {} {.} {/} {//} {/.}'",
            "'cp {} {}.bak'",
            "'echo a{}b\t{}c;{}d'",
            "'echo {}{}x'",
            "'echo x{#}y'",
            "'{}'",
            "''",
            "-q echo pre{}post",
            "-q echo 'a pre{}post b'",
            "-q echo",
        ] {
            let line = format!("-k -j1 --dry-run {option} {command}");
            cases.push(case(&line).args([":::", "a b", "it's", "d/e.f"]));
        }
        cases.push(case(&format!(
            "-k -j1 --dry-run {option} 'echo pre{{}}post {{2}}-{{1}}' ::: a b 'c d' ::: 1 2"
        )));
        cases.push(case(&format!(
            "-k -j1 --dry-run {option} echo {{2}} {{1}} {{}} ::: a b :::+ 1 2"
        )));
        cases.push(case(&format!(
            "-k -j1 {option} --tag 'echo x{{}}' ::: a b c"
        )));
        cases.push(case(&format!(
            "-k -j1 {option} --tagstring 'T{{}}' 'echo x{{}}' ::: a b c"
        )));
        cases.push(case(&format!("-k -j1 -0 {option} \"printf '<%s>'\"")).stdin("a\0b c\0\n\0"));
    }
    cases
}

/// Numbers of arguments that meet.
fn counts() -> Vec<Case> {
    [
        "-n2 -N3",
        "-N3 -n2",
        "-n2 -L3",
        "-L3 -n2",
        "-L3 -N2",
        "-L2 -N3",
        "-L2 -n3",
        "-l2 -n3",
        "-L2 -n0",
        "-n0",
        "-N0",
        "-N0 -q",
        "-N0 -q '' {}",
        "-L0",
        "-l0",
        "-l",
        "-l2",
        "-l 2",
        "--max-lines",
        "--max-lines=3",
        "--max-args 3",
        "--max-replace-args=3",
        "-m -N3",
        "-m -L2",
        "-X -L2",
        "--xargs -L4",
        "-l2 -X",
        "-X -N4",
        "-X -n3",
        "-x -n2",
        "--exit -n2",
        "-n1",
        "-N1",
        "-L1",
    ]
    .iter()
    .map(|options| {
        case(&format!(
            "-k -j2 --dry-run {options} echo x{{}} ::: 1 2 3 4 5 6 7 8 9"
        ))
    })
    .chain([
        case("-k -j2 --dry-run -X -N6 echo {1} {2} {3} {4} ::: 1 2 3 4 5 6 7 8 9"),
        case("-k -j2 --dry-run --xargs -N6 echo {1} {2} {3} {4} ::: 1 2 3 4 5 6 7 8 9"),
        case("-k -j2 --dry-run -X -I ,, 'echo ,,-x' ::: a b"),
    ])
    .filter(|case| !case.name.contains("-I"))
    .collect()
}

/// Lines that end with a blank.
fn lines() -> Vec<Case> {
    let files = [
        ("blanks", "a b \nc d\ne\nf \ng\nh"),
        ("all", "1 \n2 \n3 \n4\n5\n"),
        ("tabs", "a\t\nb\n\n c \n\nd\n \ne "),
    ];
    let mut cases = Vec::new();
    for (name, text) in files {
        for options in [
            "-L1", "-L2", "-l", "-l2", "-L1 -X", "-L2 -m", "-L3 -n2", "-n2", "-X",
        ] {
            for command in ["echo", "echo x{}y"] {
                let line = format!("-k -j1 --dry-run {options} {command}");
                cases.push(case(&line).named(name).stdin(text));
            }
        }
    }
    cases.push(case("-0 -k -j1 --dry-run -L1 echo").stdin("a \0b\0c\n\0d "));
    cases.push(case(
        "-k -j1 --dry-run -L1 echo ::: 'a ' b 'c\t' d 'e\n' f 'i '",
    ));
    for options in [
        "-L1",
        "-L2",
        "-l",
        "--link -L1",
        "-l -C ,",
        "-L1 -E b",
        "-L1 -r",
    ] {
        for inputs in [
            "::: 'a ' b c ::: x",
            "::: x y ::: 'a, ' '' 'b\t' c",
            "::: 'a ' b ::: 'c ' d e",
        ] {
            cases.push(case(&format!("-k -j1 --dry-run {options} echo {inputs}")));
        }
    }
    cases
}

/// How long lines may become.
fn lengths() -> Vec<Case> {
    let mut cases = Vec::new();
    for (option, slots) in [
        ("-m", 1),
        ("-X", 1),
        ("--xargs", 3),
        ("-m", 3),
        ("-X", 3),
        ("-n3", 1),
    ] {
        for chars in [10, 14, 16, 20, 30, 40, 100] {
            let line = format!("-k -j{slots} -s {chars} {option} echo");
            cases.push(case(&line).stdin(numbers(20)));
        }
        for command in [
            "'echo {} {}'",
            "'echo {}-{}'",
            "'echo {}-{1}'",
            "'echo x{}y z'",
            "'echo {1} x{2}'",
            "'echo {#}'",
            "'echo {#} {}'",
            "'echo {/} {//}'",
            "''",
        ] {
            let line = format!("-k -j{slots} --dry-run -s 30 {option} {command}");
            cases.push(case(&line).named("quoted").args([
                ":::", "1", "2 ", "3", "d/4", "5", "it's", "7", "*", "9", "10", "11",
            ]));
        }
        cases.push(case(&format!(
            "-k -j{slots} --dry-run -s 22 {option} 'echo {{}}' ::: a b c d e f g h ::: 1 2"
        )));
    }
    for options in [
        "-s 13 -N3",
        "-s 10 -N3",
        "-s 13 -L3",
        "-s 13 -L3 -X",
        "-x -s 13 -n9",
        "-s 1k",
        "-s0",
    ] {
        cases.push(case(&format!(
            "-k -j2 --dry-run {options} echo x{{}} ::: 1 2 3 4 5 6"
        )));
    }
    for options in ["", "-m", "-X", "--xargs", "-n3", "-x -m"] {
        cases.push(
            case(&format!(
                "-k -j1 -s 12 {options} echo x{{}} ::: 1 22 333333 4"
            ))
            .names(&["--max-chars", "input 3", "333333", "12"]),
        );
    }
    // Numbers have units, are calculated, and may be none.
    for options in [
        "-N 0.002k",
        "-N 0.003k",
        "-n 0.002k",
        "-n 1k",
        "-L 1k",
        "-L 0.002k",
        "-N2.9",
        "-N -1",
        "-n -1",
        "-n ''",
        "-N ''",
        "-N ' 2'",
        "-s ''",
        "-L ''",
        "--retries ''",
        "--retries 1k",
        "-s 0.02k -X",
        "-n 1+1",
        "--pipe --block 2+2",
        "--pipe --block 0.002k+2",
        "--pipe --block ''",
        "--pipe -N 0.002k",
        "--pipe -L 0.002k",
    ] {
        let command = if options.contains("--pipe") {
            "'cat; echo ,'"
        } else {
            "echo"
        };
        cases.push(
            case(&format!("-k {options} {command}"))
                .named("numbers")
                .stdin("1\n2\n3\n4\n5\n"),
        );
    }
    cases
}

fn limits() -> Vec<Case> {
    vec![
        case("--max-line-length-allowed"),
        case("--max-line-length-allowed echo ::: a"),
        case("-k --show-limits echo ::: a"),
        case("-s 100 --show-limits true ::: a"),
        case("-k -m -s 100000000 echo ::: a b").own_words(),
        case("-s x echo ::: a").names(&["--max-chars", "'x'"]),
        case("-L x echo ::: a").names(&["-L", "'x'"]),
        case("-l x echo ::: a").stderr_ignored("x is the command"),
        case("-lx echo ::: a").names(&["--max-lines", "'x'"]),
        case("-j1 -X -N0 'echo {#}' ::: a b c"),
        case("-k -j2 -X -N0 'echo {#}' ::: 1 2 3 4 5 6 7"),
        case("-k -j2 -m -n0 'echo {#}' ::: 1 2 3 4 5 6 7"),
        case("-k -j2 --xargs -N0 'echo {#}' ::: 1 2 3 4 5 6 7"),
        case("-k -j4 -X -L0 'echo {#}' ::: a b c"),
    ]
}
