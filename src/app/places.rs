//! The places of a run: this host, and those that are reached over ssh.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use anyhow::Context as _;

use super::Messages;
use crate::engine::local;
use crate::engine::remote::host::{HostConfig, HostEngine};
use crate::engine::remote::ssh::Ssh;
use crate::engine::remote::{self, OnHost};
use crate::engine::{Engine, Record, UpdateSender};
use crate::hosts::{Host, Login, SshLogin};
use crate::model::{Command, HERE, PlaceId, RenderJob, SpawnError, Work};
use crate::plan::SlotsOfHost;
use crate::protocol::Hello;
use crate::run::Message;
use crate::run::jobs_spec::JobsSpec;
use crate::run::slot_count::SlotCount;
use crate::sys::guardian::Guardian;
use crate::sys::tty::Until;

/// After so long a silence a worker may take it that this fanout is gone.
const PATIENCE: Duration = Duration::from_secs(30);

/// A place where attempts run.
pub(super) struct RunningPlace {
    pub(super) name: String,
    pub(super) engine: Box<dyn Engine>,
    /// How many run at a time, until that is known elsewhere; `None`: as the run's plan says.
    pub(super) slots: Option<SlotCount>,
    /// There are no more slots than these.
    pub(super) most_slots: usize,
    /// Whether it can be used from the beginning on.
    pub(super) is_up: bool,
    /// Whether it is this host.
    pub(super) is_here: bool,
}

impl RunningPlace {
    /// This host, as the only place.
    pub(super) fn only(engine: Box<dyn Engine>, most_slots: usize) -> Self {
        Self {
            name: HERE.to_owned(),
            engine,
            slots: None,
            most_slots,
            is_up: true,
            is_here: true,
        }
    }
}

/// What the places of a run have in common.
pub(super) struct Common<'a> {
    pub(super) hosts: Vec<Host>,
    /// The command that connects to them, shell text.
    pub(super) ssh: Vec<u8>,
    pub(super) slots: SlotsOfHost,
    /// The shell that was asked for: what `$PARALLEL_SHELL` names here holds on all hosts, as in GNU parallel.
    pub(super) shell: Option<Vec<u8>>,
    /// Variables of this environment that jobs on other hosts get, too.
    pub(super) env: Vec<(OsString, OsString)>,
    pub(super) guardian: &'a Guardian,
    pub(super) mailbox: &'a Messages,
    pub(super) record: Option<Arc<dyn Record>>,
}

/// Starts all places. This host runs attempts as `config` says, and the others as far as that is not about this one.
///
/// # Errors
///
/// When there are no threads to be had, or jobs on other hosts cannot have what they are to have.
pub(super) fn start(
    common: &Common<'_>,
    config: local::Config,
) -> anyhow::Result<Vec<RunningPlace>> {
    let elsewhere = remote::Config::from_local(&config)?;
    // No host is named twice.
    let mut config = Some(config);
    let numbers = Arc::<SlotNumbers>::default();
    let mut places = Vec::with_capacity(common.hosts.len());
    for (index, host) in common.hosts.iter().enumerate() {
        let updates = updates(PlaceId(index), common);
        let place = match (&host.login, config.take()) {
            (Login::Here, Some(config)) => here(common, host, config, &numbers, updates)?,
            (Login::Here, None) => continue,
            (Login::Ssh(login), unused) => {
                config = unused;
                there(common, host, login, &elsewhere, &numbers, updates)?
            }
        };
        places.push(place);
    }
    Ok(places)
}

fn updates(place: PlaceId, common: &Common<'_>) -> UpdateSender {
    let messages = Arc::clone(common.mailbox);
    let tell = move |update, urgency| messages.post([Message::Engine(place, update)], urgency);
    UpdateSender::new(tell).recording(common.record.clone())
}

/// This host, as one of several places.
fn here(
    common: &Common<'_>,
    host: &Host,
    mut config: local::Config,
    numbers: &Arc<SlotNumbers>,
    updates: UpdateSender,
) -> anyhow::Result<RunningPlace> {
    config.prepare = Arc::new(Numbered {
        prepare: config.prepare,
        slots_before: numbers.take(config.slots),
    });
    let threads = Arc::new(AtomicUsize::new(host.threads.unwrap_or(config.slots)));
    let most_slots = config.slots;
    let engine = local::start(config, common.guardian, updates)?;
    Ok(RunningPlace {
        name: name(host),
        engine: Box::new(engine),
        slots: Some(common.slots.count(Some(most_slots), threads)),
        most_slots,
        is_up: true,
        is_here: true,
    })
}

/// Another host.
fn there(
    common: &Common<'_>,
    host: &Host,
    login: &SshLogin,
    elsewhere: &remote::Config,
    numbers: &Arc<SlotNumbers>,
    updates: UpdateSender,
) -> anyhow::Result<RunningPlace> {
    let known = common.slots.without_asking(host.threads);
    let threads = Arc::new(AtomicUsize::new(host.threads.unwrap_or(1)));
    let configure = Configure {
        elsewhere: elsewhere.clone(),
        slots: common.slots.clone(),
        given: host.threads,
        threads: Arc::clone(&threads),
        shell: common.shell.clone(),
        env: environment(host, &common.env),
        taken: Mutex::new(known.map(|slots| (numbers.take(slots), slots))),
        numbers: Arc::clone(numbers),
    };
    let name = name(host);
    let config = HostConfig {
        name: name.as_str().into(),
        configure: Box::new(move |hello| configure.of(hello)),
    };
    let password = login.password.as_ref();
    let ssh = Ssh {
        command: login.command(&common.ssh, &[]),
        env: password
            .map(|it| ("SSHPASS".into(), OsString::from_vec(it.0.clone())))
            .into_iter()
            .collect(),
    };
    let engine = HostEngine::start(config, ssh, updates).context("cannot start a thread")?;
    Ok(RunningPlace {
        name,
        engine: Box::new(engine),
        slots: Some(common.slots.count(known, threads)),
        most_slots: known.unwrap_or(1),
        is_up: false,
        is_here: false,
    })
}

