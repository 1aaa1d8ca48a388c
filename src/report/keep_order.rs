//! Putting back into order what finishes in any order: `-k`.

use std::collections::VecDeque;

/// Holds items until all that come before them have been released.
///
/// Positions count from 1, and each is put in exactly once. Holds no more than the distance between
/// the slowest item and the fastest.
#[derive(Debug)]
pub struct KeepOrder<T> {
    /// The position of the front of `waiting`.
    next: u64,
    waiting: VecDeque<Option<T>>,
    /// How many items are in it.
    held: u64,
}

impl<T> Default for KeepOrder<T> {
    fn default() -> Self {
        Self {
            next: 1,
            waiting: VecDeque::new(),
            held: 0,
        }
    }
}

impl<T> KeepOrder<T> {
    /// Nothing held, position 1 is next.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes the item at position `seq`. A position whose turn is over is not waited for again: its item comes
    /// next.
    pub fn push(&mut self, seq: u64, item: T) {
        self.held += 1;
        let Some(ahead) = seq.checked_sub(self.next) else {
            self.next -= 1;
            self.waiting.push_front(Some(item));
            return;
        };
        let ahead = ahead as usize;
        if self.waiting.len() <= ahead {
            self.waiting.resize_with(ahead + 1, || None);
        }
        self.waiting[ahead] = Some(item);
    }

    /// The next item in order, if it is there.
    pub fn pop(&mut self) -> Option<T> {
        let item = self.waiting.front_mut()?.take()?;
        self.waiting.pop_front();
        self.held -= 1;
        self.next += 1;
        Some(item)
    }

    /// How many items are held.
    pub fn held(&self) -> u64 {
        self.held
    }

    /// The position that is waited for.
    pub fn next(&self) -> u64 {
        self.next
    }

    /// The next `count` items will not come, since they are dealt with; none of them is held.
    pub fn skip(&mut self, count: usize) {
        self.next += count as u64;
        self.waiting.drain(..count.min(self.waiting.len()));
    }

    /// All that is held, in order, whatever is missing between.
    pub fn drain(&mut self) -> impl Iterator<Item = T> {
        self.next += self.waiting.len() as u64;
        self.held = 0;
        self.waiting.drain(..).flatten()
    }

    /// Whether nothing is held.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::KeepOrder;
    use proptest::prelude::*;

    #[test]
    fn waits_for_the_first() {
        let mut order = KeepOrder::new();
        order.push(2, 'b');
        assert_eq!(order.pop(), None);
        order.push(1, 'a');
        assert_eq!(
            (order.pop(), order.pop(), order.pop()),
            (Some('a'), Some('b'), None)
        );
        assert!(order.is_empty());
    }

    #[test]
    fn what_was_dealt_with_elsewhere_is_not_waited_for() {
        let mut order = KeepOrder::new();
        order.skip(2);
        order.push(3, 'c');
        assert_eq!((order.pop(), order.is_empty()), (Some('c'), true));
    }

    #[test]
    fn a_gap_is_skipped_at_the_end_only() {
        let mut order = KeepOrder::new();
        order.push(3, 'c');
        order.push(2, 'b');
        assert_eq!(order.pop(), None);
        assert_eq!(order.drain().collect::<String>(), "bc");
        order.push(4, 'd');
        assert_eq!(order.pop(), Some('d'));
    }

    proptest! {
        #[test]
        fn any_order_in_gives_input_order_out(
            seqs in (0u64..200).prop_flat_map(|count| Just((1..=count).collect::<Vec<_>>()).prop_shuffle()),
        ) {
            let mut order = KeepOrder::new();
            let mut out = Vec::new();
            for (arrived, &seq) in seqs.iter().enumerate() {
                order.push(seq, seq);
                out.extend(std::iter::from_fn(|| order.pop()));
                prop_assert_eq!(order.held() as usize, arrived + 1 - out.len());
                // Nothing is held back longer than needed.
                let arrived = &seqs[..=arrived];
                let ready = (1..=200).take_while(|seq| arrived.contains(seq)).count();
                prop_assert_eq!(out.len(), ready);
            }
            prop_assert!(order.is_empty());
            prop_assert_eq!(out, (1..=seqs.len() as u64).collect::<Vec<_>>());
        }
    }
}
