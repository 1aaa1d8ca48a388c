//! The columns that a table has for jobs, and the values that say how far a job is.

/// The `Exitval` of a row that waits.
pub(super) const WAITS: i32 = -1000;
/// The `Exitval` of a row that a worker has taken.
pub(super) const TAKEN: i32 = -1220;

/// The columns of so many arguments.
pub(super) fn arguments(count: usize, separator: &str) -> String {
    let names: Vec<_> = (1..=count).map(|number| format!("V{number}")).collect();
    names.join(separator)
}

/// The number of the argument that the column `name` has.
pub(super) fn argument(name: &str) -> Option<usize> {
    let digits = name.strip_prefix(['V', 'v'])?;
    let number = digits.parse().ok().filter(|&number: &usize| number > 0)?;
    (number.to_string() == digits).then_some(number)
}
