//! `-j`: how many attempts run at a time, which may change while the run goes on.

/// How many attempts run at a time.
pub enum SlotCount {
    /// Always so many.
    Fixed(usize),
    /// `-j Nauto`: fewer when jobs fail, more again when they succeed.
    Auto(Auto),
    /// `-j FILE`: what a file says, looked at after each job.
    File {
        /// What it said last.
        now: usize,
        /// Asks it; `None`: it says nothing that makes sense.
        read: Box<dyn FnMut() -> Option<usize>>,
    },
}

/// A number that follows how jobs end.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Auto {
    most: usize,
    now: f64,
}

impl SlotCount {
    /// Fewer than `most` when jobs fail.
    pub fn auto(most: usize) -> Self {
        Self::Auto(Auto {
            most,
            now: most as f64,
        })
    }

    /// How many at the moment, at least 1.
    pub fn now(&self) -> usize {
        match self {
            Self::Fixed(slots) | Self::File { now: slots, .. } => *slots,
            Self::Auto(auto) => auto.now as usize,
        }
        .max(1)
    }

    /// Whether the number may change.
    pub fn may_change(&self) -> bool {
        !matches!(self, Self::Fixed(_))
    }

    /// A job has ended, well or not.
    pub fn job_ended(&mut self, well: bool) {
        match self {
            Self::Fixed(_) => {}
            Self::Auto(auto) => auto.job_ended(well),
            Self::File { now, read } => *now = read().unwrap_or(*now),
        }
    }
}

impl Auto {
    /// A failure takes one slot away; as many successes as there are slots give one back.
    fn job_ended(&mut self, well: bool) {
        let step = if well { 1.0 / self.now } else { -1.0 };
        self.now = (self.now + step).clamp(1.0, self.most.max(1) as f64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn failures_take_slots_away_and_successes_give_them_back() {
        let mut slots = SlotCount::auto(4);
        assert_eq!(slots.now(), 4);
        for expected in [3, 2, 1, 1] {
            slots.job_ended(false);
            assert_eq!(slots.now(), expected);
        }
        for _ in 0..20 {
            slots.job_ended(true);
        }
        assert_eq!(slots.now(), 4);
    }

    #[test]
    fn a_file_is_asked_after_each_job_and_nonsense_in_it_changes_nothing() {
        let mut says = [Some(3), None, Some(0)].into_iter();
        let mut slots = SlotCount::File {
            now: 2,
            read: Box::new(move || says.next().unwrap()),
        };
        assert!(slots.may_change() && slots.now() == 2);
        for expected in [3, 3, 1] {
            slots.job_ended(true);
            assert_eq!(slots.now(), expected);
        }
    }
}
