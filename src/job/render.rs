//! Turning a job into its command line and its tag.

use std::sync::{Arc, Mutex, PoisonError};

use super::perl::{Perl, Verdict};
use super::results::{self, Results};
use crate::model::{Command, Job, Prepare};
use crate::template::{Expression, Quoting, Spread, Style, Template, Values};

/// The run's templates and how values are written into them.
#[derive(Debug)]
pub struct Renderer {
    /// The command line's template.
    command: Template,
    /// The tag's: that of `{}` for `--tag`, of the unescaped text for `--tagstring`.
    tag: Option<Template>,
    /// That of `--workdir`.
    workdir: Option<Template>,
    /// Where the files of `--results` are.
    results: Option<Results>,
    /// How values are quoted in the command line; in the tag they never are.
    quoting: Quoting,
    /// What several arguments do to a word, in the command line and in the tag.
    spread: Spread,
    /// Whether empty values are nothing.
    bare: bool,
    /// How many jobs there are, where that is known.
    total: Option<u64>,
    /// How many slots there are.
    slots: usize,
    /// Evaluates expressions; there only if the templates have some.
    perl: Option<Evaluator>,
}

/// The helper, and the expressions that it knows, by their numbers.
#[derive(Debug)]
struct Evaluator {
    known: Vec<Arc<Expression>>,
    perl: Mutex<Perl>,
}

impl Renderer {
    /// Renders commands from `command` and tags from `tag`.
    pub fn new(command: Template, tag: Option<Template>, quoting: Quoting, spread: Spread) -> Self {
        Self {
            command,
            tag,
            workdir: None,
            results: None,
            quoting,
            spread,
            bare: false,
            total: None,
            slots: 1,
            perl: None,
        }
    }

    /// With the directory that jobs run in.
    #[must_use]
    pub fn with_workdir(mut self, workdir: Option<Template>) -> Self {
        self.workdir = workdir;
        self
    }

    /// With the place of jobs' output files.
    #[must_use]
    pub fn with_results(mut self, results: Option<Results>) -> Self {
        self.results = results;
        self
    }

    /// With arguments that stand for nothing: `-n0`, `-N0`.
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

    fn templates(&self) -> impl Iterator<Item = &Template> {
        let results = match &self.results {
            Some(Results::Template(template)) => Some(template),
            Some(Results::Tree { .. }) | None => None,
        };
        std::iter::once(&self.command)
            .chain(&self.tag)
            .chain(results)
    }

    /// Whether it has to be known how many jobs there are.
    pub fn uses_total(&self) -> bool {
        self.templates().any(Template::uses_total)
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
        for expression in self.templates().flat_map(Template::expressions) {
            if !known.contains(expression) {
                known.push(Arc::clone(expression));
            }
        }
        let Some(first) = known.first() else {
            return Ok(());
        };
        let mut perl = Perl::start(total, slots).map_err(|why| cannot_use(first, &why))?;
        for expression in &known {
            perl.compile(expression)
                .map_err(|why| cannot_use(expression, &why))?;
        }
        self.perl = Some(Evaluator {
            known,
            perl: Mutex::new(perl),
        });
        Ok(())
    }

    /// The line that `template` becomes.
    fn line(&self, template: &Template, values: Values<'_>, quoting: Quoting) -> Vec<u8> {
        let style = Style {
            quoting,
            spread: self.spread,
            bare: self.bare,
        };
        let mut out = Vec::with_capacity(template.size_hint(values));
        template.render(values, style, &mut out);
        out
    }
}

fn cannot_use(expression: &Expression, why: &str) -> String {
    let typed = String::from_utf8_lossy(&expression.typed);
    format!("Cannot use {}: {why}", typed.trim())
}

impl Evaluator {
    /// The values of all expressions of `templates`, for `job`.
    fn evaluate(&self, templates: &[&Template], job: &Job, slot: usize) -> Result<Verdict, String> {
        let calls: Vec<_> = templates
            .iter()
            .flat_map(|template| template.calls(&job.args))
            .map(|call| {
                let number = self.known.iter().position(|known| known == call.expression);
                (number.unwrap_or_default(), call.arg)
            })
            .collect();
        let mut perl = self.perl.lock().unwrap_or_else(PoisonError::into_inner);
        perl.evaluate(job, slot, &calls).map_err(|refusal| {
            let expression = self.known.get(refusal.expression);
            let typed = expression.map_or(&b""[..], |expression| &expression.typed);
            let typed = String::from_utf8_lossy(typed);
            format!("job {}: {}: {}", job.seq, typed.trim(), refusal.why)
        })
    }
}

impl Prepare for Renderer {
    fn prepare(&self, job: &Job, slot: usize) -> Result<Command, String> {
        let (verdict, of_the_command) = match &self.perl {
            None => (Verdict::default(), 0),
            Some(evaluator) => {
                let templates: Vec<_> = self.templates().collect();
                let verdict = evaluator.evaluate(&templates, job, slot)?;
                let of_the_command = self.command.calls(&job.args).len();
                (verdict, of_the_command)
            }
        };
        let (for_command, for_tag) = verdict
            .values
            .split_at_checked(of_the_command)
            .ok_or("perl returned too few values")?;
        let values = |evaluated| Values {
            args: &job.args,
            seq: job.seq,
            slot,
            total: self.total.unwrap_or(0),
            slots: self.slots,
            evaluated,
        };
        let of_the_tag = match (&self.perl, &self.tag) {
            (Some(_), Some(tag)) => tag.calls(&job.args).len(),
            _ => 0,
        };
        let (for_tag, for_results) = for_tag
            .split_at_checked(of_the_tag)
            .ok_or("perl returned too few values")?;
        let tag = |tag| self.line(tag, values(for_tag), Quoting::Raw);
        Ok(Command {
            line: self.line(&self.command, values(for_command), self.quoting),
            tag: self.tag.as_ref().map(tag),
            skip: verdict.skip || self.command.skips(&job.args),
            workdir: self
                .workdir
                .as_ref()
                .map(|dir| self.line(dir, values(&[]), Quoting::Raw)),
            results: self.results.as_ref().map(|results| match results {
                Results::Template(path) => self.line(path, values(for_results), Quoting::Raw),
                Results::Tree {
                    root,
                    names,
                    sources,
                } => results::directory(root, names, *sources, &job.args),
            }),
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
        let renderer = Renderer::new(
            Template::command(&["echo", "{%}", "{}"], false, &syntax),
            Some(Template::text(b"{}", &syntax)),
            Quoting::Posix,
            Spread::Join,
        );
        let job = Job {
            seq: 1,
            args: ["a b", "it's"].into_iter().collect(),
            stdin: None,
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
