//! What is reported besides the jobs' output.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::cli::called_as::CalledAs;
use crate::cli::error::UsageError;
use crate::cli::looks;
use crate::cli::values::{self, read};
use crate::model::ArgList;
use crate::plan::{JsonPlan, JsonTarget};
use crate::report::{json, progress};

/// The options of this section that GNU parallel 20221122 has not.
pub(super) const OWN: &[&str] = &[
    "json",
    "json-detail",
    "json-output-limit",
    "json-schema",
    "no-progress",
];

/// Options on reports.
#[derive(Args, Debug)]
#[command(next_help_heading = "Reports")]
pub struct Report {
    /// Show running, done and failed jobs on standard error, also where that is no terminal. On a terminal they are
    /// shown in any case when a run takes longer than a second.
    #[arg(long)]
    pub progress: bool,

    /// Show nothing of a run that goes on, as if standard error were no terminal.
    #[arg(long, overrides_with = "progress")]
    pub no_progress: bool,

    /// Show a progress bar on standard error. Inputs are counted beforehand; those that come through a pipe, one for each
    /// job, while jobs run.
    #[arg(long)]
    pub bar: bool,

    /// Show the estimated time to the end on standard error; counts the inputs as --bar does.
    #[arg(long)]
    pub eta: bool,

    /// Write a line for each job that ends to FILE: times, exit code, signal, command. +FILE goes on at the
    /// end of the file; - is standard output. One run at a time writes to FILE; several may write to one +FILE.
    #[arg(long, alias = "jl", value_name = "FILE")]
    pub joblog: Option<OsString>,

    /// Have the end of each job on the disk (--joblog, --json=FILE, --results) before another starts in its slot, so
    /// that --resume knows it even after a loss of power.
    #[arg(long)]
    pub fsync: bool,

    /// Write JSON lines about the run and its jobs to TARGET: a file, fd:N, or '-' for standard output,
    /// which then has nothing else [default TARGET: -].
    #[arg(long, value_name = "TARGET", num_args = 0..=1, require_equals = true, default_missing_value = "-")]
    pub json: Option<OsString>,

    /// How much goes into the JSON.
    #[arg(long, value_name = "LEVEL", value_enum, default_value_t = Detail::Progress)]
    pub json_detail: Detail,

    /// The most of a job's standard output, and of its standard error, that goes into the JSON, in bytes;
    /// K, M and G are understood.
    #[arg(long, value_name = "SIZE", default_value = "64K")]
    pub json_output_limit: OsString,

    /// Print the JSON Schema of the lines that --json writes.
    #[arg(long)]
    pub json_schema: bool,
}

/// How much goes into the JSON; each level has all of the one before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum Detail {
    /// The run's start and end, and each job's end.
    Results,
    /// And the state of the run, once a second.
    Progress,
    /// And starts, failed tries, and why nothing starts.
    Lifecycle,
    /// And output as it comes.
    Output,
}

/// The files, as they were named, that tell a later run what has been done.
#[derive(Debug)]
pub struct RecordFiles {
    /// The joblog.
    pub joblog: Option<JoblogFile>,
    /// The JSON stream.
    pub json: Option<JsonTarget>,
}

impl RecordFiles {
    /// Whether the JSON stream has standard output to itself.
    pub fn json_on_stdout(&self) -> bool {
        self.json == Some(JsonTarget::Stdout)
    }
}

/// The file of `--joblog`.
#[derive(Clone, Debug)]
pub struct JoblogFile {
    /// Its name.
    pub path: PathBuf,
    /// Whether it goes on at its end by itself (`+FILE`).
    pub appends: bool,
}

/// What else the JSON stream says and depends on.
#[derive(Debug)]
pub struct JsonContext {
    /// Whether this is a dry run, which writes no file: a later --resume would take it for a run.
    pub dry_run: bool,
    /// Whether a file goes on.
    pub append: bool,
    /// Whether fanout sees what jobs write.
    pub captures: bool,
    /// The command line as it was typed.
    pub argv: ArgList,
    /// The command's words, joined.
    pub template: Vec<u8>,
}

impl Report {
    /// Forgets values that are as good as none, as GNU parallel does.
    pub(super) fn forget_empty_values(&mut self) {
        self.joblog.take_if(|path| path.as_os_str().is_empty());
    }

    /// The files that a later run may look into.
    ///
    /// # Errors
    ///
    /// When `--json` names no place.
    pub fn record_files(&self) -> Result<RecordFiles, UsageError> {
        let json = self.json.as_ref();
        Ok(RecordFiles {
            joblog: self.joblog_file(),
            json: json.map(|target| json_target(target)).transpose()?,
        })
    }

    /// The file of `--joblog`.
    pub fn joblog_file(&self) -> Option<JoblogFile> {
        self.joblog.as_ref().and_then(joblog_file)
    }

    /// The JSON stream that goes to `target`, if it is written.
    ///
    /// # Errors
    ///
    /// When `--json-output-limit` is no size.
    pub fn json(
        &self,
        target: Option<JsonTarget>,
        context: JsonContext,
    ) -> Result<Option<JsonPlan>, UsageError> {
        let output_limit = read("--json-output-limit", &self.json_output_limit, values::size)?;
        let is_file = |target: &JsonTarget| matches!(target, JsonTarget::File(_));
        let written = target.filter(|target| !context.dry_run || !is_file(target));
        Ok(written.map(|target| JsonPlan {
            target,
            append: context.append,
            config: json::Config {
                detail: match self.json_detail {
                    Detail::Results => json::Detail::Results,
                    Detail::Progress => json::Detail::Progress,
                    Detail::Lifecycle => json::Detail::Lifecycle,
                    Detail::Output => json::Detail::Output,
                },
                output_limit,
                captures: context.captures,
            },
            argv: context.argv,
            template: context.template,
        }))
    }

    /// Whether the JSON stream has output as it comes.
    pub fn json_streams(&self) -> bool {
        self.json.is_some() && self.json_detail == Detail::Output
    }

    /// The progress display: what was asked for, or, if it may be drawn unasked, what is drawn then.
    pub fn progress(&self, called_as: CalledAs, unasked: bool) -> Option<progress::Config> {
        let asked = self.progress || self.bar || self.eta;
        let ours = called_as == CalledAs::Fanout;
        let unasked = unasked && ours && !self.no_progress && !looks::refuses_display();
        (asked || unasked).then(|| progress::Config {
            asked,
            bar: self.bar || !asked,
            eta: self.eta || !asked,
            rows: ours,
            colors: ours && !looks::refuses_colors(),
            zenity: !ours,
        })
    }
}

fn joblog_file(typed: &OsString) -> Option<JoblogFile> {
    let (path, appends) = match typed.as_bytes().strip_prefix(b"+") {
        // As GNU parallel: no file at all.
        Some([]) => return None,
        Some(path) => (OsStr::from_bytes(path).into(), true),
        None => (typed.into(), false),
    };
    Some(JoblogFile { path, appends })
}

fn json_target(target: &OsStr) -> Result<JsonTarget, UsageError> {
    Ok(match target.to_str() {
        Some("-") => JsonTarget::Stdout,
        Some(name) if name.starts_with("fd:") => {
            let wrong = |_| {
                let why = format!("must be a file, '-' or fd:N, not '{name}'");
                UsageError::value("--json", why)
            };
            JsonTarget::Fd(name[3..].parse().map_err(wrong)?)
        }
        _ => JsonTarget::File(target.into()),
    })
}
