//! Jobs that fail on other hosts, and hosts that fail.

use super::pretended;
use crate::case::{Case, case};

pub fn cases() -> Vec<Case> {
    let mut cases = pretended(&[
        "-S 1/h1 exit ::: 0 1 2",
        "-S 1/h1 'exit {}' ::: 3",
        "-S 1/h1 'exit {}' ::: 0 255",
        "-S 1/h1 -j1 --halt now,fail=1 'echo {}; exit {}' ::: 0 1 2",
        "-S 1/h1 -j1 --halt soon,fail=1 'echo {}; exit {}' ::: 0 1 2",
        "-S 1/h1 -j1 --halt now,success=1 'echo {}; exit {}' ::: 1 0 2",
        "-S 1/h1 -j1 --halt now,done=2 'echo {}; exit {}' ::: 1 0 2",
        "-S 1/h1 -j1 --halt 2 'echo {}; exit {}' ::: 1 0 2",
        "-S 1/h1 -j1 --retries 3 'echo {} >>tries; wc -l <tries; exit 1' ::: a",
        "-S 1/h1 -j1 --retries 2 'echo {}; exit {}' ::: 0 1",
        "-S 1/h1,1/h2 -j1 --retries 2 'echo $TEST_HOST >>../tried; sort ../tried | uniq -c; false' ::: a",
        "-S 1/h1 --timeout 1 'echo {}; sleep {}' ::: 0 30",
        "-S 1/h1 --timeout 1 --joblog log 'sleep {}' ::: 30",
        "-S 1/h1 --termseq INT,500,KILL --timeout 1 'sleep {}' ::: 30",
        "-S 1/h1 'kill -9 $$' ::: a",
        "-S 1/h1 'kill -TERM $$' ::: a",
        "-S 1/h1 --joblog log -j1 'kill -{} $$' ::: 9 15 1",
        "-S 1/h1 'echo out; echo err >&2; exit 5; : ' ::: a",
        "-S 1/h1 --nonall 'exit 3'",
    ]);
    cases.extend([
        case("-S 1/down,1/h1 --retries 3 -k echo ::: a b c")
            .stderr_ignored("which job meets the host that is down is chance")
            .with_hosts(),
        case("-S 1/down,1/h1 --filter-hosts -k 'echo $TEST_HOST {}' ::: a b c")
            .own_words()
            .with_hosts(),
        case("-S 1/down --filter-hosts echo ::: a")
            .own_words()
            .with_hosts(),
        case("-S 1/h1,1/h2 --filter-hosts -k echo ::: a b c").with_hosts(),
    ]);
    cases
}
