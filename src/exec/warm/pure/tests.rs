use super::*;

fn lines(kind: ShellKind) -> PureLines {
    let env = [
            ("HOME", "/root"),
            ("LINENO", "3"),
            ("BIG", &*"x".repeat(2000)),
            ("BASH_FUNC_hi%%", "() {  echo \"hi $1\"\n}"),
            (
                "BASH_FUNC_size%%",
                "() {  local name=\"$1\";\n if [ \"$2\" -gt 5 ]; then\n echo \"$name is big\";\n else\n \
                 return 3;\n fi\n}",
            ),
            ("BASH_FUNC_both%%", "() {  hi \"$@\" && size a 7\n}"),
            ("BASH_FUNC_loop%%", "() {  loop\n}"),
            ("BASH_FUNC_sets%%", "() {  x=1\n}"),
            ("BASH_FUNC_subst%%", "() {  echo $(date)\n}"),
            ("BASH_FUNC_odd%%", "() {  local IFS=:;\n echo $1\n}"),
        ]
        .map(|(name, value)| (name.into(), value.into()));
    PureLines::new(kind, &env).unwrap()
}

#[test]
fn what_only_prints_and_compares_is_pure() {
    let plain = Purity::default();
    let fallible = Purity {
        fallible: true,
        ..plain
    };
    let to_stderr = Purity {
        to_stderr: true,
        ..plain
    };
    let job_variables = Purity {
        job_variables: true,
        ..plain
    };
    for (line, want) in [
        ("echo", plain),
        ("echo a 'b c' \"d $HOME\" $HOME ${HOME}/x", plain),
        ("  echo a=b -n =  ", plain),
        ("echo '$(x) `y` \\ * ! ~ #\n'", plain),
        (":", plain),
        ("true; false;", plain),
        ("true && echo a || echo b", plain),
        ("true\nfalse\n", plain),
        ("echo $?", plain),
        ("echo >/dev/null a", plain),
        ("echo a 1> /dev/null", plain),
        ("{ echo a; echo b; }", plain),
        ("echo a >&2", to_stderr),
        ("echo a 1>&2; echo b", to_stderr),
        ("echo $PARALLEL_SEQ ${PARALLEL_JOBSLOT}", job_variables),
        ("printf '%s\\n' a b", fallible),
        ("printf %05.2f%% 3", fallible),
        ("test a = b", fallible),
        ("[ ! -n \"$HOME\" ] && echo x", fallible),
        ("[ 3 -gt 2 ] 2>/dev/null", fallible),
        (
            "if [ a != b ]; then echo a; elif true; then :; else echo b; fi",
            fallible,
        ),
        ("if true\nthen\necho a\nfi", plain),
    ] {
        for kind in [ShellKind::Bash, ShellKind::Dash] {
            let got = lines(kind).purity(line.as_bytes());
            assert_eq!(got, Some(want), "{line}");
        }
    }
}

#[test]
fn exported_functions_are_looked_into() {
    let bash = lines(ShellKind::Bash);
    for line in ["hi 1", "size a 6", "both 1 2", "hi a; hi b"] {
        assert!(bash.purity(line.as_bytes()).is_some(), "{line}");
        assert!(lines(ShellKind::Dash).purity(line.as_bytes()).is_none());
    }
    for line in ["loop", "sets", "subst a", "odd a", "hi >&2; size a 1"] {
        assert_eq!(bash.purity(line.as_bytes()), None, "{line}");
    }
}

const IMPURE: [&str; 93] = [
    "",
    " ",
    ";",
    "# x",
    "cat x",
    "/bin/echo a",
    "echo a &",
    "echo a | cat",
    "(echo a)",
    "x=1",
    "x=1 echo a",
    "echo $(x)",
    "echo `x`",
    "echo $((1+1))",
    "echo $x",
    "echo $0",
    "echo $$",
    "echo $!",
    "echo $-",
    "echo $LINENO",
    "echo $BIG",
    "echo ${HOME:-x}",
    "echo ${HOME%t}",
    "echo ${#HOME}",
    "echo $10",
    "echo *",
    "echo ?",
    "echo [a]",
    "echo ~",
    "echo {a,b}",
    "echo a\\ b",
    "echo \"a\\$\"",
    "echo \"a!\"",
    "echo a#b",
    "echo #b",
    "echo 'a",
    "echo \"a",
    "echo =ls",
    "echo é",
    "echo a > x",
    "echo a >> /dev/null",
    "echo < x",
    "echo a 2>&1",
    "echo a 3>&2",
    "echo a >&3",
    "echo a &> /dev/null",
    "echo a >&2x",
    "printf -v HOME x",
    "printf $HOME",
    "printf",
    "printf %n a",
    "printf %999s a",
    "printf '%*s' 3 a",
    "printf '\\x41'",
    "printf %b a",
    "printf '%(%s)T'",
    "test -f x",
    "test -t 1",
    "[ -v HOME ]",
    "[ a",
    "[ $HOME = a ]",
    "[ \"$@\" ]",
    "[ a -a b ]",
    "[ a -ot b ]",
    "[ a = b -o c ]",
    "[[ a ]]",
    "test",
    "local x=1",
    "return 3",
    "exit 3",
    "set -e",
    "if true; then echo a",
    "if true; fi",
    "then",
    "{ echo a }",
    "{ }",
    "! true",
    "true && ",
    "true ;; false",
    "&& true",
    "command echo",
    "builtin echo",
    "eval echo",
    "read x",
    "'echo' a",
    "ec'ho' a",
    "$HOME",
    "time true",
    "exec true",
    "trap x EXIT",
    "wait",
    "unset HOME",
    "cd /",
];

#[test]
fn everything_else_is_not() {
    let long = format!("echo {}", "x".repeat(LONGEST));
    for line in IMPURE.into_iter().chain([&*long]) {
        for kind in [ShellKind::Bash, ShellKind::Dash, ShellKind::Zsh] {
            assert_eq!(lines(kind).purity(line.as_bytes()), None, "{line}");
        }
    }
}

#[test]
fn a_function_in_the_place_of_a_builtin_spoils_everything() {
    for name in ["echo", "read", "["] {
        let name: OsString = format!("BASH_FUNC_{name}%%").into();
        let env = [(name, "() {  :\n}".into())];
        assert!(PureLines::new(ShellKind::Bash, &env).is_none());
        assert!(PureLines::new(ShellKind::Dash, &env).is_some());
    }
    assert!(PureLines::new(ShellKind::Other, &[]).is_none());
}
