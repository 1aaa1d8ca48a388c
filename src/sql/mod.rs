//! Jobs that wait in a table of a database, and their results: `--sqlmaster`, `--sqlworker`.
//!
//! * [`url`]: which database and table is meant; [`alias`]: short names for that;
//! * [`Table`]: what is done with one, rows in, claims, results, in whichever database it is;
//! * [`sqlite`]: one in a file of `SQLite`; [`postgresql`]: one that a server of `PostgreSQL` has;
//! * [`claims`]: the rows that this worker has taken and not finished yet.
//!
//! Rules learnt from GNU parallel 20221122, whose masters and workers can share a table with these:
//!
//! - A row that waits has `Exitval` -1000 and the unrendered command; one that a worker has taken has
//!   -1220 and a mark of the worker's in `Stdout`; one that is over has all that a joblog has, and what the
//!   job wrote.
//! - `V1`, `V2`, … are the arguments.
//!
//! A row is taken by one statement, so no two workers ever get the same one. What is no UTF-8, or has a NUL
//! byte, is stored as a BLOB, or in hexadecimal digits where a column of texts holds none: it comes back as it
//! was, and other programs are not misled about it. What is larger than [`MOST_BYTES`] is refused.

pub mod alias;
pub mod claims;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod columns;
#[cfg(feature = "postgres")]
pub mod postgresql;
#[cfg(any(feature = "sqlite", feature = "postgres"))]
mod rows;
#[cfg(feature = "sqlite")]
pub mod sqlite;
mod table;
pub mod url;

#[cfg(all(test, feature = "sqlite"))]
mod tests;

#[cfg(feature = "postgres")]
use self::postgresql::PostgresTable;
#[cfg(feature = "sqlite")]
use self::sqlite::SqliteTable;
use self::url::{Database, Dburl};
pub use table::{
    Finished, MOST_BYTES, OUTPUT_LOST, Row, SqlError, Table, Ticket, Waiting, Worker, check_size,
};

/// Opens the database of `url` for `worker`; where it is a file that is missing, it is made if `create` says so.
///
/// # Errors
///
/// When it cannot be opened, or this build has nothing to open it with.
#[cfg_attr(not(feature = "sqlite"), allow(unused_variables))]
#[cfg_attr(
    not(any(feature = "sqlite", feature = "postgres")),
    allow(clippy::needless_pass_by_value)
)]
pub fn open(url: &Dburl, create: bool, worker: Worker) -> Result<Box<dyn Table>, SqlError> {
    match &url.database {
        #[cfg(feature = "sqlite")]
        Database::Sqlite(file) => {
            let table = SqliteTable::open(file, &url.table, create, worker)?;
            Ok(Box::new(table))
        }
        #[cfg(feature = "postgres")]
        Database::Postgres(server) => {
            let table = PostgresTable::open(server, &url.table, worker)?;
            Ok(Box::new(table))
        }
        #[cfg(not(all(feature = "sqlite", feature = "postgres")))]
        left_out => Err(no_such_feature(left_out)),
    }
}

/// That the databases of a kind were left out when this program was built.
#[cfg(not(all(feature = "sqlite", feature = "postgres")))]
fn no_such_feature(database: &Database) -> SqlError {
    let (name, feature) = match database {
        Database::Sqlite(_) => ("SQLite", "sqlite"),
        Database::Postgres(_) => ("PostgreSQL", "postgres"),
    };
    SqlError {
        why: format!("this fanout was built without {name} (cargo build --features {feature})"),
        missing: true,
    }
}
