//! The table in a file of `SQLite`.

mod insert;

use std::time::Duration;

use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, ErrorCode, OpenFlags, ToSql};

use super::columns::{FAILED, TAKEN, WAITS, room};
use super::rows::{Rows, places};
use super::{Finished, OUTPUT_LOST, Row, SqlError, Table, Ticket, Waiting, Worker};

/// What holds of a row that this worker has taken. A master may have made the table anew in the meantime, and
/// then the row is another one.
const TAKEN_BY_US: &str = "rowid = ? AND Exitval = -1220 AND Stdout = ?";

/// How often it is looked whether the database, which somebody else has locked, is free: for half a minute or so.
const LOOKS: i32 = 3000;
/// How long it is waited between two looks. The pauses of `SQLite` itself grow, so that some would never get their turn.
const PAUSE: Duration = Duration::from_millis(10);

/// Called while others keep the database locked.
fn wait_for_others(looks: i32) -> bool {
    std::thread::sleep(PAUSE.min(Duration::from_millis(1 + u64::from(looks.unsigned_abs()))));
    looks < LOOKS
}

/// An open table.
#[derive(Debug)]
pub struct SqliteTable {
    db: Connection,
    /// The file, for messages.
    file: String,
    /// The table, for messages.
    shown: String,
    /// The table, as it stands in a statement.
    name: String,
    /// How many columns there are for arguments.
    values: usize,
    /// The last number that was given to a job.
    seq: u64,
    /// Who takes rows.
    worker: Worker,
    /// How often rows were taken: all that are taken at once have this number.
    turn: u64,
}

/// Bytes as they are stored.
struct Bytes<'a>(&'a [u8]);

impl ToSql for Bytes<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        let text = memchr::memchr(0, self.0).is_none() && std::str::from_utf8(self.0).is_ok();
        Ok(ToSqlOutput::Borrowed(if text {
            ValueRef::Text(self.0)
        } else {
            ValueRef::Blob(self.0)
        }))
    }
}

