//! Input sources: columns, headers, links, end marks, and what is left out.

use crate::case::{Case, case};

pub fn cases() -> Vec<Case> {
    let mut cases = columns();
    cases.extend(regexps());
    cases.extend(headers());
    cases.extend(links());
    cases.extend(separators());
    cases.extend(end_marks());
    cases.extend(trims());
    cases.extend(left_out());
    cases.extend(paragraphs());
    cases.extend(files());
    cases.extend(sources_without_words());
    cases.extend(links_behind_files());
    cases.extend(no_arguments());
    cases.extend(errors());
    cases
}

/// The files that the cases read.
fn with_files(line: &str) -> Case {
    case(line)
        .file("ab", "a\nb\n")
        .file("s3", "1\n2\n3\n")
        .file("h", "n1,n2\na.b/c.d,x\n1,2\n")
        .file("tab", "x y\tz\n\t\nu\tv\tw\n")
        .file("blanks", "a\n\n  \n \t\nb\n")
        .file("empty", "")
}

fn columns() -> Vec<Case> {
    [
        "-k --colsep , echo '{2}={1}' ::: a,b c,d,e f",
        "-k -C , echo '[{}]' ::: a,b c,d,e f '' , ,,",
        "-k --dry-run -C , echo ::: a,b, ,,, '' 'a b,c'",
        "-k -C , echo {1}-{2}-{3} ::: a,b c ::: 1 2,3",
        "-k -C , echo {1}-{2}-{3} ::: a,b c :::+ 1 2,3 4",
        "-k -C , --link echo {1}-{2}-{3} ::: a,b c ::: 1 2,3 4",
        "-k -C , echo {1}-{2}-{3} ::: a,b c :::",
        "-k -C , echo {-1} {-2} ::: a,b,c d",
        "-k -C , echo {1.} {2/} {2//} {2/.} {.} {/} ::: d/a.x,e/b.y",
        "-k -C , -N2 echo {1}-{2}-{3}-{4} ::: a,b c d,e f",
        "-k -C , -n2 echo ::: a,b c d,e f",
        "-k -C , -N1 echo x{}y ::: a,b c,d",
        "-k -C , -N2 echo x{}y ::: a,b c,d",
        "-k -C , -N0 echo {1}-{2} ::: a,b c",
        "-k -C , --tag echo {2} ::: a,b c,d",
        "-k -C , --tagstring {2}:{1} echo ::: a,b c,d",
        "-k -C , ::: 'echo a,b' 'echo c'",
        "-k -C , -q echo '{1} {2}' ::: 'a b,b  c'",
        "-k -C , -d ';' echo {1}-{2} ::: 'a,b;c'",
        "-k -C '\\t' echo {2}={1} :::: tab",
        "-k -C , echo {1} {2} :::: h ::: x,y z",
        "-k -a h -C , echo {2} {1}",
        "-k --dry-run -C , echo ::: '$x,`y`' \"a'b,*\"",
        "-k --colsep=, echo {2} ::: a,b",
        "-k --cols , echo {2} ::: a,b",
        "-k -C, echo {2} ::: a,b",
        "-kC, echo {2} ::: a,b",
        "-k -C , echo {3} {2} ::: a ,b ,,c",
        "-k -0 -C , echo {2} ::: a,b",
    ]
    .map(with_files)
    .into_iter()
    .chain([
        case("-k -C , echo {2}{1}{3}").stdin("a,b\nc,d\n"),
        case("-k -C , -0 'echo {2}{1}'").stdin("a,b\nx\0c,d"),
        case("-k -C , echo {1000} {-1}").stdin("x,".repeat(1000)),
        case("-k -C , \"printf '<%s>'\"").stdin(b"a\xff,\xc3\xa9,\x01,\xe9\n"),
    ])
    .collect()
}

