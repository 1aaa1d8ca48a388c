//! `--memfree` and `--memsuspend`: memory that must stay available.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use super::{Admit, END_YOUNGEST, Gate, Watch};
use crate::engine::{JobSignal, Order, Running, Which};
use crate::model::Outcome;

/// Tells how many bytes are available.
pub type Available = Box<dyn FnMut() -> u64>;

/// How often memory is looked at while it matters.
const EVERY: Duration = Duration::from_secs(1);

/// Starts a job only while so much is available; below half of it, ends the youngest.
pub struct MemFree {
    option: &'static str,
    least: u64,
    available: Available,
    /// How much was available when a start was held back.
    free: u64,
    /// How much this machine has at all, where that is known.
    whole: Option<u64>,
    next_look: Option<Instant>,
}

impl MemFree {
    /// For `option`, which wants `least` bytes.
    pub fn new(option: &'static str, least: u64, available: Available) -> Self {
        Self {
            option,
            least,
            available,
            free: 0,
            whole: None,
            next_look: None,
        }
    }

    /// On a machine that has `whole` bytes.
    #[must_use]
    pub fn of(self, whole: Option<u64>) -> Self {
        Self { whole, ..self }
    }
}

impl Gate for MemFree {
    fn admit(&mut self, now: Instant, _running: usize) -> Admit {
        self.free = (self.available)();
        if self.free >= self.least {
            Admit::Now
        } else {
            Admit::NotBefore(now + EVERY)
        }
    }

    fn watch(&mut self, now: Instant) -> Watch {
        let mut order = None;
        if self.next_look.is_none_or(|next| now >= next) {
            order = ((self.available)() < self.least / 2).then_some(END_YOUNGEST);
            self.next_look = Some(now + EVERY);
        }
        let again = self.next_look;
        Watch { again, order }
    }

    fn reason(&self) -> String {
        let (option, least) = (self.option, self.least);
        let never = self.whole.is_some_and(|whole| whole < least);
        let never = if never {
            " (more than this machine has)"
        } else {
            ""
        };
        format!(
            "{} free, {option} wants {}{never}",
            size(self.free),
            size(least)
        )
    }
}

/// `bytes` as such sizes are typed: `512M`, `23G`.
fn size(bytes: u64) -> String {
    let units = [
        (1 << 40, 'T'),
        (1 << 30, 'G'),
        (1 << 20, 'M'),
        (1 << 10, 'K'),
    ];
    let unit = units.into_iter().find(|&(unit, _)| bytes >= unit);
    match unit {
        Some((unit, letter)) if bytes >= 10 * unit || bytes.is_multiple_of(unit) => {
            format!("{}{letter}", bytes / unit)
        }
        Some((unit, letter)) => format!("{:.1}{letter}", bytes as f64 / unit as f64),
        None => bytes.to_string(),
    }
}

/// Stops running jobs while memory is short, and lets them go on later.
pub struct MemSuspend {
    least: u64,
    available: Available,
    /// How much was available when a start was held back.
    free: u64,
    /// Job numbers of those that were stopped.
    stopped: BTreeSet<u64>,
    next_look: Option<Instant>,
    /// Whether it has asked what runs.
    asked: bool,
}

impl MemSuspend {
    /// Wants `least` bytes: below twice that some jobs are stopped, below it all but the oldest.
    pub fn new(least: u64, available: Available) -> Self {
        Self {
            least,
            available,
            free: 0,
            stopped: BTreeSet::new(),
            next_look: None,
            asked: false,
        }
    }
}

impl Gate for MemSuspend {
    fn admit(&mut self, now: Instant, running: usize) -> Admit {
        self.free = (self.available)();
        let enough = self.free >= self.least.saturating_mul(2);
        // One job is always let through, or there would be no end.
        if running == 0 || (enough && self.stopped.is_empty()) {
            Admit::Now
        } else {
            Admit::NotBefore(now + EVERY)
        }
    }

    fn ended(&mut self, _outcome: &Outcome) {
        // Whoever was stopped may be the next to go on.
        self.next_look = None;
    }

    fn watch(&mut self, now: Instant) -> Watch {
        let mut order = None;
        if self.next_look.is_none_or(|next| now >= next) {
            self.asked = true;
            order = Some(Order::List);
            self.next_look = Some(now + EVERY);
        }
        let again = self.next_look;
        Watch { again, order }
    }

