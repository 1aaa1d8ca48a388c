//! What the engine and its two threads share: what is known of the worker and its attempts.

use std::collections::{BTreeSet, HashMap, VecDeque};
use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::config::Config;
use super::held::{Held, abandon};
use crate::engine::{Attempt, Order, StopOn, Update, UpdateSender};
use crate::flow::credit::Tokens;
use crate::flow::mailbox::Urgency;
use crate::model::{AttemptEnd, KilledBy};
use crate::protocol::Id;
use crate::sys::wake::Wake;

/// What the engine and its two threads share.
pub(super) struct Shared {
    pub(super) config: Config,
    pub(super) updates: UpdateSender,
    pub(super) name: String,
    /// The host of the worker; `None`: this one.
    pub(super) host: Option<Arc<str>>,
    state: Mutex<State>,
    /// Told when the sender has written what it was given.
    written: Condvar,
    /// Rings when the sender has something to do.
    pub(super) sends: Wake,
    /// Rings when everything is to end: nobody is asked about another job.
    pub(super) kill: Wake,
    /// Rings when the receiver is to hear nothing more.
    pub(super) leaves: Wake,
    /// One token for each piece of output that was dealt with.
    pub(super) dealt_with: Tokens,
}

/// Something for the sender to do.
pub(super) enum ToSend {
    Run(Vec<Attempt>),
    Order(Order),
    /// To be answered by a sign of life.
    Ping,
}

/// What the sender has to know of attempts that are fed.
pub(super) enum InputEvent {
    Begun(Id),
    Taken(Id, u64),
    Unwanted(Id),
    /// It was given back: what was not sent may be sent again.
    Over(Id),
}

/// What is known of the worker and its attempts.
pub(super) struct State {
    pub(super) to_send: VecDeque<ToSend>,
    /// The sender has taken something of that, and not written it.
    pub(super) is_writing: bool,
    /// Taken over and not sent yet: no slot is free for them, or nothing begins any more.
    pub(super) waiting: VecDeque<Attempt>,
    /// At the worker.
    pub(super) held: HashMap<Id, Held>,
    pub(super) inputs: Vec<InputEvent>,
    /// Lists that were asked for and not told.
    pub(super) lists: usize,
    /// The worker has said who it is.
    pub(super) greeted: bool,
    /// When it was told how attempts are run.
    pub(super) set_up_at: Option<Instant>,
    /// Why nothing can be run at the worker any more.
    pub(super) down: Option<String>,
    /// Why it says that it cannot go on.
    pub(super) reason: Option<String>,
    /// Nothing begins: the record cannot be written.
    pub(super) closed: bool,
    /// Everything is to end.
    pub(super) killed: Option<KilledBy>,
    pub(super) stop_on: StopOn,
    /// Nothing is sent since an attempt that never was, until so many ends on which to stop are known.
    pub(super) stopped_until: Option<u64>,
    /// Ends on which to stop: those of attempts that were never sent, and all.
    pub(super) own_stops: u64,
    pub(super) stops: u64,
    /// Slots that no attempt was rendered for.
    pub(super) free_slots: BTreeSet<usize>,
    /// So many attempts may run at a time.
    pub(super) at_a_time: usize,
    /// The engine is about to go.
    pub(super) leaving: bool,
}

