//! Options on hosts, as far as they concern the one host that there is.

use crate::case::{Case, case};

pub fn cases() -> Vec<Case> {
    let mut cases: Vec<_> = [
        "-k -S : echo ::: a b",
        "-k -S 2/: --tag echo ::: a b",
        "-k -S 1/:,: echo ::: a b",
        "-k --sshlogin : --sshlogin 2/: echo ::: a",
        "-S 4/: --dry-run echo {%} ::: a",
        "--onall -S : echo ::: a b",
        "--onall --tag -S : echo ::: a b",
        "--onall -k --tag echo {1} {2} ::: a b ::: c d",
        "--onall -v echo ::: x y",
        "--onall -j4 'echo {%} {#}' ::: 3 1",
        "--onall 'exit {}' ::: 0 2 3",
        "--nonall -S : echo x",
        "--nonall --tag echo x",
        "--nonall 'echo {#} {%} {}'",
        "--nonall 'exit 3'",
        "--nonall -v echo x",
        "--nonall echo {} ::: a b",
        "--return {}.x echo ::: a",
        "--transfer echo ::: a",
        "--transferfile {} echo ::: a",
        "--trc {}.y echo ::: a",
        "--cleanup echo ::: a",
        "--basefile f echo ::: a",
        "--return x --transfer echo ::: a",
        "--cleanup --bf x echo ::: a",
        "-M echo ::: a",
        "--filter-hosts -S : echo ::: a",
        "--ssh foo echo ::: a",
        "--rsync-opts x echo ::: a",
        "--sshdelay 0.01 echo ::: a",
    ]
    .map(case)
    .into();
    cases.extend([
        case("--slf slf echo ::: a").file("slf", ":\n"),
        case("--sshloginfile slf --dry-run echo ::: a").file("slf", "# ours\n2/:\n\n"),
        case("--slf /dev/null echo ::: a"),
        case("--slf nofile echo ::: a").names(&["nofile"]),
        case("-S 0/: echo ::: a").names(&["0/:"]),
        case("--nonall cat").stdin("not for it"),
        case("--onall echo").stdin("a\nb\n"),
    ]);
    cases
}
