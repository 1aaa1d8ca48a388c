//! Gates and what they look at: the machine, and the user's `--limit` command.

use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::Messages;
use crate::flow::mailbox::Urgency;
use crate::plan::{GatePlan, LoadLimit};
use crate::run::Message;
use crate::run::gate::{
    Answer, Ask, Ceiling, CommandGate, Delay, Gate, Gates, Limit, Measure, MemFree, MemSuspend,
};
use crate::sys::helper;
use crate::sys::passing;
use crate::sys::pressure::{self, Rate, Resource, whole_memory};

/// How long a number of processes counts: as long as it takes to look.
const LOAD_VALID: Duration = Duration::from_millis(100);
/// How long a number of bytes counts: tiny jobs come faster than it changes.
const MEMORY_VALID: Duration = Duration::from_millis(10);
/// How long a rate counts, and how long it is measured at least.
const RATE_VALID: Duration = Duration::from_millis(500);

/// What may hold back starts.
#[derive(Default)]
pub struct OpenGates {
    /// Here, for what this machine has to spare.
    pub of_place: Gates,
    /// Wherever jobs run.
    pub of_run: Gates,
}

/// The gates of `plans`; commands run in `shell`.
///
/// # Errors
///
/// When the machine cannot be asked for what a gate needs.
pub fn gates(plans: Vec<GatePlan>, shell: &Path, mailbox: &Messages) -> anyhow::Result<OpenGates> {
    let is_of_run = |plan: &GatePlan| matches!(plan, GatePlan::Delay { .. });
    let (of_run, of_place): (Vec<_>, Vec<_>) = plans.into_iter().partition(is_of_run);
    let open = |plans: Vec<_>| {
        let gates = plans.into_iter().map(|plan| gate(plan, shell, mailbox));
        gates.collect::<anyhow::Result<_>>().map(Gates::new)
    };
    Ok(OpenGates {
        of_place: open(of_place)?,
        of_run: open(of_run)?,
    })
}

fn gate(plan: GatePlan, shell: &Path, mailbox: &Messages) -> anyhow::Result<Box<dyn Gate>> {
    Ok(match plan {
        GatePlan::Delay { pause, auto } => Box::new(Delay::new(pause, auto)),
        GatePlan::Load(below) => Box::new(load(below)?),
        GatePlan::MemFree(least) => {
            Box::new(MemFree::new("--memfree", least, memory()?).of(whole_memory()))
        }
        GatePlan::LimitMem(least) => {
            Box::new(MemFree::new("--limit mem", least, memory()?).of(whole_memory()))
        }
        GatePlan::MemSuspend(least) => Box::new(MemSuspend::new(least, memory()?)),
        GatePlan::NoSwap => Box::new(swapping()?),
        GatePlan::Pressure(resource, percent) => Box::new(stalls(resource, percent)?),
        GatePlan::DiskUse(percent) => Box::new(disks(percent)?),
        GatePlan::Command(command) => {
            let asker = Asker::start(shell.to_owned(), command.clone(), mailbox)?;
            Box::new(CommandGate::new(command.to_string_lossy(), Box::new(asker)))
        }
    })
}

fn load(below: LoadLimit) -> anyhow::Result<Ceiling> {
    pressure::runnable().context("--load: cannot read /proc/loadavg")?;
    let limit = match below {
        LoadLimit::Fixed(most) => Limit::Fixed(most),
        LoadLimit::File(mut most, file) => Limit::Changing(Box::new(move || {
            let content = std::fs::read(&file.path).ok();
            most = content
                .and_then(|content| file.says(&content))
                .unwrap_or(most);
            most
        })),
    };
    let measure: Measure = Box::new(|_| pressure::runnable());
    let gate = Ceiling::new(
        "the number of running processes",
        "",
        measure,
        limit,
        LOAD_VALID,
    );
    Ok(gate.with_more_per_job(1.0))
}

fn memory() -> anyhow::Result<Box<dyn FnMut() -> u64>> {
    let mut latest = pressure::available_memory().context("cannot read /proc/meminfo")?;
    let mut measured_at = Instant::now();
    Ok(Box::new(move || {
        if measured_at.elapsed() >= MEMORY_VALID {
            latest = pressure::available_memory().unwrap_or(latest);
            measured_at = Instant::now();
        }
        latest
    }))
}

