//! What became of jobs, written many at a time: a round trip to the server for each would cost more than a job.

use std::borrow::Cow;

use postgres::{Client, Error, Statement};

use super::text::encoded;
use crate::sql::columns::TAKEN;
use crate::sql::{Finished, SqlError, check_size};

/// So many are kept at most, of about so many bytes.
const MOST: usize = 1000;
const MOST_BYTES: usize = 1 << 20;

/// What became of jobs: a list for each column.
#[derive(Debug, Default)]
pub(super) struct Ended {
    ids: Vec<i64>,
    marks: Vec<String>,
    starts: Vec<f64>,
    runtimes: Vec<f64>,
    sent: Vec<i64>,
    received: Vec<i64>,
    exits: Vec<i64>,
    signals: Vec<i64>,
    commands: Vec<String>,
    stdouts: Vec<String>,
    stderrs: Vec<String>,
    bytes: usize,
}

/// The statement that writes them into the table `name`. A master may have made that anew in the meantime, and then
/// the rows are other ones.
pub(super) fn writing(name: &str) -> String {
    format!(
        "UPDATE {name} AS job SET Host = $1, Starttime = new.start, JobRuntime = new.runtime, Send = new.sent, \
         Receive = new.received, Exitval = new.exit, _Signal = new.ended_by, Command = new.line, \
         Stdout = new.out, Stderr = new.err \
         FROM unnest($2::bigint[], $3::text[], $4::float8[], $5::float8[], $6::bigint[], $7::bigint[], \
         $8::bigint[], $9::bigint[], $10::text[], $11::text[], $12::text[]) \
         AS new (id, mark, start, runtime, sent, received, exit, ended_by, line, out, err) \
         WHERE job.Seq = new.id AND job.Exitval = {TAKEN} AND job.Stdout = new.mark"
    )
}

impl Ended {
    pub(super) fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Whether they should be written before there are more.
    pub(super) fn is_full(&self) -> bool {
        self.ids.len() >= MOST || self.bytes >= MOST_BYTES
    }

    /// The job in row `id`, which was taken with `mark`, came to `end`; fails if that is too much for a row.
    pub(super) fn push(
        &mut self,
        id: i64,
        mark: String,
        end: &Finished<'_>,
    ) -> Result<(), SqlError> {
        let texts = [end.command, end.stdout, end.stderr].map(encoded);
        let bytes = texts.iter().map(|text| text.len()).sum::<usize>();
        check_size(id as u64, bytes as u64)?;
        self.bytes += bytes;
        self.ids.push(id);
        self.marks.push(mark);
        self.starts.push(end.start);
        self.runtimes.push(end.runtime);
        self.sent.push(end.sent as i64);
        self.received.push(end.received as i64);
        self.exits.push(i64::from(end.exit));
        self.signals.push(i64::from(end.signal));
        let [command, stdout, stderr] = texts.map(Cow::into_owned);
        self.commands.push(command);
        self.stdouts.push(stdout);
        self.stderrs.push(stderr);
        Ok(())
    }

    /// Writes all of them with the statement `writing`, as those of machine `host`; then there are none.
    pub(super) fn write(
        &mut self,
        db: &mut Client,
        writing: &Statement,
        host: &str,
    ) -> Result<(), Error> {
        let Self {
            ids,
            marks,
            starts,
            runtimes,
            sent,
            received,
            exits,
            signals,
            commands,
            stdouts,
            stderrs,
            bytes: _,
        } = std::mem::take(self);
        db.execute(
            writing,
            &[
                &host, &ids, &marks, &starts, &runtimes, &sent, &received, &exits, &signals,
                &commands, &stdouts, &stderrs,
            ],
        )
        .map(drop)
    }
}
