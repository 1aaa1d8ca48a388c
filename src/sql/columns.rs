//! The columns that a table has for jobs, and the values that say how far a job is.

use super::SqlError;

/// The `Exitval` of a row that waits.
pub(super) const WAITS: i32 = -1000;
/// The `Exitval` of a row that a worker has taken.
pub(super) const TAKEN: i32 = -1220;

/// What holds of a row whose job has failed; one with -2 was never to run.
pub(super) const FAILED: &str =
    "Exitval NOT IN (0, -2, -1000, -1220) OR (Exitval = 0 AND _Signal <> 0)";

/// The columns of a table for jobs with so many arguments, as a new table has them.
pub(super) fn definition(values: usize) -> String {
    let mut values = arguments(values, " TEXT, ");
    if !values.is_empty() {
        values += " TEXT, ";
    }
    format!(
        "Seq BIGINT, Host TEXT, Starttime FLOAT(44), JobRuntime FLOAT(44), Send BIGINT, Receive BIGINT, \
         Exitval BIGINT, _Signal BIGINT, Command TEXT, {values}Stdout TEXT, Stderr TEXT"
    )
}

/// How many arguments the table `shown` in `place` has room for, which has these columns.
///
/// # Errors
///
/// When it has none: it is not there.
pub(super) fn room(columns: &[String], shown: &str, place: &str) -> Result<usize, SqlError> {
    if columns.is_empty() {
        return Err(SqlError {
            why: format!("there is no table '{shown}' in {place}"),
            missing: true,
        });
    }
    let numbers = columns.iter().filter_map(|name| argument(name));
    Ok(numbers.max().unwrap_or(0))
}

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
