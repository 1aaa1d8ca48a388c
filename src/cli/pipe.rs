//! `--pipe` and its kin: what was typed about cutting one input into pieces, resolved.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::argv::SourceWords;
use super::flags::{self, Flags};
use super::{bytes, text, values};
use crate::exec::stdin::StdinTransport;
use crate::input::{Header as InputHeader, InputConfig, Shape, SourceKind};
use crate::model::ArgList;
use crate::pipe::key::Key;
use crate::pipe::limit::Limit;
use crate::pipe::route::Route;
use crate::pipe::separator::{Ends, Separator};
use crate::pipe::{BlockSize, Config, Header};
use crate::record::columns::Columns;
use crate::record::pattern::Pattern;
use crate::run::number;

/// How large a block is unless the user says otherwise.
const BLOCK: usize = 1 << 20;
/// How many parts of the files each slot gets unless the user says otherwise, as with GNU parallel.
const PARTS: u64 = 10;
/// What is wrong with a piece of the input that no command is left for.
const NO_COMMAND: &str = "--pipe/--pipepart must have a command to pipe into (e.g. 'cat').";
/// What stands for the name of a job's input in its command line.
const NAMED_INPUT: &[u8] = b"$PARALLEL_TMP";

/// Whether jobs read pieces of one input. As in GNU parallel, some options imply it.
pub(super) fn is_wanted(flags: &Flags) -> bool {
    let pipe = &flags.pipe;
    pipe.pipe
        || pipe.pipepart
        || pipe.round_robin
        || pipe.tee
        || pipe.cat
        || pipe.fifo
        || pipe.group_by.is_some()
        || pipe.shard.is_some()
        || pipe.bin.is_some()
}

/// Whether `{}` is the name of a file or FIFO.
pub(super) fn names_inputs(flags: &Flags) -> bool {
    is_wanted(flags) && (flags.pipe.cat || flags.pipe.fifo)
}

/// How jobs get their input.
pub(super) fn stdin_transport(flags: &Flags) -> StdinTransport {
    match &flags.pipe {
        _ if !is_wanted(flags) => StdinTransport::Pipe,
        pipe if pipe.cat => StdinTransport::File,
        pipe if pipe.fifo => StdinTransport::Fifo,
        _ => StdinTransport::Pipe,
    }
}

