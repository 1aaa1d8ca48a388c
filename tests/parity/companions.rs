//! The programs and shell functions of GNU parallel's package, unchanged, with either program as `parallel`.

use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::case::{Case, case};
use crate::{compare, support};

/// What the functions of GNU's package ask of the program: `$PARALLEL_ENV`, `$PARALLEL_CSH`, `--_parset`.
pub fn cases() -> Vec<Case> {
    let mut cases = calling_shell();
    cases.extend(assignments());
    cases.extend(shares());
    cases
}

/// What `parsort` asks for: a job for each value, also when no share of the input comes for it. Of such a job
/// only the failure is seen.
fn shares() -> Vec<Case> {
    [
        "-j2 --pipe --roundrobin 'cat >{}' ::: p q",
        "-j2 --pipe --roundrobin 'cat >{}' ::: p q r",
        "-j1 -N1 --pipe --roundrobin 'cat >{}' ::: p q r",
        "-k -j2 --pipe --roundrobin 'echo start {}; cat; touch {}' ::: p q",
        "-k -j2 --pipe --roundrobin 'echo start {} >&2; cat; exit 3' ::: p q",
        "-v -k -j2 --pipe --roundrobin 'cat; touch {}' ::: p q",
        "-k -j2 --tag --header : --pipe --roundrobin 'cat >x{}' ::: a p q",
        "-k -j2 --joblog log --pipe --roundrobin 'cat; touch {}; exit 3' ::: p q",
    ]
    .map(|line| {
        let mut case = case(line).stdin("1\n2\n3\n").named("shares");
        if line.contains("joblog") {
            case.joblogs.push("log".to_owned());
        } else {
            case.tree = true;
        }
        case
    })
    .into()
}

fn calling_shell() -> Vec<Case> {
    const HI: &str = "hi() { echo \"hi $1\"; }";
    let with = |value: &str, line: &str| case(line).env("PARALLEL_ENV", value).named(value);
    let mut cases: Vec<Case> = [
        "-k hi ::: 1 2",
        "-k 'env | grep -c ^PARALLEL_ENV; hi' ::: 1",
        "-k --dry-run hi ::: 1",
        "-k -v hi ::: 1 2",
        "-k --tag hi ::: 1 2",
        "-q hi ::: '1  2'",
        "-j1 --joblog log hi ::: 1 2",
        "-k --fifo --pipe 'cat {}; hi'",
        "-k --cat --pipe 'cat {}; hi'",
        "--wd sub 'hi x; pwd #' ::: 1",
        "--nice 5 'hi 1; nice #' ::: 1",
        "--results out hi ::: 1",
        "-k --timeout 20 --retries 2 hi ::: 1 2",
        "-k -X hi ::: 1 2",
        "-j1 -u hi ::: 1 2",
        "--env hi hi ::: 1",
        "--semaphore --fg hi 1",
        "-k --pipe -N1 'cat; hi'",
        "-k -N2 --colsep , 'hi {2}' ::: 1,2 3,4",
    ]
    .into_iter()
    .map(|line| with(HI, line).stdin("1\n2\n"))
    .collect();
    for case in &mut cases {
        if case.name.contains("joblog") {
            case.joblogs.push("log".to_owned());
        }
        case.tree = case.name.contains("--results");
    }
    cases.extend([
        with(
            "hi() {\u{1} echo \"<$1>\"\u{1} echo two\u{1}}\u{1}",
            "hi ::: 1",
        )
        .named("bytes of value 1"),
        with("exit 3", "echo ::: 1"),
        with("exit 3\n", "echo ::: 1 2"),
        with("V=1 ", "'echo $V' ::: 1"),
        with("V=1 #", "'echo $V' ::: 1"),
        with("V={}; W=\"{#}\"", "'echo $V $W' ::: 1"),
        with(
            "shopt -s expand_aliases\nalias foo='echo aliased'",
            "foo ::: 1",
        ),
        with("read x; echo \"[$x]\"", "-k --pipe -N1 cat").stdin("1\n2\n"),
        with("", "echo ::: 1"),
        with("envfile", "-k hi ::: 1 2").file("envfile", HI),
        with("./envfile", "-k hi ::: 1 2").file("envfile", "hi() {\u{1}echo \"<$1>\"\u{1}}\n"),
    ]);
    let csh = |value: &str, line: &str| case(line).env("PARALLEL_CSH", value).named(value);
    cases.extend([
        csh("-k echo ::: 1 \"2  3\" *", ""),
        csh("-k echo ::: 1 '2  3' a\\ b $HOME `echo x`", ""),
        csh("echo ::: 1", "-v"),
        csh("echo ::: 1", "-k x"),
        csh("echo ::: 1", "::: 2"),
        csh("-v", "echo ::: 2"),
        csh("--tagstring T", "echo ::: 2").env("PARALLEL", "-v"),
        csh("echo ::: 1", "--plain echo ::: 2"),
        csh("-k echo ::: 1", "").stdin("2\n"),
    ]);
    cases
}

