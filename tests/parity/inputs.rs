//! Where arguments come from, and how inputs become records.

use crate::case::{Case, case};

pub fn cases() -> Vec<Case> {
    let mut cases = sources();
    cases.extend(delimiters());
    cases.extend(products());
    cases.extend(records_a_job());
    cases.extend(inputs_as_commands());
    cases.extend(option_shapes());
    cases.extend(growing_files());
    cases
}

/// Files of inputs that a job appends to.
fn growing_files() -> Vec<Case> {
    let appends = "echo {}; case {} in *1*) echo new >> f;; esac; sleep 0.2";
    [
        "-j1 -a f",
        "-j1 -k -a f",
        "-j1 -a f -r",
        "-j1 --colsep x -a f",
        "-j1 -E new -a f",
        "-j1 --tag -a f",
        "-j1 --shuf -a one",
    ]
    .into_iter()
    .map(|options| {
        let case = case(&format!("{options} '{appends}'"));
        case.file("f", "1\n2\n3\n").file("one", "1\n").leaves("f")
    })
    .chain([
        case(&format!("-j1 '{appends}' :::: f")).file("f", "1\n2\n3\n"),
        case(&format!("-j1 '{appends}; :' :::: f ::: A B")).file("f", "1\n2\n"),
        case("-j1 'echo {}; echo {}1 | grep -v .... >> f; sleep 0.2' :::: f").file("f", "1\n2\n"),
    ])
    .collect()
}

fn sources() -> Vec<Case> {
    let lines = "one\ntwo words\n\n  three\nlast";
    let mut cases: Vec<Case> = [
        "-k echo",
        "-k echo :::: -",
        "-k -a - echo",
        "-k echo {} - {} :::: -",
        "-k cat :::: - ",
        "-k 'echo {}; cat'",
        "-k --arg-file - echo",
        "-k echo :::: /dev/stdin",
    ]
    .into_iter()
    .map(|line| case(line).named("lines on stdin").stdin(lines))
    .collect();
    cases.extend(
        [
            "-k echo :::: lines",
            "-k -a lines echo",
            "-k --arg-file lines echo {}",
            "-k --arg-file=lines echo {}",
            "-k -a lines -a more echo",
            "-k echo {2} {1} :::: lines more",
            "-k echo :::: lines :::: more",
            "-k echo :::: lines ::: x y",
            "-k echo ::: x y :::: lines",
            "-k -a lines echo {} ::: x y",
            "-k -a lines -k echo {1}={2} :::: more",
            "-k echo :::: empty",
            "-k echo :::: one-empty-line",
            "-k echo :::: no-newline",
            "-k echo :::: crlf",
            "-k echo ::: x :::: empty",
            "-k echo :::: empty lines",
        ]
        .into_iter()
        .map(|line| {
            case(line)
                .file("lines", lines)
                .file("more", "m1\nm2\n")
                .file("empty", "")
                .file("one-empty-line", "\n")
                .file("no-newline", "x")
                .file("crlf", "a\r\nb\r\n")
        }),
    );
    for (name, stdin) in [
        ("nothing", ""),
        ("one newline", "\n"),
        ("only newlines", "\n\n\n"),
        ("no last newline", "a\nb"),
        ("blanks", " \n\t\n a b \n"),
        ("crlf", "a\r\nb\r\n"),
    ] {
        cases.push(case("-k 'echo [{}]'").named(name).stdin(stdin));
        cases.push(case("-k --dry-run echo").named(name).stdin(stdin));
    }
    cases.extend(
        [
            "-k echo",
            "-k echo :::",
            "-k echo ::: ''",
            "-k echo ::: a :::",
            "-k echo {} ::: '' a",
        ]
        .map(case),
    );
    // stdin that no input source reads goes to the first job.
    cases.extend(
        [
            "-j1 cat ::: -",
            "-j1 cat ::: - -",
            "-k 'cat; echo {}' ::: 1 2 3",
            "-j1 'read x; echo {} $x' ::: 1 2",
            "-j1 cat ::: /dev/stdin",
            "-k -j2 -u 'cat; true' ::: 1",
            "-j1 -a list 'cat; echo'",
            "-j1 --retries 2 'cat; false' ::: 1",
        ]
        .map(|line| {
            case(line)
                .named("stdin of a job")
                .stdin("hi\nthere\n")
                .file("list", "l1\nl2\n")
        }),
    );
    cases
}

