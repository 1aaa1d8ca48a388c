//! What a worker is told once: how commands are run, and what all attempts have in common.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::frame::{Fault, Frame, TooLong, put};
use super::wire::{is_false, is_zero, nanos};

pub(super) const NAME: &str = "setup";

/// No worker has more slots.
const MOST_SLOTS: usize = 1 << 20;

/// How a worker runs attempts. Paths, variables and shell code are bytes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Setup {
    /// How many run at a time.
    pub slots: usize,
    /// How many slots other workers have whose numbers are before the worker's own.
    pub slots_before: usize,
    /// The file of the shell, and its own name for itself; `None`: the worker's own choice.
    pub shell: Option<(Vec<u8>, Vec<u8>)>,
    /// Every command runs in the shell.
    pub always_shell: bool,
    /// One shell may run several commands.
    pub warm: bool,
    /// Shell code before each command.
    pub prelude: Vec<u8>,
    /// Jobs inherit the worker's environment; without it, `env` alone.
    pub own_environment: bool,
    /// Variables that jobs get, over those of the same name.
    pub env: Vec<(Vec<u8>, Vec<u8>)>,
    /// The directory that jobs run in; `None`: the worker's own.
    pub cwd: Option<Vec<u8>>,
    /// The name by which that was entered, if it is another.
    pub pwd: Option<Vec<u8>>,
    /// Where temporary files go; `None`: where the worker's do.
    pub temporary: Option<Vec<u8>>,
    /// Whether jobs may run in other directories.
    pub has_workdirs: bool,
    /// The variable that has the number of the slot, counted from 0.
    pub slot_variable: String,
    /// How jobs get their input.
    pub input: InputBy,
    /// Whether a command of `--cat` that fails as GNU parallel does not notice is taken for a success.
    pub forgives_cat: bool,
    /// Output is sent on while jobs run; without it, when they have ended.
    pub streams: bool,
    /// Starts are told.
    pub starts: bool,
    /// Each attempt is over before the next is made ready.
    pub one_by_one: bool,
    /// Files that were made for a job are removed when it is over.
    pub remove_made_files: bool,
    /// A directory of a job in which it left nothing is removed.
    pub remove_empty_workdirs: bool,
    /// The niceness of jobs.
    pub nice: Option<i32>,
    /// How attempts are ended: signals, each with how long to wait after it.
    pub term_seq: Vec<(i32, Duration)>,
    /// How long an attempt may take, until there is an order about it.
    pub time_limit: Option<Duration>,
    /// The coordinator is gone if nothing is heard of it for so long, unless jobs were stopped on its behalf.
    pub patience: Option<Duration>,
}

/// How jobs get their input.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InputBy {
    /// On their standard input.
    #[default]
    Pipe,
    /// In a file that `$PARALLEL_TMP` names.
    File,
    /// Through a FIFO that `$PARALLEL_TMP` names.
    Fifo,
}

/// The header. Bytes follow in the order of `shell`, `prelude`, `env`, `cwd`, `pwd`, `temporary`.
#[derive(Serialize, Deserialize)]
struct Head {
    version: u32,
    slots: usize,
    #[serde(default, skip_serializing_if = "is_zero")]
    slots_before: usize,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    shell: Option<(usize, usize)>,
    #[serde(default, skip_serializing_if = "is_zero")]
    prelude: usize,
    #[serde(default)]
    env: Vec<(usize, usize)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    cwd: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pwd: Option<usize>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    temporary: Option<usize>,
    #[serde(default, skip_serializing_if = "is_false")]
    always_shell: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    warm: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    own_environment: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    has_workdirs: bool,
    #[serde(default = "slot_variable")]
    slot_variable: String,
    #[serde(default)]
    input: InputBy,
    #[serde(default, skip_serializing_if = "is_false")]
    forgives_cat: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    streams: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    starts: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    one_by_one: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    remove_made_files: bool,
    #[serde(default, skip_serializing_if = "is_false")]
    remove_empty_workdirs: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    nice: Option<i32>,
    #[serde(default = "term_seq")]
    term_seq: Vec<(i32, u64)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    time_limit: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    patience: Option<u64>,
}

/// What speaks of another version may have other fields, too.
#[derive(Deserialize)]
struct Version {
    version: u32,
}

fn slot_variable() -> String {
    "PARALLEL_JOBSLOT0".to_owned()
}

