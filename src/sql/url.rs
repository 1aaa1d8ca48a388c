//! Which database and table is meant: `vendor://[[user][:password]@][host][:port]/[database]/table`.
//!
//! What a name may hold, and that what stands behind a `?` has no meaning, is as in GNU parallel.

use std::borrow::Cow;
use std::fmt;

use super::alias::{self, without_sql};

/// The kinds of databases that are supported, in words.
const SUPPORTED: &str = "sqlite3 (or sqlite) and pg (or postgres, postgresql) are";

/// What is wrong with a part of a DBURL. It may be the password, so it is not shown.
const NO_TEXT: &str = "percent signs that stand for no text";
const NO_PORT: &str = "a port that is no number";

/// A table in a database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Dburl {
    /// The database.
    pub database: Database,
    /// The table.
    pub table: String,
    /// Whether it goes on (`+DBURL`), instead of being made new.
    pub append: bool,
}

/// A database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Database {
    /// A file of `SQLite`.
    Sqlite(String),
    /// One that a server of `PostgreSQL` has.
    Postgres(Server),
}

/// A server and one of its databases. What is not said is chosen as `PostgreSQL`'s own programs do.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct Server {
    /// Who asks.
    pub user: Option<String>,
    /// The password of `user`.
    pub password: Option<String>,
    /// The machine, or the directory of the socket.
    pub host: Option<String>,
    /// The port, or the number at the end of the socket's name.
    pub port: Option<u16>,
    /// The database.
    pub database: Option<String>,
}

impl fmt::Debug for Server {
    /// Without the password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Server")
            .field("user", &self.user)
            .field("host", &self.host)
            .field("port", &self.port)
            .field("database", &self.database)
            .finish_non_exhaustive()
    }
}

impl Dburl {
    /// What `typed` means; `:NAME` is looked up in the lines that `aliases` gives.
    ///
    /// # Errors
    ///
    /// One line that says what is wrong with it.
    pub fn parse(typed: &str, aliases: impl FnOnce() -> String) -> Result<Self, String> {
        let (append, url) = match typed.strip_prefix('+') {
            Some(rest) => (true, rest),
            None => (false, typed),
        };
        let mut url = Cow::Borrowed(without_sql(url));
        if url.starts_with(':') {
            url = Cow::Owned(alias::resolve(&url, &aliases())?);
        }
        let shown = without_password(typed);
        let (vendor, rest) = url
            .split_once("://")
            .ok_or_else(|| format!("'{shown}' is no DBURL, as sqlite3:///FILE/TABLE is one"))?;
        let rest = rest.split_once('?').map_or(rest, |(rest, _)| rest);
        let found = match vendor.to_ascii_lowercase().as_str() {
            "sqlite" | "sqlite2" | "sqlite3" => sqlite(rest),
            "pg" | "postgres" | "postgresql" => postgres(rest),
            _ => {
                return Err(format!(
                    "'{shown}': databases of the kind '{vendor}' are not supported; {SUPPORTED}"
                ));
            }
        };
        let found = found.map_err(|wrong| format!("the DBURL '{shown}' has {wrong}"))?;
        let (database, table) = found.ok_or_else(|| {
            format!(
                "the DBURL '{shown}' must end with a table: sqlite3:///FILE/TABLE, \
                 pg://USER@HOST/DATABASE/TABLE"
            )
        })?;
        Ok(Self {
            database,
            table,
            append,
        })
    }
}

/// What `rest`, behind `sqlite://`, means; `None`: there is no table in it.
fn sqlite(rest: &str) -> Result<Option<(Database, String)>, &'static str> {
    // What stands before the first slash would be a host, of which SQLite knows none.
    let path = rest.split_once('/').map_or("", |(_, path)| path);
    let (database, table) = path.rsplit_once('/').unwrap_or((path, ""));
    if database.is_empty() || table.is_empty() {
        return Ok(None);
    }
    Ok(Some((
        Database::Sqlite(decoded(database)?),
        decoded(table)?,
    )))
}

/// What `rest`, behind `pg://`, means; `None`: there is no table in it.
fn postgres(rest: &str) -> Result<Option<(Database, String)>, &'static str> {
    // A password may have slashes in it.
    let (login, rest) = match rest.split_once('@') {
        Some((login, behind)) if !login.starts_with('/') => (login, behind),
        _ => ("", rest),
    };
    let (user, password) = login.split_once(':').unwrap_or((login, ""));
    let (host, path) = rest.split_once('/').unwrap_or((rest, ""));
    let (host, port) = host_and_port(host)?;
    let (database, table) = path.split_once('/').unwrap_or((path, ""));
    if table.is_empty() {
        return Ok(None);
    }
    let given = |text: &str| match text {
        "" => Ok(None),
        _ => decoded(text).map(Some),
    };
    let port = given(port)?
        .map(|port| port.parse().map_err(|_| NO_PORT))
        .transpose()?;
    let server = Server {
        user: given(user)?,
        password: given(password)?,
        host: given(host)?,
        port,
        database: given(database)?,
    };
    Ok(Some((Database::Postgres(server), decoded(table)?)))
}

/// The host and the port of `text`; an address with colons stands in brackets.
fn host_and_port(text: &str) -> Result<(&str, &str), &'static str> {
    let Some(inside) = text.strip_prefix('[') else {
        return Ok(text.split_once(':').unwrap_or((text, "")));
    };
    let (host, behind) = inside
        .split_once(']')
        .ok_or("a bracket that is not closed")?;
    match behind.strip_prefix(':') {
        Some(port) => Ok((host, port)),
        None if behind.is_empty() => Ok((host, "")),
        None => Err("something else than a port behind the host"),
    }
}

