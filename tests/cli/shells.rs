//! `--shell-init`, `--shell-completion` and `--man`, in the real shells. A shell that is missing is
//! skipped with a note, unless `FANOUT_TEST_REQUIRE=all`.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::support::skip_without;
use crate::{fanout, text};

/// The POSIX-like shells, and the name by which each gets its functions.
const SHELLS: [(&str, &str); 5] = [
    ("bash", "bash"),
    ("zsh", "zsh"),
    ("ksh93", "ksh"),
    ("mksh", "ksh"),
    ("dash", "sh"),
];

/// What `shell` prints for `script`, behind fanout's functions; `None`: it is not installed.
fn run(shell: &str, init: &str, script: &str) -> Option<String> {
    let ours = Path::new(env!("CARGO_BIN_EXE_fanout")).parent().unwrap();
    // fish makes folders in there.
    let home = tempfile::tempdir().unwrap();
    let path = format!("{}:/usr/local/bin:/usr/bin:/bin", ours.display());
    let output = Command::new(shell)
        .args(["-c", &format!("{init}\n{script}")])
        .env_clear()
        .env("PATH", path)
        .env("HOME", home.path())
        .env("LC_ALL", "C")
        .env("TERM", "dumb")
        .stdin(Stdio::null())
        .output();
    let Ok(output) = output else {
        skip_without(shell);
        return None;
    };
    // fish asks its terminal things, with or without one.
    let errors = String::from_utf8_lossy(&output.stderr);
    let errors: Vec<_> = errors
        .lines()
        .filter(|line| !line.starts_with("tput: "))
        .collect();
    let errors = errors.join("\n");
    assert_eq!(errors, "", "{shell}: {script}");
    Some(String::from_utf8(output.stdout).unwrap())
}

/// The outcome of `script` in every POSIX-like shell but those of `except`.
fn in_every_shell(except: &[&str], script: &str, want: &str) {
    for (shell, name) in SHELLS {
        if except.contains(&shell) {
            continue;
        }
        let init = format!("eval \"$(fanout --shell-init {name})\"");
        if let Some(got) = run(shell, &init, script) {
            assert_eq!(got, want, "{shell}: {script}");
        }
    }
}

fn in_fish(script: &str, want: &str) {
    if let Some(got) = run("fish", "fanout --shell-init fish | source", script) {
        assert_eq!(got, want, "fish: {script}");
    }
}

#[test]
fn jobs_see_variables_that_are_not_exported() {
    in_every_shell(
        &[],
        r#"one="a  b'c\"d"; many='1
2
'; env_parallel -k 'echo "$one" {}; echo "[$many]"' ::: 'x y'"#,
        "a  b'c\"d x y\n[1\n2\n]\n",
    );
    in_fish(
        r#"set one "a  b'c\"d"; env_parallel 'echo "$one"' {} ::: 'x y'"#,
        "a  b'c\"d x y\n",
    );
}

#[test]
fn jobs_see_arrays() {
    in_every_shell(
        &["dash", "zsh"],
        "set -A arr 'x  y' z 2>/dev/null || arr=('x  y' z); env_parallel -k 'echo \"${arr[{}]}\"' ::: 0 1",
        "x  y\nz\n",
    );
    in_fish(
        "set arr 'x  y' z; env_parallel -k 'echo $arr[{}]' ::: 1 2",
        "x  y\nz\n",
    );
}

#[test]
fn jobs_see_functions() {
    let script = "suffix='!'; greet() { echo \"hello $1$suffix\"; }\nenv_parallel -k greet ::: 'my  world' you";
    in_every_shell(&["dash"], script, "hello my  world!\nhello you!\n");
    in_fish(
        "function greet; echo hello $argv; end; env_parallel -k greet ::: 'my  world' you",
        "hello my  world\nhello you\n",
    );
}

