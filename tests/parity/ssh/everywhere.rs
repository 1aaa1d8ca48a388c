//! The same on each host: `--onall`, `--nonall`, and what a run takes along of its environment.

use super::pretended;
use crate::case::{Case, case};

pub fn cases() -> Vec<Case> {
    let mut cases = pretended(&[
        "-S 1/h1 --nonall 'echo $TEST_HOST'",
        "-S 1/h1 --nonall -v echo x",
        "-S 1/h1 --nonall 'echo {}' ::: a b",
        "-S 1/h1 --nonall 'echo $PARALLEL_SEQ $PARALLEL_SSHHOST $PARALLEL_SSHLOGIN'",
        "-S 1/h1 --nonall 'echo out; echo err >&2'",
        "-S 1/h1 --nonall --wd w pwd",
        "-S h1 --nonall echo x",
        "-S 1/h1 --nonall --tag echo x",
        "-S 1/me@h1:22 --nonall --tag echo x",
        "-S 1/h1 --nonall --tag 'echo {}; echo e{} >&2' ::: a",
        "-S h1,h2 --nonall 'echo same'",
        "-S h1,h2 --nonall 'exit 2'",
        "-S h1,h2 --nonall -j1 'echo same'",
        "-S 1/h1,1/: --nonall 'echo same'",
        "-S h1,h2,h3 --onall 'echo {}' ::: same",
        "-S h1,h2,h3 --onall 'echo {} {#}' ::: x y z",
        "-S h1,h2 --onall 'exit {}' ::: 0 3 4",
        "-S h1,h2,h3 --onall 'test $TEST_HOST = h2 -o {} = a' ::: a b c",
        "-S 1/h1 --onall --tag -k echo ::: a b",
        "-S 1/h1 --onall --tag -k 'echo {}; echo e{} >&2' ::: a b",
        "-S @g/h1,@h/h2 -S @g --nonall --tag echo x",
        "-S @g/h1,@h/h2 -S @g --onall --tag echo ::: x y",
        "-S 1/h1 --onall -k echo ::: a b",
        "-S 1/h1 --onall -k echo {1}{2} ::: a b ::: c d",
        "-S 1/h1 --onall -k 'echo $PARALLEL_SEQ {#} {%}' ::: a b",
        "-S 1/h1 --onall 'exit {}' ::: 0 3 4",
        "-S 1/h1 --onall -v echo ::: a b",
        "-S 1/h1 --onall -q echo ::: 'a  b' '$x'",
        "-S 1/h1 --onall echo ::: 'a  b' '$x' \"it's\"",
        "-S 1/h1 --onall --colsep , echo {2} ::: a,b",
        "-S 1/h1 --env V 'echo $V' ::: a",
        "-S 1/h1 'echo [$V]' ::: a",
        "-S 1/h1 --env V,W 'echo $V $W {}' ::: a",
        "-S 1/h1 --env f f ::: a b",
        "-S 1/h1 --env f --env V 'f {}; echo $V' ::: a",
        "-S 1/h1 --env f,W 'f $W {}' ::: a",
        "-S 1/h1 --env V --env W 'echo $V $W' ::: a",
        "-S 1/h1 --env ODD 'echo \"$ODD\"' ::: a",
        "-S 1/h1 --env MISSING 'echo [$MISSING]' ::: a",
        "-S 1/h1 --nonall --env V 'echo $V'",
        "-S 1/h1 --onall --env V 'echo $V {}' ::: a",
        "-S zsh --env V 'echo $V' ::: a",
        "-S 1/fish --env V 'echo $V' ::: a",
        "-S 1/tcsh --env V 'echo $V' ::: a",
    ]);
    for case in &mut cases {
        for (name, value) in [
            ("V", "value"),
            ("W", "two  words"),
            ("ODD", "it's \"$odd\" \\ `x`\nline"),
            ("BASH_FUNC_f%%", "() {  echo in f: \"$@\"\n}"),
        ] {
            case.env.push((name.to_owned(), value.to_owned()));
        }
    }
    cases.extend([
        case("-S 1/h1 --onall cat ::: a")
            .stdin("input\n")
            .with_hosts(),
        case("-S 1/h1 --nonall cat").stdin("input\n").with_hosts(),
        case("-S 1/h1 --onall -k echo").stdin("a\nb\n").with_hosts(),
        case("-S h1,h2 --onall -k echo")
            .stdin("a\nb\n")
            .with_hosts(),
        case("-S h1,down --nonall echo x")
            .stderr_ignored("ssh's words are a warning here, which names the host")
            .with_hosts(),
        case("-S h1,down --onall echo ::: x y")
            .stderr_ignored("ssh's words are a warning here, which names the host")
            .with_hosts(),
        case("-S down --nonall echo")
            .stderr_ignored("ssh's words are a warning here, which names the host")
            .with_hosts(),
    ]);
    cases
}
