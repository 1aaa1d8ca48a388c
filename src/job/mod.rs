//! Jobs from records.

pub mod pack;
