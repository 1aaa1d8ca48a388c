//! The rows that this worker has taken and not finished yet.
//!
//! The input takes rows and gives them out as jobs; the report thread writes what became of them. As few are
//! taken ahead as keep the slots busy, so that other workers get their share.

use std::collections::HashMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use crate::model::MovingAverage;

use super::{Finished, Row, SqlError, Table, Ticket};

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
    /// Whether rows are left as they are.
    only_looks: bool,
}

#[derive(Debug)]
struct Shared {
    table: Box<dyn Table>,
    /// The last row that was taken: it is looked behind it first.
    after: i64,
    /// Rows with the number of a job that runs: of a table that was made anew, or of one with numbers twice.
    later: Vec<Row>,
    /// Finished ones that may not be written yet.
    unwritten: Vec<Ticket>,
    /// Those of which the table failed to be written, and why it did last.
    failed: Vec<Ticket>,
    why: Option<SqlError>,
    /// Nothing is taken any more.
    closed: bool,
}

#[derive(Debug, Default)]
struct Held {
    /// The rows, by the number of their job.
    rows: HashMap<u64, (Ticket, Arc<[u8]>)>,
    /// How many were finished.
    finished: u64,
    average: MovingAverage,
}

/// What taking has come to.
#[derive(Debug)]
pub enum Taken {
    /// These rows, at least one.
    Rows(Vec<Row>),
    /// Enough are taken until more are finished than these.
    Enough(u64),
    /// None waits.
    None,
}

impl Claims {
    /// Of `table`, for a worker with so many slots.
    pub fn new(table: Box<dyn Table>, slots: usize) -> Self {
        Self {
            table: Mutex::new(Shared {
                table,
                after: i64::MIN,
                later: Vec::new(),
                unwritten: Vec::new(),
                failed: Vec::new(),
                why: None,
                closed: false,
            }),
            held: Mutex::default(),
            finished: Condvar::new(),
            slots,
            only_looks: false,
        }
    }

    /// As [`new`](Self::new), and nothing is written: each row that waits is given out once and left as it is.
    #[must_use]
    pub fn only_looking(mut self, only_looks: bool) -> Self {
        self.only_looks = only_looks;
        self
    }

    /// Whether rows are left as they are.
    pub fn only_looks(&self) -> bool {
        self.only_looks
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
        act: impl FnOnce(&mut dyn Table) -> Result<T, SqlError>,
    ) -> Result<T, SqlError> {
        let mut shared = self.table();
        // What waits to be written is of another transaction.
        shared.commit()?;
        act(&mut *shared.table)
    }

    /// Takes rows, if there are any and if they are wanted.
    ///
    /// # Errors
    ///
    /// When the table cannot be read.
    pub fn take(&self) -> Result<Taken, SqlError> {
        let (wanted, finished) = {
            let held = self.held();
            (held.wanted(self.slots), held.finished)
        };
        if wanted == 0 {
            return Ok(Taken::Enough(finished));
        }
        let mut shared = self.table();
        if shared.closed {
            return Ok(Taken::None);
        }
        let after = shared.after;
        let mut rows = if self.only_looks {
            shared.table.look(after, wanted)?
        } else {
            shared.claim(after, wanted)?
        };
        if rows.is_empty() && after > i64::MIN && !self.only_looks {
            // Before it, rows may have been given back.
            rows = shared.claim(i64::MIN, wanted)?;
        }
        if let Some(last) = rows.last() {
            shared.after = last.ticket.id;
        }
        rows.append(&mut shared.later);
        let found_some = !rows.is_empty();
        let mut held = self.held();
        let (rows, later) = rows.into_iter().partition(|row| held.add(row));
        shared.later = later;
        Ok(match rows {
            rows if !rows.is_empty() => Taken::Rows(rows),
            _ if found_some => Taken::Enough(finished),
            _ => Taken::None,
        })
    }

    /// Waits until more rows were `finished` than when enough were taken.
    pub fn wait(&self, finished: u64) {
        let held = self.held();
        let wait = self
            .finished
            .wait_while(held, |held| held.finished == finished);
        drop(wait);
    }

    /// The unrendered command of job `seq`; `None`: it is not ours.
    pub fn command(&self, seq: u64) -> Option<Arc<[u8]>> {
        self.held()
            .rows
            .get(&seq)
            .map(|(_, command)| Arc::clone(command))
    }

