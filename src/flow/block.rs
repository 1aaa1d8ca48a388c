//! Blocks of input: buffers that are filled once, shared without a copy, and used again.
//!
//! A [`BufferPool`] has a fixed number of buffers; whoever wants one when all are in use waits. That bounds
//! the memory of a run that splits its input, however fast the input comes.

use std::fmt;
use std::ops::Range;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Buffers larger than this many times the usual size are not kept for later.
const KEEP: usize = 2;

/// A number of buffers that are used again and again.
#[derive(Clone, Debug)]
pub struct BufferPool(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    returned: Condvar,
    /// The usual capacity of a buffer.
    size: usize,
}

#[derive(Debug)]
struct State {
    free: Vec<Vec<u8>>,
    /// How many more may be made.
    unmade: usize,
}

impl BufferPool {
    /// A pool of `count` buffers that usually hold `size` bytes; they are made when they are first used.
    pub fn new(count: usize, size: usize) -> Self {
        Self(Arc::new(Shared {
            state: Mutex::new(State {
                free: Vec::new(),
                unmade: count.max(1),
            }),
            returned: Condvar::new(),
            size,
        }))
    }

    /// How many buffers can be taken without waiting, if nobody else takes any.
    pub fn spare(&self) -> usize {
        let state = self.0.lock();
        state.free.len() + state.unmade
    }

    /// An empty buffer; waits until one is free.
    pub fn take(&self) -> Buffer {
        let mut state = self.0.lock();
        let bytes = loop {
            if let Some(bytes) = state.free.pop() {
                break bytes;
            }
            if state.unmade > 0 {
                state.unmade -= 1;
                break Vec::new();
            }
            state = self
                .0
                .returned
                .wait(state)
                .unwrap_or_else(PoisonError::into_inner);
        };
        drop(state);
        Buffer {
            bytes,
            pool: self.clone(),
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A buffer that goes back to its pool when dropped.
pub struct Buffer {
    /// Its content.
    pub bytes: Vec<u8>,
    pool: BufferPool,
}

impl fmt::Debug for Buffer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Buffer({} bytes)", self.bytes.len())
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.bytes);
        let shared = &self.pool.0;
        let mut state = shared.lock();
        if bytes.capacity() > shared.size.saturating_mul(KEEP) {
            state.unmade += 1;
        } else {
            bytes.clear();
            state.free.push(bytes);
        }
        drop(state);
        shared.returned.notify_one();
    }
}

/// A part of a buffer that is not changed any more.
#[derive(Clone, Debug)]
pub struct Block {
    buffer: Arc<Buffer>,
    range: Range<usize>,
}

impl Block {
    /// The part `range` of `buffer`.
    pub fn new(buffer: Arc<Buffer>, range: Range<usize>) -> Self {
        Self { buffer, range }
    }

    /// All of `buffer`.
    pub fn whole(buffer: Buffer) -> Self {
        let range = 0..buffer.bytes.len();
        Self::new(Arc::new(buffer), range)
    }

    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        &self.buffer.bytes[self.range.clone()]
    }
}

impl PartialEq for Block {
    fn eq(&self, other: &Self) -> bool {
        self.bytes() == other.bytes()
    }
}

impl Eq for Block {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_buffer_comes_back_empty_when_its_last_block_is_gone() {
        let pool = BufferPool::new(1, 16);
        let mut buffer = pool.take();
        buffer.bytes.extend_from_slice(b"abcdef");
        let buffer = Arc::new(buffer);
        let blocks = [
            Block::new(Arc::clone(&buffer), 0..2),
            Block::new(buffer, 2..6),
        ];
        assert_eq!(blocks[1].bytes(), b"cdef");
        let waiter = std::thread::spawn(move || pool.take().bytes.clone());
        drop(blocks);
        assert_eq!(waiter.join().unwrap(), b"");
    }

    #[test]
    fn a_buffer_that_grew_far_too_large_is_replaced() {
        let pool = BufferPool::new(1, 16);
        let mut buffer = pool.take();
        buffer.bytes.reserve(1000);
        drop(buffer);
        assert_eq!(pool.take().bytes.capacity(), 0);
    }
}
