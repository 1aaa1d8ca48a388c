//! The sources together: order, links, NUL bytes, counting, errors.

use std::fs;
use std::io::Write;
use std::path::Path;
use std::sync::{Arc, Mutex};

use crate::record::delimiter::Delimiter;
use crate::record::pattern::Pattern;

use proptest::prelude::*;

use super::{
    Columns, Header, Input, InputConfig, InputError, Notices, Records, Shape, SourceKind,
    SourceSpec, Trim,
};

fn words(words: &[&str]) -> SourceSpec {
    SourceKind::Words(words.iter().map(|word| word.as_bytes().to_vec()).collect()).into()
}

fn linked(spec: SourceSpec) -> SourceSpec {
    SourceSpec {
        linked: true,
        ..spec
    }
}

fn file(path: &Path) -> SourceSpec {
    SourceKind::File(path.to_owned()).into()
}

fn config(sources: Vec<SourceSpec>) -> InputConfig {
    InputConfig {
        sources,
        ..InputConfig::default()
    }
}

/// Each record as its arguments joined by spaces; checks on the way that counting ahead agrees.
fn read(config: InputConfig) -> Vec<String> {
    let text = |records: Records| -> Vec<String> {
        let join = |record: Result<crate::model::ArgList, InputError>| {
            let args: Vec<_> = record
                .unwrap()
                .iter()
                .map(|arg| arg.escape_ascii().to_string())
                .collect();
            args.join(" ")
        };
        records.map(join).collect()
    };
    let plain = text(Records::open(config.clone()).unwrap());
    let (total, counted) = Records::count_ahead(config).unwrap();
    assert_eq!(total, plain.len() as u64);
    assert_eq!(text(counted), plain);
    plain
}

#[test]
fn the_last_source_varies_fastest() {
    let sources = vec![words(&["a", "b"]), words(&["1", "2", "3"])];
    assert_eq!(
        read(config(sources)),
        ["a 1", "a 2", "a 3", "b 1", "b 2", "b 3"]
    );
}

#[test]
fn words_are_split_at_the_delimiter() {
    assert_eq!(
        read(config(vec![words(&["a\nb", "", "c\n"])])),
        ["a", "b", "", "c", ""]
    );
    let mut with_nul = config(vec![words(&["a\nb", ""])]);
    with_nul.delimiter = Delimiter::nul();
    assert_eq!(read(with_nul), ["a\\nb", ""]);
}

#[test]
fn an_empty_source_counts_as_an_empty_argument_unless_all_are_empty() {
    assert!(read(config(vec![words(&[])])).is_empty());
    assert!(read(config(vec![words(&[]), words(&[])])).is_empty());
    assert_eq!(
        read(config(vec![words(&["a", "b"]), words(&[])])),
        ["a ", "b "]
    );
    assert_eq!(
        read(config(vec![words(&[]), words(&["a", "b"])])),
        [" a", " b"]
    );
    assert_eq!(
        read(config(vec![words(&["a", "b"]), linked(words(&[]))])),
        ["a "]
    );
    assert!(read(config(vec![])).is_empty());
}

#[test]
fn linked_sources_stop_at_the_shortest() {
    let sources = vec![
        words(&["a", "b", "c"]),
        linked(words(&["1", "2"])),
        words(&["x", "y"]),
    ];
    assert_eq!(read(config(sources)), ["a 1 x", "a 1 y", "b 2 x", "b 2 y"]);
    let sources = vec![
        words(&["x", "y"]),
        words(&["a", "b"]),
        linked(words(&["1", "2", "3"])),
    ];
    assert_eq!(read(config(sources)), ["x a 1", "x b 2", "y a 1", "y b 2"]);
}

#[test]
fn link_starts_short_sources_over() {
    let sources = vec![
        words(&["a", "b"]),
        words(&["1", "2", "3"]),
        linked(words(&["w", "x", "y", "z"])),
    ];
    let linked = InputConfig {
        link: true,
        ..config(sources)
    };
    assert_eq!(read(linked), ["a 1 w", "b 2 x", "a 3 y", "b 1 z"]);
    let linked = InputConfig {
        link: true,
        ..config(vec![words(&[]), words(&["1", "2"])])
    };
    assert_eq!(read(linked), [" 1", " 2"]);
}

