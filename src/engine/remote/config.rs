//! What a worker is told of what the local engine would be, and what stays with the proxy.

use std::fmt;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use crate::engine::local::{self, JobStdin};
use crate::exec::capture::{Capture, Streams};
use crate::exec::stdin::StdinTransport;
use crate::flow::spool::Codec;
use crate::model::RenderJob;
use crate::protocol::Setup;
use crate::protocol::setup::InputBy;

/// What the proxy itself needs to know, and what it tells the worker.
#[derive(Clone)]
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
    /// Whether there may be other places to run attempts: the end of the worker is told as [`Update::Down`](crate::engine::Update::Down), and is not
    /// the end of the run.
    pub(super) is_one_of_several: bool,
}

/// What is different at a worker on another host.
pub struct OnHost {
    /// How many attempts run there at a time.
    pub slots: usize,
    /// How many slots other places have whose numbers are before those of its own.
    pub slots_before: usize,
    /// The file of the shell there; `None`: the worker's own choice.
    pub shell: Option<Vec<u8>>,
    /// What jobs are told, over the environment that they find there.
    pub env: Vec<(Vec<u8>, Vec<u8>)>,
    /// After so long a silence the worker may take it that this fanout is gone.
    pub patience: Duration,
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
    pub fn from_local(config: &local::Config) -> Result<Self, Refused> {
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
            slots_before: 0,
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
            patience: None,
        };
        Ok(Self {
            setup,
            prepare: Arc::clone(&config.prepare),
            capture: config.capture.clone(),
            codec: config.codec.clone(),
            shows_slots: config.shows_slots,
            one_by_one: config.one_by_one,
            report_starts: config.report_starts,
            is_one_of_several: false,
        })
    }

    /// How many attempts run at a time.
    pub(super) fn slots(&self) -> usize {
        self.setup.slots
    }

    /// The same at a worker on another host, one of several, which has nothing in common with this one but the
    /// commands.
    #[must_use]
    pub fn on_host(mut self, host: OnHost) -> Self {
        let setup = &mut self.setup;
        setup.slots = host.slots;
        setup.slots_before = host.slots_before;
        setup.shell = host.shell.map(|shell| (shell.clone(), shell));
        setup.own_environment = true;
        setup.env = host.env;
        setup.patience = Some(host.patience);
        (setup.cwd, setup.pwd, setup.temporary) = (None, None, None);
        self.is_one_of_several = true;
        self
    }
}
