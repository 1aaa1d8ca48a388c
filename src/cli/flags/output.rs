//! Where jobs' output goes.

mod assign;
mod compress;

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt as _;

use clap::{ArgAction, Args};

use crate::cli::error::UsageError;
use crate::cli::values::bytes;
use crate::exec::capture::Streams;
use crate::flow::spool::Codec;
use crate::job::{TagSpec, unescape_tagstring};
use crate::plan::{CapturePlan, RowsPlan};
use crate::report::text::rows::Form;
use crate::report::text::{self, Config, Mode, Print};
use crate::template::Quoting;

/// Options on output.
#[derive(Args, Debug)]
#[command(next_help_heading = "Output")]
pub struct Output {
    /// Print each job's output when it is over, undivided (the default).
    #[arg(long)]
    pub group: bool,

    /// Print output in the order of the inputs. Without it, only jobs that end within a few milliseconds are put in order.
    #[arg(short = 'k', long, alias = "keeporder")]
    pub keep_order: bool,

    /// Print output as jobs end, whatever --keep-order said before.
    #[arg(
        long,
        alias = "nokeep-order",
        alias = "nokeeporder",
        overrides_with = "keep_order"
    )]
    pub no_keep_order: bool,

    /// Let jobs write to the terminal as they run, all at the same time.
    #[arg(short = 'u', long)]
    pub ungroup: bool,

    /// Print output as it comes, by whole lines (of up to 1 MiB); with --keep-order, one job's at a time.
    #[arg(long, aliases = ["line-buffered", "linebuffer", "linebuffered", "lb"])]
    pub line_buffer: bool,

    /// On a terminal, show one line for each job: the latest of its output; elsewhere as --line-buffer.
    #[arg(long, aliases = ["latestline", "ll"])]
    pub latest_line: bool,

    /// Put the input and a tab in front of each line of output.
    #[arg(long)]
    pub tag: bool,

    /// Put STR, a template, and a tab in front of each line of output.
    #[arg(long, alias = "tag-string", value_name = "STR")]
    pub tagstring: Option<OsString>,

    /// Give each job's output a background colour of its own.
    #[arg(long, alias = "colour")]
    pub color: bool,

    /// Print the output of failed jobs on red.
    #[arg(long, aliases = ["colorfailed", "colour-failed", "colourfailed", "cf"])]
    pub color_failed: bool,

    /// As --color --tag.
    #[arg(long)]
    pub ctag: bool,

    /// As --color --tagstring STR.
    #[arg(long, alias = "ctag-string", value_name = "STR")]
    pub ctagstring: Option<OsString>,

    /// Keep each job's standard output in a file in $TMPDIR, and print the file's name.
    #[arg(long, aliases = ["output-as-files", "outputasfiles"])]
    pub files: bool,

    /// As --files, with a NUL byte instead of a newline.
    #[arg(long)]
    pub files0: bool,

    /// Keep what each job writes in files, and print nothing: below directory NAME, by the inputs; or in the file
    /// that NAME, a template, becomes; or as rows in NAME, if that ends in .csv, .tsv or .json ('-.csv':
    /// on standard output). Below a directory, '/' in an input is +z and '+' is ++; an empty input is +e, '.' and '..'
    /// are +. and +.. there and in templates.
    #[arg(long, alias = "res", value_name = "NAME")]
    pub results: Option<OsString>,

    /// Compress output while it is kept: temporary files become smaller, and so do those of --files and --results.
    #[arg(long)]
    pub compress: bool,

    /// Compress with the command PROG [default: zstd, lz4, pigz or gzip]; implies --compress.
    #[arg(
        long,
        aliases = ["use-compress-program", "usecompressprogram", "compress-prg", "compressprogram"],
        value_name = "PROG"
    )]
    pub compress_program: Option<OsString>,

    /// Decompress with the command PROG [default: that of --compress-program with -dc].
    #[arg(
        long,
        aliases = ["use-decompress-program", "usedecompressprogram", "decompress-prg", "decompressprogram"],
        value_name = "PROG"
    )]
    pub decompress_program: Option<OsString>,

    /// Print each command on standard output before its output.
    #[arg(short = 'v', long, action = ArgAction::Count)]
    pub print_command: u8,

    /// Print each command on standard error when it starts.
    #[arg(short = 't', long)]
    pub verbose: bool,

    /// What GNU's parset has its shell evaluate: assignments of what jobs wrote.
    #[arg(long = "_parset", hide = true, value_name = "KIND,NAMES")]
    pub assign: Option<OsString>,
}

