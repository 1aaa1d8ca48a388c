//! Where temporary files are.

use std::env;
use std::path::PathBuf;

/// The directory for temporary files: `$TMPDIR`, or `/tmp` where that is not set, or empty.
pub fn dir() -> PathBuf {
    env::var_os("TMPDIR")
        .filter(|dir| !dir.is_empty())
        .map_or_else(|| PathBuf::from("/tmp"), PathBuf::from)
}
