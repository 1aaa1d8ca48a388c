//! The `fanout` program.

fn main() {}
