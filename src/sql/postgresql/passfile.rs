//! Passwords in `~/.pgpass`: lines `host:port:database:user:password`, of which the first that fits counts.

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;

/// The password that `file` has for this host, port, database and user. As `PostgreSQL`'s own programs: a file that
/// others may read is left alone.
pub(super) fn password(file: &Path, wanted: [&str; 4]) -> Option<String> {
    let info = fs::metadata(file).ok()?;
    if !info.is_file() || info.permissions().mode() & 0o077 > 0 {
        return None;
    }
    find(&String::from_utf8_lossy(&fs::read(file).ok()?), wanted)
}

fn find(lines: &str, wanted: [&str; 4]) -> Option<String> {
    lines
        .lines()
        .filter(|line| !line.starts_with('#'))
        .find_map(|line| {
            let mut rest = line;
            for wanted in wanted {
                let (found, behind) = field(rest);
                if found != wanted && !rest.starts_with("*:") {
                    return None;
                }
                rest = behind?;
            }
            Some(field(rest).0)
        })
}

/// What stands before the first colon, and behind it. A backslash takes the meaning from what follows.
fn field(line: &str) -> (String, Option<&str>) {
    let mut field = String::new();
    let mut chars = line.char_indices();
    while let Some((at, char)) = chars.next() {
        match char {
            ':' => return (field, Some(&line[at + 1..])),
            '\\' => field.extend(chars.next().map(|(_, char)| char)),
            _ => field.push(char),
        }
    }
    (field, None)
}

#[cfg(test)]
mod tests {
    use super::find;

    #[test]
    fn the_first_line_that_fits_has_the_password() {
        let lines = "# a:1:d:u:no\nh:1:d:v:other\nh:1:*:u:p\\:\\\\w\n*:*:*:*:any\n";
        let password = |host, user| find(lines, [host, "1", "d", user]);
        assert_eq!(password("h", "u").as_deref(), Some("p:\\w"));
        assert_eq!(password("h", "v").as_deref(), Some("other"));
        assert_eq!(password("x", "u").as_deref(), Some("any"));
        assert_eq!(find("h:1:d", ["h", "1", "d", "u"]), None);
    }
}
