//! Jobs that wait to be started: pulled lazily from the input, or put back for another try.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use crossbeam_channel::{Receiver, Sender, TryRecvError};

use crate::input::{Growth, InputCount};
use crate::model::{Left, Work};

/// How many batches the input may be ahead of the controller, and how many jobs a batch has at most.
const BATCHES: usize = 8;
const BATCH: usize = 64;

/// Some jobs, or why the input failed.
type Batch = Result<Vec<Work>, String>;

/// A job and which try at it is next, from 1.
#[derive(Debug)]
pub struct Pending {
    /// The job, and what it is fed.
    pub work: Work,
    /// The number of its next try.
    pub try_number: u32,
}

/// The controller's end of the input.
#[derive(Debug)]
pub struct Queue {
    /// Those that were put back, by their number.
    again: BTreeMap<u64, Pending>,
    /// Those that must wait for their next try, by its time.
    later: BTreeMap<Instant, VecDeque<Pending>>,
    batch: std::vec::IntoIter<Work>,
    input: Receiver<Batch>,
    hungry: Arc<AtomicBool>,
    growth: Growth,
    /// How many jobs were taken from the input.
    taken: u64,
    over: bool,
}

/// What the queue has.
#[derive(Debug)]
pub enum Pull {
    /// A job.
    Job(Pending),
    /// Nothing yet; [`super::Message::InputReady`] will tell.
    Wait,
    /// Nothing any more.
    End,
    /// The input failed: why. Nothing more will come.
    Failed(String),
}

/// The input's end: where a thread of its own feeds the queue.
#[derive(Debug)]
pub struct Feed {
    output: Sender<Batch>,
    /// Told how many jobs there are, if nobody else counts them.
    count: Option<InputCount>,
    hungry: Arc<AtomicBool>,
}

/// Both ends of a new queue.
pub fn queue() -> (Feed, Queue) {
    ends(crossbeam_channel::bounded(BATCHES))
}

/// A queue of everything that `jobs` yields: few, for all of them are kept.
pub fn filled<J, E>(jobs: J) -> Queue
where
    J: Iterator<Item = Result<Work, E>>,
    E: std::fmt::Display,
{
    let (feed, queue) = ends(crossbeam_channel::unbounded());
    feed.run(jobs, |_| true, || ());
    queue
}

fn ends((output, input): (Sender<Batch>, Receiver<Batch>)) -> (Feed, Queue) {
    let hungry = Arc::new(AtomicBool::new(false));
    let feed = Feed {
        output,
        count: None,
        hungry: Arc::clone(&hungry),
    };
    let batch = Vec::new().into_iter();
    (
        feed,
        Queue {
            again: BTreeMap::new(),
            later: BTreeMap::new(),
            batch,
            input,
            hungry,
            growth: Growth::default(),
            taken: 0,
            over: false,
        },
    )
}

impl Queue {
    /// With inputs in a file that may grow while jobs run.
    #[must_use]
    pub fn with_growth(mut self, growth: Growth) -> Self {
        self.growth = growth;
        self
    }

    /// The next job, if there is one. `idle`: no job runs that could make more of them.
    pub fn pull(&mut self, idle: bool) -> Pull {
        if let Some(due) = self
            .later
            .first_entry()
            .filter(|first| *first.key() <= Instant::now())
        {
            let due = due.remove().into_iter();
            self.again
                .extend(due.map(|pending| (pending.work.seq(), pending)));
        }
        if let Some((_, pending)) = self.again.pop_first() {
            return Pull::Job(pending);
        }
        loop {
            if let Some(work) = self.batch.next() {
                self.taken += 1;
                return Pull::Job(Pending {
                    work,
                    try_number: 1,
                });
            }
            if self.over {
                return Pull::End;
            }
            match self.receive() {
                Ok(Ok(batch)) => self.batch = batch.into_iter(),
                Ok(Err(why)) => {
                    self.over = true;
                    return Pull::Failed(why);
                }
                Err(TryRecvError::Empty) => {
                    self.growth.look(idle && self.later.is_empty());
                    return Pull::Wait;
                }
                Err(TryRecvError::Disconnected) => self.over = true,
            }
        }
    }

