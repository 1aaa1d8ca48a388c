//! Terminals.

/// The number of the terminal that controls this process; `None`: it has none.
pub fn controlling() -> Option<i32> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // The second field is the program's name, in parentheses, and may have anything in it.
    let (_, fields) = stat.rsplit_once(") ")?;
    let number = fields.split(' ').nth(4)?.parse().ok()?;
    Some(number).filter(|&number| number != 0)
}
