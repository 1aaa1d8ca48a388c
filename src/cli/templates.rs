//! The flags that make up the command: replacement strings, and the templates that they stand in.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;
use std::sync::Arc;

use super::flags::{self, Flags};
use super::{batching, bytes, outputs, pipe};
use crate::job::Renderer;
use crate::plan::NamedRenderer;
use crate::template::{self, Quoting, Syntax, Template};

/// With `--header` the templates are parsed once more when the columns' names are known.
pub(super) fn named_renderer(
    flags: &Arc<Flags>,
    command: &[Vec<u8>],
    quoting: Quoting,
    sources: usize,
) -> Option<NamedRenderer> {
    flags
        .sources
        .header
        .as_ref()
        .filter(|_| !pipe::is_wanted(flags))?;
    let (flags, command) = (Arc::clone(flags), command.to_vec());
    Some(NamedRenderer::new(move |names| {
        renderer(&flags, &command, quoting, names, sources)
    }))
}

/// The templates of the command, its tag and all else that replacement strings may stand in.
///
/// # Errors
///
/// When one is none.
pub(super) fn renderer(
    flags: &Flags,
    command: &[Vec<u8>],
    quoting: Quoting,
    column_names: &[Vec<u8>],
    sources: usize,
) -> Result<Renderer, String> {
    let syntax = whole_syntax(flags, column_names)?;
    let reads_input = pipe::is_wanted(flags) && !pipe::names_inputs(flags);
    let template = if reads_input && !command.is_empty() {
        Template::command_as_it_is(command, flags.command.quote, &syntax)
    } else {
        Template::command(command, flags.command.quote, &syntax)
    };
    let style = if pipe::names_inputs(flags) {
        Quoting::Raw
    } else {
        quoting
    };
    let mut renderer = around(template, flags, style, column_names, sources, &syntax)?;
    if flags.output.print_command > 1 {
        renderer.show_parts(quoting);
    }
    Ok(renderer)
}

/// The command of jobs that go through a table, as it is stored.
///
/// # Errors
///
/// When it cannot be stored.
pub(super) fn stored(
    flags: &Flags,
    command: &[Vec<u8>],
    column_names: &[Vec<u8>],
) -> Result<Vec<u8>, String> {
    let syntax = whole_syntax(flags, column_names)?;
    template::stored(command, flags.command.quote, &syntax)
}

/// The templates of a job whose command was stored as `command`.
///
/// # Errors
///
/// When one is none.
pub(super) fn stored_renderer(
    flags: &Flags,
    command: &[u8],
    quoting: Quoting,
) -> Result<Renderer, String> {
    let syntax = whole_syntax(flags, &[])?;
    let template = Template::from_stored(command, flags.command.quote);
    around(template, flags, quoting, &[], 0, &syntax)
}

/// Adds all else that replacement strings may stand in to the command's template.
fn around(
    template: Template,
    flags: &Flags,
    quoting: Quoting,
    column_names: &[Vec<u8>],
    sources: usize,
    syntax: &Syntax,
) -> Result<Renderer, String> {
    let tag = outputs::tag(flags, syntax);
    let filters = flags.sources.filters.iter();
    let filters = filters.map(|filter| Template::text(&bytes(filter), syntax));
    let files = flags.replacement.templates.iter();
    let files = files.map(|given| made_file(&bytes(given), syntax));
    let spread = batching::spread(&flags.batching);
    let workdir = super::around::workdir(&flags.environment, syntax)?;
    let results = outputs::results(flags, syntax, column_names, sources);
    let mut renderer = Renderer::new(template, tag, quoting, spread)
        .with_workdir(workdir)
        .with_filters(filters.collect())
        .with_files(files.collect::<Result<_, _>>()?)
        .with_results(results);
    if batching::inserts_nothing(&flags.batching) {
        renderer.leave_out_arguments();
    }
    Ok(renderer)
}

/// All replacement strings, those of columns and of `--match` among them.
fn whole_syntax(flags: &Flags, column_names: &[Vec<u8>]) -> Result<Syntax, String> {
    let mut syntax = syntax(&flags.replacement)?.with_columns(column_names);
    let matches: Vec<_> = flags.sources.matches.iter().map(bytes).collect();
    syntax
        .set_matches(&matches)
        .map_err(|why| format!("--match {why}"))?;
    Ok(syntax)
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

/// The templates of the path and the content of a file that is made for each job.
fn made_file(given: &[u8], syntax: &Syntax) -> Result<[Template; 2], String> {
    let equals = memchr::memchr(b'=', given).filter(|&at| at + 1 < given.len());
    let Some(equals) = equals else {
        let given = String::from_utf8_lossy(given);
        return Err(format!("--template must be FILE=REPL, not '{given}'"));
    };
    let file = Path::new(OsStr::from_bytes(&given[..equals]));
    let content = fs::read(file)
        .map_err(|why| format!("Cannot open '{}': {why} (--template)", file.display()))?;
    let path = &given[equals + 1..];
    Ok([path, &content].map(|text| Template::text(text, syntax)))
}
