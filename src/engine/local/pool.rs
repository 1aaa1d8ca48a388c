//! A thread a slot: workers that take attempts from one queue and run each to its end.
//!
//! The queue is shared, so an attempt never waits behind a long one while another worker is idle. It
//! may hold more attempts than there are idle workers: then a worker goes from one tiny job to the
//! next without waiting for the controller, and need not even wake it each time. What is in the queue
//! has not begun, and is given back when it is recalled, or when an attempt ends as the controller wants to know at once.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, PoisonError};
use std::time::Duration;

use super::queue::SharedQueue;
use super::taken::{Runner, work};
use super::watched::Watched;
use super::worker::{PoolOrders, WorkerHandle};
use super::worker_threads::WorkerThreads;
use crate::engine::{Attempt, Engine, JobSignal, Order, Running, Up, Update, UpdateSender, Which};
use crate::flow::mailbox::Urgency;
use crate::model::KilledBy;
use crate::sys::helper;

/// The workers and their queue.
pub struct Pool {
    shared: Arc<SharedQueue>,
    common: Arc<PoolOrders>,
    threads: WorkerThreads,
    /// How long what takes the output of killed attempts may go on.
    patience: Duration,
    /// How many more workers would have something to do.
    lacks: AtomicUsize,
}

impl Pool {
    /// A pool of at most `workers` threads, one of which is there: [`Order::Staff`] starts more when there is work
    /// for them. Each calls `make_runner` with its index and its worker, and then runs attempts until the
    /// pool is closed.
    ///
    /// # Errors
    ///
    /// When no thread can be started.
    pub fn start<R: Runner>(
        workers: usize,
        updates: UpdateSender,
        make_runner: impl Fn(usize, Arc<WorkerHandle>) -> R + Send + Sync + 'static,
    ) -> anyhow::Result<Self> {
        let common = Arc::new(PoolOrders::default());
        let shared = Arc::new(SharedQueue::new(workers, updates));
        let (for_workers, their_common) = (Arc::clone(&shared), Arc::clone(&common));
        let left_by = Arc::clone(&shared);
        let threads = WorkerThreads::new(
            workers,
            move || WorkerHandle::new(&their_common),
            move |index, worker| {
                let mut runner = make_runner(index, worker);
                work(&for_workers, index, &mut runner);
            },
            move || left_by.count_out(),
        );
        let pool = Self {
            shared,
            common,
            threads,
            patience: Duration::ZERO,
            lacks: AtomicUsize::new(0),
        };
        pool.try_to_grow(1)?;
        Ok(pool)
    }

    /// With helpers that take attempts' output going on for so long when everything is killed.
    #[must_use]
    pub fn with_patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// Starts all workers now; returns how many there are, which may be fewer.
    pub fn start_all(&self) -> usize {
        self.grow(self.threads.most());
        self.threads.most()
    }

    /// Has `watched` see the workers.
    pub(super) fn show_in(&self, watched: &Watched) {
        watched.begin(self.threads.list());
    }

    /// From now on no slot is used again while one was never used: for jobs that all run at once, of which some may
    /// have ended before the last one starts.
    pub fn use_new_slots_first(&self) {
        self.shared.lock().slots.new_first = true;
    }

    fn try_to_grow(&self, count: usize) -> anyhow::Result<()> {
        let counted = |count| self.shared.lock().alive += count;
        let uncounted = |count| self.shared.lock().alive -= count;
        self.threads.grow(count, counted, uncounted)
    }

    /// Has so many more workers, if there may be that many. Should the system have no more threads, then only half
    /// of those that there are stay, so that something is left for their jobs, and it is said so.
    fn grow(&self, count: usize) {
        let Err(error) = self.try_to_grow(count) else {
            return;
        };
        let (wanted, there) = (self.threads.most(), self.threads.workers().len());
        let most = self.threads.keep(there.div_ceil(2));
        let mut queue = self.shared.lock();
        queue.most = most;
        queue.slots.have_at_most(most);
        drop(queue);
        self.shared.changed.notify_all();
        let words = format!("Warning: only {most} of {wanted} jobs can run at a time: {error:#}");
        let updates = &self.shared.updates;
        updates.tell(Update::Up(Up::slots(most)), Urgency::Now);
        updates.tell(Update::Notice(words), Urgency::Now);
    }
}

