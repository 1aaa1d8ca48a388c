//! How many records there will be, without holding them in memory.

use std::fs::File;
use std::io::{self, Read, Seek, SeekFrom, Write};

use super::error::{InputError, SourceName};
use super::link::Links;
use super::reader::{BUFFER, Splitter};
use super::source::{Feed, Source, Streams};
use crate::flow::spool::unlinked_file;
use crate::record::delimiter::Needle;

/// The number of records of all sources together; the sources can be read afterwards as if untouched.
pub(super) fn total(streams: &mut Streams, links: &Links) -> Result<u64, InputError> {
    let mut left = streams
        .opened
        .iter_mut()
        .map(count)
        .collect::<Result<Vec<_>, _>>()?;
    let counts = shares(&streams.of_source, &mut left);
    if counts.iter().all(|&count| count == 0) {
        return Ok(0);
    }
    let (mut product, mut group) = (1_u64, 1_u64);
    for (source, &count) in counts.iter().enumerate() {
        let count = count.max(1);
        if !links.with_previous(source) {
            product = product.saturating_mul(group);
            group = count;
        } else if links.wrap {
            group = group.max(count);
        } else {
            group = group.min(count);
        }
    }
    Ok(product.saturating_mul(group))
}

/// What each source gets of its stream. Of a shared one all get one record, and the last the rest.
fn shares(of_source: &[usize], left: &mut [u64]) -> Vec<u64> {
    let share = |(index, &stream): (usize, &usize)| {
        let last = !of_source[index + 1..].contains(&stream);
        let share = if last {
            left[stream]
        } else {
            left[stream].min(1)
        };
        left[stream] -= share;
        share
    };
    of_source.iter().enumerate().map(share).collect()
}

/// Sources that are being read to be counted, to be read again.
pub(super) struct Kept {
    streams: Streams,
    /// Where each file's records begin.
    starts: Vec<u64>,
}

/// Makes all of `streams` readable twice; remarks are left to the second time.
pub(super) fn rewindable(streams: &mut Streams) -> Result<Kept, InputError> {
    let mut twins = Vec::new();
    let mut starts = Vec::new();
    for stream in &mut streams.opened {
        if let Feed::Closed(file) = &mut stream.feed
            && let Some(copy) = copied(file, &stream.needle, &stream.name)?
        {
            *file = copy;
            stream.all_was_read()?;
        }
        let (twin, start) = stream.twin().map_err(|error| InputError::Read {
            source: stream.name.clone(),
            records: 0,
            error,
        })?;
        twins.push(twin);
        starts.push(start);
    }
    let streams = Streams {
        opened: twins,
        of_source: streams.of_source.clone(),
        hints_at_cr: streams.hints_at_cr,
        shape: streams.shape.clone(),
    };
    Ok(Kept { streams, starts })
}

impl Kept {
    /// The sources as they were before they were read.
    pub(super) fn rewind(mut self) -> Result<Streams, InputError> {
        for (stream, &start) in self.streams.opened.iter_mut().zip(&self.starts) {
            if let Feed::Closed(file) = &mut stream.feed {
                file.seek(SeekFrom::Start(start))
                    .map_err(|error| InputError::Read {
                        source: stream.name.clone(),
                        records: 0,
                        error,
                    })?;
            }
        }
        Ok(self.streams)
    }
}

/// What to read instead of `file`, where it can be read only once.
fn copied(file: &File, needle: &Needle, name: &SourceName) -> Result<Option<File>, InputError> {
    if file.metadata().is_ok_and(|it| it.is_file()) {
        return Ok(None);
    }
    Ok(count_file(file, needle, name)?.1)
}

fn count(source: &mut Source) -> Result<u64, InputError> {
    match &mut source.feed {
        Feed::Words(words) => {
            let mut words = words.clone();
            let mut count = 0;
            while words.next(&source.needle).is_some() {
                count += 1;
            }
            Ok(count)
        }
        Feed::Closed(file) => {
            let (count, reread) = count_file(file, &source.needle, &source.name)?;
            if let Some(reread) = reread {
                *file = reread;
            }
            Ok(count)
        }
        Feed::Open(_) | Feed::Ended => Ok(0),
    }
}

/// The number of records in `file`, and what to read instead of it where it can be read only once.
fn count_file(
    file: &File,
    needle: &Needle,
    name: &SourceName,
) -> Result<(u64, Option<File>), InputError> {
    let unreadable = |error| InputError::Read {
        source: name.clone(),
        records: 0,
        error,
    };
    if file.metadata().map_err(unreadable)?.is_file() {
        let mut file = file;
        let start = file.stream_position().map_err(unreadable)?;
        let count = count_records(file, needle).map_err(unreadable)?;
        file.seek(SeekFrom::Start(start)).map_err(unreadable)?;
        return Ok((count, None));
    }
    let dir = crate::sys::temp::dir();
    let unspooled = |error| InputError::Spool {
        source: name.clone(),
        dir: dir.clone(),
        error,
    };
    let spool = unlinked_file(&dir).map_err(unspooled)?;
    let mut tee = Tee {
        from: file,
        to: &spool,
        broken: false,
    };
    let counted = count_records(&mut tee, needle);
    let count = counted.map_err(|error| {
        if tee.broken {
            unspooled(error)
        } else {
            unreadable(error)
        }
    })?;
    (&spool).rewind().map_err(unspooled)?;
    Ok((count, Some(spool)))
}

fn count_records(from: impl Read, needle: &Needle) -> io::Result<u64> {
    let mut splitter = Splitter::new(from, needle.clone(), BUFFER);
    let mut count = 0;
    while splitter.next_record()?.is_some() {
        count += 1;
    }
    Ok(count)
}

/// Writes what is read through it to a file.
struct Tee<'a> {
    from: &'a File,
    to: &'a File,
    /// Whether it was the writing that failed.
    broken: bool,
}

impl Read for Tee<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let count = self.from.read(into)?;
        self.to
            .write_all(&into[..count])
            .inspect_err(|_| self.broken = true)?;
        Ok(count)
    }
}
