//! Merging what jobs wrote on standard output into one (`--reduce`).

use std::io;

use super::Failure;
use super::owner::{Discard, OutputOwner};
use crate::flow::spool::Captured;
use crate::model::{Event, Outcome};

/// Makes one output of many.
pub trait OutputMerger: Send {
    /// Takes the standard output of job number `seq`. Called once a job, in whatever order they end.
    ///
    /// # Errors
    ///
    /// When no use can be made of it.
    fn take(&mut self, seq: u64, output: Captured) -> io::Result<()>;

    /// There will be no more.
    ///
    /// # Errors
    ///
    /// When the result cannot be had.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

/// Owns the outputs of a run with `--reduce`: standard outputs are merged, all else goes on to another owner.
pub struct Merge {
    /// `None` once it has failed or is finished.
    merger: Option<Box<dyn OutputMerger>>,
    /// Who has what is not merged.
    rest: Box<dyn OutputOwner>,
    /// Whether `rest` has failed.
    rest_failed: bool,
    /// Whether all jobs ran to their end.
    complete: bool,
}

impl Merge {
    /// Merges with `merger`; `rest` gets what is left of each event.
    pub fn new(merger: Box<dyn OutputMerger>, rest: Box<dyn OutputOwner>) -> Self {
        Self {
            merger: Some(merger),
            rest,
            rest_failed: false,
            complete: true,
        }
    }

    fn merge(&mut self, event: &mut Event) -> Result<(), Failure> {
        let end = match event {
            Event::JobFinished(end) => end,
            Event::RunEnded(end) => {
                self.complete &= end.halted_by.is_none();
                return Ok(());
            }
            _ => return Ok(()),
        };
        self.complete &= !matches!(end.outcome, Outcome::Cancelled { .. });
        let output = std::mem::take(&mut end.stdout);
        let Some(merger) = &mut self.merger else {
            return Ok(());
        };
        merger.take(end.job.seq, output).map_err(|error| {
            self.merger = None;
            Failure::of_merge(error)
        })
    }

    fn finish_merge(&mut self) -> Result<(), Failure> {
        let Some(merger) = self.merger.take() else {
            return Ok(());
        };
        if !self.complete {
            let why = "the run ended early, so there is no result";
            return Err(Failure::of_merge(io::Error::other(why)));
        }
        merger.finish().map_err(Failure::of_merge)
    }

    /// Has the owner of the rest do something, and notes whether it failed.
    fn rest(
        &mut self,
        act: impl FnOnce(&mut dyn OutputOwner) -> Result<(), Failure>,
    ) -> Result<(), Failure> {
        let done = act(&mut *self.rest);
        self.rest_failed |= done.is_err();
        done
    }
}

impl OutputOwner for Merge {
    fn take(&mut self, mut event: Event) -> Result<(), Failure> {
        let merged = self.merge(&mut event);
        let shown = self.rest(|rest| rest.take(event));
        merged.and(shown)
    }

    fn settle(&mut self) -> Result<(), Failure> {
        self.rest(|rest| rest.settle())
    }

    fn wants_starts(&self) -> bool {
        self.rest.wants_starts()
    }

    fn replacement(
        mut self: Box<Self>,
        failure: &Failure,
    ) -> Result<Option<Box<dyn OutputOwner>>, Failure> {
        let rest = std::mem::replace(&mut self.rest, Box::new(Discard));
        let rest = if std::mem::take(&mut self.rest_failed) {
            rest.replacement(failure)?
        } else {
            Some(rest)
        };
        if self.merger.is_none() {
            return Ok(rest);
        }
        self.rest = rest.unwrap_or_else(|| Box::new(Discard));
        Ok(Some(self))
    }

    fn finish(&mut self) -> Result<(), Failure> {
        self.rest(|rest| rest.finish())?;
        self.finish_merge()
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex};

    use super::*;
    use crate::report::testing::{finished, ok, run_ended};

    /// Writes down what reaches it; fails at jobs with this number.
    #[derive(Clone, Default)]
    struct Probe {
        seen: Arc<Mutex<Vec<String>>>,
        fails_at: u64,
    }

    impl Probe {
        fn note(&self, seq: u64, what: String) -> io::Result<()> {
            self.seen.lock().unwrap().push(what);
            if seq == self.fails_at {
                return Err(io::Error::other("full"));
            }
            Ok(())
        }
    }

    impl OutputMerger for Probe {
        fn take(&mut self, seq: u64, output: Captured) -> io::Result<()> {
            self.note(seq, format!("merged {}", output.len()))
        }
        fn finish(self: Box<Self>) -> io::Result<()> {
            self.note(u64::MAX, "result".to_owned())
        }
    }

    impl OutputOwner for Probe {
        fn take(&mut self, event: Event) -> Result<(), Failure> {
            let Event::JobFinished(end) = event else {
                return Ok(());
            };
            let rest = format!("rest {}+{}", end.stdout.len(), end.stderr.len());
            self.note(end.job.seq, rest)
                .map_err(|error| Failure::new("a test", error))
        }
        fn settle(&mut self) -> Result<(), Failure> {
            Ok(())
        }
        fn finish(&mut self) -> Result<(), Failure> {
            self.note(u64::MAX, "finished".to_owned())
                .map_err(|error| Failure::new("a test", error))
        }
    }

    /// What reaches a merger that fails at one job and an owner of the rest that fails at another.
    fn seen(merger_fails_at: u64, rest_fails_at: u64) -> Vec<String> {
        let probe = Probe::default();
        let [merger, rest] = [merger_fails_at, rest_fails_at].map(|fails_at| Probe {
            fails_at,
            ..probe.clone()
        });
        let merge = Merge::new(Box::new(merger), Box::new(rest));
        let mut owner: Option<Box<dyn OutputOwner>> = Some(Box::new(merge));
        for seq in 1..=2 {
            let event = finished(ok(seq, "out", "e"));
            let taken = owner.as_mut().map_or(Ok(()), |owner| owner.take(event));
            if let Err(failure) = taken {
                owner = owner
                    .take()
                    .and_then(|it| it.replacement(&failure).unwrap());
            }
        }
        if let Some(mut owner) = owner {
            owner.finish().unwrap();
        }
        let seen = probe.seen.lock().unwrap();
        seen.clone()
    }

    #[test]
    fn what_is_not_merged_goes_on_and_neither_failure_stops_the_other() {
        let all = ["merged 3", "rest 0+1", "merged 3", "rest 0+1"];
        assert_eq!(seen(0, 0), [&all[..], &["finished", "result"]].concat());
        assert_eq!(seen(1, 0), ["merged 3", "rest 0+1", "rest 3+1", "finished"]);
        assert_eq!(seen(0, 1), ["merged 3", "rest 0+1", "merged 3", "result"]);
    }

    #[test]
    fn a_run_that_ended_early_has_no_result() {
        let mut halted = run_ended();
        if let Event::RunEnded(end) = &mut halted {
            end.halted_by = Some("SIGINT".to_owned());
        }
        let probe = Probe::default();
        let mut merge = Merge::new(Box::new(probe.clone()), Box::new(Discard));
        merge.take(halted).unwrap();
        let failure = merge.finish().unwrap_err().to_string();
        assert!(failure.starts_with("--reduce: the run ended early"));
        assert!(probe.seen.lock().unwrap().is_empty());
    }
}
