//! All templates of a run: what they are made from, and what they are once they are parsed. Both are plain data.

use std::borrow::Cow;

use super::results::{Naming, Results};
use crate::template::{self, Quoting, Spread, Style, Syntax, Template};

/// What the templates of a run are parsed from: texts as they were typed, and the replacement strings in them.
///
/// It is kept for those who parse once more: when a header has named the columns, and for commands that come from a
/// table.
#[derive(Clone, Debug, PartialEq)]
pub struct TemplateSpec {
    /// The replacement strings, without names of columns.
    pub syntax: Syntax,
    /// The words of the command.
    pub command: Vec<Vec<u8>>,
    /// Whether each word is quoted as a whole (`-q`).
    pub quote: bool,
    /// Whether `{}` is not appended to a command that has no replacement string.
    pub appends_nothing: bool,
    /// How values are quoted in the command line.
    pub quoting: Quoting,
    /// How the names of files are quoted where the parts of them that jobs read are shown (`-vv`).
    pub parts_shown: Option<Quoting>,
    /// What several arguments do to a word.
    pub spread: Spread,
    /// Whether jobs get none of their arguments (`-n0`, `-N0`).
    pub without_arguments: bool,
    /// What goes before each line of output.
    pub tag: Option<TagSpec>,
    /// The expressions of `--filter`.
    pub filters: Vec<Vec<u8>>,
    /// Files that are made for each job: the path and the content of each.
    pub files: Vec<[Vec<u8>; 2]>,
    /// `--workdir`.
    pub workdir: Option<Vec<u8>>,
    /// The name of the file that is a job's standard input.
    pub stdin: Option<Vec<u8>>,
    /// `--results`, where it means files for each job.
    pub results: Option<ResultsSpec>,
}

/// What goes before each line of output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TagSpec {
    /// The input, whatever `-I` may have it called in the command.
    Input,
    /// A template.
    Text(Vec<u8>),
}

/// The place of jobs' output files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ResultsSpec {
    /// A template, or without replacement strings the root of a tree.
    pub name: Vec<u8>,
    /// After how many arguments the numbers in the tree begin again, where a header names none.
    pub sources: Option<usize>,
    /// Whether they begin again at all.
    pub begins_again: bool,
    /// What else there is to know of the arguments.
    pub naming: Naming,
}

impl TemplateSpec {
    /// A name in braces in the command that is none of the columns `names`, though all else that stands in braces there
    /// is. A shell's `${name}` and awk's `'{name}'` are none of ours.
    pub fn unknown_name(&self, names: &[Vec<u8>]) -> Option<&[u8]> {
        let syntax = self.syntax(names);
        let is_known = |braced: &[u8]| Template::text(braced, &syntax).has_replacements();
        let mut words = self.command.iter();
        words.find_map(|word| {
            let mut places = memchr::memchr_iter(b'{', word);
            places.find_map(|place| {
                let is_free = place == 0 || !matches!(word[place - 1], b'$' | b'\'');
                let braced = name_in_braces(&word[place..]).filter(|_| is_free)?;
                (!is_known(braced)).then_some(braced)
            })
        })
    }

    fn syntax(&self, names: &[Vec<u8>]) -> Cow<'_, Syntax> {
        if names.is_empty() {
            Cow::Borrowed(&self.syntax)
        } else {
            Cow::Owned(self.syntax.clone().with_columns(names))
        }
    }

    /// The templates for columns with these `names`.
    pub fn parse(&self, names: &[Vec<u8>]) -> Templates {
        let syntax = self.syntax(names);
        let command = if self.appends_nothing {
            Template::command_as_it_is(&self.command, self.quote, &syntax)
        } else {
            Template::command(&self.command, self.quote, &syntax)
        };
        Templates {
            parts_shown: self.parts_shown,
            ..self.around(command, names, &syntax)
        }
    }

    /// The command as a table stores it, for columns with these `names`.
    ///
    /// # Errors
    ///
    /// When it cannot be stored.
    pub fn stored(&self, names: &[Vec<u8>]) -> Result<Vec<u8>, String> {
        let syntax = self.syntax(names);
        template::stored(&self.command, self.quote, &syntax)
    }

    /// The templates of a job whose command was stored as `command`.
    pub fn parse_stored(&self, command: &[u8]) -> Templates {
        let command = Template::from_stored(command, self.quote);
        self.around(command, &[], &self.syntax)
    }

    /// Adds all else that replacement strings may stand in to the template of the `command`.
    fn around(&self, command: Template, names: &[Vec<u8>], syntax: &Syntax) -> Templates {
        let text = |text: &Vec<u8>| Template::text(text, syntax);
        Templates {
            command,
            tag: self.tag.as_ref().map(|tag| match tag {
                TagSpec::Input => Template::text(b"{}", &Syntax::default()),
                TagSpec::Text(typed) => text(typed),
            }),
            workdir: self.workdir.as_ref().map(text),
            stdin: self.stdin.as_ref().map(text),
            results: self
                .results
                .as_ref()
                .map(|results| results.parse(names, syntax)),
            filters: self.filters.iter().map(text).collect(),
            files: self
                .files
                .iter()
                .map(|file| file.each_ref().map(text))
                .collect(),
            quoting: self.quoting,
            parts_shown: None,
            spread: self.spread,
            bare: self.without_arguments,
        }
    }
}

