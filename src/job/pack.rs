//! Records to jobs: numbering and packing.
//!
//! Each way of packing is a variant of [`Packing`]; what it does to the command line (`-n` repeats `{}`
//! as `a b`, `-N` repeats the word around it) is the template's concern. Packings that depend on the
//! length of the command line or on the text of a record (`-L`, `-X`, `-m`, `-s`, `-x`) belong here too.

use std::num::NonZeroUsize;

use crate::model::{ArgList, Job};

/// How many records become one job.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Packing {
    /// This many, and the last job what is left (`-n N`, `-N N`; 1 without them).
    ///
    /// A record counts as one whatever the number of its sources, as in GNU parallel.
    Records(NonZeroUsize),
    /// One, but the job gets none of its arguments (`-n 0`, `-N 0`).
    NoArgs,
}

impl Packing {
    /// What `-n N` and `-N N` mean.
    pub fn per_job(records: usize) -> Self {
        NonZeroUsize::new(records).map_or(Self::NoArgs, Self::Records)
    }

    /// How many jobs that many records make.
    pub fn jobs(self, records: u64) -> u64 {
        match self {
            Self::Records(per_job) => records.div_ceil(per_job.get() as u64),
            Self::NoArgs => records,
        }
    }
}

impl Default for Packing {
    fn default() -> Self {
        Self::per_job(1)
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
        }
    }

    /// The records that are left.
    pub fn records(&self) -> &R {
        &self.records
    }

    fn pull(&mut self) -> Result<Option<ArgList>, E> {
        let record = if self.over { None } else { self.records.next() };
        self.over = !matches!(record, Some(Ok(_)));
        record.transpose()
    }

    fn pack(&mut self) -> Result<Option<ArgList>, E> {
        let Some(mut args) = self.pull()? else {
            return Ok(None);
        };
        match self.packing {
            Packing::NoArgs => Ok(Some(ArgList::new())),
            Packing::Records(per_job) => {
                for _ in 1..per_job.get() {
                    match self.pull()? {
                        Some(more) => args.extend(&more),
                        None => break,
                    }
                }
                Ok(Some(args))
            }
        }
    }
}

impl<R, E> Iterator for Jobs<R>
where
    R: Iterator<Item = Result<ArgList, E>>,
{
    type Item = Result<Job, E>;

    fn next(&mut self) -> Option<Self::Item> {
        let args = self.pack().transpose()?;
        Some(args.map(|args| {
            self.seq += 1;
            Job {
                seq: self.seq,
                args,
            }
        }))
    }
}

#[cfg(test)]
mod tests {
    use super::{Jobs, Packing};
    use crate::model::ArgList;
    use proptest::prelude::*;

    type Record = Result<ArgList, &'static str>;

    /// One record per text; its words are the arguments.
    fn records(texts: &[&str]) -> Vec<Record> {
        let split = |text: &&str| Ok(text.split_whitespace().collect());
        texts.iter().map(split).collect()
    }

    fn packed(records: Vec<Record>, per_job: usize) -> Vec<String> {
        let jobs = Jobs::new(records.into_iter(), Packing::per_job(per_job));
        jobs.map(|job| match job {
            Ok(job) => {
                let args: Vec<_> = job.args.iter().map(String::from_utf8_lossy).collect();
                format!("{}: {}", job.seq, args.join(" "))
            }
            Err(error) => error.to_owned(),
        })
        .collect()
    }

    #[test]
    fn records_of_several_sources_count_as_one() {
        let product = || records(&["a 1", "a 2", "b 1", "b 2"]);
        assert_eq!(packed(product(), 3), ["1: a 1 a 2 b 1", "2: b 2"]);
        assert_eq!(
            packed(product(), 1),
            ["1: a 1", "2: a 2", "3: b 1", "4: b 2"]
        );
        assert_eq!(packed(product(), 0), ["1: ", "2: ", "3: ", "4: "]);
    }

    #[test]
    fn an_error_ends_the_jobs_and_drops_the_unfinished_one() {
        let mut broken = records(&["a", "b", "c", "d"]);
        broken.insert(3, Err("lost"));
        assert_eq!(packed(broken, 2), ["1: a b", "lost"]);
    }

    #[test]
    fn nothing_is_pulled_after_the_end() {
        let mut ended = false;
        let records = std::iter::from_fn(|| {
            assert!(!std::mem::replace(&mut ended, true), "pulled after the end");
            None::<Record>
        });
        let mut jobs = Jobs::new(records, Packing::per_job(3));
        assert!(jobs.next().is_none() && jobs.next().is_none());
    }

    proptest! {
        #[test]
        fn all_jobs_together_are_all_records_in_order(
            records in prop::collection::vec(prop::collection::vec("[a-z]{0,3}", 1..4), 0..20),
            per_job in 1..6_usize,
        ) {
            let list = |record: &Vec<String>| Ok::<ArgList, ()>(record.iter().collect());
            let packing = Packing::per_job(per_job);
            let jobs: Vec<_> = Jobs::new(records.iter().map(list), packing).map(Result::unwrap).collect();
            prop_assert_eq!(jobs.len() as u64, packing.jobs(records.len() as u64));
            let mut args = ArgList::new();
            for (index, job) in jobs.iter().enumerate() {
                prop_assert_eq!(job.seq, index as u64 + 1);
                args.extend(&job.args);
            }
            prop_assert_eq!(args, records.iter().flatten().collect::<ArgList>());
        }
    }
}
