//! CSV: fields are those that a plain reading of the rules finds, and a row that was written comes back.

#![no_main]

use fanout::input::{Columns, InputConfig, Records, Shape, SourceKind};
use fanout::model::ArgList;
use fanout::record::csv::{Parsed, fields};
use fanout_fuzz::Choices;
use fanout_fuzz::file::MemoryFile;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: &[u8]| {
    let mut choices = Choices::new(data);
    let separator = [&b","[..], b"\t", b";;", b"ab"][usize::from(choices.below(4))];
    let record = choices.rest();
    parsed_as_by_the_rules(record, separator);
    comes_back(record, separator);
});

/// What `fields` finds is what is found byte by byte.
fn parsed_as_by_the_rules(record: &[u8], separator: &[u8]) {
    let mut got = ArgList::new();
    let parsed = fields(record, separator, &mut got);
    let want = by_the_rules(record, separator);
    match parsed {
        Parsed::Whole => assert_eq!(Ok(got.iter().map(<[u8]>::to_vec).collect()), want),
        Parsed::Unfinished(begun) => {
            assert_eq!(want, Err(true), "{record:?}");
            // It can be gone on with from there.
            let rest = fields(&record[begun..], separator, &mut ArgList::new());
            assert_eq!(rest, Parsed::Unfinished(0), "{record:?}");
        }
        Parsed::Malformed => assert_eq!(want, Err(false), "{record:?}"),
    }
}

/// The fields; `Err(true)`: the last one's quote is not closed, `Err(false)`: a quote is out of place.
fn by_the_rules(record: &[u8], separator: &[u8]) -> Result<Vec<Vec<u8>>, bool> {
    let (mut fields, mut at) = (Vec::new(), 0);
    loop {
        let mut field = Vec::new();
        if record.get(at) == Some(&b'"') {
            at += 1;
            loop {
                match (record.get(at), record.get(at + 1)) {
                    (None, _) => return Err(true),
                    (Some(b'"'), Some(b'"')) => {
                        field.push(b'"');
                        at += 2;
                    }
                    (Some(b'"'), _) => break at += 1,
                    (Some(&byte), _) => {
                        field.push(byte);
                        at += 1;
                    }
                }
            }
            if record[at..] == *b"\r" {
                at += 1;
            }
        } else {
            while at < record.len() && !record[at..].starts_with(separator) {
                if record[at] == b'"' {
                    return Err(false);
                }
                field.push(record[at]);
                at += 1;
            }
            if at == record.len() && field.last() == Some(&b'\r') {
                field.pop();
            }
        }
        fields.push(field);
        if at == record.len() {
            return Ok(fields);
        }
        if !record[at..].starts_with(separator) {
            return Err(false);
        }
        at += separator.len();
    }
}

/// Rows of quoted fields, newlines in them and all, are read from a file as they were written.
fn comes_back(data: &[u8], separator: &[u8]) {
    let rows: Vec<Vec<&[u8]>> = data
        .split(|&byte| byte == b'|')
        .take(8)
        .map(|row| row.split(|&byte| byte == b'/').collect())
        .collect();
    let mut text = Vec::new();
    for row in &rows {
        for (index, field) in row.iter().enumerate() {
            if index > 0 {
                text.extend_from_slice(separator);
            }
            text.push(b'"');
            for &byte in *field {
                text.extend(std::iter::repeat_n(byte, if byte == b'"' { 2 } else { 1 }));
            }
            text.push(b'"');
        }
        text.push(b'\n');
    }
    let file = MemoryFile::new(&text);
    let config = InputConfig {
        sources: vec![SourceKind::File(file.path()).into()],
        shape: Shape {
            columns: Columns::Csv(separator.to_vec()),
            ..Shape::default()
        },
        ..InputConfig::default()
    };
    let read: Vec<ArgList> = Records::open(config)
        .expect("the file opens")
        .map(|row| row.expect("what was written can be read"))
        .collect();
    // A NUL cannot be in an argument: the input warns and drops it.
    if !data.contains(&0) {
        let want: Vec<ArgList> = rows.iter().map(|row| row.iter().collect()).collect();
        assert_eq!(read, want);
    }
}
