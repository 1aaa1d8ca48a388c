//! From a command line to a process: directly where that is the same, in the shell otherwise.

use std::ffi::{CString, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd as _, BorrowedFd};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};

use super::script::Script;
use super::shell::{DirectCommand, Shell, ShellBypass, waiting};
use crate::model::ArgList;
use crate::sys::child::Child;
use crate::sys::env_block::{ArgBlock, EnvBlock};
use crate::sys::mark;
use crate::sys::passing;
use crate::sys::spawn::{Program, Spawner};

/// The variables that differ from job to job, in their order in the environment.
const SEQ: &str = "PARALLEL_SEQ";
const SLOT: &str = "PARALLEL_JOBSLOT";
/// As [`SLOT`], counted from 0, unless `--process-slot-var` has another name for it.
pub const SLOT_FROM_0: &str = "PARALLEL_JOBSLOT0";
/// A name for a temporary file that no other job has; with `--cat` and `--fifo`, the file or FIFO that has the
/// job's input.
pub const TEMPORARY: &str = "PARALLEL_TMP";
/// The variable in which GNU's `env_parallel` hands over the calling shell's functions, variables and aliases,
/// to be a prelude.
pub const CALLING_SHELL: &str = "PARALLEL_ENV";
/// The variables by which GNU's `env_parallel` speaks to fanout alone: jobs, which may run it again, get none.
pub const OF_CALLER: [&str; 2] = [CALLING_SHELL, "PARALLEL_CSH"];
/// Those of every job.
pub const JOB_VARIABLES: [&str; 3] = [SEQ, SLOT, mark::VARIABLE];
/// What a shell tells a program about the path by which it was executed.
const UNDERSCORE: &str = "_";
/// The name of the directory that a job runs in.
const PWD: &str = "PWD";

/// How commands are started: what all workers have in common.
#[derive(Clone, Debug)]
pub struct Launch {
    /// The shell for commands that need one.
    pub shell: Shell,
    /// Whether even commands that need no shell run in it.
    pub always_shell: bool,
    /// Whether a shell may run several commands, one after the other.
    pub warm: bool,
    /// Shell code that runs before each command in its shell; empty: none.
    pub prelude: Vec<u8>,
    /// Shell code that runs after each command in its shell, unless the command ends the shell; empty: none.
    pub epilogue: &'static [u8],
    /// The environment that jobs inherit.
    pub env: Vec<(OsString, OsString)>,
    /// The directory that jobs run in: fanout's own.
    pub cwd: PathBuf,
    /// The name by which that was entered: where `--workdir` starts from.
    pub pwd: PathBuf,
    /// Whether jobs may run in other directories.
    pub has_workdirs: bool,
    /// Where names of temporary files begin.
    pub temporary: PathBuf,
    /// Whether jobs find their input in files that have names.
    pub named_inputs: bool,
    /// The variable that has the number of the slot, counted from 0.
    pub slot_variable: String,
    /// Whether jobs stay in the terminal's process group, so that they may read from it.
    pub on_terminal: bool,
}

/// One worker's way to start processes.
#[derive(Debug)]
pub struct Launcher {
    shell_path: CString,
    shell_name: Vec<u8>,
    shell_env: EnvBlock,
    script: Script,
    args: ArgBlock,
    slot_variable: String,
    /// What the names of jobs' temporary files have in common.
    temporary: Vec<u8>,
    on_terminal: bool,
    direct: Option<DirectWay>,
    /// What asks the shell whether it waits for its last program, and what it has said.
    question: Option<Vec<u8>>,
    waits: Option<bool>,
}

