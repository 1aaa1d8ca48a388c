//! One merge: a command that reads files and writes one.

use std::ffi::{CString, OsString};
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use memchr::memmem;

use crate::exec::shell::Shell;
use crate::flow::spool::{Captured, unlinked_file};
use crate::sys::child::{Child, Exit, Waited};
use crate::sys::env_block::{ArgBlock, EnvBlock};
use crate::sys::fd;
use crate::sys::guardian::GuardedGroup;
use crate::sys::mark;
use crate::sys::memory_file::{at_least, memory_file};
use crate::sys::passing;
use crate::sys::spawn::{Program, Spawner};
use crate::sys::wake::Wake;

/// What merges need to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// The command; `{}` is where the inputs go, the end if there is none.
    pub command: Vec<u8>,
    /// The shell that runs it.
    pub shell: Shell,
    /// Its environment.
    pub env: Vec<(OsString, OsString)>,
    /// Where the outputs of merges are kept until the next.
    pub folder: PathBuf,
    /// How many descriptors all merges together may take.
    pub descriptors: u64,
}

impl Config {
    /// How many inputs a merge may have that takes so many descriptors: each is open once, and once for each place in
    /// the command that names it.
    pub(super) fn room(&self, descriptors: u64) -> usize {
        let inputs = descriptors.saturating_sub(OWN_DESCRIPTORS) / (1 + places(&self.command));
        usize::try_from(inputs).unwrap_or(usize::MAX)
    }
}

/// What a merge takes besides its inputs: its output, its process, `/dev/null`.
const OWN_DESCRIPTORS: u64 = 6;
/// The number of the command's first input; those of the others follow.
const FIRST: i32 = 3;

/// One thread's way to merge.
pub(super) struct Merge<'c> {
    config: &'c Config,
    spawner: Spawner,
    env: EnvBlock,
}

impl<'c> Merge<'c> {
    /// For the calling thread; its processes have place `ward`.
    pub(super) fn new(config: &'c Config, ward: GuardedGroup) -> Self {
        Self {
            config,
            spawner: Spawner::new(ward),
            env: EnvBlock::new(config.env.iter().cloned(), &[]),
        }
    }

    /// Merges `outputs`, which may end early when `stop` rings.
    ///
    /// # Errors
    ///
    /// When the command fails: names it.
    pub(super) fn merge_into_file(
        &mut self,
        outputs: Vec<Captured>,
        stop: &Wake,
    ) -> io::Result<Captured> {
        let file = passing::retrying(|| unlinked_file(&self.config.folder))?;
        if !self.run(outputs, Some(file.as_fd()), stop)? {
            return Ok(Captured::Empty);
        }
        let len = file.metadata()?.len();
        Ok(Captured::File {
            file: file.into(),
            len,
            permit: None,
        })
    }

    /// The same, onto fanout's own standard output.
    pub(super) fn merge_onto_stdout(
        mut self,
        outputs: Vec<Captured>,
        stop: &Wake,
    ) -> io::Result<()> {
        self.run(outputs, None, stop).map(drop)
    }

    /// Tells whether there was anything to merge.
    fn run(
        &mut self,
        outputs: Vec<Captured>,
        to: Option<BorrowedFd>,
        stop: &Wake,
    ) -> io::Result<bool> {
        let outputs: Vec<_> = outputs.into_iter().filter(|it| !it.is_empty()).collect();
        if outputs.is_empty() {
            return Ok(false);
        }
        // What others have now they give back.
        let child = passing::retrying(|| self.start(&outputs, to))?;
        match ended(child, stop)? {
            Exit::Code(0) => Ok(true),
            Exit::Signal(libc::SIGPIPE) => Err(io::ErrorKind::BrokenPipe.into()),
            Exit::Code(code) => Err(self.failed(&format!("exit code {code}"))),
            Exit::Signal(signal) => Err(self.failed(&format!("signal {signal}"))),
        }
    }