/// TERM, and KILL after a second.
fn term_seq() -> Vec<(i32, u64)> {
    vec![(15, 1_000_000_000), (9, 0)]
}

impl Setup {
    /// Appends it to `out`.
    ///
    /// # Errors
    ///
    /// When it is too long: the environment is, or the code before each command.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), TooLong> {
        let term_seq = self.term_seq.iter();
        let len = |bytes: &Vec<u8>| bytes.len();
        let head = Head {
            version: super::VERSION,
            slots: self.slots,
            slots_before: self.slots_before,
            shell: self
                .shell
                .as_ref()
                .map(|(path, name)| (path.len(), name.len())),
            prelude: self.prelude.len(),
            env: self
                .env
                .iter()
                .map(|(name, value)| (name.len(), value.len()))
                .collect(),
            cwd: self.cwd.as_ref().map(len),
            pwd: self.pwd.as_ref().map(len),
            temporary: self.temporary.as_ref().map(len),
            always_shell: self.always_shell,
            warm: self.warm,
            own_environment: self.own_environment,
            has_workdirs: self.has_workdirs,
            slot_variable: self.slot_variable.clone(),
            input: self.input,
            forgives_cat: self.forgives_cat,
            streams: self.streams,
            starts: self.starts,
            one_by_one: self.one_by_one,
            remove_made_files: self.remove_made_files,
            remove_empty_workdirs: self.remove_empty_workdirs,
            nice: self.nice,
            term_seq: term_seq
                .map(|(signal, pause)| (*signal, nanos(*pause)))
                .collect(),
            time_limit: self.time_limit.map(nanos),
            patience: self.patience.map(nanos),
        };
        let pairs = self.shell.iter().flat_map(|(path, name)| [path, name]);
        let env = self.env.iter().flat_map(|(name, value)| [name, value]);
        let rest = self.cwd.iter().chain(&self.pwd).chain(&self.temporary);
        let body = pairs.chain([&self.prelude]).chain(env).chain(rest);
        put(out, NAME, &head, body.map(Vec::as_slice))
    }

    /// Reads it from `frame`.
    ///
    /// # Errors
    ///
    /// When it speaks of another version, or is not whole.
    pub fn decode(frame: &Frame) -> Result<Self, Fault> {
        let Version { version } = frame.fields()?;
        if version != super::VERSION {
            return Err(Fault::Version(version));
        }
        let head: Head = frame.fields()?;
        let slots = head.slots.max(head.slots_before);
        if slots > MOST_SLOTS {
            let words = format!("{slots} slots are too many for one worker");
            return Err(Fault::Unexpected(words));
        }
        let mut parts = frame.parts(NAME);
        let pair = |parts: &mut super::frame::Parts, (one, other)| {
            Ok::<_, Fault>((parts.take_vec(one)?, parts.take_vec(other)?))
        };
        let shell = head.shell.map(|lens| pair(&mut parts, lens)).transpose()?;
        let prelude = parts.take_vec(head.prelude)?;
        let env = head.env.into_iter().map(|lens| pair(&mut parts, lens));
        let env = env.collect::<Result<_, _>>()?;
        let cwd = parts.take_some(head.cwd)?;
        let pwd = parts.take_some(head.pwd)?;
        let temporary = parts.take_some(head.temporary)?;
        parts.end()?;
        let term_seq = head.term_seq.into_iter();
        Ok(Self {
            slots: head.slots.max(1),
            slots_before: head.slots_before,
            shell,
            always_shell: head.always_shell,
            warm: head.warm,
            prelude,
            own_environment: head.own_environment,
            env,
            cwd,
            pwd,
            temporary,
            has_workdirs: head.has_workdirs,
            slot_variable: head.slot_variable,
            input: head.input,
            forgives_cat: head.forgives_cat,
            streams: head.streams,
            starts: head.starts,
            one_by_one: head.one_by_one,
            remove_made_files: head.remove_made_files,
            remove_empty_workdirs: head.remove_empty_workdirs,
            nice: head.nice,
            term_seq: term_seq
                .map(|(signal, pause)| (signal, Duration::from_nanos(pause)))
                .collect(),
            time_limit: head.time_limit.map(Duration::from_nanos),
            patience: head.patience.map(Duration::from_nanos),
        })
    }
}
