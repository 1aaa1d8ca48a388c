//! What surrounds the command line: `$PARALLEL`, profiles, options that answer a question, the
//! environment that jobs run in.

use crate::case::{Case, case};

pub fn cases() -> Vec<Case> {
    let mut cases = variable();
    cases.extend(profiles());
    cases.extend(answers());
    cases.extend(surroundings());
    cases.extend(functions());
    cases.extend(scripts());
    cases
}

/// `$PARALLEL` and how it is split.
fn variable() -> Vec<Case> {
    let with = |value: &str, line: &str| case(line).env("PARALLEL", value).named(value);
    let mut cases: Vec<Case> = [
        "--tag",
        "--tagstring 'a  b'",
        r#"--tagstring "a  b""#,
        r"--tagstring a\ b",
        "--tagstring $HOME",
        "--tagstring `echo`*",
        "--tag\n-k",
        "--tag\t-k\r\n-j1",
        r"--tagstring=a\nb",
        r"--tagstring=a\\nb",
        r#"--tagstring="a\"b""#,
        r"--tagstring='a\'b'",
        r#"--tagstring a"b"c"#,
        r#"--tagstring """#,
        "  --tag  ",
        "# no comment\n--tag",
        "--tag echo",
        "echo",
        "::: b",
        "echo ::: b",
        "-kj1 -v",
        "",
        " ",
        "--plain --tag",
        "--will-cite",
    ]
    .into_iter()
    .map(|value| with(value, "-k -j1 echo ::: a"))
    .collect();
    cases.extend([
        with("--tagstring x", "--tagstring y echo ::: a"),
        with("--tagstring x", "--plain echo ::: a"),
        with("--tagstring x", "-k --plain echo ::: a"),
        with("-k", "--no-keep-order -j1 echo ::: a b"),
        with("-v", "--dry-run echo ::: a"),
        with("echo x", "--dry-run y ::: a"),
        with("'' x", "--dry-run y ::: a"),
        with("a\\\nb \"c\nd\"", "--dry-run y ::: a"),
        with("\u{e9}", "--dry-run y ::: a"),
        with("-k-tag", "echo ::: a b"),
        with("-k-tagstring x", "echo ::: a b"),
        with("-k-", "echo ::: a b"),
        with("--nosuch", "echo ::: a").names(&["nosuch"]),
        with("-k-nosuch", "echo ::: a").names(&["nosuch"]),
        with("--tagstring", "-k echo ::: a").names(&["tagstring"]),
        with("-a nofile", "echo ::: a").names(&["nofile"]),
        with("--tagstring 'a", "echo ::: a").names(&["$PARALLEL"]),
        with("-k -j3", "-j1 'echo {}' ::: b a"),
    ]);
    cases
}

/// Configuration files and profiles, in a home directory of the case's own.
fn profiles() -> Vec<Case> {
    let home = |line: &str| {
        case(line)
            .env("HOME", ".")
            .file(".parallel/will-cite", "")
            .file(".parallel/tagged", "--tag\n")
            .file(".parallel/named", "--tagstring named -k\n")
            .file(
                ".parallel/lines",
                "# comment\n\n  # another -v\n--tagstring 'l  l'\n -j1",
            )
            .file(".parallel/words", "-k echo first\n")
            .file(".parallel/nested", "--profile tagged\n")
            .file(".parallel/plain", "--plain --tagstring prof\n")
            .file(".parallel/sub/deep", "--tagstring deep\n")
            .file(".parallel/wrong", "--nosuch\n")
            .file("here", "--tagstring here\n")
            .file("sub/here", "--tagstring sub/here\n")
    };
    let configured = |line: &str| {
        home(line)
            .file(".parallel/config", "--tagstring config -v\n")
            .named("with a config")
    };
    let mut cases: Vec<Case> = [
        "-J tagged echo ::: a",
        "-Jtagged echo ::: a",
        "-kJ tagged echo ::: a",
        "--profile=named echo ::: a",
        "--profile named echo ::: a",
        "--prof named echo ::: a",
        "-J lines echo ::: a",
        "-J words ::: a",
        "-J words --dry-run ::: a",
        "-J words second ::: a",
        "-J nested echo ::: a",
        "-J plain echo ::: a",
        "-J sub/deep echo ::: a",
        "-J ./here echo ::: a",
        "-J ./sub/here echo ::: a",
        "-J tagged -J named echo ::: a",
        "-J named -J lines echo ::: a",
        "-J lines -J named echo ::: a",
        "-J named --tagstring mine echo ::: a",
        "--tagstring mine -J named echo ::: a",
        "--plain -J named echo ::: a",
        "-J named --plain echo ::: a",
        "echo -J named ::: a",
        "-k -j1 echo ::: -J named",
    ]
    .into_iter()
    .map(home)
    .collect();
    cases.extend(
        [
            "echo ::: a",
            "-J tagged echo ::: a",
            "--plain echo ::: a",
            "--tagstring mine echo ::: a",
        ]
        .map(configured),
    );
    cases.extend([
        configured("-k echo ::: a")
            .env("PARALLEL", "--tagstring variable")
            .named("and $PARALLEL"),
        home("-J named echo ::: a")
            .env("PARALLEL", "--tagstring variable")
            .named("and $PARALLEL"),
        home("echo ::: a")
            .env("PARALLEL", "-J named")
            .named("-J in $PARALLEL"),
        home("echo ::: a")
            .env("XDG_CONFIG_HOME", "xdg")
            .file("xdg/parallel/config", "--tagstring xdg\n")
            .named("XDG"),
        home("-J x echo ::: a")
            .env("XDG_CONFIG_HOME", "xdg")
            .file("xdg/parallel/x", "--tagstring xdg\n")
            .named("XDG profile"),
        configured("echo ::: b")
            .env("XDG_CONFIG_HOME", "xdg")
            .file("xdg/parallel/config", "--tagstring xdg\n")
            .named("and in XDG"),
        home("echo ::: a")
            .env("PARALLEL_HOME", "ph")
            .file("ph/config", "--tagstring ph\n")
            .named("PARALLEL_HOME"),
        home("-J wrong echo ::: a").names(&["nosuch"]),
        home("-J missing echo ::: a").names(&["--profile", "missing"]),
        home("-J ./missing echo ::: a").names(&["--profile", "./missing"]),
        home("-J open echo ::: a")
            .file(".parallel/open", "--tagstring 'a\n")
            .names(&["open", "line 1"]),
        home("-J goes-on echo ::: a").file(".parallel/goes-on", "--tagstring \\\n  on\n"),
    ]);
    cases
}

