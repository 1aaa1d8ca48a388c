//! `--joblog`: GNU parallel's log of finished jobs.

use std::fs::File;
use std::io;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use super::whole::end_of_line_in;
use super::{Failure, Listener, Out, RunState};
use crate::ledger::joblog::{HEADER, Line};
use crate::model::{AttemptEnd, Event, Outcome};

/// Appends a line for each job that ended by itself or by its time limit, in the order in which they end.
///
/// Jobs that were killed by a halt or the user are not logged, as GNU parallel: `--resume` runs them
/// again. Each line, or several that come together, is one write; it can be made from any thread, and the last
/// line of a job counts.
#[derive(Clone, Debug)]
pub struct Joblog {
    out: Arc<Mutex<Out>>,
    /// With `-v` (and grouped output) the printed command line counts as received.
    verbose: bool,
}

/// What [`mend`] has found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Mended {
    /// Whether there are any lines.
    pub goes_on: bool,
    /// Whether the last line had no end, and was cut off.
    pub was_torn: bool,
}

/// Cuts off the last line of the file `path` if it has no end: it is no record, since a crash may have torn it
/// anywhere. `file` is the same file, open for appending; `end` tells where the last whole line ends in it.
///
/// # Errors
///
/// Those of reading and changing the file.
pub fn mend(
    path: &Path,
    file: &File,
    end: impl FnOnce(&File) -> io::Result<u64>,
) -> io::Result<Mended> {
    let len = if file.metadata()?.is_file() {
        file.metadata()?.len()
    } else {
        0
    };
    let mut whole = len;
    if len > 0 {
        whole = end(&File::open(path)?)?;
    }
    if whole < len {
        file.set_len(whole)?;
    }
    Ok(Mended {
        goes_on: whole > 0,
        was_torn: whole < len,
    })
}

/// Where the last line of `file` that has an end ends.
///
/// # Errors
///
/// Those of reading it.
pub fn end_of_lines(file: &File) -> io::Result<u64> {
    let len = file.metadata()?.len();
    Ok(end_of_line_in(file, len)?.unwrap_or(0))
}

impl Joblog {
    /// A joblog in `out` without a header line: for a file that goes on. With `verbose` the command line counts as
    /// received.
    pub fn new(out: Out, verbose: bool) -> Self {
        Self {
            out: Arc::new(Mutex::new(out)),
            verbose,
        }
    }

    /// Writes the header line at once, so that a file that cannot be written to shows early.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write_header(&self) -> Result<(), Failure> {
        self.write(|buffer| buffer.extend_from_slice(HEADER))
    }

    /// Writes the lines of those jobs among `ends` that are logged.
    ///
    /// # Errors
    ///
    /// When they cannot be written; whole lines stay.
    pub fn log<'a>(&self, ends: impl IntoIterator<Item = &'a AttemptEnd>) -> Result<(), Failure> {
        self.write(|buffer| ends.into_iter().for_each(|end| self.render(end, buffer)))
    }

    /// Appends the line of a job that ended with `end` to `buffer`, if it has one.
    pub fn render(&self, end: &AttemptEnd, buffer: &mut Vec<u8>) {
        let logged = match &end.outcome {
            Outcome::Cancelled { .. } => false,
            Outcome::SpawnFailed(error) => error.exit.is_none(),
            outcome => !outcome.is_left_out() && !end.had_no_share(),
        };
        if logged {
            self.line(end).render(buffer);
        }
    }

    /// Writes `line`, which may correct an earlier one of its job.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn append(&self, line: &Line<'_>) -> Result<(), Failure> {
        self.write(|buffer| line.render(buffer))
    }

    fn write(&self, render: impl FnOnce(&mut Vec<u8>)) -> Result<(), Failure> {
        let mut out = self.out();
        render(out.buffer());
        out.flush()
    }

    fn out(&self) -> MutexGuard<'_, Out> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The line of a job that ended with `end`.
    pub fn line<'a>(&self, end: &'a AttemptEnd) -> Line<'a> {
        let command = end.job.command.shown();
        let echoed = if self.verbose {
            command.len() as u64 + 1
        } else {
            0
        };
        Line {
            seq: end.job.seq,
            host: end.job.host(),
            start: end.started_at(),
            runtime: end.took(),
            sent: end.sent,
            received: end.stdout.len() + end.streamed[0] + echoed,
            exit: end.outcome.joblog_exit(),
            signal: end.outcome.signal(),
            command,
        }
    }
}

/// A joblog that is no file, so that a reader may keep it waiting: it gets its lines from the reports, like all that
/// somebody reads.
impl Listener for Joblog {
    fn event(&mut self, event: &Event, _: &RunState) -> Result<(), Failure> {
        match event {
            Event::JobFinished(end) => {
                let mut out = self.out();
                self.render(end, out.buffer());
                out.relieve()
            }
            _ => Ok(()),
        }
    }

    fn settle(&mut self, _: Instant, _: &RunState) -> Result<(), Failure> {
        self.out().flush()
    }

    fn finish(&mut self, _: &RunState) -> Result<(), Failure> {
        self.out().flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::KilledBy;
    use crate::report::testing::{ended, finished, listen, ok, out, written};

    fn logged(verbose: bool, events: Vec<Event>) -> String {
        let (out, file) = out();
        let mut sink = Joblog::new(out, verbose);
        sink.write_header().unwrap();
        listen(&mut sink, events);
        String::from_utf8(written(file)).unwrap()
    }

    #[test]
    fn a_line_a_job() {
        let events = || vec![finished(ok(1, "four", "not counted"))];
        let line = "1\t:\t1700000000.250\t     1.250\t0\t4\t0\t0\techo 1\n";
        let header = String::from_utf8_lossy(HEADER).into_owned();
        assert_eq!(logged(false, events()), header + line);
        assert!(logged(true, events()).contains("\t0\t11\t0\t0\techo 1\n"));
    }

    #[test]
    fn in_the_order_of_the_ends_without_killed_jobs() {
        let killed = Outcome::Cancelled {
            by: KilledBy::User,
            signal: Some(15),
        };
        let log = logged(
            false,
            vec![
                finished(ok(3, "", "")),
                finished(ended(2, "sleep 9", killed)),
                Event::AttemptFailed(Box::new(ok(1, "", ""))),
                finished(ok(1, "", "")),
            ],
        );
        let seqs: Vec<_> = log.lines().skip(1).map(|line| &line[..1]).collect();
        assert_eq!(seqs, ["3", "1"]);
    }

    #[test]
    fn a_line_of_the_same_job_may_be_appended() {
        let (out, file) = out();
        let log = Joblog::new(out, false);
        let end = ok(1, "four", "");
        log.log([&end]).unwrap();
        let lost = Line {
            exit: 1,
            ..log.line(&end)
        };
        log.clone().append(&lost).unwrap();
        let text = String::from_utf8(written(file)).unwrap();
        let exits: Vec<_> = text.lines().map(|it| it.split('\t').nth(6)).collect();
        assert_eq!(exits, [Some("0"), Some("1")]);
    }

    #[test]
    fn a_full_disk_names_the_file() {
        let full = File::options().append(true).open("/dev/full").unwrap();
        let log = Joblog::new(Out::file(full, "--joblog /dev/full"), false);
        let error = log.write_header().unwrap_err().to_string();
        assert!(
            error.starts_with("cannot write to --joblog /dev/full: No space"),
            "{error}"
        );
    }
}
