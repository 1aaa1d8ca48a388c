//! What a worker says: updates from whichever thread has them, written as frames by one.
//!
//! That an attempt is about to be executed is written at once, by the thread that does it, and it waits until that is
//! with the kernel. All else goes through a mailbox, so that ends of tiny jobs travel many to a frame.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, Read as _, Write as _};
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::engine::local::Begins;
use crate::engine::{Running, Update};
use crate::flow::credit::Token;
use crate::flow::mailbox::{Mailbox, Urgency};
use crate::flow::spool::Captured;
use crate::model::{AttemptEnd, AttemptInfo, AttemptStart, Content, Stream};
use crate::protocol::told::Started;
use crate::protocol::{End, Id, PIECE, Up};
use crate::sys::wake::Wake;

/// How long an end that nobody waits for may lie here until others come along.
const PATIENCE: Duration = Duration::from_millis(10);
/// Frames are written when there are so many bytes of them.
const FULL: usize = 64 << 10;
/// No more attempts are named in one frame, nor more than these in a list of what runs.
const MOST_IDS: usize = 4096;
/// No more ends go into one frame.
const MOST_ENDS: usize = 256;

/// Where a worker's updates are put to be written.
pub(super) struct Outbox {
    stream: Mutex<File>,
    mailbox: Mailbox<Item>,
    /// Given back, from the front on, as the coordinator has dealt with pieces of output.
    unacknowledged: Mutex<VecDeque<Token>>,
    /// Attempts that were taken over and not answered.
    pub(super) unanswered: AtomicUsize,
    /// Rings when nothing is unanswered any more, or nobody reads.
    pub(super) wake: Wake,
    /// Nobody reads what is written.
    broken: AtomicBool,
}

/// What is put there.
enum Item {
    Update(Update),
    Message(Up),
    /// Nothing more comes.
    Last,
}

impl Outbox {
    pub(super) fn new(stream: File) -> io::Result<Self> {
        Ok(Self {
            stream: Mutex::new(stream),
            mailbox: Mailbox::new(PATIENCE),
            unacknowledged: Mutex::default(),
            unanswered: AtomicUsize::new(0),
            wake: Wake::new()?,
            broken: AtomicBool::new(false),
        })
    }

    pub(super) fn update(&self, update: Update, urgency: Urgency) {
        self.mailbox.post([Item::Update(update)], urgency);
    }

    pub(super) fn message(&self, message: Up) {
        self.mailbox.post([Item::Message(message)], Urgency::Now);
    }

    /// Nothing comes after this.
    pub(super) fn close(&self) {
        self.mailbox.post([Item::Last], Urgency::Now);
    }

    /// So many pieces of output were dealt with.
    pub(super) fn acknowledge(&self, pieces: usize) {
        let mut unacknowledged = lock(&self.unacknowledged);
        let pieces = pieces.min(unacknowledged.len());
        unacknowledged.drain(..pieces);
    }

    /// Whether nobody reads what is written.
    pub(super) fn is_broken(&self) -> bool {
        self.broken.load(Ordering::Acquire)
    }

    /// Writes what is put here until it is closed.
    pub(super) fn write_all(&self) {
        let (mut items, mut frames) = (Vec::new(), Frames::new(self));
        loop {
            self.mailbox.receive(&mut items, None);
            for item in items.drain(..) {
                match item {
                    Item::Update(update) => frames.update(update),
                    Item::Message(message) => frames.put(&message),
                    Item::Last => return frames.flush(),
                }
            }
            frames.flush();
        }
    }

    /// Writes whole frames; false: nobody reads them.
    fn write(&self, frames: &[u8]) -> bool {
        if self.is_broken() {
            return false;
        }
        let written = lock(&self.stream).write_all(frames);
        if written.is_err() {
            self.broken.store(true, Ordering::Release);
            self.wake.ring();
        }
        written.is_ok()
    }

    fn answered(&self, count: usize) {
        if self.unanswered.fetch_sub(count, Ordering::AcqRel) == count {
            self.wake.ring();
        }
    }
}

impl Begins for Outbox {
    fn begin(&self, jobs: &mut dyn Iterator<Item = &AttemptInfo>) -> bool {
        let mut frame = Vec::new();
        let message = Up::Begun(jobs.map(id).collect());
        message.encode(&mut frame).is_ok() && self.write(&frame)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(super) fn id(info: &AttemptInfo) -> Id {
    Id(info.seq, info.attempt)
}

fn started(start: &AttemptStart) -> Started {
    let info = &start.job;
    Started {
        id: id(info),
        slot: info.slot().unwrap_or(0),
        pid: info.pid(),
        at: start.started_at,
        argv: info.argv().cloned(),
    }
}

fn running(it: Running) -> (Started, Duration) {
    let since = it.since.elapsed();
    let start = AttemptStart {
        job: it.job,
        started_at: std::time::SystemTime::now() - since,
    };
    (started(&start), since)
}

/// Frames that are not yet written, and ends that are not yet in one.
struct Frames<'a> {
    outbox: &'a Outbox,
    bytes: Vec<u8>,
    ends: Vec<End>,
    /// How much the outputs of those ends are.
    ends_len: usize,
}

impl<'a> Frames<'a> {
    fn new(outbox: &'a Outbox) -> Self {
        Self {
            outbox,
            bytes: Vec::new(),
            ends: Vec::new(),
            ends_len: 0,
        }
    }

