//! How input sources are combined, cut into columns, and named.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;

use clap::Args;

use super::input::InputSources;
use crate::cli::error::UsageError;
use crate::cli::values::{self, bytes, read_if};
use crate::input::{Columns, Header, InputConfig, Shape, SourceKind, Trim};
use crate::record::pattern::Pattern;

/// Options on what becomes of the inputs before they are arguments.
#[derive(Args, Debug)]
#[command(next_help_heading = "Input")]
pub struct Sources {
    /// Cut each input into columns {1}, {2} ... where this Perl regexp matches; trims them, too.
    #[arg(short = 'C', long, value_name = "REGEXP")]
    pub colsep: Option<OsString>,

    /// Cut each input into columns as CSV: fields may be quoted and hold separators and newlines; --colsep
    /// is the separator [default: a comma].
    #[arg(long)]
    pub csv: bool,

    /// ':': the first input of each source names its columns, for {name}, {name.}, {name/} ...; '0': the
    /// names of the files do.
    #[arg(long, value_name = "HOW")]
    pub header: Option<OsString>,

    /// Combine the first inputs of all sources, then the second ones ...; short sources start over.
    #[arg(long, alias = "xapply")]
    pub link: bool,

    /// Cut white space off inputs: n (no), l (left), r (right), lr or rl (both) [default: n; rl with --colsep].
    #[arg(long, value_name = "WHERE")]
    pub trim: Option<OsString>,

    /// Leave out blank inputs.
    #[arg(short = 'r', long)]
    pub no_run_if_empty: bool,

    /// Skip the first input of the first source.
    #[arg(long)]
    pub skip_first_line: bool,

    /// What matches the groups of this Perl regexp in the first source's inputs becomes {1.1}, {1.2} ...; given
    /// again: for the second source; +N: the regexp of source N. An input that does not match is warned about; its
    /// groups are 1.
    #[arg(long = "match", value_name = "REGEXP")]
    pub matches: Vec<OsString>,

    /// Run only the jobs for which this is true: its replacement strings are filled in, unquoted, and the
    /// result is evaluated as Perl; given again: all of them must be. The others are left out, and do not count as failed.
    #[arg(long = "filter", value_name = "EXPRESSION")]
    pub filters: Vec<OsString>,

    /// An input that is exactly STR is none: the jobs after it start when all before it are over.
    #[arg(long, value_name = "STR")]
    pub milestone: Option<OsString>,

    /// Run the jobs in random order; needs all inputs in memory.
    #[arg(long)]
    pub shuf: bool,

    /// An input that is exactly STR ends its source.
    #[arg(
        short = 'E',
        value_name = "STR",
        overrides_with = "eof",
        long = "eof-str",
        hide = true
    )]
    pub eof_str: Option<OsString>,

    /// An input that is exactly STR ends its source (-E STR, too).
    #[arg(short = 'e', long, value_name = "STR", num_args = 0..=1, require_equals = true, default_missing_value = "", overrides_with = "eof_str")]
    pub eof: Option<OsString>,

    /// What stands before inputs on the command line, instead of ':::'.
    #[arg(long, value_name = "STR")]
    pub arg_sep: Option<OsString>,

    /// What stands before names of files of inputs on the command line, instead of '::::'.
    #[arg(long, value_name = "STR")]
    pub arg_file_sep: Option<OsString>,

    /// There will be N jobs in all, for progress and percentages: saves counting them beforehand.
    #[arg(long, alias = "total", value_name = "N")]
    pub total_jobs: Option<OsString>,
}

/// What the same options mean for the records of one input that is cut into pieces.
#[derive(Debug)]
pub struct PieceShape {
    /// What separates columns.
    pub colsep: Option<Vec<u8>>,
    /// Whether records are those of CSV.
    pub csv: bool,
    /// What is repeated for each job.
    pub header: Option<Vec<u8>>,
    /// Whether the first line is dropped.
    pub skip_first_line: bool,
    /// Whether blank lines are taken out.
    pub skip_blank: bool,
}

impl Sources {
    /// Forgets values that are as good as none, as GNU parallel does.
    pub(super) fn forget_empty_values(&mut self) {
        self.total_jobs
            .take_if(|total| total.as_encoded_bytes().trim_ascii().is_empty());
    }

    /// What is read from the sources of `input`; where records are lines (`joins_lines`) one may go on in the next.
    ///
    /// # Errors
    ///
    /// When a value is not what it should be.
    pub fn resolve(
        &self,
        input: InputSources,
        joins_lines: bool,
    ) -> Result<InputConfig, UsageError> {
        let mut shape = self.shape(joins_lines, input.paragraphs)?;
        let mut sources = input.sources;
        if sources.is_empty() {
            sources.push(SourceKind::Stdin.into());
            if shape.header == Header::FileNames {
                shape.header = Header::None;
            }
        }
        Ok(InputConfig {
            sources,
            delimiter: input.delimiter,
            hints_at_cr: !input.says_delimiter,
            link: self.link,
            shape,
        })
    }

    /// What these options mean with `--pipe`.
    pub fn of_pieces(&self) -> PieceShape {
        PieceShape {
            colsep: self.colsep.as_ref().map(bytes),
            csv: self.csv,
            header: self.header.as_ref().map(bytes),
            skip_first_line: self.skip_first_line,
            skip_blank: self.no_run_if_empty,
        }
    }

    /// Whether arguments are cut into columns.
    pub fn splits_columns(&self) -> bool {
        self.colsep.is_some() || self.csv
    }

    /// The number of jobs that the user announced.
    ///
    /// # Errors
    ///
    /// When it is no number.
    pub fn total_jobs(&self) -> Result<Option<u64>, UsageError> {
        read_if("--total-jobs", self.total_jobs.as_ref(), values::whole)
    }

    fn shape(&self, joins_lines: bool, paragraphs: bool) -> Result<Shape, UsageError> {
        let colsep = self.colsep.as_ref().map(|value| value.as_bytes());
        let columns = match (colsep, self.csv) {
            (separator, true) => Columns::Csv(separator.unwrap_or(b",").to_vec()),
            (Some(regexp), false) => {
                let pattern =
                    Pattern::new(regexp).map_err(|why| UsageError::value("--colsep", why))?;
                Columns::SplitBy(Box::new(pattern))
            }
            // As GNU parallel: names are of columns, which tabs separate.
            (None, false) if self.header.is_some() => {
                let pattern =
                    Pattern::new(b"\t").map_err(|why| UsageError::value("--header:", why))?;
                Columns::SplitBy(Box::new(pattern))
            }
            (None, false) => Columns::One,
        };
        let trim = match &self.trim {
            Some(how) => {
                Trim::parse(how.as_bytes()).map_err(|why| UsageError::value("--trim", why))?
            }
            // As GNU parallel.
            None if colsep.is_some() => Trim::both(),
            None => Trim::default(),
        };
        let header = match self.header.as_ref().map(|value| value.as_bytes()) {
            None => Header::None,
            Some(b"0") => Header::FileNames,
            // As GNU parallel: whatever it is, one record is the header.
            Some(_) => Header::FirstRecord,
        };
        let eof = self.eof.as_ref().or(self.eof_str.as_ref());
        Ok(Shape {
            paragraphs,
            skip_first: self.skip_first_line,
            joins_lines,
            header,
            eof: eof.filter(|mark| !mark.is_empty()).map(bytes),
            columns,
            trim,
            skip_blank: self.no_run_if_empty,
            shuffle: self.shuf,
        })
    }
}
