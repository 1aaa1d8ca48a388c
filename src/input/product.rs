//! Every combination of the sources' arguments, the last source varying fastest.

use super::error::InputError;
use super::link::{Group, Links};
use super::source::Streams;
use crate::model::ArgList;

/// The rows of a product of groups of linked sources.
///
/// It works like an odometer whose wheels are made while they turn for the first time: each group's rows
/// are read when they are first needed and then kept for the next turn, except those of the first group,
/// which never turns back. So jobs start at once even when a source never ends.
#[derive(Debug)]
pub(super) struct Product {
    streams: Streams,
    wheels: Vec<Wheel>,
    started: bool,
}

#[derive(Debug)]
struct Wheel {
    group: Group,
    /// The rows read so far; of the first group, only the current one.
    rows: Vec<ArgList>,
    current: usize,
    complete: bool,
    keeps: bool,
}

impl Product {
    pub(super) fn new(streams: Streams, links: &Links) -> Self {
        let mut groups: Vec<Group> = Vec::new();
        for source in 0..links.len() {
            match groups.last_mut() {
                Some(group) if links.with_previous(source) => group.link(source),
                _ => groups.push(Group::new(source, links.wrap)),
            }
        }
        let wheel = |(index, group)| {
            let keeps = index > 0;
            Wheel {
                group,
                rows: Vec::new(),
                current: 0,
                complete: false,
                keeps,
            }
        };
        let wheels = groups.into_iter().enumerate().map(wheel).collect();
        Self {
            streams,
            wheels,
            started: false,
        }
    }

    /// Whether the next row can be had without waiting for somebody to write it.
    pub(super) fn ready(&self) -> bool {
        self.streams.ready()
    }

    /// The next row.
    pub(super) fn next(&mut self) -> Result<Option<ArgList>, InputError> {
        if !self.started {
            self.started = true;
            return self.first();
        }
        for wheel in self.wheels.iter_mut().rev() {
            if wheel.turn(&mut self.streams)? {
                return Ok(Some(self.row()));
            }
            wheel.current = 0;
        }
        Ok(None)
    }

    fn first(&mut self) -> Result<Option<ArgList>, InputError> {
        let sources = 0..self.streams.of_source.len();
        let heads = sources
            .map(|source| self.streams.pull(source))
            .collect::<Result<Vec<_>, _>>()?;
        if heads.iter().all(Option::is_none) {
            return Ok(None);
        }
        for wheel in &mut self.wheels {
            wheel.rows.push(wheel.group.first_row(&heads));
        }
        Ok(Some(self.row()))
    }

    fn row(&self) -> ArgList {
        let mut row = ArgList::new();
        for wheel in &self.wheels {
            row.extend(&wheel.rows[wheel.current]);
        }
        row
    }
}

impl Wheel {
    /// Goes to the next row; `false` when there is none.
    fn turn(&mut self, streams: &mut Streams) -> Result<bool, InputError> {
        if self.complete {
            self.current += 1;
            return Ok(self.current < self.rows.len());
        }
        let Some(row) = self.group.next_row(streams)? else {
            self.complete = true;
            return Ok(false);
        };
        if !self.keeps {
            self.rows.clear();
        }
        self.rows.push(row);
        self.current = self.rows.len() - 1;
        Ok(true)
    }
}
