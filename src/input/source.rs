//! One opened source: its name, how far it was read, and what happens to NUL bytes.

use std::fmt;
use std::fs::File;
use std::io::{self, Seek};
use std::os::fd::AsFd;
use std::sync::Arc;
use std::vec;

use super::error::{InputError, SourceName};
use super::growth::Growth;
use super::line_ends::{HINT, LineEnds};
use super::reader::{BUFFER, Splitter};
use super::shape::{Header, Shape};
use super::{InputConfig, InputCount, SourceKind, relay};
use crate::model::ArgList;
use crate::record::delimiter::Needle;
use crate::sys::closed;
use crate::sys::decompress::{Decompressor, decompressed};

/// As GNU parallel says it.
const NUL_WAS_CHANGED: [&str; 3] = [
    r"Warning: A NUL character in the input was replaced with \0.",
    "Warning: NUL cannot be passed through in the argument list.",
    "Warning: Did you mean to use the --null option?",
];

/// Where remarks about the input go: one line each, without `fanout:` in front. Default: nowhere.
#[derive(Clone, Default)]
pub struct Notices(Option<Tell>);

type Tell = Arc<dyn Fn(&str) + Send + Sync>;

impl Notices {
    /// Tells `words`, if anybody listens.
    fn tell(&self, words: &str) {
        if let Some(tell) = &self.0 {
            tell(words);
        }
    }

    /// Calls `tell` for each remark, on the thread that pulls the records.
    pub fn to(tell: impl Fn(&str) + Send + Sync + 'static) -> Self {
        Self(Some(Arc::new(tell)))
    }
}

impl fmt::Debug for Notices {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() {
            "Notices(told)"
        } else {
            "Notices(dropped)"
        })
    }
}

/// The opened sources; those that read standard input are one stream.
#[derive(Debug)]
pub(super) struct Streams {
    pub(super) opened: Vec<Source>,
    /// For each source of the command line, in order: its place in `opened`.
    pub(super) of_source: Vec<usize>,
    /// Whether a notice is due when their first values end in CR.
    pub(super) hints_at_cr: bool,
    /// What is done to their records, if anything is.
    pub(super) shape: Option<Box<Shape>>,
}

impl Streams {
    pub(super) fn open(config: InputConfig, notices: &Notices) -> Result<Self, InputError> {
        let needle = if config.shape.paragraphs {
            Needle::empty_line()
        } else {
            Needle::new(&config.delimiter)
        };
        let (mut streams, mut of_source) = (Vec::new(), Vec::new());
        let mut stdin = None;
        for spec in config.sources {
            let is_stdin = spec.kind == SourceKind::Stdin;
            let place = stdin.filter(|_| is_stdin).unwrap_or(streams.len());
            if place == streams.len() {
                streams.push(Source::open(spec.kind, needle.clone(), notices.clone())?);
            }
            if is_stdin {
                stdin = Some(place);
            }
            of_source.push(place);
        }
        let shape = (!config.shape.is_plain()).then(|| Box::new(config.shape));
        Ok(Self {
            opened: streams,
            of_source,
            hints_at_cr: config.hints_at_cr,
            shape,
        })
    }

    /// From now on, what is read are values.
    pub(super) fn watch_line_ends(&mut self) {
        if self.hints_at_cr {
            let line_ends = LineEnds::watched();
            for source in &mut self.opened {
                source.line_ends = line_ends.clone();
            }
        }
    }

    /// From now on, the first of them may grow.
    pub(super) fn grow(&mut self, growth: Growth) {
        if let Some(source) = self.of_source.first().map(|&at| &mut self.opened[at]) {
            source.growth = growth;
        }
    }

    /// Reads what stands before the records; returns the names of the columns.
    pub(super) fn skip_header(&mut self) -> Result<Vec<Vec<u8>>, InputError> {
        let Some(shape) = &self.shape else {
            return Ok(Vec::new());
        };
        if let (true, Some(&first)) = (shape.skip_first, self.of_source.first()) {
            shape.raw(&mut self.opened[first])?;
        }
        let mut names = Vec::new();
        for &stream in &self.of_source {
            let stream = &mut self.opened[stream];
            match shape.header {
                Header::None => {}
                Header::FileNames => names.push(stream.name.as_typed()),
                Header::FirstRecord => match shape.names(stream)? {
                    Some(columns) => names.extend(columns.iter().map(<[u8]>::to_vec)),
                    None => names.push(Vec::new()),
                },
            }
        }
        Ok(names)
    }

