//! The engine, its guardian, and what jobs inherit.

use std::env;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context as _;

use super::each_host::HostTags;
use super::places::{self, RunningPlace};
use super::{Messages, ONLY, OpenJobs, Reports, environment, fit};
use crate::engine::UpdateSender;
use crate::engine::dry_run::DryEngine;
use crate::engine::local::{self, JobStdin};
use crate::exec::capture::Capture;
use crate::exec::launch::Launch;
use crate::exec::stdin::StdinTransport;
use crate::exec::tmux::Tmux;
use crate::flow::mailbox::Urgency;
use crate::flow::output_order::OutputOrder;
use crate::flow::spool::{Limits, SpoolDir};
use crate::hosts::Host;
use crate::input::InputCount;
use crate::job::Renderer;
use crate::job::ready;
use crate::model::RenderJob;
use crate::plan::{CapturePlan, EnginePlan, RunPlan, Windows};
use crate::reduce::{self, Reducer};
use crate::run::Message;
use crate::sql::claims::Claims;
use crate::sys::folders;
use crate::sys::guardian::Guardian;
use crate::sys::limits;
use crate::sys::scratch::Scratch;

/// Everything an engine needs that is made before its workers are.
pub struct EngineParts {
    pub(super) plan: EnginePlan,
    prepare: Arc<dyn RenderJob>,
    /// Whether a command is more than a line.
    beyond_lines: bool,
    /// Whether commands show their slots.
    shows_slots: bool,
    guardian: Option<Guardian>,
    pub(super) cwd: PathBuf,
    /// The name by which that directory was entered.
    pwd: PathBuf,
    /// As many workers: no more than there are jobs.
    workers: usize,
    /// What the user should know where those are fewer than were wanted.
    fewer: Option<String>,
    /// Whether all workers must be there before the first job is.
    all_at_once: bool,
    /// Whether no slot is used again while one was never used: jobs all run at once and read the same stream.
    slots_of_their_own: bool,
    /// Whose output is shown, in the order of the inputs.
    pub(super) turn: Arc<OutputOrder>,
    /// The rows of a table that the jobs are.
    pub(super) claims: Option<Arc<Claims>>,
    /// The names of the arguments.
    pub(super) names: Vec<Vec<u8>>,
    /// How many jobs there are, as far as they have been seen.
    pub(super) inputs: InputCount,
    /// Where a display sees what runs, if there is one.
    pub(super) watched: Option<Arc<local::Watched>>,
}

/// Starts the guardian of the processes that `plan` is about, if there will be any; to be called before any thread
/// is started. It keeps `held` open until no job is left, even if fanout is killed.
///
/// # Errors
///
/// When no process can be made.
pub fn guardian(
    plan: &EnginePlan,
    held: Option<BorrowedFd<'_>>,
) -> anyhow::Result<Option<Guardian>> {
    if plan.dry_run || plan.shellquote.is_some() {
        return Ok(None);
    }
    let scratch = (plan.stdin_transport != StdinTransport::Pipe || plan.tmux.is_some())
        .then(|| Scratch::in_dir(&folder(plan.tmpdir.as_deref())));
    let places = local::PROCESSES_PER_WORKER * plan.slots + mergers(plan);
    let guardian = Guardian::start_with(places, held, scratch);
    guardian
        .map(Some)
        .context("cannot start the guardian process")
}

