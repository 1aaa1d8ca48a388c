//! The flags that make up the command: replacement strings, and the templates that they stand in.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use super::flags::{self, Flags};
use super::{batching, bytes, outputs, pipe};
use crate::job::TemplateSpec;
use crate::template::{Quoting, Syntax};

/// What the templates of the command, its tag and all else that replacement strings may stand in are parsed from;
/// the shell's `quoting` is that of values in the command line.
///
/// # Errors
///
/// When a replacement string or a file is not what it should be.
pub(super) fn spec(
    flags: &Flags,
    command: &[Vec<u8>],
    quoting: Quoting,
    sources: usize,
) -> Result<TemplateSpec, String> {
    let mut syntax = syntax(&flags.replacement)?;
    let matches: Vec<_> = flags.sources.matches.iter().map(bytes).collect();
    syntax
        .set_matches(&matches)
        .map_err(|why| format!("--match {why}"))?;
    let files = flags.replacement.templates.iter();
    let files = files.map(|given| made_file(&bytes(given)));
    let names_inputs = pipe::names_inputs(flags);
    Ok(TemplateSpec {
        syntax,
        command: command.to_vec(),
        quote: flags.command.quote,
        appends_nothing: pipe::is_wanted(flags) && !names_inputs && !command.is_empty(),
        quoting: if names_inputs { Quoting::Raw } else { quoting },
        parts_shown: (flags.output.print_command > 1).then_some(quoting),
        spread: batching::spread(&flags.batching),
        without_arguments: batching::inserts_nothing(&flags.batching),
        tag: outputs::tag(flags),
        filters: flags.sources.filters.iter().map(bytes).collect(),
        files: files.collect::<Result<_, _>>()?,
        workdir: super::around::workdir(&flags.environment),
        results: outputs::results(flags, sources),
    })
}

/// The replacement strings, as the options have them.
fn syntax(flags: &flags::Replacement) -> Result<Syntax, String> {
    let mut syntax = Syntax::default();
    if flags.plus {
        syntax.add_plus();
    }
    for (built_in, option, spelling) in flags.spellings() {
        syntax
            .respell(built_in, &bytes(spelling))
            .map_err(|why| format!("{option} {why} (instead of {built_in})"))?;
    }
    if let Some(parens) = &flags.parens {
        syntax
            .set_parens(&bytes(parens))
            .map_err(|why| format!("--parens {why}"))?;
    }
    for definition in &flags.rpl {
        syntax
            .define(&bytes(definition))
            .map_err(|why| format!("--rpl {why}"))?;
    }
    Ok(syntax)
}

/// The path and the content of a file that is made for each job.
fn made_file(given: &[u8]) -> Result<[Vec<u8>; 2], String> {
    let equals = memchr::memchr(b'=', given).filter(|&at| at + 1 < given.len());
    let Some(equals) = equals else {
        let given = String::from_utf8_lossy(given);
        return Err(format!("--template must be FILE=REPL, not '{given}'"));
    };
    let file = Path::new(OsStr::from_bytes(&given[..equals]));
    let content = fs::read(file)
        .map_err(|why| format!("Cannot open '{}': {why} (--template)", file.display()))?;
    Ok([given[equals + 1..].to_vec(), content])
}