    /// Job `seq` is over. What became of it is written; `None`: its row waits again. It is certain when that has been
    /// [committed](Self::commit) for the ticket that is returned.
    ///
    /// # Errors
    ///
    /// When that cannot be written.
    pub fn finish(&self, seq: u64, end: Option<&Finished<'_>>) -> Result<Option<Ticket>, SqlError> {
        let Some((ticket, _)) = self.held().rows.get(&seq).cloned() else {
            return Ok(None);
        };
        if !self.only_looks {
            self.table().finish(ticket, end)?;
        }
        let mut held = self.held();
        held.rows.remove(&seq);
        held.finished += 1;
        if let Some(end) = end {
            held.average.add(end.runtime);
        }
        drop(held);
        self.finished.notify_one();
        Ok(Some(ticket))
    }

    /// The row of job `seq`, which was finished well with the rendered `command`, says from now on that it has failed.
    ///
    /// # Errors
    ///
    /// When that cannot be written.
    pub fn fail(&self, seq: u64, command: &[u8]) -> Result<(), SqlError> {
        if self.only_looks {
            return Ok(());
        }
        let mut shared = self.table();
        shared.commit()?;
        shared.table.fail(seq, command)?;
        shared.commit()
    }

    /// Makes what was written last, whoever has written it, if that is as many as `pending` jobs; fewer can wait for
    /// others to come along.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn commit(&self, pending: usize) -> Result<(), SqlError> {
        let mut shared = self.table();
        if shared.unwritten.len() < pending {
            return Ok(());
        }
        shared.commit()
    }

    /// Why what became of the job of `ticket` could not be written, if it is known that it could not.
    pub fn failure(&self, ticket: Ticket) -> Option<SqlError> {
        let shared = self.table();
        let why = shared.why.as_ref()?;
        shared.failed.contains(&ticket).then(|| why.clone())
    }

    /// How many jobs run at a time.
    pub fn slots(&self) -> usize {
        self.slots
    }

    /// Gives back what was taken and never finished, or could not be written; takes nothing any more.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn close(&self) -> Result<(), SqlError> {
        let mut shared = self.table();
        shared.closed = true;
        if self.only_looks {
            return Ok(());
        }
        let written = shared.commit();
        let mut left = std::mem::take(&mut shared.failed);
        left.extend(shared.later.drain(..).map(|row| row.ticket));
        left.extend(self.held().rows.drain().map(|(_, (ticket, _))| ticket));
        for ticket in left {
            shared.table.release(ticket)?;
        }
        shared.table.commit()?;
        written
    }
}

impl Shared {
    fn claim(&mut self, after: i64, most: usize) -> Result<Vec<Row>, SqlError> {
        let claimed = self.table.claim(after, most);
        self.checked(claimed)
    }

    fn finish(&mut self, ticket: Ticket, end: Option<&Finished<'_>>) -> Result<(), SqlError> {
        let finished = match end {
            Some(end) => self.table.finish(ticket, end),
            None => self.table.release(ticket),
        };
        self.checked(finished)?;
        self.unwritten.push(ticket);
        Ok(())
    }

    fn commit(&mut self) -> Result<(), SqlError> {
        let committed = self.table.commit();
        self.checked(committed)?;
        self.unwritten.clear();
        Ok(())
    }

    /// After an error it is not known what is written.
    fn checked<T>(&mut self, result: Result<T, SqlError>) -> Result<T, SqlError> {
        if let Err(why) = &result {
            self.failed.append(&mut self.unwritten);
            self.why = Some(why.clone());
        }
        result
    }
}

impl Held {
    /// Holds `row` from now on; false: another one with its number is held.
    fn add(&mut self, row: &Row) -> bool {
        if self.rows.contains_key(&row.seq) {
            return false;
        }
        let taken = (row.ticket, Arc::clone(&row.command));
        self.rows.insert(row.seq, taken).is_none()
    }

    /// How many more rows are to be taken: none as long as there is enough to do, then many at once.
    fn wanted(&self, slots: usize) -> usize {
        let ahead = self.average.seconds().map_or(0, |average| {
            let jobs = AHEAD / average.max(1e-5) * slots as f64;
            (jobs as usize).min(MOST)
        });
        let most = slots + 1 + ahead;
        let room = most.saturating_sub(self.rows.len());
        if room >= ahead / 2 { room } else { 0 }
    }
}
