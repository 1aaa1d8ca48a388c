//! Semaphore mode: `sem`, `fanout --semaphore`. At most so many of the commands that are given the same
//! name run at a time, whoever starts them.
//!
//! A semaphore is a file of kernel locks, [`LockFile`]: lock 0 guards the counting and is held for
//! moments only, each lock above it is held by one running command. Whoever finds too many of them
//! held waits for the end of one of the holders and counts again. Locks end with the process that
//! has them, so a holder that was killed leaves nothing behind, and nothing is ever waited for that is
//! no longer there.
//!
//! What is counted is who holds the semaphore now, so callers may differ in how many they allow, as in
//! GNU parallel. The file is removed by the last holder.

use std::io;
use std::os::fd::OwnedFd;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use crate::sys::lock::LockFile;
use crate::sys::process::{self, Forked, Other};
use crate::sys::stderr;

/// The lock that guards the counting.
const GATE: u32 = 0;

/// How soon to count again while somebody has the semaphore whose process cannot be seen from here: it is
/// about to end, or in another container.
const UNSEEN: Duration = Duration::from_millis(20);

/// A semaphore, and what is to be done with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The file with its locks.
    pub path: PathBuf,
    /// How many may hold it at a time.
    pub most: usize,
    /// What is to be done.
    pub action: Action,
    /// How long to wait for it; `None`: as long as it takes.
    pub patience: Option<Patience>,
    /// The name under which fanout speaks.
    pub program: &'static str,
}

/// What is to be done with a semaphore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Action {
    /// Take it and run the command, while the caller waits.
    Foreground,
    /// Take it and run the command; the caller goes on as soon as it is taken.
    Background,
    /// Wait until nobody has it.
    Wait,
}

/// What happens when the semaphore is not to be had in time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Patience {
    /// How long to wait.
    pub time: Duration,
    /// Whether the command runs all the same; else the caller gives up.
    pub steals: bool,
}

/// What came of it.
#[derive(Debug)]
pub enum Entered {
    /// The semaphore is ours: run the command, then drop the permit.
    Holds(Permit),
    /// There is nothing left to do: another process runs the command, or nobody has the semaphore.
    Done,
    /// It was not to be had in time.
    GaveUp,
}

/// The semaphore, held by this process. Dropped, it lets others have it.
#[derive(Debug)]
pub struct Permit {
    locks: LockFile,
    number: u32,
    path: PathBuf,
}

/// Does what `config` says. To be called while the process has one thread: [`Action::Background`]
/// makes a second process.
///
/// # Errors
///
/// When the semaphore's file cannot be made or locked, or no process is to be had.
pub fn enter(config: &Config) -> anyhow::Result<Entered> {
    let cannot = || format!("cannot use the semaphore {}", config.path.display());
    if let Some(folder) = config.path.parent() {
        std::fs::create_dir_all(folder).with_context(cannot)?;
    }
    let Some(locks) = take(config).with_context(cannot)? else {
        return Ok(Entered::GaveUp);
    };
    let Taken { locks, number } = match locks {
        Waited::Nobody => return Ok(Entered::Done),
        Waited::Taken(taken) => taken,
    };
    if config.action == Action::Background
        && process::fork().context("cannot start a process in the background")? == Forked::Parent
    {
        return Ok(Entered::Done);
    }
    // The gate is still ours: nobody counts before it is known whom to wait for.
    locks
        .set_holder(number, std::process::id().cast_signed())
        .and_then(|()| locks.unlock(GATE))
        .with_context(cannot)?;
    Ok(Entered::Holds(Permit {
        locks,
        number,
        path: config.path.clone(),
    }))
}

/// A lock that is held, together with the gate.
struct Taken {
    locks: LockFile,
    number: u32,
}

enum Waited {
    Taken(Taken),
    Nobody,
}

/// Waits for a free lock and takes it, or for all to be free; `None`: not in time.
fn take(config: &Config) -> io::Result<Option<Waited>> {
    let begin = Instant::now();
    let deadline = config.patience.map(|patience| begin + patience.time);
    loop {
        let locks = open_gate(config)?;
        let held = held(&locks)?;
        let free = match config.action {
            Action::Wait if held.is_empty() => {
                // Nobody has it, and nobody can take it: the gate is ours.
                let _ = std::fs::remove_file(&config.path);
                return Ok(Some(Waited::Nobody));
            }
            Action::Wait => false,
            Action::Foreground | Action::Background => held.len() < config.most,
        };
        let out_of_time = deadline.is_some_and(|deadline| Instant::now() >= deadline);
        let steals = config.action != Action::Wait
            && config.patience.is_some_and(|patience| patience.steals);
        if free || (out_of_time && steals) {
            if !free {
                warn(config, "Semaphore timed out. Stealing the semaphore.");
            }
            // One of so many is free, however many of them are held.
            let number = (GATE + 1..=GATE + 1 + held.len() as u32)
                .find(|number| !held.contains(number))
                .unwrap_or(GATE + 1);
            if locks.try_lock(number)? {
                return Ok(Some(Waited::Taken(Taken { locks, number })));
            }
            continue;
        }
        if out_of_time {
            warn(config, "Semaphore timed out. Exiting.");
            return Ok(None);
        }
        wait_for_one(locks, &held, deadline)?;
    }
}

