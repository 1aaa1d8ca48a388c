//! The helper that evaluates Perl expressions: one `perl` process for the whole run.
//!
//! It is started when a template needs it and never else. Messages are lists of byte strings, each with
//! its length in front, as is the whole, over the process's standard input and output; what an expression
//! prints goes to standard error. Jobs are evaluated in batches, and while perl works on one, the answer
//! to the one before can be used. It ends when its standard input is closed, so it never outlives fanout.

use std::fmt::Write as _;
use std::io::{self, BufReader, Read, Write as _};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};

use crate::model::Work;
use crate::sys::helper::{Helper, Kind};
use crate::template::{Evaluated, Expression};

/// The program that the helper runs.
const DRIVER: &str = include_str!("perl.pl");

/// The most that a message may hold, in bytes: more is no message.
const LONGEST: usize = 1 << 30;

/// So many jobs at most are evaluated in one go, with so many bytes of arguments, unless one job has more.
/// It is what surely fits into a pipe.
const BATCH: usize = 512;
const BATCH_BYTES: usize = 32 << 10;

/// What there is to say when the helper says nothing.
pub(super) const ENDED: &str = "perl has ended";

/// A running helper.
#[derive(Debug)]
pub(super) struct Perl {
    to: ChildStdin,
    from: BufReader<ChildStdout>,
    /// Room for what is sent.
    message: Vec<u8>,
    /// Killed when this is dropped: it may be in the middle of an expression, whose value nobody waits for any more.
    /// The last to be dropped: one that cannot be killed ends with its input.
    _process: Helper,
}

/// Why there are no values.
#[derive(Debug)]
pub(super) struct Refusal {
    /// What Perl says.
    pub(super) why: String,
    /// The number of the expression that died.
    pub(super) expression: usize,
}

impl Refusal {
    /// The exit code that the expression wants the run to end with, if it called `exit`.
    pub(super) fn exit_code(&self) -> Option<i32> {
        self.why.strip_prefix("\0exit ")?.parse().ok()
    }
}

/// Jobs in a row that are evaluated in one go: numbered one after the other, with as many arguments each.
#[derive(Clone, Copy, Debug)]
pub(super) struct Batch<'j> {
    pub(super) jobs: &'j [&'j Work],
    pub(super) slot: usize,
}

/// What the helper says of a batch.
#[derive(Debug)]
pub(super) struct Answer {
    parts: Vec<u8>,
    /// Where in `parts` the values begin.
    values_at: usize,
    /// How many values a job has.
    each: usize,
    /// How many jobs have values.
    pub(super) done: usize,
    /// The jobs in which an expression called `skip()` (or the conditions that are true), and the values after `uq()`, by number.
    skipped: Vec<usize>,
    unquoted: Vec<usize>,
    /// Why the job after those has none.
    pub(super) refusal: Option<Refusal>,
}

/// What the helper says of a job.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Verdict<'v> {
    /// Whether an expression called `skip()`.
    pub(super) skip: bool,
    /// The values of the expressions, in order.
    pub(super) values: &'v [Evaluated<'v>],
}

impl<'j> Batch<'j> {
    /// The jobs at the beginning of `jobs` that make a batch, and those after them.
    pub(super) fn split(jobs: &'j [&'j Work], slot: usize) -> Option<(Self, &'j [&'j Work])> {
        let first = jobs.first()?;
        let (mut bytes, mut count) = (0, 0);
        for job in jobs.iter().take(BATCH) {
            bytes += job.args().iter().map(|arg| arg.len() + 4).sum::<usize>();
            let follows =
                job.seq() == first.seq() + count as u64 && job.args().len() == first.args().len();
            if count > 0 && (!follows || bytes > BATCH_BYTES) {
                break;
            }
            count += 1;
        }
        let (jobs, rest) = jobs.split_at(count);
        Some((Self { jobs, slot }, rest))
    }
}

impl Answer {
    fn parse(parts: Vec<u8>, each: usize) -> io::Result<Self> {
        let mut rest = &parts[..];
        let mut next = || take_part(&mut rest).ok_or_else(|| io::Error::other("no such answer"));
        let done = numbers(next()?).first().copied().unwrap_or(0);
        let (skipped, unquoted) = (numbers(next()?), numbers(next()?));
        let why = String::from_utf8_lossy(next()?).trim().replace('\n', " ");
        let expression = numbers(next()?).first().copied().unwrap_or(0);
        let values_at = parts.len() - rest.len();
        Ok(Self {
            refusal: (!why.is_empty()).then_some(Refusal { why, expression }),
            parts,
            values_at,
            each,
            done,
            skipped,
            unquoted,
        })
    }

    /// Hands what is said of each job to `take`, until that says no to more; returns what it said last.
    pub(super) fn each(&self, mut take: impl FnMut(usize, Verdict<'_>) -> bool) -> bool {
        let mut rest = &self.parts[self.values_at..];
        let (mut skipped, mut unquoted) = (&self.skipped[..], &self.unquoted[..]);
        let mut values = Vec::with_capacity(self.each);
        for job in 0..self.done {
            values.clear();
            for value in 0..self.each {
                values.push(Evaluated {
                    value: take_part(&mut rest).unwrap_or_default(),
                    quoted: !is_next(&mut unquoted, job * self.each + value),
                });
            }
            let skip = is_next(&mut skipped, job);
            let values = &values;
            if !take(job, Verdict { skip, values }) {
                return false;
            }
        }
        true
    }
}

/// Whether `number` comes next in a sorted list; takes it off, if it does.
fn is_next(list: &mut &[usize], number: usize) -> bool {
    let next = list.split_first().filter(|(first, _)| **first == number);
    next.map(|(_, rest)| *list = rest).is_some()
}

/// The first of the parts, each with its length in front.
fn take_part<'p>(parts: &mut &'p [u8]) -> Option<&'p [u8]> {
    let (len, rest) = parts.split_first_chunk()?;
    let (part, rest) = rest.split_at_checked(u32::from_be_bytes(*len) as usize)?;
    *parts = rest;
    Some(part)
}

