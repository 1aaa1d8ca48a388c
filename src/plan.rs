//! What is to be done, resolved from the command line: one field for each of those who do it.
//!
//! Nobody passes it down: `lib.rs` takes it apart and hands each its own part.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use crate::engine::local::JobStdin;
use crate::exec::capture::Streams;
use crate::exec::shell::Shell;
use crate::exec::stdin::StdinTransport;
use crate::exec::term_seq::TermSeq;
use crate::flow::spool::Codec;
use crate::hosts::Host;
use crate::input::{InputConfig, Shape, SourceKind};
use crate::job::pack::Packing;
use crate::job::{Renderer, TemplateSpec, Templates};
use crate::ledger::done::Counts;
use crate::model::ArgList;
use crate::pipe;
use crate::report::{json, progress, summary, text};
use crate::run::halt::{ExitRule, HaltPolicy};
use crate::run::jobs_spec::{JobsFile, JobsSpec, LoadFile};
use crate::run::retry::Retry;
use crate::sql::url::Dburl;
use crate::sys::pressure::Resource;
use crate::template::Quoting;

/// A whole run.
#[derive(Debug, PartialEq)]
pub struct Plan {
    /// Where jobs come from.
    pub jobs: JobsPlan,
    /// How commands are rendered.
    pub renderer: RendererPlan,
    /// How attempts are run.
    pub engine: EnginePlan,
    /// When they are run.
    pub run: RunPlan,
    /// What is reported.
    pub report: ReportPlan,
}

impl Plan {
    /// Makes it one job without inputs, whatever they were.
    pub fn make_one_without_inputs(&mut self) {
        let jobs = &mut self.jobs;
        jobs.input.sources = vec![SourceKind::Words(vec![Vec::new()]).into()];
        jobs.input.shape = Shape::default();
        jobs.packing = Packing::NoArgs;
        jobs.total = None;
        jobs.count_ahead = true;
        jobs.reads_stdin = false;
        self.renderer.templates.leave_out_arguments();
    }
}

/// How commands are rendered.
#[derive(Debug, PartialEq)]
pub struct RendererPlan {
    /// The templates, without names of columns.
    pub templates: Templates,
    /// What they are parsed from again when a header has named the columns; `None`: there are no names.
    pub with_names: Option<Box<TemplateSpec>>,
    /// Whether a name that no column has is told of.
    pub warns_of_names: bool,
    /// The name under which expressions warn.
    pub program: &'static str,
}

impl RendererPlan {
    /// What may not be meant as it is typed, where columns have these `names`.
    pub fn doubt(&self, names: &[Vec<u8>]) -> Option<String> {
        let spec = self.with_names.as_deref().filter(|_| self.warns_of_names)?;
        let unknown = spec.unknown_name(names).filter(|_| !names.is_empty())?;
        let names = names.iter().map(|name| String::from_utf8_lossy(name));
        let names = names.collect::<Vec<_>>().join(", ");
        let unknown = String::from_utf8_lossy(unknown);
        Some(format!(
            "Warning: {unknown} is no column: there are {names}."
        ))
    }

    /// The renderer for columns with these `names`.
    pub fn for_columns(self, names: &[Vec<u8>]) -> Renderer {
        let templates = match self.with_names {
            Some(spec) if !names.is_empty() => spec.parse(names),
            _ => self.templates,
        };
        Renderer::new(templates, self.program)
    }
}

