//! Commands of all kinds in all shells: whether a shell of its own, a shared one or none runs a
//! command, nobody can tell.

mod generated;
mod grammar;
mod phrases;

use std::fmt;
use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::Path;
use std::sync::LazyLock;

use base64::prelude::{BASE64_STANDARD, Engine as _};
use regex::Regex;
use serde_json::Value;

use crate::support::skip_without;
use crate::{fanout, text};

/// The shells that fanout knows, `busybox` by the name of its shell.
const SHELLS: [&str; 12] = [
    "sh", "dash", "bash", "zsh", "ksh", "mksh", "yash", "busybox", "csh", "tcsh", "fish", "rc",
];

/// The ways that have to be as good as `--shell always`; empty is the default.
const WAYS: [&[&str]; 3] = [&[], &["--shell", "warm"], &["--shell", "direct"]];

/// `$h`, `$n` and `$empty` are in the environment, `greet` is a function of bash's; `data`, `plain` (not
/// executable), `script` (without a `#!` line), `hello` and `killed` are files, `sub` is a directory.
const COMMANDS: &[&str] = &[
    // Pure ones next to each other, so that they share a shell.
    "echo",
    "echo a 'b  c' \"d  e\" ''",
    "echo -n a",
    "echo -e 'a\\tb\\c'",
    "echo 'a\\tb\\nc'",
    "echo $h \"$h\" ${h}x",
    "echo \"$?\" $# $1 $*",
    "echo $nothing",
    "echo $PARALLEL_SEQ",
    "echo a >&2",
    "echo a >/dev/null",
    "echo a 1>&2; echo b",
    "printf '%s\\n' a 'b c'",
    "printf '%d %x %5.2f%%\\n' 17 255 3",
    "printf '%d\\n' x",
    "printf '%s'",
    "printf",
    "true",
    "false",
    ":",
    "test a = b",
    "test 1 -lt 2 && echo less",
    "[ -n \"$h\" ]",
    "[ x -gt 1 ]",
    "[ a",
    "[ \"$empty\" ] || echo empty",
    "if [ $n -gt 2 ]; then echo large; else echo small; fi",
    "{ echo a; echo b; }",
    "true && false || echo or",
    "greet you",
    "greet a; greet b",
    "echo !",
    "! true",
    "echo a; false; echo $?",
    "echo a\necho b\n",
    "echo 'tab\there' \"ü ☃\" 'ünï'",
    // Programs.
    "cat data",
    "/bin/echo a 'b  c' \"d  e\" ''",
    "/bin/echo a\tb  \t c",
    "/bin/echo 'it'\"'\"'s' \"a'b\" 'a\"b'",
    "/bin/echo \\$h \\a a\\ b \\\\ \"\\$\" \"\\a\"",
    "/bin/echo *.none d* [d]ata ?ata",
    "/bin/echo '*' \"*\" '~' \\*",
    "/bin/echo ~ ~/x a~ =ls a=~",
    "/bin/echo {a,b}{1..3} {} {a}",
    "/bin/echo ü ☃",
    "/bin/echo a^b ^a a#b %a a%b @a +a ,a :a",
    "/bin/echo $'a\\nb' $\"x\"",
    "/bin/echo !x a!",
    "env -i PATH=/bin sh -c 'echo $PATH'",
    "h=changed env | grep '^h='",
    "x=1",
    "x=1; echo \"[$x]\"",
    "hello a 'b c'",
    "./hello a",
    "hello",
    "./plain",
    "plain",
    "./script",
    "script a",
    "sub",
    "./sub",
    "/",
    "no-such-command a",
    "./no-such/command",
    "'no such command' a",
    "''",
    "killed 9",
    "killed 15",
    "killed 11",
    "killed 2",
    "killed 13",
    "killed 6",
    "killed 40",
    "'echo' a",
    "'if' a",
    "ec\"ho\" a",
    "\\echo a",
    "$h",
    // Redirections, pipelines, lists.
    "cat < data",
    "cat < no-such-file",
    "echo a 2>&1 | cat",
    "no-such-command 2>/dev/null",
    "no-such-command 2>&1",
    "cat data no-such-file >/dev/null",
    "cat data | tr a-z A-Z | cat",
    "false | true",
    "true | false",
    "cat data && echo yes",
    "cat no-such-file || echo no",
    "/bin/true; /bin/false",
    "cat <<E\na $h\nE",
    "cat <<'E'\na $h\nE\n",
    "cat <<E\nunfinished $h",
    "cat <<< here",
    "(echo a; exit 4)",
    "{ echo a; }; echo b",
    // Reserved words.
    "if true; then echo a; fi",
    "if false; then echo a; elif true; then echo b; fi",
    "if true",
    "for i in 1 2; do echo $i; done",
    "while false; do :; done",
    "case $h in h*) echo h;; *) echo other;; esac",
    "{ time true; } 2>/dev/null",
    "function f { echo f; }; f",
    "f() { echo $1; return 3; }; f a",
    "{ echo a",
    "}",
    "then",
    "[[ a = a ]] && echo a",
    "(( 1 + 1 )) && echo two",
    "echo $((1 + 2))",
    "coproc cat",
    // Builtins.
    "cd sub; pwd; pwd -P",
    "cd no-such",
    "pwd",
    "umask 027; umask",
    "export x=y; sh -c 'echo $x'",
    "export h=z; echo $h",
    "unset h; echo \"[$h]\"",
    "read x; echo \"$? [$x]\"",
    "read x < data; echo $x",
    "set -e; false; echo not here",
    "set -o nounset; echo $no_such_variable; echo here",
    "set -o pipefail; false | true",
    "set -o xtrace; echo a",
    "set a b; echo $1 $#",
    "alias a='echo aliased'; a\na",
    "type echo",
    "command -v cat",
    "command echo a",
    "builtin echo a",
    "eval 'echo a; echo b'",
    "exec /bin/echo a",
    "exec no-such-command; echo here",
    "exit",
    "exit 7",
    "exit 256; echo here",
    "exit x",
    "return 3",
    "false; exit",
    "ulimit -c 0; ulimit -c",
    "ulimit -n 100; sh -c 'ulimit -n'",
    "trap 'echo bye' EXIT; echo a",
    "trap 'echo term' TERM; kill -TERM $$; echo after",
    "trap '' HUP; kill -HUP $$; echo here",
    "kill -9 $$",
    "kill -TERM $$",
    "kill -TERM 0",
    "kill -SEGV $$; echo after",
    "[ $$ -gt 1 ] && echo pid",
    "[ \"$PPID\" = \"$PARALLEL_PID\" ] && echo parent",
    "sh -c '[ $PPID -gt 1 ] && echo parent'",
    "echo $0 $-",
    "echo $LINENO",
    "true & wait; echo $?",
    "(exit 3) & wait $!; echo $?",
    "wait",
    "hash cat; echo $?",
    "let 1+1",
    "local x=1",
    "source ./script",
    ". ./script",
    "shift",
    "break",
    "newgrp no-such-group",
    // What is not quite a command.
    "",
    " ",
    "\n",
    "# a comment",
    "echo a # a comment",
    "/bin/echo a # a comment",
    "/bin/echo a#b '#' \\#",
    ";",
    "&&",
    "echo a;;",
    "echo a &&",
    "echo 'unfinished",
    "echo \"unfinished",
    "echo `unfinished",
    "echo $(unfinished",
    "echo a \\\n  b",
    "/bin/echo a\\\nb",
    "/bin/echo a\\",
    "/bin/echo 'a\nb'",
    "/bin/echo a\rb",
    "echo $(echo a) `echo b`",
    "/bin/echo 'a''b'\"c\"d",
    "/bin/echo \u{1}\u{7f}\u{1b}[0m",
    " \t/bin/echo  a\t ",
    "h = 1",
    "=",
    "a=b=c; echo $a",
    "-x",
    "%1",
    "~",
];

