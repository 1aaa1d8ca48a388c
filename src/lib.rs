//! fanout: one command, many inputs, all cores.
//!
//! The library serves the `fanout` binary, its tests and its benches; it promises no stable API.
//! Imports go strictly downward, and modules of one layer do not import each other:
//!
//! | layer | modules | what is there |
//! |---|---|---|
//! | 6 | `cli` | what was typed, resolved into a plan |
//! | 4 | `run` | policy: when a job starts, is tried again, or the run ends |
//! | 3 | `job`, `engine`, `report` | records to jobs; processes; output and JSON |
//! | 2 | `input`, `template`, `ledger` | reading inputs; rendering commands; joblog formats |
//! | 1 | `model` | jobs, outcomes, events: data only |
//! | 0 | `sys` | the kernel's side |

#![cfg_attr(test, allow(clippy::unwrap_used, clippy::expect_used))]

pub mod cli;
pub mod engine;
pub mod input;
pub mod job;
pub mod ledger;
pub mod model;
pub mod report;
pub mod run;
pub mod sys;
pub mod template;