fn regexps() -> Vec<Case> {
    let mut cases = Vec::new();
    for (regexp, text) in [
        ("[,;]+", "a,;b;c"),
        ("(,)", "a,b"),
        ("(,)|(;)", "a,b;c"),
        (" ", " a b  c"),
        ("\\s+", "  a  b "),
        ("^", "ab"),
        ("x*", "abxc"),
        ("(?i)B", "abxBc"),
        ("(.)\\1", "abbc"),
        ("(?<=a)b", "abbc"),
        ("a(?!b)", "abac"),
        ("[[:space:]]+", "a b"),
        ("\\h", "a b"),
        ("\\x2c", "a,b"),
        ("|", "a|b"),
        ("$", "a$b"),
        ("/", "a/b"),
        ("\\b", "ab cd"),
        ("é", "abécd"),
        ("[é]", "abécd"),
        (".", "aé"),
        ("$,", "a$,b,c"),
        ("@x", "a@xb"),
        (" # x", "a # xb"),
        ("[[,]", "a[b,c"),
        ("[],]", "a]b,c"),
        ("[a&&b]", "1a2&3"),
        ("\\W", "a-b_c"),
        ("\\d+", "a1b22c"),
        ("\\.", "a.b.c"),
        ("a{2}", "1aa2a"),
        ("b++c", "abbcd"),
        ("(?:,|;)", "a,b;c"),
        ("", "abc"),
        ("foo|bar", "1foo2bar3"),
        ("\\|", "a|b"),
        ("\\\\", "a\\b"),
        ("\\t", "a\\tb"),
        ("[^a-z]", "a1b2"),
        ("(?x) , # comma", "a,b"),
    ] {
        let line = "-k --trim n -C REGEXP \"printf '<%s>'\" {1} {2} {3} {4} {5} :::";
        let mut regexp_case = case(line)
            .args([text])
            .named(&format!("{regexp} on {text}"));
        for word in &mut regexp_case.argv {
            if word == "REGEXP" {
                *word = regexp.into();
            }
        }
        cases.push(regexp_case);
    }
    cases
}

fn headers() -> Vec<Case> {
    [
        "-k --header : --colsep , echo {n1} {n2} {n1.} {n1/} {n1//} {n1/.} {} {1} {n3} :::: h",
        "-k --header : -C , echo {n2} :::: h ::: m x y",
        "-k --header : echo {A} {B} {A.} {} ::: A 1 2.x ::: B 3 4",
        "-k --header : echo {A} ::: A 1 2 ::: B 3 4",
        "-k --header : echo ::: A 1 2 ::: B 3 4",
        "-k --header : echo {nope} ::: A 1 2",
        "-k --header : echo {A} - {B} - {2} ::: 'A\tB' '1\t2' '3' ' x \t y'",
        "-k --header : echo {B} {1} {2} {3} ::: C 7 8 ::: 'A\tB' '1\t2' 3",
        "-k --header : --link echo {2} {3} ::: C 7 8 ::: 'A\tB' '1\t2' '3\t4'",
        "-k --header 1 echo {1} - {2} ::: 'A\tB' '1\t2'",
        "-k --header 0 echo {1} - {2} ::: 'A\tB' '1\t2'",
        "-k --header '' echo {1} - {2} ::: 'A\tB' '1\t2'",
        "-k --header : --tag echo ::: 'A\tB' '1\t2'",
        "-k --header : --trim lr echo {1}-{2}- ::: 'A\tB' ' 1 \t 2 '",
        "-k --header : -N2 echo {1} {2} {3} {4} ::: 'A\tB' '1\t2' '3\t4'",
        "-k --header : --csv echo {1} - {2} ::: 'A\tB' '1\t2'",
        "-k --header 1 echo {A} {1} ::: A 1 2",
        "-k --header 2 echo {A} {1} ::: A 1 2",
        "-k --header '.*' echo {A} {1} ::: A 1 2",
        "-k --header : echo {A} {1} ::: A",
        "-k --header : echo {A} {1} :::: /dev/null",
        "-k --header : echo {A} {B} {1} ::: A A1 :::+ B B1",
        "-k --link --header : echo {A} {B} {1} ::: A A1 A2 ::: B B1",
        "-k --header : -C , echo {A} {B} {C} {D} ::: A,B 1,2 3 ::: C,D 5,6 7",
        "-k --header : -C , echo {A} {B} {C} {D} ::: A,B 1,2 3 ::: C 5,6 7",
        "-k --header : -C , echo '{A}{ B}{B}' ::: 'A, B' 1,2",
        "-k --header : echo {A} {A} ::: A 1 ::: A 2",
        "-k --header : echo '{a b} {x.y} {a.} { }' ::: 'a b' 1 ::: x.y 2.z ::: a 4.q",
        "-k --header : -N2 echo {A} {1} {2} ::: A 1 2 3",
        "-k --header : -n2 echo {A} {1} {2} ::: A 1 2 3",
        "-k --header : --tagstring {A}x echo ::: A 1 2 3",
        "-k --header : --tag echo {A} ::: A 1 2 3",
        "-k --header : -q echo 'x  {A}' ::: A '1 2'",
        "-k --header : '{A} x' ::: A 'echo 2'",
        "-k --header : --trim lr echo {A} ::: ' A ' ' 1'",
        "-k --header : -r echo {A} ::: A '' ' 1'",
        "-k --header : -E x echo {A} ::: A z x 1",
        "-k --header : -E A echo {A} ::: A z A 1",
        "-k --header : echo {A}{B} ::: A 1 2 3 ::: B",
        "-k --header : echo {A}{B} ::: A ::: B",
        "-k --header : echo {A}{B} ::: A ::: B 1",
        "-k --header : echo {A%}{#A}{2A}{A#}{A1} ::: A 1",
        "-k --header : -C , --skip-first-line echo {A}{B} ::: x A,B 1,2",
        "-k --header : --dry-run echo {A} ::: A '$x' \"a'b\"",
        "-k --header 0 echo {ab} {s3} {ab.} {n} :::: ab s3",
        "-k --header 0 -a ab echo {ab} {./s3} {s3} :::: ./s3 ::: x",
        "-k --header 0 echo {A} {1} ::: A 1 2",
        "-k --header : echo {é}{naïve} ::: é 1 ::: naïve 2",
        "-k --header : echo {A} {#} -{}- ::: A x y",
        "-k --header : echo {A}{B}{C} ::: A 1 ::: B 2 ::: C 3",
        "-k --head : echo {A} ::: A 1",
    ]
    .map(with_files)
    .into_iter()
    .chain([
        case("-k --header : echo {n} {1}").stdin("n\n1\n2\n"),
        case("-k --header : -C '\\t' echo {x}{y}").stdin("x\ty\n1\t2\n3\n"),
        case("-k --header 0 echo {-} {1}").stdin("1\n2\n"),
        case("-k --header 0 echo {-} {1} :::: -").stdin("1\n2\n"),
        case("-k --header : --joblog log echo {A} ::: A 1 2").joblog("log"),
    ])
    .collect()
}

