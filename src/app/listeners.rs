//! Who listens to a run, and who owns what its jobs write: a form of report has an arm here.

use std::fs::File;
use std::io;
use std::sync::Arc;

use anyhow::Context as _;

use super::record::{Recorder, open_joblog, open_record};
use super::record_files::{RecordFiles, Wanted};
use super::{EngineParts, Messages};
use crate::engine::local;
use crate::flow::spool::Captured;
use crate::ledger::jsonl::wire::LOCAL;
use crate::ledger::key::NO_STDIN;
use crate::model::LastWord;
use crate::plan::{JsonPlan, JsonTarget, ReportPlan, RowsPlan};
use crate::reduce::Reducer;
use crate::report::joblog::{Joblog, end_of_lines};
use crate::report::merge_outputs::{Merge, OutputMerger};
use crate::report::unwritten::{Corrections, Records};
use crate::report::{Held, Listener, Out, OutputOwner, Screen, json, progress, sql, summary, text};

/// Who hears of events: all that listen, in their order, and the owner of what jobs write.
pub(super) type Audience = (Vec<Box<dyn Listener>>, Box<dyn OutputOwner>);

/// Opens all reports. What is no listener but a record of how jobs ended
/// becomes part of `recorder`.
pub(super) fn listeners(
    mut plan: ReportPlan,
    engine: &EngineParts,
    mut files: RecordFiles,
    mailbox: &Messages,
    recorder: &mut Recorder,
    last_word: &Arc<LastWord>,
) -> anyhow::Result<Audience> {
    let screen = Screen::new();
    let mut records = Records {
        table: engine.claims.clone(),
        ..Records::default()
    };
    let mut listeners: Vec<Box<dyn Listener>> = Vec::new();
    if let Some(json) = plan.json.take() {
        let (lines, file) = json_lines(json, engine, &mut files, &screen, mailbox)?;
        let lines = lines.with_last_word(Arc::clone(last_word));
        let lines = json::JsonRecord::new(lines, file.is_some());
        records.json = Some(lines.clone());
        if let Some(file) = file {
            recorder.writes("--json", file);
            recorder.json = Some(lines.clone());
        }
        listeners.push(Box::new(lines));
    }
    let mut printed_log = None;
    if let Some(joblog) = plan.joblog.take() {
        // In a file with a name it is already.
        let verbose = plan.text.verbose && plan.text.shows == text::Print::Content;
        if joblog.path.as_os_str() == "-" {
            printed_log = Some(printed_joblog(verbose, &screen)?);
        } else {
            let (log, file) = open_joblog(&joblog, verbose, &mut files, mailbox)?;
            records.joblog = Some(log.clone());
            if let Some(file) = file {
                recorder.writes(&format!("--joblog {}", joblog.path.display()), file);
                recorder.joblog = Some(log);
            } else {
                listeners.push(Box::new(log));
            }
        }
    }
    if let Some(claims) = &engine.claims {
        let results = sql::SqlResults::new(Arc::clone(claims), plan.text.verbose, plan.fsync);
        // What only looks at the table has nothing to record.
        recorder.table = Some(results.clone()).filter(|_| !claims.only_looks());
        listeners.push(Box::new(results));
    }
    if let Some(hints) = plan.summary.take() {
        let failures = summary::Failures::new(stderr(&screen)?);
        listeners.push(Box::new(failures.with_hints(hints)));
    }
    let held = plan.text.in_order.then(Held::default);
    // Elsewhere than on a terminal, what is printed stays, so all of it is.
    let shows_latest =
        plan.latest_line && stdout(&screen)?.is_terminal() && stderr(&screen)?.is_terminal();
    let mut failed = None;
    if let Some(mut config) = plan.progress {
        config.rows &= !shows_latest;
        failed = config.rows.then(|| text::Failed {
            screen: screen.clone(),
            colors: config.colors,
        });
        let watch = engine.watched.clone().map(|watched| {
            let watch: Box<dyn progress::Watch> = Box::new(Running(watched));
            watch
        });
        let progress = progress::Progress::new(config, &screen, stderr(&screen)?);
        let progress = progress
            .watching(watch)
            .with_held(held.clone())
            .counting(engine.inputs.clone());
        listeners.push(Box::new(progress));
    }
    if shows_latest {
        let lines = progress::LatestLines::new(&screen, stdout(&screen)?);
        listeners.push(Box::new(lines));
        plan.text.mode = text::Mode::Never;
    }
    let rows = match &plan.rows {
        Some(rows) => {
            let opened = open_rows(rows, engine, &mut files, &screen, mailbox)?;
            rows_in_order(opened, &plan.text, recorder)
        }
        None => None,
    };
    let text = text(plan, engine, printed_log, &screen)?
        .with_rows(rows)
        .with_display(failed, held)
        .with_rows_elsewhere(recorder.rows.as_ref())
        .with_corrections(Corrections::new(records));
    let owner: Box<dyn OutputOwner> = match engine.reducer()? {
        Some(reducer) => Box::new(Merge::new(Box::new(Merged(reducer)), Box::new(text))),
        None => Box::new(text),
    };
    Ok((listeners, owner))
}