#[test]
fn jobs_see_aliases() {
    in_every_shell(
        &[],
        "alias greet='echo hello'\nenv_parallel -k greet ::: a b",
        "hello a\nhello b\n",
    );
    in_fish(
        "alias greet 'echo hello'; env_parallel -k greet ::: a b",
        "hello a\nhello b\n",
    );
}

#[test]
fn env_takes_only_what_it_names() {
    in_every_shell(
        &[],
        "one=1; two=2; three=3; env_parallel --env one --env two,x 'echo \"$one,$two,$three\" #' ::: a",
        "1,2,\n",
    );
    in_fish(
        "set one 1; set two 2; env_parallel --env one 'echo \"$one,$two\" #' ::: a",
        "1,\n",
    );
}

#[test]
fn a_session_leaves_out_what_was_there_before() {
    in_every_shell(
        &[],
        "old=1; env_parallel --session; new=2; env_parallel 'echo \"[$old$new]\" #' ::: a
         env_parallel --end-session; env_parallel 'echo \"[$old$new]\" #' ::: a",
        "[2]\n[12]\n",
    );
}

#[test]
fn what_is_shown_is_the_command_alone_and_the_exit_code_is_the_jobs() {
    in_every_shell(
        &[],
        "v=1; env_parallel --dry-run -k echo ::: a b; env_parallel false ::: a b; echo $?",
        "echo a\necho b\n2\n",
    );
    in_fish("env_parallel false ::: a b; echo $status", "2\n");
}

#[test]
fn env_fanout_is_fanout_and_reads_its_input() {
    in_every_shell(
        &[],
        "v=x; printf '1\\n2\\n' | env_fanout -k 'echo $v'",
        "x 1\nx 2\n",
    );
}

#[test]
fn parset_fills_variables() {
    in_every_shell(
        &[],
        "parset a,b,c echo ::: 1 '2  x' \"it's\"; echo $? \"$a|$b|$c\"
         parset 'd e' -j1 'printf \"%s\\n\\n\"' ::: 1 2; echo \"[$d][$e]\"
         parset f false ::: 1; echo \"$? [$f]\"",
        "0 1|2  x|it's\n[1\n][2\n]\n1 []\n",
    );
}

#[test]
fn parset_fills_an_array_in_the_order_of_the_inputs() {
    in_every_shell(
        &["dash"],
        "parset res 'sleep 0.{}; seq {}' ::: 3 2 1; for x in \"${res[@]}\"; do echo \"<$x>\"; done",
        "<1\n2\n3>\n<1\n2>\n<1>\n",
    );
}

#[test]
fn env_parset_has_both() {
    in_every_shell(
        &[],
        "v=val; env_parset a,b 'echo $v' ::: 1 2; echo \"$a,$b\"",
        "val 1,val 2\n",
    );
}

#[test]
fn parset_says_what_is_wrong() {
    in_every_shell(
        &[],
        "parset 1x echo ::: 1 2>/dev/null; echo $?; parset a,b echo ::: 1 2 3 2>/dev/null; echo $? $a $b
         parset 2>/dev/null; echo $?",
        "255\n255 1 2\n255\n",
    );
}

#[test]
fn completions_are_known_to_their_shells() {
    let complete = |shell| {
        let output = fanout()
            .args(["--shell-completion", shell])
            .output()
            .unwrap();
        assert!(output.status.success());
        text(&output.stdout).to_owned()
    };
    for shell in ["bash", "zsh", "fish"] {
        let script = complete(shell);
        assert!(script.contains("--_complete"), "{shell}: {script}");
        let check = Command::new(shell).args(["-n", "-c", &script]).output();
        match check {
            Ok(check) => assert!(check.status.success(), "{shell}"),
            Err(_) => eprintln!("skipped: {shell} is not installed"),
        }
    }
    fanout()
        .args(["--shell-completion", "cmd.exe"])
        .assert()
        .code(255);
}

