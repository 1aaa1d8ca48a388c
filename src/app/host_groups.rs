//! Inputs that say where their jobs run (`--hostgroups`): `INPUT@GROUP[+GROUP…]`.

use std::collections::BTreeSet;
use std::sync::Arc;

use crate::hosts::Host;
use crate::model::{ArgList, Bound, Job, PlaceId, Work};

/// The jobs of a source, without what their inputs say of groups, and each bound to the hosts of these.
#[derive(Debug)]
pub(super) struct InGroups<J> {
    source: J,
    hosts: Vec<Host>,
}

impl<J> InGroups<J> {
    /// The jobs of `source`. With no `hosts`, or none but one place, they run wherever there is a slot.
    pub(super) fn new(source: J, hosts: Vec<Host>) -> Self {
        Self { source, hosts }
    }

    pub(super) fn source(&self) -> &J {
        &self.source
    }

    /// `work`, bound to the hosts that its inputs name.
    fn bound(&self, work: &Work) -> Result<Work, String> {
        let job = &work.job;
        let mut args = ArgList::new();
        let mut places = BTreeSet::new();
        let mut names_groups = false;
        for arg in job.args.iter() {
            let at = arg.iter().position(|&byte| byte == b'@');
            let (input, groups) = at.map_or((arg, None), |at| (&arg[..at], Some(&arg[at + 1..])));
            args.push(input);
            if let Some(groups) = groups {
                names_groups = true;
                places.extend(self.places(groups).map_err(|group| {
                    let [arg, group] = [arg, group].map(String::from_utf8_lossy);
                    format!("input {arg}: no host is in group {group} (--hostgroups)")
                })?);
            }
        }
        let places: Arc<[PlaceId]> = places.into_iter().collect();
        let bound = (names_groups && !self.hosts.is_empty()).then(|| {
            Box::new(Bound {
                places,
                number: job.seq,
            })
        });
        Ok(Work {
            job: Arc::new(Job {
                seq: job.seq,
                args,
                after_all: job.after_all,
                bound,
            }),
            stdin: work.stdin.clone(),
        })
    }

    /// The places of the hosts in any of `groups`, or a group that none is in.
    fn places<'a>(&self, groups: &'a [u8]) -> Result<BTreeSet<PlaceId>, &'a [u8]> {
        let mut places = BTreeSet::new();
        if self.hosts.is_empty() {
            return Ok(places);
        }
        for group in groups.split(|&byte| byte == b'+') {
            let hosts = self.hosts.iter().enumerate();
            let in_group = hosts.filter(|(_, host)| host.is_in(group));
            let mut in_group = in_group.map(|(place, _)| PlaceId(place)).peekable();
            if in_group.peek().is_none() {
                return Err(group);
            }
            places.extend(in_group);
        }
        Ok(places)
    }
}

impl<J> Iterator for InGroups<J>
where
    J: Iterator<Item = Result<Work, String>>,
{
    type Item = Result<Work, String>;

    fn next(&mut self) -> Option<Self::Item> {
        Some(self.source.next()?.and_then(|work| self.bound(&work)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hosts::HostSources;

    fn job(args: &[&str], list: &str) -> Result<(String, Option<Vec<usize>>), String> {
        let sources = HostSources {
            lists: vec![list.into()],
            files: Vec::new(),
        };
        let mut given = ArgList::new();
        for arg in args {
            given.push(arg.as_bytes());
        }
        let work = Work::of(Job {
            seq: 1,
            args: given,
            after_all: false,
            bound: None,
        });
        let mut jobs = InGroups::new([Ok(work)].into_iter(), sources.read().unwrap());
        let job = jobs.next().unwrap()?.job;
        let args = job.args.iter().map(String::from_utf8_lossy);
        let bound = job.bound.as_ref();
        let places = bound.map(|bound| bound.places.iter().map(|place| place.0).collect());
        Ok((args.collect::<Vec<_>>().join(" "), places))
    }

    #[test]
    fn inputs_are_bound_to_the_hosts_of_their_groups() {
        let hosts = "@g/a,@g+h/b,c";
        for (args, left, places) in [
            (&["x"][..], "x", None),
            (&["x@g"], "x", Some(vec![0, 1])),
            (&["x@h"], "x", Some(vec![1])),
            (&["x@h+c"], "x", Some(vec![1, 2])),
            (&["x@c", "y"], "x y", Some(vec![2])),
            (&["x@c", "y@a"], "x y", Some(vec![0, 2])),
        ] {
            assert_eq!(job(args, hosts), Ok((left.to_owned(), places)), "{args:?}");
        }
        assert_eq!(job(&["x@g"], ""), Ok(("x".to_owned(), None)));
        let why = job(&["x@none"], hosts).unwrap_err();
        assert!(
            why.starts_with("input x@none: no host is in group none"),
            "{why}"
        );
    }
}