fn links() -> Vec<Case> {
    [
        "-k --link echo ::: a b c ::: 1 2",
        "-k --xapply echo ::: a b c ::: 1 2",
        "-k --link echo ::: a b c ::: 1 2 :::+ x y z w",
        "-k --link echo ::: a b c ::: 1 2 3",
        "-k --link echo ::: a ::: 1 2 3",
        "-k --link echo ::: a b :::",
        "-k --link echo :::: ab s3",
        "-k --link echo :::: ab :::: s3 ::: x y",
        "-k -a ab -a s3 --link echo",
        "-k --link -N2 echo {1}{2}{3}{4} ::: a b c d ::: 1 2",
        "-k --link --tag echo {2} ::: a b ::: 1 2",
        "-k echo ::: a b c :::+ 1 2 ::: x y",
        "-k echo ::: x y ::: a b c :::+ 1 2",
        "-k echo ::: a b c :::+ 1 2 :::+ x y z",
        "-k echo :::: ab ::::+ s3",
        "-k echo ::: x y ::::+ ab ::: 1 2",
        "-k echo :::: ab s3 :::+ x y",
        "-k echo :::+ a b c ::: 1 2",
        "-k echo :::+ a b",
        "-k echo ::: a b :::+",
        "-k --link echo :::: empty ab",
    ]
    .map(with_files)
    .into()
}

fn separators() -> Vec<Case> {
    [
        "-k --arg-sep ,, echo ,, a b ,, 1 2",
        "-k --arg-sep ,, echo ,, a b ,,+ 1 2",
        "-k --arg-sep ,, echo ,, a b :::+ 1 2",
        "-k --arg-sep ,, echo ::: a b",
        "-k --arg-sep=,, echo ,, a b",
        "-k --arg-sep '' echo ab ::: a",
        "-k --arg-sep ,, echo :::: ab ,, x",
        "-k --arg-file-sep @@ echo @@ ab s3",
        "-k --arg-file-sep @@ echo @@ ab @@+ s3",
        "-k --arg-file-sep @@ echo @@ ab ::: x",
        "-k --arg-sep @ --arg-file-sep @ echo @ ab",
        "-k --arg-sep , --arg-sep ,, echo ,, a",
    ]
    .map(with_files)
    .into()
}

