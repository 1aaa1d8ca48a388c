//! Turning a job into its command line and its tag.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use super::perl::{Answer, Batch, ENDED, Perl, Refusal, Verdict};
use super::results::{self, Results};
use crate::model::{Command, Job, Prepare, Take};
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
            .chain(&self.workdir)
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

    /// Whether a command is more than a line: it has a tag, or files for its output.
    pub fn goes_beyond_lines(&self) -> bool {
        self.tag.is_some() || self.results.is_some()
    }

    /// Appends the line that `template` becomes.
    fn append(&self, template: &Template, values: Values<'_>, quoting: Quoting, out: &mut Vec<u8>) {
        let style = Style {
            quoting,
            spread: self.spread,
            bare: self.bare,
        };
        if out.capacity() == 0 {
            out.reserve(template.size_hint(values));
        }
        template.render(values, style, out);
    }
}

fn cannot_use(expression: &Expression, why: &str) -> String {
    let typed = String::from_utf8_lossy(&expression.typed);
    format!("Cannot use {}: {why}", typed.trim())
}

impl Evaluator {
    /// The values of all expressions of `templates`, for each of `jobs` in turn, handed to `take` until
    /// that says no to more. A job that has none is the last.
    fn evaluate(
        &self,
        templates: &[&Template],
        jobs: &[&Job],
        slot: usize,
        mut take: impl FnMut(&Job, Result<Verdict<'_>, String>) -> bool,
    ) {
        let mut perl = self.perl.lock().unwrap_or_else(PoisonError::into_inner);
        let mut unasked = Batch::split(jobs, slot);
        let mut outstanding: Option<(Batch<'_>, usize)> = None;
        let mut go_on = true;
        while outstanding.is_some() || (go_on && unasked.is_some()) {
            // The next batch is asked for before the answer to the one before is used.
            let may_ask = |batch| go_on && (outstanding.is_none() || !Perl::must_wait(batch));
            let mut asked = None;
            if let Some((batch, rest)) = unasked.filter(|(batch, _)| may_ask(*batch)) {
                let calls = self.calls(templates, batch);
                if perl.ask(batch, &calls).is_ok() {
                    unasked = Batch::split(rest, slot);
                    asked = Some((batch, calls.len()));
                } else if outstanding.is_none() {
                    take(batch.jobs[0], Err(ENDED.to_owned()));
                    return;
                } else {
                    unasked = None;
                }
            }
            if let Some((batch, each)) = outstanding {
                go_on = go_on && self.use_answer(perl.receive(each), batch, &mut take);
            }
            outstanding = asked;
        }
    }

    /// Hands on what perl said of `batch`; tells whether there is to be more.
    fn use_answer(
        &self,
        answer: io::Result<Answer>,
        batch: Batch<'_>,
        take: &mut impl FnMut(&Job, Result<Verdict<'_>, String>) -> bool,
    ) -> bool {
        let mut done = 0;
        let mut why = ENDED.to_owned();
        if let Ok(answer) = answer {
            done = answer.done.min(batch.jobs.len());
            if !answer.each(|index, verdict| take(batch.jobs[index], Ok(verdict))) {
                return false;
            }
            if let Some(refusal) = &answer.refusal {
                why = self.explain(refusal);
            }
        }
        match batch.jobs.get(done) {
            None => true,
            Some(job) => {
                take(job, Err(format!("job {}: {why}", job.seq)));
                false
            }
        }
    }

    /// The expressions, by number, and the arguments that they are for.
    fn calls(&self, templates: &[&Template], batch: Batch<'_>) -> Vec<(usize, usize)> {
        let args = batch.jobs.first().map(|job| &job.args);
        let calls = templates
            .iter()
            .flat_map(|template| args.map_or_else(Vec::new, |args| template.calls(args)));
        calls
            .map(|call| {
                let number = self.known.iter().position(|known| known == call.expression);
                (number.unwrap_or_default(), call.arg)
            })
            .collect()
    }

    fn explain(&self, refusal: &Refusal) -> String {
        let expression = self.known.get(refusal.expression);
        let typed = expression.map_or(&b""[..], |expression| &expression.typed);
        let typed = String::from_utf8_lossy(typed);
        format!("{}: {}", typed.trim(), refusal.why)
    }
}

impl Renderer {
    /// Writes the command of `job` into `command`, whatever is in there.
    fn write(
        &self,
        job: &Job,
        slot: usize,
        verdict: Verdict<'_>,
        command: &mut Command,
    ) -> Result<(), String> {
        let mut left = verdict.values;
        let mut of = |template: &Template| {
            let count = template.count_calls(&job.args);
            let (evaluated, rest) = left
                .split_at_checked(count)
                .ok_or("perl returned too few values")?;
            left = rest;
            Ok::<_, String>(Values {
                args: &job.args,
                seq: job.seq,
                slot,
                total: self.total.unwrap_or(0),
                slots: self.slots,
                evaluated,
            })
        };
        command.line.clear();
        self.append(
            &self.command,
            of(&self.command)?,
            self.quoting,
            &mut command.line,
        );
        let mut raw = |template: &Template| {
            let mut line = Vec::new();
            self.append(template, of(template)?, Quoting::Raw, &mut line);
            Ok::<_, String>(line)
        };
        command.tag = self.tag.as_ref().map(&mut raw).transpose()?;
        command.workdir = self.workdir.as_ref().map(&mut raw).transpose()?;
        command.results = match &self.results {
            None => None,
            Some(Results::Template(path)) => Some(raw(path)?),
            Some(Results::Tree {
                root,
                names,
                sources,
            }) => Some(results::directory(root, names, *sources, &job.args)),
        };
        command.skip = verdict.skip || self.command.skips(&job.args);
        Ok(())
    }
}

impl Prepare for Renderer {
    fn prepare(&self, job: &Job, slot: usize) -> Result<Command, String> {
        let mut prepared = Err(ENDED.to_owned());
        self.prepare_all(&[job], slot, &mut |command| {
            prepared = command.map(std::mem::take);
            false
        });
        prepared
    }

    fn prepare_all(&self, jobs: &[&Job], slot: usize, take: &mut Take<'_>) {
        let mut command = Command::default();
        let mut write = |job: &Job, verdict: Result<Verdict<'_>, String>| {
            let written = verdict.and_then(|verdict| self.write(job, slot, verdict, &mut command));
            take(written.map(|()| &mut command))
        };
        match &self.perl {
            Some(evaluator) => {
                let templates: Vec<_> = self.templates().collect();
                evaluator.evaluate(&templates, jobs, slot, write);
            }
            None => {
                jobs.iter().all(|job| write(job, Ok(Verdict::default())));
            }
        }
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
