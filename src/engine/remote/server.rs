//! The worker's side: an engine that takes its attempts and orders from a stream, and tells its updates on another.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use super::orders;
use super::outbox::Outbox;
use crate::engine::local::Begins;
use crate::engine::{Attempt, Engine, Order, Update, UpdateSender, Which, unstarted};
use crate::flow::block::{Block, BufferPool};
use crate::flow::feed_queue::{FeedQueues, Taken};
use crate::flow::mailbox::Urgency;
use crate::model::{
    ArgList, Body, Command, Job, KilledBy, Outcome, RenderJob, SpawnError, Stdin, Task, Work,
};
use crate::protocol::down::Fed;
use crate::protocol::{Assignment, Decoder, Down, Fault, Id, PIECE, Setup, Up};
use crate::sys::wake;

/// A worker's conversation with its coordinator, once both have said who they are.
pub struct Server {
    outbox: Arc<Outbox>,
    tasks: Arc<Tasks>,
    /// After so long a silence the coordinator is gone.
    patience: Option<Duration>,
}

/// How a conversation ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Ending {
    /// The coordinator said that there was nothing more.
    Finished,
    /// It went away without a word: what ran was ended.
    Abandoned,
    /// It said what cannot be understood: what ran was ended.
    Fault(Fault),
}

/// What the attempts that were taken over are to run, by the numbers of their jobs, until they begin; and what they are
/// fed, until they are over.
#[derive(Default)]
struct Tasks {
    /// How many slots other workers have whose numbers are before those of slots here.
    slots_before: usize,
    waiting: Mutex<HashMap<u64, Task>>,
    inputs: Mutex<HashMap<Id, FeedQueues>>,
}