/// What `--results` asks for.
#[derive(Debug)]
pub enum Results {
    /// No more than without it.
    Nothing,
    /// A table.
    Rows(RowsPlan),
    /// Files for each job.
    Files(Vec<u8>),
}

impl Results {
    /// Where output really goes when nothing is run: nothing goes into files then. `dry_run` and `shows` tell why
    /// nothing is.
    #[must_use]
    fn kept(self, dry_run: bool, shows: bool) -> Self {
        match self {
            Self::Files(_) if dry_run || shows => Self::Nothing,
            Self::Rows(RowsPlan { path: Some(_), .. }) if dry_run => Self::Nothing,
            kept => kept,
        }
    }
}

/// What decides, besides the options on it, where output goes and when.
#[derive(Debug)]
pub struct OutputUse {
    /// What `--results` asks for.
    pub results: Results,
    /// Whether nothing is run.
    pub dry_run: bool,
    /// Whether commands are only quoted and printed.
    pub shellquotes: bool,
    /// Whether jobs read from the terminal.
    pub on_terminal: bool,
    /// Whether nothing is to be in colours, whatever was asked for.
    pub no_colors: bool,
    /// Whether there is a JSON stream.
    pub json: bool,
    /// Whether it has standard output to itself.
    pub json_on_stdout: bool,
    /// Whether it has output as it comes.
    pub json_streams: bool,
    /// Whether outputs are wanted whole by somebody else: merges, a table.
    pub taken_whole: bool,
    /// Whether a job's output must not be shown before it is over, as it may be taken back.
    pub may_be_taken_back: bool,
}

/// Where output goes and how it is printed.
#[derive(Debug)]
pub struct OutputPlan {
    /// What becomes of jobs' output.
    pub capture: CapturePlan,
    /// How it is printed.
    pub text: text::Config,
    /// The table that it goes into instead.
    pub rows: Option<RowsPlan>,
    /// Whether fanout sees what jobs write.
    pub captures: bool,
}

impl Output {
    /// Forgets values that are as good as none, as GNU parallel does.
    pub(super) fn forget_empty_values(&mut self) {
        for named in [&mut self.compress_program, &mut self.decompress_program] {
            named.take_if(|typed| typed.is_empty());
        }
    }

    /// What `--results` asks for: of jobs that get pieces of one input (`of_pieces`), or of a run that goes on where
    /// an earlier one was (`append`).
    pub fn results(&self, of_pieces: bool, append: bool) -> Results {
        let Some(name) = self.results.as_ref().map(bytes) else {
            return Results::Nothing;
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
            _ if name.is_empty() => Results::Nothing,
            None => Results::Files(name),
            Some((_, form)) => Results::Rows(RowsPlan {
                path: (!on_stdout).then(|| OsString::from_vec(name).into()),
                form,
                of_pieces,
                append,
            }),
        }
    }

    /// Whether `--results` asks for anything.
    pub fn keeps_results(&self) -> bool {
        self.results.as_ref().is_some_and(|name| !name.is_empty())
    }

    /// What goes before each line: the input, or the `host` where inputs are the same for all hosts.
    pub fn tag(&self, host: Option<&[u8]>) -> Option<TagSpec> {
        match self.tagstring.as_ref().or(self.ctagstring.as_ref()) {
            Some(text) if text.is_empty() => None,
            Some(text) => Some(TagSpec::Text(unescape_tagstring(&bytes(text)))),
            None if !self.tag && !self.ctag => None,
            None => Some(host.map_or(TagSpec::Input, |host| TagSpec::Text(host.to_vec()))),
        }
    }

    /// Whether the tag is the input, or what stands for it.
    pub fn tags_inputs(&self) -> bool {
        (self.tag || self.ctag) && self.tagstring.is_none() && self.ctagstring.is_none()
    }

    /// How output that is kept is compressed; `None`: not at all.
    ///
    /// # Errors
    ///
    /// When the program for it is not installed.
    pub fn codec(&self) -> Result<Option<Codec>, UsageError> {
        let programs = [&self.compress_program, &self.decompress_program];
        let [compress, decompress] = programs.map(Option::as_ref);
        if !self.compress && compress.is_none() && decompress.is_none() {
            return Ok(None);
        }
        compress::codec(compress, decompress).map(Some)
    }