/// Makes what an engine needs before its workers are there.
///
/// # Errors
///
/// When a command cannot be rendered, or the current directory is gone.
pub fn prepare_engine(
    plan: EnginePlan,
    mut renderer: Renderer,
    jobs: &mut OpenJobs,
    guardian: Option<Guardian>,
) -> anyhow::Result<EngineParts> {
    let shows_slots = renderer.templates().uses_slot();
    let (prepare, beyond_lines): (Arc<dyn RenderJob>, bool) =
        if let Some(commands) = jobs.commands.take() {
            (commands, true)
        } else {
            let begun = renderer.begin(jobs.total, plan.slots);
            begun.map_err(anyhow::Error::msg)?;
            let beyond_lines = renderer.templates().go_beyond_lines();
            (Arc::new(renderer), beyond_lines)
        };
    // Of one that was deleted nobody knows the name; only what needs it fails then.
    let cwd = std::env::current_dir().unwrap_or_default();
    let pwd = folders::as_entered(&cwd);
    let rules = ready::Rules {
        done: jobs.done_work.take().map(|done| {
            let cwd = cwd.as_os_str().as_encoded_bytes().to_vec();
            (done, cwd)
        }),
        results_are_done: plan.results_are_done,
        confirm: plan.confirm,
    };
    let beyond_lines = beyond_lines || !rules.is_empty();
    let prepare = ready::ready(prepare, rules);
    let prepare: Arc<dyn RenderJob> = if plan.tags_hosts {
        let names = plan.hosts.iter().map(Host::name).collect();
        Arc::new(HostTags { prepare, names })
    } else {
        prepare
    };
    let total = jobs.at_most.map_or(usize::MAX, |total| {
        usize::try_from(total).unwrap_or(usize::MAX)
    });
    let asked = plan.slots.min(total).max(1);
    let (workers, limited) = fit::slots(asked, jobs.block_bytes());
    let fewer = limited
        .filter(|_| !plan.as_many_as_fit)
        .map(|why| format!("Warning: only {workers} of {asked} jobs can run at a time: {why}"));
    limits::raise_open_files(fit::files(workers));
    if let Some(scratch) = guardian.as_ref().and_then(Guardian::scratch) {
        let made = scratch.make();
        made.context("cannot make a directory for --cat, --fifo or --tmux (see $TMPDIR)")?;
    }
    Ok(EngineParts {
        plan,
        prepare,
        beyond_lines,
        shows_slots,
        guardian,
        cwd,
        pwd,
        workers,
        fewer,
        all_at_once: jobs.needs_slots() || limits::memory_left().is_some(),
        slots_of_their_own: jobs.needs_slots(),
        turn: Arc::default(),
        claims: jobs.claims.take(),
        names: jobs.names().to_vec(),
        inputs: jobs.count.clone(),
        watched: None,
    })
}

/// How many merges may run at a time, the last one included.
fn mergers(plan: &EnginePlan) -> usize {
    plan.reduce
        .as_ref()
        .map_or(0, |_| plan.slots.min(plan.threads).max(1) + 1)
}

/// How many descriptors merges are to have, all of them together.
fn for_merges(plan: &EnginePlan) -> u64 {
    mergers(plan).saturating_sub(1) as u64 * reduce::DESCRIPTORS
}

/// The running engines, one a place, and the guardian that outlives them.
pub struct RunningEngine {
    pub(super) places: Vec<RunningPlace>,
    /// So many attempts run at a time, or fewer.
    pub slots: usize,
    guardian: Option<Guardian>,
    /// Whether the reports have processes of their own: merges, or what unpacks compressed output.
    reports_start: bool,
    /// Whether a job gets the same command when it is prepared once more.
    pub(super) repeatable: bool,
}

impl RunningEngine {
    /// Whether it runs nothing.
    pub(super) fn is_dry(&self) -> bool {
        self.guardian.is_none()
    }

    /// Ends the engine's workers. The guardian is to be kept until all reports are written: it looks after their
    /// processes, too.
    pub(super) fn stop(self) -> Option<Guardian> {
        drop(self.places);
        let guardian = self.guardian;
        if !self.reports_start {
            guardian.iter().for_each(Guardian::let_go);
        }
        guardian
    }
}

impl EngineParts {
    /// Whether each job may have files with names for its output.
    pub(super) fn keeps_results(&self) -> bool {
        matches!(self.plan.capture, CapturePlan::Files(_)) && self.guardian.is_some()
    }

    /// Whether jobs run on other hosts.
    pub(super) fn has_hosts(&self) -> bool {
        !self.plan.hosts.is_empty()
    }

    /// Whether outputs of jobs are merged.
    pub(super) fn merges(&self) -> bool {
        self.plan.reduce.is_some()
    }

