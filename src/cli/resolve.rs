//! Flags to plan: the only place for rules that span flags.

use std::ffi::OsString;
use std::path::PathBuf;

use super::argv::{Argv, SourceWords};
use super::flags::{self, Flags, ShellUse};
use super::jobs_count::{JobsSpec, as_many_as_possible};
use super::{CalledAs, around, bytes, text, values};
use crate::input::{Delimiter, InputConfig, Notices, SourceKind, SourceSpec};
use crate::job::pack::Packing;
use crate::job::{Renderer, unescape_tagstring};
use crate::model::ArgList;
use crate::plan::{
    CapturePlan, EnginePlan, JobsPlan, JsonPlan, JsonTarget, Plan, ReportPlan, RunPlan,
};
use crate::report::{json, progress, text as text_report};
use crate::run::halt::{HaltPolicy, Threshold};
use crate::run::retry::Retry;
use crate::sys::{cpu, limits};
use crate::template::{Quoting, Spread, Syntax, Template};

/// The plan for `flags` and what stood behind them; `typed` is the whole command line.
///
/// # Errors
///
/// One line that names the option and what is wrong with it.
pub fn resolve(
    flags: &Flags,
    argv: Argv,
    typed: ArgList,
    called_as: CalledAs,
) -> Result<Plan, String> {
    if flags.output.group && flags.output.ungroup {
        return Err("--group cannot be combined with --ungroup.".to_owned());
    }
    let halt = halt_policy(flags)?;
    let progress = progress(flags);
    let packing = packing(flags)?;
    let renderer = renderer(flags, &argv.command)?;
    let json = json_plan(flags, typed, argv.command.join(&b' '))?;
    let json_on_stdout = json
        .as_ref()
        .is_some_and(|json| json.target == JsonTarget::Stdout);
    let capture = capture(flags, json_on_stdout);
    let counts = halt.is_some_and(|halt| matches!(halt.threshold, Threshold::Percent(_)));
    let wants_total = progress.is_some_and(|progress| progress.bar || progress.eta);
    let input = input(flags, argv.sources)?;
    Ok(Plan {
        jobs: JobsPlan {
            packing,
            count_ahead: counts || wants_total || words_only(&input),
            reads_stdin: input
                .sources
                .iter()
                .any(|source| source.kind == SourceKind::Stdin),
            input,
        },
        renderer,
        engine: engine(flags, capture)?,
        run: RunPlan {
            retry: retry(flags)?,
            halt,
            halt_text: flags
                .failure
                .halt
                .as_ref()
                .map_or_else(String::new, |halt| halt.display().to_string()),
            delay: duration("--delay", flags.jobs.delay.as_ref())?,
        },
        report: ReportPlan {
            program: called_as.name().to_owned(),
            text: text_config(flags, capture, json_on_stdout),
            joblog: flags
                .report
                .joblog
                .as_ref()
                .filter(|_| !flags.command.dry_run)
                .map(PathBuf::from),
            json,
            progress,
            summary: called_as == CalledAs::Fanout && !flags.failure.no_summary,
        },
    })
}

/// The sources: `-a` files, then what stood behind the command; standard input if there is neither.
fn input(flags: &Flags, words: Vec<SourceWords>) -> Result<InputConfig, String> {
    let file = |name: OsString| match name.as_encoded_bytes() {
        b"-" => SourceKind::Stdin,
        _ => SourceKind::File(name.into()),
    };
    let files = flags
        .input
        .arg_file
        .iter()
        .cloned()
        .map(|name| SourceSpec::from(file(name)));
    let mut sources: Vec<SourceSpec> = files.collect();
    for source in words {
        if source.files {
            use std::os::unix::ffi::OsStringExt as _;
            let names = source.words.into_iter().map(OsString::from_vec);
            let linked = source.linked;
            sources.extend(names.map(|name| SourceSpec {
                kind: file(name),
                linked,
            }));
        } else {
            sources.push(SourceSpec {
                kind: SourceKind::Words(source.words),
                linked: source.linked,
            });
        }
    }
    if sources.is_empty() {
        sources.push(SourceKind::Stdin.into());
    }
    let delimiter = match &flags.input.delimiter {
        Some(text) => Delimiter::parse(&bytes(text)).map_err(|why| format!("--delimiter {why}"))?,
        None if flags.input.null => Delimiter::nul(),
        None => Delimiter::newline(),
    };
    Ok(InputConfig {
        sources,
        delimiter,
        link: false,
        notices: Notices::default(),
    })
}

/// `-N` if given, else `-n`.
fn packing(flags: &Flags) -> Result<Packing, String> {
    let (option, value) = match (&flags.input.max_replace_args, &flags.input.max_args) {
        (Some(value), _) => ("--max-replace-args", value),
        (None, Some(value)) => ("--max-args", value),
        (None, None) => return Ok(Packing::default()),
    };
    let records = values::whole(text(option, value)?).map_err(|why| format!("{option} {why}"))?;
    Ok(Packing::per_job(records as usize))
}

fn renderer(flags: &Flags, command: &[Vec<u8>]) -> Result<Renderer, String> {
    let syntax = Syntax::default();
    let template = Template::command(command, flags.command.quote, &syntax)
        .map_err(|error| error.to_string())?;
    let tag = match &flags.output.tagstring {
        Some(text) if text.is_empty() => None,
        Some(text) => Some(unescape_tagstring(&bytes(text))),
        None => flags.output.tag.then(|| b"{}".to_vec()),
    };
    let tag = tag
        .map(|text| Template::text(&text, &syntax))
        .transpose()
        .map_err(|error| error.to_string())?;
    let spread = if flags.input.max_replace_args.is_some() {
        Spread::Repeat
    } else {
        Spread::Join
    };
    Ok(Renderer {
        command: template,
        tag,
        workdir: around::workdir(&flags.environment, &syntax)?,
        quoting: Quoting::Posix,
        spread,
    })
}

