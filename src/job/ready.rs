//! Whether a job is run at all: decided here, once for every engine.
//!
//! A job that has its command is left out if an earlier run did its work (`--resume` with JSON), if its output has a
//! file already (`--results` with `--resume`), or if the user says no to it (`--interactive`). Each sets the command's
//! [`skip_as`](Command::skip_as), as a filter does.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use crate::flow::spool::has_result;
use crate::ledger::done::DoneWork;
use crate::ledger::key::{NO_STDIN, key};
use crate::model::{Command, Outcome, RenderJob, RenderedSink, SpawnError, Work};
use crate::sys::tty::{self, Until};

/// What decides, besides the job itself, whether it is run.
#[derive(Debug, Default)]
pub struct Rules {
    /// The work that an earlier run has done, and the directory that it was done in.
    pub done: Option<(DoneWork, Vec<u8>)>,
    /// Whether a job whose output has a file already is done.
    pub results_are_done: bool,
    /// Whether the user is asked about each job.
    pub confirm: bool,
}

impl Rules {
    /// Whether every job is run.
    pub fn is_empty(&self) -> bool {
        self.done.is_none() && !self.results_are_done && !self.confirm
    }

    /// Whether an earlier run did the work of `command`.
    fn done_before(&self, command: &Command) -> bool {
        let results = command.results.as_ref().filter(|_| self.results_are_done);
        let by_key = |(done, cwd): &(DoneWork, Vec<u8>)| {
            let stdin = command.task.stdin.as_deref().unwrap_or(NO_STDIN);
            done.take(key(&command.task.line, cwd, stdin, &mut Vec::new()))
        };
        results.is_some_and(|prefix| has_result(prefix)) || self.done.as_ref().is_some_and(by_key)
    }
}

/// Renders jobs by means of `render`, and leaves out those that `rules` want left out.
pub fn ready(render: Arc<dyn RenderJob>, rules: Rules) -> Arc<dyn RenderJob> {
    if rules.is_empty() {
        return render;
    }
    Arc::new(Ready {
        render,
        rules,
        asking: Mutex::default(),
    })
}

struct Ready {
    render: Arc<dyn RenderJob>,
    rules: Rules,
    /// Held by whoever asks the user.
    asking: Mutex<()>,
}

impl Ready {
    fn decide(&self, command: &mut Command, until: Option<Until<'_>>) -> Result<(), SpawnError> {
        if command.skip_as.is_some() {
            return Ok(());
        }
        if self.rules.done_before(command) {
            command.skip_as = Some(Outcome::DoneBefore);
        } else if self.rules.confirm {
            let _alone = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
            let is_allowed = ask(&command.task.line, until).map_err(|error| error.to_string())?;
            command.skip_as = (!is_allowed).then_some(Outcome::Declined);
        }
        Ok(())
    }
}

impl RenderJob for Ready {
    fn prepare(&self, work: &Work, slot: usize) -> Result<Command, SpawnError> {
        let mut command = self.render.prepare(work, slot)?;
        self.decide(&mut command, None)?;
        Ok(command)
    }

    fn prepare_until(
        &self,
        work: &Work,
        slot: usize,
        until: Until<'_>,
    ) -> Result<Command, SpawnError> {
        let mut command = self.render.prepare_until(work, slot, until)?;
        self.decide(&mut command, Some(until))?;
        Ok(command)
    }

    fn prepare_all(&self, works: &[&Work], slot: usize, take: &mut RenderedSink<'_>) {
        self.render.prepare_all(works, slot, &mut |prepared| {
            take(prepared.and_then(|command| {
                self.decide(command, None)?;
                Ok(command)
            }))
        });
    }

    fn is_repeatable(&self) -> bool {
        self.render.is_repeatable()
    }
}

/// Shows the command `line` on the terminal; whether the answer begins with `y` or `Y`. No answer is a no.
fn ask(line: &[u8], until: Option<Until<'_>>) -> io::Result<bool> {
    let question = [line, b" ?..."].concat();
    let answer = tty::ask(&question, until).map_err(|error| {
        let words = format!("--interactive needs a terminal to ask on: {error}");
        io::Error::new(error.kind(), words)
    })?;
    Ok(matches!(answer.first(), Some(b'y' | b'Y')))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::done::Counts;
    use crate::model::{ArgList, Job};

    /// Renders a job as its first argument, with its output files below the second.
    struct Verbatim;

    impl RenderJob for Verbatim {
        fn prepare(&self, work: &Work, _slot: usize) -> Result<Command, SpawnError> {
            let arg = |index| work.args().get(index).map(<[u8]>::to_vec);
            Ok(Command {
                results: arg(1),
                ..Command::of_line(arg(0).unwrap())
            })
        }
    }

    fn work(args: &[&str]) -> Work {
        Work::of(Job {
            seq: 1,
            args: args.iter().collect::<ArgList>(),
            after_all: false,
            bound: None,
        })
    }

    #[test]
    fn work_that_was_done_is_left_out_as_often_as_it_was_done() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let hash = key(b"echo a", b"/here", NO_STDIN, &mut Vec::new());
        let line = format!(
            "{{\"v\":1,\"type\":\"job.end\",\"key\":\"{hash:032x}\",\"status\":\"ok\",\"exit\":0}}\n"
        );
        io::Write::write_all(&mut file, line.as_bytes()).unwrap();
        let done = DoneWork::in_json(file.path(), Counts::Succeeded).unwrap();
        let rules = Rules {
            done: Some((done.found, b"/here".to_vec())),
            ..Rules::default()
        };
        let ready = ready(Arc::new(Verbatim), rules);
        let skips = |args: &[&str]| ready.prepare(&work(args), 1).unwrap().skip_as;
        assert_eq!(skips(&["echo b"]), None);
        assert_eq!(skips(&["echo a"]), Some(Outcome::DoneBefore));
        assert_eq!(skips(&["echo a"]), None);
    }

    #[test]
    fn a_job_whose_output_is_there_is_left_out() {
        let dir = tempfile::tempdir().unwrap();
        let prefix = format!("{}/", dir.path().display());
        let rules = Rules {
            results_are_done: true,
            ..Rules::default()
        };
        let ready = ready(Arc::new(Verbatim), rules);
        let mut seen = Vec::new();
        let mut see = || {
            ready.prepare_all(&[&work(&["echo", &prefix])], 1, &mut |command| {
                seen.push(command.unwrap().skip_as.take());
                true
            });
        };
        see();
        std::fs::write(dir.path().join("seq"), "1").unwrap();
        see();
        assert_eq!(seen, [None, Some(Outcome::DoneBefore)]);
    }
}
