//! `{}`, `{.}`, `{/}`, `{//}`, `{/.}`, `{#}`, `{%}`, and their positional forms.

use crate::case::{Case, case};
use crate::values::PATHS;

const KINDS: &[&str] = &["", ".", "/", "//", "/."];

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for kind in KINDS {
        let line = format!("-k --dry-run echo {{{kind}}} x{{{kind}}}y {{1{kind}}} {{2{kind}}} :::");
        cases.push(case(&line).named("paths").args(PATHS));
        let line = format!("-k --dry-run -q echo {{{kind}}} {{{kind}}}.z :::");
        cases.push(case(&line).named("paths").args(PATHS));
        let line = format!(
            "-k --dry-run echo {{1{kind}}} {{2{kind}}} {{3{kind}}} ::: d/a.b ::: /e/f.g.h i"
        );
        cases.push(case(&line));
        let line = format!(
            "-k -N3 --dry-run echo {{{kind}}} {{3{kind}}} {{2{kind}}} ::: d/a.b c.d/e f. g h/i.j"
        );
        cases.push(case(&line));
        let line = format!("-k --tagstring '{{{kind}}}' echo x ::: d/a.b 'c d.e' f/");
        cases.push(case(&line));
        cases.push(case(&format!("-k echo {{{kind}}}")).named("nasty").args([
            ":::",
            "d d/a b.c d",
            "$HOME/x.$y",
            "'q'/'r'.'s'",
            "*/?.[a]",
            "-n/-e.-x",
            "a\n/b\n.c\n",
            "~/~.~",
        ]));
    }
    cases.extend(
        [
            "-k echo {#} ::: a b c",
            "-k echo {} {#} {} ::: a b c",
            "-k -N2 echo {#} {1} ::: a b c",
            "-k -j1 echo {%} {} ::: a b c",
            "-k --dry-run echo {%} ::: a",
            "-k --tagstring '{#}-{%}' -j1 echo ::: a b",
            "-k echo {1}{2}{1} ::: a b ::: c",
            "-k echo {10} {1} ::: a",
            "-k echo {1} {10} {2} ::: a ::: b ::: c ::: d ::: e ::: f ::: g ::: h ::: i ::: j",
            "-k echo {0} ::: a",
            "-k echo {01} ::: a",
            "-k echo '{ }' ::: a",
            "-k echo {a} ::: a",
            "-k echo {1a} ::: a",
            "-k echo {..} ::: a.b.c",
            "-k echo {...} ::: a.b.c",
            "-k echo {{}} ::: a",
            "-k echo {{1}} ::: a",
            "-k echo '{}{}{.}{/}' ::: d/a.b",
            "-k echo {}} {{} ::: a",
            "-k echo {.}{.} ::: a.b.c",
            "-k echo '$'{} ::: HOME",
            "-k echo \\\\{} ::: a",
            "-k {} ::: 'echo a' true",
            "-k {} x ::: echo 'echo y'",
            "-k {1} {2} ::: echo 'printf %s' ::: x y",
            "-k 'echo {}' {} ::: a",
            "-k 'echo \"{}\"' ::: 'a b' 'c\"d'",
            "-k \"echo '{}'\" ::: 'a b' c",
            "-k 'echo {#} {#}' ::: a",
            "-k echo {/}.{/.} ::: /x/y.z",
            "-k echo {//}/{/.}.new ::: x/y.z /y.z y.z",
            "-k cd {//} '&&' basename {/} ::: ./x",
            "-k --dry-run echo {1.} {1/} {1//} {1/.} ::: d.d/a.b",
            "-k --dry-run echo {2.} {2/} {2//} {2/.} ::: x ::: d.d/a.b",
            "-k --dry-run echo {2} ::: a b",
            "-k --dry-run echo {2} {} ::: a b",
            "-k --dry-run echo no replacement here ::: a 'b c'",
            "-k --dry-run echo {#} only ::: a b",
            "-k -j1 --dry-run echo {%} only ::: a b",
            "-k --dry-run 'echo {' ::: a",
            "-k --dry-run 'echo }' ::: a",
            "-k --dry-run 'echo {}' 'b c' ::: a",
            "-k --dry-run 'a;' 'b|c' ::: 'x y'",
        ]
        .map(case),
    );
    // The environment of a job.
    cases.extend(
        [
            "-k -j1 'echo $PARALLEL_SEQ $PARALLEL_JOBSLOT' ::: a b",
            "-k -j1 'test $PARALLEL_PID -gt 1 && echo yes' ::: a",
            "-k -j1 'env | grep ^PARALLEL | cut -d= -f1 | sort' ::: a",
            "-k -j2 'env | grep ^PARALLEL_ | grep -v -e HOME= -e PID= -e _TMP= | sort #' ::: a",
            "-k -j1 --rsync-opts -x 'echo $PARALLEL_RSYNC_OPTS #' ::: a",
            "-k -j1 'echo $PARALLEL_JOBSLOT0 {}' ::: a b",
            "-k -j2 'sleep 0.2; echo $PARALLEL_JOBSLOT0 {}' ::: a b",
            "-k -j1 --process-slot-var S 'echo $S. $PARALLEL_JOBSLOT0. {}' ::: a b",
            "-k -j1 'test -n \"$PARALLEL_TMP\" && ! test -e $PARALLEL_TMP && echo yes {}' ::: a b",
            "-k -j1 'echo $MINE' ::: a",
            "-k -j1 printenv MINE ::: a",
            "-k -j1 printenv PARALLEL_SEQ PARALLEL_JOBSLOT '#' ::: a b",
            "-k -j1 'echo $SHLVL' ::: a",
            "-k -j1 pwd '#' ::: a",
        ]
        .map(|line| case(line).env("MINE", "it is 'mine'")),
    );
    cases.extend(
        [
            ("PWD", "/x"),
            ("PARALLEL_RSYNC_OPTS", "-a"),
            ("PARALLEL_REMOTE_TMPDIR", "/x y"),
            ("PARALLEL_TMP", "x"),
            ("PARALLEL_JOBSLOT0", "9"),
        ]
        .map(|(name, value)| {
            case("-k -j1 'env | grep ^OLDPWD=; env | grep ^PARALLEL_[JR] | sort #' ::: a")
                .env(name, value)
                .named(name)
        }),
    );
    // Which shell reads the command.
    cases.extend([
        case("-k 'echo ${BASH_VERSION:+bash}' {}")
            .args([":::", "a b"])
            .env("PARALLEL_SHELL", "/bin/sh"),
        case("-k 'echo {} $0'")
            .args([":::", "a b'c"])
            .env("PARALLEL_SHELL", "/bin/dash"),
        case("-k 'nosuch {}'")
            .args([":::", "a"])
            .env("PARALLEL_SHELL", "/bin/sh"),
        case("-k nosuch")
            .args([":::", "a"])
            .env("PARALLEL_SHELL", "/bin/dash"),
    ]);
    cases
}
