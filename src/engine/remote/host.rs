//! The engine of a place on another host: a worker there, for as long as there is one, and the next one after it.
//!
//! A thread of its own, the keeper, has a [`Launcher`] start a worker, stands a [`Proxy`] for it, and starts the next
//! when that one is gone: at once, if it has ended attempts; otherwise, or where none can be started, later and later. A
//! host that has ended any is waited for, for a while; one that has not is left out until there is a worker.
//! Attempts that come while there is none are given back; what was ordered for good is told to each new worker.
//!
//! Ends on which to stop are counted over all workers: to each one, the controller has seen those of the others.

use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use super::{Carrier, Config, Link, Proxy};
use crate::engine::{Attempt, Engine, Order, StopOn, Up, Update, UpdateSender, Which};
use crate::flow::mailbox::Urgency;
use crate::model::Outcome;
use crate::protocol::{Decoder, Hello};
use crate::sys::wake::{self, Wake};

/// The first pause before a host is tried again, each being four times as long as the one before, and the longest.
const PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// A host that has ended attempts is left out when it could not be used so often, one after the other.
const TRIES: u32 = 5;

/// What carries a worker's streams may take so long to end by itself: when nothing is wanted any more, and when the
/// worker is gone.
const LAST_MOMENTS: Duration = Duration::from_secs(2);
const LATE: Duration = Duration::from_millis(500);

/// Starts workers at one place.
pub trait Launcher: Send {
    /// Starts a worker, and hears who it is. Gives up when `bell` rings.
    ///
    /// # Errors
    ///
    /// Why there is none, in the words of whoever knows it best.
    fn launch(&mut self, bell: &Wake) -> Result<Launched, String>;
}

/// A worker that has said who it is, and has been told nothing.
pub struct Launched {
    /// What it says.
    pub input: OwnedFd,
    /// What it hears.
    pub output: OwnedFd,
    /// What it has said already, but for its first message.
    pub decoder: Decoder,
    /// Who it is.
    pub hello: Hello,
    /// What carries its streams.
    pub carrier: Carrier,
}

/// What a place on another host is.
pub struct HostConfig {
    /// How it is called, by the user and where the user is told of it.
    pub name: Arc<str>,
    /// How the worker that has said this runs attempts.
    pub configure: Box<dyn Fn(&Hello) -> Config + Send>,
}

/// An engine whose attempts run at one host.
pub struct HostEngine {
    shared: Arc<Shared>,
    keeper: Option<JoinHandle<()>>,
}

struct Shared {
    name: Arc<str>,
    updates: UpdateSender,
    state: Mutex<State>,
    /// Rings when the keeper has something to do.
    bell: Wake,
}

#[derive(Default)]
struct State {
    /// The worker that there is.
    proxy: Option<Arc<Proxy>>,
    /// Why it is gone.
    gone: Option<String>,
    /// It has ended attempts.
    has_ended: bool,
    /// What each worker is to know, in this order.
    stop_on: Option<StopOn>,
    slots: Option<Order>,
    time_limit: Option<Order>,
    /// Everything is to end.
    is_killed: bool,
    /// Ends on which to stop: all that were told, those that earlier workers have told, and those that the controller
    /// has seen.
    stops: u64,
    before: u64,
    seen: u64,
    is_leaving: bool,
}

impl State {
    /// Whether nothing is to begin before somebody has decided about the ends of an earlier worker.
    fn is_stopped(&self) -> bool {
        self.seen < self.before
    }

    fn is_over(&self) -> bool {
        self.is_leaving || self.is_killed
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, update: Update) {
        self.updates.tell(update, Urgency::Now);
    }

    /// Takes note of what a worker tells, and passes it on.
    fn pass_on(&self, update: Update, urgency: Urgency) {
        match &update {
            Update::Down(why) => {
                self.lock().gone = Some(why.clone());
                return self.bell.ring();
            }
            Update::Ended(ends) => {
                let mut state = self.lock();
                let is_lost = |outcome: &Outcome| matches!(outcome, Outcome::Lost(_));
                state.has_ended |= ends.iter().any(|end| !is_lost(&end.outcome));
                let stop_on = state.stop_on.unwrap_or(StopOn::Fatal);
                let stops = ends.iter().filter(|end| stop_on.covers(&end.outcome));
                state.stops += stops.count() as u64;
            }
            _ => {}
        }
        self.updates.tell(update, urgency);
    }
}

impl HostEngine {
    /// An engine for the host of `config`, whose workers `launcher` starts.
    ///
    /// # Errors
    ///
    /// When there are no descriptors or threads left.
    pub fn start(
        config: HostConfig,
        launcher: impl Launcher + 'static,
        updates: UpdateSender,
    ) -> io::Result<Self> {
        let shared = Arc::new(Shared {
            name: Arc::clone(&config.name),
            updates,
            state: Mutex::default(),
            bell: Wake::new()?,
        });
        let keeper = Keeper {
            shared: Arc::clone(&shared),
            config,
            launcher: Box::new(launcher),
        };
        let thread = std::thread::Builder::new().name("host".into());
        let keeper = thread.spawn(move || keeper.keep())?;
        Ok(Self {
            shared,
            keeper: Some(keeper),
        })
    }
}

impl Engine for HostEngine {
    fn run(&self, attempts: Vec<Attempt>) {
        let state = self.shared.lock();
        let proxy = state.proxy.clone().filter(|_| !state.is_stopped());
        drop(state);
        match proxy {
            Some(proxy) => proxy.run(attempts),
            None => self.shared.tell(Update::Returned(attempts)),
        }
    }