/// A function of bash's.
const SIZE: &str =
    "() {  local n=\"$1\";\n if [ \"$n\" -gt 5 ]; then\n greet \"$n\";\n else\n return 3;\n fi\n}";

/// How a job ended, what it printed and what it wrote into its file.
#[derive(Clone, Debug, PartialEq)]
struct End {
    exit: Value,
    signal: Value,
    texts: [String; 3],
}

/// A command that ends in another way than in a shell of its own.
#[derive(Clone, PartialEq)]
struct Difference {
    shell: String,
    way: Vec<String>,
    /// Which of the commands it is.
    place: usize,
    line: Vec<u8>,
    got: End,
    want: End,
}

impl fmt::Display for Difference {
    fn fmt(&self, to: &mut fmt::Formatter) -> fmt::Result {
        let (shell, way, line) = (&self.shell, &self.way, self.line.escape_ascii());
        let (got, want) = (&self.got, &self.want);
        write!(
            to,
            "{shell} {way:?} {line}\n  {got:?}\n  instead of\n  {want:?}"
        )
    }
}

/// Has `lines` run by `shell`; how each ended.
fn ends(shell: &str, options: &[&str], env: &[(&str, &str)], lines: &[Vec<u8>]) -> Vec<End> {
    let folder = tempfile::tempdir().unwrap();
    let dir = folder.path().canonicalize().unwrap();
    fill(&dir);
    let path = format!("{}/bin:/usr/local/bin:/usr/bin:/bin", dir.display());
    let shell = if shell == "busybox" {
        dir.join("busybox/sh").display().to_string()
    } else {
        shell.to_owned()
    };
    let output = fanout()
        .args(["-0", "-j2", "--json", "--no-summary"])
        .args(options)
        .current_dir(&dir)
        .env_clear()
        .env("LC_ALL", "C")
        .env("PARALLEL_SHELL", &shell)
        .env("PATH", path)
        .env("HOME", &dir)
        .env("TERM", "dumb")
        .env("h", "hello  you*")
        .env("n", "3")
        .env("empty", "")
        .env("BASH_FUNC_greet%%", "() {  echo \"hi $1\" $#\n}")
        .env("BASH_FUNC_size%%", SIZE)
        .envs(env.iter().copied())
        .write_stdin(lines.join(&0))
        .output()
        .unwrap();
    let mut ends = vec![None; lines.len()];
    for line in output.stdout.split(|&byte| byte == b'\n') {
        let Ok(event) = serde_json::from_slice::<Value>(line) else {
            continue;
        };
        if event["type"] == "job.end" {
            let seq = event["seq"].as_u64().unwrap() as usize;
            let text = |bytes: &[u8]| {
                let text = bytes.escape_ascii().to_string();
                without_pids(&text.replace(dir.to_str().unwrap(), "DIR"))
            };
            let printed = |name: &str| match event[format!("{name}_b64")].as_str() {
                Some(encoded) => text(&BASE64_STANDARD.decode(encoded).unwrap()),
                None => text(event[name].as_str().unwrap().as_bytes()),
            };
            let written = fs::read(dir.join(format!("out/{seq}"))).unwrap_or_default();
            let end = End {
                exit: event["exit"].clone(),
                signal: event["signal"].clone(),
                texts: [printed("stdout"), printed("stderr"), text(&written)],
            };
            assert!(ends[seq - 1].replace(end).is_none(), "{seq} ended twice");
        }
    }
    let ends = ends.into_iter().zip(lines).map(|(end, line)| {
        end.unwrap_or_else(|| {
            let (line, said) = (line.escape_ascii(), output.stderr.escape_ascii());
            panic!("{shell} {options:?} {env:?} has no end for {line}: {said}")
        })
    });
    ends.collect()
}