/// Where jobs come from.
#[derive(Debug, PartialEq)]
pub struct JobsPlan {
    /// The sources.
    pub input: InputConfig,
    /// How records become jobs.
    pub packing: Packing,
    /// An input that is this stands between jobs: those after it wait for those before it.
    pub milestone: Option<Vec<u8>>,
    /// How the input is cut into pieces that are jobs' standard input; `sources` are then, if there are
    /// any, the arguments of the jobs.
    pub pipe: Option<pipe::Config>,
    /// Whether they must be counted before the first is started.
    pub count_ahead: bool,
    /// Whether its number is wanted, if only while jobs run already.
    pub counts_beside: bool,
    /// How many there are, where the user said so.
    pub total: Option<u64>,
    /// Whether standard input is one of the sources.
    pub reads_stdin: bool,
    /// What jobs read, where that is one file for all of them; with replacement strings, no file is called so.
    pub file_of_jobs: Option<PathBuf>,
    /// What the user should know before anything runs.
    pub remarks: Vec<String>,
    /// What is not to be done again.
    pub resume: Option<ResumePlan>,
    /// Whether the record of an earlier run stays as it is: this one is a dry run.
    pub only_reads: bool,
    /// The table that they go through.
    pub sql: Option<SqlPlan>,
    /// Each job is run at each of so many places (`--onall`, `--nonall`); `None`: once, wherever there is a slot.
    pub at_each: Option<usize>,
    /// The hosts of which inputs name groups (`--hostgroups`), if they do; empty: jobs run wherever there is a slot.
    pub groups_of: Option<Vec<Host>>,
}

/// A table of jobs in a database.
#[derive(Debug, PartialEq)]
pub struct SqlPlan {
    /// Where it is.
    pub url: Dburl,
    /// What the command that is stored, and those that were, are rendered from.
    pub templates: Box<TemplateSpec>,
    /// Jobs are written into it.
    pub master: Option<MasterPlan>,
    /// Jobs are taken from it and run.
    pub worker: Option<WorkerPlan>,
}

/// How jobs are written into a table.
#[derive(Debug, PartialEq)]
pub struct MasterPlan {
    /// Whether all jobs are waited for.
    pub waits: bool,
    /// Whether those that failed count in the exit code then.
    pub counts_failed: bool,
    /// Whether their command lines are printed.
    pub shows: bool,
}

/// How jobs of a table are run.
#[derive(Debug, PartialEq)]
pub struct WorkerPlan {
    /// The name under which expressions warn.
    pub program: &'static str,
    /// How many run at a time.
    pub slots: usize,
    /// Whether rows are only looked at: a dry run.
    pub only_looks: bool,
    /// Whether output comes in their order.
    pub in_order: bool,
}

/// How attempts are run.
#[derive(Debug, PartialEq)]
pub struct EnginePlan {
    /// Nothing is run at all.
    pub dry_run: bool,
    /// Where they are run; empty: on this host alone.
    pub hosts: Vec<Host>,
    /// The command that connects to them, shell text.
    pub ssh: Vec<u8>,
    /// Whether the name of the place is the tag of what a job writes there.
    pub tags_hosts: bool,
    /// How many run at a time on each of those.
    pub slots_of_hosts: SlotsOfHost,
    /// Variables of this environment that jobs on other hosts get, too.
    pub env_of_hosts: Vec<(OsString, OsString)>,
    /// How many run at a time.
    pub slots: usize,
    /// Whether fewer may as well, since nobody named a number: nothing to warn of.
    pub as_many_as_fit: bool,
    /// CPU threads that fanout may use.
    pub threads: usize,
    /// How often command lines are quoted and printed instead of being run; `None`: they are run.
    pub shellquote: Option<(Quoting, u8)>,
    /// The shell for commands that need one.
    pub shell: Shell,
    /// Every command runs in a shell.
    pub always_shell: bool,
    /// One shell may run several commands.
    pub warm_shells: bool,
    /// What becomes of jobs' output.
    pub capture: CapturePlan,
    /// The command that merges what jobs write on standard output.
    pub reduce: Option<Vec<u8>>,
    /// How output that is kept is compressed, if it is.
    pub codec: Option<Codec>,
    /// Where temporary files go, in place of `$TMPDIR`.
    pub tmpdir: Option<PathBuf>,
    /// Shell code before each command; empty: none.
    pub prelude: Vec<u8>,
    /// How jobs get their input.
    pub stdin_transport: StdinTransport,
    /// Whether a command of `--cat` that fails as GNU parallel does not notice is taken for a success.
    pub forgives_cat: bool,
    /// The niceness of jobs.
    pub nice: Option<i32>,
    /// Whether jobs run in directories of `--workdir`.
    pub has_workdirs: bool,
    /// `--rsync-opts`, which jobs are told.
    pub rsync_options: Option<OsString>,
    /// Whether a directory of `--workdir` in which a job left nothing is removed.
    pub remove_empty_workdirs: bool,
    /// Whether the files that were made for a job are removed when it is over.
    pub remove_made_files: bool,
    /// Whether a job whose output has a file already (`--results`) is done.
    pub results_are_done: bool,
    /// What jobs read.
    pub stdin: JobStdin,
    /// Where jobs have windows of tmux, and whether they are panes of one.
    pub tmux: Option<Windows>,
    /// Whether the user is asked about each job.
    pub confirm: bool,
    /// The variable of each job that has the number of the slot, counted from 0.
    pub slot_variable: String,
    /// How long an attempt may take.
    pub timeout: Option<Duration>,
    /// How attempts are ended.
    pub term_seq: TermSeq,
}