#[test]
fn the_man_page_has_all_options() {
    let output = fanout().arg("--man").output().unwrap();
    let page = text(&output.stdout);
    assert!(page.contains(".TH fanout 1"), "{page}");
    assert!(page.contains("keep\\-order") && page.contains("env_parallel"));
    for section in [
        "EXAMPLES",
        "\"EXIT STATUS\"",
        "SIGNALS",
        "\"ENVIRONMENT VARIABLES\"",
        "FILES",
        "JSON",
        "\"SEE ALSO\"",
    ] {
        assert!(page.contains(&format!("\n.SH {section}\n")), "{section}");
    }
}

#[test]
fn own_profiles_come_after_those_of_gnu_parallel() {
    let home = tempfile::tempdir().unwrap();
    let write = |name: &str, text: &str| {
        let path = home.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    };
    write(".parallel/config", "--tagstring theirs -k\n");
    write(".config/fanout/config", "--tagstring ours\n");
    write(".config/fanout/mine", "--tagstring mine\n");
    let run = |args: &[&str]| {
        let output = fanout()
            .env("HOME", home.path())
            .env_remove("XDG_CONFIG_HOME")
            .args(args)
            .output()
            .unwrap();
        text(&output.stdout).to_owned()
    };
    assert_eq!(run(&["echo", ":::", "a"]), "ours\ta\n");
    assert_eq!(run(&["-J", "mine", "echo", ":::", "a"]), "mine\ta\n");
    assert_eq!(run(&["--plain", "echo", ":::", "a"]), "a\n");
}

#[test]
fn scripts_may_name_fanout_as_their_interpreter() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let run = |name: &str, first: &str, rest: &str, args: &[&str]| {
        let path = folder.path().join(name);
        let text = format!("#!{} {first}\n{rest}", env!("CARGO_BIN_EXE_fanout"));
        std::fs::write(&path, text).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
        // A process of another test may hold the file open for writing for a moment, so no direct start.
        let output = Command::new("/bin/sh")
            .args([
                "-c",
                "for try in 1 2 3 4 5; do \"$0\" \"$@\" && exit; sleep 0.1; done",
            ])
            .arg(&path)
            .args(args)
            .stdin(Stdio::null())
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert_eq!(
        run("list", "--shebang -k echo 'got  it'", "a b\nc\n", &[]),
        "got it a b\ngot it c\n"
    );
    assert_eq!(
        run(
            "my code",
            "--shebang-wrap -k /bin/sh",
            "echo \"<$1>\"\n",
            &["a b", "c"]
        ),
        "<a b>\n<c>\n"
    );
}

#[test]
fn strict_shells_are_no_hindrance() {
    in_every_shell(
        &[],
        "set -eu; v=x; env_parallel 'echo $v #' ::: a; parset a,b echo ::: 1 2; echo \"$a$b\"
         env_parset c 'echo $v; exit 3 #' ::: 1 || echo \"$? $c\"",
        "x\n12\n1 x\n",
    );
}

/// GNU parallel 20260522 hands over what is longer than a word of a command line may be.
#[test]
fn a_calling_shell_may_have_more_state_than_fits_into_a_command_line() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("state");
    let value = "x".repeat(200_000);
    std::fs::write(
        &file,
        format!("big='{value}'\u{1}greet() {{ echo \"hello $1\"; }}\n"),
    )
    .unwrap();
    for shell in ["bash", "dash", "zsh", "ksh", "mksh"] {
        let output = fanout()
            .args([
                "-k",
                "--no-summary",
                "greet {}; echo ${#big}",
                ":::",
                "a",
                "b",
            ])
            .env("PARALLEL_SHELL", shell)
            .env("PARALLEL_ENV", &file)
            .output()
            .unwrap();
        let error = text(&output.stderr);
        if error.contains("$PARALLEL_SHELL was not found") {
            skip_without(shell);
            continue;
        }
        assert_eq!(error, "", "{shell}");
        assert_eq!(
            text(&output.stdout),
            "hello a\n200000\nhello b\n200000\n",
            "{shell}"
        );
    }
}
