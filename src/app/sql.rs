//! Jobs that are written into a table, and jobs that are taken from one.

mod mark;

use std::borrow::Cow;
use std::collections::VecDeque;
use std::io::{self, Write as _};
use std::sync::Arc;
use std::time::Duration;

use self::mark::WorkerMark;
use super::error::RunError;
use super::jobs::{JobSource, OpenJobs};
use crate::job::stored::StoredCommands;
use crate::job::{Renderer, TemplateSpec};
use crate::model::{ArgList, ExitCode, Job, RenderJob as _, Work};
use crate::plan::{SqlPlan, WorkerPlan};
use crate::sql::claims::{Claims, Taken};
use crate::sql::{self, Row, SqlError, Table, Waiting, Worker};
use crate::sys::host;

/// So many jobs are written in one go, with arguments of about so many bytes.
const BATCH: usize = 10_000;
const BATCH_BYTES: usize = 1 << 20;

/// How long a master that waits sleeps before it looks again, at first and at most.
const PAUSES: [Duration; 2] = [Duration::from_millis(10), Duration::from_secs(1)];

/// Jobs on their way into a table.
#[derive(Debug)]
struct Master {
    jobs: JobSource,
    command: Vec<u8>,
    /// Whether the table is there.
    begun: bool,
    over: bool,
}

impl Master {
    /// The next jobs: at least one, and those that can be had without waiting. None: there are no more.
    fn batch(&mut self) -> Result<Vec<Work>, String> {
        let (mut batch, mut bytes) = (Vec::new(), 0);
        let has_room = |jobs: usize, bytes: usize| jobs < BATCH && bytes < BATCH_BYTES;
        while !self.over && has_room(batch.len(), bytes) && (batch.is_empty() || self.jobs.ready())
        {
            match self.jobs.next().transpose()? {
                Some(job) => {
                    bytes += job.args().iter().map(<[u8]>::len).sum::<usize>();
                    batch.push(job);
                }
                None => self.over = true,
            }
        }
        Ok(batch)
    }

    /// Writes `jobs` into `table`, which is made for the first.
    fn write(&mut self, jobs: &[Work], table: &mut dyn Table) -> Result<(), SqlError> {
        let args: Vec<Vec<&[u8]>> = jobs.iter().map(|job| job.args().iter().collect()).collect();
        let waiting: Vec<_> = args
            .iter()
            .map(|args| Waiting {
                command: &self.command,
                args,
            })
            .collect();
        if !std::mem::replace(&mut self.begun, true) {
            let values = waiting.first().map_or(1, |job| job.args.len().max(1));
            return table.create(values, &waiting);
        }
        if waiting.is_empty() {
            return Ok(());
        }
        table.insert(&waiting)
    }
}

/// Jobs for a table whose rows others run.
#[derive(Debug)]
pub struct Submission {
    master: Master,
    table: Box<dyn Table>,
    /// Whether it lasts until all jobs are over.
    waits: bool,
    /// Whether those that fail while it waits count in the exit code.
    counts_failed: bool,
    /// Whether each command line is printed.
    shows: bool,
}

impl Submission {
    /// Writes all jobs.
    ///
    /// # Errors
    ///
    /// When the inputs cannot be read, or the table not be written.
    pub fn submit(
        mut self,
        mut renderer: Renderer,
        total: Option<u64>,
        slots: usize,
    ) -> Result<ExitCode, RunError> {
        let counts = self.waits && self.counts_failed;
        // In a table that goes on, jobs may have failed before.
        let before = if counts && self.master.begun {
            self.table.failed()?
        } else {
            0
        };
        if self.shows {
            renderer.begin(total, slots).map_err(anyhow::Error::msg)?;
        }
        loop {
            let jobs = self.master.batch().map_err(anyhow::Error::msg)?;
            self.master.write(&jobs, &mut *self.table)?;
            if self.shows && !show(&jobs, &renderer)? {
                return Ok(ExitCode::BrokenPipe);
            }
            if self.master.over {
                break;
            }
        }
        // Nobody tells when a row is over, so it has to look.
        let [mut pause, longest] = PAUSES;
        while self.waits && !self.table.is_done()? {
            std::thread::sleep(pause);
            pause = (pause * 2).min(longest);
        }
        if !counts {
            return Ok(ExitCode::Jobs(0));
        }
        let failed = self.table.failed()?.saturating_sub(before);
        Ok(ExitCode::of_failed(failed))
    }
}

