//! The engine whose attempts run at a worker.

use std::fs::File;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use super::config::Config;
use super::receiver::Receiver;
use super::sender::Sender;
use super::shared::{Shared, ToSend};
use crate::engine::{Attempt, Engine, JobSignal, Order, Update, UpdateSender, Which, unstarted};
use crate::flow::mailbox::Urgency;
use crate::model::{Outcome, SpawnError};
use crate::protocol::Decoder;
use crate::sys::helper::{self, Helper, Kind};

/// So long the order to stop all jobs may take to be on its way, before this process stops.
const BEFORE_STOP: Duration = Duration::from_millis(500);

/// The way to a worker.
pub struct Link {
    /// What it says.
    pub input: OwnedFd,
    /// What it hears.
    pub output: OwnedFd,
    /// The process that is the worker, or that carries both streams, if it is ours: it is ended with the proxy. The
    /// thread that has started it must outlive that.
    pub carrier: Option<Helper>,
    /// What it is called, in words to the user.
    pub name: String,
    /// The host that it is on, as its attempts tell; `None`: this one.
    pub host: Option<Arc<str>>,
    /// Whether the worker has said who it is, and what it has said beyond that.
    pub greeted: Option<Decoder>,
}

/// An engine whose attempts run at a worker.
pub struct Proxy {
    shared: Arc<Shared>,
    threads: Vec<JoinHandle<()>>,
    carrier: Option<Helper>,
}

impl Proxy {
    /// An engine that runs attempts at the worker behind `link`, which is told how.
    ///
    /// # Errors
    ///
    /// When there are no descriptors or threads left.
    pub fn start(link: Link, config: Config, updates: UpdateSender) -> io::Result<Self> {
        let Link {
            input,
            output,
            carrier,
            name,
            host,
            greeted,
        } = link;
        let mut shared = Shared::new(config, updates, name)?;
        shared.host = host;
        shared.lock().greeted = greeted.is_some();
        let shared = Arc::new(shared);
        let mut proxy = Self {
            shared: Arc::clone(&shared),
            threads: Vec::new(),
            carrier,
        };
        let thread = |name: &str| std::thread::Builder::new().name(name.into());
        let mut receiver = Receiver::new(
            Arc::clone(&shared),
            File::from(input),
            greeted.unwrap_or_default(),
        )?;
        let mut sender = Sender::new(shared, File::from(output));
        proxy
            .threads
            .push(thread("from worker").spawn(move || receiver.receive_all())?);
        proxy
            .threads
            .push(thread("to worker").spawn(move || sender.send_all())?);
        Ok(proxy)
    }

    /// Has the worker give back what it has not begun, and end when everything is answered. Nothing is run any more.
    /// Does not wait.
    pub(super) fn leave(&self) {
        let mut state = self.shared.lock();
        if state.down.is_none() {
            state.to_send.push_back(ToSend::Order(Order::Recall));
        }
        state.leaving = true;
        drop(state);
        self.shared.sends.ring();
    }

    /// Answers attempts that come when there is no worker any more; and what would have been sent to it.
    fn answer_without_worker(&self, why: &str, attempts: &[Attempt]) {
        for attempt in attempts {
            let error = SpawnError::fatal(format!("no job can run any more at {why}"));
            let end = unstarted(attempt, Outcome::SpawnFailed(error));
            self.shared.end_unsent(attempt, end);
        }
    }
}

impl Engine for Proxy {
    fn run(&self, attempts: Vec<Attempt>) {
        let mut state = self.shared.lock();
        let Some(why) = state.down.clone() else {
            state.to_send.push_back(ToSend::Run(attempts));
            drop(state);
            return self.shared.sends.ring();
        };
        if state.stopped_until.is_some() || self.shared.config.is_one_of_several {
            drop(state);
            return self.shared.give_back(attempts);
        }
        drop(state);
        let (first, rest) = attempts.split_at(attempts.len().min(1));
        self.answer_without_worker(&why, first);
        // The first one ends the run.
        self.shared.give_back(rest.to_vec());
    }

    fn order(&self, order: Order) {
        let mut state = self.shared.lock();
        match order {
            Order::Staff => return,
            Order::StopOn(stop_on) => state.stop_on = stop_on,
            Order::End(Which::All, by) => state.killed = Some(by),
            Order::Slots(slots) => state.at_a_time = slots,
            Order::GoOn(seen) if state.stopped_until.is_some_and(|until| seen >= until) => {
                state.stopped_until = None;
            }
            _ => {}
        }
        let is_down = state.down.is_some();
        if !is_down {
            state.to_send.push_back(ToSend::Order(order));
        }
        drop(state);
        if matches!(order, Order::End(Which::All, _)) {
            self.shared.kill.ring();
            // The sender, waiting for one of these, hears no bell.
            helper::end(Kind::Answers);
        }
        if is_down && order == Order::List {
            let nothing = Update::Running(Vec::new());
            self.shared.updates.tell(nothing, Urgency::Now);
        }
        self.shared.sends.ring();
        if order == Order::Signal(Which::All, JobSignal::TerminalStop) && !is_down {
            // This process is stopped next, and all of its threads.
            self.shared.wait_until_written(BEFORE_STOP);
        }
    }
}

impl Drop for Proxy {
    /// Has the worker give back what it has not begun, and waits for the rest.
    fn drop(&mut self) {
        self.leave();
        // To one who leaves nobody says any more who he is.
        let nothing_was_sent = !self.shared.lock().greeted;
        if nothing_was_sent {
            // Who has not said who it is may never do so, and is not heard any more.
            drop(self.carrier.take());
            self.shared.leaves.ring();
        }
        for thread in self.threads.drain(..) {
            // A panic there is answered as the end of the stream.
            let _ = thread.join();
        }
        if let Some(mut carrier) = self.carrier.take()
            && self.shared.lock().down.is_none()
        {
            // What has said goodbye ends by itself.
            let _ = carrier.wait();
        }
    }
}
