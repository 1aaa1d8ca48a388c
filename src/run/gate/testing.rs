//! Jobs for gates to look after.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::engine::{Attempt, Running, unstarted};
use crate::model::{ArgList, Outcome};

/// Jobs that run, each a second younger than the one before.
pub(super) fn running(seqs: &[u64]) -> Vec<Running> {
    let begin = Instant::now();
    let running = seqs.iter().map(|&seq| Running {
        job: Arc::clone(&unstarted(&attempt(seq), Outcome::Lost(None)).job),
        since: begin + Duration::from_secs(seq),
    });
    running.collect()
}

fn attempt(seq: u64) -> Attempt {
    Attempt::only(seq, ArgList::new())
}
