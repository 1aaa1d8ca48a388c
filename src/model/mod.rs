//! The words that every layer shares: jobs, outcomes, events. Data only.
//!
//! Nothing in here opens, spawns, prints or decides. `run` produces [`Event`]s, `report` listens to
//! them, the engines answer with [`AttemptEnd`]s; none of them needs to know another.

mod args;
mod durations;
mod event;
mod exit_code;
mod job;
mod outcome;
mod place;
mod stdin;

pub use args::ArgList;
pub use durations::{Durations, MovingAverage};
pub use event::{
    AttemptEnd, AttemptInfo, AttemptStart, Content, DryRunLines, Event, Left, OutputPiece, Ran,
    RunEnd, RunStart, Stream, Tally, Where,
};
pub use exit_code::{ExitCode, LastWord, MANY};
pub use job::{Bound, Command, Job, RenderJob, RenderedSink, Task, Work};
pub use outcome::{KilledBy, Outcome, OutputLost, SpawnError};
pub use place::{HERE, PlaceId};
pub use stdin::{Body, Stdin};

pub use crate::sys::child::{Exit, Usage};
