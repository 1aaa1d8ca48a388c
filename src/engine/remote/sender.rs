//! The thread that writes to a worker: attempts, rendered, orders, what jobs read, and credit.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::time::Instant;

use rustix::event::{PollFd, PollFlags, poll};

use super::config::Config;
use super::held::Held;
use super::input::{Input, Piece};
use super::orders;
use super::shared::{InputEvent, Shared, State, ToSend};
use crate::engine::{Attempt, Order, ended, not_rendered, unstarted};
use crate::model::{AttemptEnd, Command, Outcome, SpawnError};
use crate::protocol::down::{Fed, size};
use crate::protocol::frame::{BODY_MAX, TooLong};
use crate::protocol::{Assignment, Down, Id};
use crate::sys::tty::Until;

/// Frames are written when there are so many bytes of them.
const FULL: usize = 64 << 10;
/// No more attempts go into one frame.
const MOST: usize = 256;

/// What writes to a worker.
pub(super) struct Sender {
    shared: Arc<Shared>,
    output: File,
    /// Frames that are not written yet.
    frames: Vec<u8>,
    /// Attempts that are in no frame yet, and how long they are.
    assignments: Vec<Assignment>,
    len: usize,
    inputs: HashMap<Id, Input>,
}

/// What becomes of an attempt that is to be sent.
enum Fate {
    Sent,
    /// It waits for a slot, or for nothing.
    Waits(Attempt),
    /// Nobody will have it.
    Returned(Attempt),
}

impl Sender {
    pub(super) fn new(shared: Arc<Shared>, output: File) -> Self {
        Self {
            shared,
            output,
            frames: Vec::new(),
            assignments: Vec::new(),
            len: 0,
            inputs: HashMap::new(),
        }
    }

    /// Writes to the worker until there is nothing more to say, or nobody to hear it.
    pub(super) fn send_all(&mut self) {
        let shared = Arc::clone(&self.shared);
        let _guard = Alarm(&shared);
        // Who does not hear is heard to be gone by the receiver.
        let _ = self.send_until_the_end();
        self.inputs.values().for_each(Input::abandon);
    }

    fn send_until_the_end(&mut self) -> io::Result<()> {
        let mut is_set_up = false;
        loop {
            self.shared.sends.reset();
            let mut state = self.shared.lock();
            if state.down.is_some() {
                return Ok(());
            }
            let greeted = state.greeted;
            if state.leaving && !greeted {
                return Ok(());
            }
            // What is to end need not wait for a worker.
            let (to_send, events) = if greeted || state.killed.is_some() {
                (
                    std::mem::take(&mut state.to_send),
                    std::mem::take(&mut state.inputs),
                )
            } else {
                <_>::default()
            };
            state.is_writing = !to_send.is_empty();
            let is_over = greeted && state.leaving && to_send.is_empty() && state.held.is_empty();
            drop(state);
            if greeted && !is_set_up {
                is_set_up = true;
                self.shared.lock().set_up_at = Some(Instant::now());
                self.set_up()?;
            }
            for event in events {
                self.hear(&event);
            }
            let mut progress = !to_send.is_empty();
            for it in to_send {
                match it {
                    ToSend::Run(attempts) => self.run(attempts)?,
                    ToSend::Order(order) if greeted => self.order(order)?,
                    ToSend::Order(Order::List) => self.shared.lock().lists += 1,
                    ToSend::Ping if greeted => self.put(&Down::Ping)?,
                    ToSend::Order(_) | ToSend::Ping => {}
                }
            }
            self.send_waiting()?;
            self.give_credit()?;
            progress |= self.feed()?;
            self.put_assignments()?;
            self.write()?;
            if progress {
                self.shared.has_written();
            }
            if is_over && self.shared.lock().waiting.is_empty() {
                Down::Finish.encode(&mut self.frames).map_err(too_long)?;
                return self.write();
            }
            if !progress {
                self.wait()?;
            }
        }
    }

    /// Tells the worker how attempts are run.
    fn set_up(&mut self) -> io::Result<()> {
        let encoded = self.shared.config.setup.encode(&mut self.frames);
        encoded.map_err(|error| {
            let words = format!("the environment of jobs: {error}");
            self.shared.lock().reason = Some(words);
            self.shared.leaves.ring();
            io::ErrorKind::InvalidInput.into()
        })
    }