impl Engine for Pool {
    fn run(&self, attempts: Vec<Attempt>) {
        let mut queue = self.shared.lock();
        if queue.stopped_at.is_some() {
            return self.shared.give_back(attempts);
        }
        let count = attempts.len();
        queue.attempts.extend(attempts);
        queue.low_water = queue.attempts.len() / 2;
        let wake = count.min(queue.idle);
        self.lacks.store(queue.lacks(), Ordering::Relaxed);
        drop(queue);
        for _ in 0..wake {
            self.shared.changed.notify_one();
        }
    }

    fn order(&self, order: Order) {
        match order {
            Order::Staff => {
                let lacks = self.lacks.swap(0, Ordering::Relaxed);
                if lacks > 0 {
                    self.grow(lacks);
                }
            }
            Order::Recall => {
                let mut queue = self.shared.lock();
                self.shared.give_back(queue.attempts.drain(..).collect());
            }
            Order::StopOn(stop_on) => self.shared.lock().stop_on = stop_on,
            Order::GoOn(seen) => {
                let mut queue = self.shared.lock();
                if queue.stops == seen {
                    queue.stopped_at = None;
                }
            }
            Order::Slots(count) => {
                let mut queue = self.shared.lock();
                queue.at_a_time = count;
                self.lacks.store(queue.lacks(), Ordering::Relaxed);
                drop(queue);
                self.shared.changed.notify_all();
            }
            Order::End(Which::All, by) => self.end_all(by),
            Order::End(Which::One(seq), by) => self.end(seq, by),
            Order::End(Which::Youngest, by) => {
                if let Some(seq) = self.youngest() {
                    self.end(seq, by);
                }
            }
            Order::Signal(Which::All, signal) => self.signal(None, signal),
            Order::Signal(Which::One(seq), signal) => self.signal(Some(seq), signal),
            Order::Signal(Which::Youngest, signal) => {
                if let Some(seq) = self.youngest() {
                    self.signal(Some(seq), signal);
                }
            }
            Order::TimeLimit(limit) => self.limit_time(limit),
            Order::List => {
                let running = Update::Running(self.running());
                self.shared.updates.tell(running, Urgency::Now);
            }
        }
    }
}

impl Pool {
    fn running(&self) -> Vec<Running> {
        let workers = self.threads.workers();
        let running = workers.iter().filter_map(|worker| worker.running());
        running.collect()
    }

    /// The job number of the attempt that was started last, of those that run.
    fn youngest(&self) -> Option<u64> {
        let running = self.running();
        let youngest = running.iter().max_by_key(|it| (it.since, it.job.seq))?;
        Some(youngest.job.seq)
    }

    fn end(&self, seq: u64, by: KilledBy) {
        for worker in self.threads.workers().iter() {
            worker.end(seq, by);
        }
    }

    fn end_all(&self, by: KilledBy) {
        self.common.end(by);
        for worker in self.threads.workers().iter() {
            worker.wake().ring();
        }
        // Workers that wait for one of these hear no bell.
        helper::end(helper::Kind::Answers);
        helper::end_after(helper::Kind::Takes, self.patience);
    }

    fn signal(&self, seq: Option<u64>, signal: JobSignal) {
        if signal == JobSignal::TerminalStop {
            self.common.starts().stop();
        }
        if signal == JobSignal::Continue && seq.is_none() {
            self.common.starts().go_on();
        }
        for worker in self.threads.workers().iter() {
            worker.signal(seq, signal);
        }
    }

    fn limit_time(&self, limit: Option<Duration>) {
        // Whoever has more time than it thought finds out by itself.
        if self.common.limit_time(limit) {
            for worker in self.threads.workers().iter() {
                worker.wake().ring();
            }
        }
    }
}