    /// Puts a job back, in front of all that come from the input; those that were put back come in the order of their
    /// numbers.
    pub fn put_back(&mut self, pending: Pending) {
        self.again.insert(pending.work.seq(), pending);
    }

    /// Keeps a job until `when`.
    pub fn put_back_until(&mut self, when: Instant, pending: Pending) {
        self.later.entry(when).or_default().push_back(pending);
    }

    /// Whether some job waits for another try.
    pub fn retries(&self) -> bool {
        !self.later.is_empty() || self.again.values().any(|it| it.try_number > 1)
    }

    /// When the next of those that wait for their time is due.
    pub fn next_due(&self) -> Option<Instant> {
        self.later.keys().next().copied()
    }

    /// Whether nothing will come any more.
    pub fn is_over(&self) -> bool {
        self.over && self.again.is_empty() && self.later.is_empty()
    }

    /// What was not taken from the input by now, of `total` jobs where that is known.
    pub fn left(&mut self, total: Option<u64>) -> Left {
        if let Some(total) = total {
            let jobs = total.saturating_sub(self.taken);
            return Left { jobs, more: false };
        }
        let mut left = Left {
            jobs: self.batch.len() as u64,
            more: false,
        };
        if self.over {
            return left;
        }
        loop {
            match self.input.try_recv() {
                Ok(Ok(batch)) => left.jobs += batch.len() as u64,
                Ok(Err(_)) | Err(TryRecvError::Disconnected) => return left,
                Err(TryRecvError::Empty) => {
                    left.more = true;
                    return left;
                }
            }
        }
    }

    /// Takes nothing any more from the input; returns the jobs that had been put back.
    pub fn stop(&mut self) -> impl Iterator<Item = Pending> + use<> {
        self.over = true;
        self.growth.end();
        self.batch = Vec::new().into_iter();
        self.input = crossbeam_channel::never();
        let later = std::mem::take(&mut self.later).into_values().flatten();
        std::mem::take(&mut self.again).into_values().chain(later)
    }

    /// The next batch; before it says that there is none yet, it asks to be told when there is.
    fn receive(&self) -> Result<Batch, TryRecvError> {
        match self.input.try_recv() {
            Err(TryRecvError::Empty) => {
                self.hungry.store(true, Ordering::SeqCst);
                self.input.try_recv()
            }
            received => received,
        }
    }
}

impl Feed {
    /// Tells `count` how many jobs there are.
    #[must_use]
    pub fn counting(self, count: Option<InputCount>) -> Self {
        Self { count, ..self }
    }

    /// Feeds everything that `jobs` yields to the queue, calling `tell` whenever the controller waits
    /// for it. `ready` says whether the next job can be had without waiting: as long as it can, jobs
    /// are sent in batches.
    pub fn run<J, E>(self, mut jobs: J, ready: impl Fn(&J) -> bool, tell: impl Fn())
    where
        J: Iterator<Item = Result<Work, E>>,
        E: std::fmt::Display,
    {
        let mut batch = Vec::new();
        loop {
            let next = jobs.next();
            let failed = match next {
                Some(Ok(job)) => {
                    if let Some(count) = &self.count {
                        count.add(1);
                    }
                    batch.push(job);
                    None
                }
                Some(Err(error)) => Some(error.to_string()),
                None => break,
            };
            if (batch.len() >= BATCH || failed.is_some() || !ready(&jobs))
                && !self.send(Ok(std::mem::take(&mut batch)), &tell)
            {
                return;
            }
            if let Some(why) = failed {
                self.send(Err(why), &tell);
                return;
            }
        }
        if let Some(count) = &self.count {
            count.end();
        }
        self.send(Ok(batch), &tell);
        // The end is seen as a closed channel; whoever waits must hear of it.
        let hungry = Arc::clone(&self.hungry);
        drop(self);
        if hungry.swap(false, Ordering::SeqCst) {
            tell();
        }
    }

