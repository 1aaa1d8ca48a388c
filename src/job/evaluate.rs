//! What the expressions of templates, and conditions, come to for each job.

use std::io;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::perl::{Answer, Batch, ENDED, Perl, Refusal, Verdict};
use crate::model::{SpawnError, Work};
use crate::template::{Expression, Template};

/// The helper, and the expressions that it knows, by their numbers.
#[derive(Debug)]
pub(super) struct Evaluator {
    known: Vec<Arc<Expression>>,
    helper: Mutex<Helper>,
    /// Told when [`Helper::next`] is another.
    changed: Condvar,
}

/// Perl, and whose turn it is. Perl has a memory (`{= $_ = $n++ =}`), so jobs are evaluated in their order, though
/// threads that have taken them in that order come here by chance.
#[derive(Debug)]
struct Helper {
    perl: Perl,
    /// The number of the job behind the last one that was evaluated.
    next: u64,
    /// How often somebody may still wait in vain for an earlier job, which is never evaluated if it is not run.
    tries: u32,
}

/// How long an earlier job that another thread has taken is waited for.
const MOMENT: Duration = Duration::from_millis(50);

/// So often may that be in vain.
const TRIES: u32 = 3;

/// So many conditions at most are tested in one go.
const CONDITIONS: usize = 512;

fn cannot_use(expression: &Expression, why: &str) -> String {
    let typed = String::from_utf8_lossy(&expression.typed);
    format!("Cannot use {}: {why}", typed.trim())
}

impl Evaluator {
    /// Starts perl for a run, and has it know `known`.
    ///
    /// # Errors
    ///
    /// One line that names the expression that cannot be used, and why.
    pub(super) fn start(
        known: Vec<Arc<Expression>>,
        total: Option<u64>,
        slots: usize,
        program: &str,
    ) -> Result<Self, String> {
        let mut perl = Perl::start(total, slots, program).map_err(|why| match known.first() {
            Some(first) => cannot_use(first, &why),
            None => format!("Cannot use --filter: {why}"),
        })?;
        for expression in &known {
            perl.compile(expression)
                .map_err(|why| cannot_use(expression, &why))?;
        }
        Ok(Self {
            known,
            helper: Mutex::new(Helper {
                perl,
                next: 1,
                tries: TRIES,
            }),
            changed: Condvar::new(),
        })
    }

    /// Whether it knows any expression.
    pub(super) fn knows_some(&self) -> bool {
        !self.known.is_empty()
    }

    /// The values of all expressions of `templates`, for each of `jobs` in turn, handed to `take` until
    /// that says no to more. A job that has none is the last.
    pub(super) fn evaluate(
        &self,
        templates: &[&Template],
        jobs: &[&Work],
        slot: usize,
        mut take: impl FnMut(&Work, Result<Verdict<'_>, SpawnError>) -> bool,
    ) {
        let mut helper = self.when_due(jobs);
        let perl = &mut helper.perl;
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
                    take(batch.jobs[0], Err(ENDED.into()));
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

    /// The helper when all jobs before the first of `jobs` have been evaluated; the last of them is the latest then.
    fn when_due(&self, jobs: &[&Work]) -> MutexGuard<'_, Helper> {
        let mut helper = self.helper.lock().unwrap_or_else(PoisonError::into_inner);
        let (Some(first), Some(last)) = (jobs.first(), jobs.last()) else {
            return helper;
        };
        let until = Instant::now() + MOMENT;
        while helper.next < first.seq() && helper.tries > 0 {
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                helper.tries -= 1;
                break;
            }
            let waited = self.changed.wait_timeout(helper, left);
            helper = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
        helper.next = helper.next.max(last.seq() + 1);
        self.changed.notify_all();
        helper
    }

    /// Which of `conditions` are true; fewer, if perl has ended.
    pub(super) fn test(&self, conditions: &[Vec<u8>]) -> Vec<bool> {
        let mut helper = self.helper.lock().unwrap_or_else(PoisonError::into_inner);
        let perl = &mut helper.perl;
        let mut held = Vec::with_capacity(conditions.len());
        for some in conditions.chunks(CONDITIONS) {
            match perl.test(some) {
                Ok(answers) => held.extend(answers),
                Err(_) => break,
            }
        }
        held
    }

    /// Hands on what perl said of `batch`; tells whether there is to be more.
    fn use_answer(
        &self,
        answer: io::Result<Answer>,
        batch: Batch<'_>,
        take: &mut impl FnMut(&Work, Result<Verdict<'_>, SpawnError>) -> bool,
    ) -> bool {
        let mut done = 0;
        let mut why = ENDED.to_owned();
        let mut exit = None;
        if let Ok(answer) = answer {
            done = answer.done.min(batch.jobs.len());
            if !answer.each(|index, verdict| take(batch.jobs[index], Ok(verdict))) {
                return false;
            }
            if let Some(refusal) = &answer.refusal {
                why = self.explain(refusal);
                exit = refusal.exit_code();
            }
        }
        match batch.jobs.get(done) {
            None => true,
            Some(job) => {
                let error = match exit {
                    Some(code) => SpawnError::exit(code),
                    None => SpawnError::fatal(format!("job {}: {why}", job.seq())),
                };
                take(job, Err(error));
                false
            }
        }
    }

    /// The expressions, by number, and the arguments that they are for.
    fn calls(&self, templates: &[&Template], batch: Batch<'_>) -> Vec<(usize, usize)> {
        let args = batch.jobs.first().map(|job| job.args());
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
