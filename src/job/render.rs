//! Turning a job into its command line and its tag.

use std::sync::Arc;

use super::evaluate::Evaluator;
use super::perl::{ENDED, Verdict};
use super::results::{self, Results};
use super::shown;
use super::templates::Templates;
use crate::model::{Command, Outcome, RenderJob, RenderedSink, SpawnError, Work};
use crate::template::{Quoting, Spread, Style, Template, Values};

/// Renders the commands of a run from its templates and from what is known of the run.
#[derive(Debug)]
pub struct Renderer {
    templates: Templates,
    /// How many jobs there are, where that is known.
    total: Option<u64>,
    /// How many slots there are.
    slots: usize,
    /// The name under which expressions warn.
    program: &'static str,
    /// Evaluates expressions; there only if the templates have some.
    perl: Option<Evaluator>,
}

impl Renderer {
    /// Renders commands from `templates`, whose expressions warn under the name `program`.
    pub fn new(templates: Templates, program: &'static str) -> Self {
        Self {
            templates,
            total: None,
            slots: 1,
            program,
            perl: None,
        }
    }

    /// What commands are rendered from.
    pub fn templates(&self) -> &Templates {
        &self.templates
    }

    /// To be called before the first job: what is known about the run now. Starts perl, if there are
    /// expressions.
    ///
    /// # Errors
    ///
    /// One line that names the expression that cannot be used, and why.
    pub fn begin(&mut self, total: Option<u64>, slots: usize) -> Result<(), String> {
        self.total = total;
        self.slots = slots;
        let mut known = Vec::new();
        for expression in self.templates.iter().flat_map(Template::expressions) {
            if !known.contains(expression) {
                known.push(Arc::clone(expression));
            }
        }
        if !known.is_empty() || !self.templates.filters.is_empty() {
            self.perl = Some(Evaluator::start(known, total, slots, self.program)?);
        }
        Ok(())
    }

    /// Appends the line that `template` becomes.
    fn append(template: &Template, values: Values<'_>, style: Style, out: &mut Vec<u8>) {
        if out.capacity() == 0 {
            out.reserve(template.size_hint(values));
        }
        template.render(values, style, out);
    }
}

impl Renderer {
    /// Writes the command of `job` into `command`, whatever is in there; returns what has to be true of it.
    fn write(
        &self,
        job: &Work,
        slot: usize,
        verdict: Verdict<'_>,
        command: &mut Command,
    ) -> Result<Vec<Vec<u8>>, String> {
        let mut left = verdict.values;
        let mut of = |template: &Template| {
            let count = template.count_calls(job.args());
            let (evaluated, rest) = left
                .split_at_checked(count)
                .ok_or("perl returned too few values")?;
            left = rest;
            Ok::<_, String>(Values {
                args: job.args(),
                seq: job.job.number(),
                slot,
                total: self.total.unwrap_or(0),
                slots: self.slots,
                evaluated,
            })
        };
        let its = &self.templates;
        command.task.line.clear();
        let style = its.style();
        Self::append(
            &its.command,
            of(&its.command)?,
            style,
            &mut command.task.line,
        );
        command.shown = match (its.parts_shown, &job.stdin) {
            (Some(quoting), Some(stdin)) => shown::with_part(&command.task.line, stdin, quoting),
            _ => None,
        };
        let raw_style = Style {
            quoting: Quoting::Raw,
            ..style
        };
        let text = |template: &Template, values: Values<'_>, spread: Spread| {
            let mut line = Vec::new();
            let style = Style {
                spread,
                ..raw_style
            };
            Self::append(template, values, style, &mut line);
            line
        };
        let mut raw =
            |template: &Template| Ok::<_, String>(text(template, of(template)?, style.spread));
        command.tag = its.tag.as_ref().map(&mut raw).transpose()?;
        command.task.workdir = its.workdir.as_ref().map(&mut raw).transpose()?;
        command.task.stdin = its.stdin.as_ref().map(&mut raw).transpose()?;
        if let Some(file) = &command.task.stdin {
            command.shown = Some(shown::with_stdin(&command.task.line, file, its.quoting));
        }
        command.results = match &its.results {
            None => None,
            Some(Results::Template(path)) => Some(results::path(path, of(path)?, raw_style)),
            Some(Results::Tree {
                root,
                names,
                sources,
                naming,
            }) => Some(results::directory(
                root,
                names,
                *sources,
                *naming,
                job.args(),
            )),
        };
        let conditions = its
            .filters
            .iter()
            .map(|template| Ok::<_, String>(text(template, of(template)?, style.spread)))
            .collect();
        command.task.files.clear();
        for [path, content] in &its.files {
            let path = text(path, of(path)?, Spread::Touch);
            let content = text(content, of(content)?, Spread::Touch);
            command.task.files.push((path, content));
        }
        let skips = verdict.skip || its.command.skips(job.args());
        command.skip_as = skips.then_some(Outcome::Skipped);
        conditions
    }

    /// Hands the command of each job to `take` together with what has to be true of it.
    fn write_all(
        &self,
        jobs: &[&Work],
        slot: usize,
        mut take: impl FnMut(Result<(&mut Command, Vec<Vec<u8>>), SpawnError>) -> bool,
    ) {
        let mut command = Command::default();
        let mut write = |job: &Work, verdict: Result<Verdict<'_>, SpawnError>| {
            let written = verdict.and_then(|verdict| {
                let written = self.write(job, slot, verdict, &mut command);
                written.map_err(SpawnError::fatal)
            });
            take(written.map(|conditions| (&mut command, conditions)))
        };
        match &self.perl {
            Some(evaluator) if evaluator.knows_some() => {
                let templates: Vec<_> = self.templates.iter().collect();
                evaluator.evaluate(&templates, jobs, slot, write);
            }
            _ => {
                jobs.iter().all(|job| write(job, Ok(Verdict::default())));
            }
        }
    }

    /// As [`write_all`](Self::write_all), and tells of those commands of which something is not true.
    fn filter_all(
        &self,
        perl: &Evaluator,
        jobs: &[&Work],
        slot: usize,
        take: &mut RenderedSink<'_>,
    ) {
        let (mut commands, mut conditions) = (Vec::new(), Vec::new());
        self.write_all(jobs, slot, |written| {
            let go_on = written.is_ok();
            commands.push(written.map(|(command, mut its)| {
                conditions.append(&mut its);
                std::mem::take(command)
            }));
            go_on
        });
        let mut held = perl.test(&conditions).into_iter();
        for command in commands {
            let mut command = command.and_then(|mut command| {
                for _ in &self.templates.filters {
                    if !held.next().ok_or(ENDED)? && command.skip_as.is_none() {
                        command.skip_as = Some(Outcome::FilteredOut);
                    }
                }
                Ok::<_, SpawnError>(command)
            });
            let go_on = match &mut command {
                Ok(command) => take(Ok(command)),
                Err(error) => take(Err(error.clone())),
            };
            if !go_on {
                return;
            }
        }
    }
}