impl RenderJob for Tasks {
    fn prepare(&self, work: &Work, slot: usize) -> Result<Command, SpawnError> {
        let task = lock(&self.waiting).remove(&work.seq());
        let mut task = task.ok_or("the worker was not told what to run")?;
        task.slot.get_or_insert(self.slots_before + slot);
        Ok(Command {
            task,
            ..Command::default()
        })
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Tasks {
    /// What is no longer needed of attempts that `update` answers.
    fn forget(&self, update: &Update) {
        match update {
            Update::Ended(ends) => {
                let mut inputs = lock(&self.inputs);
                if !inputs.is_empty() {
                    for end in ends {
                        inputs.remove(&Id(end.job.seq, end.job.attempt));
                    }
                }
            }
            Update::Returned(attempts) => {
                let (mut waiting, mut inputs) = (lock(&self.waiting), lock(&self.inputs));
                for attempt in attempts {
                    waiting.remove(&attempt.seq());
                    inputs.remove(&Id(attempt.seq(), attempt.number));
                }
            }
            _ => {}
        }
    }
}

impl Server {
    /// A conversation that began with `setup`, of which this side is written to `output`.
    ///
    /// # Errors
    ///
    /// When there is no descriptor left.
    pub fn new(output: File, setup: &Setup) -> io::Result<Self> {
        Ok(Self {
            outbox: Arc::new(Outbox::new(output)?),
            tasks: Arc::new(Tasks {
                slots_before: setup.slots_before,
                ..Tasks::default()
            }),
            patience: setup.patience,
        })
    }

    /// Says what the engine is to run.
    pub fn renderer(&self) -> Arc<dyn RenderJob> {
        Arc::<Tasks>::clone(&self.tasks)
    }

    /// Is to be told by the engine of attempts before they are executed.
    pub fn begins(&self) -> Arc<dyn Begins> {
        Arc::<Outbox>::clone(&self.outbox)
    }

    /// Where the engine's updates go.
    pub fn updates(&self) -> UpdateSender {
        let (outbox, tasks) = (Arc::clone(&self.outbox), Arc::clone(&self.tasks));
        UpdateSender::new(move |update, urgency| {
            tasks.forget(&update);
            outbox.update(update, urgency);
        })
    }

    /// Has `engine` do what comes on `input`, of which `decoder` may have read some already, to the end. `lost` is
    /// called when the coordinator is, before what runs is ended.
    ///
    /// # Errors
    ///
    /// When there is no thread to be had.
    pub fn serve(
        self,
        input: File,
        decoder: Decoder,
        engine: Box<dyn Engine>,
        lost: impl FnOnce(),
    ) -> io::Result<Ending> {
        let outbox = Arc::clone(&self.outbox);
        let writer = std::thread::Builder::new().name("updates".into());
        let writer = writer.spawn(move || outbox.write_all())?;
        self.outbox.message(Up::Ready);
        let ending = match self.obey_all(input, decoder, &*engine) {
            Ok(ending) => ending,
            Err(fault) => {
                self.outbox.message(Up::Down(fault.to_string()));
                Ending::Fault(fault)
            }
        };
        if ending != Ending::Finished {
            lost();
            engine.order(Order::Recall);
            engine.order(Order::End(Which::All, KilledBy::User));
            // What still would be fed waits for nothing.
            lock(&self.tasks.inputs).clear();
        }
        drop(engine);
        if ending == Ending::Finished {
            self.outbox.message(Up::Bye);
        }
        self.outbox.close();
        // A panic there has written what it could.
        let _ = writer.join();
        Ok(ending)
    }

    fn obey_all(
        &self,
        mut input: File,
        mut decoder: Decoder,
        engine: &dyn Engine,
    ) -> Result<Ending, Fault> {
        let buffers = BufferPool::new(usize::MAX / 2, PIECE);
        let mut finishes = false;
        let mut patience = self.patience;
        loop {
            while let Some(frame) = decoder.next_frame()? {
                let message = Down::decode(&frame)?;
                // Who stops jobs may be stopped, too, and says nothing until they go on.
                patience = self.patience.filter(|_| !is_stop(&message));
                if message == Down::Finish {
                    finishes = true;
                    engine.order(Order::Recall);
                } else {
                    self.obey(message, &buffers, engine)?;
                }
            }
            if finishes && self.outbox.unanswered.load(Ordering::Acquire) == 0 {
                return Ok(Ending::Finished);
            }
            if self.outbox.is_broken() {
                return Ok(Ending::Abandoned);
            }
            let heard = wake::wait_for_either_within(&self.outbox.wake, input.as_fd(), patience);
            if matches!(heard, Ok(false)) {
                return Ok(Ending::Abandoned);
            }
            let readable = heard.and_then(|_| wake::is_readable(input.as_fd()));
            self.outbox.wake.reset();
            match readable.and_then(|is| {
                if is {
                    decoder.fill(&mut input).map(Some)
                } else {
                    Ok(None)
                }
            }) {
                Ok(None | Some(1..)) => {}
                Ok(Some(0)) | Err(_) => return Ok(Ending::Abandoned),
            }
        }
    }

    fn obey(&self, message: Down, buffers: &BufferPool, engine: &dyn Engine) -> Result<(), Fault> {
        if let Some(order) = orders::from_message(&message) {
            engine.order(order);
            return Ok(());
        }
        match message {
            Down::Run(assignments) => self.run(assignments, engine),
            Down::Input(id, bytes) => {
                // One that is over wants nothing any more.
                if let Some(queues) = lock(&self.tasks.inputs).get(&id) {
                    let mut buffer = buffers.take();
                    buffer.bytes.extend_from_slice(&bytes);
                    queues.put(0, Block::whole(buffer));
                }
            }
            Down::InputEnd(id) => drop(lock(&self.tasks.inputs).remove(&id)),
            Down::Credit(pieces) => self.outbox.acknowledge(pieces),
            Down::Ping => self.outbox.message(Up::Pong),
            _ => return Err(Fault::Unexpected("a second message 'setup'".to_owned())),
        }
        Ok(())
    }

    /// Hands the attempts to the engine.
    fn run(&self, assignments: Vec<Assignment>, engine: &dyn Engine) {
        self.outbox
            .unanswered
            .fetch_add(assignments.len(), Ordering::AcqRel);
        let mut attempts = Vec::with_capacity(assignments.len());
        for Assignment { id, task, input } in assignments {
            let mut attempt = attempt(id);
            match input.map(|fed| self.input(id, fed)).transpose() {
                Ok(stdin) => {
                    attempt.work.stdin = stdin;
                    lock(&self.tasks.waiting).insert(id.0, task);
                    attempts.push(attempt);
                }
                Err(error) => {
                    let error = SpawnError::passing(format!("cannot feed the job: {error}"));
                    let end = unstarted(&attempt, Outcome::SpawnFailed(error));
                    self.outbox.update(Update::Ended(vec![end]), Urgency::Now);
                }
            }
        }
        if !attempts.is_empty() {
            engine.run(attempts);
            engine.order(Order::Staff);
        }
    }

    /// What attempt `id` is fed: what comes for it.
    fn input(&self, id: Id, fed: Fed) -> io::Result<Stdin> {
        let outbox = Arc::clone(&self.outbox);
        let queues = FeedQueues::telling(move |taken| {
            outbox.message(match taken {
                Taken::Bytes(bytes) => Up::Taken(id, bytes as u64),
                Taken::Abandoned => Up::Unwanted(id),
            });
        });
        let stream = queues.open()?;
        lock(&self.tasks.inputs).insert(id, queues);
        Ok(Stdin {
            header: Arc::default(),
            body: Body::Stream(stream),
            counts: fed.counts,
        })
    }
}

/// Whether all jobs are stopped by `message`.
fn is_stop(message: &Down) -> bool {
    use crate::protocol::down::{JobSignal, Which};
    matches!(
        message,
        Down::Signal(Which::All, JobSignal::Stop | JobSignal::TerminalStop)
    )
}

/// The attempt that is known here by `id` alone.
fn attempt(id: Id) -> Attempt {
    Attempt {
        work: Work::of(Job {
            seq: id.0,
            args: ArgList::new(),
            after_all: false,
            bound: None,
        }),
        number: id.1,
        max: None,
        queued_at: SystemTime::now(),
    }
}
