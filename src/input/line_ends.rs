//! The hint at `-d '\r\n'`, for inputs whose lines end as on Windows.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// So many values that end in CR, and none before them that does not, are no accident.
const ENOUGH: usize = 3;

/// As GNU parallel says it.
pub(super) const HINT: &str =
    r#"Warning: The first three values end in CR-NL. Consider using -d "\r\n""#;

/// Watches how the first values end, of all sources together: a clone is with each. By default, or once it
/// is known, nothing is watched.
#[derive(Clone, Debug, Default)]
pub(super) struct LineEnds(Option<Arc<AtomicUsize>>);

impl LineEnds {
    /// From now on.
    pub(super) fn watched() -> Self {
        Self(Some(Arc::default()))
    }

    /// Whether values are still looked at.
    #[inline]
    pub(super) fn are_watched(&self) -> bool {
        self.0.is_some()
    }

    /// Whether `value`, the next one, is the last that it takes to be sure that values end in CR.
    pub(super) fn settles(&mut self, value: &[u8]) -> bool {
        let Some(seen) = &self.0 else {
            return false;
        };
        let now = if value.ends_with(b"\r") {
            seen.fetch_add(1, Ordering::Relaxed) + 1
        } else {
            seen.store(ENOUGH, Ordering::Relaxed);
            ENOUGH + 1
        };
        if now >= ENOUGH {
            self.0 = None;
        }
        now == ENOUGH
    }
}

#[cfg(test)]
mod tests {
    use super::LineEnds;

    #[test]
    fn three_values_settle_it_once_wherever_they_come_from() {
        let (mut one, mut other) = (LineEnds::watched(), LineEnds::default());
        assert!(!other.settles(b"a\r"), "not watched");
        other = one.clone();
        assert!(!one.settles(b"a\r"));
        assert!(!other.settles(b"b\r"));
        assert!(one.settles(b"\r"));
        assert!(!one.are_watched());
        assert!(!other.settles(b"d\r"));
        assert!(!other.are_watched());
    }

    #[test]
    fn a_value_without_a_cr_among_them_settles_that_it_is_none() {
        let mut one = LineEnds::watched();
        let mut other = one.clone();
        assert!(!one.settles(b"a\r"));
        assert!(!one.settles(b"b"));
        for value in [b"c\r", b"d\r", b"e\r"] {
            assert!(!one.settles(value) && !other.settles(value));
        }
    }
}