/// `typed` for messages: whatever may be a password is left out.
fn without_password(typed: &str) -> String {
    let begin = typed.find("://").map_or(0, |at| at + 3);
    let (vendor, rest) = typed.split_at(begin);
    match rest.rsplit_once('@') {
        Some((login, behind)) => {
            let user = login.split_once(':').map_or(login, |(user, _)| user);
            let hidden = if user.len() < login.len() { ":…" } else { "" };
            format!("{vendor}{user}{hidden}@{behind}")
        }
        None => typed.to_owned(),
    }
}

/// `text` with characters for `%2F` and the like.
fn decoded(text: &str) -> Result<String, &'static str> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let code = (first == b'%')
            .then(|| after.get(..2))
            .flatten()
            .and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        bytes.push(code.unwrap_or(first));
        rest = if code.is_some() { &after[2..] } else { after };
    }
    if bytes.contains(&0) {
        return Err(NO_TEXT);
    }
    String::from_utf8(bytes).map_err(|_| NO_TEXT)
}

#[cfg(test)]
mod tests {
    use super::{Database, Dburl};

    fn parse(typed: &str) -> Result<(Database, String, bool), String> {
        let aliases = || {
            let lines = [
                ":db sqlite3:///a.db",
                ":tbl  sqlite3:///a.db/t",
                ":its sql::db/v ",
                "# :none sqlite3:///a.db/t",
                ":one :other",
                ":other :one",
            ];
            lines.join("\n")
        };
        Dburl::parse(typed, aliases).map(|url| (url.database, url.table, url.append))
    }

    #[test]
    fn a_file_and_a_table() {
        for (typed, database, table, append) in [
            ("sqlite3:///a.db/t", "a.db", "t", false),
            ("+sqlite:////tmp/a.db/t", "/tmp/a.db", "t", true),
            (
                "sql:sqlite2:///%2Ftmp%2fa%20b.db/t",
                "/tmp/a b.db",
                "t",
                false,
            ),
            ("SQLite3:///100%/t", "100%", "t", false),
            ("+:tbl", "a.db", "t", true),
            ("sql::tbl", "a.db", "t", false),
            (":db/u", "a.db", "u", false),
            (":its", "a.db", "v", false),
            ("sqlite3:///a.db/t?a/b", "a.db", "t", false),
            ("sqlite3:///a%3fb.db/t", "a?b.db", "t", false),
        ] {
            let want = (
                Database::Sqlite(database.to_owned()),
                table.to_owned(),
                append,
            );
            assert_eq!(parse(typed), Ok(want), "{typed}");
        }
    }

    #[test]
    fn a_server_a_database_and_a_table() {
        let parts = |typed: &str| {
            let (database, table, _) = parse(typed).unwrap();
            let Database::Postgres(server) = database else {
                panic!("{typed}: {database:?}");
            };
            let port = server.port.map(|port| port.to_string());
            let parts = [
                server.user,
                server.password,
                server.host,
                port,
                server.database,
                Some(table),
            ];
            parts
                .map(|part| part.unwrap_or_else(|| "-".to_owned()))
                .join(" ")
        };
        for (typed, want) in [
            ("pg:////t", "- - - - - t"),
            ("PG:///db/t", "- - - - db t"),
            ("postgres://host/db/t", "- - host - db t"),
            ("+postgresql://u@:77/db/t?a=b", "u - - 77 db t"),
            (
                "sql:pg://u:p/w:x@%2Ftmp%2fs:5/d/s.t",
                "u p/w:x /tmp/s 5 d s.t",
            ),
            ("pg://:p%40@h//t/u", "- p@ h - - t/u"),
            ("pg:///db/a@b", "- - - - db a@b"),
            ("pg://[::1]/db/t", "- - ::1 - db t"),
            ("pg://u:p@[fe80::2%25eth0]:5/d/t", "u p fe80::2%eth0 5 d t"),
        ] {
            assert_eq!(parts(typed), want, "{typed}");
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (typed, why) in [
            ("sqlite3:///a.db", "must end with a table"),
            ("sqlite3://a.db/t", "must end with a table"),
            (":db", "must end with a table"),
            (
                "mysql://u:p@host/db/t",
                "'mysql' are not supported; sqlite3",
            ),
            ("pg:///db", "must end with a table"),
            ("pg://host:x/db/t", "a port that is no number"),
            ("pg://host:/db%ff/t", "stand for no text"),
            ("pg://[::1/db/t", "not closed"),
            ("pg://[::1]5/db/t", "behind the host"),
            (":one", "stands for itself"),
            ("pgssl:///db/t", "'pgssl' are not supported"),
            ("x", "'x' is no DBURL"),
            (":none", "':none' is in none of"),
        ] {
            let error = parse(typed).unwrap_err();
            assert!(error.contains(why), "{typed}: {error}");
        }
    }

    #[test]
    fn passwords_are_in_no_message() {
        for typed in [
            "mysql://u:secret@host/db/t",
            "pg:/u:secret@host/db/t",
            "pg://u:secret@host/db",
            "pg://u:sec@ret:secret@host/db/t",
            "pg://u:secret%ff@host/db/t",
            "pg://u:/secret@host:x/db/t",
        ] {
            let error = parse(typed).unwrap_err();
            assert!(
                !error.contains("secret") && error.contains(":…@host"),
                "{error}"
            );
        }
    }
}