impl Shared {
    /// Nothing is known of the worker yet.
    ///
    /// # Errors
    ///
    /// When there is no descriptor left.
    pub(super) fn new(config: Config, updates: UpdateSender, name: String) -> io::Result<Self> {
        let slots = config.setup.slots;
        let first = config.setup.slots_before + 1;
        Ok(Self {
            config,
            updates,
            name,
            host: None,
            state: Mutex::new(State {
                to_send: VecDeque::new(),
                is_writing: false,
                waiting: VecDeque::new(),
                held: HashMap::new(),
                inputs: Vec::new(),
                lists: 0,
                greeted: false,
                set_up_at: None,
                down: None,
                reason: None,
                closed: false,
                killed: None,
                stop_on: StopOn::Fatal,
                stopped_until: None,
                own_stops: 0,
                stops: 0,
                free_slots: (first..first + slots).collect(),
                at_a_time: slots,
                leaving: false,
            }),
            written: Condvar::new(),
            sends: Wake::new()?,
            kill: Wake::new()?,
            leaves: Wake::new()?,
            dealt_with: Tokens::new(0)?,
        })
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        // No code between lock and unlock can panic half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What the sender had taken is with the kernel.
    pub(super) fn has_written(&self) {
        self.lock().is_writing = false;
        self.written.notify_all();
    }

    /// Waits until all that is to be sent is with the kernel, but no longer than `time`.
    pub(super) fn wait_until_written(&self, time: Duration) {
        let unwritten = |state: &mut State| {
            state.down.is_none() && (state.is_writing || !state.to_send.is_empty())
        };
        let waited = self
            .written
            .wait_timeout_while(self.lock(), time, unwritten);
        drop(waited);
    }

    /// Records and tells how attempts ended.
    #[allow(clippy::vec_box, reason = "an end travels to the reports in its box")]
    pub(super) fn tell_ends(&self, mut ends: Vec<Box<AttemptEnd>>) {
        if ends.is_empty() {
            return;
        }
        if !self.updates.record(&mut ends, false) {
            let mut state = self.lock();
            state.closed = true;
            state.to_send.push_back(ToSend::Order(Order::Recall));
            self.sends.ring();
        }
        self.updates.tell(Update::Ended(ends), Urgency::Now);
    }

    pub(super) fn give_back(&self, attempts: Vec<Attempt>) {
        if !attempts.is_empty() {
            self.updates.tell(Update::Returned(attempts), Urgency::Now);
        }
    }

    /// Ends an attempt that was not sent and never will be.
    pub(super) fn end_unsent(&self, attempt: &Attempt, mut end: Box<AttemptEnd>) {
        let mut state = self.lock();
        if state.stop_on.covers(&end.outcome) {
            state.own_stops += 1;
            state.stops += 1;
            state.stopped_until = Some(state.stops);
            // As if the worker had stopped by itself.
            state.to_send.push_front(ToSend::Order(Order::Recall));
            self.sends.ring();
        }
        drop(state);
        abandon(attempt);
        if end.outcome.is_success() {
            end.stdin = None;
        }
        self.tell_ends(vec![end]);
    }

    /// The stream has come to its end, for this reason. Answers everything; `orderly`: the worker has executed nothing
    /// that it has not begun.
    pub(super) fn end_of_stream(&self, why: &str, orderly: bool) {
        let mut state = self.lock();
        let why = match state.reason.take() {
            Some(reason) => format!("{}: {reason}", self.name),
            None => format!("{}: {why}", self.name),
        };
        state.down = Some(why.clone());
        let (mut returned, mut lost) = (Vec::new(), Vec::new());
        let mut held: Vec<_> = std::mem::take(&mut state.held).into_values().collect();
        held.sort_by_key(|it| it.attempt.seq());
        for it in held {
            if orderly && it.can_be_returned() {
                returned.push(it.attempt);
            } else {
                lost.push(it);
            }
        }
        returned.extend(state.waiting.drain(..));
        for it in std::mem::take(&mut state.to_send) {
            match it {
                ToSend::Run(attempts) => returned.extend(attempts),
                ToSend::Order(Order::List) => state.lists += 1,
                ToSend::Order(_) | ToSend::Ping => {}
            }
        }
        let lists = std::mem::take(&mut state.lists);
        drop(state);
        let lost = lost.into_iter().map(|it| it.lost(&why)).collect();
        self.tell_ends(lost);
        self.give_back(returned);
        for _ in 0..lists {
            self.updates.tell(Update::Running(Vec::new()), Urgency::Now);
        }
        self.sends.ring();
        if self.config.is_one_of_several {
            self.updates.tell(Update::Down(why), Urgency::Now);
        }
    }
}