/// Prints the command lines of `jobs`; false: nobody reads them.
fn show(jobs: &[Work], renderer: &Renderer) -> anyhow::Result<bool> {
    let mut lines = Vec::new();
    for job in jobs {
        let command = renderer
            .prepare(job, 1)
            .map_err(|error| anyhow::Error::msg(error.why))?;
        lines.extend_from_slice(&command.task.line);
        lines.push(b'\n');
    }
    match io::stdout().write_all(&lines) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(false),
        written => Ok(written.map(|()| true)?),
    }
}

/// Rows that were taken from a table, as jobs.
#[derive(Debug)]
pub(super) struct RowSource {
    claims: Arc<Claims>,
    /// What was taken and is not given out yet.
    rows: VecDeque<Row>,
    /// Writes the rows, if not others did that.
    master: Option<Master>,
    /// With `-k`: the number that comes next.
    in_order: Option<u64>,
    /// With `--wait`, it lasts until all rows are over: how long to sleep before it is looked again.
    pause: Option<Duration>,
}

impl RowSource {
    /// Whether the next job can be had without waiting.
    pub(super) fn ready(&self) -> bool {
        !self.rows.is_empty()
    }

    fn give_out(&mut self) -> Option<Work> {
        let row = self.rows.pop_front()?;
        let (mut seq, mut args) = (row.seq, ArgList::new());
        match &mut self.in_order {
            Some(next) if *next < seq => {
                // A job of somebody else's: without arguments it is passed over.
                seq = *next;
                *next += 1;
                self.rows.push_front(row);
            }
            next => {
                if let Some(next) = next {
                    *next = seq + 1;
                }
                for arg in &row.args {
                    args.push(&without_nul(arg));
                }
                if args.is_empty() {
                    args.push(b"");
                }
            }
        }
        Some(Work::of(Job {
            seq,
            args,
            after_all: false,
            bound: None,
        }))
    }

    /// Takes rows; false: there are none any more.
    fn take(&mut self) -> Result<bool, String> {
        let failed = |error: SqlError| error.to_string();
        if self.writes_more(JobSource::ready) {
            self.write()?;
        }
        match self.claims.take().map_err(failed)? {
            Taken::Rows(rows) => self.rows.extend(rows),
            Taken::Enough(_) if self.writes_more(JobSource::ready) => {}
            Taken::Enough(finished) => self.claims.wait(finished),
            Taken::None if self.writes_more(|_| true) => self.write()?,
            Taken::None => return self.wait_for_others(),
        }
        Ok(true)
    }

    /// No row waits; true: one may wait again, as some are not over yet.
    fn wait_for_others(&mut self) -> Result<bool, String> {
        let Some(pause) = &mut self.pause else {
            return Ok(false);
        };
        let done = self.claims.with_table(|table| table.is_done());
        if done.map_err(|error| error.to_string())? {
            return Ok(false);
        }
        std::thread::sleep(*pause);
        *pause = (*pause * 2).min(PAUSES[1]);
        Ok(true)
    }

    /// Whether there are jobs to be written of which `is_wanted` says so; the first makes the table.
    fn writes_more(&self, is_wanted: impl Fn(&JobSource) -> bool) -> bool {
        let master = self.master.as_ref();
        master.is_some_and(|it| !it.begun || (!it.over && is_wanted(&it.jobs)))
    }

