//! Permits: what each attempt holds while it is out.
//!
//! A place gives a [`Permit`] for one attempt, and hands an attempt to its engine only in exchange for one; it keeps
//! the permit until the engine has answered that attempt. So what an attempt takes up while it is out is given back
//! at one moment and in one way: when its permit is dropped. Today that is its place in the window of attempts.
//!
//! Nobody outside of `run` can make a permit, and nobody can have one twice:
//!
//! ```compile_fail
//! use fanout::{model::PlaceId, run::permit::Permit};
//! let forged = Permit { seq: 1, place: PlaceId(0), window: Default::default() };
//! ```
//!
//! ```compile_fail
//! fn twice(permit: fanout::run::permit::Permit) -> [fanout::run::permit::Permit; 2] {
//!     [permit.clone(), permit]
//! }
//! ```

use std::cell::Cell;
use std::collections::VecDeque;
use std::rc::Rc;

use crate::model::PlaceId;

/// How many permits of a place are out.
#[derive(Debug, Default)]
pub(super) struct Window(Rc<Cell<usize>>);

impl Window {
    /// How many attempts have a permit.
    #[inline]
    pub(super) fn in_use(&self) -> usize {
        self.0.get()
    }

    /// A permit for an attempt at job number `seq`, at `place`, which has this window.
    #[inline]
    pub(super) fn permit(&self, place: PlaceId, seq: u64) -> Permit {
        self.0.set(self.0.get() + 1);
        let window = Rc::clone(&self.0);
        Permit { seq, place, window }
    }
}

/// The right of one attempt to be out at one place. Dropping it gives back what the attempt took up there.
#[derive(Debug)]
#[must_use]
pub struct Permit {
    /// The number of its job: no job has two attempts that are out.
    seq: u64,
    place: PlaceId,
    window: Rc<Cell<usize>>,
}

impl Permit {
    /// The number of the job that it is for.
    pub(super) fn seq(&self) -> u64 {
        self.seq
    }

    /// Where that may be out.
    pub(super) fn place(&self) -> PlaceId {
        self.place
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        self.window.set(self.window.get() - 1);
    }
}

/// The permits of the attempts that an engine has, in the order in which it got them. They are alike but for the
/// job, so their numbers are kept.
#[derive(Debug)]
pub(super) struct Out {
    window: Rc<Cell<usize>>,
    /// The number of each job, or [`GONE`] where one was; the first is there.
    seqs: VecDeque<u64>,
    /// Where the next to be given back is, if attempts are answered in their order.
    next: usize,
}

/// No job has this number.
const GONE: u64 = 0;

impl Out {
    /// No permits as yet of those that count in `window`.
    pub(super) fn of(window: &Window) -> Self {
        Self {
            window: Rc::clone(&window.0),
            seqs: VecDeque::new(),
            next: 0,
        }
    }

    /// Keeps the permit of an attempt that is handed over.
    #[inline]
    pub(super) fn keep(&mut self, permit: Permit) {
        self.seqs.push_back(permit.seq);
        self.window.set(self.window.get() + 1);
        drop(permit);
    }

    /// Gives back the permit of the attempt at job number `seq`. False: it is not out. Attempts are answered in about
    /// the order in which they were handed over, and those of one slot in that order: it is the next one, or among
    /// the first.
    #[inline]
    pub(super) fn give_back(&mut self, seq: u64) -> bool {
        let index = if self.seqs.get(self.next) == Some(&seq) {
            self.next
        } else if let Some(index) = self.seqs.iter().position(|it| *it == seq) {
            index
        } else {
            return false;
        };
        self.seqs[index] = GONE;
        self.next = index + 1;
        self.window.set(self.window.get() - 1);
        self.forget_first();
        true
    }

    /// Gives back the permits of the first `count` attempts.
    pub(super) fn give_back_first(&mut self, count: usize) {
        let mut given_back = 0;
        while given_back < count
            && let Some(seq) = self.seqs.pop_front()
        {
            given_back += usize::from(seq != GONE);
            self.next = self.next.saturating_sub(1);
        }
        self.window.set(self.window.get() - given_back);
        self.forget_first();
    }

    /// Forgets where those were that have gone, up to the first that is there.
    #[inline]
    fn forget_first(&mut self) {
        while self.seqs.front() == Some(&GONE) {
            self.seqs.pop_front();
            self.next = self.next.saturating_sub(1);
        }
    }
}

impl Drop for Out {
    fn drop(&mut self) {
        self.give_back_first(self.seqs.len());
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_permit_comes_back_once(
            turns in proptest::collection::vec((0..3_u8, 1..9_u64), 0..80),
        ) {
            let window = Window::default();
            let mut out = Out::of(&window);
            let mut seqs = Vec::new();
            for (what, which) in turns {
                match what {
                    0 if !seqs.contains(&which) => {
                        let permit = window.permit(PlaceId(0), which);
                        prop_assert_eq!(window.in_use(), seqs.len() + 1);
                        out.keep(permit);
                        seqs.push(which);
                    }
                    // A permit that is not used comes back, too.
                    0 => drop(window.permit(PlaceId(0), which)),
                    1 => {
                        prop_assert_eq!(out.give_back(which), seqs.contains(&which));
                        seqs.retain(|seq| *seq != which);
                    }
                    _ => {
                        out.give_back_first(1);
                        seqs.drain(..seqs.len().min(1));
                    }
                }
                prop_assert_eq!(window.in_use(), seqs.len());
            }
            drop(out);
            prop_assert_eq!(window.in_use(), 0);
        }
    }
}
