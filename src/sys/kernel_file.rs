//! Files that the kernel makes up as they are read, as those in `/proc`.

use std::fs::File;
use std::io;
use std::path::Path;

use super::fd;

/// As much is read at once, in bytes: all of most such files.
const ROOM: usize = 4096;

/// All of the file at `path`. The kernel says that its size is 0, so [`std::fs::read`] would ask for a few bytes at a
/// time, and have the file made up again for each.
///
/// # Errors
///
/// When it cannot be opened or read.
pub fn read(path: impl AsRef<Path>) -> io::Result<Vec<u8>> {
    let file = File::open(path)?;
    let mut bytes = Vec::new();
    while fd::read_into(&file, &mut bytes, ROOM)? > 0 {}
    Ok(bytes)
}

/// The same as text, with U+FFFD for what is none.
///
/// # Errors
///
/// As for [`read`].
pub fn read_to_string(path: impl AsRef<Path>) -> io::Result<String> {
    read(path).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_of_a_file_is_read_whatever_its_size() {
        let stat = read_to_string("/proc/self/stat").unwrap();
        assert!(stat.ends_with('\n') && stat.starts_with(&std::process::id().to_string()));
        let file = tempfile::NamedTempFile::new().unwrap();
        for size in [0, 1, ROOM - 1, ROOM, ROOM + 1, 10 * ROOM] {
            std::fs::write(file.path(), vec![b'x'; size]).unwrap();
            assert_eq!(read(file.path()).unwrap().len(), size);
        }
        assert!(read("/nonexistent").is_err());
    }
}
