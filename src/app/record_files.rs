//! The files that a run writes its record into: `--joblog`, `--json=FILE`, `--results FILE.csv`.
//!
//! Those that are there already are opened before anything else, while signals still do what they do by themselves: a
//! FIFO makes whoever opens it wait for a reader. Nothing is changed in a file that is also an input, that is no record
//! of its kind and is to go on, or that another run is writing; all of that is known before the first job.

use std::fs::{self, File, Metadata, OpenOptions};
use std::io::{self, BufRead as _, BufReader, Read as _};
use std::os::fd::AsFd as _;
use std::os::unix::fs::MetadataExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};

use crate::engine::local::JobStdin;
use crate::input::SourceKind;
use crate::ledger::kind::{Kind, begins_as};
use crate::plan::{JoblogBegin, JoblogPlan, JsonPlan, JsonTarget, Plan, RowsPlan};
use crate::sys::lock;

/// A file that is to be written, as it was asked for.
#[derive(Clone, Debug)]
pub(super) struct Wanted {
    path: PathBuf,
    /// The option and the file, as messages have them.
    pub(super) name: String,
    /// What it must be a record of, if it is to go on.
    goes_on: Option<Kind>,
    /// Whether others may append to it at the same time.
    shared: bool,
}

impl Wanted {
    /// The joblog of `plan`. As with GNU parallel, several runs may append to one `+FILE`.
    pub(super) fn joblog(plan: &JoblogPlan) -> Self {
        Self {
            path: plan.path.clone(),
            name: format!("--joblog {}", plan.path.display()),
            goes_on: (plan.begin != JoblogBegin::New).then_some(Kind::Joblog),
            shared: plan.begin == JoblogBegin::Append,
        }
    }

    /// The file at `path` of the JSON stream of `plan`.
    pub(super) fn json(plan: &JsonPlan, path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            name: format!("--json={}", path.display()),
            goes_on: plan.append.then_some(Kind::Json),
            shared: false,
        }
    }

    /// The file at `path` of the table of results of `plan`.
    pub(super) fn rows(plan: &RowsPlan, path: &Path) -> Self {
        Self {
            path: path.to_owned(),
            name: format!("--results {}", path.display()),
            goes_on: plan.append.then_some(Kind::Rows),
            shared: false,
        }
    }

    /// Where it is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether it goes on after what is in there.
    pub(super) fn appends(&self) -> bool {
        self.goes_on.is_some()
    }
}

/// What tells one file from all others.
type Identity = (u64, u64);

/// That of a file with bytes of its own; others can be read and written by many.
fn identity(metadata: &Metadata) -> Option<Identity> {
    metadata.is_file().then(|| (metadata.dev(), metadata.ino()))
}

/// The files that were opened, and what is known of those that must be others.
#[derive(Debug, Default)]
pub struct RecordFiles {
    opened: Vec<(PathBuf, File)>,
    inputs: Vec<Identity>,
    /// All that are written, with their names.
    outputs: Vec<(String, Identity)>,
}

impl RecordFiles {
    /// Opens those files of `plan` that are there, and changes nothing in them.
    ///
    /// # Errors
    ///
    /// When one cannot be opened, or must not be written; names it.
    pub fn open(plan: &Plan) -> anyhow::Result<Self> {
        let report = &plan.report;
        let json = report.json.as_ref().and_then(|json| match &json.target {
            JsonTarget::File(path) => Some(Wanted::json(json, path)),
            JsonTarget::Stdout | JsonTarget::Fd(_) => None,
        });
        // Standard output.
        let joblog = report
            .joblog
            .as_ref()
            .filter(|it| it.path.as_os_str() != "-");
        let rows = report
            .rows
            .as_ref()
            .and_then(|rows| Some(Wanted::rows(rows, rows.path.as_deref()?)));
        let wanted = [joblog.map(Wanted::joblog), json, rows];
        let mut files = Self::default();
        if wanted.iter().any(Option::is_some) {
            files.inputs = inputs(plan);
        }
        for wanted in wanted.into_iter().flatten() {
            if fs::exists(&wanted.path).unwrap_or(true) {
                let file = files.open_one(&wanted)?;
                files.opened.push((wanted.path, file));
            }
        }
        Ok(files)
    }

