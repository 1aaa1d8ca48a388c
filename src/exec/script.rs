//! What a shell is told to run: the prelude, the command line, the epilogue.
//!
//! A shell reads a line when the lines before have been run, so that aliases are known by then. Zsh reads all
//! lines first; there the command line is read by `eval`, as GNU parallel does it.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsRawFd as _;

use super::shell::{Shell, ShellKind};
use crate::sys::memory_file::memory_file;
use crate::template::Quoting;

/// The kernel takes no longer word in a command line, its end included: `MAX_ARG_STRLEN` of execve(2).
const LONGEST_WORD: usize = 128 * 1024;

/// Puts the script of each job together, in a buffer that is used again.
///
/// A prelude that leaves no room for the command line goes into a file in memory, which the script reads.
#[derive(Debug)]
pub(super) struct Script {
    /// The prelude and the end of its line, and behind that the latest command and the epilogue.
    bytes: Vec<u8>,
    prelude_end: usize,
    epilogue: &'static [u8],
    quoting: Quoting,
    /// Whether the shell reads the whole script before it runs any of it.
    reads_ahead: bool,
    long_prelude: Option<PreludeFile>,
}

impl Script {
    /// Scripts for `shell`.
    pub(super) fn new(prelude: &[u8], epilogue: &'static [u8], shell: &Shell) -> Self {
        let mut bytes = prelude.to_vec();
        bytes.extend((!bytes.is_empty()).then_some(b'\n'));
        Self {
            prelude_end: bytes.len(),
            bytes,
            epilogue,
            quoting: shell.quoting(),
            reads_ahead: shell.kind() == ShellKind::Zsh,
            long_prelude: None,
        }
    }

    /// Whether something comes before each command.
    pub(super) fn has_prelude(&self) -> bool {
        self.prelude_end > 0
    }

    /// The script that runs `line`.
    ///
    /// # Errors
    ///
    /// When a long prelude finds no place.
    pub(super) fn around<'a>(&'a mut self, line: &'a [u8]) -> io::Result<&'a [u8]> {
        if self.prelude_end == 0 && self.epilogue.is_empty() {
            return Ok(line);
        }
        self.bytes.truncate(self.prelude_end);
        self.add(line);
        if self.bytes.len() < LONGEST_WORD || self.prelude_end == 0 {
            return Ok(&self.bytes);
        }
        self.bytes.truncate(self.prelude_end);
        let long = match &mut self.long_prelude {
            Some(long) => long,
            none => none.insert(PreludeFile::new(&self.bytes, self.quoting)?),
        };
        // Where not even that leaves room, the kernel's refusal is what the user gets to see.
        self.bytes.extend_from_slice(&long.line);
        self.add(line);
        Ok(&self.bytes[self.prelude_end..])
    }

    /// Appends what runs `line`.
    fn add(&mut self, line: &[u8]) {
        if self.reads_ahead && self.prelude_end > 0 {
            self.bytes.extend_from_slice(b"eval ");
            self.quoting.append(line, &mut self.bytes);
        } else {
            self.bytes.extend_from_slice(line);
        }
        self.bytes.extend_from_slice(self.epilogue);
    }
}

/// A prelude in a file in memory, for shells that are started while this lives.
#[derive(Debug)]
pub(super) struct PreludeFile {
    _file: File,
    /// The line that has a shell read it.
    pub(super) line: Vec<u8>,
}

impl PreludeFile {
    /// A file with `prelude` for a shell that has this `quoting`.
    ///
    /// # Errors
    ///
    /// When the file cannot be made or written.
    pub(super) fn new(prelude: &[u8], quoting: Quoting) -> io::Result<Self> {
        let mut file = memory_file(false)?;
        file.write_all(prelude)?;
        let source = match quoting {
            Quoting::Csh | Quoting::Fish => "source",
            Quoting::Raw | Quoting::Posix | Quoting::Rc => ".",
        };
        let (process, fd) = (std::process::id(), file.as_raw_fd());
        Ok(Self {
            _file: file,
            line: format!("{source} /proc/{process}/fd/{fd}\n").into_bytes(),
        })
    }
}
