//! Jobs into the table.

use std::borrow::Cow;

use postgres::types::ToSql;
use postgres::{Error, GenericClient, Transaction};

use super::PostgresTable;
use super::text::{encoded, encoded_command};
use crate::sql::Waiting;
use crate::sql::columns::{WAITS, argument, arguments, definition};

/// The columns of the table `name`; none: it is not there.
pub(super) fn columns(db: &mut impl GenericClient, name: &str) -> Result<Vec<String>, Error> {
    let columns = "SELECT attname::text FROM pg_attribute \
                   WHERE attrelid = to_regclass($1) AND attnum > 0 AND NOT attisdropped";
    let rows = db.query(columns, &[&name])?;
    rows.iter().map(|row| row.try_get(0)).collect()
}

/// Until `transaction` ends, no other master makes the table `name` or writes jobs into it.
fn lock_out_masters(transaction: &mut Transaction<'_>, name: &str) -> Result<(), Error> {
    let lock = "SELECT pg_advisory_xact_lock(hashtext($1)::bigint)";
    transaction.execute(lock, &[&name]).map(drop)
}

impl PostgresTable {
    /// Writes jobs that wait, all or none of them, and numbers them; with `anew` into a table that is made for them, with
    /// columns for so many arguments. Says how many columns for arguments there are.
    pub(super) fn insert_jobs(
        &mut self,
        jobs: &[Waiting<'_>],
        anew: Option<usize>,
    ) -> Result<usize, Error> {
        let name = &self.name;
        let widest = jobs.iter().map(|job| job.args.len()).max().unwrap_or(0);
        let widest = widest.max(1);
        let mut transaction = self.db.transaction()?;
        lock_out_masters(&mut transaction, name)?;
        if let Some(values) = anew {
            let columns = definition(values);
            transaction.batch_execute(&format!(
                "DROP TABLE IF EXISTS {name}; CREATE TABLE {name} ({columns}); CREATE INDEX ON {name} (Seq)"
            ))?;
        }
        let values = anew.unwrap_or(self.values);
        if widest > values {
            // Another master may have had the same need.
            let columns = columns(&mut transaction, name)?;
            for more in 1..=widest {
                if !columns.iter().any(|name| argument(name) == Some(more)) {
                    transaction
                        .batch_execute(&format!("ALTER TABLE {name} ADD COLUMN V{more} TEXT"))?;
                }
            }
        }
        let last = format!("SELECT coalesce(max(Seq), 0)::bigint FROM {name}");
        let mut seq: i64 = transaction.query_one(&last, &[])?.try_get(0)?;
        seq = seq.max(0);
        for alike in jobs.chunk_by(|one, next| one.command == next.command) {
            insert_alike(&mut transaction, name, seq, alike, widest)?;
            seq += alike.len() as i64;
        }
        transaction.commit()?;
        Ok(values.max(widest))
    }
}

/// Writes jobs of one command, numbered from behind `seq`, of which none has more arguments than `widest`.
fn insert_alike(
    transaction: &mut Transaction<'_>,
    name: &str,
    seq: i64,
    jobs: &[Waiting<'_>],
    widest: usize,
) -> Result<(), Error> {
    let Some(first) = jobs.first() else {
        return Ok(());
    };
    let command = encoded_command(first.command);
    let values: Vec<Vec<Option<Cow<'_, str>>>> = (0..widest)
        .map(|place| {
            let args = jobs.iter().map(|job| job.args.get(place));
            args.map(|arg| arg.map(|arg| encoded(arg))).collect()
        })
        .collect();
    let columns = arguments(widest, ", ");
    let lists: Vec<_> = (0..widest)
        .map(|place| format!("${}::text[]", place + 3))
        .collect();
    let insert = format!(
        "INSERT INTO {name} (Seq, Send, Exitval, Command, {columns}) \
         SELECT $1::bigint + nth, 0, {WAITS}, $2::text, {columns} \
         FROM unnest({}) WITH ORDINALITY AS new ({columns}, nth) ORDER BY nth",
        lists.join(", ")
    );
    let mut parameters: Vec<&(dyn ToSql + Sync)> = vec![&seq, &command];
    parameters.extend(values.iter().map(|list| list as &(dyn ToSql + Sync)));
    transaction.execute(&insert, &parameters).map(drop)
}