/// How the input is cut for jobs in `slots`, if that is wanted; `input` is left with what the jobs have as
/// arguments.
///
/// # Errors
///
/// One line that names the option and what is wrong with it.
pub(super) fn resolve(
    flags: &Flags,
    words: &[SourceWords],
    command: &[Vec<u8>],
    slots: usize,
    input: &mut InputConfig,
) -> Result<Option<Config>, String> {
    let pipe = &flags.pipe;
    let timeout = block_timeout(pipe)?;
    if !is_wanted(flags) {
        return Ok(None);
    }
    if pipe.round_robin && flags.failure.retries.is_some() {
        return Err("--retries cannot be combined with --roundrobin.".to_owned());
    }
    // As GNU parallel: without a command the arguments are the commands.
    let files_are_arguments = pipe.tee || !pipe.pipepart;
    let arguments_are_commands = (files_are_arguments && !flags.input.arg_file.is_empty())
        || words
            .iter()
            .any(|source| files_are_arguments || !source.files);
    if command.is_empty() && !arguments_are_commands {
        return Err(NO_COMMAND.to_owned());
    }
    // As GNU parallel: how many pieces there will be is not known ahead.
    let needs_all = flags.report.eta || flags.report.bar || flags.sources.shuf;
    if needs_all && !pipe.pipepart && !pipe.tee {
        return Err("--pipe is incompatible with --eta/--bar/--shuf; --progress goes.".to_owned());
    }
    if pipe.cat && pipe.fifo {
        return Err("--fifo cannot be combined with --cat.".to_owned());
    }
    group_by_alone(pipe)?;
    let batching = &flags.batching;
    if pipe.pipepart
        && (batching.max_replace_args.is_some()
            || batching.input_lines.is_some()
            || batching.max_lines.is_some())
    {
        return Err(
            "--pipepart is incompatible with --max-replace-args, --max-lines, and -L.".to_owned(),
        );
    }
    let files = files(flags, words);
    arguments(flags, words.is_empty(), input);
    let (separator, ends) = separator(flags)?;
    let route = route(flags)?;
    let group_by = match &pipe.group_by {
        None => None,
        Some(spec) => Some(key(flags, "--group-by", spec, false)?),
    };
    // As in GNU parallel: not of lines or blocks that go to jobs as they are.
    let looks_at_records = matches!(route, Route::EachBlock | Route::RoundRobin { .. });
    let header = match &route {
        // As in GNU parallel: without a name that is looked for, the header is a line like the others; a name is in
        // the first line, if nothing else is said.
        Route::Shard(key) | Route::Bin(key) if !key.has_name() => None,
        Route::Shard(_) | Route::Bin(_) => Some(header(flags)?.unwrap_or(Header::Lines(1))),
        _ if group_by.as_ref().is_some_and(Key::has_name) => {
            Some(header(flags)?.unwrap_or(Header::Lines(1)))
        }
        _ => header(flags)?,
    };
    let (records, lines) = amount(flags)?;
    // As in GNU parallel, blocks of CSV are as large as they are, however many records are wanted; but only whole
    // ones are in the last but one.
    let (records, lines) = if flags.sources.csv {
        (None, lines.or(records.map(|_| 1)))
    } else {
        (records, lines)
    };
    Ok(Some(Config {
        parts: pipe.pipepart,
        files,
        separator,
        ends,
        records,
        lines,
        block: block(pipe, &route)?,
        skip_first_line: flags.sources.skip_first_line && looks_at_records,
        header,
        remove_separators: pipe.remove_rec_sep && !pipe.pipepart && looks_at_records,
        skip_blank: flags.sources.no_run_if_empty && !pipe.pipepart,
        timeout,
        group_by,
        route,
        slots,
        default_args: if command.is_empty() {
            Err(NO_COMMAND)
        } else if names_inputs(flags) {
            Ok(ArgList::single(NAMED_INPUT.to_vec()))
        } else if pipe.pipepart {
            Ok(ArgList::new())
        } else {
            Ok(ArgList::single(Vec::new()))
        },
        limit: Limit::default(),
    }))
}

/// The files of `--pipepart`: all that are named as files of inputs.
fn files(flags: &Flags, words: &[SourceWords]) -> Vec<PathBuf> {
    if !flags.pipe.pipepart {
        return Vec::new();
    }
    let typed = flags.input.arg_file.iter().cloned();
    let behind = words
        .iter()
        .filter(|source| source.files)
        .flat_map(|source| source.words.iter().cloned().map(OsString::from_vec));
    typed.chain(behind).map(PathBuf::from).collect()
}

/// After how long without input a block is complete.
fn block_timeout(pipe: &flags::Pipe) -> Result<Option<Duration>, String> {
    let Some(value) = &pipe.block_timeout else {
        return Ok(None);
    };
    let timeout = values::duration(text("--block-timeout", value)?)
        .map_err(|why| format!("--block-timeout {why}"))?;
    if timeout.is_zero() {
        return Err("--block-timeout must be more than 0".to_owned());
    }
    Ok(Some(timeout))
}

/// Leaves in `input` what jobs have as arguments.
fn arguments(flags: &Flags, nothing_typed: bool, input: &mut InputConfig) {
    let pipe = &flags.pipe;
    if names_inputs(flags) || (pipe.pipepart && !pipe.tee) {
        input.sources.clear();
    } else if pipe.pipepart {
        input
            .sources
            .retain(|source| matches!(source.kind, SourceKind::Words(_)));
    } else if nothing_typed && flags.input.arg_file.is_empty() {
        // There is nothing but standard input, and that is cut.
        input.sources.clear();
    }
    // What is said about records is said about those of the stream.
    input.shape = Shape {
        header: InputHeader::None,
        skip_first: flags.sources.skip_first_line,
        ..Shape::default()
    };
}

fn route(flags: &Flags) -> Result<Route, String> {
    let pipe = &flags.pipe;
    Ok(if let Some(spec) = &pipe.shard {
        Route::Shard(key(flags, "--shard", spec, true)?)
    } else if let Some(spec) = &pipe.bin {
        Route::Bin(key(flags, "--bin", spec, false)?)
    } else if pipe.tee {
        Route::Tee
    } else if pipe.round_robin {
        Route::RoundRobin {
            strict: flags.output.keep_order,
        }
    } else {
        Route::EachBlock
    })
}

