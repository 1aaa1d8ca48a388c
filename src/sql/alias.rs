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

/// `url`, which begins with `:NAME`, with what `lines` has for that.
///
/// # Errors
///
/// When they have nothing.
pub(super) fn resolve(url: &str, lines: &str) -> Result<String, String> {
    let (name, rest) = url.split_at(url.find('/').unwrap_or(url.len()));
    lines
        .lines()
        .filter_map(|line| line.trim().split_once(char::is_whitespace))
        .find(|(alias, _)| *alias == name)
        .map(|(_, meant)| format!("{}{rest}", meant.trim_start()))
        .ok_or_else(|| {
            format!("'{name}' is in none of ~/.sql/aliases, ~/.dburl.aliases, /etc/sql/aliases")
        })
}
