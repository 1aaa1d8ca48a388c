//! From a command line to a process: directly where that is the same, in the shell otherwise.

use std::collections::HashMap;
use std::ffi::{CString, OsString};
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;

use super::shell::{self, Resolver, Shell};
use crate::model::ArgList;
use crate::sys::child::{Child, Program, Spawner};
use crate::sys::env_block::{ArgBlock, EnvBlock};

/// The variables that differ from job to job, in their order in the environment.
const CHANGING: [&str; 2] = ["PARALLEL_SEQ", "PARALLEL_JOBSLOT"];

/// One worker's way to start processes.
#[derive(Debug)]
pub struct Launcher {
    env: EnvBlock,
    args: ArgBlock,
}

/// One process to be started.
#[derive(Debug)]
pub struct Start<'a> {
    /// The command line.
    pub line: &'a [u8],
    /// `$PARALLEL_SEQ`.
    pub seq: u64,
    /// `$PARALLEL_JOBSLOT`.
    pub slot: usize,
    /// Its standard input; `None`: fanout's.
    pub stdin: Option<BorrowedFd<'a>>,
    /// Its standard output and standard error; `None`: fanout's.
    pub outputs: [Option<BorrowedFd<'a>>; 2],
    /// Whether it leads a process group.
    pub own_group: bool,
}

impl Launcher {
    /// TODO
    pub fn new(_shell: &Shell, _always: bool, env: &[(OsString, OsString)]) -> Self {
        Self {
            env: EnvBlock::new(env.iter().cloned(), &CHANGING),
            args: ArgBlock::default(),
        }
    }
    /// TODO
    pub fn launch(
        &mut self,
        spawner: &mut Spawner,
        start: &Start,
    ) -> io::Result<(Child, Option<ArgList>)> {
        self.env
            .set(0, CHANGING[0], start.seq.to_string().as_bytes());
        self.env
            .set(1, CHANGING[1], start.slot.to_string().as_bytes());
        self.args.fill([&b"sh"[..], b"-c", start.line].into_iter());
        let program = Program {
            path: c"/bin/sh",
            args: &self.args,
            env: &self.env,
            stdin: start.stdin,
            stdout: start.outputs[0],
            stderr: start.outputs[1],
            own_group: start.own_group,
        };
        spawner.spawn(&program).map(|child| (child, None))
    }
}
