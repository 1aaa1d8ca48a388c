//! Jobs into the table.

use super::{Bytes, SqliteTable};
use crate::sql::columns::{WAITS, argument, arguments, definition};
use crate::sql::{SqlError, Table as _, Waiting};

impl SqliteTable {
    /// Writes `jobs`, all or none of them; with `anew` into a table that is made for them, with columns for so many
    /// arguments.
    pub(super) fn insert_jobs(
        &mut self,
        jobs: &[Waiting<'_>],
        anew: Option<usize>,
    ) -> Result<(), SqlError> {
        let widest = jobs.iter().map(|job| job.args.len()).max().unwrap_or(0);
        let begun = self.db.execute_batch("BEGIN IMMEDIATE");
        self.checked(begun)?;
        let made = anew.map_or(Ok(()), |values| self.make(values));
        let written = made.and_then(|()| self.insert_all(jobs, widest));
        let ended = match &written {
            Ok(_) => self.commit(),
            Err(_) => self
                .db
                .execute_batch("ROLLBACK")
                .map_err(|error| self.error(&error)),
        };
        (self.values, self.seq) = self.checked(written)?;
        ended
    }

    fn make(&mut self, values: usize) -> rusqlite::Result<()> {
        let (name, columns) = (&self.name, definition(values));
        self.db.execute_batch(&format!(
            "DROP TABLE IF EXISTS {name}; CREATE TABLE {name} ({columns})"
        ))?;
        (self.values, self.seq) = (values, 0);
        Ok(())
    }

    fn insert_all(&self, jobs: &[Waiting<'_>], widest: usize) -> rusqlite::Result<(usize, u64)> {
        let name = &self.name;
        for more in self.values + 1..=widest {
            // Another master may have had the same need.
            if !self
                .columns()?
                .iter()
                .any(|name| argument(name) == Some(more))
            {
                let add = format!("ALTER TABLE {name} ADD COLUMN V{more} TEXT");
                self.db.execute_batch(&add)?;
            }
        }
        let values = self.values.max(widest);
        let mut seq = self.last_seq()?;
        let (mut count, mut statement) = (usize::MAX, String::new());
        for job in jobs {
            seq += 1;
            if count != job.args.len() {
                count = job.args.len();
                statement = self.inserting(count);
            }
            let mut insert = self.db.prepare_cached(&statement)?;
            insert.raw_bind_parameter(1, seq as i64)?;
            for (place, bytes) in std::iter::once(&job.command).chain(job.args).enumerate() {
                insert.raw_bind_parameter(place + 2, Bytes(bytes))?;
            }
            insert.raw_execute()?;
        }
        Ok((values, seq))
    }

    /// The statement that writes a job with `count` arguments.
    fn inserting(&self, count: usize) -> String {
        let name = &self.name;
        let comma = if count > 0 { ", " } else { "" };
        let columns = arguments(count, ", ");
        let places = ", ?".repeat(count);
        format!(
            "INSERT INTO {name} (Seq, Send, Exitval, Command{comma}{columns}) VALUES (?, 0, {WAITS}, ?{places})"
        )
    }

    /// The number of the last job. Other masters may write, too: only the first time all rows are looked at.
    fn last_seq(&self) -> rusqlite::Result<u64> {
        let of = if self.seq == 0 {
            format!("SELECT max(Seq) FROM {}", self.name)
        } else {
            format!("SELECT Seq FROM {} ORDER BY rowid DESC LIMIT 1", self.name)
        };
        let mut query = self.db.prepare_cached(&of)?;
        let mut rows = query.query([])?;
        let last = match rows.next()? {
            Some(row) => row.get::<_, Option<i64>>(0)?,
            None => None,
        };
        Ok(self.seq.max(last.map_or(0, |last| last.max(0) as u64)))
    }
}
