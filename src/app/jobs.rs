//! The input and the thread that reads it.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Context as _;

use super::Messages;
use super::each_host::AtEach;
use super::error::RunError;
use super::host_groups::InGroups;
use super::sql::{self, RowSource, Submission};
use crate::flow::mailbox::Urgency;
use crate::hosts::Host;
use crate::input::{Growth, Input, InputConfig, InputCount, Notices, Records};
use crate::job::pack::{Jobs, Packing};
use crate::ledger::done::{self, DoneWork, SeqSet};
use crate::model::{ArgList, Job, RenderJob, Work};
use crate::pipe;
use crate::plan::{JobsPlan, ResumePlan};
use crate::run::Message;
use crate::run::queue::{self, Queue};
use crate::sql::claims::Claims;
use crate::sys::threads;

/// Jobs that can be read, and how many there are, where that is known.
pub struct OpenJobs {
    pub(super) jobs: JobSource,
    names: Vec<Vec<u8>>,
    /// How many there are at most, counted and not only announced.
    pub at_most: Option<u64>,
    /// How many there are.
    pub total: Option<u64>,
    /// The jobs that an earlier run has done, by number.
    pub done: SeqSet,
    /// How many of those an earlier run has logged.
    pub done_before: u64,
    /// The work that an earlier run has done, by key.
    pub done_work: Option<DoneWork>,
    /// The commands of jobs that come with their own.
    pub commands: Option<Arc<dyn RenderJob>>,
    /// The rows of a table that the jobs are.
    pub claims: Option<Arc<Claims>>,
    /// Jobs that are written into a table instead of being run.
    pub submission: Option<Submission>,
    /// Who says whether the file of inputs may still grow.
    growth: Growth,
    /// How many jobs there are, as far as they have been seen.
    pub(super) count: InputCount,
    /// Whether they are counted where they are read.
    is_counted: bool,
}

/// What gives out jobs.
#[derive(Debug)]
pub(super) enum JobSource {
    /// The inputs.
    Read(Jobs<Records>),
    /// Pieces of one input.
    Pieces(Box<pipe::Jobs>),
    /// Commands of an earlier run, and the number of the next job. What is between them was done.
    Logged(BTreeMap<u64, Vec<u8>>, u64),
    /// Rows of a table.
    Rows(Box<RowSource>),
    /// Those of another one, at hosts that their inputs name.
    InGroups(Box<InGroups<JobSource>>),
    /// Those of another one, at each place.
    AtEach(Box<AtEach<JobSource>>),
}

impl JobSource {
    /// One that has no jobs.
    pub(super) fn none() -> Self {
        Self::Logged(BTreeMap::new(), 1)
    }

    /// Whether the next job can be had without waiting.
    pub(super) fn ready(&self) -> bool {
        match self {
            Self::Read(jobs) => jobs.ready(Records::ready),
            Self::Pieces(jobs) => jobs.ready(),
            Self::Logged(..) => true,
            Self::Rows(rows) => rows.ready(),
            Self::AtEach(jobs) => jobs.ready(),
            Self::InGroups(jobs) => jobs.source().ready(),
        }
    }
}

impl Iterator for JobSource {
    type Item = Result<Work, String>;

    fn next(&mut self) -> Option<Self::Item> {
        match self {
            Self::Read(jobs) => jobs
                .next()
                .map(|job| job.map_err(|error| error.to_string())),
            Self::Pieces(jobs) => jobs.next(),
            Self::Rows(rows) => rows.next(),
            Self::AtEach(jobs) => jobs.next(),
            Self::InGroups(jobs) => jobs.next(),
            Self::Logged(commands, seq) => {
                let first = commands.first_entry()?;
                let args = if *first.key() == *seq {
                    ArgList::single(first.remove())
                } else {
                    ArgList::new()
                };
                *seq += 1;
                Some(Ok(Work::of(Job {
                    seq: *seq - 1,
                    args,
                    after_all: false,
                    bound: None,
                })))
            }
        }
    }
}

impl OpenJobs {
    /// The jobs that `source` gives out, of which `before` knows what an earlier run has done.
    fn new(source: JobSource, before: Before) -> Self {
        Self {
            jobs: source,
            names: Vec::new(),
            at_most: None,
            total: None,
            done: before.done,
            done_before: before.ends,
            done_work: before.work,
            commands: None,
            claims: None,
            submission: None,
            growth: Growth::default(),
            count: InputCount::default(),
            is_counted: false,
        }
    }

    /// Each job at hosts that its inputs name, of these.
    fn in_groups(self, hosts: Vec<Host>) -> Self {
        Self {
            jobs: JobSource::InGroups(Box::new(InGroups::new(self.jobs, hosts))),
            ..self
        }
    }

