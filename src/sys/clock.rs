//! The time of day.

use std::time::{SystemTime, UNIX_EPOCH};

/// The hour and minute that clocks show here at the moment `at`.
#[allow(unsafe_code)]
pub fn local_hour_and_minute(at: SystemTime) -> Option<(i32, i32)> {
    let seconds = at.duration_since(UNIX_EPOCH).ok()?.as_secs();
    let seconds = libc::time_t::try_from(seconds).ok()?;
    // SAFETY: an all-zero tm is valid; both pointers are to values that outlive the call.
    unsafe {
        let mut local: libc::tm = std::mem::zeroed();
        let known = libc::localtime_r(&raw const seconds, &raw mut local);
        (!known.is_null()).then_some((local.tm_hour, local.tm_min))
    }
}