impl Drop for Pool {
    /// Gives back what has not begun, and waits for the workers.
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        queue.closed = true;
        self.common.starts().go_on();
        let held = queue.attempts.drain(..).collect();
        drop(queue);
        self.shared.changed.notify_all();
        self.shared.give_back(held);
        let mut queue = self.shared.lock();
        while queue.alive > 0 {
            queue = self
                .shared
                .changed
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::panic::resume_unwind;
    use std::sync::Mutex;
    use std::sync::atomic::AtomicBool;
    use std::time::Duration;

    use crossbeam_channel::{Receiver, Sender, unbounded};

    use super::*;
    use crate::engine::local::taken::TakenAttempts;
    use crate::engine::unstarted;
    use crate::model::{ArgList, AttemptEnd, Command, Outcome, SpawnError};

    const GUARD: Duration = Duration::from_secs(20);

    /// As if that was how an attempt ended: it was given back.
    const RETURNED: Outcome = Outcome::Cancelled {
        by: KilledBy::User,
        signal: None,
    };

    /// A runner that does what a function says.
    struct Scripted<F>(Arc<WorkerHandle>, F);

    impl<F: Fn(&Attempt, usize, &WorkerHandle) -> Outcome + Send> Runner for Scripted<F> {
        fn run(&mut self, taken: &mut TakenAttempts) {
            let attempt = taken.next();
            let end = unstarted(attempt, (self.1)(attempt, taken.slot(), &self.0));
            taken.answer(vec![end]);
        }
    }

    /// A pool whose runners do what `script` says, and the ends of its attempts as they come; [`RETURNED`] if they
    /// were given back.
    fn pool(
        workers: usize,
        script: impl Fn(&Attempt, usize, &WorkerHandle) -> Outcome + Clone + Send + Sync + 'static,
    ) -> (Pool, Receiver<Box<AttemptEnd>>) {
        let (send, ends) = unbounded();
        let updates = move |update, _| match update {
            Update::Ended(ended) => ended.into_iter().for_each(|end| drop(send.send(end))),
            Update::Returned(attempts) => attempts.iter().for_each(|attempt| {
                drop(send.send(unstarted(attempt, RETURNED)));
            }),
            other => panic!("{other:?}"),
        };
        let start = Pool::start(workers, UpdateSender::new(updates), move |_, worker| {
            Scripted(worker, script.clone())
        });
        let pool = start.unwrap();
        assert_eq!(pool.start_all(), workers);
        (pool, ends)
    }

    fn attempt(seq: u64) -> Attempt {
        Attempt::only(seq, ArgList::new())
    }

    fn attempts(seqs: impl IntoIterator<Item = u64>) -> Vec<Attempt> {
        seqs.into_iter().map(attempt).collect()
    }

    fn next(ends: &Receiver<Box<AttemptEnd>>) -> (u64, Outcome) {
        let end = ends.recv_timeout(GUARD).unwrap();
        (end.job.seq, end.outcome.clone())
    }

    /// A pool whose attempts say in which slot they begin and then wait to be let go.
    struct Leashed {
        pool: Pool,
        ends: Receiver<Box<AttemptEnd>>,
        begun: Receiver<(u64, usize)>,
        /// One for each attempt's number.
        leashes: Vec<Sender<()>>,
    }

    fn leashed(workers: usize) -> Leashed {
        let (say, said) = unbounded();
        let (leashes, held): (Vec<_>, Vec<_>) = (0..20).map(|_| unbounded::<()>()).unzip();
        let (pool, ends) = pool(workers, move |attempt, slot, _| {
            say.send((attempt.seq(), slot)).unwrap();
            let _ = held[attempt.seq() as usize].recv_timeout(GUARD);
            Outcome::Exited(0)
        });
        Leashed {
            pool,
            ends,
            begun: said,
            leashes,
        }
    }

    #[test]
    fn workers_are_started_as_there_is_work_and_leave_when_there_are_to_be_fewer() {
        let (updates, _kept) = unbounded();
        let start = Pool::start(
            20,
            UpdateSender::new(move |update, _| drop(updates.send(update))),
            |_, worker| {
                Scripted(worker, |_: &Attempt, _, _: &WorkerHandle| {
                    Outcome::Exited(0)
                })
            },
        );
        let pool = start.unwrap();
        assert_eq!(pool.threads.workers().len(), 1);
        pool.run(attempts(1..=3));
        assert_eq!(pool.threads.workers().len(), 1);
        pool.order(Order::Staff);
        assert!((2..=3).contains(&pool.threads.workers().len()));
        assert_eq!(pool.start_all(), 20);
        let most = pool.threads.keep(10);
        assert!((1..=10).contains(&most));
        pool.shared.lock().most = most;
        pool.shared.changed.notify_all();
        let mut queue = pool.shared.lock();
        while queue.alive > most {
            queue = pool.shared.changed.wait(queue).unwrap();
        }
        drop(queue);
        assert_eq!(pool.start_all(), most);
    }

    #[test]
    fn attempts_run_in_their_order() {
        let (pool, ends) = pool(1, |_, _, _| Outcome::Exited(0));
        pool.run(attempts(1..=3));
        pool.run(attempts(4..=100));
        for seq in 1..=100 {
            assert_eq!(next(&ends), (seq, Outcome::Exited(0)));
        }
    }

    #[test]
    fn no_slot_has_two_attempts_and_no_more_run_than_there_are_workers() {
        let taken = Arc::new(Mutex::new(BTreeSet::new()));
        let (pool, ends) = pool(3, move |_, slot, _| {
            assert!(taken.lock().unwrap().insert(slot), "slot {slot} is taken");
            std::thread::yield_now();
            let mut taken = taken.lock().unwrap();
            assert!(taken.last() <= Some(&3), "{taken:?}");
            taken.remove(&slot);
            Outcome::Exited(0)
        });
        for batch in 0..30 {
            pool.run(attempts(batch * 10..batch * 10 + 10));
        }
        let mut seqs: Vec<_> = (0..300)
            .map(|_| match next(&ends) {
                (seq, Outcome::Exited(0)) => seq,
                other => panic!("{other:?}"),
            })
            .collect();
        seqs.sort_unstable();
        assert!(seqs.into_iter().eq(0..300));
    }

    #[test]
    fn an_attempt_gets_the_lowest_free_slot() {
        let Leashed {
            pool,
            ends,
            begun,
            leashes,
        } = leashed(3);
        for (seq, slot) in [(1, 1), (2, 2), (3, 3)] {
            pool.run(vec![attempt(seq)]);
            assert_eq!(begun.recv_timeout(GUARD), Ok((seq, slot)));
        }
        for (ended, seq, slot) in [(2, 4, 2), (3, 5, 3), (1, 6, 1)] {
            leashes[ended].send(()).unwrap();
            next(&ends);
            pool.run(vec![attempt(seq)]);
            assert_eq!(begun.recv_timeout(GUARD), Ok((seq, slot)));
        }
        for ended in [5, 6] {
            leashes[ended].send(()).unwrap();
            next(&ends);
        }
        // The one that was taken last has not rested.
        pool.run(vec![attempt(7)]);
        assert_eq!(begun.recv_timeout(GUARD), Ok((7, 3)));
        drop(leashes);
    }

    #[test]
    fn a_panic_loses_one_attempt_and_no_worker() {
        let (pool, ends) = pool(1, |attempt, slot, _| {
            assert_eq!(slot, 1);
            if attempt.seq() % 2 == 1 {
                // A panic that prints nothing.
                resume_unwind(Box::new("a panic"));
            }
            Outcome::Exited(0)
        });
        pool.run(attempts(1..=4));
        for seq in [1, 3] {
            assert_eq!(next(&ends), (seq, Outcome::Lost(None)));
            assert_eq!(next(&ends), (seq + 1, Outcome::Exited(0)));
        }
    }

    #[test]
    fn what_is_recalled_comes_back_unless_it_has_begun_and_what_comes_later_is_run() {
        let Leashed {
            pool,
            ends,
            begun,
            leashes,
        } = leashed(2);
        pool.run(attempts(1..=6));
        for _ in 0..2 {
            begun.recv_timeout(GUARD).unwrap();
        }
        pool.order(Order::Recall);
        for seq in 3..=6 {
            assert_eq!(next(&ends), (seq, RETURNED));
        }
        assert!(begun.is_empty());
        pool.run(attempts([7]));
        drop(leashes);
        let mut ended = [(); 3].map(|()| next(&ends).0);
        ended.sort_unstable();
        assert_eq!(ended, [1, 2, 7]);
    }

    #[test]
    fn after_a_fatal_failure_nothing_begins() {
        let ran = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&ran);
        let fatal = Outcome::SpawnFailed(SpawnError::fatal("too long"));
        let ends_so = fatal.clone();
        let (pool, ends) = pool(1, move |_, _, _| {
            count.fetch_add(1, Ordering::SeqCst);
            ends_so.clone()
        });
        pool.run(attempts(1..=3));
        for expected in [(1, fatal.clone()), (2, RETURNED), (3, RETURNED)] {
            assert_eq!(next(&ends), expected);
        }
        pool.run(attempts([4]));
        assert_eq!(next(&ends), (4, RETURNED));
        assert_eq!(ran.load(Ordering::SeqCst), 1);
        pool.order(Order::GoOn(0));
        pool.run(attempts([5]));
        assert_eq!(next(&ends), (5, RETURNED));
        pool.order(Order::GoOn(1));
        pool.run(attempts([6]));
        assert_eq!(next(&ends), (6, fatal));
    }

