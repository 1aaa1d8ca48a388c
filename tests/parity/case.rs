//! One command line, with everything it is run with and what of its results is compared.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::time::Duration;

use crate::remote::Ssh;
use crate::support::HANG_GUARD;

/// A command line for both programs.
pub struct Case {
    /// What the report and [`super::differences`] call it: by default the command line.
    pub name: String,
    pub argv: Vec<OsString>,
    /// Bytes for standard input; `None`: /dev/null.
    pub stdin: Option<Vec<u8>>,
    /// Files put into the scratch directory, by name.
    pub files: Vec<(String, Vec<u8>)>,
    pub env: Vec<(String, String)>,
    pub stderr: Stderr,
    /// Joblogs that the command line writes, compared without their times.
    pub joblogs: Vec<String>,
    /// Whether the jobs may end, and so be logged, in any order.
    pub ends_in_any_order: bool,
    /// Other files that it leaves, compared byte for byte.
    pub leaves: Vec<String>,
    /// Whether all files that are there afterwards are compared.
    pub tree: bool,
    /// Whether jobs are left out, which Debian's release counts as failed and 20260522 does not.
    pub leaves_out: bool,
    /// Whether names of temporary files are made alike, and what a program keeps for itself is no file it leaves.
    pub plain_names: bool,
    /// How jobs get to other hosts.
    pub ssh: Ssh,
    /// A program that takes longer is killed.
    pub limit: Duration,
}

/// How the two standard errors are compared.
#[derive(Clone)]
pub enum Stderr {
    /// Equal, the program's name aside.
    Same,
    /// The jobs' lines are equal; both programs or neither say something of their own.
    OwnWords,
    /// Ours is one line that names these culprits, in our own words.
    Names(&'static [&'static str]),
    /// Not at all, for this reason.
    Ignored(#[allow(dead_code)] &'static str),
}

/// The case of a command line written as in a shell: words, and quotes of both kinds without escapes.
pub fn case(line: &str) -> Case {
    Case {
        name: line.to_owned(),
        argv: words(line),
        stdin: None,
        files: Vec::new(),
        env: Vec::new(),
        stderr: Stderr::Same,
        joblogs: Vec::new(),
        ends_in_any_order: false,
        leaves: Vec::new(),
        tree: false,
        leaves_out: false,
        plain_names: false,
        ssh: Ssh::None,
        limit: HANG_GUARD,
    }
}

impl Case {
    /// Appends arguments of any bytes.
    pub fn args<A: AsRef<[u8]>>(mut self, args: impl IntoIterator<Item = A>) -> Self {
        self.argv.extend(
            args.into_iter()
                .map(|arg| OsStr::from_bytes(arg.as_ref()).to_owned()),
        );
        self
    }

    /// Tells cases apart whose command lines begin alike.
    pub fn named(mut self, what: &str) -> Self {
        self.name = format!("{} ({what})", self.name);
        self
    }

    pub fn stdin(mut self, bytes: impl AsRef<[u8]>) -> Self {
        self.stdin = Some(bytes.as_ref().to_vec());
        self
    }

    pub fn file(mut self, name: &str, bytes: impl AsRef<[u8]>) -> Self {
        self.files.push((name.to_owned(), bytes.as_ref().to_vec()));
        self
    }

    pub fn env(mut self, name: &str, value: &str) -> Self {
        self.env.push((name.to_owned(), value.to_owned()));
        self
    }

    /// There are hosts, which a script in ssh's place pretends.
    pub fn with_hosts(mut self) -> Self {
        self.ssh = Ssh::Script;
        self
    }

    /// There are hosts, reached by ssh.
    pub fn with_real_hosts(mut self) -> Self {
        self.ssh = Ssh::Real;
        self
    }

    pub fn own_words(mut self) -> Self {
        self.stderr = Stderr::OwnWords;
        self
    }

    pub fn names(mut self, culprits: &'static [&'static str]) -> Self {
        self.stderr = Stderr::Names(culprits);
        self
    }

    pub fn stderr_ignored(mut self, reason: &'static str) -> Self {
        self.stderr = Stderr::Ignored(reason);
        self
    }

    pub fn joblog(mut self, name: &str) -> Self {
        self.joblogs.push(name.to_owned());
        self
    }

    pub fn ends_in_any_order(mut self) -> Self {
        self.ends_in_any_order = true;
        self
    }

    /// Jobs are left out: as 20260522 has it, they are in no joblog and do not count for the exit code.
    pub fn leaves_out(mut self) -> Self {
        self.leaves_out = true;
        self
    }

    pub fn tree(mut self) -> Self {
        self.tree = true;
        self
    }

    pub fn leaves(mut self, name: &str) -> Self {
        self.leaves.push(name.to_owned());
        self
    }
}

fn words(line: &str) -> Vec<OsString> {
    let mut words = Vec::new();
    let mut word: Option<Vec<u8>> = None;
    let mut quote = None;
    for byte in line.bytes() {
        match (quote, byte) {
            (Some(open), _) if open == byte => quote = None,
            (None, b'\'' | b'"') => {
                quote = Some(byte);
                word.get_or_insert_default();
            }
            (None, b' ') => words.extend(word.take()),
            _ => word.get_or_insert_default().push(byte),
        }
    }
    assert!(quote.is_none(), "unbalanced quotes: {line}");
    words.extend(word);
    words.into_iter().map(OsString::from_vec).collect()
}
