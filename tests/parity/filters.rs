//! `--filter`, and `--template`.

use crate::case::{Case, case};

/// Conditions on the inputs 1, 2, 0 and 'a b'.
const CONDITIONS: &[&str] = &[
    "{} > 1",
    "{} eq 2",
    "\"{}\" eq \"a b\"",
    "length(\"{}\") > 2",
    "{#} > 2",
    "{%} == 1",
    "1",
    "0",
    "",
    "0E0",
    "die 5",
    "seq()",
    "$arg[1]",
    "$job",
    "{= $_ =} > 1",
    "{= $_ > 1 =}",
    "\"{}\" =~ /a/ ; 0",
    "\"{.}{/}\" ne \"22\"",
];

const TEMPLATE: &str = "all {} stem {.} expr {= $_ = \"z\" =} second {2} seq {#}\nname {n}\n";

pub fn cases() -> Vec<Case> {
    let mut cases = Vec::new();
    for condition in CONDITIONS {
        let line =
            format!("-j1 --joblog log --filter '{condition}' echo {{#}}:{{}} ::: 1 2 0 'a b'");
        // Some of what is evaluated is no Perl, about which perl has something to say.
        let line = case(&line).joblog("log").leaves_out();
        cases.push(line.stderr_ignored("perl's words"));
    }
    cases.extend([
        case("-j1 --filter '{1} < {2}' echo {1}-{2} ::: 1 2 3 ::: 1 2 3").leaves_out(),
        case("-j1 --filter '{1}+{2} < 9' --filter '{1}>2' echo ::: 1 3 5 ::: 2 4 6").leaves_out(),
        case("-j1 --filter '{1}>1' -n2 echo ::: 1 2 3").leaves_out(),
        case("-j1 --filter '{2}>1' -n2 echo ::: 1 2 3").leaves_out(),
        case("-j1 --dry-run --filter '{}>1' echo ::: 1 2 3"),
        case("-j1 --halt now,fail=1 --filter 0 echo ::: 1 2"),
        case("-j1 --halt soon,fail=1 --filter 0 echo ::: 1 2"),
        case("-j1 --halt now,success=1 --filter '{}>1' echo ::: 1 2 3"),
        case("-j1 --retries 3 --filter 0 --joblog log echo ::: 1")
            .joblog("log")
            .leaves_out(),
        case("-j1 -k --filter {} --tag echo ::: 1 0 2").leaves_out(),
        case("-j1 --filter {2} --colsep , echo {1} ::: a,1 b,0").leaves_out(),
        case("-j1 --filter '{a}' --header : echo {a} ::: a 1 0").leaves_out(),
        case("-j1 -v --filter {} echo ::: 1 0"),
        case("-j1 -t --filter {} echo ::: 1 0"),
        case("-j1 --plus --filter '\"{..}\" eq \"x\"' echo ::: x.c.d y.c.d").leaves_out(),
        case("-j1 --rpl '{h} s/x/1/' --filter '{h}' echo ::: x 0").leaves_out(),
        case("-j1 --skip-first-line --filter '{}' echo ::: 0 1 2").leaves_out(),
        case("-j1 --pipe --filter 0 cat").stdin("a\n").leaves_out(),
        case("-j1 --template t=o.{#} true ::: 'a b' x.y")
            .file("t", TEMPLATE)
            .leaves("o.1")
            .leaves("o.2"),
        case("-j1 --tmpl t=o.{#} --dry-run echo ::: 'a b'")
            .file("t", TEMPLATE)
            .leaves("o.1"),
        case("-j1 --tmpl t=o.{1} --filter 0 cat o.{1} ::: a ::: b c")
            .leaves_out()
            .file("t", TEMPLATE)
            .leaves("o.a"),
        case("-j1 --tmpl t=p.{1} --tmpl u=q.{1} 'cat p.{1}; cat q.{1}' ::: a b")
            .file("t", TEMPLATE)
            .file("u", "{}\0{}")
            .leaves("q.b"),
        case("-j1 --header : --tmpl t={#}.t cat {#}.t ::: n 1 2 ::: m x y")
            .file("t", TEMPLATE)
            .leaves("4.t"),
        case("-j1 --cleanup --tmpl t=o.{#} 'cat o.{#}; ls' ::: a b")
            .file("t", TEMPLATE)
            .leaves("o.1"),
        case("-j1 --pipe --tmpl t=o.{#} cat - o.{#}")
            .file("t", TEMPLATE)
            .stdin("a\n"),
        case("--tmpl t=d/o.{#} echo ::: a")
            .file("t", TEMPLATE)
            .names(&["'d/o.1'"]),
        case("--tmpl nosuch=o.{#} echo ::: a").names(&["'nosuch'"]),
        case("--tmpl t echo ::: a")
            .file("t", TEMPLATE)
            .names(&["'t'"]),
    ]);
    cases
}