fn end_marks() -> Vec<Case> {
    [
        "-k -E x echo ::: a x b",
        "-k -Ex echo ::: a x b",
        "-k -ex echo ::: a x b",
        "-k -e x echo ::: a x b",
        "-k -e -k echo ::: a x b",
        "-ke b echo ::: a b",
        "-k --eof=x echo ::: a x b",
        "-k --eof x echo ::: a x b",
        "-k --eof= echo ::: a '' b",
        "-k -E '' echo ::: a '' b",
        "-k -E x echo ::: a x b ::: c x d",
        "-k -E x echo ::: a xx 'x ' b",
        "-k -E b echo :::: ab",
        "-k -E b echo :::: ab s3",
        "-k -E b -C , echo ::: a,b c b,c b d",
        "-k -E 2 -N2 echo ::: 1 2 3",
        "-k -E a echo ::: a b c",
        "-k --link -E x echo ::: a b c ::: 1 x 3",
        "-k -E x -E b echo ::: a b x c",
        "-k -E b -E x echo ::: a b x c",
    ]
    .map(with_files)
    .into_iter()
    .chain([
        case("-k -E stop echo").stdin("a\nstop\nb\n"),
        case("-k -E stop echo :::: - ::: x y").stdin("a\nb\nstop\nc\n"),
    ])
    .collect()
}

fn trims() -> Vec<Case> {
    let mut cases = Vec::new();
    for how in ["n", "l", "r", "lr", "rl"] {
        let line = format!("-k --dry-run --trim {how} --tag \"echo [{{}}]\" :::");
        cases.push(case(&line).args(["  a b  ", "", " ", "\n\t\x0bx\x0c\r", "\u{a0}x"]));
        let line = format!("-k --dry-run -C , --trim {how} \"echo [{{1}}][{{2}}]\" :::");
        cases.push(case(&line).args([" a , b ", " , ", ""]));
    }
    cases.push(case("-k --dry-run -C , echo '[{1}][{2}]' ::: ' a , b '"));
    cases.push(case("-k --trim rl echo '{1}{2}' ::: ' a ' ::: ' b '"));
    cases.push(case("-k --trim lr -N2 echo '{1}{2}' ::: ' a ' ' b '"));
    cases.push(case("-k --trim lr echo '{.}|{/}' ::: ' a.b ' ' c/d '"));
    cases
}

fn left_out() -> Vec<Case> {
    [
        "-k -r echo '[{}]' ::: a '' b",
        "-k -r echo '[{}]' :::: blanks",
        "-k -r --dry-run echo '[{}]' ::: '' ::: '' a",
        "-k -r --dry-run echo '[{}]' ::: ' ' ::: ' ' a",
        "-k -r -n2 echo '[{}]' ::: '' a '' ''",
        "-k --no-run-if-empty echo '[{#}]' ::: '' a '' b",
        "-k -r echo '[{}]' :::: empty",
        "-k -r echo :::: empty ab",
        "-k -r -C , --dry-run echo '[{}]' ::: , ' , ' a,",
        "-k --skip-first-line echo ::: a x b",
        "-k --skip-first-line echo :::: ab s3",
        "-k --skip-first-line echo :::: ab",
        "-k --skip-first-line -a ab echo",
        "-k --skip-first-line echo ::: a b ::: c d",
        "-k --skip-first-line -d , echo ::: a,b,c",
        "-k --skip-first-line echo ::: a",
        "-k --skip-first-line echo :::: empty",
        "-j1 --shuf echo ::: a",
        "-k --shuf echo {#} ::: a b c",
        "-j1 --shuf --header : echo {A} ::: A a",
        "-k --total-jobs 9 echo {#} ::: a b",
        "-k --total 1 -j4 echo {#} ::: a b c",
    ]
    .map(with_files)
    .into_iter()
    .chain([
        case("-k --skip-first-line echo").stdin("1\n2\n3\n"),
        case("-k --skip-first-line -0 echo").stdin("1\n2\x003\x004"),
        case("-k --skip-first-line echo :::: - ::: a b").stdin("1\n2\n3\n"),
        case("-k -r echo").stdin(""),
        case("-k -r echo").stdin("\n \na\n\n").named("blank lines"),
    ])
    .collect()
}

fn paragraphs() -> Vec<Case> {
    let mut cases = Vec::new();
    for text in [
        "a b\nc\n\n\nd\n\n",
        "\n\n\na\nb\n",
        "a\n\n\n\n\n\nb",
        "",
        "\n",
        "\n\n\n",
        "x",
    ] {
        let line = "-k -d '' \"printf '<%s>'\"";
        cases.push(
            case(line)
                .stdin(text)
                .named(&text.escape_debug().to_string()),
        );
        let line = "-k -d '' --dry-run echo :::: text";
        cases.push(
            case(line)
                .file("text", text)
                .named(&text.escape_debug().to_string()),
        );
    }
    cases.push(case("-k -d '' -N2 echo {2}{1}").stdin("a\n\nb\n\n\nc\n"));
    // Lines that end with a CR.
    for (line, input) in [
        ("-k --header : --colsep , echo {a}-{b}-", "a,b\r\n1,2\r\n"),
        ("-k --header : echo {a}-", "a\r\n1\r\n2\n"),
        ("-k --header : echo {a}-{b}-", "a\tb\r\n1\t2\r\n"),
        ("-k --header : --colsep , echo {a}-{b}-", "a\r,b\r\r\n1,2\n"),
        ("-k --colsep , echo {1}-{2}-", "a,b\r\n1,2\r\n"),
    ] {
        cases.push(
            case(line)
                .named(&input.escape_debug().to_string())
                .stdin(input),
        );
    }
    cases
}