/// How many jobs run at a time on a host, which depends on how many CPU threads it has.
#[derive(Clone, Debug, PartialEq)]
pub struct SlotsOfHost {
    /// So many.
    pub spec: JobsSpec,
    /// What 0 stands for.
    pub most: usize,
    /// Fewer while jobs fail.
    pub auto: bool,
    /// What says so, if it may change.
    pub file: Option<PathBuf>,
}

/// What becomes of jobs' output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CapturePlan {
    /// It goes where fanout's own goes.
    Inherit,
    /// It is kept until the job is over.
    Spool,
    /// It is handed on while the job runs.
    Stream,
    /// It is kept; that of the job whose turn it is is handed on while the job runs.
    InTurn(Streams),
    /// It goes into files with names; with `true`, the command line stands before it.
    Files(bool),
}

/// When attempts are run.
#[derive(Debug, PartialEq)]
pub struct RunPlan {
    /// How often a job is tried.
    pub retry: Retry,
    /// When the run ends early.
    pub halt: Option<HaltPolicy>,
    /// The policy as it was typed.
    pub halt_text: String,
    /// What the exit code says.
    pub exit_rule: ExitRule,
    /// Whether a signal that ends the run ends fanout, too, instead of an exit code.
    pub dies_of_signals: bool,
    /// Whether time-outs are told as they happen: no summary names them.
    pub tells_timeouts: bool,
    /// What may hold back starts.
    pub gates: Vec<GatePlan>,
    /// How many attempts run at a time.
    pub slots: SlotsPlan,
    /// A time limit in percent of the median run time.
    pub timeout_percent: Option<f64>,
    /// Whether no job starts before all that went before is reported.
    pub one_at_a_time: bool,
    /// No more attempts than these are out, wherever they are; `None`: places alone say how many.
    pub most_out: Option<usize>,
    /// Whether each job has to run at a place that is said with it.
    pub is_bound: bool,
}

/// What jobs have in tmux.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Windows {
    /// A window each.
    Each,
    /// Panes of one window.
    Panes,
}

/// How many attempts run at a time.
#[derive(Debug, PartialEq)]
pub enum SlotsPlan {
    /// Always so many.
    Fixed(usize),
    /// Up to so many, fewer while jobs fail.
    Auto(usize),
    /// So many, and later what a file says.
    File(usize, JobsFile),
}

impl SlotsPlan {
    /// How many that is at the beginning.
    pub fn now(&self) -> usize {
        match *self {
            Self::Fixed(slots) | Self::Auto(slots) | Self::File(slots, _) => slots,
        }
    }
}