    fn hear(&mut self, event: &InputEvent) {
        match event {
            InputEvent::Begun(id) => {
                if let Some(input) = self.inputs.get_mut(id) {
                    input.begun();
                }
            }
            InputEvent::Taken(id, bytes) => {
                if let Some(input) = self.inputs.get_mut(id) {
                    input.taken(*bytes);
                }
            }
            InputEvent::Over(id) => drop(self.inputs.remove(id)),
            InputEvent::Unwanted(id) => {
                if let Some(input) = self.inputs.remove(id) {
                    input.abandon();
                }
            }
        }
    }

    fn order(&mut self, order: Order) -> io::Result<()> {
        let mut state = self.shared.lock();
        let mut order = order;
        let mut returned = Vec::new();
        match &mut order {
            Order::Recall => returned.extend(state.waiting.drain(..)),
            Order::GoOn(seen) => *seen = seen.saturating_sub(state.own_stops),
            Order::List => state.lists += 1,
            _ => {}
        }
        drop(state);
        self.shared.give_back(returned);
        match orders::to_message(order) {
            Some(message) => self.put(&message),
            None => Ok(()),
        }
    }

    /// Puts a message behind the attempts that were given before.
    fn put(&mut self, message: &Down) -> io::Result<()> {
        self.put_assignments()?;
        message.encode(&mut self.frames).map_err(too_long)?;
        if self.frames.len() >= FULL {
            self.write()?;
        }
        Ok(())
    }

    fn put_assignments(&mut self) -> io::Result<()> {
        if self.assignments.is_empty() {
            return Ok(());
        }
        self.len = 0;
        let run = Down::Run(std::mem::take(&mut self.assignments));
        run.encode(&mut self.frames).map_err(too_long)?;
        if self.frames.len() >= FULL {
            self.write()?;
        }
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        if !self.frames.is_empty() {
            self.output.write_all(&self.frames)?;
            self.frames.clear();
        }
        Ok(())
    }

    fn run(&mut self, attempts: Vec<Attempt>) -> io::Result<()> {
        let mut returned = Vec::new();
        for attempt in attempts {
            match self.send(attempt)? {
                Fate::Sent => {}
                Fate::Waits(attempt) => self.shared.lock().waiting.push_back(attempt),
                Fate::Returned(attempt) => returned.push(attempt),
            }
        }
        self.shared.give_back(returned);
        Ok(())
    }

    /// Sends those that waited for a slot, as far as there are any.
    fn send_waiting(&mut self) -> io::Result<()> {
        loop {
            let mut state = self.shared.lock();
            if !has_room(&self.shared.config, &state) && state.stopped_until.is_none() {
                return Ok(());
            }
            let Some(attempt) = state.waiting.pop_front() else {
                return Ok(());
            };
            drop(state);
            match self.send(attempt)? {
                Fate::Sent => {}
                Fate::Waits(attempt) => {
                    self.shared.lock().waiting.push_front(attempt);
                    return Ok(());
                }
                Fate::Returned(attempt) => self.shared.give_back(vec![attempt]),
            }
        }
    }

    /// Renders and sends an attempt, if one may be sent now.
    fn send(&mut self, attempt: Attempt) -> io::Result<Fate> {
        let shared = Arc::clone(&self.shared);
        let config = &shared.config;
        let mut state = shared.lock();
        if state.down.is_some() || state.stopped_until.is_some() {
            return Ok(Fate::Returned(attempt));
        }
        if let Some(by) = state.killed {
            drop(state);
            let end = unstarted(&attempt, Outcome::Cancelled { by, signal: None });
            shared.end_unsent(&attempt, end);
            return Ok(Fate::Sent);
        }
        if !has_room(config, &state) {
            return Ok(Fate::Waits(attempt));
        }
        let slot = config
            .shows_slots
            .then(|| state.free_slots.pop_first())
            .flatten();
        drop(state);
        let mut command = match self.render(&attempt, slot) {
            Ok(command) => command,
            Err(end) => {
                shared.lock().free_slots.extend(slot);
                shared.end_unsent(&attempt, end);
                return Ok(Fate::Sent);
            }
        };
        command.task.slot = slot;
        let id = Id(attempt.seq(), attempt.number);
        let input = attempt.work.stdin.clone();
        let assignment = Assignment {
            id,
            task: command.task.clone(),
            input: input.as_ref().map(|stdin| Fed {
                counts: stdin.counts,
            }),
        };
        let mut state = shared.lock();
        if state.down.is_some() {
            return Ok(Fate::Returned(attempt));
        }
        state
            .held
            .insert(id, Held::new(attempt, command, shared.host.clone(), slot));
        drop(state);
        if let Some(stdin) = input {
            self.inputs.insert(id, Input::new(stdin));
        }
        self.len += size(&assignment);
        self.assignments.push(assignment);
        if self.len >= FULL || self.assignments.len() >= MOST {
            self.put_assignments()?;
        }
        Ok(Fate::Sent)
    }