    /// The next arguments of source number `source`, counted from 0: one, unless it has columns.
    pub(super) fn pull(&mut self, source: usize) -> Result<Option<ArgList>, InputError> {
        let stream = &mut self.opened[self.of_source[source]];
        match &self.shape {
            Some(shape) => shape.pull(stream),
            None => Ok(stream.next()?.map(ArgList::single)),
        }
    }

    /// Whether the next argument of every source can be had without waiting for somebody to write it.
    pub(super) fn ready(&self) -> bool {
        let records_may_vanish = || self.shape.as_ref().is_some_and(|it| it.may_need_more());
        self.opened.iter().all(Source::ready) && !records_may_vanish()
    }

    /// The one source, if there is only one, and nothing is done to its records.
    pub(super) fn into_single(mut self) -> Result<Source, Self> {
        match self.opened.pop() {
            Some(source) if self.of_source.len() == 1 && self.shape.is_none() => Ok(source),
            Some(source) => {
                self.opened.push(source);
                Err(self)
            }
            None => Err(self),
        }
    }
}

/// An opened source of arguments.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) name: SourceName,
    pub(super) needle: Needle,
    pub(super) feed: Feed,
    /// What its bytes come from, if the file is compressed.
    decompressor: Option<Decompressor>,
    records: u64,
    notices: Notices,
    line_ends: LineEnds,
    growth: Growth,
    /// A NUL byte is mentioned only once per source: a binary file would have thousands.
    nul_mentioned: bool,
}

#[derive(Debug)]
pub(super) enum Feed {
    /// Opened, not read yet.
    Closed(File),
    Open(Box<Splitter<File>>),
    Words(Words),
    Ended,
}

impl Source {
    fn open(kind: SourceKind, needle: Needle, notices: Notices) -> Result<Self, InputError> {
        let mut decompressor = None;
        let (name, feed) = match kind {
            SourceKind::Words(words) => {
                let words = Words {
                    words: words.into_iter(),
                    pending: None,
                };
                (SourceName::Words, Feed::Words(words))
            }
            SourceKind::File(path) => open_as(SourceName::File(path.clone()), || {
                let opened = File::open(&path)?;
                let (file, program) = decompressed(&path, opened)?;
                decompressor = program;
                Ok(file)
            })?,
            SourceKind::Stdin => open_as(SourceName::Stdin, open_stdin)?,
        };
        Ok(Self {
            name,
            needle,
            feed,
            decompressor,
            records: 0,
            notices,
            line_ends: LineEnds::default(),
            growth: Growth::default(),
            nul_mentioned: false,
        })
    }

    /// The same source, to be read again later, and where its file now is; this one is silent from now on.
    pub(super) fn twin(&mut self) -> io::Result<(Self, u64)> {
        let (feed, start) = match &mut self.feed {
            Feed::Closed(file) => (Feed::Closed(file.try_clone()?), file.stream_position()?),
            Feed::Words(words) => (Feed::Words(words.clone()), 0),
            Feed::Open(_) | Feed::Ended => (Feed::Ended, 0),
        };
        let twin = Self {
            name: self.name.clone(),
            needle: self.needle.clone(),
            feed,
            decompressor: None,
            records: 0,
            notices: std::mem::take(&mut self.notices),
            line_ends: LineEnds::default(),
            growth: Growth::default(),
            nul_mentioned: false,
        };
        Ok((twin, start))
    }

    /// Has its records counted while they are used.
    pub(super) fn relay(&mut self, count: &InputCount) -> Result<(), InputError> {
        if let Feed::Closed(file) = &mut self.feed {
            let counted = relay::counted(file, self.needle.clone(), count.clone());
            *file = counted.map_err(|error| InputError::Spool {
                source: self.name.clone(),
                dir: crate::sys::temp::dir(),
                error,
            })?;
        }
        Ok(())
    }

    /// Nothing more is taken from it.
    pub(super) fn end(&mut self) {
        self.feed = Feed::Ended;
    }

    /// The error of the record that was read last.
    pub(super) fn malformed(&self, why: String) -> InputError {
        InputError::Malformed {
            source: self.name.clone(),
            record: self.records,
            why,
        }
    }

    /// Whether the next argument can be had without waiting for somebody to write it.
    pub(super) fn ready(&self) -> bool {
        match &self.feed {
            Feed::Open(splitter) => splitter.has_record(),
            Feed::Words(_) | Feed::Ended => true,
            Feed::Closed(_) => false,
        }
    }

