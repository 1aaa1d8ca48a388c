//! Records to jobs: numbering and packing.
//!
//! [`Packing`] says how many records become one job: one, or a [`Batch`] of them, which ends at a number
//! of records (`-n`, `-N`, `-L`) or where the command line would become too long (`-m`, `-X`, `--xargs`,
//! `-s`). What several arguments do to the command line (`-n` repeats `{}` as `a b`, `-N` repeats the
//! word around it) is the template's concern; how long the line becomes, [`Measure`]'s.
//!
//! Rules learnt from GNU parallel 20221122:
//!
//! - A line is shorter than the limit: with `-s 10` it has at most 9 bytes.
//! - Sharing (`-m`, `-X`; not `--xargs`): the job during which the input ends, with *n* records, is
//!   not run so. Its records are shared among the slots: jobs of ⌈*n* / slots⌉ records each. A job that
//!   is full looks whether one more record comes; if none does, it is such a job, too.
//! - With `-L` and `-l` a record that ends with white space goes on in the next one.

use std::collections::VecDeque;
use std::fmt;
use std::num::NonZeroUsize;

use super::measure::Measure;
use crate::model::{ArgList, Job, Work};

/// How many records become one job.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Packing {
    /// One.
    #[default]
    One,
    /// One, but each of its arguments is empty (`-n 0`, `-N 0`).
    NoArgs,
    /// As many as a rule allows.
    Batch(Box<Batch>),
}

/// A rule for jobs of several records.
///
/// A record counts as one whatever the number of its sources, as in GNU parallel.
#[derive(Clone, Debug, PartialEq)]
pub struct Batch {
    /// The most records of a job; `None`: as many as the line has room for.
    pub most: Option<NonZeroUsize>,
    /// How long the line may become.
    pub limit: Limit,
    /// How many slots share the last job's records.
    pub share: Option<NonZeroUsize>,
    /// Whether each of its arguments is empty (`-X -N 0`).
    pub inserts_nothing: bool,
    /// Tells how long the line becomes.
    pub measure: Measure,
}

/// A limit on the length of command lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limit {
    /// Lines are shorter than this, in bytes.
    pub below: usize,
    /// Whether a record that is too long by itself is an error; else it gets a job of its own.
    pub strict: bool,
}

/// Why no further jobs can be made.
#[derive(Debug, PartialEq, Eq)]
pub enum PackError<E> {
    /// The records ended in an error.
    Records(E),
    /// A record needs a line that is longer than was allowed.
    TooLong {
        /// Of the line.
        len: usize,
        /// It should be shorter than this.
        limit: usize,
        /// Which record, from 1.
        record: u64,
        /// How its arguments begin.
        begin: Vec<u8>,
    },
}

impl<E: fmt::Display> fmt::Display for PackError<E> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Records(error) => error.fmt(f),
            Self::TooLong {
                len,
                limit,
                record,
                begin,
            } => {
                let begin = String::from_utf8_lossy(begin);
                write!(
                    f,
                    "Command line too long ({len} >= {limit}, --max-chars) at input {record}: {begin}"
                )
            }
        }
    }
}

/// The jobs that records make, numbered from 1. An error of the records ends it: the job that was
/// being packed is not given out.
#[derive(Debug)]
pub struct Jobs<R> {
    records: R,
    packing: Packing,
    seq: u64,
    over: bool,
    /// Records that were pulled and are in no job yet: the one that did not fit, or those to be shared.
    waiting: VecDeque<ArgList>,
    /// Once the last records are shared: how many each job gets.
    share: Option<usize>,
    pulled: u64,
    /// An input that is this is none, but stands between jobs.
    milestone: Option<Vec<u8>>,
    /// Whether a milestone comes before the next record, and before the next job.
    ahead: bool,
    passed: bool,
}

