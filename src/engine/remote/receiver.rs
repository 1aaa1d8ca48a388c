//! The thread that reads what a worker says, and tells it.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::AsFd as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use super::shared::{InputEvent, Shared, ToSend};
use crate::engine::{self, Order, Running, Update, Which};
use crate::exec::capture::Capture;
use crate::flow::mailbox::Urgency;
use crate::model::{Content, KilledBy, OutputPiece, Stream};
use crate::protocol::told::Started;
use crate::protocol::{Decoder, End, Fault, Id, Up};
use crate::sys::{fd, stderr, wake};

/// So often a worker that may be on another host is asked for a word.
const PING: Duration = Duration::from_secs(3);
/// So many questions may be unanswered.
const MOST_UNANSWERED: u32 = 2;
/// How long that takes.
const SILENCE: Duration = PING.saturating_mul(MOST_UNANSWERED + 1);

/// What reads from a worker.
pub(super) struct Receiver {
    shared: Arc<Shared>,
    input: File,
    decoder: Decoder,
    /// fanout's own outputs, for jobs that write there.
    own: Option<[File; 2]>,
    said_goodbye: bool,
}

impl Receiver {
    /// What reads `input`, of which `decoder` has read some already.
    ///
    /// # Errors
    ///
    /// When there is no descriptor left.
    pub(super) fn new(shared: Arc<Shared>, input: File, decoder: Decoder) -> io::Result<Self> {
        let own = match shared.config.capture {
            Capture::Inherit => Some([fd::duplicate(1)?, fd::duplicate(2)?]),
            _ => None,
        };
        Ok(Self {
            shared,
            input,
            decoder,
            own,
            said_goodbye: false,
        })
    }

    /// Hears the worker to the end, and answers what it leaves unanswered.
    pub(super) fn receive_all(&mut self) {
        let shared = Arc::clone(&self.shared);
        let mut guard = Answers(Some(&shared));
        let (why, orderly) = match self.hear_until_the_end() {
            Ok(()) if self.said_goodbye => ("it has ended".to_owned(), true),
            Ok(()) => ("it has ended before its time".to_owned(), true),
            Err(Trouble::Broken(error)) => (format!("the connection broke: {error}"), false),
            Err(Trouble::Fault(fault)) => (fault.to_string(), false),
        };
        guard.0 = None;
        let state = shared.lock();
        let nothing_left = state.leaving && state.held.is_empty() && state.lists == 0;
        drop(state);
        if !(self.said_goodbye && nothing_left) {
            shared.end_of_stream(&why, orderly);
        } else if shared.config.is_one_of_several {
            shared.updates.tell(Update::Down(why), Urgency::Now);
        }
    }

    fn hear_until_the_end(&mut self) -> Result<(), Trouble> {
        // One who may be on another host may be gone without a word, and is asked for one again and again.
        let asks = self.shared.config.is_one_of_several;
        let (mut unanswered, mut next) = (0, Instant::now() + PING);
        loop {
            while let Some(frame) = self.decoder.next_frame()? {
                let message = Up::decode(&frame)?;
                self.hear(message)?;
            }
            let left = asks.then(|| next.saturating_duration_since(Instant::now()));
            let (leaves, input) = (&self.shared.leaves, self.input.as_fd());
            let heard = wake::wait_for_either_within(leaves, input, left)?;
            if leaves.is_rung() {
                let why = io::Error::other("it cannot be spoken to");
                return Err(why.into());
            }
            if heard {
                unanswered = 0;
            }
            if asks && Instant::now() >= next {
                if unanswered >= MOST_UNANSWERED {
                    let words = format!("no answer for {} seconds", SILENCE.as_secs());
                    return Err(io::Error::new(io::ErrorKind::TimedOut, words).into());
                }
                unanswered += 1;
                next = Instant::now() + PING;
                self.shared.lock().to_send.push_back(ToSend::Ping);
                self.shared.sends.ring();
            }
            if !heard {
                continue;
            }
            if self.decoder.fill(&mut self.input)? == 0 {
                return Ok(());
            }
        }
    }