/// Some shells tell the process id of what they start in the background, or of what was killed.
fn without_pids(text: &str) -> String {
    static PID: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"(\[\d+\] |line \d+: +)\d+").unwrap());
    PID.replace_all(text, "${1}PID").into_owned()
}

/// The files that commands use.
fn fill(dir: &Path) {
    for name in [
        "bin",
        "sub",
        "out",
        "busybox",
        ".config/fish",
        ".local/share/fish",
    ] {
        fs::create_dir_all(dir.join(name)).unwrap();
    }
    // zsh greets those who have no startup file.
    fs::write(dir.join(".zshrc"), "").unwrap();
    symlink("/bin/busybox", dir.join("busybox/sh")).unwrap();
    for (name, text, mode) in [
        ("data", "some data\n", 0o644),
        ("plain", "#!/bin/sh\n", 0o644),
        ("script", "echo script $#\n", 0o755),
        ("hello", "#!/bin/sh\necho \"hello $# $0\"\n", 0o755),
        ("killed", "#!/bin/sh\nkill -$1 $$\n", 0o755),
    ] {
        for path in [dir.join(name), dir.join("bin").join(name)] {
            fs::write(&path, text).unwrap();
            fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        }
    }
}

/// The shells among `wanted` that are here.
pub fn installed<'a>(wanted: &[&'a str]) -> Vec<&'a str> {
    let here = |shell: &&&str| {
        let found = ["/bin", "/usr/bin", "/usr/local/bin"]
            .iter()
            .any(|dir| Path::new(dir).join(shell).exists());
        if !found {
            skip_without(shell);
        }
        found
    };
    wanted.iter().filter(here).copied().collect()
}

