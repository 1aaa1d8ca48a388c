//! Where output goes: the rules that span its flags.

use std::path::PathBuf;

use super::flags::{Detail, Flags};
use super::{batching, bytes, hosts, pipe, resuming, terminal};
use crate::exec::capture::Streams;
use crate::job::{Naming, ResultsSpec, TagSpec, unescape_tagstring};
use crate::plan::{CapturePlan, RowsPlan};
use crate::report::text::rows::Form;
use crate::report::text::{Config, Mode, Print};

/// Refuses what cannot be combined.
///
/// # Errors
///
/// One line that names both options.
pub(super) fn check(flags: &Flags) -> Result<(), String> {
    check_reduce(flags)?;
    let output = &flags.output;
    let modes = [
        ("--group", output.group),
        ("--ungroup", output.ungroup),
        ("--line-buffer", output.line_buffer),
    ];
    let mut given = modes.iter().filter(|(_, given)| *given);
    match (given.next(), given.next()) {
        (Some((one, _)), Some((other, _))) => {
            Err(format!("{one} cannot be combined with {other}."))
        }
        _ => Ok(()),
    }
}

/// The command of `--reduce`. A dry run has nothing to merge.
pub(super) fn reduce(flags: &Flags) -> Option<Vec<u8>> {
    let command = flags.pipe.reduce.as_ref().map(bytes);
    command.filter(|_| !flags.command.dry_run && flags.command.shellquote == 0)
}

/// Refuses what leaves nothing to merge.
fn check_reduce(flags: &Flags) -> Result<(), String> {
    let output = &flags.output;
    let others = [
        ("--ungroup", output.ungroup),
        ("--line-buffer", output.line_buffer),
        ("--latest-line", output.latest_line),
        ("--files", output.files || output.files0),
        ("--results", output.results.is_some()),
        ("--tty", flags.terminal.tty),
        ("--tmux", flags.terminal.tmux || flags.terminal.tmuxpane),
        (
            "--json=-",
            flags
                .report
                .json
                .as_ref()
                .is_some_and(|target| target == "-"),
        ),
    ];
    let other = others.iter().find(|(_, given)| *given);
    match (other, &flags.pipe.reduce) {
        (Some((other, _)), Some(_)) => Err(format!("--reduce cannot be combined with {other}")),
        _ => Ok(()),
    }
}

/// What `--results` asks for.
enum Wanted {
    /// No more than without it.
    Nothing,
    /// A table.
    Rows(RowsPlan),
    /// Files for each job.
    Files(Vec<u8>),
}

fn wanted(flags: &Flags) -> Wanted {
    let Some(name) = flags.output.results.as_ref().map(bytes) else {
        return Wanted::Nothing;
    };
    let ends = |end: &str| {
        name.len() >= end.len()
            && name[name.len() - end.len()..].eq_ignore_ascii_case(end.as_bytes())
    };
    let form = [
        (".csv", Form::Separated(b',')),
        (".tsv", Form::Separated(b'\t')),
        (".json", Form::Json),
    ]
    .into_iter()
    .find_map(|(end, form)| ends(end).then_some((end.len(), form)));
    let on_stdout = form.is_some_and(|(end, _)| name[..name.len() - end] == *b"-");
    match form {
        _ if name.is_empty() => Wanted::Nothing,
        None => Wanted::Files(name),
        Some((_, form)) => Wanted::Rows(RowsPlan {
            path: (!on_stdout).then(|| path_of(name)),
            form,
            of_pieces: super::pipe::is_wanted(flags),
            append: resuming::goes_on(flags),
        }),
    }
}

/// Where `--results` has output go. As nothing is run, nothing goes into files.
fn kept(flags: &Flags) -> Wanted {
    let (dry_run, shows) = (flags.command.dry_run, flags.command.shellquote > 0);
    match wanted(flags) {
        Wanted::Files(_) if dry_run || shows => Wanted::Nothing,
        Wanted::Rows(RowsPlan { path: Some(_), .. }) if dry_run => Wanted::Nothing,
        wanted => wanted,
    }
}

fn path_of(name: Vec<u8>) -> PathBuf {
    use std::os::unix::ffi::OsStringExt as _;
    std::ffi::OsString::from_vec(name).into()
}

/// The table that output goes into.
pub(super) fn rows(flags: &Flags) -> Option<RowsPlan> {
    match kept(flags) {
        Wanted::Rows(rows) => Some(rows),
        Wanted::Nothing | Wanted::Files(_) => None,
    }
}

/// How the place of each job's output files is made, from the arguments of so many `sources`.
pub(super) fn results(flags: &Flags, sources: usize) -> Option<ResultsSpec> {
    let Wanted::Files(name) = wanted(flags) else {
        return None;
    };
    Some(ResultsSpec {
        name,
        sources: (!splits_columns(flags)).then_some(sources),
        begins_again: !batching::takes_one_record(&flags.batching),
        naming: if pipe::is_wanted(flags) && !flags.pipe.pipepart {
            Naming::Pieces
        } else if batching::inserts_nothing(&flags.batching) {
            Naming::NoArguments
        } else {
            Naming::Arguments
        },
    })
}

