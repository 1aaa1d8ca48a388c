//! Input sources: what was typed about them, resolved.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::Path;

use super::argv::SourceWords;
use super::flags::Flags;
use super::{batching, bytes, text, values};
use crate::input::{Columns, Header, InputConfig, Shape, SourceKind, SourceSpec, Trim};
use crate::record::delimiter::Delimiter;
use crate::record::pattern::Pattern;

/// The sources: `-a` files, then what stood behind the command; standard input if there is neither.
///
/// # Errors
///
/// One line that names the option and what is wrong with it.
pub fn input(flags: &Flags, words: Vec<SourceWords>) -> Result<InputConfig, String> {
    let mut sources: Vec<SourceSpec> = flags.input.arg_file.iter().map(arg_file).collect();
    let files = sources.len();
    for source in without_an_end(words) {
        if source.files {
            let names = source.words.into_iter().map(OsString::from_vec);
            sources.extend(names.map(|name| file(name, source.linked)));
        } else {
            sources.push(SourceSpec {
                kind: SourceKind::Words(source.words),
                linked: source.linked,
            });
        }
    }
    shift_links(&mut sources, files);
    let mut shape = shape(flags)?;
    if sources.is_empty() {
        sources.push(SourceKind::Stdin.into());
        if shape.header == Header::FileNames {
            shape.header = Header::None;
        }
    }
    shape.paragraphs = flags
        .input
        .delimiter
        .as_ref()
        .is_some_and(|it| it.is_empty());
    let delimiter = match &flags.input.delimiter {
        Some(text) if !text.is_empty() => {
            Delimiter::parse(&bytes(text)).map_err(|why| format!("--delimiter {why}"))?
        }
        None if flags.input.null => Delimiter::nul(),
        _ => Delimiter::newline(),
    };
    Ok(InputConfig {
        sources,
        delimiter,
        hints_at_cr: flags.input.delimiter.is_none() && !flags.input.null,
        link: flags.sources.link,
        shape,
    })
}

/// As GNU parallel: where the last word of the command line is the only one that begins a source, it begins
/// none.
pub(super) fn without_an_end(words: Vec<SourceWords>) -> Vec<SourceWords> {
    match &words[..] {
        [only] if only.words.is_empty() => Vec::new(),
        _ => words,
    }
}

/// As GNU parallel: the links of the sources behind the command are those of all sources, `-a` files
/// included, counted from the first. Where a `-a` file is linked itself, which GNU parallel knows only since
/// it counts right, links are where they stand.
fn shift_links(sources: &mut [SourceSpec], files: usize) {
    if sources[..files].iter().any(|file| file.linked) {
        return;
    }
    let mut links: Vec<bool> = sources.iter().map(|source| source.linked).collect();
    links.rotate_left(files);
    for (source, linked) in sources.iter_mut().zip(links) {
        source.linked = linked;
    }
}

/// The source of `-a FILE`, or of `-a +FILE`: linked to the one before it, unless that is a file's name.
fn arg_file(name: &OsString) -> SourceSpec {
    match name.as_bytes().strip_prefix(b"+") {
        Some(rest) if !rest.is_empty() && !Path::new(name).exists() => {
            file(OsString::from_vec(rest.to_vec()), true)
        }
        _ => file(name.clone(), false),
    }
}

/// What `--total-jobs` says.
///
/// # Errors
///
/// When it is no number.
pub fn total_jobs(flags: &Flags) -> Result<Option<u64>, String> {
    let Some(value) = &flags.sources.total_jobs else {
        return Ok(None);
    };
    let total = values::whole(text("--total-jobs", value)?);
    total.map(Some).map_err(|why| format!("--total-jobs {why}"))
}

fn file(name: OsString, linked: bool) -> SourceSpec {
    let kind = match name.as_bytes() {
        b"-" => SourceKind::Stdin,
        _ => SourceKind::File(name.into()),
    };
    SourceSpec { kind, linked }
}

fn shape(flags: &Flags) -> Result<Shape, String> {
    let joins_lines = batching::counts_lines(&flags.batching);
    let flags = &flags.sources;
    let colsep = flags.colsep.as_ref().map(|value| value.as_bytes());
    let columns = match (colsep, flags.csv) {
        (Some(b""), true) => return Err("--csv needs a --colsep that is not empty".to_owned()),
        (separator, true) => Columns::Csv(separator.unwrap_or(b",").to_vec()),
        (Some(regexp), false) => {
            let pattern = Pattern::new(regexp).map_err(|why| format!("--colsep {why}"))?;
            Columns::SplitBy(Box::new(pattern))
        }
        // As GNU parallel: names are of columns, which tabs separate.
        (None, false) if flags.header.is_some() => {
            let pattern = Pattern::new(b"\t").map_err(|why| format!("--header: {why}"))?;
            Columns::SplitBy(Box::new(pattern))
        }
        (None, false) => Columns::One,
    };
    let trim = match &flags.trim {
        Some(how) => Trim::parse(how.as_bytes()).map_err(|why| format!("--trim {why}"))?,
        // As GNU parallel.
        None if colsep.is_some() => Trim::both(),
        None => Trim::default(),
    };
    let header = match flags.header.as_ref().map(|value| value.as_bytes()) {
        None => Header::None,
        Some(b"0") => Header::FileNames,
        // As GNU parallel: whatever it is, one record is the header.
        Some(_) => Header::FirstRecord,
    };
    let eof = flags.eof.as_ref().or(flags.eof_str.as_ref());
    Ok(Shape {
        paragraphs: false,
        skip_first: flags.skip_first_line,
        joins_lines,
        header,
        eof: eof.filter(|mark| !mark.is_empty()).map(bytes),
        columns,
        trim,
        skip_blank: flags.no_run_if_empty,
        shuffle: flags.shuf,
    })
}
