//! What reaches stdout and stderr: order, groups, tags, `-v`, `-t`, `--dry-run`.

use crate::case::{Case, case};

/// Options that change what is printed.
const OPTIONS: &[&str] = &[
    "-j1",
    "-k",
    "-k -j3",
    "-j1 -u",
    "-j1 --group",
    "-k --tag",
    "-k --tagstring 'T {}'",
    "-k --tagstring {#}",
    "-k --tagstring ''",
    "-k -v",
    "-j1 -t",
    "-k -v --tag",
    "-j1 -t --tag",
    "-k --dry-run",
    "-k --dry-run -v",
    "-k --dry-run --tag",
    "-j1 -u --tag",
    "-k -v -v",
    "-k -vv",
    "-j1 -t -v",
    "-j1 --verbose",
    "-j1 --ungroup",
    "-j1 --verbose -u",
    "-k -q",
    "-k --tag --dry-run -q",
    "-j1 -u -t",
];

/// Jobs that print in ways that are easily garbled.
const COMMANDS: &[&str] = &[
    "'echo {}; echo e{} >&2' ::: a b c",
    "'printf {}' ::: 'no newline' 'two\\nlines' ''",
    "'printf \"%b\" {}' ::: 'a\\n\\nb\\n' '\\n' 'x\\r\\ny'",
    "'sleep 0.{}; echo {}' ::: 3 2 1",
    "'echo {} >&2; exit 1' ::: a",
];

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for options in OPTIONS {
        for command in COMMANDS {
            // Without -k, jobs that overlap may end in any order.
            let ordered = options.contains("-k") || options.contains("-j1");
            if ordered && !(options.contains("-q") && command.contains('%')) {
                cases.push(case(&format!("{options} {command}")));
            }
        }
    }
    cases.extend(
        [
            "-k 'seq {}' ::: 1000 20000 3",
            "-k --tag 'seq {}' ::: 1000 20000 3",
            "-k 'head -c {} /dev/zero' ::: 70000 1 0 300000",
            "-k --tag 'head -c {} /dev/zero' ::: 7 0",
            "-k 'cat /proc/self/stat >/dev/null; printf \"\\377\\376\\000{}\"' ::: a b",
            "-k --tag 'printf \"\\377\\n\\000\\n\"' ::: a b",
            "-k 'echo a; echo b >&2; echo c' ::: 1",
            "-k --tag 'echo -n {}; echo -n e{} >&2' ::: a b",
            "-k --tag echo ::: 'a b' 'tab\there' ''",
            "-k --tagstring '{}\\\\t{#}' echo x ::: a",
            "-k --tagstring 'a\tb' echo x ::: a",
            "-k --tagstring '{2}{1}' echo x ::: a b ::: c",
            "-k --tagstring '{/.}:{//}' echo x ::: d/e.f g",
            "-k --tagstring '$HOME' echo x ::: a",
            "-k --tagstring \"it's {}\" echo x ::: 'b c'",
            "-k --tagstring '\\033[1m{}\\0\\1\\07' echo x ::: a",
            "-k --tagstring '{' echo x ::: a",
            "-k --tagstring %s echo x ::: a",
            "-k --tag -N2 echo ::: a b c",
            "-k --tag echo ::: a b ::: 1 2",
            "-j1 'exec 1>&-; echo {}' ::: a",
            "-k '(sleep 0.3; echo late {}) & echo now {}' ::: a b",
            "-k 'echo {}' ::: a >/dev/null",
            "--dry-run -j1 echo ::: a b c",
            "--dry-run echo ::: 'a  b' \"it's\"",
            "-k --dry-run 'echo \"{}\" | cat' ::: 'a b'",
            "-k -t echo ::: 'a b'",
            "-k --tag 'yes {} | head -c 200000' ::: a b",
            "-u -j1 --tagstring x 'echo {}; echo e >&2' ::: a b",
            "-k --tag --group 'printf \\\\n' ::: a",
            "-u -k -j1 'echo {}' ::: a b c",
            "-u --group -j1 'echo {}; echo e >&2' ::: a b c",
            "-k --tag --dry-run -v echo ::: 'a b'",
            "--dry-run -k -t echo ::: 'a b'",
            "-k --tagstring '{1} {2} {3}' echo ::: a ::: b",
            "-k --tag 'echo; echo' ::: 'a\tb' 'c'",
            "-k 'exec >/dev/null; echo {}' ::: a",
            "-k 'echo {} | tee /dev/stderr' ::: a b",
            "-k -v -j1 'exit {}' ::: 0 1",
            "-t -k -j4 'sleep 0.{}' ::: 4 3 2 1 4 3 2 1",
            "-v --lb -k -j2 'sleep 0.{}; echo {}' ::: 3 1 1 2",
            "-v --lb -j1 true ::: 1 2",
        ]
        .map(case),
    );
    cases
}