fn files() -> Vec<Case> {
    [
        "-k echo :::: ab ab",
        "-k echo :::: ab ::::+ ab",
        "-k echo :::: ab - ",
        "-k -a - -a ab echo",
        "-k -a - --link -a ab echo",
        "-k -a ab 'cat; echo {}'",
        "-k -a /dev/stdin echo :::: ab",
        "-k echo :::: /dev/stdin /dev/stdin",
        "-k echo :::: - /dev/stdin",
        "-k -a +ab echo",
        "-k echo :::: ./+ab",
    ]
    .map(|line| {
        let case = with_files(line).file("+ab", "plus\n").stdin("1\n2\n3\n4\n");
        if line.contains("/dev/stdin") {
            case.own_words()
        } else {
            case
        }
    })
    .into()
}

/// `:::` with nothing behind it, which is sometimes a source.
fn sources_without_words() -> Vec<Case> {
    [
        "echo :::",
        "echo ::: ::: a b",
        "echo ::: a :::",
        "echo ::: a :::+",
        "echo :::+",
        "echo ::: :::+ a b",
        "echo ::: a b :::+ ::: c",
        "-a ab echo :::",
        "-a ab echo ::: :::",
        "-a ab echo ::: a :::",
        "-a ab echo :::+",
        "echo ::::",
        "echo :::: ab ::::",
        "echo ::: :::: ab",
        "echo :::: ::: a",
        "echo ::: a ::::+",
    ]
    .map(|line| with_files(&format!("-k --dry-run {line}")).stdin("s\n"))
    .into()
}

/// Links count from the first source, and `-a` files are sources.
fn links_behind_files() -> Vec<Case> {
    [
        "-a ab echo ::::+ s3",
        "-a ab echo :::+ x y z",
        "-a ab -a s3 echo ::::+ s3",
        "-a ab echo ::: x y :::+ z w",
        "-a ab -a s3 echo ::: x :::+ z w",
        "echo :::+ a b",
        "echo ::::+ s3",
        "echo ::: q :::: ab ::::+ s3",
        "--link -a ab echo ::: a b c",
    ]
    .map(|line| with_files(&format!("-k --dry-run {line}")))
    .into()
}

/// `-n0` and `-N0`: arguments that are nothing.
fn no_arguments() -> Vec<Case> {
    [
        "-N0 echo '{}' '{1}' '{2}' ::: a b ::: c",
        "-n0 'echo {//} {.} {#}' ::: a b ::: c",
        "-N0 -q echo 'a  b' {} ::: a",
        "-N0 -q echo 'a  b' {} ::: a ::: b",
        "-N0 -q echo 'a  b{}' ::: a ::: b",
        "-N0 -q echo ::: a ::: b",
        "-N0 echo ::: a ::: b",
        "-N0 -X echo ::: a b",
        "-N0 -m echo x{}y ::: a b",
        "-N0 --tag echo ::: a b",
        "-n0 echo '{= $_=\"x y\" =}' ::: a",
        "-n0 -C , 'echo {/} {2} x' ::: a,b c",
    ]
    .map(|line| with_files(&format!("-k --dry-run {line}")))
    .into()
}

fn errors() -> Vec<Case> {
    [
        case("-k -C ( echo ::: a b").names(&["--colsep", "'('"]),
        case("-k -C [ echo ::: a b").names(&["--colsep", "'['"]),
        case("-k -C '*' echo ::: a b").names(&["--colsep", "'*'"]),
        case("--trim x echo ::: a").names(&["--trim", "'x'"]),
        case("-k --total-jobs x echo ::: a").names(&["--total-jobs", "'x'"]),
        case("-k echo ::: a --colsep").named("no option behind the command"),
        case("--colsep").names(&["--colsep"]),
        case("--header").names(&["--header"]),
        case("-E").names(&["--eof-str"]),
    ]
    .into()
}
