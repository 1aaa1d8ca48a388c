//! How many slots there is room for, where descriptors, memory or processes are limited.

use crate::hosts::Host;
use crate::sys::limits;

/// What fanout itself takes when it has begun, in bytes: its own threads' stacks, reports, jobs handed over ahead.
const OWN: u64 = 10 << 20;
/// What a slot takes, in bytes: its thread's stack and heap, its output on the way to the reports.
const EACH: u64 = 1 << 20;
/// Descriptors of fanout's own, and those of a slot with a job.
const OWN_FILES: u64 = 32;
const EACH_FILES: u64 = 4;

/// Threads of fanout's own that are still to be started.
const OWN_THREADS: u64 = 4;
/// A slot's thread, and the shell and the program of its job.
const EACH_PROCESSES: u64 = 3;

/// How many of the `asked` slots there is room for, at least 1, where each may hold two blocks of `block` bytes; and
/// what is limited, in words, if that is fewer.
pub(super) fn slots(asked: usize, block: u64) -> (usize, Option<&'static str>) {
    let files = limits::most_open_files().saturating_sub(OWN_FILES) / EACH_FILES;
    let mut least = (files, "open files are limited (ulimit -n)");
    if let Some(left) = limits::memory_left() {
        let memory = by_memory(left, block);
        least = least.min((memory, "memory is limited (ulimit -v, ulimit -d)"));
    }
    let enough = (asked as u64).saturating_mul(EACH_PROCESSES);
    let enough = enough.saturating_add(OWN_THREADS);
    if let Some(left) = limits::processes_left(enough) {
        let processes = left.saturating_sub(OWN_THREADS) / EACH_PROCESSES;
        least = least.min((processes, "processes are limited (ulimit -u, pids.max)"));
    }
    let (room, why) = least;
    let room = usize::try_from(room).unwrap_or(usize::MAX).max(1);
    if room < asked {
        (room, Some(why))
    } else {
        (asked, None)
    }
}

/// How many descriptors so many `workers` take at most, fanout's own included: spool files or pipes, an event and a
/// process for each.
pub(super) fn files(workers: usize) -> u64 {
    64 + 8 * workers as u64
}

/// How many descriptors it takes to reach `hosts`: those of a connection, and of what waits for it.
pub(super) fn files_for(hosts: &[Host]) -> u64 {
    16 * hosts.len() as u64
}

/// How many of the `wanted` descriptors merges can have beside so many `workers`.
pub(super) fn files_for_merges(workers: usize, wanted: u64) -> u64 {
    let all = limits::raise_open_files(files(workers) + wanted);
    let left = all.saturating_sub(OWN_FILES + EACH_FILES * workers as u64);
    left.min(wanted)
}

/// For how many slots `left` bytes are enough.
fn by_memory(left: u64, block: u64) -> u64 {
    // A quarter for what nobody can foresee: long inputs and what becomes of them.
    let spare = (left - left / 4).saturating_sub(OWN.saturating_add(block.saturating_mul(2)));
    spare / EACH.saturating_add(block.saturating_mul(2))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_memory_means_more_slots_and_larger_blocks_fewer() {
        let slots = [0, 13, 16, 100, 1000].map(|mib| by_memory(mib << 20, 0));
        assert_eq!(slots, [0, 0, 2, 65, 740]);
        assert_eq!(by_memory(100 << 20, 1 << 20), 21);
        assert_eq!(by_memory(u64::MAX, u64::MAX), 0);
    }
}
