//! Variables of the environment that name directories.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::os::unix::ffi::{OsStrExt, OsStringExt};

/// Those that fanout or GNU parallel goes by.
const VARIABLES: [&str; 5] = [
    "TMPDIR",
    "PARALLEL_HOME",
    "XDG_CONFIG_DIRS",
    "XDG_CONFIG_HOME",
    "XDG_CACHE_HOME",
];

/// Takes the CR off the end of each of them that has one, as where a script with the line ends of Windows
/// has set it, for fanout and its jobs. Returns the names of those.
///
/// Called before there is a second thread; where there is one, everything stays as it is.
#[allow(unsafe_code)]
pub fn without_cr() -> Vec<&'static str> {
    let shorter = |name: &'static str| {
        let value = env::var_os(name)?;
        let text = value.as_bytes().strip_suffix(b"\r")?;
        Some((name, OsString::from_vec(text.to_vec())))
    };
    let found: Vec<_> = VARIABLES.into_iter().filter_map(shorter).collect();
    if found.is_empty() || threads() != Some(1) {
        return Vec::new();
    }
    for (name, value) in &found {
        // SAFETY: this is the only thread, so that nobody reads the environment now.
        unsafe { env::set_var(name, value) };
    }
    found.into_iter().map(|(name, _)| name).collect()
}

/// How many threads this process has.
fn threads() -> Option<usize> {
    Some(fs::read_dir("/proc/self/task").ok()?.count())
}
