//! A shell that waits for scripts.

use std::ffi::CString;
use std::fs::File;
use std::io::{self, PipeReader, PipeWriter, Read as _, Write as _};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt as _;
use std::os::unix::fs::FileExt as _;
use std::time::{Duration, Instant};

use crate::exec::launch::{JOB_VARIABLES, Launch};
use crate::exec::shell::ShellKind;
use crate::sys::child::{Child, PollFor, Waited};
use crate::sys::env_block::{ArgBlock, EnvBlock};
use crate::sys::mark;
use crate::sys::memory_file::{at_least, memory_file};
use crate::sys::spawn::{Program, Spawner};
use crate::sys::wake::Wake;

/// The descriptor of the script that is to be run.
const SCRIPT: i32 = 7;
/// The descriptor on which the shell is told to run it.
const GO: i32 = 8;

/// The descriptor on which the shell says that it has run it.
const DONE: i32 = 9;

/// What the shell does all its life. Reading a pipe costs a system call a byte, reading a file does not.
/// It is done with a script when it has seen the script's end: not before, since the file is written anew.
const LOOP: &str = "while read -r x <&8; do . /proc/self/fd/7; echo >&9; done";

/// Ends a zsh whose startup files have given another meaning to what jobs and scripts are made of, have
/// set what tells jobs their number and slot, printed something, or have something done when a shell ends: each job
/// has to see to it itself.
const ZSH_CHECK: &str = "for x in echo printf : true false test '[' read . zshexit; do \
     (( $+functions[$x] || $+aliases[$x] )) && exit; done; (( $#galiases || $#saliases )) && exit; \
     [[ -n $PARALLEL_SEQ$PARALLEL_JOBSLOT ]] && exit; \
     trap; [[ -s /proc/self/fd/1 || -s /proc/self/fd/2 || -n $zshexit_functions ]] && exit; ";

/// A running shell and its ends of what connects it to its worker.
#[derive(Debug)]
pub(super) struct WarmShell {
    // Closed before the shell is waited for: it ends by that where it cannot be killed.
    go: PipeWriter,
    done: PipeReader,
    script: File,
    outputs: [File; 2],
    child: Child,
}

impl WarmShell {
    /// Starts a shell as `launch` says. `stdin` is its standard input.
    pub(super) fn start(launch: &Launch, spawner: &mut Spawner, stdin: &File) -> io::Result<Self> {
        let (told, go) = io::pipe()?;
        let (done, says) = io::pipe()?;
        let script = memory_file(false)?;
        let outputs = [memory_file(true)?, memory_file(true)?];
        let high = |fd: &dyn AsFd| at_least(&fd.as_fd(), DONE + 1);
        let more: [OwnedFd; 3] = [high(&script)?, high(&told)?, high(&says)?];
        let code = match launch.shell.kind() {
            ShellKind::Zsh => [ZSH_CHECK, LOOP].concat(),
            _ => LOOP.to_owned(),
        };
        let mut args = ArgBlock::default();
        let words = [launch.shell.arg0().as_bytes(), b"-c", code.as_bytes()];
        args.fill(words.into_iter());
        let path = CString::new(launch.shell.path().as_os_str().as_bytes())?;
        let mut env = EnvBlock::new(launch.env.iter().cloned(), &JOB_VARIABLES);
        env.set(2, mark::VARIABLE, &mark::value(mark::NO_JOB));
        let child = spawner.spawn(&Program {
            path: &path,
            args: &args,
            env: &env,
            stdin: stdin.as_fd(),
            stdout: Some(outputs[0].as_fd()),
            stderr: Some(outputs[1].as_fd()),
            cwd: None,
            keeps_group: false,
            more: &[
                (more[0].as_fd(), SCRIPT),
                (more[1].as_fd(), GO),
                (more[2].as_fd(), DONE),
            ],
            job: mark::NO_JOB,
        })?;
        Ok(Self {
            go,
            done,
            script,
            outputs,
            child,
        })
    }

    /// Its process id.
    pub(super) fn pid(&self) -> i32 {
        self.child.pid()
    }

    /// The CPU time that it has taken by now.
    pub(super) fn cpu_time(&self) -> Duration {
        self.child.cpu_time()
    }

    /// Hands it a script.
    pub(super) fn begin(&mut self, script: &[u8]) -> io::Result<()> {
        self.script.write_all_at(script, 0)?;
        self.script.set_len(script.len() as u64)?;
        self.go.write_all(b"\n")
    }

    /// Waits until it has run the script, `wake` rings or `deadline` passes.
    pub(super) fn wait(&mut self, wake: &Wake, deadline: Option<Instant>) -> io::Result<Waited> {
        let waited = self
            .child
            .wait(Some(wake), &[PollFor::Read(self.done.as_fd())], deadline)?;
        if waited == Waited::Readable && self.done.read(&mut [0])? == 0 {
            return Ok(Waited::Ended);
        }
        Ok(waited)
    }

    /// What it has printed since the last time, into `into`.
    pub(super) fn take_output(&self, into: &mut [Vec<u8>; 2]) -> io::Result<()> {
        for (file, bytes) in self.outputs.iter().zip(into) {
            let len = file.metadata()?.len() as usize;
            bytes.resize(len, 0);
            if len > 0 {
                file.read_exact_at(bytes, 0)?;
                file.set_len(0)?;
            }
        }
        Ok(())
    }
}
