//! An environment as `execve(2)` takes it, built once and patched per job.

use std::ffi::{CString, OsString, c_char};
use std::os::unix::ffi::OsStringExt;

/// `NAME=value` strings and the pointer array over them.
///
/// A few variables change from job to job; they have fixed places at the array's beginning, so that a
/// job costs no walk over the environment.
#[derive(Debug)]
pub struct EnvBlock {
    /// How many variables change.
    changing: usize,
    /// Owns what `pointers` points to, in the same order, the `changing` ones first.
    strings: Vec<CString>,
    /// One pointer for each string, then null.
    pointers: Vec<*const c_char>,
}

// SAFETY: the pointers only ever point into `strings`, which the block owns and nobody else changes.
#[allow(unsafe_code)]
unsafe impl Send for EnvBlock {}

impl EnvBlock {
    /// The block of `variables`, with places for the variables named `changing` in front.
    ///
    /// A changing variable is absent from the environment until [`EnvBlock::set`] gives it a value, but
    /// its place must be filled before the block is used: it starts as `NAME=`.
    pub fn new(
        variables: impl IntoIterator<Item = (OsString, OsString)>,
        changing: &[&str],
    ) -> Self {
        let fixed = variables
            .into_iter()
            .filter(|(name, _)| changing.iter().all(|changed| name != changed))
            .map(|(name, value)| entry(&name.into_vec(), &value.into_vec()));
        let strings: Vec<CString> = changing
            .iter()
            .map(|name| entry(name.as_bytes(), b""))
            .chain(fixed)
            .collect();
        let pointers = strings
            .iter()
            .map(|string| string.as_ptr())
            .chain([std::ptr::null()])
            .collect();
        Self {
            changing: changing.len(),
            strings,
            pointers,
        }
    }

    /// As [`set`](Self::set), for the last of the changing variables.
    pub fn set_last(&mut self, name: &str, value: &[u8]) {
        if let Some(place) = self.changing.checked_sub(1) {
            self.set(place, name, value);
        }
    }

    /// Gives the changing variable at `place` (its index in `changing`) a new name and value.
    pub fn set(&mut self, place: usize, name: &str, value: &[u8]) {
        self.strings[place] = entry(name.as_bytes(), value);
        self.pointers[place] = self.strings[place].as_ptr();
    }

    /// The null-terminated array for `execve(2)`; valid while the block lives unchanged.
    pub(in crate::sys) fn as_ptr(&self) -> *const *const c_char {
        self.pointers.as_ptr()
    }
}

/// `name=value`; what follows a NUL, which no environment can hold, is cut off.
fn entry(name: &[u8], value: &[u8]) -> CString {
    let mut bytes = Vec::with_capacity(name.len() + value.len() + 2);
    bytes.extend_from_slice(name);
    bytes.push(b'=');
    bytes.extend_from_slice(value);
    if let Some(nul) = memchr::memchr(0, &bytes) {
        bytes.truncate(nul);
    }
    CString::new(bytes).unwrap_or_default()
}

/// The arguments of one program as `execve(2)` takes them; its buffers are used again for the next one.
#[derive(Debug, Default)]
pub struct ArgBlock {
    bytes: Vec<u8>,
    pointers: Vec<*const c_char>,
}

// SAFETY: the pointers only ever point into `bytes`, which the block owns.
#[allow(unsafe_code)]
unsafe impl Send for ArgBlock {}

impl ArgBlock {
    /// Replaces the content by `words`. A word ends at its first NUL, as everything in C.
    pub fn fill<'a>(&mut self, words: impl Iterator<Item = &'a [u8]> + Clone) {
        self.bytes.clear();
        for word in words.clone() {
            self.bytes.extend_from_slice(word);
            self.bytes.push(0);
        }
        self.pointers.clear();
        let mut offset = 0;
        for word in words {
            self.pointers.push(self.bytes[offset..].as_ptr().cast());
            offset += word.len() + 1;
        }
        self.pointers.push(std::ptr::null());
    }

    /// The null-terminated array for `execve(2)`; valid while the block lives unchanged.
    pub(in crate::sys) fn as_ptr(&self) -> *const *const c_char {
        self.pointers.as_ptr()
    }
}

#[cfg(test)]
mod tests {
    use super::EnvBlock;

    #[test]
    fn changing_variables_replace_inherited_ones() {
        let inherited = [("A", "1"), ("SEQ", "outer")].map(|(n, v)| (n.into(), v.into()));
        let mut block = EnvBlock::new(inherited, &["SEQ"]);
        block.set(0, "SEQ", b"7");
        let shown: Vec<_> = block.strings.iter().map(|s| s.to_str().unwrap()).collect();
        assert_eq!(shown, ["SEQ=7", "A=1"]);
        assert_eq!(block.pointers.len(), 3);
    }
}
