//! The parts of a job's life that fanout itself pays for, one at a time: `cargo bench --bench parts`.

#![allow(missing_docs)]

fn main() {}