    fn hear(&mut self, message: Up) -> Result<(), Fault> {
        let greeted = self.shared.lock().greeted;
        if !greeted && !matches!(message, Up::Hello(_) | Up::Down(_)) {
            let words = "the first message is not 'hello'".to_owned();
            return Err(Fault::Unexpected(words));
        }
        match message {
            Up::Hello(_) => {
                let mut state = self.shared.lock();
                // To one who leaves, and has been told nothing, nothing is said any more.
                state.greeted |= !state.leaving;
                drop(state);
                self.shared.sends.ring();
            }
            Up::Ready => self.ready(),
            Up::Pong => {}
            Up::Down(why) => self.shared.lock().reason = Some(why),
            Up::Begun(ids) => self.begun(&ids)?,
            Up::Started(started) => self.started(started)?,
            Up::Output(id, stream, bytes) => self.wrote(id, stream, bytes)?,
            Up::Kept(id, stream, bytes) => {
                let mut state = self.shared.lock();
                let held = state.held.get_mut(&id).ok_or_else(|| unknown(id))?;
                held.keep(&self.shared.config, stream, &bytes);
            }
            Up::Ended(ends) => self.ended(ends)?,
            Up::Returned(ids) => self.returned(&ids)?,
            Up::Running(running) => self.running(running)?,
            Up::Fewer(slots, why) => {
                let updates = &self.shared.updates;
                updates.tell(Update::Up(engine::Up::slots(slots)), Urgency::Now);
                if !why.is_empty() {
                    updates.tell(Update::Notice(why), Urgency::Now);
                }
            }
            Up::Taken(id, bytes) => self.input(InputEvent::Taken(id, bytes)),
            Up::Unwanted(id) => self.input(InputEvent::Unwanted(id)),
            Up::Notice(words) => stderr::say(&format!("fanout: {}: {words}", self.shared.name)),
            Up::Bye => self.said_goodbye = true,
        }
        Ok(())
    }

    /// It can run attempts: so long a question and its answer take, about.
    fn ready(&self) {
        let since = self.shared.lock().set_up_at;
        if self.shared.config.is_one_of_several {
            let slots = self.shared.config.slots();
            let round_trip = since.map(|since| since.elapsed());
            let up = Update::Up(engine::Up { slots, round_trip });
            self.shared.updates.tell(up, Urgency::Now);
        }
    }

    fn input(&self, event: InputEvent) {
        self.shared.lock().inputs.push(event);
        self.shared.sends.ring();
    }

    fn begun(&self, ids: &[Id]) -> Result<(), Fault> {
        let mut state = self.shared.lock();
        let mut feeds = false;
        for &id in ids {
            let held = state.held.get_mut(&id).ok_or_else(|| unknown(id))?;
            held.begun = true;
            if held.attempt.work.stdin.is_some() {
                state.inputs.push(InputEvent::Begun(id));
                feeds = true;
            }
        }
        drop(state);
        if feeds {
            self.shared.sends.ring();
        }
        Ok(())
    }

    fn started(&self, started: Started) -> Result<(), Fault> {
        let mut state = self.shared.lock();
        let id = started.id;
        let held = state.held.get_mut(&id).ok_or_else(|| unknown(id))?;
        if held.shown().is_some() {
            return Err(Fault::Unexpected(format!("job {} starts again", id.0)));
        }
        held.begun = true;
        let start = held.started(started);
        drop(state);
        if self.shared.config.report_starts {
            self.shared.updates.started(Box::new(start));
        }
        Ok(())
    }

