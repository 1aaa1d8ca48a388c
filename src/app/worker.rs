//! `fanout --worker`: runs attempts for a coordinator, which speaks on standard input and hears on standard output.
//!
//! What is said there is in [`protocol`](crate::protocol). Jobs see neither: they read nothing, and what they write
//! is kept or sent on. Words of the worker's own go to standard error, or in frames.
//!
//! When its input ends without a word, the coordinator is gone: nothing more begins, and what runs is ended, if
//! need be by the worker's guardian, which also ends it when the worker is killed.

use std::env;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Write as _};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::Context as _;

use super::error::RunError;
use super::fit;
use crate::engine::local::{self, JobStdin};
use crate::engine::remote::server::{Ending, Server};
use crate::exec::capture::Capture;
use crate::exec::launch::Launch;
use crate::exec::shell::Shell;
use crate::exec::stdin::StdinTransport;
use crate::exec::term_seq::TermSeq;
use crate::flow::spool::{Limits, SpoolDir};
use crate::model::ExitCode;
use crate::protocol::setup::InputBy;
use crate::protocol::{Decoder, Down, Fault, Hello, Setup, Up, VERSION};
use crate::sys::guardian::Guardian;
use crate::sys::scratch::Scratch;
use crate::sys::{cpu, fd, first_thread, folders, limits, stdin, temp};

/// What runs when the coordinator is lost may take so long to end; then it is killed.
const LAST_MOMENTS: Duration = Duration::from_millis(1500);

/// The most output that waits in memory to be sent, in bytes.
const OUTPUT_MEMORY: u64 = 16 << 20;

/// Serves one coordinator. To be called on the process's first thread, while there is no other.
///
/// # Errors
///
/// When what it says cannot be understood, or nothing can be run; it has been told by then.
pub fn run() -> Result<ExitCode, RunError> {
    let mut output = fd::duplicate(1).context("standard output is closed")?;
    let mut input = fd::duplicate(0).context("standard input is closed")?;
    // Pipes of sshd, if they are pipes.
    fd::make_roomy(&output);
    fd::make_roomy(&input);
    stdin::leave_streams().context("cannot leave standard input and output alone")?;
    say(&mut output, &Up::Hello(hello())).context("the coordinator does not read")?;
    let mut decoder = Decoder::new();
    let setup = match read_setup(&mut input, &mut decoder) {
        Ok(Some(setup)) => setup,
        Ok(None) => return Ok(ExitCode::Jobs(0)),
        Err(error) => return give_up(&mut output, error),
    };
    let places = local::PROCESSES_PER_WORKER * setup.slots;
    let folder = folder(&setup);
    let scratch = (setup.input != InputBy::Pipe).then(|| Scratch::in_dir(&folder));
    limits::spare_memory();
    let guardian = match Guardian::start_with(places, None, scratch) {
        Ok(guardian) => guardian,
        Err(error) => {
            let error = anyhow::Error::new(error).context("cannot start the guardian process");
            return give_up(&mut output, error);
        }
    };
    let body = |guardian| serve(setup, &guardian, input, output, decoder);
    first_thread::run_beside(guardian, body).context("cannot start a thread")?
}

/// Writes one message.
fn say(output: &mut File, message: &Up) -> io::Result<()> {
    let mut frame = Vec::new();
    // Words of ours are not too long.
    let _ = message.encode(&mut frame);
    output.write_all(&frame)
}

/// Tells the coordinator why nothing is run, and whoever started this.
fn give_up(output: &mut File, error: anyhow::Error) -> Result<ExitCode, RunError> {
    // It may be gone itself.
    let _ = say(output, &Up::Down(format!("{error:#}")));
    Err(error.into())
}

fn hello() -> Hello {
    let shell = Shell::from_environment().ok();
    let login_shell = env::var_os("SHELL").filter(|shell| !shell.is_empty());
    Hello {
        version: VERSION,
        fanout: env!("CARGO_PKG_VERSION").to_owned(),
        pid: std::process::id(),
        threads: cpu::available_threads(),
        system: (env::consts::OS.to_owned(), env::consts::ARCH.to_owned()),
        now: SystemTime::now(),
        shell: shell.map(|shell| shell.path().as_os_str().as_bytes().to_vec()),
        login_shell: login_shell.map(OsString::into_vec),
    }
}

/// The first message; `None`: the coordinator went away instead.
fn read_setup(input: &mut File, decoder: &mut Decoder) -> anyhow::Result<Option<Box<Setup>>> {
    loop {
        if let Some(frame) = decoder.next_frame()? {
            return match Down::decode(&frame)? {
                Down::Setup(setup) => Ok(Some(setup)),
                _ => Err(Fault::Unexpected("the first message is not 'setup'".to_owned()).into()),
            };
        }
        if decoder.fill(input)? == 0 {
            return Ok(None);
        }
    }
}

/// Where temporary files go.
fn folder(setup: &Setup) -> PathBuf {
    setup.temporary.as_deref().map_or_else(temp::dir, path)
}

fn path(bytes: &[u8]) -> PathBuf {
    Path::new(OsStr::from_bytes(bytes)).to_owned()
}

