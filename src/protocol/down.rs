//! Messages from the coordinator to a worker: attempts, orders about them, and what they read.

use std::iter;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::frame::{Fault, Frame, TooLong, put};
use super::setup::{self, Setup};
use super::wire::{Id, KilledBy, is_false, is_zero, nanos};
use crate::model::Task;

/// A message to a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Down {
    /// How it runs attempts. The first message.
    Setup(Box<Setup>),
    /// It is to run these, in this order.
    Run(Vec<Assignment>),
    /// It begins nothing of what it holds, and gives it back.
    Recall,
    /// After such an end it gives back what it holds and whatever comes.
    StopOn(StopOn),
    /// It begins attempts again, if it has told of so many ends on which to stop, from the beginning on.
    GoOn(u64),
    /// It ends these, if they run.
    End(Which, KilledBy),
    /// It signals these, if they run.
    Signal(Which, JobSignal),
    /// It runs so many at a time.
    Slots(usize),
    /// An attempt may take so long; `None`: as long as it wants.
    TimeLimit(Option<Duration>),
    /// It tells what runs.
    List,
    /// A piece of the standard input of an attempt.
    Input(Id, Vec<u8>),
    /// There is no more of it.
    InputEnd(Id),
    /// So many pieces of output were dealt with.
    Credit(usize),
    /// It answers, to show that it lives.
    Ping,
    /// It runs nothing more, and ends when everything is answered.
    Finish,
}

/// An attempt for a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Assignment {
    /// Which it is.
    pub id: Id,
    /// What is run.
    pub task: Task,
    /// Whether it gets input, and whether how much it was is wanted.
    pub input: Option<Fed>,
}

/// That an attempt gets input.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fed {
    /// Whether the end says how much it was.
    #[serde(default, skip_serializing_if = "is_false")]
    pub counts: bool,
}

/// After which ends a worker stops by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopOn {
    /// Those with an error that ends the run.
    Fatal,
    /// Those that are no success.
    Failure,
}

/// Of the attempts that run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Which {
    /// All of them.
    All,
    /// That of the job with this number.
    One(u64),
    /// The one that was started last.
    Youngest,
}

/// What jobs are told by a signal, but to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum JobSignal {
    /// SIGSTOP.
    Stop,
    /// SIGTSTP.
    TerminalStop,
    /// SIGCONT.
    Continue,
}

#[derive(Serialize, Deserialize)]
struct RunHead {
    tasks: Vec<TaskHead>,
}

/// An attempt; its bytes are `line`, `dir`, `stdin`, and then each of the `files`, its path and its content.
#[derive(Serialize, Deserialize)]
struct TaskHead {
    id: Id,
    #[serde(default, skip_serializing_if = "is_zero")]
    line: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    slot: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    dir: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    stdin: Option<usize>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    files: Vec<(usize, usize)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    input: Option<Fed>,
}

impl TaskHead {
    fn of(it: &Assignment) -> Self {
        let task = &it.task;
        let files = task.files.iter();
        Self {
            id: it.id,
            line: task.line.len(),
            slot: task.slot,
            dir: task.workdir.as_ref().map(Vec::len),
            stdin: task.stdin.as_ref().map(Vec::len),
            files: files
                .map(|(path, content)| (path.len(), content.len()))
                .collect(),
            input: it.input,
        }
    }
}

/// The bytes of `task`, in their order.
fn bytes(task: &Task) -> impl Iterator<Item = &[u8]> + Clone {
    let files = task
        .files
        .iter()
        .flat_map(|(path, content)| [path, content]);
    let some = task.workdir.iter().chain(&task.stdin).chain(files);
    iter::once(&task.line).chain(some).map(Vec::as_slice)
}

#[derive(Serialize, Deserialize)]
struct Nothing {}

#[derive(Serialize, Deserialize)]
struct IdHead {
    id: Id,
}

#[derive(Serialize, Deserialize)]
struct StopOnHead {
    on: StopOn,
}

#[derive(Serialize, Deserialize)]
struct CountHead {
    count: u64,
}

#[derive(Serialize, Deserialize)]
struct EndHead {
    which: Which,
    by: KilledBy,
}

#[derive(Serialize, Deserialize)]
struct SignalHead {
    which: Which,
    signal: JobSignal,
}

#[derive(Serialize, Deserialize)]
struct TimeLimitHead {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    limit: Option<u64>,
}

/// How many bytes `assignment` is on its way, about.
pub fn size(assignment: &Assignment) -> usize {
    bytes(&assignment.task).map(<[u8]>::len).sum()
}

