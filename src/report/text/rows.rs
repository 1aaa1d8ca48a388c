//! `--results FILE.csv`, `.tsv` and `.json`: a row for each job, with all that it wrote.
//!
//! As GNU parallel writes them: fields in quotes where they have blanks, quotes or separators; the JSON
//! has an object a line. Bytes that are no UTF-8 stay as they are, which then is no JSON by the book;
//! `--json` is.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Write as _};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::tag::{Decoration, Tagger};
use crate::flow::spool::Captured;
use crate::model::{AttemptEnd, AttemptInfo};
use crate::report::joblog::end_of_lines;
use crate::report::out::for_each_piece;
use crate::report::{Failure, Out};

/// The form of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Fields with this byte between them: `.csv`, `.tsv`.
    Separated(u8),
    /// An object a line: `.json`.
    Json,
}

impl Form {
    /// Where the last whole row of `file` ends. Fields in quotes may hold newlines.
    ///
    /// # Errors
    ///
    /// Those of reading it.
    pub fn end_of_rows(self, file: &File) -> io::Result<u64> {
        if self == Self::Json {
            return end_of_lines(file);
        }
        let mut file = BufReader::with_capacity(1 << 16, file);
        let (mut read, mut end, mut quoted) = (0, 0, false);
        loop {
            let piece = file.fill_buf()?;
            if piece.is_empty() {
                return Ok(end);
            }
            for at in memchr::memchr2_iter(b'"', b'\n', piece) {
                if piece[at] == b'"' {
                    quoted = !quoted;
                } else if !quoted {
                    end = read + at as u64 + 1;
                }
            }
            let len = piece.len();
            read += len as u64;
            file.consume(len);
        }
    }
}

/// What is known of a job, but for what it wrote.
#[derive(Debug)]
pub struct Row {
    start: SystemTime,
    runtime: Duration,
    sent: u64,
    exit: i32,
    signal: i32,
}

impl Row {
    /// That of the job that ended with `end`.
    pub fn of(end: &AttemptEnd) -> Self {
        Self {
            start: end.started_at(),
            runtime: end.took(),
            sent: end.sent,
            exit: end.outcome.joblog_exit(),
            signal: end.outcome.signal(),
        }
    }
}

/// A job and what is to be written of it.
pub(super) struct Shown<'a> {
    pub(super) job: &'a AttemptInfo,
    pub(super) stdout: &'a Captured,
    pub(super) stderr: &'a Captured,
    /// Whether the command line stands before what it wrote.
    pub(super) echoed: bool,
    pub(super) tag: &'a Decoration,
}

/// Writes the table.
#[derive(Debug)]
pub struct Rows {
    out: Out,
    form: Form,
    /// The names of the arguments, as far as a header gave any.
    names: Vec<Vec<u8>>,
    of_pieces: bool,
    has_header: bool,
}

type Take<'a> = &'a mut dyn FnMut(&[u8]) -> Result<(), Failure>;

impl Rows {
    /// A table in `out`; `names` are those of the arguments.
    pub fn new(out: Out, form: Form, names: Vec<Vec<u8>>) -> Self {
        Self {
            out: out.by_records(),
            form,
            names,
            of_pieces: false,
            has_header: false,
        }
    }

    /// Of jobs that get pieces of one input, if `of_pieces`: one empty argument stands for none.
    #[must_use]
    pub fn of_pieces(mut self, of_pieces: bool) -> Self {
        self.of_pieces = of_pieces;
        self
    }

    /// After rows that are there already, and have a header.
    #[must_use]
    pub fn that_go_on(mut self) -> Self {
        self.has_header = true;
        self
    }

    /// Where the next row will stand, and how much has been written, in bytes.
    pub(super) fn position_and_written(&self) -> (u64, u64) {
        (self.out.position(), self.out.written())
    }

    /// Writes what waits to be written.
    pub(super) fn flush(&mut self) -> Result<(), Failure> {
        self.out.flush()
    }

    /// Writes a job's row, the header before the first one.
    pub(super) fn write(&mut self, row: &Row, shown: &Shown) -> Result<(), Failure> {
        match self.form {
            Form::Separated(separator) => self.separated(separator, row, shown)?,
            Form::Json => self.json(row, shown)?,
        }
        self.out.mark();
        Ok(())
    }

    fn separated(&mut self, separator: u8, row: &Row, shown: &Shown) -> Result<(), Failure> {
        if !std::mem::replace(&mut self.has_header, true) {
            self.header(separator, args_of(shown.job, self.of_pieces).count())?;
            self.out.mark();
        }
        for number in numbers(row, shown) {
            self.out.buffer().extend_from_slice(number.as_bytes());
            self.out.buffer().push(separator);
        }
        self.field(separator, shown.job.command.shown())?;
        for arg in args_of(shown.job, self.of_pieces) {
            self.out.write(&[separator])?;
            self.field(separator, arg)?;
        }
        for (captured, echoed) in [(shown.stdout, shown.echoed), (shown.stderr, false)] {
            self.out.write(&[separator])?;
            let mut quoted = false;
            written(captured, echoed, shown, &mut |piece| {
                quoted |= piece.iter().any(|&byte| is_odd(byte, separator));
                Ok(())
            })?;
            if !quoted {
                let out = &mut self.out;
                written(captured, echoed, shown, &mut |piece| out.write(piece))?;
                continue;
            }
            self.out.write(b"\"")?;
            let out = &mut self.out;
            written(captured, echoed, shown, &mut |piece| doubled(piece, out))?;
            self.out.write(b"\"")?;
        }
        self.out.write(b"\n")
    }