fn splits_columns(flags: &Flags) -> bool {
    flags.sources.colsep.is_some() || flags.sources.csv
}

/// What goes before each line.
pub(super) fn tag(flags: &Flags) -> Option<TagSpec> {
    let output = &flags.output;
    match output.tagstring.as_ref().or(output.ctagstring.as_ref()) {
        Some(text) if text.is_empty() => None,
        Some(text) => Some(TagSpec::Text(unescape_tagstring(&bytes(text)))),
        None if !output.tag && !output.ctag => None,
        None if hosts::tags_hosts(&flags.hosts) => Some(TagSpec::Text(hosts::TAG.to_vec())),
        None => Some(TagSpec::Input),
    }
}

/// Whether jobs write where they want. With --shellquote there are none, only what is printed.
pub(super) fn ungroups(flags: &Flags) -> bool {
    let printed = flags.command.shellquote > 0;
    let kept = !matches!(kept(flags), Wanted::Nothing);
    (flags.output.ungroup || terminal::ungroups(flags)) && !printed && !kept
}

/// Whether `--results` keeps anything.
pub(super) fn keeps_results(flags: &Flags) -> bool {
    !matches!(wanted(flags), Wanted::Nothing)
        && flags
            .output
            .results
            .as_ref()
            .is_some_and(|name| !name.is_empty())
}

/// Whether each job has files of its own, which stay.
fn has_files(flags: &Flags) -> bool {
    let asked = (flags.output.files || flags.output.files0) && !flags.command.dry_run;
    !ungroups(flags) && (asked || matches!(kept(flags), Wanted::Files(_)))
}

/// Output is kept until a job is over, unless it is wanted at once.
pub(super) fn capture(flags: &Flags, json_on_stdout: bool) -> CapturePlan {
    let json = flags.report.json.is_some();
    let json_streams = json && flags.report.json_detail == Detail::Output;
    let output = &flags.output;
    let prints_commands = output.print_command > 0 || output.verbose;
    if ungroups(flags) {
        // The command line comes before the output only if the output passes through here, too.
        return if json_on_stdout || json_streams || prints_commands {
            CapturePlan::Stream
        } else {
            CapturePlan::Inherit
        };
    }
    if json_on_stdout && json_streams {
        return CapturePlan::Stream;
    }
    if has_files(flags) {
        return CapturePlan::Files(output.print_command > 0);
    }
    let whole = json
        || rows(flags).is_some()
        || reduce(flags).is_some()
        || flags.sql.works()
        || flags.output.assign.is_some();
    // What runs again or is taken back must not have been shown.
    let may_run_again = flags.jobs.memfree.is_some() || flags.jobs.limit.is_some();
    let may_be_taken_back = flags.failure.halt.is_some() || may_run_again
        // Whether a job gets a share of the input is known at its end.
        || flags.pipe.round_robin;
    let compresses = output.compress || output.compress_program.is_some();
    if whole {
        CapturePlan::Spool
    } else if output.line_buffer || output.latest_line {
        if output.keep_order {
            CapturePlan::InTurn(Streams::Both)
        } else {
            CapturePlan::Stream
        }
    } else if output.keep_order && !output.color_failed && !may_be_taken_back && !compresses {
        CapturePlan::InTurn(Streams::StdoutOfLastTry)
    } else {
        CapturePlan::Spool
    }
}

/// How output is printed.
pub(super) fn text_config(flags: &Flags, capture: CapturePlan, json_on_stdout: bool) -> Config {
    let output = &flags.output;
    let mode = if json_on_stdout {
        Mode::Never
    } else if ungroups(flags) {
        Mode::Ungrouped
    } else if output.line_buffer || output.latest_line {
        Mode::LineBuffered
    } else if capture == CapturePlan::Stream {
        Mode::Ungrouped
    } else {
        Mode::Grouped
    };
    let files = matches!(capture, CapturePlan::Files(_)) || has_files(flags);
    let shows = match kept(flags) {
        _ if output.files0 => Print::Paths(0),
        _ if output.files => Print::Paths(b'\n'),
        // As GNU parallel, which shows the names of files though nobody asked.
        Wanted::Files(_) if output.line_buffer => Print::Paths(b'\n'),
        _ => Print::Nothing,
    };
    Config {
        mode,
        in_order: output.keep_order && !matches!(mode, Mode::Ungrouped | Mode::Never),
        shows: if files { shows } else { Print::Content },
        color: output.color || output.ctag || output.ctagstring.is_some(),
        color_failed: output.color_failed,
        verbose: output.print_command > 0,
        trace: output.verbose,
        dry_run: flags.command.dry_run,
    }
}
