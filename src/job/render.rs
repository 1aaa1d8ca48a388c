//! Turning a job into its command line and its tag.

use crate::model::{Command, Job, Prepare};
use crate::template::{Quoting, Spread, Style, Template, Values};

/// The run's templates and how values are written into them.
#[derive(Clone, Debug)]
pub struct Renderer {
    /// The command line's template.
    pub command: Template,
    /// The tag's: that of `{}` for `--tag`, of the unescaped text for `--tagstring`.
    pub tag: Option<Template>,
    /// That of `--workdir`.
    pub workdir: Option<Template>,
    /// How values are quoted in the command line; in the tag they never are.
    pub quoting: Quoting,
    /// What several arguments do to a word, in the command line and in the tag.
    pub spread: Spread,
}

impl Prepare for Renderer {
    fn prepare(&self, job: &Job, slot: usize) -> Result<Command, String> {
        let values = Values {
            args: &job.args,
            seq: job.seq,
            slot,
        };
        let render = |template: &Template, quoting| {
            let mut out = Vec::with_capacity(template.size_hint(values));
            template.render(
                values,
                Style {
                    quoting,
                    spread: self.spread,
                },
                &mut out,
            );
            out
        };
        Ok(Command {
            line: render(&self.command, self.quoting),
            tag: self.tag.as_ref().map(|tag| render(tag, Quoting::Raw)),
            workdir: self.workdir.as_ref().map(|dir| render(dir, Quoting::Raw)),
        })
    }
}

/// The text of `--tagstring` as it is before replacement strings are looked for: as in GNU parallel,
/// `\t`, `\n`, `\r` and `\0` are the characters that they name, and any other backslash is itself.
pub fn unescape_tagstring(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let named = match rest {
            [b'\\', b't', ..] => Some(b'\t'),
            [b'\\', b'n', ..] => Some(b'\n'),
            [b'\\', b'r', ..] => Some(b'\r'),
            [b'\\', b'0', ..] => Some(0),
            _ => None,
        };
        out.push(named.unwrap_or(byte));
        rest = if named.is_some() { &after[1..] } else { after };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Renderer, unescape_tagstring};
    use crate::model::{Job, Prepare};
    use crate::template::{Quoting, Spread, Syntax, Template};

    #[test]
    fn commands_are_quoted_and_tags_are_not() {
        let syntax = Syntax::default();
        let renderer = Renderer {
            command: Template::command(&["echo", "{%}", "{}"], false, &syntax).unwrap(),
            tag: Some(Template::text(b"{}", &syntax).unwrap()),
            workdir: None,
            quoting: Quoting::Posix,
            spread: Spread::Join,
        };
        let job = Job {
            seq: 1,
            args: ["a b", "it's"].into_iter().collect(),
        };
        let command = renderer.prepare(&job, 4).unwrap();
        assert_eq!(command.line, br#"echo 4 'a b' 'it'"'"'s'"#);
        assert_eq!(command.tag.as_deref(), Some(&b"a b it's"[..]));
    }

    #[test]
    fn tagstrings_have_four_escapes() {
        assert_eq!(
            unescape_tagstring(br"a\tb\n\r\0\a\\t\x41\"),
            b"a\tb\n\r\0\\a\\\t\\x41\\"
        );
    }
}