    fn wrote(&mut self, id: Id, stream: Stream, bytes: Vec<u8>) -> Result<(), Fault> {
        let mut state = self.shared.lock();
        let held = state.held.get_mut(&id).ok_or_else(|| unknown(id))?;
        let Some(job) = held.shown().cloned() else {
            return Err(Fault::Unexpected(format!(
                "job {} writes before its start",
                id.0
            )));
        };
        let place = usize::from(stream == Stream::Stderr);
        held.streamed[place] += bytes.len() as u64;
        drop(state);
        let token = Some(self.shared.dealt_with.owed());
        let Some(own) = &mut self.own else {
            self.shared.updates.wrote(OutputPiece {
                job,
                stream,
                content: Content::Bytes(bytes),
                token,
            });
            return Ok(());
        };
        if own[place].write_all(&bytes).is_err() {
            // As a job would be ended by SIGPIPE.
            let order = Order::End(Which::One(id.0), KilledBy::User);
            self.shared.lock().to_send.push_back(ToSend::Order(order));
            self.shared.sends.ring();
        }
        Ok(())
    }

    fn ended(&self, ends: Vec<End>) -> Result<(), Fault> {
        let mut found = Vec::with_capacity(ends.len());
        let mut unfound = None;
        let mut state = self.shared.lock();
        for end in ends {
            let Some(held) = state.held.remove(&end.id) else {
                unfound = Some(unknown(end.id));
                break;
            };
            state.free_slots.extend(held.slot);
            if held.attempt.work.stdin.is_some() {
                state.inputs.push(InputEvent::Unwanted(end.id));
            }
            state.stops += u64::from(state.stop_on.covers(&end.outcome));
            found.push((held, end));
        }
        drop(state);
        let config = &self.shared.config;
        let ended = found.into_iter().map(|(held, end)| held.ended(config, end));
        self.shared.tell_ends(ended.collect());
        self.shared.sends.ring();
        unfound.map_or(Ok(()), Err)
    }

    fn returned(&self, ids: &[Id]) -> Result<(), Fault> {
        let mut returned = Vec::with_capacity(ids.len());
        let mut unfound = None;
        let mut state = self.shared.lock();
        for id in ids {
            let Some(held) = state.held.remove(id) else {
                unfound = Some(unknown(*id));
                break;
            };
            state.free_slots.extend(held.slot);
            if held.attempt.work.stdin.is_some() {
                state.inputs.push(InputEvent::Over(*id));
            }
            returned.push(held);
        }
        drop(state);
        // What was taken of an input that comes once only cannot be given to anybody else.
        let (fed, returned): (Vec<_>, Vec<_>) = returned.into_iter().partition(|it| it.fed);
        let why = format!("{} has given it back, but not its input", self.shared.name);
        let lost = fed.into_iter().map(|it| it.lost(&why)).collect();
        self.shared.tell_ends(lost);
        let returned = returned.into_iter().map(|it| it.attempt);
        self.shared.give_back(returned.collect());
        self.shared.sends.ring();
        unfound.map_or(Ok(()), Err)
    }

    fn running(&self, running: Vec<(Started, std::time::Duration)>) -> Result<(), Fault> {
        let mut state = self.shared.lock();
        state.lists = match state.lists.checked_sub(1) {
            Some(lists) => lists,
            None => {
                return Err(Fault::Unexpected(
                    "a list that was not asked for".to_owned(),
                ));
            }
        };
        let now = Instant::now();
        let running = running.into_iter().filter_map(|(started, since)| {
            // Its end may have been told meanwhile.
            let job = state.held.get(&started.id)?.listed(started);
            let since = now.checked_sub(since).unwrap_or(now);
            Some(Running { job, since })
        });
        let running = Update::Running(running.collect());
        drop(state);
        self.shared.updates.tell(running, Urgency::Now);
        Ok(())
    }
}

fn unknown(id: Id) -> Fault {
    let Id(seq, attempt) = id;
    Fault::Unexpected(format!("attempt {attempt} at job {seq} is none of its"))
}

/// Why a worker is heard no more.
enum Trouble {
    Broken(io::Error),
    Fault(Fault),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Broken(error)
    }
}

impl From<Fault> for Trouble {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

/// Answers everything if the receiver panics.
struct Answers<'a>(Option<&'a Shared>);

impl Drop for Answers<'_> {
    fn drop(&mut self) {
        if let Some(shared) = self.0.take() {
            shared.end_of_stream("the thread that hears it has panicked", false);
        }
    }
}
