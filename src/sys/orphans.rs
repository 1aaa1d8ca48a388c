//! Processes that have lost their parents, and that fanout has adopted: the children of its first thread, the guardian
//! aside.
//!
//! What a job leaves running is among them, wherever it has gone, as soon as the job's first process has ended. The
//! kernel lists them in one short file, so it can be looked at after each job.

use std::collections::{HashMap, HashSet};
use std::fs::File;
use std::os::unix::fs::FileExt as _;
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, OnceLock, PoisonError};

use super::mark;

/// So much of the list is read at a time, in bytes.
const ROOM: usize = 512;

/// The guardian's process id, or 0.
static GUARDIAN: AtomicI32 = AtomicI32::new(0);

/// Which jobs orphans belong to by their mark, as far as it has been looked.
static JOBS: Mutex<Option<HashMap<i32, u64>>> = Mutex::new(None);

/// The guardian is process `pid` from now on.
pub(in crate::sys) fn guardian_is(pid: i32) {
    GUARDIAN.store(pid, Ordering::Relaxed);
}

/// The process ids of all orphans; `None`: this kernel does not tell.
pub(in crate::sys) fn list() -> Option<Vec<i32>> {
    let file = file()?;
    let mut text = [0; ROOM];
    let mut len = file.read_at(&mut text, 0).ok()?;
    if len < ROOM {
        return Some(parse(&text[..len]));
    }
    let mut whole = text.to_vec();
    while len == ROOM {
        len = file.read_at(&mut text, whole.len() as u64).ok()?;
        whole.extend_from_slice(&text[..len]);
    }
    Some(parse(&whole))
}

fn parse(list: &[u8]) -> Vec<i32> {
    let guardian = GUARDIAN.load(Ordering::Relaxed);
    let pids = list.split(|&byte| byte == b' ');
    let pids = pids.filter_map(|pid| std::str::from_utf8(pid).ok()?.trim_ascii().parse().ok());
    pids.filter(|&pid| pid != guardian).collect()
}

/// Whether job number `job`, whose first process has ended, may have left a process running, wherever that has gone:
/// there is an orphan that by its mark does not belong to another job. True where the kernel does not tell.
pub fn may_be_of(job: u64) -> bool {
    let Some(orphans) = list() else { return true };
    if orphans.is_empty() {
        return false;
    }
    let mut known = JOBS.lock().unwrap_or_else(PoisonError::into_inner);
    let known = known.get_or_insert_default();
    if known.len() > orphans.len() {
        // Numbers that are free may be given to others.
        let live: HashSet<i32> = orphans.iter().copied().collect();
        known.retain(|pid, _| live.contains(pid));
    }
    orphans
        .iter()
        .any(|pid| job_in(known, *pid).is_none_or(|of| of == job))
}

/// The number of the job that the orphan `pid` belongs to by its mark; `None`: that cannot be told. It stays what it
/// is, so it is looked for once: there may be many of them, and many jobs.
pub(in crate::sys) fn job_of(pid: i32) -> Option<u64> {
    let mut known = JOBS.lock().unwrap_or_else(PoisonError::into_inner);
    job_in(known.get_or_insert_default(), pid)
}

fn job_in(known: &mut HashMap<i32, u64>, pid: i32) -> Option<u64> {
    if let Some(job) = known.get(&pid) {
        return Some(*job);
    }
    let job = mark::job_of(pid)?;
    known.insert(pid, job);
    Some(job)
}

/// The list of the first thread's children, open for the rest of the run.
fn file() -> Option<&'static File> {
    static FILE: OnceLock<Option<File>> = OnceLock::new();
    let open = || {
        let own = std::process::id();
        File::open(format!("/proc/{own}/task/{own}/children")).ok()
    };
    FILE.get_or_init(open).as_ref()
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn a_list_is_numbers_with_blanks_behind_them() {
        assert_eq!(parse(b""), [0; 0]);
        assert_eq!(parse(b"12 345 "), [12, 345]);
    }
}