    /// Whether anybody still wants it.
    fn send(&self, item: Batch, tell: &impl Fn()) -> bool {
        if self.output.send(item).is_err() {
            return false;
        }
        if self.hungry.swap(false, Ordering::SeqCst) {
            tell();
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{ArgList, Job};

    fn job(seq: u64) -> Work {
        Work::of(Job {
            seq,
            args: ArgList::new(),
            after_all: false,
            bound: None,
        })
    }

    fn pull_all(queue: &mut Queue) -> (Vec<u64>, Option<String>) {
        let mut seqs = Vec::new();
        loop {
            match queue.pull(true) {
                Pull::Job(pending) => seqs.push(pending.work.seq()),
                Pull::Wait => std::thread::yield_now(),
                Pull::End => return (seqs, None),
                Pull::Failed(why) => return (seqs, Some(why)),
            }
        }
    }

    #[test]
    fn jobs_come_in_order_whatever_the_batches() {
        for ready in [true, false] {
            let (feed, mut queue) = queue();
            let jobs = (1..=1000).map(|seq| Ok::<_, String>(job(seq)));
            let feeder = std::thread::spawn(move || feed.run(jobs, |_| ready, || ()));
            assert_eq!(pull_all(&mut queue), ((1..=1000).collect(), None));
            feeder.join().unwrap();
        }
        let mut queue = filled((1..=1000).map(|seq| Ok::<_, String>(job(seq))));
        assert_eq!(pull_all(&mut queue), ((1..=1000).collect(), None));
    }

    #[test]
    fn an_input_error_comes_after_the_jobs_before_it() {
        let (feed, mut queue) = queue();
        let jobs = [Ok(job(1)), Ok(job(2)), Err("broken"), Ok(job(3))].into_iter();
        feed.run(jobs, |_| true, || ());
        assert_eq!(
            pull_all(&mut queue),
            (vec![1, 2], Some("broken".to_owned()))
        );
    }

    #[test]
    fn a_job_put_back_comes_first() {
        let (feed, mut queue) = queue();
        feed.run([Ok::<_, String>(job(1))].into_iter(), |_| true, || ());
        queue.put_back(Pending {
            work: job(9),
            try_number: 2,
        });
        assert_eq!(pull_all(&mut queue), (vec![9, 1], None));
    }
    #[test]
    fn a_job_put_back_delays_the_end() {
        let (feed, mut queue) = queue();
        feed.run(std::iter::empty::<Result<_, String>>(), |_| true, || ());
        assert!(matches!(queue.pull(true), Pull::End) && queue.is_over());
        queue.put_back(Pending {
            work: job(1),
            try_number: 2,
        });
        assert!(!queue.is_over());
        assert_eq!(pull_all(&mut queue), (vec![1], None));
        assert!(queue.is_over());
    }

    #[test]
    fn a_stopped_queue_gives_up_what_was_put_back_and_nothing_else() {
        let (feed, mut queue) = queue();
        let jobs = (1..=3).map(|seq| Ok::<_, String>(job(seq)));
        feed.run(jobs, |_| true, || ());
        assert!(matches!(queue.pull(true), Pull::Job(_)));
        queue.put_back(Pending {
            work: job(1),
            try_number: 2,
        });
        let left: Vec<_> = queue
            .stop()
            .map(|it| (it.work.seq(), it.try_number))
            .collect();
        assert_eq!(left, [(1, 2)]);
        assert!(queue.is_over());
        assert_eq!(pull_all(&mut queue), (vec![], None));
    }

    #[test]
    fn whoever_waits_is_told_and_the_feeder_ends_when_nobody_wants_more() {
        let (feed, mut queue) = queue();
        assert!(matches!(queue.pull(true), Pull::Wait));
        let (tell, told) = crossbeam_channel::unbounded();
        let jobs = (1..).map(|seq| Ok::<_, String>(job(seq)));
        let feeder =
            std::thread::spawn(move || feed.run(jobs, |_| true, || tell.send(()).unwrap()));
        told.recv().unwrap();
        assert!(matches!(queue.pull(true), Pull::Job(_)));
        drop(queue);
        feeder.join().unwrap();
    }
}
