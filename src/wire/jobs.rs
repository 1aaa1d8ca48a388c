//! The input and the thread that reads it.

use std::sync::Arc;
use std::thread;

use anyhow::Context as _;

use super::Letters;
use crate::input::{InputConfig, Notices, Records, SourceKind, SourceSpec};
use crate::job::pack::{Jobs, Packing};
use crate::model::Job;
use crate::pipe;
use crate::plan::JobsPlan;
use crate::run::Message;
use crate::run::queue::{Queue, queue};
use crate::sys::mailbox::Urgency;

/// Jobs that can be read, and how many there are, where that is known.
#[derive(Debug)]
pub struct OpenJobs {
    jobs: Source,
    names: Vec<Vec<u8>>,
    /// How many there are at most, counted and not only announced.
    pub at_most: Option<u64>,
    /// How many there are.
    pub total: Option<u64>,
}

/// What makes jobs.
#[derive(Debug)]
enum Source {
    Records(Jobs<Records>),
    Pipe(Box<pipe::Jobs>),
}

impl Iterator for Source {
    type Item = Result<Job, String>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Records(jobs) => Some(jobs.next()?.map_err(|error| error.to_string())),
            Self::Pipe(jobs) => jobs.next(),
        }
    }
}

impl Source {
    fn ready(&self) -> bool {
        match self {
            Self::Records(jobs) => jobs.ready(Records::ready),
            Self::Pipe(jobs) => jobs.ready(),
        }
    }
}

impl OpenJobs {
    /// The names of the arguments, as far as a header gave any.
    pub fn names(&self) -> &[Vec<u8>] {
        &self.names
    }
}

/// Opens the input; counts it, if that is wanted.
///
/// # Errors
///
/// When a file cannot be opened, or counted.
pub fn open_jobs(plan: JobsPlan, mailbox: &Letters) -> anyhow::Result<OpenJobs> {
    let JobsPlan {
        mut input,
        packing,
        count_ahead,
        total: announced,
        reads_stdin,
        remarks,
        pipe,
    } = plan;
    let letters = Arc::clone(mailbox);
    let remark = move |words: &str| letters.post([Message::Remark(words.to_owned())], Urgency::Now);
    if reads_stdin && std::io::IsTerminal::is_terminal(&std::io::stdin()) {
        remark(
            "Warning: reading inputs from the terminal: one a line, Ctrl-D ends them (or use ::: or -a)",
        );
    }
    for words in &remarks {
        remark(words);
    }
    if let Some(config) = pipe {
        return open_pipe(config, input, remark);
    }
    let packed = count_ahead
        .then(|| count_packed(&input, &packing))
        .flatten();
    input.notices = Notices::to(remark);
    let (total, records) = if packed.is_some() {
        (packed, Records::open(input).map_err(in_one_line)?)
    } else if count_ahead {
        let (records, open) = Records::count_ahead(input).map_err(in_one_line)?;
        (packing.jobs(records), open)
    } else {
        (announced, Records::open(input).map_err(in_one_line)?)
    };
    Ok(OpenJobs {
        names: records.names().to_vec(),
        jobs: Source::Records(Jobs::new(records, packing)),
        at_most: total.filter(|_| count_ahead),
        total,
    })
}

/// Opens the input that is cut into pieces; `input`, if it has sources, has the arguments.
fn open_pipe(
    config: pipe::Config,
    input: InputConfig,
    remark: impl Fn(&str) + Send + 'static,
) -> anyhow::Result<OpenJobs> {
    let args = if input.sources.is_empty() {
        None
    } else {
        let records = Records::open(input).map_err(in_one_line)?;
        let args = records.map(|args| args.map_err(|error| error.to_string()));
        Some(Box::new(args) as pipe::Args)
    };
    let jobs = pipe::Jobs::open(config, args, Box::new(remark)).map_err(anyhow::Error::msg)?;
    Ok(OpenJobs {
        names: Vec::new(),
        jobs: Source::Pipe(Box::new(jobs)),
        at_most: None,
        total: None,
    })
}

/// How many jobs batches make of inputs that can be read twice: the length of lines decides, so all of
/// them are packed. `None`: that is not the way to count, or something is wrong with them.
fn count_packed(input: &InputConfig, packing: &Packing) -> Option<u64> {
    let again = |source: &SourceSpec| match &source.kind {
        SourceKind::Words(_) => true,
        SourceKind::File(path) => std::fs::metadata(path).is_ok_and(|it| it.is_file()),
        SourceKind::Stdin => false,
    };
    if !matches!(packing, Packing::Batch(_)) || !input.sources.iter().all(again) {
        return None;
    }
    let records = Records::open(input.clone()).ok()?;
    Jobs::new(records, packing.clone()).try_fold(0, |count, job| job.ok().map(|_| count + 1))
}

/// An error whose own words say everything.
fn in_one_line(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow::Error::msg(error.to_string())
}

/// Starts the thread that reads the input; returns the controller's end.
///
/// # Errors
///
/// When the thread cannot be started.
pub fn feed(jobs: OpenJobs, mailbox: &Letters) -> anyhow::Result<Queue> {
    let (feed, queue) = queue();
    let mailbox = Arc::clone(mailbox);
    let tell = move || mailbox.post([Message::InputReady], Urgency::Now);
    thread::Builder::new()
        .name("input".into())
        .spawn(move || feed.run(jobs.jobs, Source::ready, tell))
        .context("cannot start the thread that reads the input")?;
    Ok(queue)
}