/// Reads a number from a text.
type ReadsNumber = fn(&str) -> Result<u64, String>;

/// `-N` and `-n` are numbers of records, `-L` and `-l` of the lines that a record has.
fn amount(flags: &Flags) -> Result<(Option<usize>, Option<usize>), String> {
    let flags = &flags.batching;
    let number = |option: &str, value: Option<&OsString>, whole: ReadsNumber| match value {
        None => Ok(None),
        Some(value) => {
            let number = whole(text(option, value)?).map_err(|why| format!("{option} {why}"))?;
            Ok::<_, String>(usize::try_from(number).ok().filter(|&number| number > 0))
        }
    };
    // As GNU parallel: of 2.5 records those that are whole, and as many lines as begin.
    let records = match number(
        "--max-replace-args",
        flags.max_replace_args.as_ref(),
        values::whole_part,
    )? {
        None => number("--max-args", flags.max_args.as_ref(), values::whole_part)?,
        records => records,
    };
    let lines = match number("-L", flags.input_lines.as_ref(), values::whole)? {
        None => number("--max-lines", flags.max_lines.as_ref(), values::whole)?,
        lines => lines,
    };
    Ok(match (records, lines) {
        (Some(records), lines) => (Some(records.saturating_mul(lines.unwrap_or(1))), None),
        (None, lines) => (None, lines),
    })
}

/// `--group-by` says by itself where a record ends.
fn group_by_alone(pipe: &flags::Pipe) -> Result<(), String> {
    let others = [
        (pipe.remove_rec_sep, "--remove-rec-sep"),
        (pipe.recstart.is_some(), "--recstart"),
        (pipe.recend.is_some(), "--recend"),
    ];
    match others.iter().find(|(given, _)| *given) {
        Some((_, other)) if pipe.group_by.is_some() => {
            Err(format!("{other} is not compatible with --groupby"))
        }
        _ => Ok(()),
    }
}

fn separator(flags: &Flags) -> Result<(Separator, Ends), String> {
    let pipe = &flags.pipe;
    if flags.sources.csv {
        return Ok((Separator::Csv, Ends::default()));
    }
    let (start, end) = match (&pipe.recstart, &pipe.recend) {
        (None, None) if !pipe.regexp => return Ok((Separator::newline(), Ends::default())),
        (None, None) => (Vec::new(), b"\n".to_vec()),
        (start, end) => (
            start.as_ref().map(bytes).unwrap_or_default(),
            end.as_ref().map(bytes).unwrap_or_default(),
        ),
    };
    if !pipe.regexp || (start.is_empty() && end.is_empty()) {
        let separator = Separator::Fixed {
            end: unescape(&end),
            start: unescape(&start),
        };
        return Ok((separator, Ends::default()));
    }
    let option = if end.is_empty() {
        "--recstart"
    } else {
        "--recend"
    };
    // As in GNU parallel: in a stream `^` and `$` are at lines, and `.` is no newline; in parts of files it is any
    // byte, and they are at the ends of what is looked at.
    let mode: &[u8] = if pipe.pipepart { b"(?s)" } else { b"(?m)" };
    let around = |before: &[u8], regexp: &[u8], behind: &[u8]| {
        if regexp.is_empty() {
            Ok(None)
        } else {
            finder(
                option,
                &[b"(?m)", before, b"(?:", regexp, b")", behind].concat(),
            )
            .map(Some)
        }
    };
    let ends = Ends {
        start: around(b"\\A", &start, b"")?,
        end: around(b"", &end, b"\\z")?,
    };
    let separator = Separator::Regexp {
        both: finder(option, &[mode, b"(", &end, b")(?:", &start, b")"].concat())?,
        start: around(b"", &start, b"")?,
    };
    Ok((separator, ends))
}

fn header(flags: &Flags) -> Result<Option<Header>, String> {
    let Some(value) = &flags.sources.header else {
        return Ok(None);
    };
    let number = value.to_str().and_then(|text| text.parse().ok());
    Ok(Some(match (value.as_bytes(), number) {
        (b":", _) => Header::Lines(1),
        (_, Some(lines)) => Header::Lines(lines),
        (regexp, None) => {
            let anchored = [b"\\A(?:", regexp, b")"].concat();
            Header::Regexp(finder("--header", &anchored)?)
        }
    }))
}

