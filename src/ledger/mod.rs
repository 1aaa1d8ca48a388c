//! What is written down about a run so that it can be read again.
//!
//! * [`joblog`]: GNU parallel's format;
//! * [`jsonl`]: the JSON stream;
//! * [`done`]: what a joblog or a JSON stream says is done already;
//! * [`kind`]: what a file is the record of;
//! * [`key`]: by what the same piece of work is known again.

pub mod done;
pub mod joblog;
pub mod jsonl;
pub mod key;
pub mod kind;