fn delimiters() -> Vec<Case> {
    let mut cases = Vec::new();
    for (delimiter, stdin) in [
        ("-d ,", "a,b c,,d\n"),
        ("-d,", "a,b\nc,"),
        ("-d ';'", "a;b;"),
        ("-d ' '", "a b  c"),
        ("-d '\\n'", "a\nb\n"),
        ("-d '\\t'", "a\tb c\td"),
        ("-d '\\0'", "a\0b\nc\0"),
        ("-d '\\x2c'", "a,b"),
        ("-d '\\054'", "a,b"),
        ("-d '\\\\'", "a\\b"),
        ("-d '\\r'", "a\rb\nc"),
        ("-d ab", "1ab2ab3"),
        ("-d x", "no such one\n"),
        ("-d '.'", "a.b.c"),
        ("-d '*'", "a*b"),
        ("-d '\\a'", "a\x07b"),
        ("--delimiter ,", "a,b"),
        ("--delimiter=,", "a,b"),
        ("-0", "a\0b\nc\0\0d"),
        ("--null", "x\0y"),
        ("-0", ""),
        ("-0", "\0"),
        ("-d é", "aébéc"),
        ("-d ''", "a\nb\n"),
        ("-d aa", "1aaa2aaaa3"),
        ("-0 -d ,", "a,b\0c"),
        ("-d , -0", "a,b\0c"),
    ] {
        let line = format!("-k {delimiter} \"printf '<%s>'\"");
        cases.push(
            case(&line)
                .named(&stdin.escape_debug().to_string())
                .stdin(stdin)
                .own_words(),
        );
    }
    cases.push(case("-k -d , \"printf '<%s>'\" :::: f ::: x,y").file("f", "a,b\n"));
    cases.push(
        case("-k -0 \"printf '<%s>'\" :::: f g")
            .file("f", "a\0b")
            .file("g", "1\x002\n"),
    );
    cases
}

fn products() -> Vec<Case> {
    [
        "-k echo ::: a b ::: 1 2",
        "-k echo {1} {2} ::: a b ::: 1 2 3",
        "-k echo {2}{1} {#} ::: a b ::: 1 2 ::: x y",
        "-k echo {} ::: a b ::: 1 2",
        "-k echo {} {2} ::: a b ::: 1 2",
        "-k echo ::: a ::: b ::: c ::: d ::: e",
        "-k echo ::: 'a b' ::: 'c  d' ''",
        "-k echo :::: f ::: 1 2 :::: g",
        "-k echo ::: a b :::: -",
        "-k --tag echo {2} ::: a b ::: 1 2",
        "-k -N2 echo {1} {2} ::: a b ::: 1 2",
        "-k -n3 echo ::: a b ::: 1 2",
        "-k --dry-run echo ::: {1} {2} ::: a b",
        "-k echo ::: a ::: ",
        "-k echo {3} ::: a ::: b",
        "-k echo ::: a ::: b c ::: ",
    ]
    .map(|line| {
        case(line)
            .file("f", "f1\nf2\n")
            .file("g", "g1\n")
            .stdin("s1\ns2\n")
    })
    .into()
}

/// `-n` and `-N`.
fn records_a_job() -> Vec<Case> {
    let mut cases = Vec::new();
    for size in [
        "-n1", "-n2", "-n 3", "-n10", "-N1", "-N2", "-N 3", "-N10", "-N0", "-n0",
    ] {
        for command in [
            "echo",
            "echo {}",
            "echo {1} {2} {3}",
            "echo {2}-{1} {#}",
            "echo x{}y {.} {/}",
        ] {
            cases.push(case(&format!("-k {size} {command} ::: a b.c d/e f g")));
        }
    }
    cases.extend(
        [
            "-k --max-args 2 echo ::: a b c",
            "-k --max-args=2 echo ::: a b c",
            "-k --max-replace-args=2 echo ::: a b c",
            "-k -N2 --tag echo ::: a b c",
            "-k -n2 --tag echo ::: a b c",
            "-k -N2 --tagstring '{2}:{1}' echo ::: a b c",
            "-k -N2 echo {//} {/.} ::: d/a.b e/c.d f.g",
            "-k -n2 --dry-run echo ::: 'a b' '' c\\d",
            "-k -N2 echo '{1} {1} {}' ::: a b c",
            "-k -N2 -n3 echo ::: a b c d",
            "-k -n3 -N2 echo ::: a b c d",
            "-k -n2 ::: echo a b c",
            "-k -N3 echo {4} {2} ::: a b c d",
            "-k -j2 -n2 echo ::: 1 2 3 4 5 6 7",
        ]
        .map(case),
    );
    cases.push(case("-k -n2 echo").stdin("a\nb\nc\n"));
    cases.push(case("-k -N2 -0 echo {2},{1}").stdin("a\0b\0c\0"));
    cases
}