impl RenderJob for Renderer {
    fn prepare(&self, job: &Work, slot: usize) -> Result<Command, SpawnError> {
        let mut prepared = Err(SpawnError::from(ENDED));
        self.prepare_all(&[job], slot, &mut |command| {
            prepared = command.map(std::mem::take);
            false
        });
        prepared
    }

    /// Perl has a memory: `{= $_ = $n++ =}`.
    fn is_repeatable(&self) -> bool {
        self.perl.is_none()
    }

    fn prepare_all(&self, jobs: &[&Work], slot: usize, take: &mut RenderedSink<'_>) {
        match &self.perl {
            Some(perl) if !self.templates.filters.is_empty() => {
                self.filter_all(perl, jobs, slot, take);
            }
            _ => self.write_all(jobs, slot, |written| {
                take(written.map(|(command, _)| command))
            }),
        }
    }
}

/// The text of `--tagstring` as it is before replacement strings are looked for: as in GNU parallel,
/// `\t`, `\n`, `\r` and characters in octal, `\033` or `\0`, are what they name, and any other backslash is
/// itself.
pub fn unescape_tagstring(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        let digits = after.iter().take(3);
        let digits = digits
            .take_while(|digit| matches!(digit, b'0'..=b'7'))
            .count();
        rest = match (byte, after.first()) {
            (b'\\', Some(b't' | b'n' | b'r')) => {
                out.push(match after[0] {
                    b't' => b'\t',
                    b'n' => b'\n',
                    _ => b'\r',
                });
                &after[1..]
            }
            (b'\\', Some(_)) if digits > 0 => {
                let digits = if digits == 3 { 3 } else { 1 };
                let octal = |number: u32, digit: &u8| number * 8 + u32::from(digit - b'0');
                let number = after[..digits].iter().fold(0, octal);
                match (u8::try_from(number), char::from_u32(number)) {
                    (Ok(byte), _) => out.push(byte),
                    (Err(_), character) => {
                        out.extend(character.unwrap_or_default().to_string().bytes());
                    }
                }
                &after[digits..]
            }
            // No octal digit, but a digit.
            (b'\\', Some(b'8' | b'9')) => after,
            _ => {
                out.push(byte);
                after
            }
        };
    }
    out
}

#[cfg(test)]
mod tests {
    use super::{Renderer, Templates, unescape_tagstring};
    use crate::model::{Job, RenderJob, Work};
    use crate::template::{Quoting, Spread, Syntax, Template};

    #[test]
    fn commands_are_quoted_and_tags_are_not() {
        let syntax = Syntax::default();
        let templates = Templates {
            command: Template::command(&["echo", "{%}", "{}"], false, &syntax),
            tag: Some(Template::text(b"{}", &syntax)),
            workdir: None,
            stdin: None,
            results: None,
            filters: Vec::new(),
            files: Vec::new(),
            quoting: Quoting::Posix,
            parts_shown: None,
            spread: Spread::Join,
            bare: false,
        };
        let renderer = Renderer::new(templates, "fanout");
        let job = Work::of(Job {
            seq: 1,
            args: ["a b", "it's"].into_iter().collect(),
            after_all: false,
            bound: None,
        });
        let command = renderer.prepare(&job, 4).unwrap();
        assert_eq!(command.task.line, br#"echo 4 'a b' 'it'"'"'s'"#);
        assert_eq!(command.tag.as_deref(), Some(&b"a b it's"[..]));
    }

    #[test]
    fn tagstrings_have_few_escapes() {
        assert_eq!(
            unescape_tagstring(br"a\tb\n\r\0\a\\t\x41\"),
            b"a\tb\n\r\0\\a\\\t\\x41\\"
        );
        assert_eq!(
            unescape_tagstring(br"\033[1m\1\07\0101\777\9"),
            b"\x1b[1m\x01\x007\x081\xc7\xbf9"
        );
    }
}
