//! A thread a slot: workers that take attempts from one queue and run each to its end.
//!
//! The queue is shared, so an attempt never waits behind a long one while another worker is idle. It
//! may hold more attempts than there are idle workers: then a worker goes from one tiny job to the
//! next without waiting for the controller, and need not even wake it each time. What is in the queue
//! has not begun, and is given back when it is recalled, or when an attempt ends as the controller wants to know at once.

mod slot_numbers;
mod taken;
mod worker_threads;

use std::collections::VecDeque;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use super::{Attempt, Engine, JobSignal, Order, Running, StopOn, Update, UpdateSender, Which};
use crate::flow::mailbox::Urgency;
use crate::model::{AttemptInfo, KilledBy};
use crate::sys::child::signal_group;
use crate::sys::helper;
use crate::sys::wake::Wake;
use slot_numbers::SlotNumbers;
pub use taken::TakenAttempts;
use worker_threads::WorkerThreads;

/// What a worker does with an attempt.
pub trait Runner: Send {
    /// Runs the attempt of `taken` to its end and answers it; and any that it takes beyond that one.
    fn run(&mut self, taken: &mut TakenAttempts);
}

/// A worker's place: what others see of it, and how it learns what is to become of its attempt.
#[derive(Debug)]
pub struct WorkerHandle {
    wake: Arc<Wake>,
    common: Arc<PoolOrders>,
    current: Mutex<Option<CurrentAttempt>>,
    /// Whether the attempt was told to stop, and not yet to go on.
    stopped: AtomicBool,
}

/// What holds for all workers.
#[derive(Debug, Default)]
struct PoolOrders {
    killed_by: AtomicU8,
    /// How long an attempt may take, in nanoseconds; 0: as long as it wants.
    time_limit: AtomicU64,
    /// At how many workers an attempt runs.
    running: AtomicUsize,
    /// Whether an attempt could not be started although nobody ran, and none was since.
    starved: AtomicBool,
}

/// The attempt that runs at a worker. As long as it is here its process is not reaped, so that its
/// number is its own.
#[derive(Debug)]
struct CurrentAttempt {
    running: Running,
    /// On whose behalf this one is to end.
    end: Option<KilledBy>,
}

impl WorkerHandle {
    fn new(common: &Arc<PoolOrders>) -> std::io::Result<Self> {
        Ok(Self {
            wake: Arc::new(Wake::new()?),
            common: Arc::clone(common),
            current: Mutex::new(None),
            stopped: AtomicBool::new(false),
        })
    }

    /// Shows which attempt runs here now; `None` before its process is reaped.
    pub fn show(&self, job: Option<Arc<AttemptInfo>>) {
        let since = Instant::now();
        let mut current = self.current();
        if job.is_some() {
            self.stopped.store(false, Ordering::Relaxed);
        }
        let ran = current.is_some();
        *current = job.map(|job| CurrentAttempt {
            running: Running { job, since },
            end: None,
        });
        match (ran, current.is_some()) {
            (false, true) => {
                self.common.starved.store(false, Ordering::Relaxed);
                self.common.running.fetch_add(1, Ordering::Relaxed)
            }
            (true, false) => self.common.running.fetch_sub(1, Ordering::Relaxed),
            _ => 0,
        };
    }

    /// Remembers that nothing could be started; says whether that is remembered already.
    pub fn starve(&self, now: bool) -> bool {
        self.common.starved.fetch_or(now, Ordering::Relaxed)
    }

    /// Whether an attempt runs at another worker, while none runs here.
    pub fn others_run(&self) -> bool {
        self.common.running.load(Ordering::Relaxed) > 0
    }

    fn running(&self) -> Option<Running> {
        self.current()
            .as_ref()
            .map(|current| current.running.clone())
    }

    /// Has the attempt that runs here end, if it is one at job number `seq`.
    fn end(&self, seq: u64, by: KilledBy) {
        if let Some(current) = &mut *self.current()
            && current.running.job.seq == seq
        {
            current.end = Some(by);
            self.wake.ring();
        }
    }

