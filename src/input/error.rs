//! What can go wrong with an input, in words.

use std::error::Error;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use crate::record::visible::visible;

/// Why there are no (more) records. Its text names the source; it has no `fanout:` in front.
#[derive(Debug)]
pub enum InputError {
    /// A file could not be opened.
    Open {
        /// Which one.
        source: SourceName,
        /// What the kernel said.
        error: io::Error,
    },
    /// A source is a directory.
    Directory {
        /// Which one.
        source: SourceName,
    },
    /// Reading failed.
    Read {
        /// From where.
        source: SourceName,
        /// How many records had been read before.
        records: u64,
        /// What the kernel said.
        error: io::Error,
    },
    /// A record is not what it should be.
    Malformed {
        /// From where.
        source: SourceName,
        /// Its number, from 1.
        record: u64,
        /// The option, and what is wrong.
        why: String,
    },
    /// A source that can be read only once could not be put aside to count it beforehand.
    Spool {
        /// Which source.
        source: SourceName,
        /// The directory for temporary files.
        dir: PathBuf,
        /// What the kernel said.
        error: io::Error,
    },
}

/// What users call an input source.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SourceName {
    /// Words on the command line.
    Words,
    /// This file.
    File(PathBuf),
    /// Standard input.
    Stdin,
}

impl SourceName {
    /// As it stands on the command line; nothing for words.
    pub(super) fn as_typed(&self) -> Vec<u8> {
        match self {
            Self::Words => Vec::new(),
            Self::File(path) => path.as_os_str().as_encoded_bytes().to_vec(),
            Self::Stdin => b"-".to_vec(),
        }
    }
}

impl fmt::Display for SourceName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Words => f.write_str("the arguments of :::"),
            Self::File(path) => write!(f, "input file {}", Quoted(path)),
            Self::Stdin => f.write_str("standard input"),
        }
    }
}

impl fmt::Display for InputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Open { source, error } => write!(f, "cannot open {source}: {}", Reason(error)),
            Self::Directory { source } => {
                write!(
                    f,
                    "cannot read {source}: it is a directory; give a file of arguments, or use :::"
                )
            }
            Self::Read {
                source,
                records,
                error,
            } => {
                write!(
                    f,
                    "cannot read {source} after record {records}: {}",
                    Reason(error)
                )
            }
            Self::Malformed {
                source,
                record,
                why,
            } => write!(f, "{source}, record {record}: {why}"),
            Self::Spool { source, dir, error } => write!(
                f,
                "cannot copy {source} to a temporary file in {} to count it: {}; set TMPDIR to a \
                 directory with more room, or do without a total",
                Quoted(dir),
                Reason(error)
            ),
        }
    }
}

impl Error for InputError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Open { error, .. } | Self::Read { error, .. } | Self::Spool { error, .. } => {
                Some(error)
            }
            Self::Directory { .. } | Self::Malformed { .. } => None,
        }
    }
}

/// A path on one line; bytes that are no UTF-8 show as U+FFFD.
struct Quoted<'a>(&'a Path);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{}'", visible(self.0.as_os_str().as_encoded_bytes()))
    }
}

/// What the kernel said, without the number that `io::Error` adds.
struct Reason<'a>(&'a io::Error);

impl fmt::Display for Reason<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = self.0.to_string();
        let bare = self
            .0
            .raw_os_error()
            .and_then(|code| text.strip_suffix(&format!(" (os error {code})")));
        f.write_str(bare.unwrap_or(&text))
    }
}

#[cfg(test)]
mod tests {
    use super::{InputError, SourceName};
    use std::io;

    #[test]
    fn names_the_file_and_the_reason_on_one_line() {
        let source = SourceName::File("x\ny".into());
        let error = io::Error::from_raw_os_error(libc::ENOENT);
        let text = InputError::Open { source, error }.to_string();
        assert_eq!(
            text,
            "cannot open input file 'x\\ny': No such file or directory"
        );
        let error = io::Error::from_raw_os_error(libc::EIO);
        let text = InputError::Read {
            source: SourceName::Stdin,
            records: 7,
            error,
        }
        .to_string();
        assert_eq!(
            text,
            "cannot read standard input after record 7: Input/output error"
        );
    }
}
