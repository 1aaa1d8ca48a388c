//! Commands of all kinds, put together by chance.
//!
//! The same ones each time, unless `FANOUT_TEST_SEED` asks for others and `FANOUT_TEST_CASES` for more of them.

use proptest::strategy::{Strategy as _, ValueTree as _};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use super::{WAYS, differences, grammar, installed};

/// So many commands are run at a time.
const AT_A_TIME: usize = 60;

/// A number from the environment.
fn number(name: &str, default: usize) -> usize {
    let text = std::env::var(name);
    text.map_or(default, |text| text.parse().unwrap())
}

/// What may be in the environment.
const ENVIRONMENTS: [&[(&str, &str)]; 24] = [
    &[],
    &[("b", "  two  words ")],
    &[("IFS", "l,")],
    &[("POSIXLY_CORRECT", "1")],
    &[
        ("SHLVL", "7"),
        ("OLDPWD", "/usr"),
        ("_", "/x"),
        ("a-b", "1"),
    ],
    &[("BASH_ENV", "./script"), ("ENV", "./script")],
    &[
        ("PWD", "/nonexistent"),
        ("OLDPWD", "/nonexistent"),
        ("CDPATH", "/:sub"),
    ],
    &[("LC_ALL", "C.UTF-8")],
    &[("PS4", "> "), ("SHELLOPTS", "xtrace")],
    &[("HOME", ""), ("b", "\u{fc}\n*")],
    &[
        ("LINENO", "5"),
        ("OPTIND", "3"),
        ("RANDOM", "2"),
        ("PPID", "4"),
    ],
    &[("BASH_FUNC_cat%%", "() {  echo mine\n}")],
    &[("BASH_FUNC_echo%%", "() {  builtin echo mine \"$@\"\n}")],
    &[("b", "-n"), ("h", "")],
    &[("h", "-e"), ("n", "x")],
    &[("b", "\\n\\c")],
    &[("n", "08"), ("h", "=")],
    &[("h", "!"), ("b", "(")],
    &[("PARALLEL_SEQ", "x"), ("b", "$n")],
    &[("argv", "1 2"), ("path", "/x"), ("status", "9"), ("b", "*")],
    &[("NULLCMD", "echo"), ("KEYTIMEOUT", "1"), ("SECONDS", "4")],
    &[
        ("COLUMNS", "7"),
        ("LINES", "x"),
        ("REPLY", "r"),
        ("x", "set"),
    ],
    &[("BASH_COMPAT", "3.2"), ("BASHOPTS", "nocaseglob")],
    &[("TMOUT", "1"), ("MAIL", "/dev/null"), ("histchars", "^!#")],
];

#[test]
fn commands_by_chance_end_as_in_a_shell_of_its_own() {
    let mut seed = [0; 32];
    seed[..8].copy_from_slice(&number("FANOUT_TEST_SEED", 1).to_le_bytes());
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &seed);
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    let line = grammar::line();
    let mut next = || {
        let mut line = line.new_tree(&mut runner).unwrap().current();
        line.retain(|&byte| byte != 0);
        line
    };
    let mut found = Vec::new();
    let rounds = number("FANOUT_TEST_CASES", 240).div_ceil(AT_A_TIME);
    let shells = installed(&["sh", "dash", "bash", "zsh"]);
    for round in 0..rounds {
        let lines: Vec<_> = (0..AT_A_TIME).map(|_| next()).collect();
        // Half of all lines are in a plain environment.
        let env = ENVIRONMENTS[(round % 2) * (round / 2 + 1) % ENVIRONMENTS.len()];
        for shell in &shells {
            let new = lasting(shell, env, &lines);
            for new in &new {
                eprintln!("{new}");
            }
            found.extend(new);
        }
    }
    assert!(found.is_empty(), "{} differences", found.len());
}

/// The differences that are there again when the commands are run again, as long as a shell of its own agrees with
/// itself.
fn lasting(shell: &str, env: &[(&str, &str)], lines: &[Vec<u8>]) -> Vec<String> {
    let mut found = differences(shell, &WAYS, env, lines);
    if !found.is_empty() {
        let again = differences(shell, &[&["--shell", "always"]], env, lines);
        let again: Vec<_> = again.iter().map(|found| found.place).collect();
        let second = differences(shell, &WAYS, env, lines);
        found.retain(|it| !again.contains(&it.place) && second.contains(it));
    }
    found
        .iter()
        .map(|found| format!("{env:?} {found}"))
        .collect()
}
