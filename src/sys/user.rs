//! Who this process belongs to.
#![allow(unsafe_code)]

use std::ffi::{CStr, OsStr};
use std::mem::MaybeUninit;
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::ptr;

/// The largest buffer that is tried for an entry.
const MOST_BYTES: usize = 1 << 20;

/// The login name of the effective user, wherever the system keeps it; `None`: it has none, or one that is no UTF-8.
pub fn name() -> Option<String> {
    entry(|found| {
        // SAFETY: the entry is filled; its name is a C string.
        let name = unsafe { CStr::from_ptr(found.pw_name) };
        name.to_str().ok().map(str::to_owned)
    })
}

/// The home directory of the effective user, wherever the system keeps it; `None`: it has none.
pub fn home() -> Option<PathBuf> {
    entry(|found| {
        // SAFETY: the entry is filled; its directory is a C string.
        let home = unsafe { CStr::from_ptr(found.pw_dir) }.to_bytes();
        (!home.is_empty()).then(|| PathBuf::from(OsStr::from_bytes(home)))
    })
}

/// What `take` has of the effective user's entry; `None`: there is no entry.
fn entry<T>(take: impl FnOnce(&libc::passwd) -> Option<T>) -> Option<T> {
    let mut buffer: Vec<libc::c_char> = vec![0; 1024];
    loop {
        let mut entry = MaybeUninit::<libc::passwd>::uninit();
        let mut found = ptr::null_mut();
        // SAFETY: all pointers are to live memory, of the length that is said.
        let code = unsafe {
            libc::getpwuid_r(
                libc::geteuid(),
                entry.as_mut_ptr(),
                buffer.as_mut_ptr(),
                buffer.len(),
                &raw mut found,
            )
        };
        match code {
            libc::ERANGE if buffer.len() < MOST_BYTES => buffer.resize(buffer.len() * 2, 0),
            0 if !found.is_null() => {
                // SAFETY: `found` is the entry, which is filled; its strings are in the buffer, which lives on.
                return take(unsafe { &*found });
            }
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    #[test]
    fn it_is_the_name_that_id_tells() {
        let run = Command::new("id").arg("-un").output().unwrap();
        let told = String::from_utf8(run.stdout).unwrap();
        let told = run.status.success().then(|| told.trim_end().to_owned());
        assert_eq!(super::name(), told);
    }
}
