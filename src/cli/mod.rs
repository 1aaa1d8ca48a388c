//! What was typed, resolved into a plan.

pub mod jobs_count;
