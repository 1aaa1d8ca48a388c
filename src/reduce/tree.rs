//! Which outputs are merged next.

use std::collections::BTreeMap;

/// So many neighbours of the same height are merged in one go while more are to come: each byte goes through
/// log₈(jobs) merges.
const GROUP: usize = 8;

/// The most inputs of one merge.
const MOST: usize = 64;

/// What jobs in a row have written, merged into one.
#[derive(Debug)]
pub(super) struct Segment<T> {
    /// The numbers of the first and the last job.
    first: u64,
    last: u64,
    /// How many merges the highest branch has.
    height: u32,
    output: T,
}

/// Segments in a row that are to be merged.
#[derive(Debug)]
pub(super) struct Group<T>(Vec<Segment<T>>);

/// Where the result of a merge belongs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    first: u64,
    last: u64,
    height: u32,
}

/// The segments that wait to be merged, by the number of their first job.
#[derive(Debug)]
pub(super) struct Tree<T> {
    segments: BTreeMap<u64, Segment<T>>,
    /// The most inputs of a merge while more are to come, and of any.
    group: usize,
    most: usize,
}

impl<T> Segment<T> {
    /// What job number `seq` has written.
    pub(super) fn of_job(seq: u64, output: T) -> Self {
        Self {
            first: seq,
            last: seq,
            height: 0,
            output,
        }
    }
}

impl<T> Group<T> {
    pub(super) fn place(&self) -> Place {
        let ends = self.0.first().zip(self.0.last());
        let (first, last) = ends.map_or((0, 0), |(first, last)| (first.first, last.last));
        let height = self.0.iter().map(|segment| segment.height).max();
        Place {
            first,
            last,
            height: height.unwrap_or(0) + 1,
        }
    }

    /// The outputs, in their order.
    pub(super) fn into_outputs(self) -> Vec<T> {
        self.0.into_iter().map(|segment| segment.output).collect()
    }
}

impl Place {
    /// The segment that is here.
    pub(super) fn with<T>(self, output: T) -> Segment<T> {
        let Self {
            first,
            last,
            height,
        } = self;
        Segment {
            first,
            last,
            height,
            output,
        }
    }
}

impl<T> Tree<T> {
    /// An empty one whose merges have no more than `room` inputs, and two at least.
    pub(super) fn new(room: usize) -> Self {
        Self {
            segments: BTreeMap::new(),
            group: room.clamp(2, GROUP),
            most: room.clamp(2, MOST),
        }
    }

    pub(super) fn insert(&mut self, segment: Segment<T>) {
        self.segments.insert(segment.first, segment);
    }

    /// Whether there are more segments than one merge takes.
    pub(super) fn has_too_many(&self) -> bool {
        self.segments.len() > self.most
    }

    /// Takes neighbours that are to be merged now. When all is `over`, only as many as make the rest few enough
    /// for the last merge.
    pub(super) fn next_group(&mut self, over: bool) -> Option<Group<T>> {
        let wanted = if over { self.most } else { self.group };
        if over && !self.has_too_many() {
            return None;
        }
        let mut run: Vec<u64> = Vec::new();
        let mut before: Option<&Segment<T>> = None;
        for segment in self.segments.values() {
            // What has no output left a gap, and what is being merged will be back.
            let neighbours = |it: &Segment<T>| it.last + 1 == segment.first;
            let alike = |it: &Segment<T>| over || it.height == segment.height;
            if !before.is_some_and(|it| neighbours(it) && alike(it)) {
                run.clear();
            }
            run.push(segment.first);
            before = Some(segment);
            if run.len() == wanted {
                break;
            }
        }
        if run.len() < 2 || (run.len() < wanted && !over) {
            return None;
        }
        Some(Group(
            run.iter()
                .filter_map(|first| self.segments.remove(first))
                .collect(),
        ))
    }

    /// All that is left, in its order.
    pub(super) fn take_all(&mut self) -> Vec<T> {
        let segments = std::mem::take(&mut self.segments);
        segments
            .into_values()
            .map(|segment| segment.output)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn join(outputs: &[String]) -> String {
        outputs.concat()
    }

    #[test]
    fn neighbours_of_the_same_height_are_merged_in_groups() {
        let mut tree = Tree::new(MOST);
        for seq in (1..=20).filter(|seq| *seq != 3) {
            tree.insert(Segment::of_job(seq, seq));
        }
        let group = tree.next_group(false).unwrap();
        let place = group.place();
        assert_eq!(group.into_outputs(), (4..=11).collect::<Vec<_>>());
        let group = tree.next_group(false).unwrap();
        assert_eq!(group.into_outputs(), (12..=19).collect::<Vec<_>>());
        assert!(tree.next_group(false).is_none());
        tree.insert(Segment::of_job(3, 3));
        tree.insert(place.with(100));
        assert!(tree.next_group(false).is_none() && tree.next_group(true).is_none());
        assert_eq!(tree.take_all(), [1, 2, 3, 100, 20]);
    }

    proptest! {
        #[test]
        fn the_order_is_kept_whatever_comes_first(
            jobs in Just((1..=300_u64).collect::<Vec<_>>()).prop_shuffle(),
            late in 0..300_usize,
            room in 0..100_usize,
        ) {
            let mut tree = Tree::new(room);
            let mut waiting = Vec::new();
            for (at, seq) in jobs.iter().enumerate() {
                tree.insert(Segment::of_job(*seq, format!("{seq} ")));
                while let Some(group) = tree.next_group(false) {
                    let place = group.place();
                    waiting.push(place.with(join(&group.into_outputs())));
                    if at > late {
                        waiting.drain(..).for_each(|segment| tree.insert(segment));
                    }
                }
            }
            for segment in waiting {
                tree.insert(segment);
            }
            while tree.has_too_many() {
                let group = tree.next_group(true).unwrap();
                let place = group.place();
                tree.insert(place.with(join(&group.into_outputs())));
            }
            prop_assert!(tree.segments.len() <= MOST);
            let wanted: Vec<_> = (1..=300).map(|seq| format!("{seq} ")).collect();
            let wanted = join(&wanted);
            prop_assert_eq!(join(&tree.take_all()), wanted);
        }
    }
}
