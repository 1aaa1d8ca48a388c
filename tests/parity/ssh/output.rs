//! What comes back from other hosts: output, tags, logs, files of results.

use super::pretended;
use crate::case::{Case, case};

pub fn cases() -> Vec<Case> {
    let mut cases = pretended(&[
        "-S 2/h1 -k echo ::: a b c d e f",
        "-S 1/h1 echo {} {#} {%} {.} ::: a.b c.d",
        "-S 2/h1 -k --tag echo ::: a b",
        "-S 2/h1 -k --tag 'echo {}; echo e{} >&2' ::: a b",
        "-S 2/h1 -k --tagstring '{#}:' echo ::: a b",
        "-S 1/h1 -u echo ::: a b",
        "-S 1/h1 --lb echo ::: a b",
        "-S 1/h1 --lb --tag 'echo a{}; echo b{}' ::: a b",
        "-S 1/h1 --group 'echo a{}; echo b{} >&2' ::: a b",
        "-S 1/h1 'printf %s {}' ::: a b",
        "-S 1/h1 -k 'seq 10000 | tail -n {}' ::: 1 3000",
        "-S 1/h1 'printf \"a\\000b\\377\"; echo' ::: a",
        "-S 1/h1 true ::: a b",
        "-S 1/h1 --compress echo ::: a b",
        "-S 1/h1 --color-failed false ::: a",
        "-S 1/h1 --nice 10 'nice; echo {}' ::: a",
        "-S 2/h1 -j50% 'echo {%} {}' ::: 1 2 3",
        "-S 2/h1 -j-1 'echo {%} {}' ::: 1 2 3",
        "-S 1/h1 -j+1 -k echo ::: 1 2 3",
        "-S 2/h1 -j100% -k echo ::: 1 2 3",
        "-S 2/h1,2/h2 -j1 -k echo ::: 1 2 3",
        "-S 1/h1 'echo $PARALLEL_SEQ $PARALLEL_JOBSLOT $PARALLEL_SSHHOST $PARALLEL_SSHLOGIN' ::: a b",
        "-S 1/h1 'test -n \"$PARALLEL_PID\" && echo set' ::: a",
        "-S 1/h1 'test -n \"$PARALLEL_TMP\" && echo set; echo $PARALLEL' ::: a",
        "-S 1/h1 'echo $USER $HOME $SHELL $TEST_HOST' ::: a",
        "-S 1/h1 pwd ::: a",
        "-S 1/h1 -n2 echo ::: a b c d e",
        "-S 1/h1 -N2 echo {2} {1} ::: a b c d",
        "-S 1/h1 -L1 echo ::: a b",
        "-S 1/h1 --colsep , echo {2} {1} ::: a,b c,d",
        "-S 1/h1 -k echo {1}{2} ::: a b ::: c d",
        "-S 1/h1 -k --link echo ::: a b :::+ c d",
        "-S 1/h1 --header : echo {x} ::: x a b",
        "-S 1/h1 --rpl '{up} $_=uc($_)' echo {up} ::: a b",
        "-S 1/h1 echo '{= $_++ =}' ::: 1 2",
        "-S 1/h1 -q echo 'a  b' '$HOME' '*' ::: 'c  d'",
        "-S 1/h1 echo ::: 'a  b' '$HOME' '*' \"it's\" '`x`' 'a;b' '&' '#' '\\' '!' ''",
        "-S 1/h1 'echo {} | tr a-z A-Z' ::: abc",
        "-S 1/h1 'for i in 1 2; do echo $i {}; done' ::: a",
        "-S 1/h1 'echo a\necho {}' ::: b",
        "-S 1/h1 'echo {}' ::: 'a\nb'",
        "-S 1/h1 ::: 'echo a' 'echo b >&2' 'exit 3'",
        "-S 1/h1 -k ::: pwd 'cd /; pwd'",
        "-S 1/h1 --delay 0.05 -k echo ::: a b",
        "-S 1/h1 --sshdelay 0.05 -k echo ::: a b",
        "-S 1/h1 -M echo ::: a",
        "-S 1/h1 --use-cores-instead-of-threads echo ::: a",
        "-S 1/h1 --use-sockets-instead-of-threads echo ::: a",
        "-S 1/h1 --use-cpus-instead-of-cores echo ::: a",
        "-S 1/h1 --shellquote ::: 'a b'",
        "-S 1/h1 -k echo {} :::: in",
        "-S 1/h1 -a in -k echo",
        "-S 1/h1 -k --trim lr echo ::: ' a ' 'b '",
    ]);
    for case in &mut cases {
        if case.name.contains("in -k") || case.name.contains(":::: in") {
            case.files.push(("in".to_owned(), b"x\ny\n".to_vec()));
        }
    }
    cases.extend([
        case("-S 1/h1 -k echo").stdin("a\nb\n").with_hosts(),
        case("-S 1/h1 -k -0 echo").stdin("a\0b").with_hosts(),
        case("-S 1/h1 -r echo").stdin("").with_hosts(),
        case("-S 1/h1 echo").stdin("").with_hosts(),
        case("-S 1/h1 cat ::: a").stdin("first job's").with_hosts(),
        case("-S 1/h1 -j1 --joblog log echo ::: a b")
            .joblog("log")
            .with_hosts(),
        case("-S 1/me@h1:22 -j1 --joblog log 'echo {}; exit {}' ::: 0 3")
            .joblog("log")
            .with_hosts(),
        case("-S 1/::1p22 -j1 --joblog log 'seq {}' ::: 9 15")
            .joblog("log")
            .with_hosts(),
        case("-S 1/h1 -j1 --results out 'echo {}; echo e{} >&2' ::: a b")
            .tree()
            .with_hosts(),
        case("-S 1/h1 -k --results out/{} echo ::: a b")
            .tree()
            .with_hosts(),
        case("-S 1/h1 -j1 --results out.csv echo ::: a b")
            .tree()
            .with_hosts(),
        case("-S 1/h1 -j1 --results out.tsv echo ::: a b")
            .tree()
            .with_hosts(),
        case("-S 1/h1 -j1 --resume --joblog log echo ::: a b c")
            .file(
                "log",
                "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n\
                 1\th1\t1700000000.000\t     0.010\t0\t2\t0\t0\techo a\n",
            )
            .joblog("log")
            .with_hosts(),
        case("-S 1/h1 -j1 --resume-failed --joblog log echo ::: a b c")
            .file(
                "log",
                "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n\
                 1\th2\t1700000000.000\t     0.010\t0\t2\t1\t0\techo a\n",
            )
            .joblog("log")
            .with_hosts(),
        case("-k echo ::: a")
            .named("hosts in $PARALLEL")
            .env("PARALLEL", "-S 1/h1 --tag")
            .with_hosts(),
    ]);
    cases
}
