//! Compressed files, read through the programs that decompress them.

use std::fs::File;
use std::io::{self, Read as _, Seek as _};
use std::path::Path;
use std::process::{Command, Stdio};

use super::helper::{Helper, Kind};

/// What the names of compressed files end with, what they begin with, and who decompresses them.
const KINDS: [(&str, &[u8], &str); 9] = [
    ("gz", b"\x1f\x8b", "gzip"),
    ("Z", b"\x1f\x9d", "gzip"),
    ("bz2", b"BZh", "bzip2"),
    ("xz", b"\xfd7zXZ\0", "xz"),
    ("zst", b"\x28\xb5\x2f\xfd", "zstd"),
    ("tgz", b"\x1f\x8b", "gzip"),
    ("lzma", b"\x5d\0\0", "lzma"),
    ("lzo", b"\x89LZO", "lzop"),
    ("lz4", b"\x04\x22\x4d\x18", "lz4"),
];

/// A running program that decompresses a file; it ends when nobody wants its output any more.
#[derive(Debug)]
pub struct Decompressor {
    program: &'static str,
    /// Killed when this is dropped.
    process: Helper,
}

/// The content of `file`, which is at `path`; where both its name and its beginning say that it is compressed,
/// what it becomes.
///
/// # Errors
///
/// When the program that decompresses it cannot be started: names it.
pub fn decompressed(path: &Path, mut file: File) -> io::Result<(File, Option<Decompressor>)> {
    let Some(program) = decompressor_of(path, &mut file)? else {
        return Ok((file, None));
    };
    let mut command = Command::new(program);
    command.arg("-dc").stdin(file).stdout(Stdio::piped());
    let mut process = Helper::start(command, Kind::Gives).map_err(|error| {
        io::Error::new(error.kind(), format!("cannot start {program}: {error}"))
    })?;
    let output = process.stdout().take();
    let output = output.ok_or_else(|| io::Error::other(format!("cannot talk to {program}")))?;
    let output = File::from(std::os::fd::OwnedFd::from(output));
    Ok((output, Some(Decompressor { program, process })))
}

fn decompressor_of(path: &Path, file: &mut File) -> io::Result<Option<&'static str>> {
    let extension = path.extension().unwrap_or_default();
    let kind = KINDS.iter().find(|(name, ..)| extension == *name);
    // Of a pipe nothing can be read and put back.
    let Some((_, magic, program)) = kind.filter(|_| file.metadata().is_ok_and(|it| it.is_file()))
    else {
        return Ok(None);
    };
    let mut head = Vec::new();
    file.by_ref()
        .take(magic.len() as u64)
        .read_to_end(&mut head)?;
    file.rewind()?;
    Ok((head == *magic).then_some(*program))
}

impl Decompressor {
    /// To be called when all of its output was read.
    ///
    /// # Errors
    ///
    /// When it did not decompress the whole file: names the program, which has said more itself.
    pub fn finish(mut self) -> io::Result<()> {
        let status = self.process.wait()?;
        if status.success() {
            return Ok(());
        }
        Err(io::Error::other(format!(
            "{} ended with {status}",
            self.program
        )))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::process::Stdio;

    use super::*;

    fn read(path: &Path) -> io::Result<Vec<u8>> {
        let (mut file, decompressor) = decompressed(path, File::open(path)?)?;
        let mut content = Vec::new();
        file.read_to_end(&mut content)?;
        decompressor.map_or(Ok(()), Decompressor::finish)?;
        Ok(content)
    }

    #[test]
    fn what_is_compressed_is_decompressed_and_nothing_else() {
        let dir = tempfile::tempdir().unwrap();
        let (plain, packed) = (dir.path().join("plain.gz"), dir.path().join("packed.gz"));
        fs::write(&plain, "a\nb\n").unwrap();
        let gzip = Command::new("gzip")
            .arg("-c")
            .arg(&plain)
            .stdout(File::create(&packed).unwrap())
            .stderr(Stdio::null())
            .status();
        assert!(gzip.unwrap().success());
        assert_eq!(read(&plain).unwrap(), b"a\nb\n");
        assert_eq!(read(&packed).unwrap(), b"a\nb\n");

        let mut half = fs::read(&packed).unwrap();
        half.truncate(half.len() - 4);
        fs::write(&packed, &half).unwrap();
        let error = read(&packed).unwrap_err().to_string();
        assert!(error.contains("gzip"), "{error}");
    }
}
