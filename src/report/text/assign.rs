//! What jobs wrote, as a shell's assignments to variables: what GNU's `parset` has its shell evaluate.
//!
//! As GNU parallel writes them: each value is quoted for the shell and lacks its last newline. An array is
//! opened before the first job and closed behind the last; where each variable is named, there must be as many
//! names as there are jobs.

use crate::flow::spool::Captured;
use crate::model::{AttemptInfo, Stream};
use crate::report::out::for_each_piece;
use crate::report::{Failure, Out};
use crate::template::Quoting;

use super::printer::Printer;
use super::tag::{Decoration, Tagger};

/// The variables that are assigned to, and the shell that evaluates it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// The variables.
    pub variables: Variables,
    /// How values are quoted.
    pub quoting: Quoting,
}

/// The variables that get what jobs wrote.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Variables {
    /// One for each job.
    Each(Vec<Vec<u8>>),
    /// An array.
    Array(Vec<u8>),
    /// An array whose keys are the jobs' arguments.
    Keyed(Vec<u8>),
}

/// Writes the assignments.
#[derive(Debug)]
pub(super) struct Assignments {
    config: Config,
    is_open: bool,
    /// How many jobs have been written.
    written: usize,
    /// The value at hand: one job's output at a time, which the shell will hold in memory, too.
    value: Vec<u8>,
}

impl Assignments {
    pub(super) fn new(config: Config) -> Self {
        Self {
            config,
            is_open: false,
            written: 0,
            value: Vec::new(),
        }
    }

    /// Opens the array, if it is one and that was not done.
    pub(super) fn open(&mut self, printer: &mut Printer) -> Result<(), Failure> {
        if std::mem::replace(&mut self.is_open, true) {
            return Ok(());
        }
        match &self.config.variables {
            Variables::Each(_) => Ok(()),
            Variables::Array(name) | Variables::Keyed(name) => {
                let out = printer.turn_to(Stream::Stdout)?;
                out.write(name)?;
                out.write(b"=(")
            }
        }
    }

    /// Assigns what `job` wrote, after its command line if that is `echoed`.
    pub(super) fn assign(
        &mut self,
        job: &AttemptInfo,
        stdout: &Captured,
        echoed: bool,
        decoration: &Decoration,
        printer: &mut Printer,
    ) -> Result<(), Failure> {
        self.open(printer)?;
        let place = self.written;
        self.written += 1;
        self.read(job, stdout, echoed, decoration)?;
        match &self.config.variables {
            Variables::Each(names) => {
                let Some(name) = names.get(place) else {
                    // Nobody flushes the outputs of a report that has failed.
                    printer.flush()?;
                    return Err(Failure::MoreJobsThanVariables(names.len()));
                };
                let out = printer.turn_to(Stream::Stdout)?;
                out.write(name)?;
                out.write(b"=")?;
            }
            Variables::Array(_) => {}
            Variables::Keyed(_) => {
                let key = job.job.args.iter().collect::<Vec<_>>().join(&b' ');
                let out = printer.turn_to(Stream::Stdout)?;
                out.write(b"[")?;
                quoted(self.config.quoting, &key, out)?;
                out.write(b"]=")?;
            }
        }
        let out = printer.turn_to(Stream::Stdout)?;
        quoted(self.config.quoting, &self.value, out)?;
        out.write(b"\n")
    }

    /// Closes the array.
    pub(super) fn close(&mut self, printer: &mut Printer) -> Result<(), Failure> {
        self.open(printer)?;
        match self.config.variables {
            Variables::Each(_) => Ok(()),
            Variables::Array(_) | Variables::Keyed(_) => {
                printer.turn_to(Stream::Stdout)?.write(b")\n")
            }
        }
    }

    /// Reads the value of `job` into the buffer.
    fn read(
        &mut self,
        job: &AttemptInfo,
        stdout: &Captured,
        echoed: bool,
        decoration: &Decoration,
    ) -> Result<(), Failure> {
        self.value.clear();
        let value = &mut self.value;
        let mut take = |bytes: &[u8]| {
            value.extend_from_slice(bytes);
            Ok(())
        };
        let mut tagger = Tagger::new(decoration);
        if echoed {
            tagger.push(job.command.shown(), &mut take)?;
            tagger.push(b"\n", &mut take)?;
        }
        for_each_piece(stdout, 0, |piece| tagger.push(piece, &mut take))?;
        tagger.finish(&mut take)?;
        if self.value.last() == Some(&b'\n') {
            self.value.pop();
        }
        Ok(())
    }
}

fn quoted(quoting: Quoting, value: &[u8], out: &mut Out) -> Result<(), Failure> {
    quoting.append(value, out.buffer());
    out.relieve()
}
