//! The C library's locales.
#![allow(unsafe_code)]

use std::ffi::CString;

/// Whether the locale called `name` is installed, so that a program that asks for it gets it.
pub fn is_installed(name: &[u8]) -> bool {
    let Ok(name) = CString::new(name) else {
        return false;
    };
    // SAFETY: a live C string; a locale that was made is freed once and not used.
    unsafe {
        let locale = libc::newlocale(libc::LC_ALL_MASK, name.as_ptr(), std::ptr::null_mut());
        if locale.is_null() {
            return false;
        }
        libc::freelocale(locale);
    }
    true
}

#[cfg(test)]
mod tests {
    use super::is_installed;

    #[test]
    fn the_c_locale_always_is() {
        assert!(is_installed(b"C"));
        assert!(is_installed(b"POSIX"));
        assert!(!is_installed(b"xx_YY.UTF-8"));
        assert!(!is_installed(b"a\0b"));
    }
}