    /// The file that is `wanted`, to append to; emptied, unless it goes on.
    ///
    /// # Errors
    ///
    /// As for [`open`](Self::open).
    pub(super) fn take(&mut self, wanted: &Wanted) -> anyhow::Result<File> {
        let place = self
            .opened
            .iter()
            .position(|(path, _)| *path == wanted.path);
        let file = match place {
            Some(place) => self.opened.swap_remove(place).1,
            None => self.open_one(wanted)?,
        };
        if !wanted.appends() && file.metadata().is_ok_and(|it| it.is_file()) {
            file.set_len(0).with_context(|| cannot_write(wanted))?;
        }
        Ok(file)
    }

    fn open_one(&mut self, wanted: &Wanted) -> anyhow::Result<File> {
        let file = OpenOptions::new()
            .append(true)
            .create(true)
            .open(&wanted.path);
        let file = file.with_context(|| cannot_write(wanted))?;
        let metadata = file.metadata().with_context(|| cannot_write(wanted))?;
        let Some(identity) = identity(&metadata) else {
            return Ok(file);
        };
        if self.inputs.contains(&identity) {
            bail!("{}: input file is output file", wanted.name);
        }
        if let Some((other, _)) = self.outputs.iter().find(|(_, other)| *other == identity) {
            bail!("{} and {other} are the same file", wanted.name);
        }
        if is_held_by_others(&file, wanted.shared) {
            bail!(
                "another run is writing to {}: wait until it is over, or use another file",
                wanted.name
            );
        }
        if let Some(kind) = wanted.goes_on {
            check(&wanted.path, kind, &wanted.name)?;
        }
        self.outputs.push((wanted.name.clone(), identity));
        Ok(file)
    }
}

fn cannot_write(wanted: &Wanted) -> String {
    format!("cannot write to {}", wanted.name)
}

/// How often it is looked whether a run that holds a file is gone, and how long it is waited in between: what a killed
/// run was just starting has the file open until it becomes a job.
const LOOKS: usize = 20;
const BETWEEN_LOOKS: Duration = Duration::from_millis(25);

/// Whether another run has locked `file`; else this one has, now.
fn is_held_by_others(file: &File, shared: bool) -> bool {
    for _ in 0..LOOKS {
        match lock::try_hold(file, shared) {
            Ok(false) => std::thread::sleep(BETWEEN_LOOKS),
            // Some file systems have no locks.
            Ok(true) | Err(_) => return false,
        }
    }
    true
}

/// Fails unless the file `path`, called `name`, is empty or begins as a record of its `kind`.
fn check(path: &Path, kind: Kind, name: &str) -> anyhow::Result<()> {
    let cannot = || format!("cannot read {name}");
    let file = File::open(path).with_context(cannot)?;
    let mut first = Vec::new();
    let mut reader = BufReader::new(file.take(LONGEST_LINE));
    reader.read_until(b'\n', &mut first).with_context(cannot)?;
    if first.is_empty() || begins_as(kind, &first) {
        return Ok(());
    }
    let what = match kind {
        Kind::Joblog => "no joblog",
        Kind::Json => "no JSON stream of fanout's",
        Kind::Rows => "no table of results",
    };
    let shown = String::from_utf8_lossy(&first[..first.len().min(60)]);
    bail!(
        "{name} is {what}, so it is left as it is; its first line is: {}",
        shown.trim_end()
    )
}

/// So much of a first line is looked at, in bytes.
const LONGEST_LINE: u64 = 1 << 20;

/// The files that a run reads.
fn inputs(plan: &Plan) -> Vec<Identity> {
    let sources = plan.jobs.input.sources.iter();
    let files = sources.filter_map(|source| match &source.kind {
        SourceKind::File(path) => Some(path),
        SourceKind::Stdin | SourceKind::Words(_) => None,
    });
    let pieces = plan.jobs.pipe.iter().flat_map(|pipe| &pipe.files);
    let files = files
        .chain(pieces)
        .chain(&plan.jobs.file_of_jobs)
        .filter_map(|path| fs::metadata(path).ok());
    let reads_stdin = plan.jobs.reads_stdin || plan.engine.stdin == JobStdin::Own;
    let stdin = reads_stdin.then(|| io::stdin().as_fd().try_clone_to_owned());
    let stdin = stdin.and_then(|stdin| File::from(stdin.ok()?).metadata().ok());
    files.chain(stdin).filter_map(|it| identity(&it)).collect()
}