fn engine(flags: &Flags, capture: CapturePlan) -> Result<EnginePlan, String> {
    let threads = cpu::available_threads();
    let around = &flags.environment;
    let spec = match &flags.jobs.jobs {
        None => JobsSpec::default(),
        Some(value) => JobsSpec::parse(&bytes(value)).map_err(|why| format!("--jobs {why}"))?,
    };
    let most = as_many_as_possible(limits::most_open_files(), limits::most_processes());
    Ok(EnginePlan {
        dry_run: flags.command.dry_run,
        slots: spec.resolve(around::cpus(around), most).min(most),
        threads,
        always_shell: flags.command.shell == ShellUse::Always,
        capture,
        tmpdir: around::tmpdir(around)?,
        nice: around::nice(around)?,
        prelude: around.prelude.as_ref().map(bytes).unwrap_or_default(),
        remove_empty_workdirs: around::is_own_workdir(around),
        timeout: duration("--timeout", flags.jobs.timeout.as_ref())?,
    })
}

/// Output is kept until a job is over, unless it is wanted at once: `-u`, `--json-detail output`.
fn capture(flags: &Flags, json_on_stdout: bool) -> CapturePlan {
    let json_streams =
        flags.report.json.is_some() && flags.report.json_detail == flags::Detail::Output;
    let prints_commands = flags.output.print_command > 0 || flags.output.verbose;
    match flags.output.ungroup {
        // The command line comes before the output only if the output passes through here, too.
        true if json_on_stdout || json_streams || prints_commands => CapturePlan::Stream,
        true => CapturePlan::Inherit,
        false if json_on_stdout && json_streams => CapturePlan::Stream,
        false => CapturePlan::Spool,
    }
}

fn text_config(flags: &Flags, capture: CapturePlan, json_on_stdout: bool) -> text_report::Config {
    let mode = if json_on_stdout {
        text_report::Mode::Never
    } else if flags.output.ungroup || capture == CapturePlan::Stream {
        text_report::Mode::Ungrouped
    } else if flags.output.keep_order {
        text_report::Mode::KeepOrder
    } else {
        text_report::Mode::Grouped
    };
    text_report::Config {
        mode,
        verbose: flags.output.print_command > 0,
        trace: flags.output.verbose,
        dry_run: flags.command.dry_run,
    }
}

fn halt_policy(flags: &Flags) -> Result<Option<HaltPolicy>, String> {
    let Some(value) = &flags.failure.halt else {
        return Ok(None);
    };
    values::halt(text("--halt", value)?).map_err(|why| format!("--halt {why}"))
}

/// As GNU parallel, 0 tries without end and 1 is one try.
fn retry(flags: &Flags) -> Result<Retry, String> {
    let Some(value) = &flags.failure.retries else {
        return Ok(Retry::default());
    };
    let tries =
        values::whole(text("--retries", value)?).map_err(|why| format!("--retries {why}"))?;
    let tries = u32::try_from(tries).unwrap_or(u32::MAX);
    Ok(Retry {
        tries: Some(tries).filter(|&tries| tries > 0),
    })
}

fn duration(option: &str, value: Option<&OsString>) -> Result<Option<std::time::Duration>, String> {
    let Some(value) = value else { return Ok(None) };
    let duration =
        values::duration(text(option, value)?).map_err(|why| format!("{option} {why}"))?;
    Ok(Some(duration).filter(|duration| !duration.is_zero()))
}

fn progress(flags: &Flags) -> Option<progress::Config> {
    let report = &flags.report;
    (report.progress || report.bar || report.eta).then_some(progress::Config {
        bar: report.bar,
        eta: report.eta,
    })
}

fn json_plan(flags: &Flags, argv: ArgList, template: Vec<u8>) -> Result<Option<JsonPlan>, String> {
    let report = &flags.report;
    let limit = text("--json-output-limit", &report.json_output_limit)?;
    let output_limit = values::size(limit).map_err(|why| format!("--json-output-limit {why}"))?;
    let Some(target) = &report.json else {
        return Ok(None);
    };
    let target = match target.to_str() {
        Some("-") => JsonTarget::Stdout,
        Some(name) if name.starts_with("fd:") => match name[3..].parse() {
            Ok(fd) => JsonTarget::Fd(fd),
            Err(_) => return Err(format!("--json must be a file, '-' or fd:N, not '{name}'")),
        },
        _ => JsonTarget::File(target.into()),
    };
    let detail = match report.json_detail {
        flags::Detail::Results => json::Detail::Results,
        flags::Detail::Progress => json::Detail::Progress,
        flags::Detail::Lifecycle => json::Detail::Lifecycle,
        flags::Detail::Output => json::Detail::Output,
    };
    let captures = !flags.output.ungroup;
    let config = json::Config {
        detail,
        output_limit,
        captures,
    };
    Ok(Some(JsonPlan {
        target,
        config,
        argv,
        template,
    }))
}

/// Whether all inputs stand on the command line, so that counting them costs nothing.
fn words_only(input: &InputConfig) -> bool {
    input
        .sources
        .iter()
        .all(|source| matches!(source.kind, SourceKind::Words(_)))
}
