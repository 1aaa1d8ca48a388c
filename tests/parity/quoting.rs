//! No byte of an input is ever read by the shell: what a program is handed equals what was given.

use crate::case::{Case, case};
use crate::values::{delimited, nasty};

/// How a value meets the shell.
const TEMPLATES: &[&str] = &[
    "-k -j2 \"printf '<%s>'\" {}",
    "-k -j2 \"printf '<%s>'\" pre{}post {}{} {}",
    "-k -j2 \"printf '<%s>' 'in {} quotes' \\\"in {} doubles\\\"\"",
    "-k --dry-run echo {} x{}x",
    "-k --dry-run echo",
    "-k -j1 -v true {}",
    "-k -q printf '<%s %s>' {} 'a  b'",
    "-k -q --dry-run echo 'p q' x{= s/a/b/ =}y{= s/c/d/ =} =} '' {=2 '$_++' =} 'z  z'",
    "-k -q --dry-run echo '{= s/a' b ''",
    "-k -q --dry-run printf '%s;$HOME' \"it's {}\" {.}",
    "-k --tag -j2 echo x",
    "-k -j2 --tagstring '[{}|{#}]' \"echo y; echo z >&2\"",
];

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for (theme, values) in nasty() {
        for (at, template) in TEMPLATES.iter().enumerate() {
            // Thousands of jobs in the shell would be slow on GNU's side; quoting is seen dry as well.
            if values.len() > 50 && !template.contains("dry-run") {
                continue;
            }
            // Each kind of source in turn, so that every theme meets each of them.
            cases.push(match (at + theme.len()) % 3 {
                0 => case(template).named(theme).args([":::"]).args(&values),
                1 => case(&format!("-0 {template}"))
                    .named(theme)
                    .stdin(delimited(&values, 0)),
                _ => case(&format!("-0 {template} :::: values"))
                    .named(theme)
                    .file("values", delimited(&values, 0)),
            });
        }
        if theme != "newlines" {
            cases.push(
                case("-k --dry-run echo {}")
                    .named(theme)
                    .stdin(delimited(&values, b'\n')),
            );
        }
    }
    cases.extend(command_words());
    cases
}

/// The words of the command itself: they are the shell's, unless `-q`.
fn command_words() -> Vec<Case> {
    let mut cases = first_words();
    for command in [
        "echo 'a  b' {}",
        "echo '\"a  b\"' {}",
        "'echo \"a  b\" {}'",
        "echo '$HOME' {}",
        "echo '*' {}",
        "'echo {} | tr a-z A-Z'",
        "'echo {}; echo {} >&2'",
        "'for i in 1 2; do echo $i{}; done'",
        "'echo {} # comment'",
        "'VAR={}; echo \"$VAR\"'",
        "X=1 printenv X",
        "'X={} printenv X'",
        "'f() { echo f$1; }; f {}'",
        "'cat <<EOF\nhere {}\nEOF'",
        "echo {} '>' file",
        "'[[ {} == a ]] && echo yes || echo no'",
        "'echo ${BASH_VERSION:+bash}'",
        "'!' false",
        "'true && echo {}'",
        "'(echo {})'",
        "'{ echo {}; }'",
        "'echo $0 $#'",
        "type echo",
        "echo -n {}",
        "printf '%s\\\\n' {}",
        "'echo ~' {}",
        "'\\echo' {}",
        "'\"echo\"' {}",
        "'e\"ch\"o' {}",
        "'  echo  ' {}",
        "'echo a\\ b' {}",
        "/bin/echo {}",
        "'TIMEFORMAT=timed; time true; echo' {}",
        "exec echo {}",
        "'echo {}\n'",
        "'\necho {}'",
        "'echo {}; wait'",
        "''",
        "'' {}",
        "' '",
    ] {
        for quote in ["", "-q "] {
            let values = if command.contains('X') {
                "::: A"
            } else {
                "::: a 'b c'"
            };
            cases.push(case(&format!("-k -j1 {quote}{command} {values}")).leaves("file"));
        }
    }
    cases
}

/// Values that make up the command itself are not quoted; values given to a variable are.
fn first_words() -> Vec<Case> {
    let commands = [
        "'{} y'",
        "'x{} y'",
        "'{}; y'",
        "'V={}; y'",
        "'V={} y {}'",
        "'V={}{}'",
        "'{}=x y'",
        "'(echo {})'",
        "'({})'",
        "'>{} y'",
        "'2>{} y'",
        "' {} y'",
        "'a\t{}'",
        "'a\n{}'",
        "'\"{}\" y'",
        "'\"a {}\" y'",
        "'./{} {}'",
        "'{#} {}'",
        "'p{#} {}'",
        "'{/}{.} {//}'",
        "'$x{} {}'",
        "'a\\ {}'",
        "'{1} {2}'",
        "'V={1} {2}'",
        "'a:{} y'",
        "'{} | y'",
        "'a;{} y'",
    ];
    let dry = |command: &&str| case(&format!("-k --dry-run {command} ::: 'a b' '$c;d'"));
    let quoted = |command: &&str| case(&format!("-k --dry-run -q {command} ::: 'a b' '$c;d'"));
    commands
        .iter()
        .map(dry)
        .chain(commands.iter().map(quoted))
        .collect()
}