impl Down {
    /// Appends the frame to `out`.
    ///
    /// # Errors
    ///
    /// When it is too long; `out` is as before.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), TooLong> {
        let count = |count: usize| CountHead {
            count: count as u64,
        };
        let none = || iter::empty::<&[u8]>();
        match self {
            Self::Setup(setup) => setup.encode(out),
            Self::Run(tasks) => {
                let head = RunHead {
                    tasks: tasks.iter().map(TaskHead::of).collect(),
                };
                put(
                    out,
                    "run",
                    &head,
                    tasks.iter().flat_map(|it| bytes(&it.task)),
                )
            }
            Self::Recall => put(out, "recall", &Nothing {}, none()),
            Self::StopOn(on) => put(out, "stop_on", &StopOnHead { on: *on }, none()),
            Self::GoOn(seen) => put(out, "go_on", &CountHead { count: *seen }, none()),
            Self::End(which, by) => {
                let (which, by) = (*which, *by);
                put(out, "end", &EndHead { which, by }, none())
            }
            Self::Signal(which, signal) => {
                let (which, signal) = (*which, *signal);
                put(out, "signal", &SignalHead { which, signal }, none())
            }
            Self::Slots(slots) => put(out, "slots", &count(*slots), none()),
            Self::TimeLimit(limit) => {
                let limit = limit.map(nanos);
                put(out, "time_limit", &TimeLimitHead { limit }, none())
            }
            Self::List => put(out, "list", &Nothing {}, none()),
            Self::Input(id, piece) => put(
                out,
                "input",
                &IdHead { id: *id },
                iter::once(piece.as_slice()),
            ),
            Self::InputEnd(id) => put(out, "input_end", &IdHead { id: *id }, none()),
            Self::Credit(pieces) => put(out, "credit", &count(*pieces), none()),
            Self::Ping => put(out, "ping", &Nothing {}, none()),
            Self::Finish => put(out, "finish", &Nothing {}, none()),
        }
    }

    /// Reads the message in `frame`.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub fn decode(frame: &Frame) -> Result<Self, Fault> {
        let name = frame.name()?;
        if !matches!(&*name, setup::NAME | "run" | "input") {
            frame.parts("order").end()?;
        }
        let count = || -> Result<usize, Fault> {
            let CountHead { count } = frame.fields()?;
            Ok(usize::try_from(count).unwrap_or(usize::MAX))
        };
        Ok(match &*name {
            setup::NAME => Self::Setup(Box::new(Setup::decode(frame)?)),
            "run" => Self::Run(run(frame)?),
            "recall" => Self::Recall,
            "stop_on" => Self::StopOn(frame.fields::<StopOnHead>()?.on),
            "go_on" => Self::GoOn(frame.fields::<CountHead>()?.count),
            "end" => {
                let EndHead { which, by } = frame.fields()?;
                Self::End(which, by)
            }
            "signal" => {
                let SignalHead { which, signal } = frame.fields()?;
                Self::Signal(which, signal)
            }
            "slots" => Self::Slots(count()?),
            "time_limit" => {
                let TimeLimitHead { limit } = frame.fields()?;
                Self::TimeLimit(limit.map(Duration::from_nanos))
            }
            "list" => Self::List,
            "input" => Self::Input(frame.fields::<IdHead>()?.id, frame.body.to_vec()),
            "input_end" => Self::InputEnd(frame.fields::<IdHead>()?.id),
            "credit" => Self::Credit(count()?),
            "ping" => Self::Ping,
            "finish" => Self::Finish,
            _ => return Err(Fault::Unknown(name.into_owned())),
        })
    }
}

fn run(frame: &Frame) -> Result<Vec<Assignment>, Fault> {
    let RunHead { tasks } = frame.fields()?;
    let mut parts = frame.parts("run");
    let assignments = tasks.into_iter().map(|head| {
        let line = parts.take_vec(head.line)?;
        let workdir = parts.take_some(head.dir)?;
        let stdin = parts.take_some(head.stdin)?;
        let mut file = |(path, content)| Ok((parts.take_vec(path)?, parts.take_vec(content)?));
        let files = head.files.into_iter().map(&mut file);
        let files = files.collect::<Result<_, Fault>>()?;
        Ok(Assignment {
            id: head.id,
            task: Task {
                line,
                slot: head.slot,
                workdir,
                stdin,
                files,
            },
            input: head.input,
        })
    });
    let assignments = assignments.collect::<Result<_, Fault>>()?;
    parts.end()?;
    Ok(assignments)
}