#[test]
fn files_and_words_mix() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("list");
    fs::write(&path, "x y\n\nlast").unwrap();
    assert_eq!(read(config(vec![file(&path)])), ["x y", "", "last"]);
    assert_eq!(read(config(vec![words(&["1", "2"]), file(&path)])).len(), 6);
    assert!(read(config(vec![file(Path::new("/dev/null"))])).is_empty());
}

#[test]
fn a_fifo_can_be_counted_ahead() {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&reader));
    let records = 20_000_u32;
    let feeder = std::thread::spawn(move || {
        for number in 0..records {
            writeln!(writer, "{number}").unwrap();
        }
    });
    // The path opens the pipe a second time, so that its end comes when the writer is gone.
    let (total, counted) = Records::count_ahead(config(vec![file(Path::new(&path))])).unwrap();
    feeder.join().unwrap();
    assert_eq!(total, u64::from(records));
    for (number, record) in counted.enumerate() {
        assert_eq!(record.unwrap().get(0), Some(number.to_string().as_bytes()));
    }
}

#[test]
fn nul_bytes_become_visible_and_are_mentioned_once() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("list");
    fs::write(&path, b"ok\na\0b\0\n\0c\n").unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let ear = Arc::clone(&told);
    let notices = Notices::to(move |line| ear.lock().unwrap().push(line.to_owned()));
    let records = Records::open(Input {
        notices,
        ..config(vec![file(&path)]).into()
    })
    .unwrap();
    let args: Vec<_> = records
        .map(|record| record.unwrap().get(0).unwrap().to_vec())
        .collect();
    assert_eq!(args, [&b"ok"[..], br"a\0b\0", br"\0c"]);
    let told = told.lock().unwrap();
    // Three lines make one warning.
    assert_eq!(told.len(), 3, "{told:?}");
    assert!(told[0].contains("NUL") && told[2].contains("--null"));
}

fn shaped(shape: Shape, sources: Vec<SourceSpec>) -> InputConfig {
    InputConfig {
        shape,
        ..config(sources)
    }
}

#[test]
fn columns_are_arguments_of_their_own() {
    let by_comma = Shape {
        columns: Columns::SplitBy(Box::new(Pattern::new(b",").unwrap())),
        trim: Trim::both(),
        ..Shape::default()
    };
    let sources = vec![words(&["a, b", "c"]), words(&["1", "2,3"])];
    let rows = ["a b 1", "a b 2 3", "c 1", "c 2 3"];
    assert_eq!(read(shaped(by_comma, sources)), rows);
}

#[test]
fn csv_fields_may_span_records() {
    let csv = || Shape {
        columns: Columns::Csv(b",".to_vec()),
        ..Shape::default()
    };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("list");
    fs::write(&path, "\"x\ny\",\"1,\"\"2\"\"\"\r\nz,\n").unwrap();
    assert_eq!(
        read(shaped(csv(), vec![file(&path)])),
        ["x\\ny 1,\\\"2\\\"", "z "]
    );
    for (record, what) in [("a\"b", "a quote inside"), ("\"a", "never closed")] {
        let config = shaped(csv(), vec![words(&["ok", record])]);
        let mut records = Records::open(config).unwrap();
        assert!(records.next().unwrap().is_ok());
        let why = records.next().unwrap().unwrap_err().to_string();
        assert!(
            why.contains("record 2: --csv: ") && why.contains(what),
            "{why}"
        );
        assert!(records.next().is_none());
    }
}

#[test]
fn the_header_is_read_at_once_and_nothing_else() {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&reader));
    writer.write_all(b"name\n").unwrap();
    let header = Shape {
        header: Header::FirstRecord,
        ..Shape::default()
    };
    let sources = vec![file(Path::new(&path)), words(&["w", "1"])];
    let mut records = Records::open(shaped(header, sources)).unwrap();
    assert_eq!(records.names(), [b"name".to_vec(), b"w".to_vec()]);
    writer.write_all(b"x\n").unwrap();
    let row = records.next().unwrap().unwrap();
    assert_eq!(row.iter().collect::<Vec<_>>(), [b"x", b"1"]);
}

#[test]
fn lines_that_end_with_a_blank_go_on() {
    let shape = || Shape {
        joins_lines: true,
        eof: Some(b"end".to_vec()),
        ..Shape::default()
    };
    let lines = words(&["a ", "b\t", "c", "d", "", "e "]);
    assert_eq!(
        read(shaped(shape(), vec![lines])),
        ["a b\\tc", "d", "", "e "]
    );
    let (mark, more) = (words(&["a", "b ", "end", "c"]), words(&["1 ", "2"]));
    assert_eq!(read(shaped(shape(), vec![mark, more])), ["a 1 2", "b  1 2"]);
}

