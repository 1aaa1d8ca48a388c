//! The name by which the program was called.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

/// The name fanout was called by: a stand-in for GNU parallel drops fanout's own defaults.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CalledAs {
    /// `fanout`, or any other name.
    Fanout,
    /// `parallel`.
    Parallel,
    /// `sem`: as `parallel --semaphore`.
    Sem,
}

impl CalledAs {
    /// By `argv0`, the first word of the process's command line.
    pub fn from_argv0(argv0: &OsStr) -> Self {
        match Path::new(argv0).file_name().map(OsStr::as_bytes) {
            Some(b"parallel") => Self::Parallel,
            Some(b"sem") => Self::Sem,
            _ => Self::Fanout,
        }
    }

    /// The command that calls it so.
    pub(super) fn command(self) -> &'static str {
        match self {
            Self::Sem => "sem",
            _ => self.name(),
        }
    }

    /// The name under which it speaks.
    pub fn name(self) -> &'static str {
        match self {
            Self::Fanout => "fanout",
            Self::Parallel | Self::Sem => "parallel",
        }
    }

    /// The name under which it speaks; where a shell `evaluates` what it says, that is the caller of `parset`.
    pub(super) fn speaker(self, evaluates: bool) -> &'static str {
        if evaluates { "parset" } else { self.name() }
    }
}
