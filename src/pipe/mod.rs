//! One stream or a few files, cut into pieces at record ends, each piece a job's standard input.
//!
//! * [`separator`]: where records end, and where a block of them may be cut;
//! * [`stream`]: blocks of a stream, read into shared buffers;
//! * [`part`]: blocks of regular files, as ranges that nobody has read yet;
//! * [`key`]: what `--group-by`, `--shard` and `--bin` look at;
//! * [`group`]: marks in the stream where the group changes;
//! * [`route`]: blocks to jobs that are fed while they run;
//! * [`limit`]: how long a record may be;
//! * [`source`]: standard input, files, and what decompresses them.
//!
//! The rules of where a block ends are GNU parallel 20221122's, learnt by trying it:
//!
//! - A stream's block is what was left of the one before and as much as is missing to the block size; it is
//!   cut at its last record end. Without one, the block size grows by 30 % and one byte, for good. What is
//!   left at the end of the stream is one block, however many records it has.
//! - A part of a file ends at the first record end that is at least the block size away from its begin.
//! - A separator that is searched for record by record (`-N`) is searched for from the second byte on.

pub mod group;
pub mod key;
pub mod limit;
pub mod part;
pub mod route;
pub mod separator;
pub mod source;
pub mod stream;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::flow::block::BufferPool;
use crate::model::{ArgList, Body, Job, Stdin, Work};
use crate::record::pattern::Pattern;
use group::Grouped;
use key::Key;
use limit::Limit;
use part::{FileBlocks, Parts};
use route::{Route, Router};
use separator::{Ends, Separator};
use source::Source;
use stream::{Blocks as _, Splitter};

/// How input becomes jobs.
#[derive(Debug, PartialEq)]
pub struct Config {
    /// What is cut: standard input or, if there are any, these files.
    pub files: Vec<PathBuf>,
    /// Whether blocks are parts of the files, as `--pipepart` has them, and not of a stream.
    pub parts: bool,
    /// Where records end.
    pub separator: Separator,
    /// How blocks begin and end, where separators are regexps.
    pub ends: Ends,
    /// How many records a job gets; `None`: as many as its block has.
    pub records: Option<usize>,
    /// Blocks hold a multiple of this many lines.
    pub lines: Option<usize>,
    /// How large a block is.
    pub block: BlockSize,
    /// Whether the first line is dropped: of each file where blocks are parts of them.
    pub skip_first_line: bool,
    /// What is repeated for each job.
    pub header: Option<Header>,
    /// Whether separators are taken out of what jobs get.
    pub remove_separators: bool,
    /// Whether blank lines are taken out.
    pub skip_blank: bool,
    /// After this time without input a block is complete.
    pub timeout: Option<Duration>,
    /// Records with the same key stay together.
    pub group_by: Option<Key>,
    /// Which job gets which block.
    pub route: Route,
    /// How many jobs run at a time.
    pub slots: usize,
    /// What a job has as its arguments when the inputs have no more, or why there is no job then.
    pub default_args: Result<ArgList, &'static str>,
    /// How much of one record is held in memory.
    pub limit: Limit,
}

/// How large a block is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BlockSize {
    /// So many bytes.
    Bytes(usize),
    /// As large as it takes to have so many for each slot.
    PerSlot(u64),
}

/// What of the input's beginning is repeated for each job.
#[derive(Clone, Debug, PartialEq)]
pub enum Header {
    /// So many lines.
    Lines(usize),
    /// What a regexp matches there.
    Regexp(Arc<Pattern>),
}

/// The arguments of the jobs, as far as there are any.
pub type Args = Box<dyn Iterator<Item = Result<ArgList, String>> + Send>;

/// Hears of what the user should know.
pub type Remark = Box<dyn Fn(&str) + Send>;

/// The jobs that an input makes.
pub struct Jobs {
    pieces: Pieces,
    args: Option<Args>,
    default_args: Result<ArgList, &'static str>,
    seq: u64,
    block: usize,
}

/// Where jobs' input comes from.
enum Pieces {
    /// Open, and waiting to know how many slots there are.
    Opened(Box<Opened>),
    /// Blocks in memory, one a job.
    Blocks(Box<Splitter>),
    /// Parts of a file that stand for a stream, one a job.
    FileBlocks(Box<FileBlocks>),
    /// Parts of files, one a job.
    Parts(Box<Parts>),
    /// Jobs that are fed while they run.
    Routed(Box<Router>),
    /// Whole files for each set of arguments.
    Whole(Stdin),
    Over,
}

/// An input that is not cut yet.
struct Opened {
    config: Config,
    source: Source,
    remark: Remark,
    /// Of `--tee`: how many jobs there are, counted up to one more than there were to be slots.
    jobs: usize,
}