    fn order(&self, order: Order) {
        let mut state = self.shared.lock();
        let mut order = order;
        match order {
            Order::StopOn(stop_on) => state.stop_on = Some(stop_on),
            Order::Slots(_) => state.slots = Some(order),
            Order::TimeLimit(_) => state.time_limit = Some(order),
            Order::End(Which::All, _) => state.is_killed = true,
            Order::GoOn(seen) => {
                state.seen = state.seen.max(seen);
                order = Order::GoOn(seen.saturating_sub(state.before));
            }
            _ => {}
        }
        let proxy = state.proxy.clone();
        let ends = state.is_killed && proxy.is_none();
        drop(state);
        match proxy {
            Some(proxy) => proxy.order(order),
            None if order == Order::List => self.shared.tell(Update::Running(Vec::new())),
            // Nobody is waited for any more.
            None if ends => self.shared.bell.ring(),
            None => {}
        }
    }
}

impl Drop for HostEngine {
    fn drop(&mut self) {
        self.shared.lock().is_leaving = true;
        self.shared.bell.ring();
        if let Some(keeper) = self.keeper.take() {
            // A panic there is seen as a host that says nothing.
            let _ = keeper.join();
        }
    }
}

/// The thread that has workers started, one after the other.
struct Keeper {
    shared: Arc<Shared>,
    config: HostConfig,
    launcher: Box<dyn Launcher>,
}

impl Keeper {
    fn keep(mut self) {
        let (mut failures, mut has_proven, mut told) = (0, false, Told::Nothing);
        while !self.shared.lock().is_over() {
            let (why, went_well) = match self.launcher.launch(&self.shared.bell) {
                Ok(worker) => {
                    told = Told::Up;
                    match self.stand_for(worker) {
                        Some(end) => end,
                        None => return,
                    }
                }
                Err(why) => (why, false),
            };
            if self.shared.lock().is_over() {
                return;
            }
            has_proven |= went_well;
            failures = if went_well { 0 } else { failures + 1 };
            let patience = if has_proven { TRIES } else { 1 };
            if failures >= patience && told != Told::Down {
                told = Told::Down;
                self.shared.tell(Update::Down(why));
            } else if told == Told::Up {
                told = Told::Away;
                self.shared.tell(Update::Away(why));
            }
            self.pause(failures);
        }
    }

    /// Has attempts run by `worker` until it is gone: why, and whether it has ended any. `None`: it is not needed any
    /// more.
    fn stand_for(&self, worker: Launched) -> Option<(String, bool)> {
        let Launched {
            input,
            output,
            decoder,
            hello,
            carrier,
        } = worker;
        let config = (self.config.configure)(&hello);
        let slots = config.slots();
        let link = Link {
            input,
            output,
            carrier: None,
            name: self.shared.name.to_string(),
            host: Some(Arc::clone(&self.shared.name)),
            greeted: Some(decoder),
        };
        let shared = Arc::clone(&self.shared);
        let updates = move |update, urgency| shared.pass_on(update, urgency);
        let updates = self.shared.updates.through(updates);
        let proxy = match Proxy::start(link, config, updates) {
            Ok(proxy) => Arc::new(proxy),
            Err(error) => return Some((error.to_string(), false)),
        };
        self.introduce(&proxy);
        self.shared.tell(Update::Up(Up::slots(slots)));
        loop {
            // Whoever waits here hears the bell, or waits in vain.
            let _ = wake::wait_for(&self.shared.bell);
            self.shared.bell.reset();
            let mut state = self.shared.lock();
            if let Some(why) = state.gone.take() {
                drop(state);
                return self.end(carrier, &why);
            }
            if state.is_leaving {
                drop(state);
                proxy.leave();
            }
        }
    }

    /// Tells a new worker what the others knew, and has it take attempts.
    fn introduce(&self, proxy: &Arc<Proxy>) {
        let mut state = self.shared.lock();
        state.before = state.stops;
        state.has_ended = false;
        let stop_on = state.stop_on.map(Order::StopOn);
        // What is ordered meanwhile comes behind these.
        for order in [stop_on, state.slots, state.time_limit]
            .into_iter()
            .flatten()
        {
            proxy.order(order);
        }
        state.proxy = Some(Arc::clone(proxy));
    }

    /// The worker is gone.
    fn end(&self, mut carrier: Carrier, why: &str) -> Option<(String, bool)> {
        let mut state = self.shared.lock();
        // Whoever has it, too, has it for a moment.
        drop(state.proxy.take());
        let (is_leaving, has_ended) = (state.is_leaving, state.has_ended);
        drop(state);
        // What still would be said to the worker waits for nobody.
        carrier.end(if is_leaving { LAST_MOMENTS } else { LATE });
        let prefix = format!("{}: ", self.shared.name);
        let why = why.strip_prefix(&prefix).unwrap_or(why).to_owned();
        (!is_leaving).then(|| (carrier.last_words().unwrap_or(why), has_ended))
    }

    /// Waits before the host is tried again, after so many failures.
    fn pause(&self, failures: u32) {
        if failures == 0 {
            return;
        }
        let pause = PAUSE.saturating_mul(1 << (2 * (failures - 1)).min(20));
        let until = Instant::now() + pause.min(LONGEST_PAUSE);
        while !self.shared.lock().is_over() {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return;
            }
            // Without a bell it is tried again too early.
            let _ = wake::is_rung_within(&self.shared.bell, left);
            self.shared.bell.reset();
        }
    }
}

/// What was told of the host last.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Told {
    Nothing,
    Up,
    Away,
    Down,
}
