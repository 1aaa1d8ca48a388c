//! Jobs in a table of a database, of each kind: what is in it, several workers, and what is wrong with it.

use std::fs;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicU32, Ordering};

use rusqlite::types::Value;
use rusqlite::{Connection, OpenFlags};
use tempfile::TempDir;

use crate::process::Run;
use crate::support::postgres::{self, Server, server};
use crate::{fanout, fanout_in_background};

/// Makes a test of each story for each kind of database.
macro_rules! for_each_database {
    ($($story:ident)*) => {
        mod sqlite {
            $(#[test]
            fn $story() {
                super::$story(&crate::sql::Place::in_a_file());
            })*
        }
        mod postgresql {
            $(#[test]
            fn $story() {
                if let Some(place) = crate::sql::Place::on_a_server() {
                    super::$story(&place);
                }
            })*
        }
    };
}

mod errors;
mod rows;
mod sharing;

/// Where the table of a test is, which is always called `t`.
pub struct Place {
    scratch: TempDir,
    database: Database,
}

enum Database {
    /// The file `x.db`.
    File,
    /// A schema of this name, so that tests do not see each other's tables.
    Schema(&'static Server, String),
}

impl Place {
    fn in_a_file() -> Self {
        Self {
            scratch: tempfile::tempdir().unwrap(),
            database: Database::File,
        }
    }

    /// `None`: there is no server here.
    fn on_a_server() -> Option<Self> {
        static PLACES: AtomicU32 = AtomicU32::new(0);
        let server = server()?;
        let schema = format!("test_{}", PLACES.fetch_add(1, Ordering::Relaxed));
        let make = format!("CREATE SCHEMA {schema}");
        server.connect().batch_execute(&make).unwrap();
        Some(Self {
            scratch: tempfile::tempdir().unwrap(),
            database: Database::Schema(server, schema),
        })
    }

    fn folder(&self) -> &Path {
        self.scratch.path()
    }

    fn url(&self) -> &'static str {
        &self.append()[1..]
    }

    fn append(&self) -> &'static str {
        match self.database {
            Database::File => "+sqlite3:///x.db/t",
            Database::Schema(..) => "+pg:////t",
        }
    }

    /// What programs need to know to get there.
    fn environment(&self) -> Vec<(&'static str, String)> {
        let Database::Schema(server, schema) = &self.database else {
            return Vec::new();
        };
        let known = server.environment();
        let mut known: Vec<_> = known.map(|(name, value)| (name, value.to_owned())).into();
        known.push(("PGOPTIONS", format!("-c search_path={schema}")));
        known.push(("PGAPPNAME", schema.clone()));
        known
    }

    fn fanout(&self, args: &[&str]) -> assert_cmd::Command {
        let mut command = fanout();
        command
            .current_dir(self.folder())
            .envs(self.environment())
            .args(args);
        command
    }

    fn in_background(&self, args: &[&str]) -> std::process::Command {
        let mut command = fanout_in_background();
        command
            .current_dir(self.folder())
            .envs(self.environment())
            .args(args)
            .stdin(Stdio::null())
            .stdout(Stdio::null());
        command
    }

    /// Has a master write jobs.
    fn write(&self, rest: &[&str]) {
        self.fanout(&["--sqlmaster", self.url()])
            .args(rest)
            .assert()
            .code(0)
            .stdout("")
            .stderr("");
    }

    fn worker(&self, options: &[&str]) -> Run {
        let work = ["--sqlworker", self.url(), "--no-summary"];
        Run::start(self.in_background(&[&work, options].concat()))
    }

    /// The lines of the file `done`, into which each job writes one.
    fn done(&self) -> Vec<String> {
        let done = fs::read_to_string(self.folder().join("done")).unwrap_or_default();
        done.lines().map(str::to_owned).collect()
    }

    /// What `query` finds, a line for each row; bytes that are no text in digits.
    fn found(&self, query: &str) -> Vec<String> {
        self.look_for(query).unwrap_or_else(|| panic!("{query}"))
    }

    /// As [`found`](Self::found); `None`: there is nothing yet that could be asked.
    fn look_for(&self, query: &str) -> Option<Vec<String>> {
        match &self.database {
            Database::File => found_in(&self.folder().join("x.db"), query).ok(),
            Database::Schema(server, schema) => {
                let mut db = server.connect();
                let enter = format!("SET search_path TO {schema}");
                db.batch_execute(&enter).unwrap();
                postgres::found(&mut db, query).ok()
            }
        }
    }
}

fn found_in(file: &Path, query: &str) -> rusqlite::Result<Vec<String>> {
    let db = Connection::open_with_flags(file, OpenFlags::SQLITE_OPEN_READ_WRITE)?;
    let mut query = db.prepare(query)?;
    let columns = query.column_count();
    let rows = query.query_map([], |row| {
        let values = (0..columns).map(|column| row.get(column));
        let values: Result<Vec<Value>, _> = values.collect();
        let shown = values?.into_iter().map(|value| match value {
            Value::Null => "-".to_owned(),
            Value::Integer(number) => number.to_string(),
            Value::Real(number) => number.to_string(),
            Value::Text(text) => text,
            Value::Blob(bytes) => {
                let digits: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
                format!("\\x{digits}")
            }
        });
        Ok(shown.collect::<Vec<_>>().join("|"))
    });
    rows?.collect()
}
