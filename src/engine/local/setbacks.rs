//! What keeps an attempt from being started for a while: processes, descriptors or memory are short.

use std::io;
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use super::starts::Starting;
use super::worker::WorkerHandle;
use crate::sys::passing::{self, FIRST_PAUSE, LONGEST_PAUSE, PATIENCE};
use crate::sys::wake::{self, Wake};

/// Decides, for one attempt, whether what failed at its start is tried again, and waits until then.
#[derive(Debug)]
pub(super) struct Setbacks<'a> {
    worker: &'a WorkerHandle,
    pause: Duration,
    /// Since when nobody runs who could give something back.
    alone_since: Option<Instant>,
}

impl<'a> Setbacks<'a> {
    /// For an attempt at `worker`, which nothing has kept yet.
    pub(super) fn new(worker: &'a WorkerHandle) -> Self {
        Self {
            worker,
            pause: FIRST_PAUSE,
            alone_since: None,
        }
    }

    /// See [`WorkerHandle::may_start`].
    pub(super) fn may_start(&self) -> Starting<'a> {
        self.worker.may_start()
    }

    /// What rings when the attempt is to end.
    pub(super) fn wake(&self) -> &'a Wake {
        self.worker.wake()
    }

    /// Whether what failed with `error` is to be tried again, now. It is as long as other attempts run; after
    /// that, and where a program is being written, for [`PATIENCE`]; and never when everything is to end.
    pub(super) fn is_over_after(&mut self, error: &io::Error) -> bool {
        if !passing::is_passing(error) || self.worker.killed().is_some() {
            return false;
        }
        if self.worker.others_run() && !passing::is_being_written(error) {
            self.alone_since = None;
        } else {
            let since = *self.alone_since.get_or_insert_with(Instant::now);
            // What has just been waited for in vain is not waited for again by each attempt.
            let patience = if self.worker.starve(false) {
                PATIENCE / 25
            } else {
                PATIENCE
            };
            if since.elapsed() >= patience {
                self.worker.starve(!passing::is_being_written(error));
                return false;
            }
        }
        // A bell that cannot be watched is not worth an end.
        let _ = wake::is_readable_within(self.worker.wake().as_fd(), self.pause);
        self.pause = (self.pause * 2).min(LONGEST_PAUSE);
        self.worker.told_to_end().is_none()
    }
}
