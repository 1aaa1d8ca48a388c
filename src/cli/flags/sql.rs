//! Jobs in a table of a database.

use std::ffi::OsString;

use clap::Args;

/// Options on jobs that wait in a table of a database.
#[derive(Args, Debug)]
#[command(next_help_heading = "Jobs in a database")]
pub struct Sql {
    /// Write the jobs into the table DBURL instead of running them: `sqlite3:///FILE/TABLE`, with %2F for
    /// slashes if GNU parallel is to understand it, pg://USER:PASSWORD@HOST:PORT/DATABASE/TABLE, where an IPv6
    /// address stands in brackets, or :ALIAS. A table of that name is replaced; with +DBURL the jobs are
    /// appended to it. With --wait, wait until all jobs of the table are over.
    #[arg(long = "sqlmaster", visible_alias = "sql-master", value_name = "DBURL")]
    pub master: Option<OsString>,

    /// Run the jobs that wait in the table DBURL, and write into it how they ended and what they wrote. Any
    /// number of workers can share a table. How jobs are run and shown, their options say; so does -q. Outputs that
    /// are no UTF-8 or have NUL bytes are stored as BLOBs, with pg:// as \x and hexadecimal digits.
    #[arg(long = "sqlworker", visible_alias = "sql-worker", value_name = "DBURL")]
    pub worker: Option<OsString>,

    /// Write the jobs into the table DBURL, and run them; other workers may help.
    #[arg(
        long = "sqlandworker",
        visible_alias = "sql-and-worker",
        value_name = "DBURL"
    )]
    pub and_worker: Option<OsString>,
}

impl Sql {
    /// Whether jobs are taken from a table.
    pub fn works(&self) -> bool {
        self.and_worker.is_some() || self.worker.is_some()
    }
}
