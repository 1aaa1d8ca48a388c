//! How many inputs a job gets: a [`Packing`], and the limits on command lines.
//!
//! The options meet as in GNU parallel 20221122, measured:
//!
//! | given | most records a job | the word around `{}` | last records shared |
//! |---|---|---|---|
//! | `-N` | N | repeated | with `-m`, `-X` |
//! | `-n` | N, unless `-N` | with `-X`, `-N` or `-L` | with `-m`, `-X` |
//! | `-L` | N, unless `-n`, `-N` | repeated, unless `-m`, `--xargs` | with `-m`, `-X` |
//! | `-l` | N, unless `-n`, `-N`, `-L` | with `-X`, `-N` | with `-m`, `-X` |
//! | `-m` | as many as fit | not repeated | always |
//! | `-X` | as many as fit | repeated | always |
//! | `--xargs` | as many as fit | not repeated | with `-m`, `-X` |

use std::ffi::OsString;
use std::num::NonZeroUsize;

use clap::Args;

use crate::cli::error::UsageError;
use crate::cli::values::{self, Wrong, read_if};
use crate::job::Templates;
use crate::job::measure::Measure;
use crate::job::pack::{Batch, Limit, Packing};
use crate::template::Spread;

/// The options of this section that GNU parallel 20221122 has not.
pub(super) const OWN: &[&str] = &["context-replace", "many"];

/// The longest line that GNU parallel finds acceptable on Linux, a little less than the 128 KiB that the
/// kernel takes as one argument.
const LONGEST: usize = 130_329;
/// What it makes use of by default, so that jobs get the same arguments here as there.
const USABLE: usize = 63_664;

/// Options on jobs of several inputs.
#[derive(Args, Debug)]
#[command(next_help_heading = "Batching")]
pub struct Batching {
    /// Give each job up to N inputs.
    #[arg(short = 'n', long, value_name = "N")]
    pub max_args: Option<OsString>,

    /// Give each job up to N inputs, as {1} to {N}; 0: one input, which is not inserted.
    #[arg(short = 'N', long, value_name = "N")]
    pub max_replace_args: Option<OsString>,

    /// Give each job up to N lines; one that ends with a blank goes on in the next.
    #[arg(short = 'L', value_name = "N", long = "max-input-lines")]
    pub input_lines: Option<OsString>,

    /// As -L, but all lines go where {} is, side by side [default N: 1].
    #[arg(
        short = 'l',
        long,
        value_name = "N",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "1"
    )]
    pub max_lines: Option<OsString>,

    /// Give each job as many inputs as its command line has room for, the last ones shared among the
    /// slots: x{}y becomes 'xa b cy'.
    #[arg(short = 'm', long = "many")]
    pub many: bool,

    /// As -m, but the word around {} is repeated: x{}y becomes 'xay xby xcy'.
    #[arg(short = 'X', long = "context-replace")]
    pub context_replace: bool,

    /// Give each job as many inputs as its command line has room for.
    #[arg(long)]
    pub xargs: bool,

    /// Keep command lines shorter than N bytes.
    #[arg(short = 's', long, value_name = "N")]
    pub max_chars: Option<OsString>,

    /// End if a single input makes a longer line than --max-chars allows (it always does).
    #[arg(short = 'x', long)]
    pub exit: bool,

    /// Print the longest line that --max-chars can allow, and end.
    #[arg(long)]
    pub max_line_length_allowed: bool,

    /// Print the limits on command lines, then go on.
    #[arg(long)]
    pub show_limits: bool,
}

/// How many records a job gets at most.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Most {
    /// So many.
    Records(NonZeroUsize),
    /// One, of which the arguments are left out.
    NoArgs,
    /// Nothing was said.
    Unsaid,
}

/// How many inputs a job gets.
#[derive(Debug)]
pub struct BatchRule {
    most: Most,
    /// Whether a job has as many records as its command line has room for.
    fills: bool,
    /// Whether the last job's records are shared among the slots.
    shares: bool,
    /// `--max-chars`; 0 is as good as none.
    max_chars: Option<usize>,
    /// What several arguments do to the word around `{}`.
    pub spread: Spread,
    /// Whether records are lines, of which one may go on in the next.
    pub counts_lines: bool,
}

impl BatchRule {
    /// Whether jobs get none of their arguments.
    pub fn inserts_nothing(&self) -> bool {
        self.most == Most::NoArgs
    }

    /// Whether a job has just one record.
    pub fn takes_one_record(&self) -> bool {
        match self.most {
            Most::Records(records) => records == NonZeroUsize::MIN,
            Most::Unsaid => !self.fills,
            Most::NoArgs => false,
        }
    }

    /// How records become jobs, rendered from `templates`, that run in `slots`.
    pub fn packing(&self, templates: &Templates, slots: usize) -> Packing {
        let most = match self.most {
            Most::NoArgs if !self.fills => return Packing::NoArgs,
            Most::NoArgs => None,
            Most::Records(records) => Some(records),
            Most::Unsaid if self.fills => None,
            Most::Unsaid => Some(NonZeroUsize::MIN),
        };
        if most == Some(NonZeroUsize::MIN) && self.max_chars.is_none() {
            return Packing::One;
        }
        let limit = Limit {
            below: self.max_chars.unwrap_or(USABLE).min(USABLE),
            strict: self.max_chars.is_some(),
        };
        Packing::Batch(Box::new(Batch {
            most,
            limit,
            share: NonZeroUsize::new(slots).filter(|_| self.shares),
            inserts_nothing: self.inserts_nothing(),
            measure: Measure::new(templates.command().clone(), templates.style(), slots),
        }))
    }