fn assignments() -> Vec<Case> {
    let mut cases: Vec<Case> = [
        "-k --_parset var,a,b echo ::: 1 2",
        "-k --_parset var,a echo ::: 1 2",
        "-k --_parset var,a,b echo ::: 1",
        "-k --_parset assoc,m echo ::: 1 2",
        "-k --_parset assoc,m echo ::: 1 2 ::: 'a b' ~ \"it's\"",
        "-k --_parset assoc,m echo ::: '' -n a=b",
        "-k --_parset assoc,m --colsep , echo ::: 1,x 2,y",
        "-k --_parset assoc,m -N2 echo ::: 1,x 2,y 3",
        "-k --_parset assoc,m --header : echo {n} ::: n x",
        "-k --_parset assoc,m --trim lr echo {} ::: ' a '",
        "-k --_parset assoc,m --link echo ::: 1 2 ::: 3 4",
        "--_parset assoc,m echo",
        "--_parset var,m echo",
        "--_parset var,a,b echo",
        "-k --_parset var,a,b true ::: 1 2",
        "-k --_parset var,a,b 'echo {}; exit {}' ::: 1 2",
        "-k --_parset var,a,b --tag 'printf \"{}\\ny\\n\\n\"' ::: 1 2",
        "-k --_parset var,a,b 'printf \"\\001\\t\\r\\033 $b `c` * \\\\ ~\"' ::: 1 2",
        "-k --_parset var,a,b -v echo ::: 1 2",
        "-k --_parset var,a,b --dry-run echo ::: 1 2",
        "-k --_parset var,a --shellquote ::: 'a b'",
        "-j1 --_parset var,a,b -u echo ::: 1 2",
        "-k --_parset var,a --line-buffer --tag echo ::: 1 2",
        "-k --_parset var,a --results out echo ::: 1 2",
        "-k --_parset var,a,b --retries 2 -j1 'echo {}; false' ::: 1 2",
        "-k --_parset var,a --pipe -N1 cat",
        "-k --_parset assoc,a --pipe -N1 cat",
        "-k --_parset var,a --xargs -j1 echo ::: 1 2 3",
        "-k --_parset 'var,a b c' echo ::: 1 2",
        "-k --_parset var,_a9,b, echo ::: 1 2",
        "-k --_parset var,a[1],a[3] echo ::: 1 2",
        "-k --_parset var,a[0] echo ::: 1 2",
        "-k --_parset assoc,a,b echo ::: 1 2",
        "-k --_parset var,a --semaphore --fg echo 1",
    ]
    .into_iter()
    .map(|line| case(line).stdin(if line.contains("pipe") { "1\n2\n" } else { "" }))
    .collect();
    for (line, culprit) in [
        ("--_parset var,1a echo ::: 1", &["parset", "1a"]),
        ("--_parset var,a-b echo ::: 1", &["parset", "a-b"]),
        ("--_parset var,a[x],b echo ::: 1", &["parset", "a[x]"]),
        ("--_parset var,a,,b echo ::: 1", &["parset", "''"]),
        ("--_parset list,a echo ::: 1", &["parset", "list"]),
        (
            "-k --_parset var,a,b echo ::: 1 2 3",
            &["parset", "variables"],
        ),
        (
            "--_parset var,a,b --joblog /no/x echo ::: 1",
            &["parset", "/no/x"],
        ),
    ] {
        cases.push(case(line).names(culprit));
    }
    cases
}

/// What the scripts for all shells but fish and csh begin with.
const BEGIN: &str = r#"
v="a  b'c"; nl='one
two'
alias al='echo aliased'
env_parallel -k al ::: 1
"#;

