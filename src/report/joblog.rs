//! `--joblog`: GNU parallel's log of finished jobs.

use std::fs::{File, OpenOptions};
use std::io;
use std::path::Path;
use std::time::Instant;

use super::whole::end_of_line_in;
use super::{Failure, Out, Sink, keep_order::KeepOrder};
use crate::ledger::joblog::{HEADER, Line};
use crate::model::{AttemptEnd, Event, Outcome};

/// How a joblog is written.
#[derive(Clone, Copy, Debug, Default)]
pub struct Config {
    /// With `-k`, in input order: a job is logged only after those before it, like its output.
    pub keep_order: bool,
    /// With `-v` (and grouped output) the printed command line counts as received.
    pub verbose: bool,
}

/// Writes a line for each job that ended by itself or by its time limit.
///
/// Jobs that were killed by a halt or the user are not logged, as GNU parallel: `--resume` runs them
/// again.
#[derive(Debug)]
pub struct Joblog {
    out: Out,
    config: Config,
    /// Rendered lines; empty ones for jobs that are not logged.
    order: KeepOrder<Vec<u8>>,
}

/// Opens the joblog at `path` for appending, emptied first unless `append`.
///
/// # Errors
///
/// Those of opening the file, without its name.
pub fn open(path: &Path, append: bool) -> io::Result<File> {
    let file = OpenOptions::new().append(true).create(true).open(path)?;
    if !append && file.metadata()?.is_file() {
        file.set_len(0)?;
    }
    Ok(file)
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
/// anywhere. `file` is the same file, open for appending.
///
/// # Errors
///
/// Those of reading and changing the file.
pub fn mend(path: &Path, file: &File) -> io::Result<Mended> {
    let len = if file.metadata()?.is_file() {
        file.metadata()?.len()
    } else {
        0
    };
    let mut whole = len;
    if len > 0 {
        whole = end_of_line_in(&File::open(path)?, len)?.unwrap_or(0);
    }
    if whole < len {
        file.set_len(whole)?;
    }
    Ok(Mended {
        goes_on: whole > 0,
        was_torn: whole < len,
    })
}

impl Joblog {
    /// A joblog in `out` without a header line: for a file that goes on.
    pub fn new(out: Out, config: Config) -> Self {
        Self {
            out,
            config,
            order: KeepOrder::new(),
        }
    }

    /// Writes the header line at once, so that a file that cannot be written to shows early.
    ///
    /// # Errors
    ///
    /// When it cannot be written.
    pub fn write_header(&mut self) -> Result<(), Failure> {
        self.out.write(HEADER)?;
        self.out.flush()
    }

    fn job(&mut self, end: &AttemptEnd) -> Result<(), Failure> {
        let logged = !matches!(end.outcome, Outcome::Cancelled { .. } | Outcome::DoneBefore);
        if !self.config.keep_order {
            if logged {
                self.render(end, None);
            }
            return self.out.relieve();
        }
        let mut line = Vec::new();
        if logged {
            self.render(end, Some(&mut line));
        }
        self.order.push(end.job.seq, line);
        while let Some(line) = self.order.pop() {
            self.out.write(&line)?;
        }
        Ok(())
    }

    /// Renders the line of a job to `to`, or into the buffer of the file.
    fn render(&mut self, end: &AttemptEnd, to: Option<&mut Vec<u8>>) {
        let command = &end.job.command.line[..];
        let echoed = if self.config.verbose {
            command.len() as u64 + 1
        } else {
            0
        };
        let line = Line {
            seq: end.job.seq,
            host: ":",
            start: end.started_at,
            runtime: end
                .ended_at
                .duration_since(end.started_at)
                .unwrap_or_default(),
            sent: end.sent,
            received: end.stdout.len() + end.streamed[0] + echoed,
            exit: end.outcome.joblog_exit(),
            signal: end.outcome.signal(),
            command,
        };
        line.render(to.unwrap_or_else(|| self.out.buffer()));
    }
}

impl Sink for Joblog {
    fn event(&mut self, event: &mut Event) -> Result<(), Failure> {
        match event {
            Event::JobFinished(end) => self.job(end),
            _ => Ok(()),
        }
    }

    fn settle(&mut self, _: Instant) -> Result<(), Failure> {
        self.out.flush()
    }

    fn finish(&mut self) -> Result<(), Failure> {
        for line in self.order.drain() {
            self.out.write(&line)?;
        }
        self.out.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::KilledBy;
    use crate::report::testing::{ended, finished, ok, out, written};

    fn logged(config: Config, events: Vec<Event>) -> String {
        let (out, file) = out();
        let mut sink = Joblog::new(out, config);
        sink.write_header().unwrap();
        for mut event in events {
            sink.event(&mut event).unwrap();
        }
        sink.finish().unwrap();
        String::from_utf8(written(file)).unwrap()
    }

    fn seqs(log: &str) -> String {
        log.lines()
            .skip(1)
            .filter_map(|line| line.chars().next())
            .collect()
    }

    #[test]
    fn a_line_a_job() {
        let events = || vec![finished(ok(1, "four", "not counted"))];
        let line = "1\t:\t1700000000.250\t     1.250\t0\t4\t0\t0\techo 1\n";
        let header = String::from_utf8_lossy(HEADER).into_owned();
        assert_eq!(logged(Config::default(), events()), header + line);
        let verbose = Config {
            verbose: true,
            ..Config::default()
        };
        assert!(logged(verbose, events()).contains("\t0\t11\t0\t0\techo 1\n"));
    }

    #[test]
    fn in_the_order_of_the_output_without_killed_jobs() {
        let killed = Outcome::Cancelled {
            by: KilledBy::User,
            signal: Some(15),
        };
        let events = || {
            vec![
                finished(ok(3, "", "")),
                finished(ended(2, "sleep 9", killed.clone())),
                Event::AttemptFailed(Box::new(ok(1, "", ""))),
                finished(ok(1, "", "")),
            ]
        };
        assert_eq!(seqs(&logged(Config::default(), events())), "31");
        let ordered = Config {
            keep_order: true,
            ..Config::default()
        };
        assert_eq!(seqs(&logged(ordered, events())), "13");
    }

    #[test]
    fn a_full_disk_names_the_file() {
        let full = open(Path::new("/dev/full"), false).unwrap();
        let mut sink = Joblog::new(Out::file(full, "--joblog /dev/full"), Config::default());
        let error = sink.write_header().unwrap_err().to_string();
        assert!(
            error.starts_with("cannot write to --joblog /dev/full: No space"),
            "{error}"
        );
    }
}
