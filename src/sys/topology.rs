//! CPU cores and sockets behind the threads that this process may use.

use std::collections::HashSet;
use std::fs;

use super::cpu;

/// Physical cores, at least 1 and no more than [`cpu::available_threads`].
pub fn cores() -> usize {
    count(|cpu| Some((number(cpu, "physical_package_id")?, number(cpu, "core_id")?)))
}

/// Sockets with a CPU in use, at least 1 and no more than [`cpu::available_threads`].
pub fn sockets() -> usize {
    count(|cpu| number(cpu, "physical_package_id")).min(cores())
}

/// The number of different places of CPUs; all threads, where the kernel does not tell.
fn count<P: std::hash::Hash + Eq>(place: impl Fn(usize) -> Option<P>) -> usize {
    let threads = cpu::available_threads();
    let places: Option<HashSet<P>> = cpu::allowed().into_iter().map(place).collect();
    match places {
        Some(places) if !places.is_empty() => places.len().min(threads),
        _ => threads,
    }
}

fn number(cpu: usize, what: &str) -> Option<i64> {
    let file = format!("/sys/devices/system/cpu/cpu{cpu}/topology/{what}");
    fs::read_to_string(file).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{cores, cpu, sockets};

    #[test]
    fn threads_are_on_cores_and_cores_in_sockets() {
        assert!(1 <= sockets());
        assert!(sockets() <= cores());
        assert!(cores() <= cpu::available_threads());
    }
}
