//! Every way to cut an input and to deal it out, on inputs of all kinds: no byte is lost, none comes twice.

use proptest::prelude::*;

use super::received::{From, received, received_with};

/// Every way to cut, as far as nothing is added or taken out.
const SPLITTERS: &[&[&str]] = &[
    &["--pipe"],
    &["--pipe", "--block", "7"],
    &["--pipe", "--block", "1"],
    &["--pipe", "--block", "-2"],
    &["--pipe", "-N1"],
    &["--pipe", "-N3"],
    &["--pipe", "-L2"],
    &["--pipe", "-N2", "--block", "5"],
    &["--pipe", "--recend", "x", "--block", "3"],
    &["--pipe", "--recend", "", "--block", "4"],
    &["--pipe", "--recend", r"\0", "--block", "6"],
    &["--pipe", "--recstart", "a", "--block", "6"],
    &["--pipe", "--recstart", "a", "-N2"],
    &[
        "--pipe",
        "--recend",
        r"\n",
        "--recstart",
        "a",
        "--block",
        "9",
    ],
    &["--pipe", "--recend", r"\n", "--recstart", "é", "-N1"],
    &["--pipe", "--regexp", "--recend", "[x\\n]+", "--block", "5"],
    &["--pipe", "--regexp", "--recstart", "a|,", "-N2"],
    &[
        "--pipe",
        "--regexp",
        "--recend",
        "x|\\n",
        "--recstart",
        "[ax]",
        "--block",
        "1",
    ],
    &[
        "--pipe",
        "--regexp",
        "--recend",
        "x|\\n",
        "--recstart",
        "[ax]",
        "--block",
        "8",
    ],
    &[
        "--pipe",
        "--regexp",
        "--recend",
        ",?",
        "--recstart",
        "a",
        "-N1",
    ],
    &[
        "--pipe",
        "--regexp",
        "--recend",
        "\\n+",
        "--recstart",
        "[^x]",
        "-N2",
    ],
    &["--pipe", "--csv", "--block", "5"],
    &["--pipe", "--csv", "-N2"],
    &["--pipe", "--group-by", "1", "--colsep", ",", "--block", "5"],
    &["--pipe", "--round-robin", "-j1", "--block", "5"],
    &["--pipepart", "--block", "5"],
    &["--pipepart", "--block", "1"],
    &["--pipepart", "--block", "-1"],
    &["--pipepart", "--block", "-3"],
    &["--pipepart", "--recend", "x", "--block", "4"],
    &["--pipepart", "--recstart", "a", "--block", "4"],
    &["--pipepart", "--recend", "", "--block", "4"],
    &[
        "--pipepart",
        "--recend",
        r"\n",
        "--recstart",
        "a",
        "--block",
        "3",
    ],
    &["--pipepart", "--rrs", "--block", "4"],
    &["--pipepart", "--csv", "--block", "4"],
    &["--pipepart", "-n2", "--block", "4"],
    &["--pipepart", "--round-robin", "-j1", "--block", "4"],
    &[
        "--pipepart",
        "--group-by",
        "1",
        "--colsep",
        ",",
        "--block",
        "5",
    ],
    &[
        "--pipepart",
        "--regexp",
        "--recend",
        "x|\\n",
        "--recstart",
        "[ax]",
        "--block",
        "1",
    ],
    &[
        "--pipepart",
        "--regexp",
        "--recend",
        "\\n*",
        "--recstart",
        "a",
        "--block",
        "6",
    ],
    &[
        "--pipepart",
        "--regexp",
        "--recend",
        "x|\\n",
        "--block",
        "4",
    ],
];

/// Separators that cannot overlap themselves, typed and as they are: the end of a record, the begin of the next.
const SEPARATORS: &[(&[&str], &str, &str)] = &[
    (&[], "\n", ""),
    (&["--recend", "x"], "x", ""),
    (&["--recend", r"\r\n"], "\r\n", ""),
    (&["--recstart", "a"], "", "a"),
    (&["--recend", "x", "--recstart", "a"], "x", "a"),
    (&["--regexp", "--recend", "x"], "x", ""),
    (&["--regexp", "--recstart", "a"], "", "a"),
    (
        &["--regexp", "--recend", "[\n]", "--recstart", "a"],
        "\n",
        "a",
    ),
];

/// Separators of which parts stand in [`distances`] where no separator is.
const DISTANT: &[(&[&str], &str, &str)] = &[
    (&[], "\n", ""),
    (&["--recend", "abc"], "abc", ""),
    (&["--recstart", "abc"], "", "abc"),
    (&["--recend", "ab", "--recstart", "c"], "ab", "c"),
];

/// Every way to deal out lines, of which the first column is a key.
const ROUTERS: &[&[&str]] = &[
    &["--round-robin", "-N1"],
    &["--round-robin", "-N3", "-k"],
    &["--round-robin", "--block", "9"],
    &["--round-robin", "--block", "40", "-k"],
    &["--round-robin", "--block", "-1"],
    &["--pipepart", "--round-robin", "--block", "9"],
    &["--shard", "1", "--colsep", " "],
    &["--shard", "1", "--colsep", " ", "--block", "10"],
    &["--bin", "1", "--colsep", " "],
    &["--bin", "1", "--colsep", " ", "--block", "10", "-k"],
];

