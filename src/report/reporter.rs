//! The report thread.

use std::time::Instant;

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::{Failure, Sink, tally::Counter};
use crate::model::{Event, Tally};

/// As many batches that are there already are shown to the sinks before these flush.
const BATCHES_AT_ONCE: usize = 16;

/// Shows the events of a run to its sinks.
pub struct Reporter {
    /// Those that have not failed.
    sinks: Vec<Box<dyn Sink>>,
    on_failure: Box<dyn Fn(Failure) + Send>,
    counter: Counter,
    first_failure: Option<Failure>,
}

/// What the report thread leaves behind.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// How many jobs ended how.
    pub tally: Tally,
    /// The first report that could not be written.
    pub failure: Option<Failure>,
}

impl Reporter {
    /// A reporter for `sinks`, the one that takes captured output last.
    ///
    /// `on_failure` is called on the report thread, at once and for each sink, so that the run can
    /// be ended; it must not wait for this thread.
    pub fn new(sinks: Vec<Box<dyn Sink>>, on_failure: Box<dyn Fn(Failure) + Send>) -> Self {
        Self {
            sinks,
            on_failure,
            counter: Counter::default(),
            first_failure: None,
        }
    }

    /// Whether any sink needs [`Event::AttemptStarted`].
    pub fn wants_starts(&self) -> bool {
        self.sinks.iter().any(|sink| sink.wants_starts())
    }

    /// Whether any sink needs the end of each job of a dry run.
    pub fn wants_ends(&self) -> bool {
        self.sinks.iter().any(|sink| sink.wants_ends())
    }

    /// Receives batches of events until all senders are gone; sleeps as long as there is nothing to do.
    /// Calls `reported` with the number of events that it has dealt with.
    pub fn run(mut self, events: &Receiver<Vec<Event>>, reported: impl Fn(usize)) -> Report {
        loop {
            let mut shown = 0;
            match self.next_batch(events) {
                Ok(batch) => {
                    for batch in
                        std::iter::once(batch).chain(events.try_iter().take(BATCHES_AT_ONCE))
                    {
                        shown += batch.len();
                        self.show(batch);
                    }
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => return self.finish(),
            }
            let now = Instant::now();
            self.each(|sink| sink.settle(now));
            reported(shown);
        }
    }

    fn next_batch(&self, events: &Receiver<Vec<Event>>) -> Result<Vec<Event>, RecvTimeoutError> {
        match self.sinks.iter().filter_map(|sink| sink.deadline()).min() {
            Some(deadline) => events.recv_deadline(deadline),
            None => events.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    fn show(&mut self, batch: Vec<Event>) {
        for mut event in batch {
            self.counter.event(&event);
            self.each(|sink| sink.event(&mut event));
        }
    }

    fn finish(mut self) -> Report {
        self.sinks.reverse();
        self.each(|sink| sink.finish());
        Report {
            tally: self.counter.tally,
            failure: self.first_failure,
        }
    }

    /// Does `act` with each sink, and drops those that fail.
    fn each(&mut self, mut act: impl FnMut(&mut dyn Sink) -> Result<(), Failure>) {
        let Self {
            sinks,
            on_failure,
            first_failure,
            ..
        } = self;
        let mut closed = false;
        sinks.retain_mut(|sink| {
            let Err(failure) = act(sink.as_mut()) else {
                return true;
            };
            closed |= matches!(failure, Failure::StdoutClosed);
            let replacement = sink.replacement(&failure);
            on_failure(failure.clone());
            first_failure.get_or_insert(failure);
            match replacement {
                Ok(Some(replacement)) => {
                    *sink = replacement;
                    true
                }
                Ok(None) => false,
                Err(failure) => {
                    on_failure(failure);
                    false
                }
            }
        });
        if closed {
            for sink in sinks {
                sink.stdout_closed();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io;
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    /// Writes down what it is asked to do.
    struct Probe {
        name: char,
        log: Arc<Mutex<String>>,
        fails: bool,
        deadline: Option<Instant>,
    }

    impl Probe {
        fn note(&self, what: char) {
            self.log.lock().unwrap().extend([self.name, what, ' ']);
        }
    }

    impl Sink for Probe {
        fn event(&mut self, _: &mut Event) -> Result<(), Failure> {
            self.note('e');
            if self.fails {
                return Err(Failure::new("probe", io::Error::other("full")));
            }
            Ok(())
        }
        fn settle(&mut self, now: Instant) -> Result<(), Failure> {
            let due = self.deadline.take_if(|deadline| *deadline <= now).is_some();
            self.note(if due { 't' } else { 's' });
            Ok(())
        }
        fn deadline(&self) -> Option<Instant> {
            self.deadline
        }
        fn finish(&mut self) -> Result<(), Failure> {
            self.note('f');
            Ok(())
        }
    }

    fn probe(name: char, log: &Arc<Mutex<String>>) -> Probe {
        Probe {
            name,
            log: Arc::clone(log),
            fails: false,
            deadline: None,
        }
    }

    #[test]
    fn a_failing_sink_is_dropped_and_the_others_go_on() {
        let log = Arc::new(Mutex::new(String::new()));
        let mut bad = probe('b', &log);
        bad.fails = true;
        let (failures, seen) = crossbeam_channel::unbounded();
        let reporter = Reporter::new(
            vec![
                Box::new(probe('a', &log)),
                Box::new(bad),
                Box::new(probe('c', &log)),
            ],
            Box::new(move |failure| drop(failures.send(failure))),
        );
        let (sender, events) = crossbeam_channel::unbounded();
        sender
            .send(vec![Event::Gate(None), Event::Gate(None)])
            .unwrap();
        drop(sender);
        let report = reporter.run(&events, |_| ());
        assert_eq!(*log.lock().unwrap(), "ae be ce ae ce as cs cf af ");
        assert_eq!(seen.len(), 1);
        assert_eq!(
            report.failure.unwrap().to_string(),
            "cannot write to probe: full"
        );
    }

    #[test]
    fn deadlines_are_kept_without_events() {
        let log = Arc::new(Mutex::new(String::new()));
        let mut ticking = probe('a', &log);
        ticking.deadline = Some(Instant::now() + Duration::from_millis(30));
        let reporter = Reporter::new(vec![Box::new(ticking)], Box::new(|_| ()));
        let (sender, events) = crossbeam_channel::bounded(1);
        let thread = std::thread::spawn(move || reporter.run(&events, |_| ()));
        while log.lock().unwrap().is_empty() {
            std::thread::sleep(Duration::from_millis(5));
        }
        drop(sender);
        thread.join().unwrap();
        assert_eq!(*log.lock().unwrap(), "at af ");
    }
}
