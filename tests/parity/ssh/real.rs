//! The sample that runs over ssh itself.

use crate::case::{Case, case};
use crate::remote::SHELLS;

/// Arguments and commands that each login shell would read in its own way, if it were asked.
const ODD: [&str; 6] = [
    "echo {} ::: 'a  b' '$HOME' '*' \"it's\" 'a\"b' 'back\\slash' '!x' '~' '{a,b}' '%s' ''",
    "'echo $((1+1)) \"$PARALLEL_SEQ\" {}' ::: a",
    "'for i in 1 2; do echo $i-{}; done' ::: a",
    "'echo {} >&2; exit 3' ::: 'a;b'",
    "-q echo '$x' 'a  b' '\"' ::: 'c|d'",
    "--env V 'echo \"$V\"' ::: a",
];

/// A case with hosts that are reached by ssh, where jobs run in bash whatever the login shell is.
fn real(line: &str) -> Case {
    case(line)
        .env("PARALLEL_SHELL", "/bin/bash")
        .with_real_hosts()
}

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for shell in SHELLS {
        cases.extend(
            ODD.iter()
                .map(|line| real(&format!("-S 1/{shell} -k {line}")).env("V", "it's $V \"x\"\ty")),
        );
        cases.push(real(&format!("-S 1/{shell} --pipe -k -N2 cat -n")).stdin("a\nb\nc\n"));
    }
    cases.extend(
        [
            "-S bash,zsh --onall --tag -j1 'true {}' ::: a",
            "-S 1/bash,1/: -k echo ::: a b c d",
            "-S 1/sh -M -k echo ::: a b",
            "-S 1/bash --timeout 2 'sleep {}; echo {}' ::: 0 30",
        ]
        .map(real),
    );
    // In the login shell of the host.
    cases.extend(
        [
            "-S 1/zsh -k 'echo {} $0 | cut -d/ -f1' ::: 'a  b'",
            "-S 1/fish -k echo {} ::: 'a  b' '$HOME' \"it's\" '(x)'",
            "-S 1/fish -k 'set x {}; echo $x' ::: 'a  b'",
            "-S 1/sh -k 'echo {} $((2+2))' ::: 'a  b'",
        ]
        .map(|line| case(line).with_real_hosts()),
    );
    cases
}