    #[test]
    fn whoever_runs_learns_who_wants_it_killed() {
        for by in [KilledBy::User, KilledBy::Halt] {
            let (say, said) = unbounded();
            let (pool, ends) = pool(2, move |_, _, worker| {
                say.send(()).unwrap();
                loop {
                    match worker.killed() {
                        Some(by) => return Outcome::Cancelled { by, signal: None },
                        None => std::thread::yield_now(),
                    }
                }
            });
            pool.run(attempts(1..=2));
            for _ in 0..2 {
                said.recv_timeout(GUARD).unwrap();
            }
            pool.order(Order::End(Which::All, by));
            for _ in 0..2 {
                assert_eq!(next(&ends).1, Outcome::Cancelled { by, signal: None });
            }
        }
    }

    #[test]
    fn it_tells_what_runs() {
        let (shown, is_shown) = unbounded();
        let (go, may_go) = unbounded::<()>();
        let (pool, ends) = pool(2, move |attempt, _, worker| {
            let command = Command::of_line(b"sleep 1".to_vec());
            worker.show(Some(attempt.info(command, None)));
            shown.send(()).unwrap();
            let _ = may_go.recv_timeout(GUARD);
            worker.show(None);
            Outcome::Exited(0)
        });
        assert!(pool.running().is_empty());
        pool.run(attempts([1]));
        is_shown.recv_timeout(GUARD).unwrap();
        let running = pool.running();
        assert_eq!(running.len(), 1);
        assert_eq!(running[0].job.command.task.line, b"sleep 1");
        go.send(()).unwrap();
        next(&ends);
        assert!(pool.running().is_empty());
    }

    #[test]
    fn dropping_it_waits_for_what_runs() {
        let done = Arc::new(AtomicBool::new(false));
        let (say, said) = unbounded();
        let (go, may_go) = unbounded::<()>();
        let set = Arc::clone(&done);
        let (pool, _ends) = pool(1, move |_, _, _| {
            say.send(()).unwrap();
            let _ = may_go.recv_timeout(GUARD);
            set.store(true, Ordering::SeqCst);
            Outcome::Exited(0)
        });
        pool.run(attempts([1]));
        said.recv_timeout(GUARD).unwrap();
        std::thread::scope(|scope| {
            scope.spawn(move || go.send(()));
            drop(pool);
            assert!(done.load(Ordering::SeqCst));
        });
    }
}
