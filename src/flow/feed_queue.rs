//! Lanes: blocks on their way to jobs that are fed while they run.
//!
//! One thread puts blocks in; for each lane a worker takes them out, and sleeps in `poll(2)` on the lane's
//! [`Wake`] while there are none. A lane whose job wants no more swallows what comes.

use std::collections::VecDeque;
use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use super::block::Block;
use crate::sys::wake::Wake;

/// All lanes of a run, from the end where blocks are put in. Closed when dropped.
#[derive(Debug)]
pub struct Lanes(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    lanes: Mutex<Vec<Lane>>,
    /// Something was taken out.
    relieved: Condvar,
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

/// A lane's other end.
#[derive(Clone, Debug)]
pub struct Stream {
    shared: Arc<Shared>,
    index: usize,
    wake: Arc<Wake>,
}

/// What a lane has.
#[derive(Debug)]
pub enum Next {
    /// A block.
    Block(Block),
    /// Nothing yet: its [`Stream::wake`] will ring.
    Wait,
    /// Nothing any more.
    End,
}

impl Lanes {
    /// No lanes yet.
    pub fn new() -> Self {
        Self(Arc::new(Shared {
            lanes: Mutex::new(Vec::new()),
            relieved: Condvar::new(),
        }))
    }

    /// Opens one more lane.
    ///
    /// # Errors
    ///
    /// When the process has no file descriptor left.
    pub fn open(&self) -> io::Result<Stream> {
        let wake = Arc::new(Wake::new()?);
        let mut lanes = self.0.lock();
        lanes.push(Lane {
            blocks: VecDeque::new(),
            pending: 0,
            closed: false,
            abandoned: false,
            wake: Arc::clone(&wake),
        });
        Ok(Stream {
            shared: Arc::clone(&self.0),
            index: lanes.len() - 1,
            wake,
        })
    }

    /// Puts `block` into lane `index`.
    pub fn put(&self, index: usize, block: Block) {
        self.0.lock()[index].put(block);
    }

    /// Puts `block` into lane `index` once it has less than `most` bytes waiting.
    pub fn put_when_below(&self, index: usize, most: usize, block: Block) {
        let mut lanes = self.0.lock();
        while lanes[index].pending >= most {
            lanes = self.0.wait(lanes);
        }
        lanes[index].put(block);
    }

    /// Puts `block` into the first lane from `index` on, in a circle, that has less than `most` bytes
    /// waiting; waits while all have more. Returns which it was.
    pub fn put_where_room(&self, index: usize, most: usize, block: Block) -> usize {
        let mut lanes = self.0.lock();
        loop {
            let count = lanes.len();
            let circle = (0..count).map(|step| (index + step) % count);
            let room = circle
                .into_iter()
                .find(|&lane| lanes[lane].pending < most && !lanes[lane].abandoned);
            let everyone_left = lanes.iter().all(|lane| lane.abandoned);
            if let Some(lane) = room.or(everyone_left.then_some(index)) {
                lanes[lane].put(block);
                return lane;
            }
            lanes = self.0.wait(lanes);
        }
    }

    /// Whether nobody wants anything any more.
    pub fn all_abandoned(&self) -> bool {
        self.0.lock().iter().all(|lane| lane.abandoned)
    }
}

impl Default for Lanes {
    fn default() -> Self {
        Self::new()
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        for lane in self.0.lock().iter_mut() {
            lane.closed = true;
            lane.wake.ring();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Vec<Lane>> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, lanes: MutexGuard<'a, Vec<Lane>>) -> MutexGuard<'a, Vec<Lane>> {
        self.relieved
            .wait(lanes)
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

impl Stream {
    /// The next block. With [`Next::Wait`] the bell is silent until there is more.
    pub fn next(&self) -> Next {
        let mut lanes = self.shared.lock();
        let lane = &mut lanes[self.index];
        match lane.blocks.pop_front() {
            Some(block) => Next::Block(block),
            None if lane.closed || lane.abandoned => Next::End,
            None => {
                self.wake.reset();
                Next::Wait
            }
        }
    }

    /// `bytes` that were taken out have been dealt with.
    pub fn done(&self, bytes: usize) {
        let mut lanes = self.shared.lock();
        let lane = &mut lanes[self.index];
        lane.pending = lane.pending.saturating_sub(bytes);
        drop(lanes);
        self.shared.relieved.notify_all();
    }

    /// Nobody wants any more of it.
    pub fn abandon(&self) {
        let mut lanes = self.shared.lock();
        let lane = &mut lanes[self.index];
        lane.abandoned = true;
        lane.pending = 0;
        let unwanted = std::mem::take(&mut lane.blocks);
        drop(lanes);
        drop(unwanted);
        self.shared.relieved.notify_all();
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

impl PartialEq for Stream {
    fn eq(&self, other: &Self) -> bool {
        self.wake.as_raw_fd() == other.wake.as_raw_fd()
    }
}

impl Eq for Stream {}

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
        let lanes = Lanes::new();
        let stream = lanes.open().unwrap();
        assert!(matches!(stream.next(), Next::Wait));
        lanes.put(0, block(b"a"));
        lanes.put(0, block(b"b"));
        assert_eq!(text(stream.next()), Some(b"a".to_vec()));
        assert_eq!(text(stream.next()), Some(b"b".to_vec()));
        drop(lanes);
        assert_eq!(text(stream.next()), None);
    }

    #[test]
    fn a_full_lane_is_passed_over_and_an_abandoned_one_holds_nobody_up() {
        let lanes = Lanes::new();
        let streams = [lanes.open().unwrap(), lanes.open().unwrap()];
        assert_eq!(lanes.put_where_room(0, 2, block(b"aa")), 0);
        assert_eq!(lanes.put_where_room(0, 2, block(b"bb")), 1);
        streams[0].done(2);
        assert_eq!(lanes.put_where_room(1, 2, block(b"cc")), 0);
        streams[0].abandon();
        streams[1].abandon();
        assert_eq!(lanes.put_where_room(1, 2, block(b"dd")), 1);
        assert!(lanes.all_abandoned());
        assert!(matches!(streams[1].next(), Next::End));
    }
}