impl Table for SqliteTable {
    fn create(&mut self, values: usize, jobs: &[Waiting<'_>]) -> Result<(), SqlError> {
        self.insert_jobs(jobs, Some(values))
    }

    fn go_on(&mut self) -> Result<(), SqlError> {
        let columns = self.columns();
        let columns = self.checked(columns)?;
        self.values = room(&columns, &self.shown, &self.file)?;
        Ok(())
    }

    fn insert(&mut self, jobs: &[Waiting<'_>]) -> Result<(), SqlError> {
        self.insert_jobs(jobs, None)
    }

    fn count(&mut self) -> Result<u64, SqlError> {
        self.number("SELECT count(*) FROM")
    }

    fn is_done(&mut self) -> Result<bool, SqlError> {
        let name = &self.name;
        let some =
            format!("SELECT EXISTS (SELECT 1 FROM {name} WHERE Exitval IN ({WAITS}, {TAKEN}))");
        let some = self.db.query_row(&some, [], |row| row.get::<_, bool>(0));
        Ok(!self.checked(some)?)
    }

    fn failed(&mut self) -> Result<u64, SqlError> {
        let count = format!("SELECT count(*) FROM {} WHERE {FAILED}", self.name);
        let count = self.db.query_row(&count, [], |row| row.get::<_, i64>(0));
        Ok(self.checked(count)?.unsigned_abs())
    }

    fn claim(&mut self, after: i64, most: usize) -> Result<Vec<Row>, SqlError> {
        self.turn += 1;
        let claimed = self.claim_rows(after, most);
        let rows = self.checked(claimed)?;
        self.commit()?;
        Ok(rows)
    }

    fn look(&mut self, after: i64, most: usize) -> Result<Vec<Row>, SqlError> {
        let found = self.waiting_rows(after, most);
        self.checked(found)
    }

    fn finish(&mut self, ticket: Ticket, end: &Finished<'_>) -> Result<(), SqlError> {
        self.begin()?;
        let update = format!(
            "UPDATE {} SET Host = ?, Starttime = ?, JobRuntime = ?, Send = ?, Receive = ?, Exitval = ?, \
             _Signal = ?, Command = ?, Stdout = ?, Stderr = ? WHERE {TAKEN_BY_US}",
            self.name
        );
        let mut update = self.checked(self.db.prepare_cached(&update))?;
        let written = update.execute((
            &self.worker.host,
            end.start,
            end.runtime,
            end.sent as i64,
            end.received as i64,
            end.exit,
            end.signal,
            Bytes(end.command),
            Bytes(end.stdout),
            Bytes(end.stderr),
            ticket.id,
            self.mark(ticket.turn),
        ));
        self.checked(written).map(drop)
    }

    fn fail(&mut self, seq: u64, command: &[u8]) -> Result<(), SqlError> {
        self.begin()?;
        let fail = format!(
            "UPDATE {} SET Exitval = {OUTPUT_LOST} WHERE Seq = ? AND Exitval = 0 AND Host = ? AND Command = ?",
            self.name
        );
        let of = (seq as i64, &self.worker.host, Bytes(command));
        self.checked(self.db.execute(&fail, of)).map(drop)
    }

    fn release(&mut self, ticket: Ticket) -> Result<(), SqlError> {
        self.begin()?;
        let release = self.releasing(TAKEN_BY_US);
        let released = self
            .db
            .execute(&release, (ticket.id, self.mark(ticket.turn)));
        self.checked(released).map(drop)
    }

    fn release_abandoned(&mut self, is_gone: &dyn Fn(&str) -> bool) -> Result<(), SqlError> {
        for mark in self.checked(self.marks())? {
            if is_gone(&mark) {
                let release = self.releasing("Exitval = -1220 AND Host = ? AND Stdout = ?");
                let released = self.db.execute(&release, (&self.worker.host, &mark));
                self.checked(released)?;
            }
        }
        Ok(())
    }

    fn commit(&mut self) -> Result<(), SqlError> {
        if self.db.is_autocommit() {
            return Ok(());
        }
        self.checked(self.db.execute_batch("COMMIT"))
    }
}

impl SqliteTable {
    /// Opens `table` in `file` for `worker`; it is made where it is missing if `create` says so.
    ///
    /// # Errors
    ///
    /// When it cannot be opened.
    pub fn open(file: &str, table: &str, create: bool, worker: Worker) -> Result<Self, SqlError> {
        let mut flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        flags.set(OpenFlags::SQLITE_OPEN_CREATE, create);
        let missing = |error: rusqlite::Error| SqlError {
            why: format!("cannot open the database {file}: {error}"),
            missing: true,
        };
        let db = Connection::open_with_flags(file, flags).map_err(missing)?;
        db.busy_handler(Some(wait_for_others)).map_err(missing)?;
        Ok(Self {
            db,
            file: file.to_owned(),
            shown: table.to_owned(),
            name: format!("\"{}\"", table.replace('"', "\"\"")),
            values: 0,
            seq: 0,
            worker,
            turn: 0,
        })
    }

    fn columns(&self) -> rusqlite::Result<Vec<String>> {
        let mut info = self
            .db
            .prepare(&format!("PRAGMA table_info({})", self.name))?;
        let names = info.query_map([], |row| row.get(1))?;
        names.collect()
    }

    fn number(&self, what: &str) -> Result<u64, SqlError> {
        let query = format!("{what} {}", self.name);
        let number = self
            .db
            .query_row(&query, [], |row| row.get::<_, Option<i64>>(0));
        Ok(self.checked(number)?.map_or(0, i64::unsigned_abs))
    }

    fn claim_rows(&self, after: i64, most: usize) -> rusqlite::Result<Vec<Row>> {
        let name = &self.name;
        let mut claim = self.db.prepare_cached(&format!(
            "UPDATE {name} SET Exitval = {TAKEN}, Host = ?1, Stdout = ?2 WHERE rowid IN (SELECT rowid FROM \
             {name} WHERE Exitval = {WAITS} AND rowid > ?3 AND Seq > 0 ORDER BY rowid LIMIT ?4) \
             RETURNING rowid, Seq, Command, *"
        ))?;
        let mark = self.mark(self.turn);
        self.read(claim.query((&self.worker.host, mark, after, most as i64))?)
    }

    fn waiting_rows(&self, after: i64, most: usize) -> rusqlite::Result<Vec<Row>> {
        let name = &self.name;
        let mut look = self.db.prepare_cached(&format!(
            "SELECT rowid, Seq, Command, * FROM {name} WHERE Exitval = {WAITS} AND rowid > ? AND Seq > 0 \
             ORDER BY rowid LIMIT ?"
        ))?;
        self.read(look.query((after, most as i64))?)
    }

    /// Rows that begin with their place in the table, their number and their command.
    fn read(&self, mut rows: rusqlite::Rows<'_>) -> rusqlite::Result<Vec<Row>> {
        let names = rows.as_ref().map_or_else(Vec::new, |it| it.column_names());
        let arguments = places(names);
        let mut claimed = Rows::default();
        while let Some(row) = rows.next()? {
            let ticket = Ticket {
                id: row.get(0)?,
                turn: self.turn,
            };
            let command = bytes(row.get_ref(2)?).unwrap_or_default();
            let mut args = Vec::with_capacity(arguments.len());
            for place in &arguments {
                args.push(bytes(row.get_ref(*place)?));
            }
            claimed.push(ticket, row.get(1)?, command, args);
        }
        Ok(claimed.in_order())
    }

    /// What stands in the rows that were taken with the number `turn`.
    fn mark(&self, turn: u64) -> String {
        self.worker.mark_of(turn)
    }

    fn releasing(&self, which: &str) -> String {
        format!(
            "UPDATE {} SET Exitval = {WAITS}, Host = NULL, Stdout = NULL WHERE {which}",
            self.name
        )
    }

    fn marks(&self) -> rusqlite::Result<Vec<String>> {
        let mut marks = self.db.prepare_cached(&format!(
            "SELECT DISTINCT Stdout FROM {} WHERE Exitval = {TAKEN} AND Host = ? AND typeof(Stdout) = 'text'",
            self.name
        ))?;
        let marks = marks.query_map([&self.worker.host], |row| row.get(0))?;
        marks.collect()
    }

    fn begin(&self) -> Result<(), SqlError> {
        if self.db.is_autocommit() {
            return self.checked(self.db.execute_batch("BEGIN IMMEDIATE"));
        }
        Ok(())
    }

    fn checked<T>(&self, result: rusqlite::Result<T>) -> Result<T, SqlError> {
        result.map_err(|error| self.error(&error))
    }

    fn error(&self, error: &rusqlite::Error) -> SqlError {
        let missing = matches!(
            error.sqlite_error_code(),
            Some(ErrorCode::CannotOpen | ErrorCode::NotADatabase)
        );
        let mut why = format!("table '{}' in {}: {error}", self.shown, self.file);
        if error.sqlite_error_code() == Some(ErrorCode::DatabaseBusy) {
            why += ": somebody keeps it locked, or its file system has no locks";
            // Who has waited once in vain does not do so again for each statement that is left.
            let _ = self.db.busy_handler(None);
        }
        SqlError { why, missing }
    }
}

/// The bytes of a value; `None`: it is NULL.
fn bytes(value: ValueRef<'_>) -> Option<Vec<u8>> {
    match value {
        ValueRef::Null => None,
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => Some(bytes.to_vec()),
        ValueRef::Integer(number) => Some(number.to_string().into_bytes()),
        ValueRef::Real(number) => Some(number.to_string().into_bytes()),
    }
}