/// What ends in another way than in a shell of its own.
fn differences(
    shell: &str,
    ways: &[&[&str]],
    env: &[(&str, &str)],
    lines: &[Vec<u8>],
) -> Vec<Difference> {
    let always = ends(shell, &["--shell", "always"], env, lines);
    let mut found = Vec::new();
    for way in ways {
        let got = ends(shell, way, env, lines);
        for (place, (got, want)) in got.into_iter().zip(&always).enumerate() {
            if got != *want {
                found.push(Difference {
                    shell: shell.to_owned(),
                    way: way.iter().map(|&word| word.to_owned()).collect(),
                    place,
                    line: lines[place].clone(),
                    got,
                    want: want.clone(),
                });
            }
        }
    }
    found
}

#[test]
fn every_way_to_run_a_command_ends_as_a_shell_of_its_own() {
    let lines = |shell: &str| -> Vec<_> {
        // A csh does not know this `wait`, and tells of the job's end if that comes before its own.
        let is_left_to_chance = |line: &str| shell.ends_with("csh") && line.contains("& wait $!");
        COMMANDS
            .iter()
            .filter(|line| !is_left_to_chance(line))
            .map(|line| line.as_bytes().to_vec())
            .collect()
    };
    let found: Vec<_> = installed(&SHELLS)
        .into_iter()
        .flat_map(|shell| differences(shell, &WAYS, &[], &lines(shell)))
        .map(|found| found.to_string())
        .collect();
    assert!(found.is_empty(), "\n{}", found.join("\n"));
}

/// A shell that has waited for a program says which signal ended it, wherever the job's output goes.
#[test]
fn what_a_shell_says_about_a_signal_is_said_without_it() {
    let command = "/bin/sh -c 'kill -9 $$' {}";
    for shell in installed(&["dash", "bash"]) {
        for output in ["-u", "--group", "--line-buffer", "--compress", "--files"] {
            let run = |how: &str| {
                let output = fanout()
                    .args(["-j1", "--no-summary", output, "--shell", how, command])
                    .args([":::", "a", "b"])
                    .env("PARALLEL_SHELL", shell)
                    .output()
                    .unwrap();
                (output.status.code(), text(&output.stderr).to_owned())
            };
            assert_eq!(run("direct"), run("always"), "{shell} {output}");
        }
    }
}

/// What the startup file of a zsh does, it does for each job.
#[test]
fn what_a_startup_file_does_is_done_for_every_job() {
    if installed(&["zsh"]).is_empty() {
        return;
    }
    for startup in [
        "echo hi",
        "echo hi >&2",
        "setopt xtrace",
        "setopt errexit",
        "trap 'echo bye' EXIT",
        "TRAPEXIT() { echo bye }",
        "zshexit() { echo bye }",
        "bye() { echo bye }; zshexit_functions=(bye)",
        "TRAPZERR() { echo failed }",
        "alias -g a=b",
        "echo() { builtin echo mine $* }",
        "disable echo",
        "PARALLEL_SEQ=x",
    ] {
        let home = tempfile::tempdir().unwrap();
        fs::write(home.path().join(".zshenv"), startup).unwrap();
        let run = |how: &str| {
            let lines = "echo a\0false\0echo $PARALLEL_SEQ\0".repeat(15);
            let output = fanout()
                .args(["-0", "-k", "-j1", "--no-summary", "--shell", how])
                .env("PARALLEL_SHELL", "zsh")
                .env("ZDOTDIR", home.path())
                .write_stdin(lines)
                .output()
                .unwrap();
            let texts = [output.stdout, output.stderr];
            texts.map(|text| String::from_utf8_lossy(&text).into_owned())
        };
        assert_eq!(run("warm"), run("always"), "{startup}");
    }
}
