//! Which database and table is meant: `vendor://[[user][:password]@][host][:port]/database/table`.

use super::alias;

/// The kinds of databases that are supported, in words.
const SUPPORTED: &str = "sqlite3 (or sqlite)";

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
        let mut url = without_sql(url).to_owned();
        if url.starts_with(':') {
            url = alias::resolve(&url, &aliases())?;
        }
        let (vendor, rest) = without_sql(&url)
            .split_once("://")
            .ok_or_else(|| format!("'{typed}' is no DBURL, as sqlite3:///FILE/TABLE is one"))?;
        if !matches!(
            vendor.to_ascii_lowercase().as_str(),
            "sqlite" | "sqlite2" | "sqlite3"
        ) {
            return Err(format!(
                "'{typed}': databases of the kind '{vendor}' are not supported; {SUPPORTED} is"
            ));
        }
        // What stands before the first slash would be a host, of which SQLite knows none.
        let path = rest.split_once('/').map_or("", |(_, path)| path);
        let (database, table) = path.rsplit_once('/').unwrap_or((path, ""));
        if database.is_empty() || table.is_empty() {
            return Err(format!(
                "the DBURL '{typed}' must end with a table: sqlite3:///FILE/TABLE"
            ));
        }
        Ok(Self {
            database: Database::Sqlite(decoded(database)?),
            table: decoded(table)?,
            append,
        })
    }
}

/// As GNU parallel: `sql:` may stand in front.
fn without_sql(mut url: &str) -> &str {
    while let Some(rest) = url.strip_prefix("sql:") {
        url = rest;
    }
    url
}

/// `text` with characters for `%2F` and the like.
fn decoded(text: &str) -> Result<String, String> {
    let wrong = || format!("'{text}' in a DBURL is no text");
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
        return Err(wrong());
    }
    String::from_utf8(bytes).map_err(|_| wrong())
}

#[cfg(test)]
mod tests {
    use super::{Database, Dburl};

    fn parse(typed: &str) -> Result<(Database, String, bool), String> {
        let aliases = || ":db sqlite3:///a.db\n:tbl  sqlite3:///a.db/t\n".to_owned();
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
    fn what_is_wrong_is_named() {
        for (typed, why) in [
            ("sqlite3:///a.db", "must end with a table"),
            ("sqlite3://a.db/t", "must end with a table"),
            (":db", "must end with a table"),
            (
                "mysql://u:p@host/db/t",
                "'mysql' are not supported; sqlite3",
            ),
            ("x", "'x' is no DBURL"),
            (":none", "':none' is in none of"),
        ] {
            let error = parse(typed).unwrap_err();
            assert!(error.contains(why), "{typed}: {error}");
        }
    }
}