/// The way past the shell.
#[derive(Debug)]
struct DirectWay {
    shortcut: ShellBypass,
    /// The environment as the shell would have handed it on; [`UNDERSCORE`] has place 4, if it is set.
    env: EnvBlock,
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
    /// Its standard input.
    pub stdin: BorrowedFd<'a>,
    /// The file or FIFO that has its input.
    pub named_input: Option<&'a Path>,
    /// Its standard output and standard error; `None`: fanout's.
    pub outputs: [Option<BorrowedFd<'a>>; 2],
    /// Whether nothing is tried again: what keeps a program from being executed is for the shell to tell.
    pub last_try: bool,
    /// The directory that it runs in; `None`: fanout's own. In another one only the shell knows what
    /// the environment should be.
    pub cwd: Option<&'a Path>,
}

impl Launcher {
    /// A launcher for one worker.
    pub fn new(launch: &Launch) -> Self {
        let script = Script::new(&launch.prelude, launch.epilogue, &launch.shell);
        Self {
            shell_path: c_path(launch.shell.path()),
            shell_name: launch.shell.arg0().as_bytes().to_vec(),
            shell_env: EnvBlock::new(
                launch.env.iter().cloned(),
                &changing(launch, launch.has_workdirs.then_some(PWD)),
            ),
            slot_variable: launch.slot_variable.clone(),
            temporary: temporary(&launch.temporary),
            on_terminal: launch.on_terminal,
            args: ArgBlock::default(),
            direct: if launch.always_shell || launch.named_inputs || script.has_prelude() {
                None
            } else {
                DirectWay::new(launch)
            },
            question: waiting::question(&launch.shell),
            waits: None,
            script,
        }
    }

    /// Whether the shell may be one that waits for its last program; [`shell_waits`](Self::shell_waits) knows.
    pub fn may_report_child(&self) -> bool {
        self.question.is_some() && self.waits != Some(false)
    }

    /// Whether the shell waits for its last program and tells how it has ended, instead of making place for it.
    ///
    /// # Errors
    ///
    /// When the shell, which is asked once, cannot be started or watched.
    pub fn shell_waits(&mut self, spawner: &mut Spawner) -> io::Result<bool> {
        let Some(question) = &self.question else {
            return Ok(false);
        };
        if let Some(waits) = self.waits {
            return Ok(waits);
        }
        let null = File::options().read(true).write(true).open("/dev/null")?;
        self.args
            .fill([&self.shell_name[..], b"-c", question].into_iter());
        let child = spawner.spawn(&Program {
            path: &self.shell_path,
            args: &self.args,
            env: &self.shell_env,
            stdin: null.as_fd(),
            stdout: Some(null.as_fd()),
            stderr: Some(null.as_fd()),
            cwd: None,
            keeps_group: self.on_terminal,
            more: &[],
            job: mark::NO_JOB,
        })?;
        child.wait(None, &[], None)?;
        let waits = waiting::is_yes(child.reap()?.exit);
        self.waits = Some(waits);
        Ok(waits)
    }

