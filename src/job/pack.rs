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
            })
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::{Batch, Jobs, Limit, PackError, Packing};
    use crate::job::measure::Measure;
    use crate::model::ArgList;
    use crate::template::{Quoting, Spread, Style, Syntax, Template, Values};
    use proptest::prelude::*;
    use std::num::NonZeroUsize;

    type Record = Result<ArgList, &'static str>;

    const UNLIMITED: Limit = Limit {
        below: usize::MAX,
        strict: false,
    };

    fn style(spread: Spread) -> Style {
        Style {
            quoting: Quoting::Posix,
            spread,
            bare: false,
        }
    }

    fn template(command: &str) -> Template {
        Template::command(&[command], false, &Syntax::default())
    }

    fn batch(command: &str, spread: Spread) -> Batch {
        Batch {
            most: None,
            limit: UNLIMITED,
            share: None,
            inserts_nothing: false,
            measure: Measure::new(template(command), style(spread), 1),
        }
    }

    fn of(records: usize) -> Packing {
        Packing::Batch(Box::new(Batch {
            most: NonZeroUsize::new(records),
            ..batch("echo", Spread::Join)
        }))
    }

    /// One record per text; its words are the arguments.
    fn records(texts: &[&str]) -> Vec<Record> {
        let split = |text: &&str| Ok(text.split_whitespace().collect());
        texts.iter().map(split).collect()
    }

    fn packed(records: Vec<Record>, packing: Packing) -> Vec<String> {
        let jobs = Jobs::new(records.into_iter(), packing);
        jobs.map(|job| match job {
            Ok(job) => {
                let args: Vec<_> = job.args().iter().map(String::from_utf8_lossy).collect();
                format!("{}: {}", job.seq(), args.join(" "))
            }
            Err(error) => error.to_string(),
        })
        .collect()
    }

    /// How many records each job gets of as many as `records` says.
    fn sizes(records: usize, batch: Batch) -> Vec<usize> {
        let numbers = (1..=records).map(|n| Ok::<_, ()>(ArgList::single(n.to_string().into())));
        Jobs::new(numbers, Packing::Batch(Box::new(batch)))
            .map(|job| job.unwrap().args().len())
            .collect()
    }

    #[test]
    fn records_of_several_sources_count_as_one() {
        let product = || records(&["a 1", "a 2", "b 1", "b 2"]);
        assert_eq!(packed(product(), of(3)), ["1: a 1 a 2 b 1", "2: b 2"]);
        for packing in [of(1), Packing::One] {
            assert_eq!(
                packed(product(), packing),
                ["1: a 1", "2: a 2", "3: b 1", "4: b 2"]
            );
        }
        assert_eq!(
            packed(product(), Packing::NoArgs),
            ["1:  ", "2:  ", "3:  ", "4:  "]
        );
    }

    #[test]
    fn an_error_ends_the_jobs_and_drops_the_unfinished_one() {
        let mut broken = records(&["a", "b", "c", "d"]);
        broken.insert(3, Err("lost"));
        assert_eq!(packed(broken, of(2)), ["1: a b", "lost"]);
    }

    #[test]
    fn nothing_is_pulled_after_the_end() {
        let mut ended = false;
        let records = std::iter::from_fn(|| {
            assert!(!std::mem::replace(&mut ended, true), "pulled after the end");
            None::<Record>
        });
        let mut jobs = Jobs::new(records, of(3));
        assert!(jobs.next().is_none() && jobs.next().is_none());
    }

    #[test]
    fn the_last_records_are_shared_as_gnu_parallel_does() {
        let shared = |records, slots, most| {
            let share = NonZeroUsize::new(slots);
            let most = NonZeroUsize::new(most);
            let batch = batch("echo", Spread::Join);
            sizes(
                records,
                Batch {
                    most,
                    share,
                    ..batch
                },
            )
        };
        for (records, slots, want) in [
            (4, 3, &[2, 2][..]),
            (6, 5, &[2, 2, 2]),
            (8, 3, &[3, 3, 2]),
            (11, 7, &[2, 2, 2, 2, 2, 1]),
            (1, 4, &[1]),
            (0, 4, &[]),
        ] {
            assert_eq!(shared(records, slots, 0), want, "{records} in {slots}");
        }
        assert_eq!(shared(7, 2, 5), [5, 1, 1]);
        assert_eq!(shared(10, 2, 5), [5, 3, 2]);
        assert_eq!(shared(9, 2, 4), [4, 4, 1]);
    }

    #[test]
    fn lines_are_shorter_than_the_limit() {
        let limited = |command, spread, below| {
            let limit = Limit {
                below,
                strict: true,
            };
            sizes(
                13,
                Batch {
                    limit,
                    ..batch(command, spread)
                },
            )
        };
        // Each row as GNU parallel packs 1 to 13.
        for (command, spread, below, want) in [
            ("echo", Spread::Join, 16, &[5, 5, 3][..]),
            ("echo x{}", Spread::Repeat, 12, &[2, 2, 2, 2, 2, 1, 1, 1]),
            ("echo {1} x{2}", Spread::Repeat, 20, &[3, 3, 3, 3, 1]),
            ("echo {#}", Spread::Repeat, 20, &[7, 6]),
            ("echo {}-{}", Spread::Join, 20, &[3, 3, 3, 2, 2]),
        ] {
            assert_eq!(
                limited(command, spread, below),
                want,
                "{command} below {below}"
            );
        }
    }

    #[test]
    fn a_record_that_is_too_long_by_itself_is_an_error_if_the_limit_was_asked_for() {
        let limited = |strict| {
            let limit = Limit { below: 10, strict };
            Packing::Batch(Box::new(Batch {
                limit,
                ..batch("echo", Spread::Join)
            }))
        };
        let texts = || records(&["1", "2", "333333", "4"]);
        assert_eq!(
            packed(texts(), limited(false)),
            ["1: 1 2", "2: 333333", "3: 4"]
        );
        let strict = packed(texts(), limited(true));
        assert_eq!(
            strict,
            [
                "1: 1 2",
                "Command line too long (11 >= 10, --max-chars) at input 3: 333333"
            ]
        );
    }

    proptest! {
        #[test]
        fn all_jobs_together_are_all_records_in_order(
            records in prop::collection::vec(prop::collection::vec("[a-z' ]{0,5}", 1..4), 0..40),
            most in 0..6_usize,
            below in 12..60_usize,
            slots in 0..5_usize,
            command in prop::sample::select(&["echo", "echo x{}y", "e {} {.}z\t{/}", "x={};{#}{%}", "'{}'"][..]),
            spread in prop::sample::select(&[Spread::Join, Spread::Repeat][..]),
        ) {
            let list = |record: &Vec<String>| Ok::<ArgList, ()>(record.iter().collect());
            let packing = Packing::Batch(Box::new(Batch {
                most: NonZeroUsize::new(most),
                limit: Limit { below, strict: false },
                share: NonZeroUsize::new(slots),
                ..batch(command, spread)
            }));
            let jobs: Vec<_> = Jobs::new(records.iter().map(list), packing).map(Result::unwrap).collect();
            let widths: Vec<usize> = records.iter().map(Vec::len).collect();
            let mut args = ArgList::new();
            for (index, job) in jobs.iter().enumerate() {
                prop_assert_eq!(job.seq(), index as u64 + 1);
                let single = widths.iter().any(|&width| width == job.args().len());
                let mut line = Vec::new();
                let values = Values { args: job.args(), seq: job.seq(), slot: 1, total: 0, slots: 1, evaluated: &[] };
                template(command).render(values, style(spread), &mut line);
                prop_assert!(line.len() < below || single, "{:?}", String::from_utf8_lossy(&line));
                args.extend(job.args());
            }
            prop_assert_eq!(args, records.iter().flatten().collect::<ArgList>());
        }

        #[test]
        fn a_strict_limit_gives_the_jobs_before_the_record_that_breaks_it(
            lengths in prop::collection::vec(0..12_usize, 1..30),
        ) {
            let limit = Limit { below: 14, strict: true };
            let records = lengths.iter().map(|&len| Ok::<_, ()>(ArgList::single(vec![b'x'; len.max(1)])));
            let packing = Packing::Batch(Box::new(Batch { limit, ..batch("echo", Spread::Join) }));
            let jobs: Vec<_> = Jobs::new(records, packing).collect();
            let first_long = lengths.iter().position(|&len| len.max(1) + 5 >= 14);
            let packed: usize = jobs.iter().flatten().map(|job| job.args().len()).sum();
            prop_assert_eq!(packed, first_long.unwrap_or(lengths.len()));
            let record = first_long.map(|at| at as u64 + 1);
            let named = jobs.last().and_then(|job| match job {
                Err(PackError::TooLong { record, .. }) => Some(*record),
                _ => None,
            });
            prop_assert_eq!(named, record);
        }
    }
}