impl<R, E> Jobs<R>
where
    R: Iterator<Item = Result<ArgList, E>>,
{
    /// Packs `records`; pulls each only when its job is asked for.
    pub fn new(records: R, packing: Packing) -> Self {
        Self {
            records,
            packing,
            seq: 0,
            over: false,
            waiting: VecDeque::new(),
            share: None,
            pulled: 0,
            milestone: None,
            ahead: false,
            passed: false,
        }
    }

    /// With inputs that are milestones: a job after one of those starts when all before it are over.
    #[must_use]
    pub fn with_milestone(mut self, milestone: Option<Vec<u8>>) -> Self {
        self.milestone = milestone;
        self
    }

    /// Whether the next job can be had without waiting, if `ready` tells that of the next record.
    ///
    /// Of a batch nobody knows how many records it takes, so each is worth being sent at once.
    pub fn ready(&self, ready: impl Fn(&R) -> bool) -> bool {
        match self.packing {
            Packing::One | Packing::NoArgs => ready(&self.records),
            Packing::Batch(_) => self.over,
        }
    }

    fn pull(&mut self) -> Result<Option<ArgList>, E> {
        loop {
            let record = if self.over { None } else { self.records.next() };
            self.over = !matches!(record, Some(Ok(_)));
            let milestone = |record: &ArgList| {
                let wanted = self.milestone.as_deref();
                wanted.is_some_and(|wanted| record.iter().any(|arg| arg == wanted))
            };
            if !matches!(&record, Some(Ok(record)) if milestone(record)) {
                return record.transpose();
            }
            self.ahead = true;
        }
    }

    /// The next job is the first after the milestone.
    fn pass_milestone(&mut self) {
        self.passed |= std::mem::take(&mut self.ahead);
    }

    fn pack(&mut self) -> Result<Option<ArgList>, PackError<E>> {
        match &mut self.packing {
            Packing::One => {
                let record = self.pull().map_err(PackError::Records);
                self.pass_milestone();
                record
            }
            Packing::NoArgs => {
                let record = self.pull().map_err(PackError::Records)?;
                self.pass_milestone();
                Ok(record.map(|record| record.iter().map(|_| b"").collect()))
            }
            Packing::Batch(_) => {
                // Taken out for the time of packing, so that it can be used beside all else.
                let Packing::Batch(mut batch) = std::mem::take(&mut self.packing) else {
                    return Ok(None);
                };
                let packed = self.pack_batch(&mut batch);
                self.packing = Packing::Batch(batch);
                packed
            }
        }
    }

    fn pack_batch(&mut self, batch: &mut Batch) -> Result<Option<ArgList>, PackError<E>> {
        let mut job = self.fill(batch)?;
        if let (Some(slots), None) = (batch.share, self.share)
            && self.look_ahead()?.is_none()
        {
            let each = job.len().div_ceil(slots.get()).max(1);
            self.share = Some(each);
            self.waiting.extend(job.drain(each.min(job.len())..));
        }
        let mut records = job.into_iter();
        let Some(mut args) = records.next() else {
            return Ok(None);
        };
        records.for_each(|more| args.extend(&more));
        Ok(Some(args))
    }

    /// The records of the next job, as many as fit.
    fn fill(&mut self, batch: &mut Batch) -> Result<Vec<ArgList>, PackError<E>> {
        let most = batch.most.map_or(usize::MAX, NonZeroUsize::get);
        let most = most.min(self.share.unwrap_or(usize::MAX));
        let seq = self.seq + 1;
        let mut job = Vec::new();
        let mut len = 0_usize;
        while job.len() < most && self.look_ahead()?.is_some() {
            if self.ahead {
                if !job.is_empty() {
                    break;
                }
                self.pass_milestone();
            }
            let Some(record) = self.waiting.front_mut() else {
                break;
            };
            if batch.inserts_nothing {
                *record = record.iter().map(|_| b"").collect();
            }
            len += if job.is_empty() {
                batch.measure.alone(record, seq)
            } else {
                batch.measure.added(record, seq)
            };
            if len >= batch.limit.below {
                if !job.is_empty() {
                    break;
                }
                if batch.limit.strict {
                    return Err(self.too_long(len, batch.limit.below));
                }
            }
            job.extend(self.waiting.pop_front());
        }
        Ok(job)
    }

    fn too_long(&mut self, len: usize, limit: usize) -> PackError<E> {
        const SHOWN: usize = 50;
        let record = self.pulled + 1 - self.waiting.len() as u64;
        let args = self.waiting.pop_front().unwrap_or_default();
        self.waiting.clear();
        self.over = true;
        let mut begin = args.iter().collect::<Vec<_>>().join(&b' ');
        if begin.len() > SHOWN {
            begin.truncate(SHOWN);
            begin.extend_from_slice(b"...");
        }
        PackError::TooLong {
            len,
            limit,
            record,
            begin,
        }
    }

    /// The record that comes next.
    fn look_ahead(&mut self) -> Result<Option<&ArgList>, PackError<E>> {
        if self.waiting.is_empty() {
            let Some(record) = self.pull().map_err(PackError::Records)? else {
                return Ok(None);
            };
            self.pulled += 1;
            self.waiting.push_back(record);
        }
        Ok(self.waiting.front())
    }
}

impl<R, E> Jobs<R>
where
    R: Iterator<Item = Result<ArgList, E>>,
{
    /// The arguments of each job alone, for jobs that are made of something else, too.
    pub fn into_args(mut self) -> impl Iterator<Item = Result<ArgList, PackError<E>>> {
        std::iter::from_fn(move || self.pack().transpose())
    }
}

impl<R, E> Iterator for Jobs<R>
where
    R: Iterator<Item = Result<ArgList, E>>,
{
    type Item = Result<Work, PackError<E>>;

    fn next(&mut self) -> Option<Self::Item> {
        let args = self.pack().transpose()?;
        Some(args.map(|args| {
            self.seq += 1;
            Work::of(Job {
                seq: self.seq,
                args,
                after_all: std::mem::take(&mut self.passed),
                bound: None,
            })
        }))
    }
}

#[cfg(test)]
mod tests;
