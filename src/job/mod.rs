//! Jobs from records.
