//! One input for all jobs, cut into pieces: `--pipe` and its kin.

mod separator;

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt as _;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;

use super::batching::PieceSize;
use super::sources::PieceShape;
use crate::cli::error::UsageError;
use crate::cli::values::{self, Wrong, read_if, text};
use crate::exec::stdin::StdinTransport;
use crate::input::{Header as InputHeader, InputConfig, SourceKind};
use crate::model::ArgList;
use crate::pipe::key::Key;
use crate::pipe::limit::Limit;
use crate::pipe::route::Route;
use crate::pipe::{BlockSize, Config, Header};
use crate::run::number;

/// The options of this section that GNU parallel 20221122 has not.
pub(super) const OWN: &[&str] = &["reduce"];

/// How large a block is unless the user says otherwise.
const BLOCK: usize = 1 << 20;
/// How many parts of the files each slot gets unless the user says otherwise, as with GNU parallel.
const PARTS: u64 = 10;
/// What is wrong with a piece of the input that no command is left for.
pub const NO_COMMAND: &str = "--pipe/--pipepart must have a command to pipe into (e.g. 'cat').";
/// What stands for the name of a job's input in its command line.
const NAMED_INPUT: &[u8] = b"$PARALLEL_TMP";

/// Options on jobs that read a piece of the input each.
#[derive(Args, Debug)]
#[command(next_help_heading = "Splitting input")]
pub struct Pipe {
    /// Cut standard input into blocks of records; each is the standard input of a job.
    #[arg(long, alias = "spreadstdin")]
    pub pipe: bool,

    /// As --pipe, but the input is in files (-a, ::::), which the jobs read themselves.
    #[arg(long, alias = "pipe-part")]
    pub pipepart: bool,

    /// About so many bytes a block (K, M, G: powers of 1024; k, m, g: of 1000) [default: 1M]; -N: N blocks
    /// for each slot.
    #[arg(long, alias = "block-size", value_name = "SIZE")]
    pub block: Option<OsString>,

    /// A block is complete when nothing has come for this time.
    #[arg(long, alias = "bt", value_name = "TIME")]
    pub block_timeout: Option<OsString>,

    /// A record begins with STR (\n, \t ... are understood).
    #[arg(long, value_name = "STR")]
    pub recstart: Option<OsString>,

    /// A record ends with STR (\n, \t ... are understood) [default: \n, without --recstart].
    #[arg(long, value_name = "STR")]
    pub recend: Option<OsString>,

    /// --recstart and --recend are Perl regexps.
    #[arg(long, alias = "regex")]
    pub regexp: bool,

    /// Take --recstart and --recend out of what jobs get.
    #[arg(long, alias = "rrs", alias = "removerecsep")]
    pub remove_rec_sep: bool,

    /// Merge what jobs print by CMD, {} being files of it: 'sort -m {}'. It runs again on what it has printed,
    /// in the order of the inputs.
    #[arg(long, value_name = "CMD")]
    pub reduce: Option<OsString>,

    /// One job for each slot; they get the blocks in turn.
    #[arg(long, alias = "round", alias = "roundrobin")]
    pub round_robin: bool,

    /// Keep lines together that have the same key: a column's number or name, a Perl expression that
    /// changes $_, or both.
    #[arg(long, alias = "groupby", value_name = "KEY")]
    pub group_by: Option<OsString>,

    /// One job for each slot; the hash of a line's key (as --group-by has it) decides which one gets it.
    #[arg(long, value_name = "KEY")]
    pub shard: Option<OsString>,

    /// One job for each slot; the number in a line's key decides which one gets it.
    #[arg(long, alias = "binpack", value_name = "KEY")]
    pub bin: Option<OsString>,

    /// Each job, one for each value behind :::, gets the whole input.
    #[arg(long)]
    pub tee: bool,

    /// Each job finds its input in the FIFO {}.
    #[arg(long)]
    pub fifo: bool,

    /// Each job finds its input in the temporary file {}. As with GNU parallel, it has only failed if it says so
    /// with 'exit', or is killed.
    #[arg(long)]
    pub cat: bool,
}

/// What jobs that read pieces of one input depend on besides the options on it.
#[derive(Debug)]
pub struct PieceUse {
    /// How much each gets.
    pub size: PieceSize,
    /// What the records look like.
    pub shape: PieceShape,
    /// All that were named as files of inputs.
    pub files: Vec<PathBuf>,
    /// Whether jobs have a command.
    pub has_command: bool,
    /// Whether output is in the order of the inputs.
    pub in_order: bool,
    /// How many jobs run at a time.
    pub slots: usize,
}

impl Pipe {
    /// Forgets values that are as good as none, as GNU parallel does.
    pub(super) fn forget_empty_values(&mut self) {
        self.block
            .take_if(|size| size.as_encoded_bytes().trim_ascii().is_empty());
        for key in [&mut self.group_by, &mut self.shard, &mut self.bin] {
            key.take_if(|typed| typed.is_empty() || typed == "0");
        }
    }

    /// Whether jobs read pieces of one input. As in GNU parallel, some options imply it.
    pub fn is_wanted(&self) -> bool {
        self.pipe
            || self.pipepart
            || self.round_robin
            || self.tee
            || self.cat
            || self.fifo
            || self.group_by.is_some()
            || self.shard.is_some()
            || self.bin.is_some()
    }

    /// Whether `{}` is the name of a file or FIFO.
    pub fn names_inputs(&self) -> bool {
        self.cat || self.fifo
    }

    /// How jobs get their input.
    pub fn stdin_transport(&self) -> StdinTransport {
        if self.cat {
            StdinTransport::File
        } else if self.fifo {
            StdinTransport::Fifo
        } else {
            StdinTransport::Pipe
        }
    }

