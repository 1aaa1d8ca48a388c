//! What is promised when things go wrong, tried again and again: fanout killed at any moment, each system call failing,
//! a million jobs.
//!
//! Each test is bounded to about a minute here and goes on for long where the environment asks for it:
//!
//! | variable | what it sets |
//! |---|---|
//! | `FANOUT_TEST_SEED` | the seed of what is drawn at random; a failing test prints its own |
//! | `FANOUT_TEST_KILLS` | how many moments fanout is killed at (`crash`) |
//! | `FANOUT_TEST_FAULTS` | `all`: each failure at each place, or a share of them, `2/5` (`faults`) |

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::format_collect)]
#![allow(missing_docs, unreachable_pub, dead_code)]

mod crash;
mod faults;
mod limits;
mod promises;
mod scene;
mod soak;
#[path = "../support/mod.rs"]
mod support;
mod ways;

/// A number from the environment, or what is usual.
fn from_environment(name: &str, usual: u64) -> u64 {
    std::env::var(name).map_or(usual, |value| value.parse().expect(name))
}

/// The seed of what a test draws at random.
fn seed() -> u64 {
    let seed = from_environment("FANOUT_TEST_SEED", 1);
    eprintln!("FANOUT_TEST_SEED={seed}");
    seed
}
