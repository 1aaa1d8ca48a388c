//! The record splitters: nothing of the input is lost, added or moved, however it arrives, and pieces end where
//! records end.

#![no_main]

use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::path::PathBuf;

use fanout::input::reader;
use fanout::model::{ArgList, Body, Stdin};
use fanout::pipe::limit::Limit;
use fanout::pipe::route::Route;
use fanout::pipe::separator::{Ends, Separator};
use fanout::pipe::{BlockSize, Config, Header, Jobs};
use fanout::record::delimiter::{Delimiter, Needle};
use fanout_fuzz::Choices;
use fanout_fuzz::file::{FullPipe, MemoryFile};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut choices = Choices::new(data);
    match choices.below(3) {
        0 => records_joined_are_the_input(choices),
        1 => cuts_are_where_records_end(choices),
        _ => pieces_joined_are_the_input(choices),
    }
});

/// Gives a few bytes a read, and is interrupted at times.
struct Dribble<'a> {
    bytes: &'a [u8],
    turns: u8,
}

impl Read for Dribble<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.turns = self.turns.wrapping_mul(5).wrapping_add(3);
        if self.turns.is_multiple_of(7) {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let most = usize::from(self.turns % 11) + 1;
        let count = most.min(into.len()).min(self.bytes.len());
        into[..count].copy_from_slice(&self.bytes[..count]);
        self.bytes = &self.bytes[count..];
        Ok(count)
    }
}

/// Records of an input source.
fn records_joined_are_the_input(mut choices: Choices) {
    let (turns, capacity) = (choices.byte(), choices.below(20));
    let Ok(delimiter) = Delimiter::parse(choices.text()) else {
        return;
    };
    let bytes = choices.rest();
    let mut splitter = reader::Splitter::new(
        Dribble { bytes, turns },
        Needle::new(&delimiter),
        capacity.into(),
    );
    let (mut joined, mut count) = (Vec::new(), 0);
    while let Some(record) = splitter.next_record().expect("nothing fails here") {
        if count > 0 {
            joined.extend_from_slice(delimiter.as_bytes());
        }
        let record = record.to_vec();
        assert!(
            splitter.may_hold_nul() || !record.contains(&0),
            "missed a NUL"
        );
        assert_eq!(find(&record, delimiter.as_bytes()), None);
        joined.extend(record);
        count += 1;
    }
    assert!(
        splitter
            .next_record()
            .expect("nothing fails here")
            .is_none()
    );
    if joined != bytes {
        joined.extend_from_slice(delimiter.as_bytes());
    }
    assert_eq!(joined, bytes);
}

fn find(text: &[u8], what: &[u8]) -> Option<usize> {
    text.windows(what.len()).position(|window| window == what)
}

fn separator(choices: &mut Choices) -> Separator {
    match choices.below(4) {
        0 => Separator::newline(),
        1 => Separator::Csv,
        _ => Separator::Fixed {
            end: choices.text().to_vec(),
            start: choices.text().to_vec(),
        },
    }
}

/// Whether a cut at `at` leaves a record's end before it and the next one's begin behind it.
fn is_record_end(separator: &Separator, text: &[u8], at: usize) -> bool {
    match separator {
        Separator::Fixed { end, start } => {
            text[..at].ends_with(end) && text[at..].starts_with(start)
        }
        Separator::Csv => {
            let quotes = text[..at].iter().filter(|&&byte| byte == b'"').count();
            text[..at].ends_with(b"\n") && quotes % 2 == 0
        }
        Separator::Regexp { .. } => true,
    }
}