    fn write(&mut self) -> Result<(), String> {
        if let Some(master) = &mut self.master {
            let jobs = master.batch()?;
            let written = self.claims.with_table(|table| master.write(&jobs, table));
            written.map_err(|error| error.to_string())?;
        }
        Ok(())
    }
}

impl Iterator for RowSource {
    type Item = Result<Work, String>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            if let Some(job) = self.give_out() {
                return Some(Ok(job));
            }
            match self.take() {
                Ok(true) => {}
                Ok(false) => return None,
                Err(why) => return Some(Err(why)),
            }
        }
    }
}

/// As in other inputs: a NUL byte, which no argument can hold, becomes the two characters `\0`.
fn without_nul(arg: &[u8]) -> Cow<'_, [u8]> {
    if memchr::memchr(0, arg).is_none() {
        return Cow::Borrowed(arg);
    }
    let parts: Vec<_> = arg.split(|&byte| byte == 0).collect();
    Cow::Owned(parts.join(&b"\\0"[..]))
}

/// Has the jobs of `inputs` go through the table of `plan`.
///
/// # Errors
///
/// When it cannot be opened.
pub(super) fn attach(mut inputs: OpenJobs, plan: SqlPlan) -> Result<OpenJobs, RunError> {
    let append = plan.url.append;
    let is_new = plan.master.is_some() && !append;
    let worker = match &plan.worker {
        Some(_) => Worker {
            host: host::name(),
            mark: WorkerMark::own().to_string(),
        },
        None => Worker::default(),
    };
    let mut table = sql::open(&plan.url, is_new, worker)?;
    if !is_new {
        table.go_on()?;
    }
    let jobs = std::mem::replace(&mut inputs.jobs, JobSource::none());
    let templates = plan.templates;
    let (mut master, mut waits, mut shows, mut counts_failed) = (None, false, false, false);
    if let Some(plan) = plan.master {
        let command = templates.stored(inputs.names());
        let command = command.map_err(anyhow::Error::msg)?;
        master = Some(Master {
            jobs,
            command,
            begun: append,
            over: false,
        });
        (waits, shows, counts_failed) = (plan.waits, plan.shows, plan.counts_failed);
    }
    match (plan.worker, master) {
        (Some(plan), master) => work(&mut inputs, table, master, &plan, *templates, waits)?,
        (None, Some(master)) => {
            inputs.submission = Some(Submission {
                master,
                table,
                waits,
                counts_failed,
                shows,
            });
        }
        (None, None) => {}
    }
    Ok(inputs)
}

/// Has the jobs be those of `table`, written by `master` if there is one.
fn work(
    inputs: &mut OpenJobs,
    mut table: Box<dyn Table>,
    master: Option<Master>,
    plan: &WorkerPlan,
    templates: TemplateSpec,
    waits: bool,
) -> Result<(), SqlError> {
    if !plan.only_looks && master.as_ref().is_none_or(|master| master.begun) {
        let own = WorkerMark::own();
        table.release_abandoned(&|mark| own.says_gone(mark))?;
    }
    if master.is_none() {
        inputs.total = Some(table.count()?);
    }
    inputs.at_most = None;
    let claims = Arc::new(Claims::new(table, plan.slots).only_looking(plan.only_looks));
    let find = {
        let claims = Arc::clone(&claims);
        Box::new(move |seq| claims.command(seq))
    };
    inputs.commands = Some(Arc::new(StoredCommands::new(
        find,
        templates,
        plan.program,
        inputs.total,
        plan.slots,
    )));
    inputs.claims = Some(Arc::clone(&claims));
    inputs.jobs = JobSource::Rows(Box::new(RowSource {
        claims,
        rows: VecDeque::new(),
        master,
        in_order: plan.in_order.then_some(1),
        pause: waits.then_some(PAUSES[0]),
    }));
    Ok(())
}
