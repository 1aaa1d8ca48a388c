//! The table in a database of `PostgreSQL`.
//!
//! Rows are told apart by their `Seq`, on which there is an index, and by the mark of who took them, which has
//! another number in each. Workers do not wait for each other: rows that somebody is just taking are passed over.

mod connect;
mod ended;
mod insert;
mod passfile;
mod text;

use std::fmt;

use postgres::error::SqlState;
use postgres::{Client, Statement};

use self::ended::Ended;
use self::text::{Raw, decoded, decoded_command, encoded};
use super::columns::{FAILED, TAKEN, WAITS, room};
use super::rows::{Rows, places};
use super::url::Server;
use super::{Finished, OUTPUT_LOST, Row, SqlError, Table, Ticket, Waiting, Worker};

/// An open table.
pub struct PostgresTable {
    db: Client,
    /// The database, for messages.
    place: String,
    /// The table, for messages.
    shown: String,
    /// The table, as it stands in a statement.
    name: String,
    /// How many columns there are for arguments.
    values: usize,
    /// Who takes rows.
    worker: Worker,
    /// The last number that a row can have got.
    turn: u64,
    /// What became of jobs and is not written yet.
    ended: Ended,
    /// What writes that.
    writing: Option<Statement>,
}

impl fmt::Debug for PostgresTable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PostgresTable")
            .field("place", &self.place)
            .field("name", &self.name)
            .finish_non_exhaustive()
    }
}

