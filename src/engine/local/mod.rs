//! Attempts on this host: a process group each, with its own deadline.
//!
//! A worker renders the command for its slot, starts it (directly, or in a shell where only a shell
//! gives the same result), sleeps until the process ends, the deadline passes or it is told to
//! give up, ends the whole group where that is wanted, and takes the output.
//!
//! | file | what is there |
//! |---|---|
//! | `config` | what the engine is told |
//! | `pool` | the engine: attempts and orders from the controller |
//! | `queue`, `slot_numbers` | what all workers share: attempts that have not begun, numbers of slots |
//! | `worker`, `worker_threads` | what others see of a worker; the threads |
//! | `watched` | what runs now and what it wrote last, for a display |
//! | `taken` | attempts that a worker has taken and has to answer |
//! | `runner`, `watch`, `setbacks`, `starts` | what a worker does with an attempt: start, sleep, end; what fails and passes; what a stop of everything waits for |

mod config;
mod pool;
mod queue;
mod runner;
mod setbacks;
mod slot_numbers;
mod starts;
mod taken;
mod watch;
mod watched;
mod worker;
mod worker_threads;

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use super::{Engine as _, Order, UpdateSender};
use crate::exec::capture::{Capture, Capturer};
use crate::exec::launch::Launcher;
use crate::exec::warm::Warm;
use crate::flow::credit::Tokens;
use crate::sys::fd;
use crate::sys::guardian::Guardian;
use crate::sys::priority::be_nice;
use crate::sys::spawn::Spawner;
use crate::sys::tty;
use config::Shared;
pub use config::{Begins, Config, JobStdin};
pub use pool::Pool;
use runner::LocalRunner;
pub use watched::{Glimpse, Watched};

/// How many processes a worker may have at a time: that of a job, and a warm shell.
pub const PROCESSES_PER_WORKER: usize = 2;

/// What compresses the output of jobs that were ended may take so long for the last of it.
const LAST_BYTES: Duration = Duration::from_secs(1);

/// How many pieces of streamed output may be on their way, over all jobs.
const PIECES_IN_FLIGHT: u32 = 64;

/// Starts the pool that runs attempts on this host; `guardian` has [`PROCESSES_PER_WORKER`] for each of its workers.
///
/// # Errors
///
/// When the jobs' standard input cannot be opened or the workers cannot be started.
pub fn start(config: Config, guardian: &Guardian, updates: UpdateSender) -> anyhow::Result<Pool> {
    let (timeout, patience) = (config.timeout, config.term_seq.longest() + LAST_BYTES);
    let stdin = stdin(&config.stdin)
        .map_err(|error| anyhow::anyhow!("cannot open the jobs' standard input: {error}"))?;
    let wards: Vec<_> = (0..config.slots)
        .map(|worker| [0, 1].map(|place| guardian.ward(PROCESSES_PER_WORKER * worker + place)))
        .collect();
    let pieces = Tokens::new(PIECES_IN_FLIGHT)
        .map_err(|error| anyhow::anyhow!("cannot open an event descriptor: {error}"))?;
    let watched = config.watched.clone();
    let shared = Arc::new(Shared {
        config,
        stdin,
        pieces,
    });
    let pool = Pool::start(wards.len(), updates, move |index, worker| {
        // What a worker starts is as nice as itself.
        if let Some(niceness) = shared.config.nice {
            be_nice(niceness);
        }
        let [ward, ward_of_warm] = &wards[index];
        let spawner = Spawner::new(ward.clone());
        let mut capturer =
            Capturer::new(shared.config.capture.clone()).with_codec(shared.config.codec.clone());
        capturer.open_early();
        LocalRunner {
            launcher: Launcher::new(&shared.config.launch),
            capturer,
            warm: warm(&shared.config, spawner.beside(ward_of_warm.clone())),
            spawner,
            worker,
            shared: Arc::clone(&shared),
        }
    })?;
    if let Some(watched) = watched {
        pool.show_in(&watched);
    }
    pool.order(Order::TimeLimit(timeout));
    Ok(pool.with_patience(patience))
}

/// The warm shell of a worker, where jobs can be run in one.
fn warm(config: &Config, spawner: Spawner) -> Option<Warm> {
    // With a turn: these jobs are over before anything could be handed on.
    let (Capture::Spool(keep) | Capture::InTurn { dir: keep, .. }) = &config.capture else {
        return None;
    };
    if config.one_by_one || config.tmux.is_some() {
        return None;
    }
    Warm::new(&config.launch, keep, spawner)
}

/// What jobs read. Where our own standard input is closed there is nothing to inherit.
fn stdin(wanted: &JobStdin) -> io::Result<File> {
    let wanted = match wanted {
        JobStdin::File(path) => {
            let cannot = |error| io::Error::other(format!("{}: {error}", path.display()));
            return File::open(path).map_err(cannot);
        }
        JobStdin::Empty => None,
        JobStdin::Own => fd::duplicate(0).ok(),
        JobStdin::Terminal => tty::open().ok(),
    };
    wanted.map_or_else(|| File::open("/dev/null"), Ok)
}

#[cfg(test)]
pub(super) mod tests;
