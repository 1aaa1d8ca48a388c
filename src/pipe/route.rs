//! Blocks to jobs that are fed while they run: in turn, to all, or by what is in each line.

use std::sync::Arc;

use super::key::{self, Key};
use super::stream::{Blocks, Splitter};
use crate::flow::block::{Block, Buffer, BufferPool};
use crate::flow::feed_queue::FeedQueues;
use crate::model::{Body, Stdin};

/// Which job gets which block.
#[derive(Debug, PartialEq)]
pub enum Route {
    /// Each block is a job of its own.
    EachBlock,
    /// A job a slot; the next block goes to the next job or, unless that `strict`ly matters, to the next that
    /// has room.
    RoundRobin {
        /// Whether jobs that are busy are waited for.
        strict: bool,
    },
    /// Each job gets all blocks.
    Tee,
    /// A job a slot; the hash of a line's key decides.
    Shard(Key),
    /// A job a slot; the number in a line's key decides.
    Bin(Key),
}

/// So much may wait for a job before its turn is given to another, in bytes.
const ROOM: usize = 64 << 10;
/// How much is gathered for a job, where lines go to different ones.
const GATHER: usize = 64 << 10;

/// Opens jobs' inputs and feeds them.
pub struct Router {
    splitter: Splitter,
    route: Route,
    lanes: FeedQueues,
    opened: usize,
    slots: usize,
}

impl Router {
    /// Routes the blocks of `splitter` to jobs in `slots`.
    pub fn new(splitter: Splitter, route: Route, slots: usize) -> Self {
        Self {
            splitter,
            route,
            lanes: FeedQueues::new(),
            opened: 0,
            slots,
        }
    }

    /// Whether each job gets everything.
    pub fn is_tee(&self) -> bool {
        matches!(self.route, Route::Tee)
    }

    /// The input of one more job.
    ///
    /// # Errors
    ///
    /// When there is no descriptor left, the header cannot be read, or it does not have the key's column.
    pub fn open_lane(&mut self) -> Result<Stdin, String> {
        self.splitter.find_header()?;
        if let Route::Shard(key) | Route::Bin(key) = &mut self.route {
            key.resolve(&self.splitter.header())?;
        }
        self.opened += 1;
        let lane = self.lanes.open();
        let lane = lane.map_err(|error| format!("cannot feed one more job: {error}"))?;
        let keeps_header = !matches!(self.route, Route::Shard(_) | Route::Bin(_));
        Ok(Stdin {
            header: if keeps_header {
                self.splitter.header()
            } else {
                // As GNU parallel: the header names the columns and goes nowhere.
                Arc::from([])
            },
            body: Body::Stream(lane),
            counts: matches!(self.route, Route::RoundRobin { .. }),
        })
    }

    /// The input of one more job when others have had all there was; `None`: there is no slot for it, or jobs
    /// without a share of the input are none.
    ///
    /// As GNU parallel, which runs it all the same.
    pub fn open_empty(&mut self) -> Option<Stdin> {
        let has_slot = self.opened < self.slots;
        let nothing = Stdin {
            header: Arc::from([]),
            body: Body::Nothing,
            counts: true,
        };
        (has_slot && matches!(self.route, Route::RoundRobin { .. })).then(|| {
            self.opened += 1;
            nothing
        })
    }

    /// The input of the next job. When all have begun, this feeds them until there is nothing more.
    ///
    /// # Errors
    ///
    /// When the input cannot be read.
    pub fn next_lane(&mut self) -> Result<Option<Stdin>, String> {
        if self.opened < self.slots {
            if let Route::RoundRobin { .. } = self.route {
                // A job without input is none, but for those that have arguments.
                let Some(block) = self.splitter.next_block()? else {
                    self.lanes = FeedQueues::new();
                    return Ok(None);
                };
                let stdin = self.open_lane()?;
                self.lanes.put(self.opened - 1, block);
                return Ok(Some(stdin));
            }
            return self.open_lane().map(Some);
        }
        let run = self.feed();
        // The jobs see the end of their input.
        self.lanes = FeedQueues::new();
        run.map(|()| None)
    }

    /// Feeds the jobs until there is nothing more.
    ///
    /// # Errors
    ///
    /// When the input cannot be read.
    pub fn run(mut self) -> Result<(), String> {
        self.feed()
    }

    fn feed(&mut self) -> Result<(), String> {
        match std::mem::replace(&mut self.route, Route::EachBlock) {
            Route::RoundRobin { strict } => self.in_turn(strict),
            Route::Tee | Route::EachBlock => self.all_to_each(),
            Route::Shard(key) => self.by_key(key, key::shard),
            Route::Bin(key) => self.by_key(key, key::bin),
        }
    }

    fn in_turn(&mut self, strict: bool) -> Result<(), String> {
        let mut turn = 0;
        while let Some(block) = self.splitter.next_block()? {
            if self.lanes.all_abandoned() {
                break;
            }
            if strict {
                self.lanes.put_when_below(turn, ROOM, block);
            } else {
                turn = self.lanes.put_where_room(turn, ROOM, block);
            }
            turn = (turn + 1) % self.opened;
        }
        Ok(())
    }

    fn all_to_each(&mut self) -> Result<(), String> {
        while let Some(block) = self.splitter.next_block()? {
            if self.lanes.all_abandoned() {
                break;
            }
            for lane in 0..self.opened {
                self.lanes.put(lane, block.clone());
            }
        }
        Ok(())
    }

    fn by_key(&mut self, mut key: Key, which: fn(&[u8], usize) -> usize) -> Result<(), String> {
        let count = self.opened;
        // One that is filled and one that is written for each job.
        let pool = BufferPool::new(2 * count + 1, GATHER);
        let mut gathered: Vec<Option<Buffer>> = (0..count).map(|_| None).collect();
        while let Some(block) = self.splitter.next_block()? {
            let lines = block.bytes().split_inclusive(|&byte| byte == b'\n');
            let lines: Vec<&[u8]> = lines.collect();
            let keys = key.of(&lines)?;
            for (line, key) in lines.iter().zip(keys) {
                let lane = which(&key, count);
                let place = &mut gathered[lane];
                let buffer = place.get_or_insert_with(|| pool.take());
                buffer.bytes.extend_from_slice(line);
                if buffer.bytes.len() >= GATHER
                    && let Some(full) = place.take()
                {
                    self.lanes.put_when_below(lane, GATHER, Block::whole(full));
                }
            }
            for (lane, place) in gathered.iter_mut().enumerate() {
                if let Some(some) = place.take() {
                    self.lanes.put_when_below(lane, GATHER, Block::whole(some));
                }
            }
            if self.lanes.all_abandoned() {
                break;
            }
        }
        Ok(())
    }
}
