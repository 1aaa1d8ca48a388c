//! Queues of blocks on their way to jobs that are fed while they run.
//!
//! One thread puts blocks in; for each queue a worker takes them out, and sleeps in `poll(2)` on the queue's
//! [`Wake`] while there are none. A queue whose job wants no more swallows what comes.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::block::Block;
use crate::sys::wake::Wake;

/// All queues of a run, from the end where blocks are put in. Closed when dropped.
#[derive(Debug)]
pub struct FeedQueues(Arc<Shared>);

struct Shared {
    queues: Mutex<Vec<Lane>>,
    /// Something was taken out.
    relieved: Condvar,
    /// Who is told of that, if anybody is.
    told: Option<Told>,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("queues", &self.queues)
            .finish_non_exhaustive()
    }
}

/// Is told what becomes of what was put into queues.
type Told = Box<dyn Fn(Taken) + Send + Sync>;

/// What has become of what was put into a queue.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Taken {
    /// So many bytes of it were dealt with.
    Bytes(usize),
    /// Nobody wants any more of it, although more was to come.
    Abandoned,
}

#[derive(Debug)]
struct Lane {
    blocks: VecDeque<Block>,
    /// Bytes put in and not written to the job yet.
    pending: usize,
    /// Nothing more will come.
    closed: bool,
    /// Nobody wants what comes.
    abandoned: bool,
    wake: Arc<Wake>,
}

/// A queue's other end.
#[derive(Clone, Debug)]
pub struct FeedQueue {
    shared: Arc<Shared>,
    index: usize,
    wake: Arc<Wake>,
}

/// What a queue has.
#[derive(Debug)]
pub enum Next {
    /// A block.
    Block(Block),
    /// Nothing yet: its [`FeedQueue::wake`] will ring.
    Wait,
    /// Nothing any more.
    End,
}

impl FeedQueues {
    /// No queues yet.
    pub fn new() -> Self {
        Self::with(None)
    }

    /// As [`new`](Self::new), with `told` being told what becomes of what is put into them.
    pub fn telling(told: impl Fn(Taken) + Send + Sync + 'static) -> Self {
        Self::with(Some(Box::new(told)))
    }

    fn with(told: Option<Told>) -> Self {
        Self(Arc::new(Shared {
            queues: Mutex::new(Vec::new()),
            relieved: Condvar::new(),
            told,
        }))
    }

    /// Opens one more queue.
    ///
    /// # Errors
    ///
    /// When the process has no file descriptor left.
    pub fn open(&self) -> io::Result<FeedQueue> {
        let wake = Arc::new(Wake::new()?);
        let mut queues = self.0.lock();
        queues.push(Lane {
            blocks: VecDeque::new(),
            pending: 0,
            closed: false,
            abandoned: false,
            wake: Arc::clone(&wake),
        });
        Ok(FeedQueue {
            shared: Arc::clone(&self.0),
            index: queues.len() - 1,
            wake,
        })
    }

    /// Puts `block` into queue `index`.
    pub fn put(&self, index: usize, block: Block) {
        self.0.lock()[index].put(block);
    }

    /// Puts `block` into queue `index` once it has less than `most` bytes waiting.
    pub fn put_when_below(&self, index: usize, most: usize, block: Block) {
        let mut queues = self.0.lock();
        while queues[index].pending >= most {
            queues = self.0.wait(queues);
        }
        queues[index].put(block);
    }

    /// Puts `block` into the first queue from `index` on, in a circle, that has less than `most` bytes
    /// waiting; waits while all have more. Returns which it was.
    pub fn put_where_room(&self, index: usize, most: usize, block: Block) -> usize {
        let mut queues = self.0.lock();
        loop {
            let count = queues.len();
            let circle = (0..count).map(|step| (index + step) % count);
            let room = circle
                .into_iter()
                .find(|&queue| queues[queue].pending < most && !queues[queue].abandoned);
            let everyone_left = queues.iter().all(|queue| queue.abandoned);
            if let Some(queue) = room.or(everyone_left.then_some(index)) {
                queues[queue].put(block);
                return queue;
            }
            queues = self.0.wait(queues);
        }
    }

    /// Whether nobody wants anything any more.
    pub fn all_abandoned(&self) -> bool {
        self.0.lock().iter().all(|queue| queue.abandoned)
    }
}

