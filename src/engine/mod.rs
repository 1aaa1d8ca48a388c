//! Where attempts run.

pub mod shell;