    /// Whoever merges the outputs of jobs, if somebody is to.
    ///
    /// # Errors
    ///
    /// When its threads cannot be started.
    pub(super) fn reducer(&self) -> anyhow::Result<Option<Reducer>> {
        let (Some(command), Some(guardian)) = (&self.plan.reduce, &self.guardian) else {
            return Ok(None);
        };
        let config = reduce::Config {
            command: command.clone(),
            shell: self.plan.shell.clone(),
            env: environment::of_jobs(&self.plan, &self.pwd),
            folder: folder(self.plan.tmpdir.as_deref()),
            descriptors: fit::files_for_merges(self.workers, for_merges(&self.plan)),
        };
        let first = local::PROCESSES_PER_WORKER * self.plan.slots;
        let wards = (first..first + mergers(&self.plan)).map(|place| guardian.ward(place));
        let reducer = Reducer::start(config, wards).context("cannot start --reduce")?;
        Ok(Some(reducer))
    }

    /// Starts the engine, which tells as much as the run and its reports want to know.
    ///
    /// # Errors
    ///
    /// When its threads cannot be started.
    pub fn start(
        self,
        run: &RunPlan,
        reports: &Reports,
        mailbox: &Messages,
    ) -> anyhow::Result<RunningEngine> {
        let messages = Arc::clone(mailbox);
        let tell = move |update, urgency| messages.post([Message::Engine(ONLY, update)], urgency);
        let repeatable = self.prepare.is_repeatable();
        let post = UpdateSender::new(tell).recording(reports.record.clone());
        let Some(guardian) = self.guardian else {
            // Whether a job halts the run depends on its own end.
            let ends = reports.wants_ends || run.halt.is_some() || self.beyond_lines;
            let engine = DryEngine::new(self.prepare, self.plan.shellquote, ends, post);
            return Ok(RunningEngine {
                places: vec![RunningPlace::only(Box::new(engine), usize::MAX)],
                slots: usize::MAX,
                guardian: None,
                reports_start: false,
                repeatable,
            });
        };
        let codec = self.plan.codec.clone().map(Arc::new);
        let reports_start = self.plan.reduce.is_some() || codec.is_some();
        let tmux = match self.plan.tmux {
            None => None,
            Some(windows) => {
                let scratch = guardian.scratch().map(Scratch::path);
                Some(start_tmux(windows, scratch, &self.plan, mailbox)?)
            }
        };
        let taken = fit::files(self.workers) + for_merges(&self.plan);
        let config = local::Config {
            slots: self.workers,
            prepare: self.prepare,
            launch: launch(&self.plan, [self.cwd, self.pwd], tmux.is_none()),
            capture: capture(
                in_turn_here(self.plan.capture, &self.plan.hosts),
                taken,
                self.plan.tmpdir.clone(),
                &self.turn,
            ),
            codec,
            timeout: self.plan.timeout,
            stdin: self.plan.stdin,
            tmux,
            one_by_one: self.plan.confirm,
            remove_empty_workdirs: self.plan.remove_empty_workdirs,
            remove_made_files: self.plan.remove_made_files,
            nice: self.plan.nice,
            stdin_transport: self.plan.stdin_transport,
            stdin_dir: guardian
                .scratch()
                .map(|scratch| scratch.path().to_owned())
                .unwrap_or_default(),
            term_seq: self.plan.term_seq,
            watched: self.watched,
            report_starts: reports.wants_starts,
            shows_slots: self.shows_slots,
            begins: None,
        };
        let mut slots = match self.fewer {
            None => usize::MAX,
            Some(words) => {
                mailbox.post([Message::Remark(words)], Urgency::Now);
                self.workers
            }
        };
        let places = if self.plan.hosts.is_empty() {
            let engine = local::start(config, &guardian, post)?;
            if self.all_at_once {
                slots = slots.min(engine.start_all());
            }
            if self.slots_of_their_own {
                engine.use_new_slots_first();
            }
            vec![RunningPlace::only(Box::new(engine), slots)]
        } else {
            limits::raise_open_files(fit::files(self.workers) + fit::files_for(&self.plan.hosts));
            let common = places::Common {
                hosts: self.plan.hosts,
                ssh: self.plan.ssh,
                slots: self.plan.slots_of_hosts,
                shell: env::var_os("PARALLEL_SHELL")
                    .filter(|shell| !shell.is_empty())
                    .map(|_| config.launch.shell.path().as_os_str().as_bytes().to_vec()),
                env: self.plan.env_of_hosts,
                guardian: &guardian,
                mailbox,
                record: reports.record.clone(),
            };
            places::start(&common, config)?
        };
        Ok(RunningEngine {
            places,
            slots,
            guardian: Some(guardian),
            reports_start,
            repeatable,
        })
    }
}

