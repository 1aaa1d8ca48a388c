//! A table of results in a file, which is part of the run's record: rows are written where jobs end, by any thread.
//!
//! A row is made from a job's output piece by piece, wherever that is kept, so it takes no memory of its own. With `-k`
//! rows have the order of the inputs, and are written by [`Text`](super::Text) instead.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::rows::{Row, Rows, Shown};
use super::tag::Decoration;
use crate::model::{AttemptEnd, Outcome};
use crate::report::Failure;

/// Writes the rows of jobs that have ended.
#[derive(Clone, Debug)]
pub struct RowsRecord {
    rows: Arc<Mutex<Rows>>,
    around: Around,
}

/// What stands around a job's output in its row.
#[derive(Clone, Copy, Debug)]
pub struct Around {
    /// Whether the command line stands before it.
    pub echoed: bool,
    /// Whether lines have tags.
    pub tagged: bool,
}

impl RowsRecord {
    /// Of `rows`.
    pub fn new(rows: Rows, around: Around) -> Self {
        Self {
            rows: Arc::new(Mutex::new(rows)),
            around,
        }
    }

    /// Writes the rows of jobs that ended with `ends`, all in one write as far as that goes. Those whose rows are not
    /// written have lost their output from now on.
    ///
    /// # Errors
    ///
    /// When not all rows can be written; whole ones stay.
    pub fn ended(&self, ends: &mut [&mut AttemptEnd]) -> Result<(), Failure> {
        let mut rows = self.rows.lock().unwrap_or_else(PoisonError::into_inner);
        let mut first = None;
        // Those whose rows may be in the buffer, and where these end.
        let mut waiting: Vec<(usize, u64)> = Vec::new();
        for place in 0..=ends.len() {
            let written = match ends.get(place) {
                Some(end) => self.write(&mut rows, end),
                None => rows.flush(),
            };
            match written {
                Ok(()) => waiting.push((place, rows.position_and_written().0)),
                Err(failure) => {
                    let (_, written) = rows.position_and_written();
                    let lost = waiting.drain(..).filter(|(_, end)| *end > written);
                    for place in lost.map(|(place, _)| place).chain([place]) {
                        if let Some(end) = ends.get_mut(place) {
                            end.lose_output(&failure);
                        }
                    }
                    first.get_or_insert(failure);
                }
            }
        }
        first.map_or(Ok(()), Err)
    }

    fn write(&self, rows: &mut MutexGuard<'_, Rows>, end: &AttemptEnd) -> Result<(), Failure> {
        if is_left_out(end) {
            return Ok(());
        }
        let tag = end
            .job
            .command
            .tag
            .as_deref()
            .filter(|_| self.around.tagged);
        let shown = Shown {
            job: &end.job,
            stdout: &end.stdout,
            stderr: &end.stderr,
            echoed: self.around.echoed,
            tag: &Decoration::tag(tag),
        };
        rows.write(&Row::of(end), &shown)
    }
}

/// Whether nothing is shown of a job that ended with `end`.
pub(super) fn is_left_out(end: &AttemptEnd) -> bool {
    match end.outcome {
        Outcome::Cancelled { .. } => true,
        _ => end.outcome.is_left_out() || end.had_no_share(),
    }
}