/// Runs what the coordinator wants to be run, to its end.
fn serve(
    setup: Box<Setup>,
    guardian: &Guardian,
    input: File,
    mut output: File,
    decoder: Decoder,
) -> Result<ExitCode, RunError> {
    let server = Server::new(output.try_clone().context("too many open files")?, &setup);
    let server = server.context("too many open files")?;
    let started = config(*setup, guardian, &server)
        .and_then(|config| local::start(config, guardian, server.updates()));
    let engine = match started {
        Ok(engine) => Box::new(engine),
        Err(error) => return give_up(&mut output, error),
    };
    let lost = || {
        // The guardian kills what is left when this process is gone.
        std::thread::spawn(|| {
            std::thread::sleep(LAST_MOMENTS);
            std::process::exit(ExitCode::Error.code());
        });
    };
    let ending = server.serve(input, decoder, engine, lost);
    match ending.context("cannot start a thread")? {
        Ending::Finished => Ok(ExitCode::Jobs(0)),
        Ending::Abandoned => Err(anyhow::anyhow!("the coordinator is gone").into()),
        Ending::Fault(fault) => Err(anyhow::Error::new(fault).into()),
    }
}

/// What `setup` means on this host.
fn config(setup: Setup, guardian: &Guardian, server: &Server) -> anyhow::Result<local::Config> {
    let folder = folder(&setup);
    let cwd = match &setup.cwd {
        Some(cwd) => {
            let cwd = path(cwd);
            env::set_current_dir(&cwd)
                .with_context(|| format!("cannot change into {}", cwd.display()))?;
            cwd
        }
        // Of one that was deleted nobody knows the name; only what needs it fails then.
        None => env::current_dir().unwrap_or_default(),
    };
    let pwd = setup
        .pwd
        .as_deref()
        .map_or_else(|| folders::as_entered(&cwd), path);
    if let Some(scratch) = guardian.scratch() {
        let made = scratch.make();
        made.context("cannot make a directory for --cat or --fifo (see $TMPDIR)")?;
    }
    limits::raise_open_files(fit::files(setup.slots));
    let transport = match setup.input {
        InputBy::Pipe => StdinTransport::Pipe,
        InputBy::File => StdinTransport::File,
        InputBy::Fifo => StdinTransport::Fifo,
    };
    let shell = match setup.shell {
        Some((file, name)) => Shell::new(path(&file), OsString::from_vec(name)),
        None => Shell::from_environment().map_err(anyhow::Error::msg)?,
    };
    let left = limits::memory_left().unwrap_or(u64::MAX);
    let taken = fit::files(setup.slots);
    let kept = Limits {
        memory: OUTPUT_MEMORY.min(left / 8),
        files: limits::raise_open_files(taken + 256).saturating_sub(taken),
    };
    Ok(local::Config {
        slots: setup.slots,
        prepare: server.renderer(),
        launch: Launch {
            epilogue: if setup.forgives_cat {
                transport.epilogue(shell.quoting())
            } else {
                b""
            },
            shell,
            always_shell: setup.always_shell,
            warm: setup.warm,
            prelude: setup.prelude,
            env: environment(setup.own_environment, setup.env),
            cwd,
            pwd,
            has_workdirs: setup.has_workdirs,
            temporary: folder.clone(),
            named_inputs: setup.input != InputBy::Pipe,
            slot_variable: setup.slot_variable,
            on_terminal: false,
        },
        capture: if setup.streams {
            Capture::Stream
        } else {
            Capture::Spool(SpoolDir::new(folder, kept))
        },
        codec: None,
        stdin: JobStdin::Empty,
        tmux: None,
        one_by_one: setup.one_by_one,
        timeout: setup.time_limit,
        remove_made_files: setup.remove_made_files,
        remove_empty_workdirs: setup.remove_empty_workdirs,
        nice: setup.nice,
        stdin_transport: transport,
        stdin_dir: guardian
            .scratch()
            .map(|scratch| scratch.path().to_owned())
            .unwrap_or_default(),
        term_seq: TermSeq::new(setup.term_seq),
        watched: None,
        report_starts: setup.starts || setup.streams,
        shows_slots: false,
        begins: Some(server.begins()),
    })
}

/// The environment of jobs: the worker's own, if they get that, with `given` over it.
fn environment(own: bool, given: Vec<(Vec<u8>, Vec<u8>)>) -> Vec<(OsString, OsString)> {
    let given: Vec<_> = given
        .into_iter()
        .map(|(name, value)| (OsString::from_vec(name), OsString::from_vec(value)))
        .collect();
    let level = (own && is_of_sshd()).then(|| (SHELL_LEVEL.into(), "1".into()));
    let kept = env::vars_os().filter(|(name, _)| {
        own && given.iter().all(|(it, _)| it != name) && (level.is_none() || name != SHELL_LEVEL)
    });
    kept.chain(level.clone())
        .chain(given.iter().cloned())
        .collect()
}

/// How many shells there are around a command.
const SHELL_LEVEL: &str = "SHLVL";

/// Whether bash would take jobs' shells for those that sshd starts, and run its startup file in each of them.
fn is_of_sshd() -> bool {
    let level = env::var(SHELL_LEVEL)
        .ok()
        .and_then(|it| it.parse::<i32>().ok());
    ["SSH_CLIENT", "SSH2_CLIENT"]
        .iter()
        .any(|name| env::var_os(name).is_some())
        && level.unwrap_or(0) < 1
}
