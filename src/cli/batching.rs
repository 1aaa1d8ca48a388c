//! Batching options to a [`Packing`], and the limits on command lines.
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

use super::flags::Batching;
use super::{text, values};
use crate::job::Templates;
use crate::job::measure::Measure;
use crate::job::pack::{Batch, Limit, Packing};
use crate::template::Spread;

/// The longest line that GNU parallel finds acceptable on Linux, a little less than the 128 KiB that the
/// kernel takes as one argument.
const LONGEST: usize = 130_329;
/// What it makes use of by default, so that jobs get the same arguments here as there.
const USABLE: usize = 63_664;

/// What several arguments do to the word around `{}`.
pub(super) fn spread(flags: &Batching) -> Spread {
    let lines = flags.input_lines.is_some() && !flags.many && !flags.xargs;
    if flags.context_replace || flags.max_replace_args.is_some() || lines {
        Spread::Repeat
    } else {
        Spread::Join
    }
}

/// Whether jobs get none of their arguments.
pub(super) fn inserts_nothing(flags: &Batching) -> bool {
    matches!(most(flags), Ok(Most::NoArgs))
}

/// Whether a job has just one record.
pub(super) fn takes_one_record(flags: &Batching) -> bool {
    match most(flags) {
        Ok(Most::Records(records)) => records == NonZeroUsize::MIN,
        Ok(Most::Unsaid) => !fills(flags),
        Ok(Most::NoArgs) | Err(_) => false,
    }
}

/// Whether a job has as many records as its command line has room for.
fn fills(flags: &Batching) -> bool {
    flags.many || flags.context_replace || flags.xargs
}

/// Whether records are lines, of which one may go on in the next.
pub(super) fn counts_lines(flags: &Batching) -> bool {
    flags.input_lines.is_some() || flags.max_lines.is_some()
}

/// How records become jobs that run in `slots`.
///
/// # Errors
///
/// One line that names the option whose value is no number.
pub(super) fn packing(
    flags: &Batching,
    templates: &Templates,
    slots: usize,
) -> Result<Packing, String> {
    let most = most(flags)?;
    let inserts_nothing = matches!(most, Most::NoArgs);
    let most = match most {
        Most::NoArgs if !fills(flags) => return Ok(Packing::NoArgs),
        Most::NoArgs => None,
        Most::Records(records) => Some(records),
        Most::Unsaid if fills(flags) => None,
        Most::Unsaid => Some(NonZeroUsize::MIN),
    };
    let asked = max_chars(flags)?;
    if most == Some(NonZeroUsize::MIN) && asked.is_none() {
        return Ok(Packing::One);
    }
    let limit = Limit {
        below: asked.unwrap_or(USABLE).min(USABLE),
        strict: asked.is_some(),
    };
    Ok(Packing::Batch(Box::new(Batch {
        most,
        limit,
        share: NonZeroUsize::new(slots).filter(|_| flags.many || flags.context_replace),
        inserts_nothing,
        measure: Measure::new(templates.command().clone(), templates.style(), slots),
    })))
}

enum Most {
    Records(NonZeroUsize),
    NoArgs,
    Unsaid,
}

/// What `-N`, `-n`, `-L` and `-l` say, the first of them that is given.
fn most(flags: &Batching) -> Result<Most, String> {
    let lines = flags.input_lines.is_some();
    for (option, value) in [
        ("--max-replace-args", &flags.max_replace_args),
        ("--max-args", &flags.max_args),
        ("-L", &flags.input_lines),
        ("--max-lines", &flags.max_lines),
    ] {
        let Some(number) = number(option, value.as_ref())? else {
            continue;
        };
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

fn number(option: &str, value: Option<&OsString>) -> Result<Option<usize>, String> {
    let Some(value) = value else { return Ok(None) };
    let number = values::whole(text(option, value)?).map_err(|why| format!("{option} {why}"))?;
    Ok(Some(usize::try_from(number).unwrap_or(usize::MAX)))
}

/// `--max-chars`; 0 is as good as none.
fn max_chars(flags: &Batching) -> Result<Option<usize>, String> {
    let Some(value) = &flags.max_chars else {
        return Ok(None);
    };
    let chars =
        values::size(text("--max-chars", value)?).map_err(|why| format!("--max-chars {why}"))?;
    let chars = usize::try_from(chars).unwrap_or(usize::MAX);
    Ok(Some(chars).filter(|&chars| chars > 0))
}

/// What the user should know about the limits that were asked for.
pub(super) fn remarks(flags: &Batching) -> Result<Vec<String>, String> {
    let beyond = max_chars(flags)?.filter(|&chars| chars > USABLE);
    let remark = |_| format!("Warning: Value for option -s should be < {USABLE}.");
    Ok(beyond.map(remark).into_iter().collect())
}

/// What `--max-line-length-allowed` prints.
pub(super) fn max_line_length_allowed() -> String {
    format!("{LONGEST}\n")
}

/// What `--show-limits` prints.
pub(super) fn limits(flags: &Batching) -> Result<String, String> {
    if !flags.show_limits {
        return Ok(String::new());
    }
    let usable = max_chars(flags)?.unwrap_or(USABLE).min(USABLE);
    Ok(format!(
        "Maximal size of command: {LONGEST}\nMaximal usable size of command: {usable}\n\n"
    ))
}
