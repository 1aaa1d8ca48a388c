//! Policy: when a job starts, whether it is tried again, when the run ends and with which exit code.
//!
//! Nothing in here touches a file descriptor. The [`controller`] waits in one place, the mailbox, for
//! [`Message`]s from the engines, the input, the signals and the reports, asks the small pure state
//! machines beside it what to do, and tells an [`Observer`] what happened.

pub mod controller;
pub mod fleet;
pub mod gate;
pub mod halt;
pub mod jobs_spec;
pub mod lookahead;
pub mod number;
pub mod permit;
pub mod place;
pub mod queue;
pub mod retry;
pub mod slot_count;
pub mod time_limit;

use std::time::Instant;

use crate::engine::Update;
use crate::model::{Event, PlaceId};
use crate::sys::signals::Signal;

/// Whatever the controller may have to react to.
#[derive(Debug)]
pub enum Message {
    /// A place's engine says something.
    Engine(PlaceId, Update),
    /// The input has jobs, or its end, after the queue had run dry.
    InputReady,
    /// Something that the user should know about the input.
    Remark(String),
    /// The same, without the name of the program in front.
    PlainRemark(String),
    /// A gate that said [`gate::Admit::Recheck`] may have something else to say.
    GateReady,
    /// A gate cannot say anything, now or later: why.
    GateFailed(String),
    /// A signal arrived.
    Signal(Signal),
    /// Nobody reads standard output any more.
    StdoutClosed,
    /// A report cannot be written: what and why. The user has been told.
    ReportFailed(String),
    /// The reports have caught up after having been behind.
    ReportsCaughtUp,
}

/// Is told everything that happens.
pub trait Observer {
    /// Takes events in their order; does not block.
    fn observe(&mut self, events: Vec<Event>);

    /// When it wants to be called though nothing has happened, with no events; `None`: not at all.
    fn due(&self) -> Option<Instant> {
        None
    }

    /// Whether so much waits to be reported that no more work should be begun. Once it has said so, it
    /// has [`Message::ReportsCaughtUp`] posted when that is over.
    fn is_behind(&self) -> bool;
}
