//! The helper that evaluates Perl expressions: one `perl` process for the whole run.
//!
//! It is started when a template needs it and never else. Messages are lists of byte strings, each with
//! its length in front, over the process's standard input and output; what an expression prints goes to
//! standard error. It ends when its standard input is closed, so it never outlives fanout.

use std::io::{self, BufReader, BufWriter, Read, Write};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::model::Job;
use crate::template::{Evaluated, Expression};

/// The program that the helper runs.
const DRIVER: &str = include_str!("perl.pl");

/// The most that a message may hold, in bytes: more is no message.
const LONGEST: usize = 1 << 30;

/// A running helper.
#[derive(Debug)]
pub(super) struct Perl {
    process: Child,
    to: BufWriter<ChildStdin>,
    from: BufReader<ChildStdout>,
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
    fn new(why: &str) -> Self {
        Self {
            why: why.to_owned(),
            expression: 0,
        }
    }
}

/// What the helper says of a job.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    /// Whether an expression called `skip()`.
    pub(super) skip: bool,
    /// The values of the expressions, in order.
    pub(super) values: Vec<Evaluated>,
}

impl Perl {
    /// Starts the helper for a run.
    ///
    /// # Errors
    ///
    /// When there is no perl.
    pub(super) fn start(total: Option<u64>, slots: usize) -> Result<Self, String> {
        let mut process = Command::new("perl")
            .arg("-e")
            .arg(DRIVER)
            .arg(total.unwrap_or(0).to_string())
            .arg(slots.to_string())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| format!("cannot start perl: {error}"))?;
        let (Some(to), Some(from)) = (process.stdin.take(), process.stdout.take()) else {
            return Err("cannot talk to perl".to_owned());
        };
        Ok(Self {
            process,
            to: BufWriter::new(to),
            from: BufReader::new(from),
        })
    }

    /// Makes an expression known; the numbers given out count from 0.
    ///
    /// # Errors
    ///
    /// What Perl says of the expression.
    pub(super) fn compile(&mut self, expression: &Expression) -> Result<(), String> {
        let mut message: Vec<&[u8]> = vec![b"compile", &expression.code];
        message.extend(expression.params.iter().map(Vec::as_slice));
        self.ask(&message).map(drop).map_err(|refusal| refusal.why)
    }

    /// The values of expressions, each a number and the index of an argument, for `job`.
    ///
    /// # Errors
    ///
    /// What an expression died of.
    pub(super) fn evaluate(
        &mut self,
        job: &Job,
        slot: usize,
        calls: &[(usize, usize)],
    ) -> Result<Verdict, Refusal> {
        let numbers = [job.seq as usize, slot, job.args.len()].map(|number| number.to_string());
        let calls: Vec<String> = calls
            .iter()
            .flat_map(|(expression, arg)| [expression.to_string(), (arg + 1).to_string()])
            .collect();
        let mut message: Vec<&[u8]> = vec![b"job"];
        message.extend(numbers.iter().map(String::as_bytes));
        message.extend(job.args.iter());
        message.extend(calls.iter().map(String::as_bytes));
        let mut answer = self.ask(&message)?.into_iter();
        Ok(Verdict {
            skip: answer.next().is_some_and(|skip| skip == b"1"),
            values: answer.map(value).collect(),
        })
    }

    fn ask(&mut self, message: &[&[u8]]) -> Result<Vec<Vec<u8>>, Refusal> {
        let mut answer = self
            .exchange(message)
            .map_err(|_| Refusal::new("perl has ended"))?;
        if answer.is_empty() {
            return Err(Refusal::new("perl has ended"));
        }
        let status = answer.remove(0);
        if status == b"ok" {
            return Ok(answer);
        }
        let text = |part: Option<&Vec<u8>>| {
            let text = part.map(|part| String::from_utf8_lossy(part).trim().replace('\n', " "));
            text.unwrap_or_default()
        };
        Err(Refusal {
            why: text(answer.first()),
            expression: text(answer.get(1)).parse().unwrap_or(0),
        })
    }

    fn exchange(&mut self, message: &[&[u8]]) -> io::Result<Vec<Vec<u8>>> {
        let too_long = || io::Error::other("message too long");
        let write_len = |to: &mut BufWriter<ChildStdin>, len: usize| {
            let len = u32::try_from(len).map_err(|_| too_long())?;
            to.write_all(&len.to_be_bytes())
        };
        write_len(&mut self.to, message.len())?;
        for part in message {
            write_len(&mut self.to, part.len())?;
            self.to.write_all(part)?;
        }
        self.to.flush()?;
        let read_len = |from: &mut BufReader<ChildStdout>| {
            let mut len = [0; 4];
            from.read_exact(&mut len)?;
            let len = u32::from_be_bytes(len) as usize;
            if len > LONGEST {
                Err(too_long())
            } else {
                Ok(len)
            }
        };
        let count = read_len(&mut self.from)?;
        let mut answer = Vec::new();
        for _ in 0..count {
            let mut part = vec![0; read_len(&mut self.from)?];
            self.from.read_exact(&mut part)?;
            answer.push(part);
        }
        Ok(answer)
    }
}

/// A value as it travels: `q` or `u`, for quoted or not, in front of it.
fn value(mut bytes: Vec<u8>) -> Evaluated {
    let quoted = bytes.first() == Some(&b'q');
    bytes.drain(..bytes.len().min(1));
    Evaluated {
        value: bytes,
        quoted,
    }
}

impl Drop for Perl {
    fn drop(&mut self) {
        // It may be in the middle of an expression; nobody waits for its value any more.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
