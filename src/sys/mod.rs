//! What the kernel offers, behind small safe surfaces. All `unsafe` code of the project lives here.

pub mod cpu;
pub mod spool;
