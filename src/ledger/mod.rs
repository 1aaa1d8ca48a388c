//! What is written down about a run so that it can be read again: formats only, no files.

pub mod joblog;
