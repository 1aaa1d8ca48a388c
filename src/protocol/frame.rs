//! Frames: a header line, and raw bytes behind it.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, Read};

use serde::{Deserialize, Serialize};

/// The longest header line, its newline included, in bytes.
pub const HEADER_MAX: usize = 1 << 20;
/// The most bytes behind a header.
pub const BODY_MAX: usize = 64 << 20;
/// How much of what is no header is shown to the user, in bytes.
const SHOWN: usize = 80;
/// A buffer larger than this is not kept, in bytes.
const KEPT: usize = 1 << 20;
/// How much is read at a time, in bytes.
const READ: usize = 64 << 10;

/// What is wrong with a stream: after it nothing that comes is to be believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fault {
    /// It is no frame: how it begins.
    NoHeader(String),
    /// A header goes on beyond [`HEADER_MAX`].
    HeaderTooLong,
    /// A header announces so many bytes, which are more than [`BODY_MAX`].
    BodyTooLong(u64),
    /// This header cannot be understood, and why.
    BadHeader(String, String),
    /// A message of this name is not known.
    Unknown(String),
    /// The lengths in the header of this message do not add up to what follows it.
    Lengths(&'static str),
    /// It is about an attempt, or comes at a time, that it cannot be about: in words.
    Unexpected(String),
    /// The other side speaks this version.
    Version(u32),
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoHeader(begin) => write!(f, "this is no message of a fanout: {begin}"),
            Self::HeaderTooLong => write!(f, "a header is longer than {HEADER_MAX} bytes"),
            Self::BodyTooLong(len) => {
                write!(f, "{len} bytes in one message, of {BODY_MAX} at most")
            }
            Self::BadHeader(header, why) => write!(f, "cannot understand {header}: {why}"),
            Self::Unknown(name) => write!(f, "there is no message '{name}'"),
            Self::Lengths(name) => write!(f, "the lengths in a message '{name}' do not add up"),
            Self::Unexpected(words) => f.write_str(words),
            Self::Version(theirs) => write!(
                f,
                "the other fanout speaks version {theirs} of the protocol, this one {}: install the same fanout on both \
                 sides",
                super::VERSION
            ),
        }
    }
}

impl std::error::Error for Fault {}

/// A message that is too long to be sent: how many bytes it has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TooLong(pub usize);

impl fmt::Display for TooLong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} bytes are too many for one message to a worker",
            self.0
        )
    }
}

/// One frame of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// The header line, without its newline.
    pub header: &'a [u8],
    /// The bytes behind it.
    pub body: &'a [u8],
}

/// What every header has.
#[derive(Deserialize)]
struct Kind<'a> {
    #[serde(borrow)]
    t: Cow<'a, str>,
    #[serde(default)]
    n: u64,
}

impl<'a> Frame<'a> {
    /// The name of the message.
    ///
    /// # Errors
    ///
    /// When the header has none.
    pub fn name(&self) -> Result<Cow<'a, str>, Fault> {
        Ok(kind(self.header)?.t)
    }

    /// The fields of the header.
    pub(super) fn fields<T: Deserialize<'a>>(&self) -> Result<T, Fault> {
        serde_json::from_slice(self.header).map_err(|error| bad(self.header, &error))
    }

    /// The bytes behind it, to be taken apart; `name` is that of the message.
    pub(super) fn parts(&self, name: &'static str) -> Parts<'a> {
        Parts {
            name,
            rest: self.body,
        }
    }
}

fn kind(header: &[u8]) -> Result<Kind<'_>, Fault> {
    serde_json::from_slice(header).map_err(|error| bad(header, &error))
}

fn bad(header: &[u8], error: &serde_json::Error) -> Fault {
    Fault::BadHeader(beginning(header), error.to_string())
}

/// The beginning of `bytes`, for the user to read.
fn beginning(bytes: &[u8]) -> String {
    let line = bytes
        .split(|&byte| byte == b'\n')
        .next()
        .unwrap_or_default();
    let shown = &line[..line.len().min(SHOWN)];
    shown.escape_ascii().to_string()
}

/// The bytes behind a header, taken apart from their beginning on.
pub(super) struct Parts<'a> {
    name: &'static str,
    rest: &'a [u8],
}

impl<'a> Parts<'a> {
    pub(super) fn take(&mut self, len: usize) -> Result<&'a [u8], Fault> {
        let (part, rest) = self
            .rest
            .split_at_checked(len)
            .ok_or(Fault::Lengths(self.name))?;
        self.rest = rest;
        Ok(part)
    }

    pub(super) fn take_vec(&mut self, len: usize) -> Result<Vec<u8>, Fault> {
        Ok(self.take(len)?.to_vec())
    }

    pub(super) fn take_some(&mut self, len: Option<usize>) -> Result<Option<Vec<u8>>, Fault> {
        len.map(|len| self.take_vec(len)).transpose()
    }

    /// Nothing may be left.
    pub(super) fn end(self) -> Result<(), Fault> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(Fault::Lengths(self.name))
        }
    }
}