impl Default for FeedQueues {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for FeedQueues {
    fn drop(&mut self) {
        for queue in self.0.lock().iter_mut() {
            queue.closed = true;
            queue.wake.ring();
        }
    }
}

impl Shared {
    fn tell(&self, taken: Taken) {
        if let Some(told) = &self.told {
            told(taken);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<Lane>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, queues: MutexGuard<'a, Vec<Lane>>) -> MutexGuard<'a, Vec<Lane>> {
        self.relieved
            .wait(queues)
            .unwrap_or_else(PoisonError::into_inner)
    }
}

impl Lane {
    fn put(&mut self, block: Block) {
        if !self.abandoned {
            self.pending += block.bytes().len();
            self.blocks.push_back(block);
            self.wake.ring();
        }
    }
}

impl FeedQueue {
    /// The next block. With [`Next::Wait`] the bell is silent until there is more.
    pub fn next(&self) -> Next {
        let mut queues = self.shared.lock();
        let queue = &mut queues[self.index];
        match queue.blocks.pop_front() {
            Some(block) => Next::Block(block),
            None if queue.closed || queue.abandoned => Next::End,
            None => {
                self.wake.reset();
                Next::Wait
            }
        }
    }

    /// `bytes` that were taken out have been dealt with.
    pub fn done(&self, bytes: usize) {
        let mut queues = self.shared.lock();
        let queue = &mut queues[self.index];
        queue.pending = queue.pending.saturating_sub(bytes);
        drop(queues);
        self.shared.relieved.notify_all();
        self.shared.tell(Taken::Bytes(bytes));
    }

    /// Nobody wants any more of it.
    pub fn abandon(&self) {
        let mut queues = self.shared.lock();
        let queue = &mut queues[self.index];
        queue.abandoned = true;
        queue.pending = 0;
        let unwanted = std::mem::take(&mut queue.blocks);
        let more_was_to_come = !queue.closed;
        drop(queues);
        drop(unwanted);
        self.shared.relieved.notify_all();
        if more_was_to_come {
            self.shared.tell(Taken::Abandoned);
        }
    }

    /// What to watch while there is nothing.
    pub fn wake(&self) -> &Wake {
        &self.wake
    }

    /// The same as a descriptor that becomes readable.
    pub fn wake_fd(&self) -> BorrowedFd<'_> {
        self.wake.as_fd()
    }
}

impl PartialEq for FeedQueue {
    fn eq(&self, other: &Self) -> bool {
        self.wake.as_raw_fd() == other.wake.as_raw_fd()
    }
}

impl Eq for FeedQueue {}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::flow::block::BufferPool;

    fn block(text: &[u8]) -> Block {
        let mut buffer = BufferPool::new(1, 16).take();
        buffer.bytes.extend_from_slice(text);
        Block::whole(buffer)
    }

    fn text(next: Next) -> Option<Vec<u8>> {
        match next {
            Next::Block(block) => Some(block.bytes().to_vec()),
            Next::Wait => Some(Vec::new()),
            Next::End => None,
        }
    }

    #[test]
    fn blocks_come_out_in_order_and_then_the_end() {
        let queues = FeedQueues::new();
        let stream = queues.open().unwrap();
        assert!(matches!(stream.next(), Next::Wait));
        queues.put(0, block(b"a"));
        queues.put(0, block(b"b"));
        assert_eq!(text(stream.next()), Some(b"a".to_vec()));
        assert_eq!(text(stream.next()), Some(b"b".to_vec()));
        drop(queues);
        assert_eq!(text(stream.next()), None);
    }

    #[test]
    fn who_wants_to_know_is_told_what_was_taken_and_that_no_more_is() {
        let (say, said) = crossbeam_channel::unbounded();
        let queues = FeedQueues::telling(move |taken| say.send(taken).unwrap());
        let streams = [queues.open().unwrap(), queues.open().unwrap()];
        queues.put(0, block(b"abc"));
        assert_eq!(text(streams[0].next()), Some(b"abc".to_vec()));
        streams[0].done(3);
        streams[0].abandon();
        drop(queues);
        streams[1].abandon();
        let said: Vec<_> = said.try_iter().collect();
        assert_eq!(said, [Taken::Bytes(3), Taken::Abandoned]);
    }

    #[test]
    fn a_full_lane_is_passed_over_and_an_abandoned_one_holds_nobody_up() {
        let queues = FeedQueues::new();
        let streams = [queues.open().unwrap(), queues.open().unwrap()];
        assert_eq!(queues.put_where_room(0, 2, block(b"aa")), 0);
        assert_eq!(queues.put_where_room(0, 2, block(b"bb")), 1);
        streams[0].done(2);
        assert_eq!(queues.put_where_room(1, 2, block(b"cc")), 0);
        streams[0].abandon();
        streams[1].abandon();
        assert_eq!(queues.put_where_room(1, 2, block(b"dd")), 1);
        assert!(queues.all_abandoned());
        assert!(matches!(streams[1].next(), Next::End));
    }
}
