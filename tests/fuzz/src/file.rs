//! Files that are read by their names, as the library reads them, and that no disk is bothered with.

use std::fs::File;
use std::io::{Seek as _, Write as _};
use std::os::fd::{AsRawFd as _, FromRawFd as _};
use std::path::PathBuf;

/// Whether the last line of `bytes` is without its end, as after a crash.
pub fn is_torn(bytes: &[u8]) -> bool {
    bytes.last().is_some_and(|last| *last != b'\n')
}

/// A file in memory.
#[derive(Debug)]
pub struct MemoryFile(File);

impl MemoryFile {
    /// One that holds `bytes`.
    #[allow(unsafe_code)]
    pub fn new(bytes: &[u8]) -> Self {
        // SAFETY: the name is a C string; what the kernel gives is a descriptor that nobody else owns.
        let mut file = unsafe {
            let fd = libc::memfd_create(c"fuzz".as_ptr(), libc::MFD_CLOEXEC);
            assert!(fd >= 0, "memfd_create fails");
            File::from_raw_fd(fd)
        };
        file.write_all(bytes).expect("memory can be written to");
        file.rewind().expect("memory can be rewound");
        Self(file)
    }

    /// What it is opened by; each opening has a position of its own.
    pub fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.0.as_raw_fd()).into()
    }
}

/// A pipe that has been written and closed.
#[derive(Debug)]
pub struct FullPipe(File);

impl FullPipe {
    /// How many bytes one holds for sure.
    pub const MOST: usize = 1 << 15;

    /// One that holds `bytes`, at most [`MOST`](Self::MOST).
    #[allow(unsafe_code)]
    pub fn new(bytes: &[u8]) -> Self {
        assert!(bytes.len() <= Self::MOST);
        let mut ends = [-1; 2];
        // SAFETY: there is room for both descriptors, which nobody else owns.
        let [from, to] = unsafe {
            assert_eq!(libc::pipe2(ends.as_mut_ptr(), libc::O_CLOEXEC), 0);
            ends.map(|fd| File::from_raw_fd(fd))
        };
        (&to).write_all(bytes).expect("it has room");
        Self(from)
    }

    /// What it is opened by.
    pub fn path(&self) -> PathBuf {
        format!("/proc/self/fd/{}", self.0.as_raw_fd()).into()
    }
}