impl Table for PostgresTable {
    fn create(&mut self, values: usize, jobs: &[Waiting<'_>]) -> Result<(), SqlError> {
        let written = self.insert_jobs(jobs, Some(values));
        self.values = self.checked(written)?;
        Ok(())
    }

    fn go_on(&mut self) -> Result<(), SqlError> {
        let columns = insert::columns(&mut self.db, &self.name);
        let columns = self.checked(columns)?;
        self.values = room(&columns, &self.shown, &self.place)?;
        Ok(())
    }

    fn insert(&mut self, jobs: &[Waiting<'_>]) -> Result<(), SqlError> {
        let written = self.insert_jobs(jobs, None);
        self.values = self.checked(written)?;
        Ok(())
    }

    fn count(&mut self) -> Result<u64, SqlError> {
        let count = format!("SELECT count(*) FROM {}", self.name);
        let count = self.db.query_one(&count, &[]);
        let count = count.and_then(|row| row.try_get::<_, i64>(0));
        Ok(self.checked(count)?.unsigned_abs())
    }

    fn is_done(&mut self) -> Result<bool, SqlError> {
        let some = format!(
            "SELECT EXISTS (SELECT 1 FROM {} WHERE Exitval IN ({WAITS}, {TAKEN}))",
            self.name
        );
        let some = self.db.query_one(&some, &[]);
        let some = some.and_then(|row| row.try_get::<_, bool>(0));
        Ok(!self.checked(some)?)
    }

    fn failed(&mut self) -> Result<u64, SqlError> {
        let count = format!("SELECT count(*) FROM {} WHERE {FAILED}", self.name);
        let count = self.db.query_one(&count, &[]);
        let count = count.and_then(|row| row.try_get::<_, i64>(0));
        Ok(self.checked(count)?.unsigned_abs())
    }

    fn claim(&mut self, after: i64, most: usize) -> Result<Vec<Row>, SqlError> {
        let claimed = self.claim_rows(after, most);
        let rows = self.checked(claimed)?;
        self.turn += most as u64;
        Ok(rows)
    }

    fn look(&mut self, after: i64, most: usize) -> Result<Vec<Row>, SqlError> {
        let found = self.waiting_rows(after, most);
        self.checked(found)
    }

    fn finish(&mut self, ticket: Ticket, end: &Finished<'_>) -> Result<(), SqlError> {
        let mark = self.worker.mark_of(ticket.turn);
        self.ended.push(ticket.id, mark, end)?;
        if self.ended.is_full() {
            return self.commit();
        }
        Ok(())
    }

    fn fail(&mut self, seq: u64, command: &[u8]) -> Result<(), SqlError> {
        let fail = format!(
            "UPDATE {} SET Exitval = {OUTPUT_LOST} WHERE Seq = $1::bigint AND Exitval = 0 AND Host = $2 AND \
             Command = $3",
            self.name
        );
        let (seq, command) = (seq as i64, encoded(command));
        let failed = self
            .db
            .execute(&fail, &[&seq, &self.worker.host, &&*command]);
        self.checked(failed).map(drop)
    }

    fn release(&mut self, ticket: Ticket) -> Result<(), SqlError> {
        let release = self.releasing("Seq = $1::bigint AND Stdout = $2");
        let mark = self.worker.mark_of(ticket.turn);
        let released = self.db.execute(&release, &[&ticket.id, &mark]);
        self.checked(released).map(drop)
    }

    fn release_abandoned(&mut self, is_gone: &dyn Fn(&str) -> bool) -> Result<(), SqlError> {
        let marks = self.marks();
        let mut marks = self.checked(marks)?;
        marks.retain(|mark| is_gone(mark));
        if marks.is_empty() {
            return Ok(());
        }
        let release = self.releasing("Host = $1 AND Stdout = ANY($2)");
        let released = self.db.execute(&release, &[&self.worker.host, &marks]);
        self.checked(released).map(drop)
    }

    fn commit(&mut self) -> Result<(), SqlError> {
        if self.ended.is_empty() {
            return Ok(());
        }
        let written = self.write_ended();
        self.checked(written)
    }
}

impl PostgresTable {
    /// Opens `table` in a database of `server` for `worker`.
    ///
    /// # Errors
    ///
    /// When that cannot be reached.
    pub fn open(server: &Server, table: &str, worker: Worker) -> Result<Self, SqlError> {
        let (db, place) = connect::connect(server)?;
        Ok(Self {
            db,
            place,
            shown: table.to_owned(),
            name: in_statements(table),
            values: 0,
            worker,
            turn: 0,
            ended: Ended::default(),
            writing: None,
        })
    }

    fn claim_rows(&mut self, after: i64, most: usize) -> Result<Vec<Row>, postgres::Error> {
        let name = &self.name;
        // The columns stay what they are from when it is prepared until it is done.
        let mut transaction = self.db.transaction()?;
        let claim = transaction.prepare(&format!(
            "UPDATE {name} AS job SET Exitval = {TAKEN}, Host = $1, \
             Stdout = $2::text || ($3::bigint + free.nth)::text \
             FROM (SELECT place, row_number() OVER (ORDER BY number) AS nth FROM \
             (SELECT ctid AS place, Seq AS number FROM {name} WHERE Exitval = {WAITS} AND Seq > $4::bigint \
             ORDER BY Seq LIMIT $5 FOR UPDATE SKIP LOCKED) AS locked) AS free \
             WHERE job.ctid = free.place RETURNING free.nth, job.Seq::bigint, job.*"
        ))?;
        let arguments = places(claim.columns().iter().map(postgres::Column::name));
        let mark = format!("{}-", self.worker.mark);
        let rows = transaction.query(
            &claim,
            &[
                &self.worker.host,
                &mark,
                &(self.turn as i64),
                &after.max(0),
                &(most as i64),
            ],
        )?;
        transaction.commit()?;
        self.read(&rows, &arguments)
    }

    fn waiting_rows(&mut self, after: i64, most: usize) -> Result<Vec<Row>, postgres::Error> {
        let mut transaction = self.db.transaction()?;
        let look = transaction.prepare(&format!(
            "SELECT 0::bigint, Seq::bigint, * FROM {} WHERE Exitval = {WAITS} AND Seq > $1::bigint \
             ORDER BY Seq LIMIT $2",
            self.name
        ))?;
        let arguments = places(look.columns().iter().map(postgres::Column::name));
        let rows = transaction.query(&look, &[&after.max(0), &(most as i64)])?;
        transaction.commit()?;
        self.read(&rows, &arguments)
    }

    /// Rows that begin with the place of their number behind the last, and the number of their job; those of
    /// `places` are arguments.
    fn read(&self, rows: &[postgres::Row], places: &[usize]) -> Result<Vec<Row>, postgres::Error> {
        let mut claimed = Rows::default();
        for row in rows {
            let (nth, seq): (i64, i64) = (row.try_get(0)?, row.try_get(1)?);
            let ticket = Ticket {
                id: seq,
                turn: self.turn + nth as u64,
            };
            let command = decoded_command(bytes(row, "command")?.unwrap_or_default());
            let mut args = Vec::with_capacity(places.len());
            for place in places {
                args.push(bytes(row, *place)?.map(decoded));
            }
            claimed.push(ticket, seq, command, args);
        }
        Ok(claimed.in_order())
    }

    fn releasing(&self, which: &str) -> String {
        format!(
            "UPDATE {} SET Exitval = {WAITS}, Host = NULL, Stdout = NULL WHERE Exitval = {TAKEN} AND {which}",
            self.name
        )
    }

    fn marks(&mut self) -> Result<Vec<String>, postgres::Error> {
        let marks = format!(
            "SELECT DISTINCT Stdout FROM {} WHERE Exitval = {TAKEN} AND Host = $1",
            self.name
        );
        let rows = self.db.query(&marks, &[&self.worker.host])?;
        let mut marks = Vec::new();
        for row in &rows {
            let mark = bytes(row, 0)?.and_then(|mark| std::str::from_utf8(mark).ok());
            marks.extend(mark.map(str::to_owned));
        }
        Ok(marks)
    }

    fn write_ended(&mut self) -> Result<(), postgres::Error> {
        let writing = match &self.writing {
            Some(writing) => writing.clone(),
            None => self.db.prepare(&ended::writing(&self.name))?,
        };
        self.ended
            .write(&mut self.db, &writing, &self.worker.host)?;
        self.writing = Some(writing);
        Ok(())
    }

    fn checked<T>(&self, result: Result<T, postgres::Error>) -> Result<T, SqlError> {
        result.map_err(|error| SqlError {
            why: format!(
                "table '{}' in {}: {}",
                self.shown,
                self.place,
                words(&error)
            ),
            missing: error.code() == Some(&SqlState::UNDEFINED_TABLE),
        })
    }
}

/// What stands in a column; `None`: NULL.
fn bytes(
    row: &postgres::Row,
    column: impl postgres::row::RowIndex + fmt::Display,
) -> Result<Option<&[u8]>, postgres::Error> {
    Ok(row.try_get::<_, Option<Raw<'_>>>(column)?.map(|raw| raw.0))
}

/// `error` in one line: what the server says, or what stands between it and us.
fn words(error: &postgres::Error) -> String {
    if let Some(said) = error.as_db_error() {
        return match said.detail() {
            Some(detail) => format!("{} ({})", said.message(), detail.replace('\n', " ")),
            None => said.message().to_owned(),
        };
    }
    match std::error::Error::source(error) {
        Some(cause) => cause.to_string(),
        None => error.to_string(),
    }
}

/// The table `typed` as it stands in statements. As in GNU parallel, where it stands there as it was typed, capital
/// letters do not count, and there may be a schema in front of a dot.
fn in_statements(typed: &str) -> String {
    let plain = |part: &str| {
        let begins = !part.starts_with(|first: char| first.is_ascii_digit() || first == '$');
        let word = |char: char| char.is_alphanumeric() || matches!(char, '_' | '$');
        !part.is_empty() && begins && part.chars().all(word)
    };
    if typed.split('.').all(plain) {
        let parts: Vec<_> = typed
            .split('.')
            .map(|part| format!("\"{}\"", part.to_ascii_lowercase()))
            .collect();
        return parts.join(".");
    }
    format!("\"{}\"", typed.replace('"', "\"\""))
}

#[cfg(test)]
mod tests {
    use super::in_statements;

    #[test]
    fn tables_are_named_as_in_a_statement() {
        for (typed, name) in [
            ("t", "\"t\""),
            ("MyJobs", "\"myjobs\""),
            ("s.T", "\"s\".\"t\""),
            ("order", "\"order\""),
            ("a-B", "\"a-B\""),
            ("a.b c", "\"a.b c\""),
            ("odd \"name\"", "\"odd \"\"name\"\"\""),
        ] {
            assert_eq!(in_statements(typed), name);
        }
    }
}