impl Jobs {
    /// Opens the input. Where its pieces depend on how many slots there are, it goes on with
    /// [`begin`](Self::begin). `args` are the arguments of the jobs, if the command line has any.
    ///
    /// # Errors
    ///
    /// One line that names the file that cannot be read, or the option that cannot be used.
    pub fn open(config: Config, mut args: Option<Args>, remark: Remark) -> Result<Self, String> {
        let default_args = config.default_args.clone();
        let block = config.block_bytes();
        let mut jobs = 0;
        if let (Route::Tee, Some(all)) = (&config.route, &mut args) {
            let first: Vec<_> = all.by_ref().take(config.slots.saturating_add(1)).collect();
            jobs = first.len();
            if let Some(rest) = args.take() {
                args = Some(Box::new(first.into_iter().chain(rest)));
            }
        }
        let pieces = if matches!(config.route, Route::Tee) && args.is_none() {
            Pieces::Over
        } else {
            let mut source = Source::open(&config.files)?;
            if config.skip_first_line {
                source.skip_first_lines(if config.parts { usize::MAX } else { 1 })?;
            }
            let routed = !matches!(config.route, Route::EachBlock);
            // As GNU parallel: how large the blocks of files are is nobody's wish.
            let remark = if config.parts && routed {
                Box::new(|_: &str| {})
            } else {
                remark
            };
            let waits = routed || matches!(config.block, BlockSize::PerSlot(_));
            let opened = Opened {
                config,
                source,
                remark,
                jobs,
            };
            if waits {
                Pieces::Opened(Box::new(opened))
            } else {
                pieces(opened)?
            }
        };
        Ok(Self {
            pieces,
            args,
            default_args,
            seq: 0,
            block,
        })
    }

    /// The size of a block, where it is known; else what is usual.
    pub fn block_bytes(&self) -> usize {
        self.block
    }

    /// How many jobs there are at most, where their arguments were counted: those of `--tee`, if there is a slot for
    /// each of them.
    pub fn at_most(&self) -> Option<u64> {
        match &self.pieces {
            Pieces::Opened(opened) if matches!(opened.config.route, Route::Tee) => {
                (opened.jobs <= opened.config.slots).then_some(opened.jobs as u64)
            }
            _ => None,
        }
    }

    /// Whether the number of slots has to be known, and all of them must be there, before there are jobs.
    pub fn needs_slots(&self) -> bool {
        matches!(self.pieces, Pieces::Opened(_))
    }

    /// Cuts the input for so many slots. Called before the first job is asked for, where
    /// [`needs_slots`](Self::needs_slots) says so; else it is done for those that were planned.
    ///
    /// # Errors
    ///
    /// One line that names what cannot be read.
    pub fn begin(&mut self, slots: usize) -> Result<(), String> {
        match std::mem::replace(&mut self.pieces, Pieces::Over) {
            Pieces::Opened(mut opened) => {
                opened.config.slots = slots;
                self.pieces = pieces(*opened)?;
            }
            begun => self.pieces = begun,
        }
        Ok(())
    }

    /// Whether the next job can be had without waiting.
    pub fn ready(&self) -> bool {
        match &self.pieces {
            Pieces::Blocks(splitter) => splitter.ready(),
            Pieces::Opened(_) | Pieces::Routed(_) => false,
            Pieces::Parts(_) | Pieces::FileBlocks(_) | Pieces::Whole(..) | Pieces::Over => true,
        }
    }

    fn next_args(&mut self) -> Result<Option<ArgList>, String> {
        match &mut self.args {
            None => Ok(None),
            Some(args) => args.next().transpose(),
        }
    }

    fn next_job(&mut self) -> Result<Option<Work>, String> {
        if let Pieces::Opened(opened) = &self.pieces {
            let slots = opened.config.slots;
            self.begin(slots)?;
        }
        // Arguments decide how many jobs there are only where each of them gets everything.
        if let Pieces::Whole(..) = &self.pieces {
            let Some(args) = self.next_args()? else {
                return Ok(None);
            };
            let Pieces::Whole(stdin) = &self.pieces else {
                return Ok(None);
            };
            let stdin = stdin.clone();
            return Ok(Some(self.job(args, stdin)));
        }
        if let Pieces::Routed(router) = &mut self.pieces
            && router.is_tee()
        {
            let Some(args) = self.next_args()? else {
                let Pieces::Routed(router) = std::mem::replace(&mut self.pieces, Pieces::Over)
                else {
                    return Ok(None);
                };
                router.run()?;
                return Ok(None);
            };
            let Pieces::Routed(router) = &mut self.pieces else {
                return Ok(None);
            };
            let stdin = router.open_lane()?;
            return Ok(Some(self.job(args, stdin)));
        }
        let stdin = match &mut self.pieces {
            Pieces::Blocks(splitter) => splitter.next_block()?.map(|block| Stdin {
                header: splitter.header(),
                body: Body::Block(block),
                counts: true,
            }),
            Pieces::FileBlocks(blocks) => blocks.next_part()?,
            Pieces::Parts(parts) => parts.next_part()?,
            Pieces::Routed(router) => router.next_lane()?,
            Pieces::Opened(_) | Pieces::Whole(..) | Pieces::Over => None,
        };
        let Some(stdin) = stdin else {
            return self.empty_job();
        };
        let args = match self.next_args()? {
            Some(args) => args,
            None => self.default_args.clone()?,
        };
        Ok(Some(self.job(args, stdin)))
    }