/// What prints the outputs of jobs, with `printed_log` among them.
fn text(
    plan: ReportPlan,
    engine: &EngineParts,
    printed_log: Option<Joblog>,
    screen: &Screen,
) -> anyhow::Result<text::Text> {
    let stdout = stdout(screen)?;
    let turn = plan.text.in_order.then(|| Arc::clone(&engine.turn));
    // No other report looks at output that is handed on in turn.
    if plan.text.prints_plainly_in_order()
        && printed_log.is_none()
        && let Some(out) = stdout.beside()
    {
        engine.turn.open(out);
    }
    let text = text::Text::new(stdout, stderr(screen)?, plan.text, &plan.program);
    Ok(text
        .with_turn(turn)
        .with_assignments(plan.assign)
        .with_joblog(printed_log))
}

/// Standard output, and what is drawn on the same terminal.
fn stdout(screen: &Screen) -> anyhow::Result<Out> {
    let stdout = Out::stdout().context("standard output is not open")?;
    Ok(stdout.on(screen))
}

/// Standard error, and what is drawn on the same terminal.
fn stderr(screen: &Screen) -> anyhow::Result<Out> {
    let stderr = Out::stderr().context("standard error is not open")?;
    Ok(stderr.on(screen))
}

/// A joblog among the output, with its header line.
fn printed_joblog(verbose: bool, screen: &Screen) -> anyhow::Result<Joblog> {
    let log = Joblog::new(stdout(screen)?, verbose);
    log.write_header()?;
    Ok(log)
}

/// What runs at the engine, as the display sees it.
struct Running(Arc<local::Watched>);

impl progress::Watch for Running {
    fn oldest(&self, most: usize) -> (Vec<progress::Running>, usize) {
        let (glimpses, count) = self.0.oldest(most);
        let running = glimpses.into_iter().map(|it| progress::Running {
            job: it.job,
            since: it.since,
            tail: it.tail,
        });
        (running.collect(), count)
    }
}

/// The engine's merges as the reports see them.
struct Merged(Reducer);

impl OutputMerger for Merged {
    fn take(&mut self, seq: u64, output: Captured) -> io::Result<()> {
        self.0.take(seq, output)
    }

    fn finish(self: Box<Self>) -> io::Result<()> {
        self.0.finish()
    }
}

/// The table of results if it is for the reports to write, in order or to no file; else `recorder` does.
fn rows_in_order(
    (rows, file): (text::rows::Rows, Option<File>),
    config: &text::Config,
    recorder: &mut Recorder,
) -> Option<text::rows::Rows> {
    let Some(file) = file.filter(|_| !config.in_order) else {
        return Some(rows);
    };
    recorder.writes("--results", file);
    recorder.rows = Some(text::RowsRecord::new(rows, config.around_in_rows()));
    None
}

/// The table of results, and its file if it is one.
fn open_rows(
    plan: &RowsPlan,
    engine: &EngineParts,
    files: &mut RecordFiles,
    screen: &Screen,
    mailbox: &Messages,
) -> anyhow::Result<(text::rows::Rows, Option<File>)> {
    let names = engine.names.clone();
    let Some(path) = &plan.path else {
        let out = stdout(screen)?;
        let rows = text::rows::Rows::new(out, plan.form, names);
        return Ok((rows.of_pieces(plan.of_pieces), None));
    };
    let wanted = Wanted::rows(plan, path);
    let end = |file: &File| plan.form.end_of_rows(file);
    let (file, goes_on) = open_record(&wanted, files, end, mailbox)?;
    let out = Out::file(file, wanted.name);
    let file = out.same_file();
    let rows = text::rows::Rows::new(out, plan.form, names).of_pieces(plan.of_pieces);
    Ok((if goes_on { rows.that_go_on() } else { rows }, file))
}

fn json_lines(
    plan: JsonPlan,
    engine: &EngineParts,
    files: &mut RecordFiles,
    screen: &Screen,
    mailbox: &Messages,
) -> anyhow::Result<(json::JsonLines, Option<File>)> {
    let out = match &plan.target {
        JsonTarget::Stdout => stdout(screen)?,
        JsonTarget::Fd(fd) => {
            let file = crate::sys::fd::duplicate(*fd)
                .with_context(|| format!("cannot write to --json=fd:{fd}"))?;
            Out::file(file, format!("--json=fd:{fd}"))
        }
        JsonTarget::File(path) => {
            let wanted = Wanted::json(&plan, path);
            let (file, _) = open_record(&wanted, files, end_of_lines, mailbox)?;
            Out::file(file, wanted.name)
        }
    };
    let cwd = engine.cwd.as_os_str().as_encoded_bytes().to_vec();
    let context = json::Context {
        version: env!("CARGO_PKG_VERSION").to_owned(),
        argv: plan.argv,
        template: plan.template,
        cwd,
        host: crate::sys::host::name(),
        cores: engine.plan.threads,
        engine: LOCAL.to_owned(),
        names: engine.names.iter().collect(),
        stdin: NO_STDIN.to_vec(),
    };
    let file = out.same_file();
    Ok((json::JsonLines::new(out, plan.config, context), file))
}