/// The first `count` lines of `input`; nothing where it has not so many.
fn header_of(input: &[u8], count: usize) -> &[u8] {
    let end = memchr::memchr_iter(b'\n', input).nth(count - 1);
    &input[..end.map_or(0, |at| at + 1)]
}

/// `text` with each `part` taken out.
fn without(text: &[u8], part: &[u8]) -> Vec<u8> {
    let (mut kept, mut from) = (Vec::new(), 0);
    for at in memchr::memmem::find_iter(text, part) {
        kept.extend_from_slice(&text[from..at]);
        from = at + part.len();
    }
    kept.extend_from_slice(&text[from..]);
    kept
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split_inclusive(|&byte| byte == b'\n')
}

/// The number in the second column.
fn place(line: &[u8]) -> usize {
    let number = line.split(|byte| b" \n".contains(byte)).nth(1);
    std::str::from_utf8(number.unwrap())
        .unwrap()
        .parse()
        .unwrap()
}

/// Bytes in which separators of all kinds stand in all kinds of places.
fn odd_bytes() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        5 => Just(&b"\n"[..]),
        3 => Just(&b"a"[..]),
        3 => Just(&b"x"[..]),
        2 => Just(&b","[..]),
        1 => Just(&b"\0"[..]),
        1 => Just("é".as_bytes()),
        1 => Just(&b"\xff"[..]),
        1 => Just(&b"\r\n"[..]),
        1 => Just(&b"a longer line of words\n"[..]),
    ];
    prop::collection::vec(piece, 0..40).prop_map(|pieces| pieces.concat())
}

/// CSV with newlines and quotes in fields.
fn csv() -> impl Strategy<Value = Vec<u8>> {
    let field = prop_oneof![
        Just("a".to_owned()),
        Just(String::new()),
        Just("\"b\nc\"".to_owned()),
        Just("\"d,\"\"e\"\"\n\n\"".to_owned()),
    ];
    let row = prop::collection::vec(field, 1..4).prop_map(|fields| fields.join(",") + "\n");
    prop::collection::vec(row, 0..12).prop_map(|rows| rows.concat().into_bytes())
}

/// Separators, and parts of them, that are nowhere near each other.
fn distances() -> impl Strategy<Value = Vec<u8>> {
    let piece = prop_oneof![
        (0..40_000_usize).prop_map(|length| ".".repeat(length)),
        (16_380..16_388_usize).prop_map(|length| ".".repeat(length)),
        prop::sample::select(&["abc", "abc", "\n", "ab", "bc", "a\n"][..]).prop_map(str::to_owned),
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat().into_bytes())
}

