//! Messages from a worker to the coordinator: what becomes of attempts.

use std::iter;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Serialize};

use super::frame::{Fault, Frame, TooLong, put};
use super::told::{End, EndHead, Started, StartedHead, words};
use super::wire::{Fd, Id, nanos_since_1970, time_of};
use crate::model::Stream;

/// A message from a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Up {
    /// Who it is. The first message.
    Hello(Hello),
    /// It can run attempts.
    Ready,
    /// It cannot go on, and why.
    Down(String),
    /// It is about to execute these.
    Begun(Vec<Id>),
    /// A process runs.
    Started(Started),
    /// A running attempt has written this. Takes one piece of credit.
    Output(Id, Stream, Vec<u8>),
    /// A part of what an attempt has written, which was kept until its end.
    Kept(Id, Stream, Vec<u8>),
    /// These are over, in this order.
    Ended(Vec<End>),
    /// These were not executed, and never will be.
    Returned(Vec<Id>),
    /// What runs, and for how long.
    Running(Vec<(Started, Duration)>),
    /// There are only so many slots, and why.
    Fewer(usize, String),
    /// An attempt has taken so many bytes of its input.
    Taken(Id, u64),
    /// An attempt wants no more of its input.
    Unwanted(Id),
    /// It lives.
    Pong,
    /// Words for the user.
    Notice(String),
    /// Everything is answered: the last message.
    Bye,
}

/// Who a worker is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hello {
    /// The version of the protocol that it speaks.
    pub version: u32,
    /// The version of fanout.
    pub fanout: String,
    /// Its process id.
    pub pid: u32,
    /// How many CPU threads it may use.
    pub threads: usize,
    /// Its operating system and architecture, as Rust names them.
    pub system: (String, String),
    /// What its clock says.
    pub now: SystemTime,
    /// The file of the shell that it runs commands with unless it is told another; `None`: it has none.
    pub shell: Option<Vec<u8>>,
    /// The file of its user's login shell; `None`: that is not known.
    pub login_shell: Option<Vec<u8>>,
}

#[derive(Serialize, Deserialize)]
struct Nothing {}

#[derive(Serialize, Deserialize)]
struct HelloHead {
    version: u32,
    fanout: String,
    pid: u32,
    threads: usize,
    system: (String, String),
    now: i64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shell: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    login_shell: Option<usize>,
}

/// What speaks of another version may have other fields, too.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

#[derive(Serialize, Deserialize)]
struct WordsHead {
    why: String,
}

#[derive(Serialize, Deserialize)]
struct IdsHead {
    ids: Vec<Id>,
}

#[derive(Serialize, Deserialize)]
struct IdHead {
    id: Id,
}

#[derive(Serialize, Deserialize)]
struct TakenHead {
    id: Id,
    bytes: u64,
}

#[derive(Serialize, Deserialize)]
struct FewerHead {
    slots: usize,
    why: String,
}

#[derive(Serialize, Deserialize)]
struct OutputHead {
    id: Id,
    fd: Fd,
}

#[derive(Serialize, Deserialize)]
struct RunningHead {
    running: Vec<StartedHead>,
}

#[derive(Serialize, Deserialize)]
struct EndedHead {
    ends: Vec<EndHead>,
}