    fn update(&mut self, update: Update) {
        match update {
            Update::Ended(ends) => ends.into_iter().for_each(|end| self.end(*end)),
            Update::Started(start) => self.put(&Up::Started(started(&start))),
            Update::Output(piece) => {
                // A barrier is denied by dropping it: nothing here is written past a connection.
                if let Content::Bytes(bytes) = piece.content {
                    self.put(&Up::Output(id(&piece.job), piece.stream, bytes));
                }
                lock(&self.outbox.unacknowledged).extend(piece.token);
            }
            Update::Returned(attempts) => {
                for some in attempts.chunks(MOST_IDS) {
                    let ids = some.iter().map(|it| Id(it.seq(), it.number)).collect();
                    self.put(&Up::Returned(ids));
                }
                self.outbox.answered(attempts.len());
            }
            Update::Running(list) => {
                let list = list.into_iter().take(MOST_IDS);
                self.put(&Up::Running(list.map(running).collect()));
            }
            Update::Up(place) => self.put(&Up::Fewer(place.slots, String::new())),
            Update::Notice(words) => self.put(&Up::Notice(words)),
            Update::Away(why) | Update::Down(why) => self.put(&Up::Down(why)),
            // No worker makes one.
            Update::DryRun(_) => {}
        }
    }

    /// Puts a message behind the others.
    fn put(&mut self, message: &Up) {
        self.put_ends();
        self.encode(message);
    }

    fn encode(&mut self, message: &Up) {
        if message.encode(&mut self.bytes).is_err() {
            // Only words can be so long.
            let _ =
                Up::Notice("a message is too long to be sent".to_owned()).encode(&mut self.bytes);
        }
        if self.bytes.len() >= FULL {
            self.write();
        }
    }

    /// Puts the end of an attempt, and what is kept of its outputs in front of it.
    fn end(&mut self, mut end: AttemptEnd) {
        let id = id(&end.job);
        let kept = [
            std::mem::take(&mut end.stdout),
            std::mem::take(&mut end.stderr),
        ];
        let mut outputs = [Vec::new(), Vec::new()];
        for (stream, (kept, rest)) in [Stream::Stdout, Stream::Stderr]
            .into_iter()
            .zip(kept.iter().zip(&mut outputs))
        {
            match self.keep(id, stream, kept) {
                Ok(bytes) => *rest = bytes,
                Err(error) => end.lose_output(&error),
            }
        }
        self.ends_len += outputs.iter().map(Vec::len).sum::<usize>();
        let info = &end.job;
        self.ends.push(End {
            id,
            slot: info.slot(),
            pid: info.pid(),
            argv: info.argv().cloned(),
            ran: end.ran,
            ended_at: end.ended_at,
            outcome: end.outcome,
            usage: end.usage,
            sent: end.sent,
            streamed: end.streamed,
            left_running: end.left_running,
            outputs,
        });
        if self.ends.len() >= MOST_ENDS || self.ends_len >= FULL {
            self.put_ends();
        }
    }

    /// Puts all of an output but for the last piece, which is returned.
    fn keep(&mut self, id: Id, stream: Stream, kept: &Captured) -> io::Result<Vec<u8>> {
        let mut reader = kept.reader();
        let mut left = kept.len();
        loop {
            let len = left.min(PIECE as u64);
            let mut bytes = vec![0; len as usize];
            reader.read_exact(&mut bytes)?;
            left -= len;
            if left == 0 {
                return Ok(bytes);
            }
            self.put(&Up::Kept(id, stream, bytes));
        }
    }

    fn put_ends(&mut self) {
        if self.ends.is_empty() {
            return;
        }
        let count = self.ends.len();
        self.ends_len = 0;
        let ends = std::mem::take(&mut self.ends);
        self.encode(&Up::Ended(ends));
        self.outbox.answered(count);
    }

    fn flush(&mut self) {
        self.put_ends();
        self.write();
    }

    fn write(&mut self) {
        if !self.bytes.is_empty() {
            self.outbox.write(&self.bytes);
            self.bytes.clear();
        }
    }
}