/// Where temporary files go.
fn folder(tmpdir: Option<&Path>) -> PathBuf {
    tmpdir.map_or_else(crate::sys::temp::dir, Path::to_owned)
}

/// How commands are started; `alone`: without windows, in which others do some of that.
fn launch(plan: &EnginePlan, [cwd, pwd]: [PathBuf; 2], alone: bool) -> Launch {
    Launch {
        epilogue: if alone && plan.forgives_cat {
            plan.stdin_transport.epilogue(plan.shell.quoting())
        } else {
            b""
        },
        shell: plan.shell.clone(),
        always_shell: plan.always_shell,
        warm: plan.warm_shells,
        prelude: if alone {
            plan.prelude.clone()
        } else {
            Vec::new()
        },
        env: environment::of_jobs(plan, &pwd),
        pwd,
        cwd,
        has_workdirs: plan.has_workdirs,
        temporary: folder(plan.tmpdir.as_deref()),
        slot_variable: plan.slot_variable.clone(),
        on_terminal: plan.stdin == JobStdin::Terminal,
        named_inputs: plan.stdin_transport != StdinTransport::Pipe,
    }
}

/// Starts a session for the jobs' windows, and says so.
fn start_tmux(
    windows: Windows,
    scratch: Option<&Path>,
    plan: &EnginePlan,
    mailbox: &Messages,
) -> anyhow::Result<Tmux> {
    let folder = folder(plan.tmpdir.as_deref());
    let tmux = Tmux::start(
        &folder,
        scratch.unwrap_or(&folder),
        windows == Windows::Panes,
        plan.shell.clone(),
        &plan.prelude,
    )
    .context("--tmux cannot start tmux")?;
    let invitation = Message::PlainRemark(tmux.invitation());
    mailbox.post([invitation], Urgency::Now);
    Ok(tmux)
}

/// Where jobs run on other hosts, too, what they write while they run is not handed on in their order, but kept.
fn in_turn_here(plan: CapturePlan, hosts: &[Host]) -> CapturePlan {
    match plan {
        CapturePlan::InTurn(_) if !hosts.is_empty() => CapturePlan::Spool,
        plan => plan,
    }
}

/// The most output that waits in memory, in bytes.
const OUTPUT_MEMORY: u64 = 16 << 20;

fn capture(
    plan: CapturePlan,
    taken: u64,
    tmpdir: Option<PathBuf>,
    turn: &Arc<OutputOrder>,
) -> Capture {
    let folder = tmpdir.unwrap_or_else(crate::sys::temp::dir);
    match plan {
        CapturePlan::Inherit => Capture::Inherit,
        CapturePlan::Stream => Capture::Stream,
        CapturePlan::Spool => Capture::Spool(spool_dir(taken, folder)),
        CapturePlan::InTurn(streams) => Capture::InTurn {
            dir: spool_dir(taken, folder),
            turn: Arc::clone(turn),
            streams,
        },
        CapturePlan::Files(echo) => Capture::Files {
            dir: spool_dir(taken, folder.clone()),
            folder,
            echo,
        },
    }
}

/// Where outputs are kept, beside `taken` descriptors.
fn spool_dir(taken: u64, folder: PathBuf) -> Arc<SpoolDir> {
    let files = limits::raise_open_files(taken + 256).saturating_sub(taken);
    let left = limits::memory_left().unwrap_or(u64::MAX);
    let limits = Limits {
        memory: OUTPUT_MEMORY.min(left / 8),
        files,
    };
    SpoolDir::new(folder, limits)
}