impl Up {
    /// Appends the frame to `out`.
    ///
    /// # Errors
    ///
    /// When it is too long; `out` is as before.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), TooLong> {
        let none = || iter::empty::<&[u8]>();
        match self {
            Self::Hello(hello) => {
                let head = HelloHead {
                    version: hello.version,
                    fanout: hello.fanout.clone(),
                    pid: hello.pid,
                    threads: hello.threads,
                    system: hello.system.clone(),
                    now: nanos_since_1970(hello.now),
                    shell: hello.shell.as_ref().map(Vec::len),
                    login_shell: hello.login_shell.as_ref().map(Vec::len),
                };
                let shells = hello.shell.iter().chain(&hello.login_shell);
                put(out, "hello", &head, shells.map(Vec::as_slice))
            }
            Self::Ready => put(out, "ready", &Nothing {}, none()),
            Self::Down(why) => put(out, "down", &WordsHead { why: why.clone() }, none()),
            Self::Begun(ids) => put(out, "begun", &IdsHead { ids: ids.clone() }, none()),
            Self::Started(it) => put(
                out,
                "started",
                &StartedHead::of(it, None),
                words(it.argv.as_ref()),
            ),
            Self::Output(id, stream, bytes) => output(out, "output", *id, *stream, bytes),
            Self::Kept(id, stream, bytes) => output(out, "kept", *id, *stream, bytes),
            Self::Ended(ends) => {
                let head = EndedHead {
                    ends: ends.iter().map(EndHead::of).collect(),
                };
                let bytes = ends.iter().flat_map(|end| {
                    words(end.argv.as_ref()).chain(end.outputs.iter().map(Vec::as_slice))
                });
                put(out, "ended", &head, bytes)
            }
            Self::Returned(ids) => put(out, "returned", &IdsHead { ids: ids.clone() }, none()),
            Self::Running(running) => {
                let each = running.iter();
                let head = RunningHead {
                    running: each
                        .map(|(it, since)| StartedHead::of(it, Some(*since)))
                        .collect(),
                };
                put(
                    out,
                    "running",
                    &head,
                    running.iter().flat_map(|(it, _)| words(it.argv.as_ref())),
                )
            }
            Self::Fewer(slots, why) => {
                let (slots, why) = (*slots, why.clone());
                put(out, "fewer", &FewerHead { slots, why }, none())
            }
            Self::Taken(id, bytes) => {
                let (id, bytes) = (*id, *bytes);
                put(out, "taken", &TakenHead { id, bytes }, none())
            }
            Self::Unwanted(id) => put(out, "unwanted", &IdHead { id: *id }, none()),
            Self::Pong => put(out, "pong", &Nothing {}, none()),
            Self::Notice(why) => put(out, "notice", &WordsHead { why: why.clone() }, none()),
            Self::Bye => put(out, "bye", &Nothing {}, none()),
        }
    }

    /// Reads the message in `frame`.
    ///
    /// # Errors
    ///
    /// When it is none.
    pub fn decode(frame: &Frame) -> Result<Self, Fault> {
        let name = frame.name()?;
        let has_bytes = ["hello", "started", "output", "kept", "ended", "running"];
        if !has_bytes.contains(&&*name) {
            frame.parts("update").end()?;
        }
        Ok(match &*name {
            "hello" => Self::Hello(hello(frame)?),
            "ready" => Self::Ready,
            "down" => Self::Down(frame.fields::<WordsHead>()?.why),
            "begun" => Self::Begun(frame.fields::<IdsHead>()?.ids),
            "started" => {
                let mut parts = frame.parts("started");
                let head: StartedHead = frame.fields()?;
                let (started, _) = head.read(&mut parts)?;
                parts.end()?;
                Self::Started(started)
            }
            "output" => {
                let OutputHead { id, fd } = frame.fields()?;
                Self::Output(id, fd.0, frame.body.to_vec())
            }
            "kept" => {
                let OutputHead { id, fd } = frame.fields()?;
                Self::Kept(id, fd.0, frame.body.to_vec())
            }
            "ended" => Self::Ended(ended(frame)?),
            "returned" => Self::Returned(frame.fields::<IdsHead>()?.ids),
            "running" => {
                let RunningHead { running } = frame.fields()?;
                let mut parts = frame.parts("running");
                let running = running.into_iter().map(|head| head.read(&mut parts));
                let running = running.collect::<Result<_, _>>()?;
                parts.end()?;
                Self::Running(running)
            }
            "fewer" => {
                let FewerHead { slots, why } = frame.fields()?;
                Self::Fewer(slots, why)
            }
            "taken" => {
                let TakenHead { id, bytes } = frame.fields()?;
                Self::Taken(id, bytes)
            }
            "unwanted" => Self::Unwanted(frame.fields::<IdHead>()?.id),
            "pong" => Self::Pong,
            "notice" => Self::Notice(frame.fields::<WordsHead>()?.why),
            "bye" => Self::Bye,
            _ => return Err(Fault::Unknown(name.into_owned())),
        })
    }
}

fn output(
    out: &mut Vec<u8>,
    name: &str,
    id: Id,
    stream: Stream,
    bytes: &[u8],
) -> Result<(), TooLong> {
    let fd = Fd(stream);
    put(out, name, &OutputHead { id, fd }, iter::once(bytes))
}

fn hello(frame: &Frame) -> Result<Hello, Fault> {
    let Version { version } = frame.fields()?;
    if version != super::VERSION {
        return Err(Fault::Version(version));
    }
    let head: HelloHead = frame.fields()?;
    let mut parts = frame.parts("hello");
    let shell = parts.take_some(head.shell)?;
    let login_shell = parts.take_some(head.login_shell)?;
    parts.end()?;
    Ok(Hello {
        version,
        fanout: head.fanout,
        pid: head.pid,
        threads: head.threads,
        system: head.system,
        now: time_of(head.now),
        shell,
        login_shell,
    })
}

fn ended(frame: &Frame) -> Result<Vec<End>, Fault> {
    let EndedHead { ends } = frame.fields()?;
    let mut parts = frame.parts("ended");
    let ends = ends.into_iter().map(|head| head.read(&mut parts));
    let ends = ends.collect::<Result<_, _>>()?;
    parts.end()?;
    Ok(ends)
}