fn inputs_as_commands() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        "-k ::: 'echo a' 'echo b | tr b c' 'exit 3' 'echo $((1+2))'",
        "-k --dry-run ::: 'echo a' 'echo \"b  c\"'",
        "-k --tag ::: 'echo a' 'echo b; echo c'",
        "-k -v ::: 'echo a' 'echo b'",
        "-k -j1 -t ::: 'echo a' 'echo b'",
        "-k :::: commands",
        "-k -q ::: 'echo a  b'",
        "-k ::: 'echo {} {.} {#}'",
        "-k ::: 'echo {1}' 'echo {2}'",
        "-k ::: '' 'echo a' ' '",
        "-k ::: 'echo a' ::: b c",
        "-k ::: 'false' 'true' 'false'",
        "-k -a commands",
        "-k --tagstring t{#} ::: 'echo a' 'echo b'",
    ]
    .map(|line| case(line).file("commands", "echo one\n# comment\n\nsh -c 'exit 4'\n"))
    .into();
    cases.push(case("-k").stdin("echo a\necho 'b  c'; echo d\nexit 2\n"));
    cases.push(case("-k -0").stdin("echo a\0echo b\necho c\0"));
    cases.push(case("").stdin("echo only\n"));
    cases.push(case("-j1").stdin("cat\n"));
    cases
}

/// Where options end, how they abbreviate, bundle and repeat.
fn option_shapes() -> Vec<Case> {
    [
        "-kj2 echo ::: a b",
        "--replace - echo - ::: a",
        "-i - echo - ::: a",
        "-k --eof - echo ::: a - b",
        "-k -e - echo ::: a - b",
        "-k -j 2 echo -k {} ::: a b",
        "-kj4v echo ::: a",
        "-k0 echo ::: a b",
        "-kq echo 'a  b' ::: c",
        "-kd, echo ::: a,b",
        "-k -- echo ::: a b",
        "--KEEP-ORDER echo ::: a b",
        "--keeporder --Tag echo ::: a b",
        "--k --j=2 echo ::: a b",
        "-k --dr echo ::: a b",
        "-k --norunifempty --maxargs=2 echo ::: a b",
        "-k --maxreplaceargs=1 echo ::: a b",
        "-k --shell_quote echo ::: a b",
        "-k --argsep ::: echo ::: a b",
        "-k --totaljobs=3 echo ::: a b",
        "-k --willcite --nonotice --gnu echo ::: a b",
        "--keep echo ::: a b",
        "-k --work / pwd ::: a",
        "--keep-order --jobs=2 echo ::: a b",
        "--keep-order --jobs 2 echo ::: a b",
        "-k --max-procs 2 echo ::: a b",
        "-k -P2 echo ::: a b",
        "-k --dry echo ::: a",
        "-k --tag --tagstring x echo ::: a",
        "-k --tagstring x --tagstring y echo ::: a",
        "-k --tagstring=x echo ::: a",
        "-k -j1 -j2 echo ::: a b",
        "-k --delim , echo ::: a",
        "-k echo -- {} ::: a",
        "-k echo --tag {} ::: a",
        "-k echo {} --dry-run ::: a",
        "-k --quote echo 'a  b' ::: c",
        "-k --verbose echo ::: c",
        "-k --null echo ::: c",
        "-k --retries 1 --timeout 10 --delay 0 echo ::: c",
        "-k --group echo ::: a",
        "-k --no-such echo ::: a",
    ]
    .map(|line| {
        let case = case(line);
        if line.contains("4v") {
            case.names(&["-j", "4v"])
        } else if line.contains("no-such") {
            case.names(&["no-such"])
        } else {
            case
        }
    })
    .into()
}
