//! What a worker is told of what the local engine would be, and what stays with the proxy.

use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use crate::engine::local::{self, JobStdin};
use crate::exec::capture::{Capture, Streams};
use crate::exec::stdin::StdinTransport;
use crate::flow::spool::Codec;
use crate::model::RenderJob;
use crate::protocol::Setup;
use crate::protocol::setup::InputBy;

/// What the proxy itself needs to know, and what it tells the worker.
pub struct Config {
    pub(super) setup: Setup,
    /// Renders commands.
    pub(super) prepare: Arc<dyn RenderJob>,
    /// What becomes of jobs' output.
    pub(super) capture: Capture,
    /// How output that is kept is compressed, if it is.
    pub(super) codec: Option<Arc<Codec>>,
    /// Whether commands show the slots that they run in, which must then be known when they are rendered.
    pub(super) shows_slots: bool,
    /// Whether each attempt is to be over before the next is made ready.
    pub(super) one_by_one: bool,
    /// Whether somebody wants to know when an attempt starts.
    pub(super) report_starts: bool,
}

/// What cannot be had of jobs at a worker, in words for the user.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Refused(&'static str);

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "jobs at a worker {}", self.0)
    }
}

impl std::error::Error for Refused {}

impl Config {
    /// Has a worker on this host, or one with the same files, do what the local engine does with `config`.
    ///
    /// # Errors
    ///
    /// When a worker cannot do it.
    pub fn from_local(config: local::Config) -> Result<Self, Refused> {
        let launch = &config.launch;
        if config.tmux.is_some() {
            return Err(Refused("have no windows here: leave out --tmux"));
        }
        if launch.on_terminal || config.stdin == JobStdin::Terminal {
            return Err(Refused("cannot read from this terminal: leave out --tty"));
        }
        if config.stdin != JobStdin::Empty {
            return Err(Refused(
                "cannot read fanout's standard input: give them their input by --pipe or --stdin-from, or fanout \
                 itself </dev/null",
            ));
        }
        let both = Streams::Both;
        if matches!(&config.capture, Capture::InTurn { streams, .. } if *streams == both) {
            return Err(Refused(
                "do not hand on what they write while it is kept in order: leave out --keep-order or --line-buffer",
            ));
        }
        let streams = matches!(config.capture, Capture::Stream | Capture::Inherit);
        let bytes = |path: &Path| path.as_os_str().as_bytes().to_vec();
        let shell = &launch.shell;
        let env = launch.env.iter();
        let setup = Setup {
            slots: config.slots,
            shell: Some((bytes(shell.path()), shell.arg0().as_bytes().to_vec())),
            always_shell: launch.always_shell,
            warm: launch.warm,
            prelude: launch.prelude.clone(),
            own_environment: false,
            env: env
                .map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()))
                .collect(),
            cwd: Some(bytes(&launch.cwd)).filter(|cwd| !cwd.is_empty()),
            pwd: Some(bytes(&launch.pwd)),
            temporary: Some(bytes(&launch.temporary)),
            has_workdirs: launch.has_workdirs,
            slot_variable: launch.slot_variable.clone(),
            input: match config.stdin_transport {
                StdinTransport::Pipe => InputBy::Pipe,
                StdinTransport::File => InputBy::File,
                StdinTransport::Fifo => InputBy::Fifo,
            },
            forgives_cat: !launch.epilogue.is_empty(),
            streams,
            starts: config.report_starts,
            one_by_one: config.one_by_one,
            remove_made_files: config.remove_made_files,
            remove_empty_workdirs: config.remove_empty_workdirs,
            nice: config.nice,
            term_seq: config.term_seq.steps().collect(),
            time_limit: config.timeout,
        };
        Ok(Self {
            setup,
            prepare: config.prepare,
            capture: config.capture,
            codec: config.codec,
            shows_slots: config.shows_slots,
            one_by_one: config.one_by_one,
            report_starts: config.report_starts,
        })
    }
}