/// Opens the semaphore's file and locks its gate, and sees that nobody has removed it meanwhile.
fn open_gate(config: &Config) -> io::Result<LockFile> {
    loop {
        let locks = LockFile::open(&config.path)?;
        locks.lock(GATE)?;
        if locks.is_at(&config.path) {
            return Ok(locks);
        }
    }
}

/// The locks that somebody has; for whoever has the gate.
fn held(locks: &LockFile) -> io::Result<Vec<u32>> {
    let mut held = Vec::new();
    for number in GATE + 1..locks.end()?.max(GATE + 1) {
        if locks.is_held(number)? {
            held.push(number);
        }
    }
    Ok(held)
}

/// Opens the gate for others and waits until one of the holders may be gone.
fn wait_for_one(locks: LockFile, held: &[u32], deadline: Option<Instant>) -> io::Result<()> {
    let holders: Vec<_> = held
        .iter()
        .filter_map(|&number| {
            let other = Other::find(locks.holder(number))?;
            // The process id is that of the holder only if the lock is still held now.
            matches!(locks.is_held(number), Ok(true)).then_some(other)
        })
        .collect();
    let all_seen = holders.len() == held.len();
    drop(locks);
    let unseen = (!all_seen).then(|| Instant::now() + UNSEEN);
    let until = [deadline, unseen].into_iter().flatten().min();
    process::wait_for_one(&holders, until)
}

fn warn(config: &Config, words: &str) {
    stderr::say(&format!("{}: Warning: {words}", config.program));
}

impl Permit {
    /// Something that holds the semaphore as long as it is open, unless the permit is dropped.
    ///
    /// # Errors
    ///
    /// When the process has no file descriptor left.
    pub fn share(&self) -> io::Result<OwnedFd> {
        self.locks.share()
    }
}

impl Drop for Permit {
    /// Gives the lock back, and removes the file if nobody else has a lock. If that fails, the kernel
    /// gives it back when the process ends.
    fn drop(&mut self) {
        if self.locks.lock(GATE).is_err() {
            return;
        }
        let _ = self.locks.unlock(self.number);
        if self.locks.is_at(&self.path) && held(&self.locks).is_ok_and(|held| held.is_empty()) {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(dir: &tempfile::TempDir, most: usize, action: Action) -> Config {
        Config {
            path: dir.path().join("semaphores/name"),
            most,
            action,
            patience: Some(Patience {
                time: Duration::ZERO,
                steals: false,
            }),
            program: "fanout",
        }
    }

    fn enter_now(config: &Config) -> Option<Permit> {
        match enter(config).unwrap() {
            Entered::Holds(permit) => Some(permit),
            Entered::GaveUp => None,
            Entered::Done => panic!("nothing was to be waited for"),
        }
    }

    #[test]
    fn no_more_hold_it_than_are_allowed() {
        let dir = tempfile::tempdir().unwrap();
        let two = config(&dir, 2, Action::Foreground);
        let first = enter_now(&two).unwrap();
        let second = enter_now(&two).unwrap();
        assert!(enter_now(&two).is_none());
        drop(first);
        let third = enter_now(&two).unwrap();
        assert!(enter_now(&two).is_none());
        drop((second, third));
        assert!(!two.path.exists(), "the last one tidies up");
    }

    #[test]
    fn callers_may_differ_in_how_many_they_allow() {
        let dir = tempfile::tempdir().unwrap();
        let one = config(&dir, 1, Action::Foreground);
        let _holders: Vec<_> = (0..3)
            .map(|_| enter_now(&config(&dir, 3, Action::Foreground)).unwrap())
            .collect();
        assert!(enter_now(&one).is_none());
    }

    #[test]
    fn the_impatient_steal_or_give_up() {
        let dir = tempfile::tempdir().unwrap();
        let mut one = config(&dir, 1, Action::Foreground);
        let _holder = enter_now(&one).unwrap();
        assert!(enter_now(&one).is_none());
        one.patience = Some(Patience {
            time: Duration::from_millis(1),
            steals: true,
        });
        assert!(enter_now(&one).is_some());
    }

    #[test]
    fn waiting_ends_when_nobody_has_it() {
        let dir = tempfile::tempdir().unwrap();
        let wait = config(&dir, 1, Action::Wait);
        assert!(matches!(enter(&wait).unwrap(), Entered::Done));
        let permit = enter_now(&config(&dir, 1, Action::Foreground)).unwrap();
        assert!(matches!(enter(&wait).unwrap(), Entered::GaveUp));
        drop(permit);
        assert!(matches!(enter(&wait).unwrap(), Entered::Done));
    }
}