impl ResultsSpec {
    fn parse(&self, names: &[Vec<u8>], syntax: &Syntax) -> Results {
        let template = Template::text(&self.name, syntax);
        if template.has_replacements() {
            return Results::Template(template);
        }
        Results::Tree {
            root: self.name.clone(),
            names: names.to_vec(),
            sources: match names.len() {
                _ if !self.begins_again => 0,
                0 => self.sources.unwrap_or(0),
                columns => columns,
            },
            naming: self.naming,
        }
    }
}

/// The parsed templates of a run, and how values are written into them.
#[derive(Clone, Debug, PartialEq)]
pub struct Templates {
    /// The command line's.
    pub(super) command: Template,
    /// The tag's: that of `{}` for `--tag`, of the unescaped text for `--tagstring`.
    pub(super) tag: Option<Template>,
    /// That of `--workdir`.
    pub(super) workdir: Option<Template>,
    /// The name of the file that is a job's standard input.
    pub(super) stdin: Option<Template>,
    /// Where the files of `--results` are.
    pub(super) results: Option<Results>,
    /// What `--filter` wants to be true of a job: text that is Perl when it is filled in.
    pub(super) filters: Vec<Template>,
    /// Files that are made for a job: the path and the content of each.
    pub(super) files: Vec<[Template; 2]>,
    /// How values are quoted in the command line; in all others they never are.
    pub(super) quoting: Quoting,
    /// How names are quoted in what is shown of a command that gets a part of a file; `None`: the command
    /// alone is shown.
    pub(super) parts_shown: Option<Quoting>,
    /// What several arguments do to a word, in the command line and in the tag.
    pub(super) spread: Spread,
    /// Whether empty values are nothing.
    pub(super) bare: bool,
}

impl Templates {
    /// Has arguments stand for nothing: `-n0`, `-N0`.
    pub fn leave_out_arguments(&mut self) {
        self.bare = true;
    }

    /// The command line's template.
    pub fn command(&self) -> &Template {
        &self.command
    }

    /// How values are written into the command line.
    pub fn style(&self) -> Style {
        Style {
            quoting: self.quoting,
            spread: self.spread,
            bare: self.bare,
        }
    }

    /// All of them, in the order in which they are rendered.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Template> {
        let results = match &self.results {
            Some(Results::Template(template)) => Some(template),
            Some(Results::Tree { .. }) | None => None,
        };
        std::iter::once(&self.command)
            .chain(&self.tag)
            .chain(&self.workdir)
            .chain(&self.stdin)
            .chain(results)
            .chain(&self.filters)
            .chain(self.files.iter().flatten())
    }

    /// Whether it has to be known how many jobs there are.
    pub fn uses_total(&self) -> bool {
        self.iter().any(Template::uses_total)
    }

    /// Whether a job shows which slot it runs in.
    pub fn uses_slot(&self) -> bool {
        self.iter().any(Template::uses_slot)
    }

    /// Whether a command is more than a line: it has a tag, files, or conditions.
    pub fn go_beyond_lines(&self) -> bool {
        self.tag.is_some()
            || self.results.is_some()
            || !self.filters.is_empty()
            || !self.files.is_empty()
    }
}

/// `{name}`, `{name.}`, `{name/}`, `{name//}` or `{name/.}` at the beginning of `text`.
fn name_in_braces(text: &[u8]) -> Option<&[u8]> {
    let end = text.iter().position(|&byte| byte == b'}')?;
    let inner = &text[1..end];
    let is_of_name = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b' ');
    let length = inner.iter().take_while(|byte| is_of_name(byte)).count();
    let begins = inner
        .first()
        .is_some_and(|byte| byte.is_ascii_alphabetic() || *byte == b'_');
    let is_whole = matches!(&inner[length..], b"" | b"." | b"/" | b"//" | b"/.");
    (begins && is_whole).then(|| &text[..=end])
}

#[cfg(test)]
mod tests {
    use super::name_in_braces;

    #[test]
    fn names_in_braces() {
        for text in ["{a}", "{file name}", "{_x1/.}", "{a.} b"] {
            let end = text.find('}').map(|end| &text[..=end]);
            let found = name_in_braces(text.as_bytes());
            assert_eq!(found, end.map(str::as_bytes), "{text}");
        }
        for text in ["{}", "{1}", "{a,b}", "{a..c}", "{a", "{ a}", "{%a}", "{.}"] {
            assert_eq!(name_in_braces(text.as_bytes()), None, "{text}");
        }
    }
}