    /// Starts the command, which merges `outputs`.
    fn start(&mut self, outputs: &[Captured], to: Option<BorrowedFd>) -> io::Result<Child> {
        let places = places(&self.config.command) as usize;
        let end = FIRST + (places * outputs.len()) as i32;
        let inputs = self.inputs(outputs, places, end)?;
        let line = with_inputs(&self.config.command, outputs.len(), FIRST..end);
        let shell = &self.config.shell;
        let mut args = ArgBlock::default();
        args.fill([shell.arg0().as_bytes(), b"-c", &line].into_iter());
        let path = CString::new(shell.path().as_os_str().as_bytes())?;
        let more: Vec<_> = inputs
            .iter()
            .map(|input| input.as_fd())
            .zip(FIRST..)
            .collect();
        let nothing = File::open("/dev/null")?;
        self.spawner.spawn(&Program {
            path: &path,
            args: &args,
            env: &self.env,
            stdin: nothing.as_fd(),
            stdout: to,
            stderr: None,
            cwd: None,
            keeps_group: false,
            more: &more,
            job: mark::NO_JOB,
        })
    }

    fn failed(&self, how: &str) -> io::Error {
        let command = String::from_utf8_lossy(&self.config.command);
        io::Error::other(format!("'{command}' ended with {how}"))
    }

    /// The `outputs` as files to be read, one after the other for each of `places`; their descriptors are `least` or higher.
    ///
    /// Some programs open `/dev/fd/N` anew, others (gawk) duplicate the descriptor and so read on where it stands.
    /// Each file is therefore opened once for each place that names it, and stands at its beginning.
    fn inputs(&self, outputs: &[Captured], places: usize, least: i32) -> io::Result<Vec<OwnedFd>> {
        let files = outputs.iter().map(|output| self.as_file(output));
        let files = files.collect::<io::Result<Vec<File>>>()?;
        (0..places)
            .flat_map(|_| &files)
            .map(|file| at_least(&fd::open_again(file)?, least))
            .collect()
    }

    /// The output as a file that has nothing else in it.
    fn as_file(&self, output: &Captured) -> io::Result<File> {
        if let Some((file, _)) = output.own_file() {
            return file.try_clone();
        }
        if let Some(bytes) = output.in_memory() {
            let mut file = memory_file(false)?;
            file.write_all(bytes)?;
            return Ok(file);
        }
        let mut file = unlinked_file(&self.config.folder)?;
        io::copy(&mut output.reader(), &mut file)?;
        Ok(file)
    }
}

/// How often `command` names its inputs.
fn places(command: &[u8]) -> u64 {
    memmem::find_iter(command, "{}").count().max(1) as u64
}

/// `command` with the paths of the next `each` of `inputs` for every `{}`, or behind it if it has none.
fn with_inputs(command: &[u8], each: usize, inputs: std::ops::Range<i32>) -> Vec<u8> {
    let paths: Vec<String> = inputs.map(|fd| format!("/dev/fd/{fd}")).collect();
    let mut paths = paths.chunks(each).map(|paths| paths.join(" "));
    let mut line = Vec::new();
    let mut rest = command;
    while let Some(at) = memmem::find(rest, b"{}") {
        line.extend_from_slice(&rest[..at]);
        line.extend(paths.next().unwrap_or_default().into_bytes());
        rest = &rest[at + 2..];
    }
    line.extend_from_slice(rest);
    if let Some(paths) = paths.next() {
        line.push(b' ');
        line.extend(paths.into_bytes());
    }
    line
}

/// Waits for the end of `child`, and brings it about when `stop` rings.
fn ended(child: Child, stop: &Wake) -> io::Result<Exit> {
    loop {
        match child.wait(Some(stop), &[], None)? {
            Waited::Ended => return Ok(child.reap()?.exit),
            Waited::Rung => {
                child.signal(libc::SIGKILL);
                return Ok(child.reap()?.exit);
            }
            Waited::Readable | Waited::TimedOut => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::with_inputs;

    #[test]
    fn each_place_has_descriptors_of_its_own() {
        let line = |command: &str, inputs| {
            String::from_utf8(with_inputs(command.as_bytes(), 2, inputs)).unwrap()
        };
        assert_eq!(line("cat", 3..5), "cat /dev/fd/3 /dev/fd/4");
        assert_eq!(line("cat {} -", 3..5), "cat /dev/fd/3 /dev/fd/4 -");
        assert_eq!(
            line("diff '{}' '{}'", 3..7),
            "diff '/dev/fd/3 /dev/fd/4' '/dev/fd/5 /dev/fd/6'"
        );
    }
}