    /// The next argument.
    #[inline]
    pub(super) fn next(&mut self) -> Result<Option<Vec<u8>>, InputError> {
        if let Feed::Open(splitter) = &mut self.feed {
            let record = match splitter.next_record() {
                Ok(record) => record.map(<[u8]>::to_vec),
                Err(error) => return Err(self.unreadable(error)),
            };
            let nul = splitter.may_hold_nul();
            if record.is_none() {
                return self.at_end();
            }
            self.records += u64::from(record.is_some());
            let record = match record {
                Some(record) if nul => Some(self.without_nul(record)),
                record => record,
            };
            return Ok(self.looked_at(record));
        }
        self.next_slowly()
    }

    /// What comes behind the end of what was read: nothing, unless the file has grown.
    fn at_end(&mut self) -> Result<Option<Vec<u8>>, InputError> {
        if let Feed::Open(splitter) = &mut self.feed
            && self.decompressor.is_none()
            && self.growth.goes_on(splitter.source())
        {
            splitter.go_on();
            return self.next();
        }
        self.all_was_read()?;
        Ok(None)
    }

    /// Its bytes have come to an end.
    ///
    /// # Errors
    ///
    /// When they are not all of them.
    pub(super) fn all_was_read(&mut self) -> Result<(), InputError> {
        let finished = self
            .decompressor
            .take()
            .map_or(Ok(()), Decompressor::finish);
        finished.map_err(|error| self.unreadable(error))
    }

    fn unreadable(&self, error: io::Error) -> InputError {
        if error.kind() == io::ErrorKind::InvalidData {
            return InputError::Malformed {
                source: self.name.clone(),
                record: self.records + 1,
                why: error.to_string(),
            };
        }
        InputError::Read {
            source: self.name.clone(),
            records: self.records,
            error,
        }
    }

    /// `value`, once it has been seen how it ends, where that is still a question.
    #[inline]
    fn looked_at(&mut self, value: Option<Vec<u8>>) -> Option<Vec<u8>> {
        if self.line_ends.are_watched()
            && let Some(value) = &value
            && self.line_ends.settles(value)
        {
            self.notices.tell(HINT);
        }
        value
    }

    /// What is not on the path of each record of a file.
    fn next_slowly(&mut self) -> Result<Option<Vec<u8>>, InputError> {
        match std::mem::replace(&mut self.feed, Feed::Ended) {
            Feed::Closed(file) => {
                let splitter = Splitter::new(file, self.needle.clone(), BUFFER);
                self.feed = Feed::Open(Box::new(splitter));
                self.next()
            }
            Feed::Words(mut words) => {
                let word = words.next(&self.needle);
                self.records += u64::from(word.is_some());
                self.feed = Feed::Words(words);
                Ok(self.looked_at(word))
            }
            feed @ (Feed::Open(_) | Feed::Ended) => {
                self.feed = feed;
                Ok(None)
            }
        }
    }

    /// As GNU parallel: a NUL byte becomes the two characters `\0`, as no argument can hold it.
    fn without_nul(&mut self, record: Vec<u8>) -> Vec<u8> {
        if memchr::memchr(0, &record).is_none() {
            return record;
        }
        if !self.nul_mentioned {
            for words in NUL_WAS_CHANGED {
                self.notices.tell(words);
            }
        }
        self.nul_mentioned = true;
        record
            .split(|&byte| byte == 0)
            .collect::<Vec<_>>()
            .join(&b"\\0"[..])
    }
}

/// The words of `:::`, split at the delimiter: unlike in a file, one at the end leaves an empty argument.
#[derive(Clone, Debug)]
pub(super) struct Words {
    words: vec::IntoIter<Vec<u8>>,
    /// What is left of a word after its first delimiter.
    pending: Option<Vec<u8>>,
}

impl Words {
    pub(super) fn next(&mut self, needle: &Needle) -> Option<Vec<u8>> {
        let mut word = self.pending.take().or_else(|| self.words.next())?;
        if let Some(at) = needle.find(&word) {
            self.pending = Some(word.split_off(at + needle.width()));
            word.truncate(at);
        }
        Some(word)
    }
}

fn open_as(
    name: SourceName,
    open: impl FnOnce() -> io::Result<File>,
) -> Result<(SourceName, Feed), InputError> {
    let opened = open().and_then(|file| Ok((file.metadata()?.is_dir(), file)));
    match opened {
        Ok((false, file)) => Ok((name, Feed::Closed(file))),
        Ok((true, _)) => Err(InputError::Directory { source: name }),
        Err(error) => Err(InputError::Open {
            source: name,
            error,
        }),
    }
}

/// A descriptor of our own for standard input, so that no lock or second buffer is in the way.
fn open_stdin() -> io::Result<File> {
    closed::check_stdin()?;
    Ok(File::from(io::stdin().as_fd().try_clone_to_owned()?))
}