    /// What the user should know about the limits that were asked for.
    pub fn remarks(&self) -> Vec<String> {
        let beyond = self.max_chars.filter(|&chars| chars > USABLE);
        let remark = |_| format!("Warning: Value for option -s should be < {USABLE}.");
        beyond.map(remark).into_iter().collect()
    }

    /// What `--show-limits` prints.
    pub fn limits(&self) -> String {
        let usable = self.max_chars.unwrap_or(USABLE).min(USABLE);
        format!("Maximal size of command: {LONGEST}\nMaximal usable size of command: {usable}\n\n")
    }
}

/// What `--max-line-length-allowed` prints.
pub fn max_line_length_allowed() -> String {
    format!("{LONGEST}\n")
}

/// How much of one input a job gets (`--pipe`).
#[derive(Debug)]
pub struct PieceSize {
    /// How many records.
    pub records: Option<usize>,
    /// A multiple of how many lines.
    pub lines: Option<usize>,
}

/// Reads a number from a text.
type ReadsNumber = fn(&str) -> Result<u64, Wrong>;

impl Batching {
    /// Forgets values that are as good as none, as GNU parallel does: empty ones, and fewer than no arguments.
    pub(super) fn forget_empty_values(&mut self) {
        for amount in [
            &mut self.max_args,
            &mut self.max_replace_args,
            &mut self.input_lines,
        ] {
            amount.take_if(|typed| typed.as_encoded_bytes().starts_with(b"-"));
        }
        for number in [
            &mut self.max_args,
            &mut self.max_replace_args,
            &mut self.input_lines,
            &mut self.max_lines,
            &mut self.max_chars,
        ] {
            number.take_if(|typed| typed.as_encoded_bytes().trim_ascii().is_empty());
        }
    }

    /// What these options come to for records.
    ///
    /// # Errors
    ///
    /// When a value is no number.
    pub fn resolve(&self) -> Result<BatchRule, UsageError> {
        let lines = self.input_lines.is_some() && !self.many && !self.xargs;
        let repeats = self.context_replace || self.max_replace_args.is_some() || lines;
        let chars = read_if("--max-chars", self.max_chars.as_ref(), values::size)?;
        let chars = chars.map(|chars| usize::try_from(chars).unwrap_or(usize::MAX));
        Ok(BatchRule {
            most: self.most()?,
            fills: self.many || self.context_replace || self.xargs,
            shares: self.many || self.context_replace,
            max_chars: chars.filter(|&chars| chars > 0),
            spread: if repeats {
                Spread::Repeat
            } else {
                Spread::Join
            },
            counts_lines: self.input_lines.is_some() || self.max_lines.is_some(),
        })
    }

    /// What `-N`, `-n`, `-L` and `-l` say, the first of them that is given.
    fn most(&self) -> Result<Most, UsageError> {
        let lines = self.input_lines.is_some();
        for (option, value) in [
            ("--max-replace-args", &self.max_replace_args),
            ("--max-args", &self.max_args),
            ("-L", &self.input_lines),
            ("--max-lines", &self.max_lines),
        ] {
            let Some(number) = read_if(option, value.as_ref(), values::whole)? else {
                continue;
            };
            let number = usize::try_from(number).unwrap_or(usize::MAX);
            match NonZeroUsize::new(number) {
                Some(records) => return Ok(Most::Records(records)),
                None if option == "--max-lines" => return Ok(Most::Records(NonZeroUsize::MIN)),
                // As GNU parallel: no number of arguments at all leaves it to the number of lines.
                None if lines && option != "-L" => {}
                None => return Ok(Most::NoArgs),
            }
        }
        Ok(Most::Unsaid)
    }

    /// What these options come to for pieces of one input: `-N` and `-n` are numbers of records, `-L` and `-l` of the
    /// lines that a record has.
    ///
    /// # Errors
    ///
    /// When a value is no number.
    pub fn piece_size(&self) -> Result<PieceSize, UsageError> {
        let number = |option: &str, value: Option<&OsString>, whole: ReadsNumber| {
            let number = read_if(option, value, whole)?;
            let number = number.and_then(|number| usize::try_from(number).ok());
            Ok::<_, UsageError>(number.filter(|&number| number > 0))
        };
        // As GNU parallel: of 2.5 records those that are whole, and as many lines as begin.
        let (part, whole) = (values::whole_part, values::whole);
        let records = match number("--max-replace-args", self.max_replace_args.as_ref(), part)? {
            None => number("--max-args", self.max_args.as_ref(), part)?,
            records => records,
        };
        let lines = match number("-L", self.input_lines.as_ref(), whole)? {
            None => number("--max-lines", self.max_lines.as_ref(), whole)?,
            lines => lines,
        };
        let (records, lines) = match (records, lines) {
            (Some(records), lines) => (Some(records.saturating_mul(lines.unwrap_or(1))), None),
            (None, lines) => (None, lines),
        };
        Ok(PieceSize { records, lines })
    }

    /// Whether jobs that get pieces of one input get arguments by the number of records, too, if there are any.
    pub fn packs_arguments(&self) -> bool {
        self.max_args.is_some() || self.max_replace_args.is_some()
    }
}