fn key(flags: &Flags, option: &'static str, spec: &OsStr, hashes: bool) -> Result<Key, String> {
    let mut separator = flags
        .sources
        .colsep
        .as_ref()
        .map_or_else(|| b"\\t".to_vec(), bytes);
    // As in Perl, whose `split ' '` leaves out the blanks at the beginning and takes several for one.
    let columns = if option == "--group-by" && separator == b" " {
        Columns::Words
    } else {
        if separator == b" " {
            separator = b"[ ]".to_vec();
        }
        let pattern = Pattern::new(&separator).map_err(|why| format!("--colsep {why}"))?;
        Columns::Cut(pattern)
    };
    Ok(Key::new(
        option,
        spec.as_bytes(),
        columns,
        &separator,
        hashes,
    ))
}

/// A number of bytes with a unit, or of blocks for each slot.
fn block(flags: &flags::Pipe, route: &Route) -> Result<BlockSize, String> {
    let nowhere = |regexp: &Option<OsString>| regexp.as_ref().is_none_or(|it| it.is_empty());
    let is_given = flags.recstart.is_some() || flags.recend.is_some();
    // As in GNU parallel: a regexp that says nothing finds no place for cutting a file.
    let uncut = flags.regexp && is_given && nowhere(&flags.recstart) && nowhere(&flags.recend);
    if flags.pipepart && uncut && matches!(route, Route::EachBlock) {
        return Ok(BlockSize::Bytes(usize::MAX));
    }
    let Some(value) = &flags.block else {
        return Ok(if flags.pipepart {
            BlockSize::PerSlot(PARTS)
        } else {
            BlockSize::Bytes(BLOCK)
        });
    };
    let typed = text("--block", value)?;
    let wrong = || {
        format!("--block must be a number of bytes such as 4096, 64K or 1M, or -N, not '{typed}'")
    };
    if let Some(count) = typed.strip_prefix('-') {
        let count = number::evaluate(count).ok_or_else(wrong)?;
        return Ok(BlockSize::PerSlot(count.max(1.0) as u64));
    }
    let bytes = number::evaluate(typed).filter(|&bytes| bytes >= 0.0);
    let bytes = bytes.ok_or_else(wrong)?;
    Ok(BlockSize::Bytes(match bytes as usize {
        0 => BLOCK,
        bytes => bytes.min((1 << 31) - 1),
    }))
}

/// As in C: `\n`, `\t`, `\0`, `\x41`, `\101`; any other backslash is one.
fn unescape(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&first, after)) = rest.split_first() {
        let (byte, used) = match after {
            [letter, ..] if first == b'\\' => match letter {
                b'n' => (b'\n', 2),
                b't' => (b'\t', 2),
                b'r' => (b'\r', 2),
                b'f' => (0x0c, 2),
                b'a' => (0x07, 2),
                b'e' => (0x1b, 2),
                b'\\' => (b'\\', 2),
                b'x' => number(&after[1..], 2, 16).map_or((first, 1), |(byte, n)| (byte, n + 2)),
                b'0'..=b'7' => number(after, 3, 8).map_or((first, 1), |(byte, n)| (byte, n + 1)),
                _ => (first, 1),
            },
            _ => (first, 1),
        };
        out.push(byte);
        rest = &rest[used..];
    }
    out
}

/// The byte that up to `most` digits at the start of `text` mean, and how many there are.
fn number(text: &[u8], most: usize, radix: u32) -> Option<(u8, usize)> {
    let digits: Vec<u32> = text
        .iter()
        .take(most)
        .map_while(|&digit| char::from(digit).to_digit(radix))
        .collect();
    let value = digits.iter().fold(0, |value, digit| value * radix + digit);
    (!digits.is_empty()).then_some((value as u8, digits.len()))
}

fn finder(option: &str, regexp: &[u8]) -> Result<Arc<Pattern>, String> {
    let pattern = Pattern::new(regexp).map_err(|why| format!("{option} {why}"))?;
    Ok(Arc::new(pattern))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn separators_have_escapes() {
        assert_eq!(unescape(br"a\n\t\\n\x41\0\101\q\"), b"a\n\t\\nA\0A\\q\\");
    }
}