#[test]
fn what_is_left_out_is_not_counted() {
    let shape = Shape {
        eof: Some(b"end".to_vec()),
        skip_blank: true,
        skip_first: true,
        ..Shape::default()
    };
    let sources = vec![
        words(&["first", "a", " ", "b", "end", "c"]),
        words(&["", "1"]),
    ];
    assert_eq!(read(shaped(shape, sources)), ["a 1", "b 1"]);
}

#[test]
fn paragraphs_end_with_empty_lines() {
    let shape = Shape {
        paragraphs: true,
        ..Shape::default()
    };
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("list");
    fs::write(&path, "\n\na\nb\n\n\n\nc\n").unwrap();
    assert_eq!(read(shaped(shape, vec![file(&path)])), ["a\\nb", "c"]);
}

#[test]
fn shuffled_records_are_all_there() {
    let shape = Shape {
        shuffle: true,
        ..Shape::default()
    };
    let numbers: Vec<String> = (0..200).map(|number| number.to_string()).collect();
    let source = words(&numbers.iter().map(String::as_str).collect::<Vec<_>>());
    let (total, records) = Records::count_ahead(shaped(shape, vec![source])).unwrap();
    assert_eq!(total, 200);
    let text =
        |row: crate::model::ArgList| String::from_utf8(row.get(0).unwrap().to_vec()).unwrap();
    let mut got: Vec<String> = records.map(|row| text(row.unwrap())).collect();
    assert_ne!(got, numbers);
    got.sort_by_key(|number| number.parse::<u32>().unwrap());
    assert_eq!(got, numbers);
}

#[test]
fn a_fifo_with_a_header_can_be_counted_ahead() {
    let (reader, mut writer) = std::io::pipe().unwrap();
    let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&reader));
    writer.write_all(b"name\n1\n\n2\n").unwrap();
    let shape = Shape {
        header: Header::FirstRecord,
        skip_blank: true,
        ..Shape::default()
    };
    let feeder = std::thread::spawn(move || drop(writer));
    let (total, records) =
        Records::count_ahead(shaped(shape, vec![file(Path::new(&path))])).unwrap();
    feeder.join().unwrap();
    assert_eq!((total, records.names()), (2, &[b"name".to_vec()][..]));
    assert_eq!(records.count(), 2);
}

#[test]
fn a_missing_file_or_a_directory_is_an_error_before_anything_is_read() {
    let missing = file(Path::new("/nonexistent/list"));
    let error = Records::open(config(vec![words(&["a"]), missing]))
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "cannot open input file '/nonexistent/list': No such file or directory"
    );
    let error = Records::open(config(vec![file(Path::new("/"))]))
        .unwrap_err()
        .to_string();
    assert!(
        error.starts_with("cannot read input file '/': it is a directory"),
        "{error}"
    );
}

#[test]
fn an_endless_first_source_is_streamed() {
    let zero = InputConfig {
        delimiter: Delimiter::parse(br"\0\0").unwrap(),
        ..config(vec![file(Path::new("/dev/zero")), words(&["a", "b"])])
    };
    let first: Vec<_> = Records::open(zero)
        .unwrap()
        .take(5)
        .map(Result::unwrap)
        .collect();
    assert_eq!(first[4].iter().collect::<Vec<_>>(), [&b""[..], b"a"]);
}

/// The naive way to all combinations.
fn nested_loops(sources: &[Vec<String>]) -> Vec<String> {
    sources.iter().fold(vec![String::new()], |rows, source| {
        rows.iter()
            .flat_map(|row| source.iter().map(move |arg| format!("{row}{arg} ")))
            .collect()
    })
}

proptest! {
    #[test]
    fn a_product_is_nested_loops(sources in prop::collection::vec(prop::collection::vec("[a-c]{0,2}", 1..4), 1..4)) {
        let specs = sources.iter().map(|source| words(&source.iter().map(String::as_str).collect::<Vec<_>>()));
        let rows: Vec<String> = read(config(specs.collect())).iter().map(|row| format!("{row} ")).collect();
        prop_assert_eq!(rows, nested_loops(&sources));
    }
}