    /// The command of `attempt`; or its end, if it is not to run.
    fn render(&self, attempt: &Attempt, slot: Option<usize>) -> Result<Command, Box<AttemptEnd>> {
        let config = &self.shared.config;
        let until = Until {
            bell: &self.shared.kill,
            is_over: &|| self.shared.lock().killed.is_some(),
        };
        let slot = slot.unwrap_or(1);
        let prepared = config.prepare.prepare_until(&attempt.work, slot, until);
        let command = prepared.map_err(|error| {
            let outcome = match self.shared.lock().killed {
                Some(by) => Outcome::Cancelled { by, signal: None },
                None => not_rendered(error),
            };
            unstarted(attempt, outcome)
        })?;
        if let Some(outcome) = command.skip_as.clone() {
            let info = attempt.info(command, None);
            return Err(ended(attempt, info, outcome));
        }
        let files = command.task.files.iter();
        let len: usize = files
            .map(|(path, content)| path.len() + content.len())
            .sum();
        if command.task.line.len() + len > BODY_MAX / 2 {
            let words = format!("job {} is too long to be sent to a worker", attempt.seq());
            let outcome = Outcome::SpawnFailed(SpawnError::fatal(words));
            let info = attempt.info(command, None);
            return Err(ended(attempt, info, outcome));
        }
        Ok(command)
    }

    /// Says how many pieces of output were dealt with since the last time.
    fn give_credit(&mut self) -> io::Result<()> {
        let mut pieces = 0;
        while self.shared.dealt_with.consume() {
            pieces += 1;
        }
        if pieces > 0 {
            self.put(&Down::Credit(pieces))?;
        }
        Ok(())
    }

    /// Sends a piece to each attempt that may have one; whether there was any.
    fn feed(&mut self) -> io::Result<bool> {
        let mut progress = false;
        let ids: Vec<Id> = self.inputs.keys().copied().collect();
        for id in ids {
            let Some(input) = self.inputs.get_mut(&id) else {
                continue;
            };
            let piece = input.next().unwrap_or(Piece::Short);
            let comes_once = input.comes_once();
            match piece {
                Piece::None => {}
                Piece::Bytes(bytes) => {
                    progress = true;
                    if comes_once && let Some(held) = self.shared.lock().held.get_mut(&id) {
                        held.fed = true;
                    }
                    self.put(&Down::Input(id, bytes))?;
                }
                end @ (Piece::End | Piece::Short) => {
                    if matches!(end, Piece::Short)
                        && let Some(held) = self.shared.lock().held.get_mut(&id)
                    {
                        held.short = true;
                    }
                    self.inputs.remove(&id);
                    self.put(&Down::InputEnd(id))?;
                }
            }
        }
        Ok(progress)
    }

    /// Waits until there is something to do.
    fn wait(&self) -> io::Result<()> {
        let awaited = self.inputs.values().filter_map(Input::awaited);
        let fds = [self.shared.sends.as_fd(), self.shared.dealt_with.as_fd()];
        let mut polled: Vec<_> = fds
            .into_iter()
            .chain(awaited)
            .map(|fd| PollFd::from_borrowed_fd(fd, PollFlags::IN))
            .collect();
        match poll(&mut polled, None) {
            Err(rustix::io::Errno::INTR) | Ok(_) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }
}

fn too_long(error: TooLong) -> io::Error {
    io::Error::other(error.to_string())
}

/// Whether one more attempt may be sent.
fn has_room(config: &Config, state: &State) -> bool {
    !state.closed
        && (!config.shows_slots || has_slot(state))
        && (!config.one_by_one || state.held.is_empty())
}

fn has_slot(state: &State) -> bool {
    !state.free_slots.is_empty() && state.held.len() < state.at_a_time
}

/// Has the receiver leave, too, if the sender panics.
struct Alarm<'a>(&'a Shared);

impl Drop for Alarm<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.leaves.ring();
        }
    }
}