    /// Starts a process; tells which words it was given if no shell was needed.
    ///
    /// # Errors
    ///
    /// When the shell cannot be executed either: names it, but for a command line that is too long. What may pass
    /// ([`passing`]) is an error of the program's own start, too, unless this is the last try.
    pub fn launch(
        &mut self,
        spawner: &mut Spawner,
        start: &Start,
    ) -> io::Result<(Child, Option<ArgList>)> {
        if let Some(way) = &mut self.direct
            && start.cwd.is_none()
            && let Some(direct) = way.shortcut.direct(start.line)
        {
            set_job(&mut way.env, start, &self.temporary, &self.slot_variable);
            match way.launch(spawner, start, &mut self.args, &direct, self.on_terminal) {
                Ok(child) => return Ok((child, Some(direct.argv))),
                Err(error) if passing::is_passing(&error) && !start.last_try => return Err(error),
                Err(_) => {}
            }
        }
        // A program that was found but cannot be executed goes to the shell too, for its error message.
        set_job(
            &mut self.shell_env,
            start,
            &self.temporary,
            &self.slot_variable,
        );
        if let Some(path) = start.cwd {
            self.shell_env.set(4, PWD, path.as_os_str().as_bytes());
        }
        let line = self.script.around(start.line)?;
        self.args
            .fill([&self.shell_name[..], b"-c", line].into_iter());
        let cwd = start.cwd.map(c_path);
        let mut program = program(&self.shell_path, &self.args, &self.shell_env, start);
        program.cwd = cwd.as_deref();
        program.keeps_group = self.on_terminal;
        let child = spawner.spawn(&program).map_err(|error| {
            if error.kind() == io::ErrorKind::ArgumentListTooLong {
                return error;
            }
            let shell = self.shell_path.to_string_lossy();
            passing::in_words(format!("cannot start {shell}: {error}"), &error)
        })?;
        Ok((child, None))
    }
}

impl DirectWay {
    fn new(launch: &Launch) -> Option<Self> {
        let stdin_is_socket = crate::sys::stdin::is_socket();
        let shortcut = ShellBypass::new(&launch.shell, &launch.env, &launch.cwd, stdin_is_socket)?;
        let changes = shortcut.env_changes();
        let replaced = |name: &OsString| {
            changes.remove.contains(name) || changes.set.iter().any(|(set, _)| set == name)
        };
        let kept = launch.env.iter().filter(|(name, _)| !replaced(name));
        let variables = kept.chain(&changes.set).cloned();
        let changing = changing(launch, changes.sets_underscore.then_some(UNDERSCORE));
        let env = EnvBlock::new(variables, &changing);
        Some(Self { shortcut, env })
    }

    fn launch(
        &mut self,
        spawner: &mut Spawner,
        start: &Start,
        args: &mut ArgBlock,
        direct: &DirectCommand,
        on_terminal: bool,
    ) -> io::Result<Child> {
        if self.shortcut.env_changes().sets_underscore {
            self.env
                .set(4, UNDERSCORE, direct.program.as_os_str().as_bytes());
        }
        args.fill(direct.argv.iter());
        let path = c_path(&direct.program);
        let mut program = program(&path, args, &self.env, start);
        program.keeps_group = on_terminal;
        spawner.spawn(&program)
    }
}

/// The variables that change from job to job, in their order: those of every job, `fifth`, and the one of
/// the slot, which has the last place.
fn changing<'l>(launch: &'l Launch, fifth: Option<&'l str>) -> Vec<&'l str> {
    let names = JOB_VARIABLES.into_iter().chain([TEMPORARY]).chain(fifth);
    names.chain([&launch.slot_variable[..]]).collect()
}

fn set_job(env: &mut EnvBlock, start: &Start, temporary: &[u8], slot_variable: &str) {
    let seq = start.seq.to_string();
    env.set(0, SEQ, seq.as_bytes());
    env.set(1, SLOT, start.slot.to_string().as_bytes());
    env.set(2, mark::VARIABLE, &mark::value(start.seq));
    match start.named_input {
        Some(path) => env.set(3, TEMPORARY, path.as_os_str().as_bytes()),
        None => env.set(3, TEMPORARY, &[temporary, seq.as_bytes()].concat()),
    }
    env.set_last(slot_variable, (start.slot - 1).to_string().as_bytes());
}

/// What names of temporary files in `folder` begin with: a job's number makes one of it.
fn temporary(folder: &Path) -> Vec<u8> {
    let name = folder.join(format!("par{}.", std::process::id()));
    name.into_os_string().into_vec()
}

fn program<'a>(
    path: &'a CString,
    args: &'a ArgBlock,
    env: &'a EnvBlock,
    start: &'a Start,
) -> Program<'a> {
    Program {
        path,
        args,
        env,
        stdin: start.stdin,
        stdout: start.outputs[0],
        stderr: start.outputs[1],
        cwd: None,
        keeps_group: false,
        more: &[],
        job: start.seq,
    }
}

/// A path for the kernel. One with a NUL in it, which no file has, becomes the empty path.
fn c_path(path: &Path) -> CString {
    CString::new(path.as_os_str().as_bytes()).unwrap_or_default()
}