fn swapping() -> anyhow::Result<Ceiling> {
    pressure::swapped().context("--noswap: cannot read /proc/vmstat")?;
    let (mut ins, mut outs) = (Rate::default(), Rate::default());
    let measure: Measure = Box::new(move |now| {
        let (swapped_in, swapped_out) = pressure::swapped()?;
        let (ins, outs) = (
            ins.per_second(now, swapped_in),
            outs.per_second(now, swapped_out),
        );
        Some(ins? * outs?)
    });
    // Both at once is what hurts.
    let limit = Limit::Fixed(f64::MIN_POSITIVE);
    let what = "swapping in times swapping out (--noswap)";
    Ok(Ceiling::new(what, "", measure, limit, RATE_VALID))
}

fn stalls(resource: Resource, percent: f64) -> anyhow::Result<Ceiling> {
    let name = resource.name();
    let first = pressure::stalled_micros(resource).with_context(|| format!("--psi {name}"))?;
    let mut rate = Rate::default();
    rate.per_second(Instant::now(), first);
    let measure: Measure = Box::new(move |now| {
        let total = pressure::stalled_micros(resource).ok()?;
        Some(rate.per_second(now, total)? / 1e6 * 100.0)
    });
    let what = format!("pressure on {name} (--psi)");
    Ok(Ceiling::new(
        what,
        "%",
        measure,
        Limit::Fixed(percent),
        RATE_VALID,
    ))
}

fn disks(percent: f64) -> anyhow::Result<Ceiling> {
    pressure::disk_busy_ms().context("--limit io: cannot read /proc/diskstats")?;
    let mut rates: Vec<(String, Rate)> = Vec::new();
    let measure: Measure = Box::new(move |now| {
        let mut busiest = None;
        for (disk, ms) in pressure::disk_busy_ms()? {
            let place = rates.iter().position(|(name, _)| *name == disk);
            let place = place.unwrap_or_else(|| {
                rates.push((disk, Rate::default()));
                rates.len() - 1
            });
            if let Some(ms_per_second) = rates[place].1.per_second(now, ms) {
                busiest = Some(f64::max(ms_per_second / 10.0, busiest.unwrap_or(0.0)));
            }
        }
        // A machine without disks has none that is busy.
        busiest.or_else(|| rates.is_empty().then_some(0.0))
    });
    // As GNU parallel: at the limit is not over it.
    let limit = Limit::Fixed(percent + f64::from(f32::EPSILON));
    let what = "the use of the busiest disk (--limit io)";
    Ok(Ceiling::new(what, "%", measure, limit, RATE_VALID))
}

/// What a shell ends with when a command cannot be executed, or is not there.
const CANNOT_EXECUTE: i32 = 126;
const NO_SUCH_COMMAND: i32 = 127;

/// Runs the user's command in a thread of its own, once each time it is asked.
struct Asker {
    questions: Sender<()>,
    answers: Receiver<Answer>,
}

impl Asker {
    fn start(shell: PathBuf, command: OsString, mailbox: &Messages) -> anyhow::Result<Self> {
        let (questions, asked) = channel();
        let (say, answers) = channel();
        let mailbox = Arc::clone(mailbox);
        thread::Builder::new()
            .name("limit".into())
            .spawn(move || {
                while asked.recv() == Ok(()) {
                    let message = match run(&shell, &command) {
                        Ok(answer) if say.send(answer).is_err() => return,
                        Ok(_) => Message::GateReady,
                        Err(why) => {
                            let command = command.to_string_lossy();
                            Message::GateFailed(format!("--limit '{command}' cannot be run: {why}"))
                        }
                    };
                    let is_last = matches!(message, Message::GateFailed(_));
                    mailbox.post([message], Urgency::Now);
                    if is_last {
                        return;
                    }
                }
            })
            .context("cannot start the thread that runs --limit")?;
        Ok(Self { questions, answers })
    }
}

/// What `command` answers, or why it cannot be run.
fn run(shell: &Path, command: &OsStr) -> Result<Answer, String> {
    match helper::run(helper::in_shell(shell, command)) {
        Ok(Some(code @ (CANNOT_EXECUTE | NO_SUCH_COMMAND))) => {
            Err(format!("its shell ended with {code}"))
        }
        Ok(code) => Ok(Answer::from_exit(code)),
        // No job is started any more.
        Err(_) if helper::is_interrupted() => Ok(Answer::Over),
        Err(error) => {
            let why = format!("cannot start {}: {error}", shell.display());
            Err(passing::with_limit(why))
        }
    }
}

impl Ask for Asker {
    fn ask(&mut self) {
        // The thread lives as long as this does.
        let _ = self.questions.send(());
    }

    fn answer(&mut self) -> Option<Answer> {
        self.answers.try_recv().ok()
    }
}