/// Options that answer a question, and those that change nothing.
fn answers() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        "--minversion 20100101",
        "--minversion 20221122",
        "--minversion 20221123",
        "--minversion 20990101",
        "--min-version 1",
        "--minversion 1 echo ::: a",
        "--number-of-cores",
        "--number-of-cpus",
        "--number-of-sockets",
        "--number-of-threads",
        "--number-of-cores echo ::: a",
        "--version --number-of-cores",
        "--max-line-length-allowed --number-of-threads",
        "--minversion 20200101 --number-of-cores",
        "--will-cite echo ::: a",
        "--no-notice echo ::: a",
        "--nn echo ::: a",
        "--nonotice echo ::: a",
        "--gnu echo ::: a",
        "--gnu --will-cite -k echo ::: a b",
        "--dryrun echo ::: a",
        "--dry-run echo ::: a",
        "--dr echo ::: a",
        "-j1 --keeporder echo ::: a b",
        "-j1 -k --no-keep-order echo ::: a b",
        "-j1 -k --nokeeporder echo ::: a b",
        "--tag-string x echo ::: a",
        "--tagstring=x echo ::: a",
        "--env X echo ::: a",
        "--env X,Y --env Z echo ::: a",
        "-j1 --use-cpus-instead-of-cores echo ::: a",
        "-k -j 100% --use-sockets-instead-of-threads 'echo {} $PARALLEL_JOBSLOT' ::: a b",
        "-j 200% --use-cores-instead-of-threads -k echo ::: a b",
    ]
    .into_iter()
    .map(case)
    .collect();
    cases.extend([
        case("--minversion x").names(&["--minversion", "x"]),
        case("--version --nosuch").names(&["nosuch"]),
        case("--version"),
        case("--env _ echo ::: a")
            .env("HOME", ".")
            .file(".parallel/will-cite", "")
            .names(&["--env _", "ignored_vars"]),
        case("--env _ 'echo $V' ::: a")
            .env("HOME", ".")
            .env("V", "value")
            .file(".parallel/will-cite", "")
            .file(".parallel/ignored_vars", "HOME\n"),
        case("--record-env echo ::: a")
            .env("HOME", ".")
            .file(".parallel/will-cite", ""),
    ]);
    cases
}

