//! What stands in a row while a worker has it: who that is, so that others can tell whether it still lives.

use std::fmt;

use crate::sys::{host, process};

/// What a mark begins with. Behind its parts stands a number of the worker's own.
const BEGIN: &str = "Reserved-fanout";

/// A process, told apart from all others, on machines of the same name, too.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WorkerMark {
    pid: u32,
    /// When it was started, in ticks.
    started: u64,
    /// Its namespace of process ids.
    namespace: String,
    /// Its machine; empty: that has no name that is its own.
    machine: String,
    /// Since when that runs.
    boot: String,
}

impl fmt::Display for WorkerMark {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self {
            pid,
            started,
            namespace,
            machine,
            boot,
        } = self;
        write!(f, "{BEGIN}-{pid}-{started}-{namespace}-{machine}-{boot}")
    }
}

impl WorkerMark {
    /// That of this process.
    pub(super) fn own() -> Self {
        let pid = std::process::id();
        Self {
            pid,
            started: process::start_time(pid).unwrap_or_default(),
            namespace: process::namespace(),
            machine: host::machine(),
            boot: host::boot(),
        }
    }

    fn parse(mark: &str) -> Option<Self> {
        let mut parts = mark.strip_prefix(BEGIN)?.strip_prefix('-')?.split('-');
        Some(Self {
            pid: parts.next()?.parse().ok()?,
            started: parts.next()?.parse().ok()?,
            namespace: parts.next()?.to_owned(),
            machine: parts.next()?.to_owned(),
            boot: parts.next()?.to_owned(),
        })
    }

    /// Whether `mark` is that of a worker of this machine that does not live any more.
    pub(super) fn says_gone(&self, mark: &str) -> bool {
        let Some(other) = Self::parse(mark) else {
            return false;
        };
        // Of a process that is hidden only its id can be seen.
        let hidden = |pid| process::Other::find(pid as i32).map(|_| other.started);
        self.is_gone(&other, |pid| {
            process::start_time(pid).or_else(|| hidden(pid))
        })
    }

    fn is_gone(&self, other: &Self, start_time: impl Fn(u32) -> Option<u64>) -> bool {
        if other.machine != self.machine {
            return false;
        }
        if other.boot != self.boot {
            // Nothing has lived on; but without a name it may be another machine.
            return !self.machine.is_empty();
        }
        other.namespace == self.namespace && start_time(other.pid) != Some(other.started)
    }
}

#[cfg(test)]
mod tests {
    use super::WorkerMark;

    fn mark(pid: u32, machine: &str, boot: &str, namespace: &str) -> WorkerMark {
        WorkerMark {
            pid,
            started: 7,
            namespace: namespace.to_owned(),
            machine: machine.to_owned(),
            boot: boot.to_owned(),
        }
    }

    #[test]
    fn a_worker_is_gone_only_if_that_is_certain() {
        let start_time = |pid| [Some(7), Some(8), None][pid as usize];
        for (own, other, gone) in [
            (["m", "b", "n"], (0, ["m", "b", "n"]), false),
            (["m", "b", "n"], (1, ["m", "b", "n"]), true),
            (["m", "b", "n"], (2, ["m", "b", "n"]), true),
            (["m", "b", "n"], (2, ["m", "b", "other"]), false),
            (["m", "b", "n"], (0, ["m", "other", "n"]), true),
            (["m", "b", "n"], (2, ["other", "b", "n"]), false),
            (["", "b", "n"], (2, ["", "b", "n"]), true),
            (["", "b", "n"], (2, ["", "other", "n"]), false),
        ] {
            let [machine, boot, namespace] = own;
            let own = mark(0, machine, boot, namespace);
            let (pid, [machine, boot, namespace]) = other;
            let other = mark(pid, machine, boot, namespace);
            assert_eq!(own.is_gone(&other, start_time), gone, "{own} {other}");
            // As it stands in a row.
            assert_eq!(WorkerMark::parse(&format!("{other}-12")), Some(other));
        }
        assert!(!WorkerMark::own().says_gone("Reserved-123.5"));
    }

    #[test]
    fn this_process_lives() {
        let own = WorkerMark::own();
        assert_eq!(WorkerMark::parse(&own.to_string()), Some(own.clone()));
        assert!(!own.says_gone(&own.to_string()));
    }
}