/// What a load must be below.
#[derive(Debug, PartialEq)]
pub enum LoadLimit {
    /// This.
    Fixed(f64),
    /// This, and later what a file says.
    File(f64, LoadFile),
}

/// Something that may hold back starts.
#[derive(Debug, PartialEq)]
pub enum GatePlan {
    /// The pause between two starts.
    Delay {
        /// How long it is.
        pause: Duration,
        /// Whether it adapts to how jobs end.
        auto: bool,
    },
    /// Fewer processes want to run.
    Load(LoadLimit),
    /// So many bytes are available (`--memfree`).
    MemFree(u64),
    /// So many bytes are available, or jobs are stopped (`--memsuspend`).
    MemSuspend(u64),
    /// So many bytes are available (`--limit mem`).
    LimitMem(u64),
    /// Nothing is swapped in and out.
    NoSwap,
    /// Processes wait for it less than so many of a hundred of the time.
    Pressure(Resource, f64),
    /// No disk is busier than so many of a hundred.
    DiskUse(f64),
    /// A command of the user's says yes.
    Command(OsString),
}

/// What is reported.
#[derive(Debug, PartialEq)]
pub struct ReportPlan {
    /// Whether no job starts before all that went before is reported.
    pub one_at_a_time: bool,
    /// The name under which fanout speaks.
    pub program: String,
    /// What is printed on standard output before anything else.
    pub preface: String,
    /// How jobs' output is printed.
    pub text: text::Config,
    /// Whether the latest line of each job's output is all that a terminal shows of it.
    pub latest_line: bool,
    /// The table that it goes into instead.
    pub rows: Option<RowsPlan>,
    /// The variables of a shell that it is assigned to instead.
    pub assign: Option<text::assign::Config>,
    /// Whether the end of each job is on the disk before its slot is used again.
    pub fsync: bool,
    /// The joblog.
    pub joblog: Option<JoblogPlan>,
    /// The JSON stream.
    pub json: Option<JsonPlan>,
    /// The progress display.
    pub progress: Option<progress::Config>,
    /// Whether failed jobs are listed at the end, and what else is said then.
    pub summary: Option<summary::Hints>,
}

/// The joblog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoblogPlan {
    /// Its file.
    pub path: PathBuf,
    /// What is at its beginning.
    pub begin: JoblogBegin,
}

/// How a joblog begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum JoblogBegin {
    /// It is new, with a header.
    New,
    /// It goes on; with a header if there is nothing yet (`--resume`).
    Continue,
    /// It goes on, without a header (`+FILE`).
    Append,
}

/// What is not to be done again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ResumePlan {
    /// The jobs whose numbers a joblog has.
    Joblog(PathBuf, Counts),
    /// All but the failed commands in a joblog, which are the only jobs.
    FailedCommands(PathBuf),
    /// The work that a JSON stream has.
    Json(PathBuf, Counts),
}

/// A table of jobs.
#[derive(Debug, PartialEq)]
pub struct RowsPlan {
    /// The file; `None`: standard output.
    pub path: Option<PathBuf>,
    /// Its form.
    pub form: text::rows::Form,
    /// Whether jobs get pieces of one input.
    pub of_pieces: bool,
    /// Whether a file goes on, instead of being made new.
    pub append: bool,
}

/// The JSON stream.
#[derive(Debug, PartialEq)]
pub struct JsonPlan {
    /// Where it goes.
    pub target: JsonTarget,
    /// Whether a file goes on, instead of being made new.
    pub append: bool,
    /// What is in it.
    pub config: json::Config,
    /// The command line as it was typed.
    pub argv: ArgList,
    /// The command's words, joined.
    pub template: Vec<u8>,
}

/// Where the JSON stream goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum JsonTarget {
    /// Standard output, which then has nothing else.
    Stdout,
    /// An open descriptor.
    Fd(i32),
    /// A file, made new.
    File(PathBuf),
}
