//! What a job is fed through its standard input.

use std::fs::File;
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;

use crate::flow::block::Block;
use crate::flow::feed_queue::FeedQueue;

/// A job's standard input: a header that is repeated for each job, and its share of the input. Cheap to
/// clone: a job that is tried again is fed the same again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stdin {
    /// Comes first; may be empty.
    pub header: Arc<[u8]>,
    /// The rest.
    pub body: Body,
    /// Whether the joblog has how much it was: as in GNU parallel, only what passed through fanout counts.
    pub counts: bool,
}

impl Stdin {
    /// Whether it cannot be fed to a job again.
    pub fn comes_once(&self) -> bool {
        matches!(self.body, Body::Stream(_))
    }

    /// What a job is fed whose turn for a share of the input never came.
    pub fn that_never_comes() -> Self {
        Self {
            header: Arc::default(),
            body: Body::Nothing,
            counts: false,
        }
    }

    /// Whether the job's turn for a share of the input never came.
    pub fn never_comes(&self) -> bool {
        matches!(self.body, Body::Nothing)
    }

    /// Nobody wants any more of what still comes.
    pub fn abandon(&self) {
        if let Body::Stream(stream) = &self.body {
            stream.abandon();
        }
    }
}

/// A job's share of the input.
#[derive(Clone, Debug)]
pub enum Body {
    /// A block in memory.
    Block(Block),
    /// A part of a file, which nobody has read yet.
    Part {
        /// The file.
        file: Arc<File>,
        /// What the user calls it, where that names just this part's file.
        name: Option<Arc<Path>>,
        /// From where to where, in bytes.
        range: Range<u64>,
    },
    /// Blocks that come while the job runs. They come once only.
    Stream(FeedQueue),
    /// Nothing: others had all of the input before its turn came.
    Nothing,
}

impl PartialEq for Body {
    fn eq(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Block(one), Self::Block(other)) => one == other,
            (
                Self::Part {
                    file: one,
                    range: it,
                    ..
                },
                Self::Part { file, range, .. },
            ) => Arc::ptr_eq(one, file) && it == range,
            (Self::Stream(one), Self::Stream(other)) => one == other,
            (Self::Nothing, Self::Nothing) => true,
            _ => false,
        }
    }
}

impl Eq for Body {}