    /// Signals the process group that runs here, if it belongs to job number `seq`; `None`: whoever's it is.
    fn signal(&self, seq: Option<u64>, signal: JobSignal) {
        if let Some(current) = &*self.current()
            && seq.is_none_or(|seq| seq == current.running.job.seq)
        {
            let stops = signal != JobSignal::Continue;
            self.stopped.store(stops, Ordering::Relaxed);
            let number = match signal {
                JobSignal::Stop => libc::SIGSTOP,
                JobSignal::TerminalStop => libc::SIGTSTP,
                JobSignal::Continue => libc::SIGCONT,
            };
            if let Some(pid) = current.running.job.pid() {
                signal_group(pid, number);
            }
        }
    }

    /// Whether the attempt had been told to stop. It is not any more.
    pub fn was_stopped(&self) -> bool {
        self.stopped.swap(false, Ordering::Relaxed)
    }

    /// Whether the attempt that runs here is to end, and on whose behalf. Makes the bell silent, unless
    /// everything is to end.
    pub fn told_to_end(&self) -> Option<KilledBy> {
        if self.killed().is_none() {
            self.wake.reset();
        }
        let this_one = self.current().as_ref().and_then(|current| current.end);
        self.killed().or(this_one)
    }

    /// How long an attempt may take.
    pub fn time_limit(&self) -> Option<Duration> {
        let nanos = self.common.time_limit.load(Ordering::Relaxed);
        (nanos > 0).then(|| Duration::from_nanos(nanos))
    }

    fn current(&self) -> MutexGuard<'_, Option<CurrentAttempt>> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What to watch while waiting.
    pub fn wake(&self) -> &Arc<Wake> {
        &self.wake
    }

    /// On whose behalf everything is to end; `None` while nothing is.
    pub fn killed(&self) -> Option<KilledBy> {
        match self.common.killed_by.load(Ordering::Acquire) {
            1 => Some(KilledBy::User),
            2 => Some(KilledBy::Halt),
            3 => Some(KilledBy::Memory),
            _ => None,
        }
    }
}

/// The workers and their queue.
pub struct Pool {
    shared: Arc<Shared>,
    common: Arc<PoolOrders>,
    threads: WorkerThreads,
    /// How long what takes the output of killed attempts may go on.
    patience: Duration,
    /// How many more workers would have something to do.
    lacks: AtomicUsize,
}

struct Shared {
    queue: Mutex<Queue>,
    changed: Condvar,
    updates: UpdateSender,
}

struct Queue {
    attempts: VecDeque<Attempt>,
    /// Below this many attempts the controller is woken to bring more.
    low_water: usize,
    /// Nothing begins any more: the pool is about to go, or the record cannot be written.
    closed: bool,
    /// After which ends nothing begins until the controller says so.
    stop_on: StopOn,
    /// When there was such an end.
    stopped_at: Option<SystemTime>,
    /// How many such ends were told.
    stops: u64,
    /// Workers from this index on are to leave.
    most: usize,
    /// So many attempts run at a time at most.
    at_a_time: usize,
    /// Workers that wait for an attempt.
    idle: usize,
    /// Workers that were started and have not ended.
    alive: usize,
    slots: SlotNumbers,
}

impl Queue {
    /// An empty queue for at most `workers`.
    fn new(workers: usize) -> Self {
        Self {
            attempts: VecDeque::new(),
            low_water: 0,
            closed: false,
            stop_on: StopOn::Fatal,
            stopped_at: None,
            stops: 0,
            most: workers,
            at_a_time: workers,
            idle: 0,
            alive: 0,
            slots: SlotNumbers::new(workers),
        }
    }

    /// How many more workers the attempts that wait would keep busy.
    fn lacks(&self) -> usize {
        let without_work = self.alive.saturating_sub(self.slots.in_use());
        let may_run = self.attempts.len().min(self.free_slots());
        may_run.saturating_sub(without_work)
    }

