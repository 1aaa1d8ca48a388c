//! The report thread.

use std::time::Instant;

use crossbeam_channel::{Receiver, RecvTimeoutError};

use super::{Failure, Listener, OutputOwner, RunState};
use crate::model::Event;

/// As many batches that are there already are shown before anything is flushed.
const BATCHES_AT_ONCE: usize = 16;

/// Shows the events of a run to all that listen, and hands them to the owner of the outputs.
pub struct Reporter {
    /// Those that have not failed.
    listeners: Vec<Box<dyn Listener>>,
    /// `None` once it has failed and nobody takes its place.
    owner: Option<Box<dyn OutputOwner>>,
    on_failure: Box<dyn Fn(Failure) + Send>,
    state: RunState,
    first_failure: Option<Failure>,
    /// Whether standard output was just found closed.
    closed: bool,
}

impl Reporter {
    /// A reporter for `listeners`; `owner` gets what jobs wrote.
    ///
    /// `on_failure` is called on the report thread, at once and for each that fails, so that the run can
    /// be ended; it must not wait for this thread.
    pub fn new(
        listeners: Vec<Box<dyn Listener>>,
        owner: Box<dyn OutputOwner>,
        on_failure: Box<dyn Fn(Failure) + Send>,
    ) -> Self {
        Self {
            listeners,
            owner: Some(owner),
            on_failure,
            state: RunState::default(),
            first_failure: None,
            closed: false,
        }
    }

    /// Whether anybody needs [`Event::AttemptStarted`].
    pub fn wants_starts(&self) -> bool {
        self.listeners.iter().any(|it| it.wants_starts())
            || self.owner.iter().any(|it| it.wants_starts())
    }

    /// Whether anybody needs the end of each job of a dry run.
    pub fn wants_ends(&self) -> bool {
        self.listeners.iter().any(|it| it.wants_ends())
            || self.owner.iter().any(|it| it.wants_ends())
    }

    /// Receives batches of events until all senders are gone; sleeps as long as there is nothing to do.
    /// Calls `reported` with the number of events that it has dealt with. Returns the first failure.
    pub fn run(
        mut self,
        events: &Receiver<Vec<Event>>,
        reported: impl Fn(usize),
    ) -> Option<Failure> {
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
            self.tell(|listener, state| listener.settle(now, state));
            self.hand_over(|owner| owner.settle());
            reported(shown);
        }
    }

    fn next_batch(&self, events: &Receiver<Vec<Event>>) -> Result<Vec<Event>, RecvTimeoutError> {
        match self.listeners.iter().filter_map(|it| it.deadline()).min() {
            Some(deadline) => events.recv_deadline(deadline),
            None => events.recv().map_err(|_| RecvTimeoutError::Disconnected),
        }
    }

    /// Shows a batch of events, in order.
    pub fn show(&mut self, batch: Vec<Event>) {
        for event in batch {
            self.state.event(&event);
            self.tell(|listener, state| listener.event(&event, state));
            self.hand_over(|owner| owner.take(event));
        }
    }

    /// Writes what is left, when no event comes any more. Returns the first failure.
    pub fn finish(mut self) -> Option<Failure> {
        // One that takes the place of another may have something left, too.
        while self.hand_over(|owner| owner.finish()) {}
        self.listeners.reverse();
        self.tell(|listener, state| listener.finish(state));
        self.first_failure
    }

    /// Does `act` with each listener, and drops those that fail.
    fn tell(&mut self, mut act: impl FnMut(&mut dyn Listener, &RunState) -> Result<(), Failure>) {
        let mut listeners = std::mem::take(&mut self.listeners);
        listeners.retain_mut(|listener| match act(listener.as_mut(), &self.state) {
            Ok(()) => true,
            Err(failure) => {
                self.failed(failure);
                false
            }
        });
        self.listeners = listeners;
        self.pass_on_closed();
    }

    /// Does `act` with the owner of the outputs; true: it has failed, and another has taken its place.
    fn hand_over(&mut self, act: impl FnOnce(&mut dyn OutputOwner) -> Result<(), Failure>) -> bool {
        let Some(owner) = &mut self.owner else {
            return false;
        };
        let Err(failure) = act(owner.as_mut()) else {
            return false;
        };
        let replacement = self.owner.take().map(|owner| owner.replacement(&failure));
        self.failed(failure);
        match replacement {
            Some(Ok(replacement)) => self.owner = replacement,
            Some(Err(failure)) => self.failed(failure),
            None => {}
        }
        self.pass_on_closed();
        self.owner.is_some()
    }

    fn failed(&mut self, failure: Failure) {
        self.closed |= matches!(failure, Failure::StdoutClosed);
        (self.on_failure)(failure.clone());
        self.first_failure.get_or_insert(failure);
    }

    /// Tells the listeners that nobody reads standard output any more, if that was found out just now.
    fn pass_on_closed(&mut self) {
        if std::mem::take(&mut self.closed) {
            for listener in &mut self.listeners {
                listener.stdout_closed();
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::Discard;
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

    impl Listener for Probe {
        fn event(&mut self, _: &Event, _: &RunState) -> Result<(), Failure> {
            self.note('e');
            if self.fails {
                return Err(Failure::new("probe", io::Error::other("full")));
            }
            Ok(())
        }
        fn settle(&mut self, now: Instant, _: &RunState) -> Result<(), Failure> {
            let due = self.deadline.take_if(|deadline| *deadline <= now).is_some();
            self.note(if due { 't' } else { 's' });
            Ok(())
        }
        fn deadline(&self) -> Option<Instant> {
            self.deadline
        }
        fn finish(&mut self, _: &RunState) -> Result<(), Failure> {
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
            Box::new(Discard),
            Box::new(move |failure| drop(failures.send(failure))),
        );
        let (sender, events) = crossbeam_channel::unbounded();
        sender
            .send(vec![Event::Gate(None), Event::Gate(None)])
            .unwrap();
        drop(sender);
        let failure = reporter.run(&events, |_| ());
        assert_eq!(*log.lock().unwrap(), "ae be ce ae ce as cs cf af ");
        assert_eq!(seen.len(), 1);
        assert_eq!(failure.unwrap().to_string(), "cannot write to probe: full");
    }

    #[test]
    fn deadlines_are_kept_without_events() {
        let log = Arc::new(Mutex::new(String::new()));
        let mut ticking = probe('a', &log);
        ticking.deadline = Some(Instant::now() + Duration::from_millis(30));
        let reporter = Reporter::new(vec![Box::new(ticking)], Box::new(Discard), Box::new(|_| ()));
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
