//! Where arguments come from: `-a` files, and what stood behind the command.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt as _, OsStringExt as _};
use std::path::{Path, PathBuf};

use clap::Args;

use crate::cli::error::UsageError;
use crate::cli::source_words::SourceWords;
use crate::cli::values::bytes;
use crate::input::{SourceKind, SourceSpec};
use crate::record::delimiter::Delimiter;

/// The options of this section that GNU parallel 20221122 has not.
pub(super) const OWN: &[&str] = &["stdin-from"];

/// Options on input sources and how they are split.
#[derive(Args, Debug)]
#[command(next_help_heading = "Input")]
pub struct Input {
    /// Read inputs from FILE, one a line ('-': standard input), those that are appended while jobs run, too; may be
    /// repeated, giving all combinations.
    #[arg(short = 'a', long, value_name = "FILE")]
    pub arg_file: Vec<OsString>,

    /// Inputs end with a NUL byte, as from 'find -print0'.
    #[arg(short = '0', long)]
    pub null: bool,

    /// Inputs end with STR instead of a newline; \n, \t, \0, \x1f ... are understood; '': they are paragraphs.
    #[arg(short = 'd', long, value_name = "STR")]
    pub delimiter: Option<OsString>,

    /// Give each job the file that TEMPLATE becomes as its standard input; a relative name starts where fanout was
    /// started. No input is appended to the command then.
    #[arg(long, value_name = "TEMPLATE")]
    pub stdin_from: Option<OsString>,
}

/// Where arguments come from, and what ends them.
#[derive(Debug)]
pub struct InputSources {
    /// The sources in order; none: standard input.
    pub sources: Vec<SourceSpec>,
    /// What ends a record.
    pub delimiter: Delimiter,
    /// Whether the user said so.
    pub says_delimiter: bool,
    /// Whether records are paragraphs instead.
    pub paragraphs: bool,
    /// All that are named as files.
    pub files: Vec<PathBuf>,
}

impl Input {
    /// The sources: `-a` files, then the `words` behind the command, [`without_an_end`].
    ///
    /// # Errors
    ///
    /// When the delimiter is none.
    pub fn resolve(&self, words: Vec<SourceWords>) -> Result<InputSources, UsageError> {
        let mut sources: Vec<SourceSpec> = self.arg_file.iter().map(arg_file).collect();
        let mut files: Vec<PathBuf> = self.arg_file.iter().map(PathBuf::from).collect();
        let behind = words.iter().filter(|source| source.files);
        let behind = behind.flat_map(|source| source.words.iter().cloned());
        files.extend(behind.map(|name| PathBuf::from(OsString::from_vec(name))));
        let first_behind = sources.len();
        for source in words {
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
        shift_links(&mut sources, first_behind);
        let typed = self.delimiter.as_ref().map(bytes);
        Ok(InputSources {
            sources,
            says_delimiter: typed.is_some() || self.null,
            paragraphs: typed.as_ref().is_some_and(Vec::is_empty),
            delimiter: match typed {
                Some(text) if !text.is_empty() => {
                    Delimiter::parse(&text).map_err(|why| UsageError::value("--delimiter", why))?
                }
                None if self.null => Delimiter::nul(),
                _ => Delimiter::newline(),
            },
            files,
        })
    }
}

/// As GNU parallel: where the last word of the command line is the only one that begins a source, it begins
/// none.
pub fn without_an_end(words: Vec<SourceWords>) -> Vec<SourceWords> {
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

fn file(name: OsString, linked: bool) -> SourceSpec {
    let kind = match name.as_bytes() {
        b"-" => SourceKind::Stdin,
        _ => SourceKind::File(name.into()),
    };
    SourceSpec { kind, linked }
}