fn cuts_are_where_records_end(mut choices: Choices) {
    let separator = separator(&mut choices);
    let count = usize::from(choices.below(5)) + 1;
    let text = choices.rest();
    let last = separator.last_cut(text).expect("no regexp");
    let nth = separator.nth_cut(text, count).expect("no regexp");
    for cut in [last, nth].into_iter().flatten() {
        assert!(cut <= text.len() && cut > 0, "{cut} of {}", text.len());
        assert!(
            is_record_end(&separator, text, cut),
            "{separator:?} at {cut}"
        );
    }
    if let Some(last) = last {
        let later = (last + 1..=text.len()).find(|&at| is_record_end(&separator, text, at));
        assert_eq!(later, None, "a later end than {last}");
    }
    if let (Some(nth), Some(last)) = (nth, last) {
        assert!(nth <= last);
    }
    let mut kept = text.to_vec();
    separator
        .remove(&mut kept, &Ends::default())
        .expect("no regexp");
    assert!(is_part(&kept, text), "bytes that were not there");
}

/// Whether `part` is `text` with bytes left out.
fn is_part(part: &[u8], text: &[u8]) -> bool {
    let mut rest = text.iter();
    part.iter().all(|byte| rest.any(|other| other == byte))
}

/// Pieces of one input that are the standard inputs of jobs.
fn pieces_joined_are_the_input(mut choices: Choices) {
    let separator = separator(&mut choices);
    let flags = choices.byte();
    let records = (flags & 1 > 0).then(|| usize::from(choices.below(4)) + 1);
    let lines = (flags & 2 > 0 && records.is_none()).then(|| usize::from(choices.below(4)) + 1);
    let header = (flags & 4 > 0).then(|| Header::Lines(choices.below(3).into()));
    let block = usize::from(choices.byte()) + 1;
    let parts = flags & 8 > 0;
    let text = choices.rest();
    let text = &text[..text.len().min(FullPipe::MOST)];
    let (file, pipe);
    let path = if flags & 16 > 0 || parts {
        file = MemoryFile::new(text);
        file.path()
    } else {
        pipe = FullPipe::new(text);
        pipe.path()
    };
    let wanted = header.clone();
    let config = config(path, separator.clone(), header, block, parts);
    let config = Config {
        records,
        lines,
        ..config
    };
    let jobs = Jobs::open(config, None, Box::new(|_| {})).expect("it opens");
    let jobs: Vec<_> = jobs.map(|job| job.expect("it can be read")).collect();
    let inputs: Vec<Stdin> = jobs.into_iter().filter_map(|job| job.stdin).collect();
    let header = inputs.first().map_or(&[][..], |input| &input.header);
    let (mut joined, mut ends) = (header.to_vec(), vec![]);
    for input in &inputs {
        assert_eq!(*input.header, *header, "each job gets the header");
        append_body(&input.body, &mut joined);
        ends.push(joined.len());
    }
    if !inputs.is_empty() || wanted.is_none() {
        assert_eq!(
            joined.escape_ascii().to_string(),
            text.escape_ascii().to_string()
        );
    }
    ends.pop();
    if lines.is_none() {
        for end in ends {
            let (text, end) = (&text[header.len()..], end - header.len());
            assert!(
                is_record_end(&separator, text, end),
                "{separator:?} at {end}"
            );
        }
    }
}

fn append_body(body: &Body, into: &mut Vec<u8>) {
    match body {
        Body::Block(block) => into.extend_from_slice(block.bytes()),
        Body::Part { file, range, .. } => {
            let mut bytes = vec![0; (range.end - range.start) as usize];
            file.read_exact_at(&mut bytes, range.start)
                .expect("a part of the file");
            into.extend(bytes);
        }
        Body::Stream(_) | Body::Nothing => panic!("blocks are not streams"),
    }
}

fn config(
    path: PathBuf,
    separator: Separator,
    header: Option<Header>,
    block: usize,
    parts: bool,
) -> Config {
    Config {
        files: vec![path],
        parts,
        separator,
        ends: Ends::default(),
        records: None,
        lines: None,
        block: BlockSize::Bytes(block),
        skip_first_line: false,
        header,
        remove_separators: false,
        skip_blank: false,
        timeout: None,
        group_by: None,
        route: Route::EachBlock,
        // All blocks are held at once.
        slots: 1 << 16,
        default_args: Ok(ArgList::new()),
        limit: Limit::default(),
    }
}