    /// The assignments that are asked for by a shell that has this `quoting`.
    ///
    /// # Errors
    ///
    /// When what is assigned to is no name of a variable.
    pub fn assignments(
        &self,
        quoting: Quoting,
    ) -> Result<Option<text::assign::Config>, UsageError> {
        let value = self.assign.as_ref();
        value
            .map(|value| assign::config(value, quoting))
            .transpose()
    }

    /// Where output goes and how it is printed.
    pub fn resolve(&self, mut its: OutputUse) -> OutputPlan {
        let results = std::mem::replace(&mut its.results, Results::Nothing);
        let results = results.kept(its.dry_run, its.shellquotes);
        let ungroups = self.ungroups(&its, &results);
        let asks_files = (self.files || self.files0) && !its.dry_run;
        let files = !ungroups && (asks_files || matches!(results, Results::Files(_)));
        let capture = self.capture(&its, &results, ungroups, files);
        OutputPlan {
            capture,
            text: self.text(&its, &results, ungroups, capture, files),
            captures: !ungroups,
            rows: match results {
                Results::Rows(rows) => Some(rows),
                Results::Nothing | Results::Files(_) => None,
            },
        }
    }

    /// Whether jobs write where they want. With --shellquote there are none, only what is printed.
    fn ungroups(&self, its: &OutputUse, results: &Results) -> bool {
        let by_terminal = its.on_terminal && !self.group && !self.line_buffer;
        let kept = !matches!(results, Results::Nothing);
        (self.ungroup || by_terminal) && !its.shellquotes && !kept
    }

    /// Output is kept until a job is over, unless it is wanted at once.
    fn capture(
        &self,
        its: &OutputUse,
        results: &Results,
        ungroups: bool,
        files: bool,
    ) -> CapturePlan {
        let prints_commands = self.print_command > 0 || self.verbose;
        if ungroups {
            // The command line comes before the output only if the output passes through here, too.
            return if its.json_on_stdout || its.json_streams || prints_commands {
                CapturePlan::Stream
            } else {
                CapturePlan::Inherit
            };
        }
        if its.json_on_stdout && its.json_streams {
            return CapturePlan::Stream;
        }
        if files {
            return CapturePlan::Files(self.print_command > 0);
        }
        let rows = matches!(results, Results::Rows(_));
        let whole = its.json || rows || its.taken_whole || self.assign.is_some();
        let compresses = self.compress || self.compress_program.is_some();
        if whole {
            CapturePlan::Spool
        } else if self.line_buffer || self.latest_line {
            if self.keep_order {
                CapturePlan::InTurn(Streams::Both)
            } else {
                CapturePlan::Stream
            }
        } else if self.keep_order && !self.color_failed && !its.may_be_taken_back && !compresses {
            CapturePlan::InTurn(Streams::StdoutOfLastTry)
        } else {
            CapturePlan::Spool
        }
    }

    /// How output is printed.
    fn text(
        &self,
        its: &OutputUse,
        results: &Results,
        ungroups: bool,
        capture: CapturePlan,
        files: bool,
    ) -> Config {
        let rows = matches!(results, Results::Rows(rows) if rows.path.is_some());
        let mode = if its.json_on_stdout {
            Mode::Never
        } else if ungroups || (rows && self.ungroup) {
            Mode::Ungrouped
        } else if self.line_buffer || self.latest_line {
            Mode::LineBuffered
        } else if capture == CapturePlan::Stream {
            Mode::Ungrouped
        } else {
            Mode::Grouped
        };
        let shows = match results {
            _ if !files => Print::Content,
            _ if self.files0 => Print::Paths(0),
            _ if self.files => Print::Paths(b'\n'),
            // As GNU parallel, which shows the names of files though nobody asked.
            Results::Files(_) if self.line_buffer => Print::Paths(b'\n'),
            _ => Print::Nothing,
        };
        Config {
            mode,
            in_order: self.keep_order && !matches!(mode, Mode::Ungrouped | Mode::Never),
            shows,
            // As GNU parallel.
            beside_rows: rows && (self.line_buffer || self.ungroup || files),
            color: (self.color || self.ctag || self.ctagstring.is_some()) && !its.no_colors,
            color_failed: self.color_failed && !its.no_colors,
            verbose: self.print_command > 0,
            trace: self.verbose,
            dry_run: its.dry_run,
        }
    }
}
