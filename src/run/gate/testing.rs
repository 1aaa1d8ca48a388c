//! An engine that only notes what gates do to its jobs.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use crate::engine::{Attempt, Engine, Running, never_ran};
use crate::model::{ArgList, Job, KilledBy, Outcome};

/// What was done to a job.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Done {
    Ended(u64),
    Signaled(Option<u64>, i32),
}

/// Jobs that run, each a second younger than the one before.
pub(super) struct Crew {
    running: Vec<Running>,
    done: Mutex<Vec<Done>>,
}

impl Crew {
    pub(super) fn new(seqs: &[u64]) -> Self {
        let begin = Instant::now();
        let running = seqs.iter().map(|&seq| Running {
            job: Arc::clone(&never_ran(&attempt(seq), Outcome::Lost(None)).job),
            since: begin + Duration::from_secs(seq),
        });
        Self {
            running: running.collect(),
            done: Mutex::default(),
        }
    }

    pub(super) fn done(&self) -> Vec<Done> {
        std::mem::take(&mut *self.done.lock().unwrap())
    }
}

fn attempt(seq: u64) -> Attempt {
    let args = ArgList::new();
    Attempt {
        job: Job {
            seq,
            args,
            stdin: None,
            after_all: false,
        },
        number: 1,
        max: None,
        queued_at: std::time::SystemTime::now(),
    }
}

impl Engine for Crew {
    fn submit(&self, _: Vec<Attempt>) {}

    fn close(&self) -> Vec<Attempt> {
        Vec::new()
    }

    fn running(&self) -> Vec<Running> {
        self.running.clone()
    }

    fn end(&self, seq: u64, by: KilledBy) {
        assert_eq!(by, KilledBy::Memory);
        self.done.lock().unwrap().push(Done::Ended(seq));
    }

    fn signal(&self, seq: Option<u64>, signal: i32) {
        self.done.lock().unwrap().push(Done::Signaled(seq, signal));
    }

    fn limit_time(&self, _: Option<Duration>) {}

    fn kill(&self, _: KilledBy) {}
}