    fn runs(&mut self, running: &[Running]) -> Vec<Order> {
        if !std::mem::take(&mut self.asked) {
            return Vec::new();
        }
        let mut running: Vec<&Running> = running.iter().collect();
        running.sort_by_key(|it| (it.since, it.job.seq));
        let seqs: Vec<u64> = running.iter().map(|it| it.job.seq).collect();
        self.stopped.retain(|seq| seqs.contains(seq));
        let available = (self.available)();
        let mut going = seqs.iter().filter(|seq| !self.stopped.contains(*seq));
        let first = going.next().copied();
        let youngest = going.next_back().copied();
        let (stop, go_on): (Vec<u64>, Option<u64>) = match (first, youngest) {
            // Somebody must always run.
            (None, _) => (Vec::new(), seqs.first().copied()),
            (Some(first), _) if available < self.least => (
                seqs.iter().copied().filter(|seq| *seq != first).collect(),
                None,
            ),
            (_, youngest) if available < self.least.saturating_mul(2) => {
                (youngest.into_iter().collect(), None)
            }
            _ => (
                Vec::new(),
                seqs.iter().copied().find(|seq| self.stopped.contains(seq)),
            ),
        };
        let stop = stop.into_iter().filter(|seq| self.stopped.insert(*seq));
        let stop = stop.map(|seq| Order::Signal(Which::One(seq), JobSignal::Stop));
        let mut orders: Vec<Order> = stop.collect();
        if let Some(seq) = go_on {
            self.stopped.remove(&seq);
            orders.push(Order::Signal(Which::One(seq), JobSignal::Continue));
        }
        orders
    }

    fn reason(&self) -> String {
        let (free, least) = (size(self.free), size(self.least));
        format!("{free} free, --memsuspend wants twice {least}")
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;
    use std::rc::Rc;

    use super::*;
    use crate::run::gate::testing::running;

    fn memory(begin: u64) -> (Rc<Cell<u64>>, Available) {
        let cell = Rc::new(Cell::new(begin));
        let same = Rc::clone(&cell);
        (cell, Box::new(move || same.get()))
    }

    #[test]
    fn too_little_memory_holds_starts_back_and_far_too_little_ends_the_youngest() {
        let now = Instant::now();
        let (memory, available) = memory(100);
        let mut gate = MemFree::new("--memfree", 100, available);
        let again = Some(now + EVERY);
        let nothing = Watch { again, order: None };
        assert_eq!(gate.admit(now, 3), Admit::Now);
        memory.set(99);
        assert_eq!(gate.admit(now, 3), Admit::NotBefore(now + EVERY));
        assert_eq!(gate.reason(), "99 free, --memfree wants 100");
        let gate_of = |whole| MemFree::new("--memfree", 900 << 30, Box::new(|| 0)).of(Some(whole));
        assert_eq!(
            gate_of(899 << 30).reason(),
            "0 free, --memfree wants 900G (more than this machine has)"
        );
        assert_eq!(gate_of(900 << 30).reason(), "0 free, --memfree wants 900G");
        assert_eq!(gate.watch(now), nothing);
        memory.set(49);
        // It is not time yet.
        assert_eq!(gate.watch(now), nothing);
        assert_eq!(gate.watch(now + EVERY).order, Some(END_YOUNGEST));
    }

    #[test]
    fn sizes_are_short() {
        let cases = [
            (1023, "1023"),
            (1536, "1.5K"),
            (1 << 30, "1G"),
            (23 << 30 | 1, "23G"),
        ];
        for (bytes, text) in cases {
            assert_eq!(size(bytes), text);
        }
    }

    /// What `gate` orders at `now`, when these jobs run.
    fn orders(gate: &mut MemSuspend, now: Instant, seqs: &[u64]) -> Vec<Order> {
        assert_eq!(gate.watch(now).order, Some(Order::List));
        let orders = gate.runs(&running(seqs));
        // Somebody else wants to know, too.
        assert_eq!(gate.runs(&running(seqs)), []);
        orders
    }

    const fn stop(seq: u64) -> Order {
        Order::Signal(Which::One(seq), JobSignal::Stop)
    }

    const fn cont(seq: u64) -> Order {
        Order::Signal(Which::One(seq), JobSignal::Continue)
    }

    #[test]
    fn jobs_are_stopped_one_by_one_then_all_but_the_oldest_and_go_on_later() {
        let mut now = Instant::now();
        let (memory, available) = memory(199);
        let mut gate = MemSuspend::new(100, available);
        for (available, expected) in [
            (199, vec![stop(4)]),
            (99, vec![stop(2), stop(3)]),
            (99, vec![]),
            (199, vec![]),
            (200, vec![cont(2)]),
            (200, vec![cont(3)]),
            (200, vec![cont(4)]),
            (200, vec![]),
        ] {
            memory.set(available);
            now += EVERY;
            assert_eq!(
                orders(&mut gate, now, &[1, 2, 3, 4]),
                expected,
                "{available}"
            );
        }
        assert_eq!(gate.admit(now, 4), Admit::Now);
    }

    #[test]
    fn somebody_always_runs() {
        let now = Instant::now();
        let (_memory, available) = memory(1);
        let mut gate = MemSuspend::new(100, available);
        assert_eq!(orders(&mut gate, now, &[1, 2]), [stop(2)]);
        gate.ended(&Outcome::Exited(0));
        assert_eq!(orders(&mut gate, now, &[2]), [cont(2)]);
        assert_eq!(gate.admit(now, 0), Admit::Now);
    }
}
