//! The same on each host (`--onall`, `--nonall`): jobs for each of them, and output that is tagged with its name.

use std::collections::VecDeque;
use std::sync::Arc;

use crate::model::{Bound, Command, Job, PlaceId, RenderJob, SpawnError, Work};
use crate::sys::tty::Until;

/// Each job of a source at each of several places. All jobs are read before the first is given out.
///
/// Those for one place have numbers in a row, so that output in the order of jobs is together for each place; they come
/// by turns, so that no place waits until another is done.
#[derive(Debug)]
pub(super) struct AtEach<J> {
    source: Option<J>,
    places: Vec<Arc<[PlaceId]>>,
    jobs: VecDeque<Work>,
    /// How many jobs each place gets.
    of_each: u64,
    /// The place that the first job goes to next.
    next: usize,
}

impl<J, E> AtEach<J>
where
    J: Iterator<Item = Result<Work, E>>,
{
    /// The jobs of `source` at each of so many places.
    pub(super) fn new(source: J, places: usize) -> Self {
        Self {
            source: Some(source),
            places: (0..places).map(|place| [PlaceId(place)].into()).collect(),
            jobs: VecDeque::new(),
            of_each: 0,
            next: 0,
        }
    }

    /// Whether the next job can be had without waiting.
    pub(super) fn ready(&self) -> bool {
        self.source.is_none()
    }
}

impl<J, E> Iterator for AtEach<J>
where
    J: Iterator<Item = Result<Work, E>>,
{
    type Item = Result<Work, E>;

    fn next(&mut self) -> Option<Self::Item> {
        if let Some(source) = self.source.take() {
            for work in source {
                match work {
                    Ok(work) => self.jobs.push_back(work),
                    Err(why) => return Some(Err(why)),
                }
            }
            self.of_each = self.jobs.len() as u64;
        }
        let first = self.jobs.front()?;
        let place = self.next;
        let number = first.job.seq;
        let work = Work {
            job: Arc::new(Job {
                seq: place as u64 * self.of_each + number,
                args: first.job.args.clone(),
                after_all: false,
                bound: Some(Box::new(Bound {
                    places: Arc::clone(&self.places[place]),
                    number,
                })),
            }),
            stdin: first.stdin.clone(),
        };
        self.next = (self.next + 1) % self.places.len();
        if self.next == 0 {
            self.jobs.pop_front();
        }
        Some(Ok(work))
    }
}

/// Makes jobs ready as another does, with the names of places as tags.
pub(super) struct HostTags {
    pub(super) prepare: Arc<dyn RenderJob>,
    /// By the numbers of places.
    pub(super) names: Vec<Vec<u8>>,
}

impl HostTags {
    fn tagged(&self, work: &Work, mut command: Command) -> Command {
        let place = work
            .job
            .bound
            .as_ref()
            .and_then(|bound| bound.places.first());
        if let Some(name) = place.and_then(|place| self.names.get(place.0)) {
            command.tag = Some(name.clone());
        }
        command
    }
}

impl RenderJob for HostTags {
    fn prepare(&self, work: &Work, slot: usize) -> Result<Command, SpawnError> {
        Ok(self.tagged(work, self.prepare.prepare(work, slot)?))
    }

    fn prepare_until(
        &self,
        work: &Work,
        slot: usize,
        until: Until<'_>,
    ) -> Result<Command, SpawnError> {
        let command = self.prepare.prepare_until(work, slot, until)?;
        Ok(self.tagged(work, command))
    }

    fn is_repeatable(&self) -> bool {
        self.prepare.is_repeatable()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::ArgList;

    fn jobs(count: u64) -> impl Iterator<Item = Result<Work, String>> {
        (1..=count).map(|seq| {
            Ok(Work::of(Job {
                seq,
                args: ArgList::single(seq.to_string().into_bytes()),
                after_all: false,
                bound: None,
            }))
        })
    }

    #[test]
    fn each_job_comes_once_for_each_place_by_turns() {
        let at_each: Vec<_> = AtEach::new(jobs(2), 3)
            .map(|work| {
                let job = work.unwrap().job;
                let bound = job.bound.clone().unwrap();
                (job.seq, bound.places[0].0, bound.number)
            })
            .collect();
        let expected = [
            (1, 0, 1),
            (3, 1, 1),
            (5, 2, 1),
            (2, 0, 2),
            (4, 1, 2),
            (6, 2, 2),
        ];
        assert_eq!(at_each, expected);
        assert!(AtEach::new(jobs(0), 3).next().is_none());
    }

    #[test]
    fn an_input_that_fails_is_told() {
        let jobs = jobs(1).chain([Err("broken".to_owned())]);
        let mut at_each = AtEach::new(jobs, 2);
        assert_eq!(
            at_each.next().unwrap().map(|_| ()),
            Err("broken".to_owned())
        );
    }
}