/// Where jobs run, how nice they are, their temporary files.
fn surroundings() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        "--wd sub 'pwd; echo $PWD #' ::: a",
        "--workdir sub 'pwd; echo $PWD #' ::: a",
        "--work-dir sub pwd '#' ::: a",
        "--wd . 'pwd; echo $PWD #' ::: a",
        "--wd '' 'pwd #' ::: a",
        "--wd .. --dry-run 'pwd #' ::: a",
        "--wd new/deep 'pwd; echo $PWD #' ::: a",
        "--wd ./new 'pwd #' ::: a",
        "-k --wd 'w {}' 'pwd; echo $PWD #' ::: 'x y' z",
        "-k -j1 --wd t/{#}/{%} 'pwd #' ::: a b",
        "-k --wd {/.} 'pwd #' ::: x/a.b c",
        "-k --wd {2} 'pwd; echo' {1} ::: a b ::: c d",
        "--wd ~ 'pwd #' ::: a",
        "--wd '$HOME' 'pwd #' ::: a",
        "--wd 'a;b' 'pwd #' ::: a",
        "--wd x/... 'pwd #' ::: a",
        "-k --wd {} 'pwd #' ::: ... .",
        "-u --wd sub 'pwd #' ::: a",
        "-v --wd sub 'pwd #' ::: a",
        "--dry-run --wd never 'pwd #' ::: a",
        "-k --wd sub cat ::: f",
        "-k --wd sub cat ::: nofile",
        "--wd /bin 'pwd; echo $PWD $OLDPWD #' ::: a",
        "--wd /bin 'env | grep PWD= | sort #' ::: a",
        "-k --wd {} 'pwd; echo $OLDPWD #' ::: /bin/ /usr/lib/../bin",
        "--pipe --wd /bin 'env | grep PWD= | sort'",
        "--nice 5 'nice #' ::: a",
        "--nice 30 'nice #' ::: a",
        "--nice=7 -k 'nice; sh -c nice #' ::: a b",
        "-k --tag --nice 3 nice '#' ::: a b",
        "--tmpdir . 'echo $TMPDIR #' ::: a",
        "--tempdir . 'echo $TMPDIR #' ::: a",
    ]
    .into_iter()
    .map(|line| case(line).file("sub/f", "content\n"))
    .collect();
    cases.extend([
        case("-k --wd /proc/x 'pwd #' ::: a b").names(&["--workdir", "/proc/x"]),
        case("--wd file 'pwd #' ::: a")
            .file("file", "")
            .names(&["--workdir", "file"]),
        case("--nice x nice ::: a").names(&["--nice", "x"]),
        case("--nice 1.5 nice ::: a").names(&["--nice", "1.5"]),
        case("--tmpdir nosuch echo ::: a").names(&["--tmpdir", "nosuch"]),
        case("--wd sub --joblog log 'cat f #' ::: a")
            .file("sub/f", "content\n")
            .joblog("log"),
        case("--wd ... 'pwd | sed s/.*-// #' ::: a")
            .env("HOME", ".")
            .file(".parallel/will-cite", ""),
        case("-k --wd ... 'ls; pwd | grep -c parallel/tmp #' ::: a b")
            .env("HOME", ".")
            .file(".parallel/will-cite", ""),
    ]);
    cases
}

/// Functions and variables that the calling shell exports.
fn functions() -> Vec<Case> {
    let function = |line: &str| {
        case(line)
            .env("BASH_FUNC_show%%", "() {  echo \"<$*>\" $VALUE\n}")
            .env("BASH_FUNC_sleep%%", "() {  echo my sleep \"$@\"\n}")
            .env("VALUE", "a  b")
    };
    [
        "-k show ::: 1 '2 3' \"4'5\"",
        "-k show {} x ::: 1",
        "-k 'show {}; show $VALUE' ::: 1",
        "-k --env show show ::: 1",
        "-k --env VALUE --env show show ::: 1",
        "-k sleep ::: 1000",
        "-k 'show {} | cat' ::: 1 2",
        "-k -N2 show ::: 1 2 3",
        "-k --tag show ::: 1 2",
        "-k --wd . show ::: 1",
        "-k 'echo \"$VALUE\"; echo $VALUE;#' ::: 1",
        "-k -q bash -c 'show \"$0\"' ::: '1  2'",
        "-k ::: 'show 1' 'sleep 2' 'VALUE=x show'",
        "-k 'export VALUE={}; show' ::: x",
    ]
    .map(function)
    .into()
}

/// Scripts that name the program in their first line, as the kernel hands them over.
fn scripts() -> Vec<Case> {
    const LIST: &str = "#!/usr/bin/parallel --shebang -k echo\n\na\nb  c\n# d\n";
    const CODE: &str = "#!/usr/bin/parallel --shebang-wrap -k /bin/bash\necho \"args: $@\"\n";
    let list = |line: &str| case(line).file("list", LIST);
    let code = |line: &str| case(line).file("code", CODE);
    let mut cases: Vec<Case> = [
        "'--shebang -k echo' ./list",
        "'--shebang -k echo got' ./list",
        "'--hashbang -k echo' ./list",
        "'--shebang  -k --tagstring \"x  y\" echo' ./list",
        "'--shebang -k echo {2} {1} ::: x y' ./list",
        "'--shebang -k --dry-run' ./list",
        "--shebang -k echo ./list",
        "'--shebang -k echo' ./list nofile",
        "'--shebang -k echo' nofile",
        "'-k --shebang echo' ./list",
    ]
    .map(list)
    .into();
    cases.extend(
        [
            "'--shebang-wrap -k /bin/bash' ./code a b",
            "'--shebang-wrap -k /bin/bash' ./code ::: a b",
            "'--shebang-wrap -k /bin/bash' ./code ::: a b ::: c d",
            "'--shebang-wrap -k -j1 /bin/bash -u' ./code -n1 x",
            "'--shebang-wrap -k --dry-run /bin/bash' ./code a b",
            "'--shebang-wrap -k /bin/bash' ./code 'a b' c",
        ]
        .map(code),
    );
    cases.push(code("'--shebang-wrap -k /bin/bash' ./code").stdin("1\n2\n"));
    for case in &mut cases {
        if ["nofile", "-k --shebang"]
            .iter()
            .any(|part| case.name.contains(part))
        {
            case.stderr =
                crate::case::Stderr::Ignored("GNU prints several lines; exit codes are equal");
        }
    }
    cases
}