    fn header(&mut self, separator: u8, args: usize) -> Result<(), Failure> {
        let first: [&[u8]; 9] = [
            b"Seq",
            b"Host",
            b"Starttime",
            b"JobRuntime",
            b"Send",
            b"Receive",
            b"Exitval",
            b"Signal",
            b"Command",
        ];
        for name in first {
            self.field(separator, name)?;
            self.out.write(&[separator])?;
        }
        for place in 0..args {
            match self.names.get(place).cloned() {
                Some(name) => self.field(separator, &name)?,
                None => self.field(separator, format!("V{}", place + 1).as_bytes())?,
            }
            self.out.write(&[separator])?;
        }
        self.field(separator, b"Stdout")?;
        self.out.write(&[separator])?;
        self.field(separator, b"Stderr")?;
        self.out.write(b"\n")
    }

    fn field(&mut self, separator: u8, value: &[u8]) -> Result<(), Failure> {
        if !value.iter().any(|&byte| is_odd(byte, separator)) {
            return self.out.write(value);
        }
        self.out.write(b"\"")?;
        doubled(value, &mut self.out)?;
        self.out.write(b"\"")
    }

    fn json(&mut self, row: &Row, shown: &Shown) -> Result<(), Failure> {
        let [seq, host, start, runtime, sent, received, exit, signal] = numbers(row, shown);
        // Writing to a Vec does not fail.
        let _ = write!(
            self.out.buffer(),
            "{{ \"Seq\": {seq}, \"Host\": \"{host}\", \"Starttime\": {start}, \
             \"JobRuntime\": {runtime}, \"Send\": {sent}, \"Receive\": {received}, \
             \"Exitval\": {exit}, \"Signal\": {signal}, \"Command\": \""
        );
        escaped(shown.job.command.shown(), &mut self.out)?;
        self.out.write(b"\", \"V\": [ ")?;
        for (place, arg) in args_of(shown.job, self.of_pieces).enumerate() {
            self.out.write(if place == 0 { b"\"" } else { b",\"" })?;
            escaped(arg, &mut self.out)?;
            self.out.write(b"\"")?;
        }
        self.out.write(b" ], \"Stdout\": \"")?;
        let out = &mut self.out;
        written(shown.stdout, shown.echoed, shown, &mut |piece| {
            escaped(piece, out)
        })?;
        out.write(b"\", \"Stderr\": \"")?;
        written(shown.stderr, false, shown, &mut |piece| escaped(piece, out))?;
        out.write(b"\" }\n")
    }
}

/// The arguments of `job` that have a column.
fn args_of(job: &AttemptInfo, of_pieces: bool) -> impl Iterator<Item = &[u8]> {
    let stands_for_none = of_pieces && job.job.args.len() == 1 && job.job.args.get(0) == Some(b"");
    job.job.args.iter().filter(move |_| !stands_for_none)
}

/// The fields before the command line.
fn numbers(row: &Row, shown: &Shown) -> [String; 8] {
    let start = row.start.duration_since(UNIX_EPOCH).unwrap_or_default();
    let echoed = if shown.echoed {
        shown.job.command.shown().len() as u64 + 1
    } else {
        0
    };
    let received = shown.stdout.len() + echoed;
    [
        shown.job.seq.to_string(),
        shown.job.host().to_owned(),
        format!("{:.3}", start.as_secs_f64()),
        format!("{:.3}", row.runtime.as_secs_f64()),
        row.sent.to_string(),
        received.to_string(),
        row.exit.to_string(),
        row.signal.to_string(),
    ]
}

/// Hands what a job wrote, with its tag, to `take`; or the name of the file that it is in.
fn written(
    captured: &Captured,
    echoed: bool,
    shown: &Shown,
    mut take: Take,
) -> Result<(), Failure> {
    let mut tagger = Tagger::new(shown.tag);
    if let Some(path) = captured.path() {
        return tagger.push(path.as_os_str().as_encoded_bytes(), &mut take);
    }
    if echoed {
        tagger.push(shown.job.command.shown(), &mut take)?;
        tagger.push(b"\n", &mut take)?;
    }
    for_each_piece(captured, 0, |piece| tagger.push(piece, &mut take))
}

/// Whether a field with `byte` in it stands in quotes.
fn is_odd(byte: u8, separator: u8) -> bool {
    byte == separator || matches!(byte, b'"' | b' ' | b'\0' | b'\t'..=b'\r')
}

/// Writes `bytes`, every quote twice.
fn doubled(bytes: &[u8], out: &mut Out) -> Result<(), Failure> {
    let mut rest = bytes;
    while let Some(quote) = memchr::memchr(b'"', rest) {
        out.write(&rest[..=quote])?;
        out.write(b"\"")?;
        rest = &rest[quote + 1..];
    }
    out.write(rest)
}

/// Writes `bytes` as they stand in a JSON string.
fn escaped(bytes: &[u8], out: &mut Out) -> Result<(), Failure> {
    for &byte in bytes {
        let buffer = out.buffer();
        match byte {
            b'"' | b'\\' => buffer.extend([b'\\', byte]),
            0..0x20 => {
                let _ = write!(buffer, "\\u{byte:04x}");
            }
            _ => buffer.push(byte),
        }
    }
    out.relieve()
}