/// Appends a frame to `out`: the message `name` with its `fields`, an object, and `body` behind it.
///
/// # Errors
///
/// When it is longer than a reader would take it; `out` is as before.
pub(super) fn put<'b>(
    out: &mut Vec<u8>,
    name: &str,
    fields: &impl Serialize,
    body: impl Iterator<Item = &'b [u8]> + Clone,
) -> Result<(), TooLong> {
    let start = out.len();
    let len: usize = body.clone().map(<[u8]>::len).sum();
    out.extend_from_slice(b"{\"t\":\"");
    out.extend_from_slice(name.as_bytes());
    out.push(b'"');
    if len > 0 {
        out.extend_from_slice(b",\"n\":");
        out.extend_from_slice(itoa::Buffer::new().format(len).as_bytes());
    }
    let at = out.len();
    // Numbers and text in structs and lists: there is nothing that JSON has no words for.
    if serde_json::to_writer(&mut *out, fields).is_err() {
        out.truncate(at);
        out.extend_from_slice(b"{}");
    }
    if out[at..] == *b"{}" {
        out.truncate(at);
        out.push(b'}');
    } else {
        out[at] = b',';
    }
    out.push(b'\n');
    let header = out.len() - start;
    if header > HEADER_MAX || len > BODY_MAX {
        out.truncate(start);
        return Err(TooLong(header + len));
    }
    body.for_each(|part| out.extend_from_slice(part));
    Ok(())
}

/// Tells the frames of a stream apart, however it was cut into pieces on its way.
#[derive(Debug, Default)]
pub struct Decoder {
    bytes: Vec<u8>,
    /// Where the frame begins that is not yet given out.
    start: usize,
    /// Up to where there is no newline, from `start` on.
    searched: usize,
    /// The length of its header with the newline, and of what follows, once they are known.
    lengths: Option<(usize, usize)>,
}

impl Decoder {
    /// A decoder at the beginning of a stream.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes what came next on the stream.
    pub fn push(&mut self, bytes: &[u8]) {
        self.make_room();
        self.bytes.extend_from_slice(bytes);
    }

    /// Takes what can be read from `input` at once; returns how much it was, 0 at its end.
    ///
    /// # Errors
    ///
    /// What reading says but for interruptions.
    pub fn fill(&mut self, input: &mut impl Read) -> io::Result<usize> {
        self.make_room();
        let len = self.bytes.len();
        self.bytes.resize(len + READ, 0);
        let got = loop {
            match input.read(&mut self.bytes[len..]) {
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                got => break got,
            }
        };
        self.bytes
            .truncate(len + got.as_ref().map_or(0, |&got| got));
        got
    }

    /// Forgets what was given out.
    fn make_room(&mut self) {
        self.bytes.drain(..self.start);
        self.start = 0;
        if self.bytes.is_empty() && self.bytes.capacity() > KEPT {
            self.bytes = Vec::new();
        }
    }

    /// The next frame, if all of it is there.
    ///
    /// # Errors
    ///
    /// When the stream does not go on with a frame. It does not recover.
    pub fn next_frame(&mut self) -> Result<Option<Frame<'_>>, Fault> {
        let (header, body) = match self.lengths {
            Some(lengths) => lengths,
            None => match self.header()? {
                Some(lengths) => *self.lengths.insert(lengths),
                None => return Ok(None),
            },
        };
        if self.bytes.len() - self.start < header + body {
            return Ok(None);
        }
        let start = self.start;
        self.start += header + body;
        (self.lengths, self.searched) = (None, 0);
        let (line, behind) = (start + header - 1, start + header);
        Ok(Some(Frame {
            header: &self.bytes[start..line],
            body: &self.bytes[behind..behind + body],
        }))
    }

    /// The lengths of the next header, with its newline, and of what follows it; `None`: it is not there as a whole.
    fn header(&mut self) -> Result<Option<(usize, usize)>, Fault> {
        let here = &self.bytes[self.start..];
        let Some(first) = here.first() else {
            return Ok(None);
        };
        if *first != b'{' {
            return Err(Fault::NoHeader(beginning(here)));
        }
        let end = memchr::memchr(b'\n', &here[self.searched..]).map(|at| self.searched + at);
        self.searched = here.len();
        if end.map_or(here.len(), |end| end + 1) > HEADER_MAX {
            return Err(Fault::HeaderTooLong);
        }
        let Some(end) = end else {
            return Ok(None);
        };
        let len = kind(&here[..end])?.n;
        match usize::try_from(len) {
            Ok(len) if len <= BODY_MAX => Ok(Some((end + 1, len))),
            _ => Err(Fault::BodyTooLong(len)),
        }
    }

    /// Whether the stream is between two frames.
    pub fn is_between_frames(&self) -> bool {
        self.start == self.bytes.len()
    }
}
