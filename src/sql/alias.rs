//! Short names for databases: lines `:NAME DBURL` in files.

use std::path::Path;

/// The lines of all files with aliases, those of the user in `home` first.
pub fn lines(home: Option<&Path>) -> String {
    let own = home
        .into_iter()
        .flat_map(|home| [".sql/aliases", ".dburl.aliases"].map(|name| home.join(name)));
    own.chain(["/etc/sql/aliases".into()])
        .filter_map(|path| std::fs::read(path).ok())
        .map(|bytes| String::from_utf8_lossy(&bytes).into_owned() + "\n")
        .collect()
}

/// `url`, which begins with `:NAME`, with what `lines` has for that; it may be another alias.
///
/// # Errors
///
/// When they have nothing, or an alias stands for itself.
pub(super) fn resolve(url: &str, lines: &str) -> Result<String, String> {
    let aliases: Vec<_> = lines
        .lines()
        .filter_map(|line| line.trim().split_once(char::is_whitespace))
        .collect();
    let mut url = without_sql(url).to_owned();
    // Each alias is needed once at most.
    for _ in 0..=aliases.len() {
        if !url.starts_with(':') {
            return Ok(url);
        }
        let (name, rest) = url.split_at(url.find('/').unwrap_or(url.len()));
        let Some((_, meant)) = aliases.iter().find(|(alias, _)| *alias == name) else {
            return Err(format!(
                "'{name}' is in none of ~/.sql/aliases, ~/.dburl.aliases, /etc/sql/aliases"
            ));
        };
        url = format!("{}{rest}", without_sql(meant.trim_start()));
    }
    Err(format!("the alias '{url}' stands for itself"))
}

/// As GNU parallel: `sql:` may stand in front.
pub(super) fn without_sql(mut url: &str) -> &str {
    while let Some(rest) = url.strip_prefix("sql:") {
        url = rest;
    }
    url
}