/// Decimal numbers with spaces in between.
fn numbers(text: &[u8]) -> Vec<usize> {
    let text = std::str::from_utf8(text).unwrap_or_default();
    text.split(' ')
        .filter_map(|word| word.parse().ok())
        .collect()
}

impl Perl {
    /// Starts the helper for a run.
    ///
    /// # Errors
    ///
    /// When there is no perl.
    pub(super) fn start(total: Option<u64>, slots: usize, program: &str) -> Result<Self, String> {
        let mut perl = Command::new("perl");
        perl.arg("-e")
            .arg(DRIVER)
            .arg(total.unwrap_or(0).to_string())
            .arg(slots.to_string())
            .arg(program)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        let mut process = Helper::start(perl, Kind::Answers)
            .map_err(|error| format!("cannot start perl: {error}"))?;
        let (Some(to), Some(from)) = (process.stdin().take(), process.stdout().take()) else {
            return Err("cannot talk to perl".to_owned());
        };
        Ok(Self {
            _process: process,
            to,
            from: BufReader::with_capacity(BATCH_BYTES, from),
            message: Vec::new(),
        })
    }

    /// Makes an expression known; the numbers given out count from 0.
    ///
    /// # Errors
    ///
    /// What Perl says of the expression.
    pub(super) fn compile(&mut self, expression: &Expression) -> Result<(), String> {
        let params = expression.params.iter().map(Vec::as_slice);
        let parts = [b"compile", &expression.code[..]].into_iter().chain(params);
        let answer = self.send(parts).and_then(|()| self.receive(0));
        match answer {
            Err(_) => Err(ENDED.to_owned()),
            Ok(answer) => answer.refusal.map_or(Ok(()), |refusal| Err(refusal.why)),
        }
    }

    /// Has expressions, each a number and the index of an argument, evaluated for each job of `batch`.
    ///
    /// While an answer is outstanding, one more batch may be asked for: it fits into the pipe, so neither
    /// side waits for the other to read. One that is [too long](Self::must_wait) must wait.
    pub(super) fn ask(&mut self, batch: Batch<'_>, calls: &[(usize, usize)]) -> io::Result<()> {
        let (seq, width, is_measured) = batch.jobs.first().map_or((0, 0, false), |job| {
            (job.seq(), job.args().len(), job.stdin.is_none())
        });
        let (slot, count) = (batch.slot, batch.jobs.len());
        let mut numbers = format!("{seq} {slot} {} {count} {width}", u8::from(is_measured));
        for (expression, arg) in calls {
            let _ = write!(numbers, " {expression} {}", arg + 1);
        }
        let args = batch.jobs.iter().flat_map(|job| job.args().iter());
        self.send([b"jobs", numbers.as_bytes()].into_iter().chain(args))
    }

    /// Which of `conditions`, each the text of an expression, are true. No answer may be outstanding.
    pub(super) fn test(&mut self, conditions: &[Vec<u8>]) -> io::Result<Vec<bool>> {
        let texts = conditions.iter().map(Vec::as_slice);
        self.send([&b"test"[..]].into_iter().chain(texts))?;
        let answer = self.receive(0)?;
        let mut held = &answer.skipped[..];
        Ok((0..conditions.len())
            .map(|number| is_next(&mut held, number))
            .collect())
    }

    /// Whether `batch` may only be asked for when no answer is outstanding.
    pub(super) fn must_wait(batch: Batch<'_>) -> bool {
        let args = batch.jobs.iter().flat_map(|job| job.args().iter());
        args.map(|arg| arg.len() + 4).sum::<usize>() > BATCH_BYTES
    }

    /// Sends a message: parts, each with its length in front.
    fn send<'p>(&mut self, parts: impl Iterator<Item = &'p [u8]>) -> io::Result<()> {
        let len = |len: usize| {
            let len = u32::try_from(len).map_err(|_| io::Error::other("message too long"));
            len.map(u32::to_be_bytes)
        };
        self.message.clear();
        self.message.extend_from_slice(&[0; 4]);
        for part in parts {
            self.message.extend_from_slice(&len(part.len())?);
            self.message.extend_from_slice(part);
        }
        let all = len(self.message.len() - 4)?;
        self.message[..4].copy_from_slice(&all);
        self.to.write_all(&self.message)
    }

    /// The next answer; with so many values for `each` job.
    pub(super) fn receive(&mut self, each: usize) -> io::Result<Answer> {
        let mut len = [0; 4];
        self.from.read_exact(&mut len)?;
        let len = u32::from_be_bytes(len) as usize;
        if len > LONGEST {
            return Err(io::Error::other("answer too long"));
        }
        let mut parts = vec![0; len];
        self.from.read_exact(&mut parts)?;
        Answer::parse(parts, each)
    }
}