    /// How many attempts may begin now.
    fn free_slots(&self) -> usize {
        self.at_a_time.saturating_sub(self.slots.in_use())
    }
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
        let shared = Arc::new(Shared {
            queue: Mutex::new(Queue::new(workers)),
            changed: Condvar::new(),
            updates,
        });
        let (for_workers, their_common) = (Arc::clone(&shared), Arc::clone(&common));
        let threads = WorkerThreads::new(
            workers,
            move || WorkerHandle::new(&their_common),
            move |index, worker| {
                let _leave = ExitGuard(&for_workers);
                let mut runner = make_runner(index, worker);
                for_workers.work(index, &mut runner);
            },
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
        (self.shared.updates).tell(Update::Slots(most, words), Urgency::Now);
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
        let code = match by {
            KilledBy::User => 1,
            KilledBy::Halt => 2,
            KilledBy::Memory => 3,
        };
        self.common.killed_by.store(code, Ordering::Release);
        for worker in self.threads.workers().iter() {
            worker.wake.ring();
        }
        // Workers that wait for one of these hear no bell.
        helper::end(helper::Kind::Answers);
        helper::end_after(helper::Kind::Takes, self.patience);
    }

    fn signal(&self, seq: Option<u64>, signal: JobSignal) {
        for worker in self.threads.workers().iter() {
            worker.signal(seq, signal);
        }
    }

    fn limit_time(&self, limit: Option<Duration>) {
        let nanos = limit.map_or(0, |limit| {
            u64::try_from(limit.as_nanos()).unwrap_or(u64::MAX).max(1)
        });
        let before = self.common.time_limit.swap(nanos, Ordering::Relaxed);
        // Whoever has more time than it thought finds out by itself.
        if nanos > 0 && (before == 0 || nanos < before) {
            for worker in self.threads.workers().iter() {
                worker.wake.ring();
            }
        }
    }
}

impl Drop for Pool {
    /// Gives back what has not begun, and waits for the workers.
    fn drop(&mut self) {
        let mut queue = self.shared.lock();
        queue.closed = true;
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

impl Shared {
    /// Gives back attempts that were not begun.
    fn give_back(&self, attempts: Vec<Attempt>) {
        if !attempts.is_empty() {
            self.updates.tell(Update::Returned(attempts), Urgency::Now);
        }
    }

    /// One worker's life.
    fn work(&self, index: usize, runner: &mut impl Runner) {
        while let Some((attempt, slot)) = self.next(index) {
            let mut taken = TakenAttempts::new(self, attempt, slot);
            // A panic is reported as a lost attempt by `taken`; the worker goes on with the next.
            let _ = catch_unwind(AssertUnwindSafe(|| runner.run(&mut taken)));
        }
    }

    /// Waits for an attempt and a slot number for it, for worker `index`; `None` when the pool is closed, or has fewer
    /// workers.
    fn next(&self, index: usize) -> Option<(Attempt, usize)> {
        let mut queue = self.lock();
        loop {
            if queue.closed || index >= queue.most {
                return None;
            }
            if queue.free_slots() > 0
                && let Some(attempt) = queue.attempts.pop_front()
            {
                return Some((attempt, queue.slots.take(Instant::now())));
            }
            queue.idle += 1;
            queue = self
                .changed
                .wait(queue)
                .unwrap_or_else(PoisonError::into_inner);
            queue.idle -= 1;
        }
    }

    fn lock(&self) -> MutexGuard<'_, Queue> {
        // No code between lock and unlock can panic half-way through a change.
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Counts a worker out, even when it panics.
struct ExitGuard<'a>(&'a Shared);

impl Drop for ExitGuard<'_> {
    fn drop(&mut self) {
        self.0.lock().alive -= 1;
        self.0.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;
    use std::panic::resume_unwind;
    use std::sync::atomic::AtomicBool;
    use std::time::Duration;

    use crossbeam_channel::{Receiver, Sender, unbounded};

    use super::*;
    use crate::engine::unstarted;
    use crate::model::{ArgList, AttemptEnd, Command, Job, Outcome, SpawnError, Work};

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
        Attempt {
            work: Work::of(Job {
                seq,
                args: ArgList::new(),
                after_all: false,
            }),
            number: 1,
            max: Some(1),
            queued_at: SystemTime::now(),
        }
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
            let command = Command {
                line: b"sleep 1".to_vec(),
                ..Command::default()
            };
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
        assert_eq!(running[0].job.command.line, b"sleep 1");
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
