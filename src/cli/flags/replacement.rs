//! What is replaced in the command: replacement strings, and files that are templates.

use std::ffi::{OsStr, OsString};
use std::fs;
use std::os::unix::ffi::OsStrExt as _;
use std::path::Path;

use clap::Args;

use crate::cli::error::UsageError;
use crate::cli::values::bytes;
use crate::template::Syntax;

/// Options on replacement strings.
#[derive(Args, Debug)]
#[command(next_help_heading = "Replacement strings")]
pub struct Replacement {
    /// More of them: {+/} {..} {+.} {:-str} {:pos:len} {#text} {%text} {^text} {,text} {uniq}
    /// {/from/to} ... ({##} and {0#} need all inputs to be read before the first job).
    #[arg(long)]
    pub plus: bool,

    /// Define the replacement string TAG by a Perl expression that changes $_; groups in TAG are $$1, $$2 ...
    #[arg(long, value_name = "TAG EXPRESSION")]
    pub rpl: Vec<OsString>,

    /// Before each job, write FILE with its replacement strings replaced into the file that REPL becomes
    /// (with --cleanup: remove that when the job is over).
    #[arg(long = "template", alias = "tmpl", value_name = "FILE=REPL")]
    pub templates: Vec<OsString>,

    /// Enclose Perl expressions in the two halves of PARENS instead of {= and =}.
    #[arg(long, value_name = "PARENS")]
    pub parens: Option<OsString>,

    /// Use STR instead of {}.
    #[arg(short = 'I', value_name = "STR", long = "input-replace")]
    pub input_replace: Option<OsString>,

    /// Use STR instead of {}.
    #[arg(short = 'i', long, value_name = "STR", num_args = 0..=1, default_missing_value = "{}")]
    pub replace: Option<OsString>,

    /// Use STR instead of {.}.
    #[arg(long, alias = "er", value_name = "STR")]
    pub extensionreplace: Option<OsString>,

    /// Use STR instead of {/}.
    #[arg(long, alias = "bnr", value_name = "STR")]
    pub basenamereplace: Option<OsString>,

    /// Use STR instead of {//}.
    #[arg(long, alias = "dnr", value_name = "STR")]
    pub dirnamereplace: Option<OsString>,

    /// Use STR instead of {/.}.
    #[arg(
        long,
        aliases = ["bner", "basename-extension-replace"],
        value_name = "STR"
    )]
    pub basenameextensionreplace: Option<OsString>,

    /// Use STR instead of {#}.
    #[arg(long, value_name = "STR")]
    pub seqreplace: Option<OsString>,

    /// Use STR instead of {%}.
    #[arg(long, value_name = "STR")]
    pub slotreplace: Option<OsString>,
}

impl Replacement {
    /// Built-in replacement strings, the options that change them, and what is to be written instead.
    pub fn spellings(&self) -> impl Iterator<Item = (&'static str, &'static str, &OsString)> {
        [
            ("{}", "-I", &self.input_replace),
            ("{}", "--replace", &self.replace),
            ("{.}", "--extensionreplace", &self.extensionreplace),
            ("{/}", "--basenamereplace", &self.basenamereplace),
            ("{//}", "--dirnamereplace", &self.dirnamereplace),
            (
                "{/.}",
                "--basenameextensionreplace",
                &self.basenameextensionreplace,
            ),
            ("{#}", "--seqreplace", &self.seqreplace),
            ("{%}", "--slotreplace", &self.slotreplace),
        ]
        .into_iter()
        .filter_map(|(built_in, option, spelling)| Some((built_in, option, spelling.as_ref()?)))
    }

    /// All replacement strings but those of columns, which a header names; the regexps are those of `--match`.
    ///
    /// # Errors
    ///
    /// When a replacement string is none, or a source has no regexp.
    pub fn syntax(&self, matches: &[OsString]) -> Result<Syntax, UsageError> {
        let mut syntax = self.named()?;
        let matches: Vec<_> = matches.iter().map(bytes).collect();
        syntax
            .set_matches(&matches)
            .map_err(|why| UsageError::value("--match", why))?;
        Ok(syntax)
    }

    /// The files that are made for each job: the template of the path, and that of the content.
    ///
    /// # Errors
    ///
    /// When a template cannot be read.
    pub fn files(&self) -> Result<Vec<[Vec<u8>; 2]>, UsageError> {
        let given = self.templates.iter();
        given.map(|given| made_file(given.as_bytes())).collect()
    }

    /// The replacement strings, as the options have them.
    fn named(&self) -> Result<Syntax, UsageError> {
        let mut syntax = Syntax::default();
        if self.plus {
            syntax.add_plus();
        }
        for (built_in, option, spelling) in self.spellings() {
            syntax.respell(built_in, &bytes(spelling)).map_err(|why| {
                UsageError::value(option, format_args!("{why} (instead of {built_in})"))
            })?;
        }
        if let Some(parens) = &self.parens {
            syntax
                .set_parens(&bytes(parens))
                .map_err(|why| UsageError::value("--parens", why))?;
        }
        for definition in &self.rpl {
            syntax
                .define(&bytes(definition))
                .map_err(|why| UsageError::value("--rpl", why))?;
        }
        Ok(syntax)
    }
}

/// The path and the content of a file that is made for each job.
fn made_file(given: &[u8]) -> Result<[Vec<u8>; 2], UsageError> {
    let equals = memchr::memchr(b'=', given).filter(|&at| at + 1 < given.len());
    let Some(equals) = equals else {
        let given = String::from_utf8_lossy(given);
        let why = format!("must be FILE=REPL, not '{given}'");
        return Err(UsageError::value("--template", why));
    };
    let file = Path::new(OsStr::from_bytes(&given[..equals]));
    let content = fs::read(file).map_err(|why| {
        UsageError::Unusable(format!(
            "Cannot open '{}': {why} (--template)",
            file.display()
        ))
    })?;
    Ok([given[equals + 1..].to_vec(), content])
}
