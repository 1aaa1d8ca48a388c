//! The rows that this worker has taken and not finished yet.
//!
//! The input takes rows and gives them out as jobs; the report thread writes what became of them. As few are
//! taken ahead as keep the slots busy, so that other workers get their share.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::sqlite::Table;
use super::{Finished, Row, SqlError};

/// Rows for so much time are taken ahead.
const AHEAD: f64 = 0.2;
/// And never more than so many.
const MOST: usize = 2048;

/// What was taken, shared by those who take and those who finish.
#[derive(Debug)]
pub struct Claims {
    table: Mutex<Shared>,
    held: Mutex<Held>,
    /// Told when a row is finished.
    finished: Condvar,
    slots: usize,
}

#[derive(Debug)]
struct Shared {
    table: Table,
    /// The last row that was taken: it is looked behind it first.
    after: i64,
    /// Nothing is taken any more.
    closed: bool,
}

#[derive(Debug, Default)]
struct Held {
    /// The rows, by the number of their job.
    rows: HashMap<u64, (i64, Arc<[u8]>)>,
    /// A moving average over jobs' run times, in seconds; `None` before the first has ended.
    average: Option<f64>,
}

/// What taking has come to.
#[derive(Debug)]
pub enum Taken {
    /// These rows, at least one.
    Rows(Vec<Row>),
    /// Enough are taken for now.
    Enough,
    /// None waits.
    None,
}

impl Claims {
    /// Of `table`, for a worker with so many slots.
    pub fn new(table: Table, slots: usize) -> Self {
        Self {
            table: Mutex::new(Shared {
                table,
                after: i64::MIN,
                closed: false,
            }),
            held: Mutex::default(),
            finished: Condvar::new(),
            slots,
        }
    }

    fn table(&self) -> MutexGuard<'_, Shared> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn held(&self) -> MutexGuard<'_, Held> {
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does `act` with the table, for instance writes jobs into it.
    ///
    /// # Errors
    ///
    /// What `act` fails with.
    pub fn with_table<T>(
        &self,
        act: impl FnOnce(&mut Table) -> Result<T, SqlError>,
    ) -> Result<T, SqlError> {
        let mut shared = self.table();
        // What waits to be written is of another transaction.
        shared.table.commit()?;
        act(&mut shared.table)
    }

    /// Takes rows, if there are any and if they are wanted.
    ///
    /// # Errors
    ///
    /// When the table cannot be read, or has two rows with one number.
    pub fn take(&self) -> Result<Taken, SqlError> {
        let wanted = self.held().wanted(self.slots);
        if wanted == 0 {
            return Ok(Taken::Enough);
        }
        let mut shared = self.table();
        if shared.closed {
            return Ok(Taken::None);
        }
        let after = shared.after;
        let mut rows = shared.table.claim(after, wanted)?;
        if rows.is_empty() && after > i64::MIN {
            // Before it, rows may have been given back.
            rows = shared.table.claim(i64::MIN, wanted)?;
        }
        let Some(last) = rows.last() else {
            return Ok(Taken::None);
        };
        shared.after = last.id;
        let mut held = self.held();
        for row in &rows {
            let taken = (row.id, Arc::clone(&row.command));
            if held.rows.insert(row.seq, taken).is_some() {
                let why = format!("the table has two rows with Seq {}", row.seq);
                return Err(SqlError {
                    why,
                    missing: false,
                });
            }
        }
        Ok(Taken::Rows(rows))
    }

    /// Waits until fewer rows are held than when enough were taken.
    pub fn wait(&self) {
        let held = self.held();
        let wait = self
            .finished
            .wait_while(held, |held| held.wanted(self.slots) == 0);
        drop(wait);
    }

    /// The unrendered command of job `seq`; `None`: it is not ours.
    pub fn command(&self, seq: u64) -> Option<Arc<[u8]>> {
        self.held()
            .rows
            .get(&seq)
            .map(|(_, command)| Arc::clone(command))
    }

    /// Job `seq` is over. What became of it is written; `None`: its row waits again.
    ///
    /// # Errors
    ///
    /// When that cannot be written.
    pub fn finish(&self, seq: u64, end: Option<&Finished<'_>>) -> Result<(), SqlError> {
        let Some((id, _)) = self.held().rows.get(&seq).cloned() else {
            return Ok(());
        };
        let mut shared = self.table();
        match end {
            Some(end) => shared.table.finish(id, end)?,
            None => shared.table.release(id)?,
        }
        drop(shared);
        let mut held = self.held();
        held.rows.remove(&seq);
        if let Some(end) = end {
            held.observe(end.runtime);
        }
        drop(held);
        self.finished.notify_one();
        Ok(())
    }

    /// Makes what was written last.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn commit(&self) -> Result<(), SqlError> {
        self.table().table.commit()
    }

    /// Gives back what was taken and never finished; takes nothing any more.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn close(&self) -> Result<(), SqlError> {
        let mut shared = self.table();
        shared.closed = true;
        let left: Vec<i64> = self.held().rows.drain().map(|(_, (id, _))| id).collect();
        for id in left {
            shared.table.release(id)?;
        }
        shared.table.commit()
    }
}

impl Held {
    fn observe(&mut self, time: f64) {
        self.average = Some(
            self.average
                .map_or(time, |average| average + (time - average) / 8.0),
        );
    }

    /// How many more rows are to be taken: none as long as there is enough to do, then many at once.
    fn wanted(&self, slots: usize) -> usize {
        let ahead = self.average.map_or(0, |average| {
            let jobs = AHEAD / average.max(1e-5) * slots as f64;
            (jobs as usize).min(MOST)
        });
        let most = slots + 1 + ahead;
        let room = most.saturating_sub(self.rows.len());
        if room >= ahead / 2 { room } else { 0 }
    }
}