    /// When the input is over: the job of arguments that have no share of it, if there is to be one.
    fn empty_job(&mut self) -> Result<Option<Work>, String> {
        if let Pieces::Routed(_) = &self.pieces
            && let Some(args) = self.next_args()?
            && let Pieces::Routed(router) = &mut self.pieces
            && let Some(stdin) = router.open_empty()
        {
            return Ok(Some(self.job(args, stdin)));
        }
        self.pieces = Pieces::Over;
        Ok(None)
    }

    fn job(&mut self, args: ArgList, stdin: Stdin) -> Work {
        self.seq += 1;
        let job = Job {
            seq: self.seq,
            args,
            after_all: false,
            bound: None,
        };
        Work {
            job: Arc::new(job),
            stdin: Some(stdin),
        }
    }
}

impl Iterator for Jobs {
    type Item = Result<Work, String>;

    fn next(&mut self) -> Option<Self::Item> {
        let next = self.next_job();
        if next.is_err() {
            self.pieces = Pieces::Over;
        }
        next.transpose()
    }
}

impl std::fmt::Debug for Jobs {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("pipe::Jobs")
    }
}

/// Cuts the input.
fn pieces(opened: Opened) -> Result<Pieces, String> {
    let Opened {
        mut config,
        mut source,
        remark,
        jobs,
    } = opened;
    let tee = matches!(config.route, Route::Tee);
    if let BlockSize::PerSlot(count) = config.block {
        let size = match part::total_size(&config.files) {
            Some(size) if config.parts => size,
            _ => source.make_regular()?,
        };
        let pieces = count.saturating_mul(config.slots as u64).max(1);
        // As GNU parallel: rounded down, and a byte more.
        let bytes = usize::try_from(size / pieces + 1).unwrap_or(usize::MAX);
        config.block = BlockSize::Bytes(bytes);
        if config.records.is_none() && matches!(config.route, Route::EachBlock) {
            config.parts = true;
        }
    }
    if tee {
        // Each job reads a file for itself; so does each of more jobs than can run at a time.
        if jobs > config.slots {
            source.make_regular()?;
        }
        if let Some((file, 0)) = source.regular() {
            let size = file.metadata().map_or(0, |meta| meta.len());
            let stdin = part::stdin(&Arc::from([]), &file, source.name(), 0..size);
            return Ok(Pieces::Whole(stdin));
        }
    }
    let routed = !matches!(config.route, Route::EachBlock);
    if config.parts && !routed && source.all_regular() {
        return Ok(Pieces::Parts(Box::new(Parts::new(config, source)?)));
    }
    let plain = config.group_by.is_none()
        && !config.remove_separators
        && !config.skip_blank
        && config.records.is_none()
        && config.lines.is_none()
        && matches!(config.separator, Separator::Fixed { .. });
    if plain
        && !routed
        && let Some((file, at)) = source.regular()
    {
        return FileBlocks::new(config, file, at, remark)
            .map(|it| Pieces::FileBlocks(Box::new(it)));
    }
    let slots = config.slots;
    let route = std::mem::replace(&mut config.route, Route::EachBlock);
    let group_by = config.group_by.take();
    let (count, size) = stream::buffers(config.slots, config.block_bytes(), &remark);
    let mut splitter = Splitter::new(config, source, BufferPool::new(count, size), size, remark);
    if let Some(key) = group_by {
        splitter.group(|source, header, limit| Grouped::new(source, key, header, limit))?;
    }
    if routed {
        return Ok(Pieces::Routed(Box::new(Router::new(
            splitter, route, slots,
        ))));
    }
    Ok(Pieces::Blocks(Box::new(splitter)))
}

impl Config {
    /// The block size, where it is a number of bytes.
    pub fn block_bytes(&self) -> usize {
        match self.block {
            BlockSize::Bytes(bytes) => bytes.max(1),
            BlockSize::PerSlot(_) => 1 << 20,
        }
    }
}