fn from() -> impl Strategy<Value = From> {
    prop_oneof![
        Just(From::Pipe),
        Just(From::Redirected),
        (0..40_usize).prop_map(From::Files),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 60, ..ProptestConfig::default() })]

    #[test]
    fn the_jobs_together_get_the_input(
        splitter in prop::sample::select(SPLITTERS),
        input in odd_bytes(),
        from in from(),
    ) {
        let output = received(splitter, &input, from).concat();
        prop_assert!(
            output == input,
            "{splitter:?} {from:?}\n{}\n{}", input.escape_ascii(), output.escape_ascii()
        );
    }

    #[test]
    fn each_job_gets_the_header_and_all_jobs_together_the_rest(
        splitter in prop::sample::select(SPLITTERS),
        (option, lines) in prop::sample::select(&[(":", 1), ("1", 1), ("2", 2), ("3", 3)][..]),
        input in odd_bytes(),
        from in from(),
    ) {
        prop_assume!(!splitter.contains(&"--group-by"));
        let header = header_of(&input, lines);
        let from = if let From::Files(_) = from { From::Files(0) } else { from };
        let jobs = received(&[splitter, &["--header", option]].concat(), &input, from);
        let bodies: Option<Vec<_>> = jobs.iter().map(|job| job.strip_prefix(header)).collect();
        prop_assert!(bodies.is_some(), "{splitter:?} {from:?} {}: {jobs:?}", input.escape_ascii());
        let (body, rest) = (bodies.unwrap().concat(), &input[header.len()..]);
        prop_assert!(
            body == rest,
            "{splitter:?} {from:?} --header {option}\n{}\n{}", rest.escape_ascii(), body.escape_ascii()
        );
    }

    #[test]
    fn the_first_line_is_dropped_and_nothing_else(
        splitter in prop::sample::select(SPLITTERS),
        input in odd_bytes(),
        from in from(),
    ) {
        let rest = memchr::memchr(b'\n', &input).map_or(&[][..], |at| &input[at + 1..]);
        let from = if let From::Files(_) = from { From::Files(0) } else { from };
        let output = received(&[splitter, &["--skip-first-line"]].concat(), &input, from).concat();
        prop_assert!(
            output == rest,
            "{splitter:?} {from:?}\n{}\n{}", rest.escape_ascii(), output.escape_ascii()
        );
    }

    #[test]
    fn nothing_but_separators_is_taken_out(
        (options, end, start) in prop::sample::select(SEPARATORS),
        cut in prop::sample::select(&["-N1", "-N2", "-N3", "--block=1", "--block=4", "--block=9"][..]),
        input in odd_bytes(),
        from in from(),
    ) {
        let output = received(&[options, &["--pipe", "--rrs", cut]].concat(), &input, from).concat();
        let rest = input.strip_prefix(start.as_bytes()).unwrap_or(&input);
        let rest = rest.strip_suffix(end.as_bytes()).unwrap_or(rest);
        let rest = without(rest, [end, start].concat().as_bytes());
        prop_assert!(
            output == rest,
            "{options:?} {cut} {from:?}\n{}\n{}\n{}",
            input.escape_ascii(), rest.escape_ascii(), output.escape_ascii()
        );
    }

    #[test]
    fn each_record_goes_to_one_job_and_none_overtakes_another(
        router in prop::sample::select(ROUTERS),
        records in prop::collection::vec((0..7_u8, "[a-c ]{0,30}"), 0..40),
        ended in any::<bool>(),
        from in from(),
    ) {
        let records: Vec<_> = records
            .iter()
            .enumerate()
            .map(|(number, (key, words))| format!("{key} {number} {words}\n").into_bytes())
            .collect();
        let mut input = records.concat();
        if !ended {
            input.pop();
        }
        let jobs = received(router, &input, from);
        let mut last_first = Vec::new();
        for job in &jobs {
            let got: Vec<_> = lines(job).collect();
            let places: Vec<_> = got.iter().map(|line| place(line)).collect();
            prop_assert!(places.is_sorted(), "{router:?} {from:?} {jobs:?}");
            last_first.extend(got);
        }
        last_first.sort_by_key(|line| place(line));
        prop_assert!(last_first.concat() == input, "{router:?} {from:?}\n{}\n{jobs:?}", input.escape_ascii());
        if router.contains(&"--shard") || router.contains(&"--bin") {
            for key in b'0'..b'7' {
                let with_key = jobs.iter().filter(|job| lines(job).any(|line| line[0] == key));
                prop_assert!(with_key.count() <= 1, "{router:?} {} {jobs:?}", key as char);
            }
        }
    }

    #[test]
    fn a_file_is_cut_as_a_stream_is_however_far_apart_its_separators_are(
        separator in prop::sample::select(DISTANT),
        block in prop_oneof![1..100_usize, 1..100_000_usize],
        input in distances(),
    ) {
        let block = block.to_string();
        let options = [separator.0, &["--pipe", "--block", &block]].concat();
        let [stream, file] = [From::Pipe, From::Redirected].map(|from| received(&options, &input, from));
        let sizes = |jobs: &[Vec<u8>]| jobs.iter().map(Vec::len).collect::<Vec<_>>();
        prop_assert!(stream == file, "{separator:?} {block} {:?} {:?}", sizes(&stream), sizes(&file));
        prop_assert!(stream.concat() == input);
    }

    #[test]
    fn a_part_ends_at_the_first_separator_behind_its_block(
        separator in prop::sample::select(DISTANT),
        block in 1..60_000_usize,
        input in distances(),
    ) {
        let (options, end, start) = separator;
        let size = block.to_string();
        let options = [options, &["--pipepart", "--block", &size]].concat();
        let jobs = received(&options, &input, From::Files(0));
        let (mut rest, mut expected) = (&input[..], Vec::new());
        while !rest.is_empty() {
            let behind = rest.get(block..).unwrap_or_default();
            let found = memchr::memmem::find(behind, [end, start].concat().as_bytes());
            let (part, next) = rest.split_at(found.map_or(rest.len(), |at| block + at + end.len()));
            expected.push(part.len());
            rest = next;
        }
        let sizes: Vec<_> = jobs.iter().map(Vec::len).collect();
        prop_assert_eq!(sizes, expected);
        prop_assert!(jobs.concat() == input);
    }

    #[test]
    fn with_tee_each_job_gets_everything(
        input in odd_bytes(),
        block in 1..20_usize,
        jobs in 1..6_usize,
        from in from(),
    ) {
        let block = block.to_string();
        let arguments = &[":::", "a", "b", "c", "d", "e"][..=jobs];
        let got = received_with(&["--tee", "--pipe", "--block", &block], &input, from, arguments);
        prop_assert_eq!(got.len(), jobs);
        for job in got {
            prop_assert_eq!(job.escape_ascii().to_string(), input.escape_ascii().to_string());
        }
    }

    #[test]
    fn records_of_csv_are_never_torn(
        how in prop::sample::select(&["--pipe", "--pipepart"][..]),
        input in csv(),
        block in 1..20_usize,
    ) {
        let block = block.to_string();
        let jobs = received(&[how, "--csv", "--block", &block], &input, From::Files(0));
        prop_assert_eq!(jobs.concat().escape_ascii().to_string(), input.escape_ascii().to_string());
        for job in jobs {
            let quotes = memchr::memchr_iter(b'"', &job).count();
            prop_assert!(quotes.is_multiple_of(2), "{}", job.escape_ascii());
        }
    }
}