    /// Each job at each of so many places.
    fn at_each(self, places: usize) -> Self {
        let times = |jobs: u64| jobs * places as u64;
        Self {
            at_most: self.at_most.map(times),
            total: self.total.map(times),
            growth: Growth::default(),
            jobs: JobSource::AtEach(Box::new(AtEach::new(self.jobs, places))),
            ..self
        }
    }

    /// Whether all slots must be there before there are jobs, and their number be known.
    pub(super) fn needs_slots(&self) -> bool {
        matches!(&self.jobs, JobSource::Pieces(jobs) if jobs.needs_slots())
    }

    /// How large a block of input is that each slot may hold, in bytes.
    pub(super) fn block_bytes(&self) -> u64 {
        match &self.jobs {
            JobSource::Pieces(jobs) => jobs.block_bytes() as u64,
            _ => 0,
        }
    }

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
pub fn open_jobs(mut plan: JobsPlan, mailbox: &Messages) -> Result<OpenJobs, RunError> {
    let table = plan.sql.take();
    let at_each = plan.at_each;
    let groups_of = plan.groups_of.take();
    // What is written into a table is read in one go.
    let inputs = open_inputs(plan, mailbox, table.is_none())?;
    let inputs = match groups_of {
        Some(hosts) => inputs.in_groups(hosts),
        None => inputs,
    };
    let inputs = match at_each {
        Some(places) => inputs.at_each(places),
        None => inputs,
    };
    match table {
        Some(table) => sql::attach(inputs, table),
        None => Ok(inputs),
    }
}

fn open_inputs(plan: JobsPlan, mailbox: &Messages, may_grow: bool) -> anyhow::Result<OpenJobs> {
    let JobsPlan {
        input,
        packing,
        milestone,
        count_ahead,
        counts_beside,
        total: announced,
        reads_stdin,
        remarks,
        pipe,
        resume,
        only_reads,
        sql: _,
        at_each: _,
        groups_of: _,
        file_of_jobs: _,
    } = plan;
    let messages = Arc::clone(mailbox);
    let remark =
        move |words: &str| messages.post([Message::Remark(words.to_owned())], Urgency::Now);
    let before = resume.map(|plan| read_record(&plan, only_reads, &remark));
    let mut before = before.transpose()?.unwrap_or_default();
    if let Some(commands) = before.failed.take() {
        return Ok(failed_commands(commands));
    }
    if reads_stdin && std::io::IsTerminal::is_terminal(&std::io::stdin()) {
        remark(
            "Warning: reading inputs from the terminal: one a line, Ctrl-D ends them (or use ::: or -a)",
        );
    }
    for words in &remarks {
        remark(words);
    }
    if let Some(config) = pipe {
        let pieces = pieces(config, input, packing, remark)?;
        return Ok(OpenJobs {
            at_most: pieces.at_most(),
            ..OpenJobs::new(JobSource::Pieces(Box::new(pieces)), before)
        });
    }
    // Where inputs are counted, put together or drawn, they are taken as they are at first.
    let one_by_one = !matches!(packing, Packing::Batch(_)) && milestone.is_none();
    let growth = if may_grow && one_by_one && !count_ahead && !input.link && !input.shape.shuffle {
        let messages = Arc::clone(mailbox);
        Growth::new(move || messages.post([Message::InputReady], Urgency::Now))
    } else {
        Growth::default()
    };
    let (count, notices) = (InputCount::default(), Notices::to(remark));
    let mut counting = None;
    if counts_beside && one_by_one {
        let opened = Records::open_counting(&input, &notices, &count);
        counting = opened.map_err(in_one_line)?;
    }
    let is_counted = counting.is_some();
    let count_ahead = count_ahead || counts_beside && !is_counted;
    let input = Input {
        config: input,
        notices,
        growth: growth.clone(),
    };
    let (total, records) = if let Some(records) = counting {
        (None, records)
    } else if !count_ahead {
        (announced, Records::open(input).map_err(in_one_line)?)
    } else if one_by_one {
        let (total, open) = Records::count_ahead(input).map_err(in_one_line)?;
        (Some(total), open)
    } else {
        let count = |records| count_packed(records, &packing, milestone.as_ref());
        Records::read_ahead(input, count).map_err(in_one_line)?
    };
    Ok(OpenJobs {
        names: records.names().to_vec(),
        at_most: total.filter(|_| count_ahead),
        total,
        growth,
        count,
        is_counted,
        ..OpenJobs::new(
            JobSource::Read(Jobs::new(records, packing).with_milestone(milestone)),
            before,
        )
    })
}

/// What an earlier run has done.
#[derive(Default)]
struct Before {
    /// The numbers of its jobs.
    done: SeqSet,
    /// How many ends of jobs that is.
    ends: u64,
    /// Its work, by keys.
    work: Option<DoneWork>,
    /// The only commands to run: those that failed.
    failed: Option<BTreeMap<u64, Vec<u8>>>,
}

/// Reads the record of an earlier run, and says so if its last line is torn; unless that is going to be cut off,
/// which will be said then.
fn read_record(
    plan: &ResumePlan,
    only_reads: bool,
    remark: impl Fn(&str),
) -> anyhow::Result<Before> {
    let mut before = Before::default();
    let (path, option) = match plan {
        ResumePlan::Json(path, _) => (path, "--json="),
        ResumePlan::Joblog(path, _) | ResumePlan::FailedCommands(path) => (path, "--joblog "),
    };
    let name = format!("{option}{}", path.display());
    let cannot = || format!("cannot read {name}");
    let is_torn = match plan {
        ResumePlan::FailedCommands(path) => {
            let read = done::failed_in_joblog(path).with_context(cannot)?;
            before.failed = Some(read.found);
            read.is_torn
        }
        ResumePlan::Joblog(path, counts) => {
            let read = done::in_joblog(path, *counts).with_context(cannot)?;
            (before.done, before.ends) = read.found;
            read.is_torn
        }
        ResumePlan::Json(path, counts) => {
            let read = DoneWork::in_json(path, *counts).with_context(cannot)?;
            before.work = Some(read.found);
            if let Some(damaged) = read.damaged {
                remark(&format!(
                    "Warning: {name}: {damaged}: it counts for nothing"
                ));
            }
            read.is_torn
        }
    };
    if is_torn && only_reads {
        remark(&format!(
            "Warning: the last line of {name} has no end: it is left out"
        ));
    }
    Ok(before)
}

/// The failed `commands` of a joblog, under their old numbers.
fn failed_commands(commands: BTreeMap<u64, Vec<u8>>) -> OpenJobs {
    let last = commands.last_key_value().map_or(0, |(seq, _)| *seq);
    let mut done = SeqSet::default();
    let mut next = 1;
    for &seq in commands.keys() {
        (next..seq).for_each(|between| done.insert(between));
        next = seq + 1;
    }
    let before = Before {
        done,
        ..Before::default()
    };
    OpenJobs {
        at_most: Some(commands.len() as u64),
        total: Some(last),
        ..OpenJobs::new(JobSource::Logged(commands, 1), before)
    }
}

/// Opens the input that is cut into pieces; `input`, if it has sources, has the arguments.
fn pieces(
    config: pipe::Config,
    input: InputConfig,
    packing: Packing,
    remark: impl Fn(&str) + Send + 'static,
) -> anyhow::Result<pipe::Jobs> {
    let args = if input.sources.is_empty() {
        None
    } else {
        let records = Records::open(input).map_err(in_one_line)?;
        let args = Jobs::new(records, packing).into_args();
        let args = args.map(|args| args.map_err(|error| error.to_string()));
        Some(Box::new(args) as pipe::Args)
    };
    pipe::Jobs::open(config, args, Box::new(remark)).map_err(anyhow::Error::msg)
}

/// How many jobs batches, or inputs with milestones in between, make of `records`: the length of lines decides,
/// so all of them are packed. `None`: something is wrong with them.
fn count_packed(records: Records, packing: &Packing, milestone: Option<&Vec<u8>>) -> Option<u64> {
    let mut jobs = Jobs::new(records, packing.clone()).with_milestone(milestone.cloned());
    jobs.try_fold(0, |count, job| job.ok().map(|_| count + 1))
}

/// An error whose own words say everything.
fn in_one_line(error: impl std::fmt::Display) -> anyhow::Error {
    anyhow::Error::msg(error.to_string())
}

/// So many jobs are had sooner than a thread that reads them is there.
const FEW: u64 = 64;

/// Starts the thread that reads the input for `slots`, unless that is as good as read; returns the controller's end.
///
/// # Errors
///
/// When the thread cannot be started, or the input cannot be cut.
pub fn feed(jobs: OpenJobs, slots: usize, mailbox: &Messages) -> anyhow::Result<Queue> {
    let few = jobs.at_most.is_some_and(|most| most <= FEW);
    let count = (!jobs.is_counted).then_some(jobs.count);
    let (mut jobs, growth) = (jobs.jobs, jobs.growth);
    if let JobSource::Pieces(pieces) = &mut jobs {
        pieces.begin(slots).map_err(anyhow::Error::msg)?;
    }
    if few && matches!(jobs, JobSource::Read(_)) {
        return Ok(queue::filled(jobs));
    }
    let (feed, queue) = queue::queue();
    let feed = feed.counting(count);
    let mailbox = Arc::clone(mailbox);
    let tell = move || mailbox.post([Message::InputReady], Urgency::Now);
    threads::start("input", move || feed.run(jobs, JobSource::ready, tell))
        .context("cannot start the thread that reads the input")?;
    Ok(queue.with_growth(growth))
}