/// The calling shell's functions, variables and aliases, as far as the shells are alike.
const STATE: &str = r#"
env_parallel -k 'echo "$v"' {} ::: 1 2
env_parallel -k 'echo "$nl" {}' ::: 1
env_parallel --env v -k 'echo "$v" {}' ::: 1
env_parallel -j1 'false' ::: 1 2; echo "exit $?"
seq 3 | env_parallel -k echo '"$v"'
seq 3 | env_parallel -k --pipe -N1 'echo "$v"; cat'
env_parallel --session; w=new; env_parallel -k 'echo $w-{}' ::: 1; env_parallel --end-session
"#;

/// `parset` and `env_parset`, in any shell.
const PARSET: &str = r#"
parset a,b echo ::: 1 2; echo $a-$b
parset 'q r' 'echo {}; exit {}' ::: 0 3; echo "$? $q $r"
env_parset a,b 'echo "$v"' ::: 1 2; echo "$a+$b"
parset a,b echo ::: 'x  y' "it's"; echo "$a+$b"
"#;

/// How `parset` treats what jobs print and how they end, and what is wrong.
const PARSET_ENDS: &str = r#"
parset a,b --tag 'printf "{}\n\n\n"' ::: 1 2; echo "[$a][$b]"
seq 2 | parset a,b echo; echo "$a $b"
parset a,b --halt now,fail=1 'echo {}; false' ::: 1 2>/dev/null; echo "$? $a"
parset a,b echo ::: 1 2 3 2>/dev/null; echo "$?"
parset 1a echo ::: 1 2>/dev/null; echo "$?"
parset --version | head -1 | cut -d" " -f1
parset; echo $?
"#;

const FUNCTIONS: &str = r#"
hi() { echo "hi $1 $v"; }
env_parallel -k hi ::: 1 2
env_parallel --env hi -k 'hi' ::: 1
env_parset a,b hi ::: 1 2; echo "$a+$b"
"#;

const ARRAYS: &str = r#"
parset arr echo ::: 1 '2  3'; echo "${arr[1]}" "${#arr[@]}"
env_parset arr 'echo "$v"' ::: 1 '2  3'; echo "${arr[1]}" "${#arr[@]}"
parset 'z[2],z[4]' echo ::: 1 2; echo "${z[2]} ${z[4]}"
env_parallel -k 'echo "${arr[1]}"' {} ::: 1
"#;

const BASH: &str = r#"
hi() { echo "hi $1 $v"; }
declare -A as=([k]='v  v') m
env_parallel -k 'echo "${as[k]}" {}' ::: 1
parset m echo ::: 'k 1' "it's" 2; declare -p m | tr ' ' '\n' | sort
f2() { echo "$@"; }; export -f f2; parset a,b f2 ::: 1 2; echo "$a $b"
parset arr seq ::: 3 4; declare -p arr
parset arr echo < /dev/null; declare -p arr
"#;

/// How options on output meet functions.
const BASH_OUTPUT: &str = r#"
hi() { echo "hi $1 $v"; }
env_parallel -k -N2 hi ::: 1 2 3
env_parallel -j1 --joblog log hi ::: 1 2; cut -f7- log
env_parallel --results out hi ::: 1 >/dev/null; cat out/1/1/stdout
env_parallel -vk hi ::: 1
env_parallel --dry-run hi ::: 1
"#;

/// Behind `--session`: all that fish itself defines is too much for one variable of the environment. Only one variable
/// at a time is looked at, by its name, and without quotes: GNU's functions for fish lose quotes, and where they pass on
/// several values they have a program write what stands between two of them, which fish does not always wait for.
const FISH: &str = r#"
env_parallel --session
set w "a  b"
function hi; echo hi $argv; end
alias al 'echo aliased'
env_parallel -k hi ::: 1 2
env_parallel -k al ::: 1
env_parallel --env w -k 'echo "$w"' {} ::: 1 2
env_parallel --env hi -k hi ::: 1
env_parallel -j1 'false' ::: 1 2; echo "exit $status"
seq 3 | env_parallel -k hi
"#;

const CSH: &str = r#"
set v="a  b"
set arr=(x 'y  z')
alias al 'echo aliased'
env_parallel -k al ::: 1
env_parallel -k 'echo "$v" {}' ::: 1 2
env_parallel -k 'echo $arr[2] {}' ::: 1 2
env_parallel --env v -k 'echo "$v" {}' ::: 1
env_parallel -j1 'false' ::: 1 2; echo "exit $status"
seq 3 | env_parallel -k al
"#;

