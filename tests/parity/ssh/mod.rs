//! Jobs on other hosts. Most of these are pretended by a script in ssh's place, which is quick; a sample runs over
//! ssh itself, with each login shell.

mod everywhere;
mod failure;
mod logins;
mod output;
mod real;
mod streams;

use crate::case::{Case, case};

pub fn cases() -> Vec<Case> {
    [
        logins::cases(),
        output::cases(),
        failure::cases(),
        streams::cases(),
        everywhere::cases(),
        real::cases(),
    ]
    .into_iter()
    .flatten()
    .collect()
}

/// Cases with hosts that a script pretends.
fn pretended(lines: &[&str]) -> Vec<Case> {
    lines.iter().map(|line| case(line).with_hosts()).collect()
}
