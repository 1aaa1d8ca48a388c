//! How a record is told from the next and cut into columns: what [`input`](crate::input) and [`pipe`](crate::pipe)
//! both need.
//!
//! * [`delimiter`]: what ends an input, and how `-d` spells it;
//! * [`pattern`]: Perl regexps, with a bound on their time;
//! * [`csv`]: quoted fields;
//! * [`columns`]: the columns of a line of `--pipe` input;
//! * [`visible`]: input in messages.

pub mod columns;
pub mod csv;
pub mod delimiter;
pub mod pattern;
pub mod visible;