/// The other programs of the package, called from a script. On a busy machine niceload now and then waits for ever for
/// a program that has ended, whatever `parallel` is: it is started once more.
const PROGRAMS: &str = r#"
seq 20 | shuf >one; seq 11 30 | shuf >two
parsort -rn <one
parsort <two
parsort one two
parsort -rn "$PWD/one"
awk 'BEGIN { srand(7); for (i = 0; i < 300000; i++) print int(rand() * 1e9), i }' >'a big one'
parsort 'a big one' | cksum; LC_ALL=C sort 'a big one' | cksum
parcat one two | sort -n
until said=$(timeout 5 niceload -v echo nice 2>/dev/null); do :; done; echo "$said"
sql --version | head -1
"#;

/// A script of a shell that calls companions of the program.
pub struct Script {
    pub name: String,
    shell: &'static str,
    text: String,
    /// What it prints, if all of it is there that it needs.
    proof: &'static str,
}

pub fn scripts() -> Vec<Script> {
    let mut scripts = Vec::new();
    for (shell, parts) in [
        (
            "bash",
            &[
                STATE,
                PARSET,
                PARSET_ENDS,
                FUNCTIONS,
                ARRAYS,
                BASH,
                BASH_OUTPUT,
            ][..],
        ),
        ("zsh", &[STATE, PARSET, PARSET_ENDS, FUNCTIONS, ARRAYS]),
        ("ksh", &[STATE, PARSET, PARSET_ENDS, FUNCTIONS, ARRAYS]),
        ("mksh", &[STATE, PARSET, PARSET_ENDS, FUNCTIONS, ARRAYS]),
        ("dash", &[STATE, PARSET, PARSET_ENDS]),
        ("sh", &[STATE, PARSET, PARSET_ENDS]),
        ("fish", &[FISH]),
        ("csh", &[CSH]),
        ("tcsh", &[CSH]),
    ] {
        scripts.extend(parts.iter().enumerate().map(|(number, part)| {
            let begin = if matches!(shell, "fish" | "csh" | "tcsh") {
                ""
            } else {
                BEGIN
            };
            Script {
                name: format!("env_parallel.{shell}, part {}", number + 1),
                shell,
                text: sourcing(shell) + begin + part,
                proof: "aliased 1",
            }
        }));
    }
    scripts.push(Script {
        name: "parsort, parcat, niceload, sql".to_owned(),
        shell: "bash",
        text: PROGRAMS.to_owned(),
        proof: "nice",
    });
    scripts
}

/// What makes the functions of GNU's package known to `shell`.
fn sourcing(shell: &str) -> String {
    match shell {
        "fish" => format!("source (which env_parallel.{shell})\n"),
        "csh" | "tcsh" => format!("source `which env_parallel.{shell}`\n"),
        _ => format!(". \"$(command -v env_parallel.{shell})\"\n"),
    }
}

impl Script {
    /// The script `text` for bash, which prints `proof` if all of it is there that it needs.
    pub fn of_bash(name: &str, text: &str, proof: &'static str) -> Self {
        Self {
            name: name.to_owned(),
            shell: "bash",
            text: text.to_owned(),
            proof,
        }
    }

    /// What it does otherwise with `ours` as `parallel` than with `gnu`; empty if nothing.
    pub fn difference(&self, gnu: &Path, ours: &Path) -> String {
        let path = std::env::var_os("PATH").unwrap();
        let Some(shell) = program_named(self.shell) else {
            return String::new();
        };
        let [theirs, ours] = [gnu, ours].map(|parallel| {
            let folder = folder_with(parallel);
            let path = format!("{}:{}", folder.path().display(), path.display());
            compare::observe(&shell, &in_shell(&self.text).env("PATH", &path))
        });
        if !theirs.to_string().contains(self.proof) {
            return format!("  GNU's does not print {}:\n{theirs}", self.proof);
        }
        compare::differences(&in_shell(&self.text), &theirs, &ours)
    }
}

fn in_shell(script: &str) -> Case {
    // The shell that calls is the one that runs the jobs.
    case("./script")
        .file("script", script)
        .env("PARALLEL_SHELL", "")
}

/// Where the program `name` is; if it is not installed, that is told.
pub fn program_named(name: &str) -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap();
    let mut places = std::env::split_paths(&path).map(|dir| dir.join(name));
    let found = places.find(|place| place.is_file());
    if found.is_none() {
        support::skip_without(name);
    }
    found
}

/// A folder in which `program` has the names under which scripts call it.
pub fn folder_with(program: &Path) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in ["parallel", "sem"] {
        symlink(program, folder.path().join(name)).unwrap();
    }
    folder
}