fn name(host: &Host) -> String {
    String::from_utf8_lossy(&host.name()).into_owned()
}

/// What jobs on `host` are told, and the variables that were `named` for them.
fn environment(host: &Host, named: &[(OsString, OsString)]) -> Vec<(Vec<u8>, Vec<u8>)> {
    let (pid, login, groups) = (
        std::process::id().to_string(),
        host.name(),
        host.all_groups(),
    );
    let told = [
        (&b"PARALLEL_PID"[..], pid.as_bytes()),
        (b"PARALLEL_SSHLOGIN", &login),
        (b"PARALLEL_SSHHOST", host.short_name()),
        (b"PARALLEL_HOSTGROUPS", &groups),
    ];
    let told = told.map(|(name, value)| (name.to_vec(), value.to_vec()));
    let named = named.iter();
    let named = named.map(|(name, value)| (name.as_bytes().to_vec(), value.as_bytes().to_vec()));
    named.chain(told).collect()
}

/// The numbers of slots, of which no two places have the same.
#[derive(Default)]
struct SlotNumbers(AtomicUsize);

impl SlotNumbers {
    /// Takes so many numbers; returns how many are before the first of them.
    fn take(&self, slots: usize) -> usize {
        self.0.fetch_add(slots, Ordering::Relaxed)
    }
}

impl SlotsOfHost {
    /// How many that is on a host, if that depends on nothing that only the host knows.
    fn without_asking(&self, threads: Option<usize>) -> Option<usize> {
        let is_said = matches!(self.spec, JobsSpec::Exactly(_) | JobsSpec::Unlimited);
        let threads = if is_said { Some(1) } else { threads };
        threads.map(|threads| self.on(threads))
    }

    /// How many that is on `threads` CPU threads.
    fn on(&self, threads: usize) -> usize {
        self.spec.slots(threads, self.most)
    }

    /// How many attempts run at a time where there are so many slots, if that is known, on so many `threads`.
    fn count(&self, slots: Option<usize>, threads: Arc<AtomicUsize>) -> SlotCount {
        let now = slots.unwrap_or(usize::MAX);
        match &self.file {
            Some(file) => SlotCount::File {
                now,
                read: reader(file.clone(), self.most, threads),
            },
            None if self.auto => SlotCount::auto(now),
            None => SlotCount::Fixed(usize::MAX),
        }
    }
}

/// Asks `file` how many attempts run at a time on so many `threads`.
fn reader(
    file: PathBuf,
    most: usize,
    threads: Arc<AtomicUsize>,
) -> Box<dyn FnMut() -> Option<usize>> {
    Box::new(move || {
        let spec = JobsSpec::of_file(&std::fs::read(&file).ok()?).ok()?;
        Some(spec.slots(threads.load(Ordering::Relaxed), most))
    })
}

/// How a worker on another host runs attempts, once it has said what that host is.
struct Configure {
    elsewhere: remote::Config,
    slots: SlotsOfHost,
    /// How many CPU threads it is taken for.
    given: Option<usize>,
    /// How many it has.
    threads: Arc<AtomicUsize>,
    /// The shell that was asked for; `None`: the host's login shell.
    shell: Option<Vec<u8>>,
    env: Vec<(Vec<u8>, Vec<u8>)>,
    /// How many slots are before its own, and how many those are.
    taken: Mutex<Option<(usize, usize)>>,
    numbers: Arc<SlotNumbers>,
}

impl Configure {
    fn of(&self, hello: &Hello) -> remote::Config {
        let threads = self.given.unwrap_or(hello.threads);
        self.threads.store(threads, Ordering::Relaxed);
        let slots = self.slots.on(threads);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let (slots_before, _) = match *taken {
            Some(it) if slots <= it.1 => it,
            _ => *taken.insert((self.numbers.take(slots), slots)),
        };
        self.elsewhere.clone().on_host(OnHost {
            slots,
            slots_before,
            shell: self.shell.clone().or_else(|| hello.login_shell.clone()),
            env: self.env.clone(),
            patience: PATIENCE,
        })
    }
}

/// Renders commands in slots of which others have the first numbers.
struct Numbered {
    prepare: Arc<dyn RenderJob>,
    slots_before: usize,
}

/// `command` is told that it runs in `slot`.
fn in_slot(mut command: Command, slot: usize) -> Command {
    command.task.slot.get_or_insert(slot);
    command
}

impl RenderJob for Numbered {
    fn prepare(&self, work: &Work, slot: usize) -> Result<Command, SpawnError> {
        let slot = self.slots_before + slot;
        Ok(in_slot(self.prepare.prepare(work, slot)?, slot))
    }

    fn prepare_until(
        &self,
        work: &Work,
        slot: usize,
        until: Until<'_>,
    ) -> Result<Command, SpawnError> {
        let slot = self.slots_before + slot;
        let command = self.prepare.prepare_until(work, slot, until)?;
        Ok(in_slot(command, slot))
    }

    fn is_repeatable(&self) -> bool {
        self.prepare.is_repeatable()
    }
}