    /// After how long without input a block is complete.
    ///
    /// # Errors
    ///
    /// When it is no time, or none at all.
    pub fn timeout(&self) -> Result<Option<Duration>, UsageError> {
        read_if("--block-timeout", self.block_timeout.as_ref(), |value| {
            let timeout = values::duration(value)?;
            if timeout.is_zero() {
                return Err(Wrong("must be more than 0".to_owned()));
            }
            Ok(timeout)
        })
    }

    /// Leaves in `input` what jobs have as arguments.
    pub fn leave_arguments(&self, input: &mut InputConfig, only_stdin: bool) {
        if self.names_inputs() || (self.pipepart && !self.tee) {
            input.sources.clear();
        } else if self.pipepart {
            input
                .sources
                .retain(|source| matches!(source.kind, SourceKind::Words(_)));
        } else if only_stdin {
            // There is nothing but standard input, and that is cut.
            input.sources.clear();
        }
        // As in GNU parallel: arguments are cut, trimmed and left out as without pieces; a header is that of the stream.
        input.shape.header = InputHeader::None;
    }

    /// How the input is cut; after `timeout` without input a block is complete.
    ///
    /// # Errors
    ///
    /// When a value is not what it should be.
    pub fn resolve(&self, its: PieceUse, timeout: Option<Duration>) -> Result<Config, UsageError> {
        let shape = &its.shape;
        let (separator, ends) = separator::separator(&separator::Typed {
            start: self.recstart.as_ref(),
            end: self.recend.as_ref(),
            regexp: self.regexp,
            parts: self.pipepart,
            csv: shape.csv,
        })?;
        let route = self.route(&its)?;
        let group_by = self.group_by.as_ref();
        let group_by = group_by.map(|spec| key(shape.colsep.as_ref(), "--group-by", spec, false));
        let (group_by, typed) = (group_by.transpose()?, shape.header.as_deref());
        // As in GNU parallel: not of lines or blocks that go to jobs as they are.
        let looks_at_records = matches!(route, Route::EachBlock | Route::RoundRobin { .. });
        let header = match &route {
            // As in GNU parallel: without a name that is looked for, the header is a line like the others; a name is in
            // the first line, if nothing else is said.
            Route::Shard(key) | Route::Bin(key) if !key.has_name() => None,
            Route::Shard(_) | Route::Bin(_) => Some(header(typed)?.unwrap_or(Header::Lines(1))),
            _ if group_by.as_ref().is_some_and(Key::has_name) => {
                Some(header(typed)?.unwrap_or(Header::Lines(1)))
            }
            _ => header(typed)?,
        };
        let (records, lines) = (its.size.records, its.size.lines);
        // As in GNU parallel, blocks of CSV are as large as they are, however many records are wanted; but only whole
        // ones are in the last but one.
        let (records, lines) = if shape.csv {
            (None, lines.or(records.map(|_| 1)))
        } else {
            (records, lines)
        };
        Ok(Config {
            parts: self.pipepart,
            separator,
            ends,
            records,
            lines,
            block: block(self, &route)?,
            skip_first_line: shape.skip_first_line && looks_at_records,
            header,
            remove_separators: self.remove_rec_sep && !self.pipepart && looks_at_records,
            skip_blank: shape.skip_blank && !self.pipepart,
            timeout,
            group_by,
            route,
            slots: its.slots,
            default_args: if !its.has_command {
                Err(NO_COMMAND)
            } else if self.names_inputs() {
                Ok(ArgList::single(NAMED_INPUT.to_vec()))
            } else if self.pipepart {
                Ok(ArgList::new())
            } else {
                Ok(ArgList::single(Vec::new()))
            },
            limit: Limit::default(),
            files: if self.pipepart { its.files } else { Vec::new() },
        })
    }

    fn route(&self, its: &PieceUse) -> Result<Route, UsageError> {
        let colsep = its.shape.colsep.as_ref();
        Ok(if let Some(spec) = &self.shard {
            Route::Shard(key(colsep, "--shard", spec, true)?)
        } else if let Some(spec) = &self.bin {
            Route::Bin(key(colsep, "--bin", spec, false)?)
        } else if self.tee {
            Route::Tee
        } else if self.round_robin {
            Route::RoundRobin {
                strict: its.in_order,
            }
        } else {
            Route::EachBlock
        })
    }
}

/// What of the input's beginning is repeated for each job.
fn header(value: Option<&[u8]>) -> Result<Option<Header>, UsageError> {
    let Some(value) = value else {
        return Ok(None);
    };
    let number = str::from_utf8(value)
        .ok()
        .and_then(|text| text.parse().ok());
    Ok(Some(match (value, number) {
        (b":", _) => Header::Lines(1),
        (_, Some(lines)) => Header::Lines(lines),
        (regexp, None) => {
            let anchored = [b"\\A(?:", regexp, b")"].concat();
            Header::Regexp(separator::finder("--header", &anchored)?)
        }
    }))
}

/// The key that `spec` means, of lines whose columns `colsep` separates; with `hashes` a number made of it.
fn key(
    colsep: Option<&Vec<u8>>,
    option: &'static str,
    spec: &OsStr,
    hashes: bool,
) -> Result<Key, UsageError> {
    let colsep = colsep.map(Vec::as_slice);
    Key::new(option, spec.as_bytes(), colsep, hashes)
        .map_err(|why| UsageError::value("--colsep", why))
}

/// A number of bytes with a unit, or of blocks for each slot.
fn block(flags: &Pipe, route: &Route) -> Result<BlockSize, UsageError> {
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
        let why =
            format!("must be a number of bytes such as 4096, 64K or 1M, or -N, not '{typed}'");
        UsageError::value("--block", why)
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
